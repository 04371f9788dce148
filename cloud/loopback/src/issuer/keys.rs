//! Keys that tokens are signed with, and their public halves as JSON Web Keys (RFC 7517).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, UnparsedPublicKey,
};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use serde_json::{Value, json};

use super::Algorithm;
use crate::json::set;
use crate::server::StartError;

/// A signing key and its name.
pub(crate) struct Key {
    pub(crate) kid: String,
    secret: Secret,
    public: Value,
}

enum Secret {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
}

/// RSA keys of this process by number: making one takes long, and nothing that is tested depends on their being new.
static RSA: Mutex<BTreeMap<usize, Arc<Key>>> = Mutex::new(BTreeMap::new());

impl Key {
    /// The key with this number: the same again for RSA, a new one for elliptic curves.
    pub(crate) fn numbered(algorithm: Algorithm, number: usize) -> Result<Arc<Self>, StartError> {
        match algorithm {
            Algorithm::Es256 => Self::ec().ok_or(StartError::Keys).map(Arc::new),
            Algorithm::Rs256 => {
                let mut known = RSA.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(key) = known.get(&number) {
                    return Ok(Arc::clone(key));
                }
                let key = Arc::new(Self::rsa().ok_or(StartError::Keys)?);
                known.insert(number, Arc::clone(&key));
                Ok(key)
            }
        }
    }

    fn rsa() -> Option<Self> {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).ok()?;
        let public = pair.public_key();
        let n = BASE64.encode(public.modulus().big_endian_without_leading_zero());
        let e = BASE64.encode(public.exponent().big_endian_without_leading_zero());
        let public = json!({"kty": "RSA", "n": n, "e": e, "alg": "RS256", "use": "sig"});
        Some(Self::named(Secret::Rsa(pair), public))
    }

    fn ec() -> Option<Self> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).ok()?;
        // Uncompressed: the byte 4, then both coordinates (SEC 1, 2.3.3).
        let (x, y) = pair.public_key().as_ref().get(1..)?.split_at_checked(32)?;
        let (x, y) = (BASE64.encode(x), BASE64.encode(y));
        let public = json!({"kty": "EC", "crv": "P-256", "x": x, "y": y, "alg": "ES256", "use": "sig"});
        Some(Self::named(Secret::Ec(pair), public))
    }

    fn named(secret: Secret, mut public: Value) -> Self {
        let kid = BASE64.encode(digest(&SHA256, public.to_string().as_bytes()));
        set(&mut public, "kid", kid.clone());
        Self { kid, secret, public }
    }

    /// The public half, with `kid`, `alg` and `use`.
    pub(crate) fn jwk(&self) -> &Value {
        &self.public
    }

    /// `alg` of the tokens that it signs.
    pub(crate) fn algorithm(&self) -> &'static str {
        match self.secret {
            Secret::Rsa(_) => "RS256",
            Secret::Ec(_) => "ES256",
        }
    }

    /// Whether this key signed a message.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let verified = match &self.secret {
            Secret::Rsa(pair) => UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public_key())
                .verify(message, signature),
            Secret::Ec(pair) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, pair.public_key()).verify(message, signature)
            }
        };
        verified.is_ok()
    }

    /// The signature of a message, as RFC 7515 wants it; empty where the library has no randomness.
    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.secret {
            Secret::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                match pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature) {
                    Ok(()) => signature,
                    Err(_) => Vec::new(),
                }
            }
            Secret::Ec(pair) => {
                pair.sign(&random, message).map_or_else(|_| Vec::new(), |s| s.as_ref().to_vec())
            }
        }
    }
}
