//! What admitting and settling a request costs in memory, with one caller and with ten thousand; and what knowing a
//! caller by a token costs that was verified before.
//!
//! Run with `cargo bench -p proxy --bench limits`. Both should stay near a microsecond, whatever the number of callers.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a bench may stop")]

use std::{hint::black_box, sync::Arc, time::Duration};

use async_trait::async_trait;
use aws_lc_rs::{
    rand::SystemRandom,
    rsa::KeySize,
    signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use futures::FutureExt as _;
use http::HeaderValue;
use jiff::Timestamp;
use proxy::{
    auth::{Authenticator, FetchDocument, FetchError, generate},
    config::{self, ApiKey, Auth, Quota},
    limits::{Limiter as _, MemoryLimiter},
};

const QUOTA: Quota =
    Quota { requests_per_minute: u32::MAX, tokens_per_hour: u64::MAX / 2, concurrent_requests: 100 };

fn admit_and_settle(bench: &mut Criterion) {
    let mut group = bench.benchmark_group("admit and settle");
    for callers in [1_usize, 100, 10_000] {
        let names: Vec<String> = (0..callers).map(|caller| format!("sub:{caller:032x}")).collect();
        let limiter = MemoryLimiter::new();
        let mut turns = names.iter().cycle();
        let mut now = Timestamp::from_second(1_800_000_000).unwrap();
        group.bench_function(BenchmarkId::from_parameter(callers), |bencher| {
            bencher.iter(|| {
                now = now.checked_add(Duration::from_micros(50)).unwrap();
                let caller = turns.next().unwrap();
                let admitted = limiter.admit(black_box(caller), QUOTA, 4_500, now).now_or_never().unwrap();
                let settled = limiter.settle(admitted.unwrap().reservation, 700, now);
                black_box(settled.now_or_never().unwrap())
            });
        });
    }
    group.finish();
}

/// An issuer with one key.
struct Issuer(String);

#[async_trait]
impl FetchDocument for Issuer {
    async fn fetch(&self, _: &str) -> Result<Bytes, FetchError> {
        Ok(self.0.clone().into())
    }
}

/// A door for ten API keys and one issuer; one of the keys, and a token.
fn door() -> (Authenticator, String, String) {
    const ISSUER: &str = "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_EXAMPLE";
    let signer = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    // RFC 8017 A.1.1, 2048 bits: two headers of four bytes, a zero, the modulus, the exponent.
    let modulus = URL_SAFE_NO_PAD.encode(&signer.public_key().as_ref()[9..265]);
    let keys = format!(r#"{{"keys":[{{"kty":"RSA","kid":"k","n":"{modulus}","e":"AQAB"}}]}}"#);
    let claims = format!(
        r#"{{"iss":"{ISSUER}","sub":"3n4b5urk1ft4fl3mg5e62d9ado","token_use":"access","scope":"api/read api/write",
            "exp":1800003600,"iat":1800000000,"client_id":"3n4b5urk1ft4fl3mg5e62d9ado","jti":"7b3f","version":2}}"#
    );
    let header = URL_SAFE_NO_PAD.encode(r#"{"kid":"k","alg":"RS256"}"#);
    let message = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims));
    let mut signature = vec![0; signer.public_modulus_len()];
    signer.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message.as_bytes(), &mut signature).unwrap();
    let token = format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature));

    let (key, sha256) = generate([7; 32]);
    let key_of = |name: u8, sha256| ApiKey { name: name.to_string(), sha256, groups: Vec::new() };
    let api_keys = (0..9).map(|name| key_of(name, [name; 32])).chain([key_of(9, sha256)]).collect();
    let issuer = config::Issuer {
        issuer: ISSUER.to_owned(),
        jwks_uri: Some(format!("{ISSUER}/.well-known/jwks.json")),
        client_ids: Vec::new(),
        audiences: Vec::new(),
        required_scopes: vec!["api/read".to_owned()],
        token_use: Some("access".to_owned()),
    };
    let auth = Auth { issuers: vec![issuer], api_keys, leeway: Duration::ZERO };
    (Authenticator::new(&auth, Arc::new(Issuer(keys))), key.expose().clone(), token)
}

fn authenticate(bench: &mut Criterion) {
    let now = Timestamp::from_second(1_800_000_000).unwrap();
    let bearer = |credential: &str| HeaderValue::try_from(format!("Bearer {credential}")).unwrap();
    let (door, key, token) = door();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(door.ready(now)).unwrap();
    let mut group = bench.benchmark_group("authenticate");
    for (name, header) in
        [("an API key among ten", bearer(&key)), ("a token that is remembered", bearer(&token))]
    {
        group.bench_function(name, |bencher| {
            bencher
                .iter(|| door.authenticate(black_box(Some(&header)), now).now_or_never().unwrap().unwrap());
        });
    }
    let stranger = bearer(&format!("{}A", token.get(..token.len().saturating_sub(1)).unwrap()));
    group.bench_function("a token with a wrong signature", |bencher| {
        bencher
            .iter(|| door.authenticate(black_box(Some(&stranger)), now).now_or_never().unwrap().unwrap_err());
    });
    group.finish();
}

criterion_group!(benches, admit_and_settle, authenticate);
criterion_main!(benches);
