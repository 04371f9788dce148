//! What callers with good, bad and strange credentials get. Here: an issuer that signs and publishes what it is told.
#![expect(clippy::arithmetic_side_effects, reason = "small numbers")]

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use aws_lc_rs::{
    rand::SystemRandom,
    rsa::KeySize,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::HeaderValue;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::{Authenticator, Caller, Denial, FetchDocument, FetchError};
use crate::config::{Auth, Issuer};

mod cognito;
mod events;
mod issuers;
mod properties;
mod tokens;

const POOL: &str = "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_EXAMPLE";
const NOW: i64 = 1_800_000_000;

fn at(seconds_later: i64) -> Timestamp {
    Timestamp::from_second(NOW + seconds_later).unwrap()
}

/// A private key of an issuer.
struct Signer {
    kid: String,
    key: SigningKey,
}

enum SigningKey {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
}

impl Signer {
    fn rsa(kid: &str) -> Self {
        Self { kid: kid.to_owned(), key: SigningKey::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()) }
    }

    fn ec(kid: &str) -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        Self { kid: kid.to_owned(), key: SigningKey::Ec(key) }
    }

    fn alg(&self) -> &'static str {
        match self.key {
            SigningKey::Rsa(_) => "RS256",
            SigningKey::Ec(_) => "ES256",
        }
    }

    /// The public key as a member of a key set.
    fn jwk(&self) -> Value {
        match &self.key {
            SigningKey::Rsa(_) => {
                json!({"kty": "RSA", "alg": "RS256", "use": "sig", "kid": self.kid,
                    "n": base64(&self.modulus()), "e": "AQAB"})
            }
            SigningKey::Ec(key) => {
                let point = key.public_key().as_ref();
                json!({"kty": "EC", "crv": "P-256", "kid": self.kid,
                    "x": base64(&point[1..33]), "y": base64(&point[33..])})
            }
        }
    }

    fn modulus(&self) -> Vec<u8> {
        let SigningKey::Rsa(key) = &self.key else { panic!("not RSA") };
        // RFC 8017 A.1.1, 2048 bits: two headers of four bytes, a zero, the modulus, the exponent.
        key.public_key().as_ref()[9..265].to_vec()
    }

    /// A token of exactly this text.
    fn sign(&self, header: &str, payload: &str) -> String {
        let message = format!("{}.{}", base64(header.as_bytes()), base64(payload.as_bytes()));
        let random = SystemRandom::new();
        let signature = match &self.key {
            SigningKey::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, message.as_bytes(), &mut signature).unwrap();
                signature
            }
            SigningKey::Ec(key) => key.sign(&random, message.as_bytes()).unwrap().as_ref().to_vec(),
        };
        format!("{message}.{}", base64(&signature))
    }

    fn token(&self, claims: &Value) -> String {
        let header = json!({"alg": self.alg(), "kid": self.kid});
        self.sign(&header.to_string(), &claims.to_string())
    }
}

fn base64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// What Cognito says for a machine, good for an hour.
fn claims() -> Value {
    json!({
        "sub": "3n4b5urk1ft4fl3mg5e62d9ado", "token_use": "access", "scope": "sre-agent-api/read sre-agent-api/write",
        "auth_time": NOW, "iss": POOL, "exp": NOW + 3600, "iat": NOW, "version": 2,
        "jti": "7b3f", "client_id": "3n4b5urk1ft4fl3mg5e62d9ado",
    })
}

/// The claims with some replaced; null takes one out.
fn claims_with(changes: &Value) -> Value {
    let mut claims = claims();
    for (name, value) in changes.as_object().unwrap() {
        let members = claims.as_object_mut().unwrap();
        if value.is_null() {
            members.remove(name);
        } else {
            members.insert(name.clone(), value.clone());
        }
    }
    claims
}

/// Serves documents and counts.
#[derive(Default)]
struct Web {
    documents: Mutex<HashMap<String, String>>,
    fetched: Mutex<Vec<String>>,
    /// If there is one, each fetch waits for a permit.
    gate: Option<Semaphore>,
}

impl Web {
    fn of(signers: &[&Signer]) -> Arc<Self> {
        let web = Arc::new(Self::default());
        web.publish(POOL, signers);
        web
    }

    fn publish(&self, issuer: &str, signers: &[&Signer]) {
        let keys: Vec<Value> = signers.iter().map(|signer| signer.jwk()).collect();
        let jwks = format!("{issuer}/.well-known/jwks.json");
        self.put(&jwks, &json!({"keys": keys}));
        let discovery = format!("{issuer}/.well-known/openid-configuration");
        self.put(&discovery, &json!({"issuer": issuer, "jwks_uri": jwks}));
    }

    fn put(&self, url: &str, document: &Value) {
        self.documents.lock().unwrap().insert(url.to_owned(), document.to_string());
    }

    fn break_down(&self) {
        self.documents.lock().unwrap().clear();
    }

    /// How many key sets were fetched.
    fn fetches(&self) -> usize {
        self.fetched.lock().unwrap().iter().filter(|url| url.ends_with("jwks.json")).count()
    }
}

#[async_trait]
impl FetchDocument for Web {
    async fn fetch(&self, url: &str) -> Result<Bytes, FetchError> {
        self.fetched.lock().unwrap().push(url.to_owned());
        if let Some(gate) = &self.gate {
            gate.acquire().await.unwrap().forget();
        }
        let document = self.documents.lock().unwrap().get(url).cloned();
        document.map(Bytes::from).ok_or_else(|| FetchError("connection refused".to_owned()))
    }
}

fn policy() -> Issuer {
    Issuer {
        issuer: POOL.to_owned(),
        jwks_uri: None,
        client_ids: vec!["3n4b5urk1ft4fl3mg5e62d9ado".to_owned()],
        audiences: Vec::new(),
        required_scopes: vec!["sre-agent-api/read".to_owned()],
        token_use: Some("access".to_owned()),
    }
}

fn auth(issuers: Vec<Issuer>) -> Auth {
    Auth { issuers, api_keys: Vec::new(), leeway: Duration::from_secs(30) }
}

fn authenticator(web: &Arc<Web>) -> Authenticator {
    Authenticator::new(&auth(vec![policy()]), Arc::clone(web) as Arc<dyn FetchDocument>)
}

fn bearer(token: &str) -> HeaderValue {
    HeaderValue::try_from(format!("Bearer {token}")).unwrap()
}

async fn ask(door: &Authenticator, token: &str, now: Timestamp) -> Result<Arc<Caller>, Denial> {
    door.authenticate(Some(&bearer(token)), now).await
}

async fn reason(door: &Authenticator, token: &str, now: Timestamp) -> &'static str {
    ask(door, token, now).await.map_or_else(|denial| denial.event.reason, |_| "accepted")
}
