//! The `Authorization` header: nobody whose key the issuer has not published is let in.

#![no_main]

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use http::HeaderValue;
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use proxy::{
    auth::{Authenticator, FetchDocument, FetchError},
    config::{Auth, Issuer},
};

/// An issuer that has published no key.
struct NoKeys;

#[async_trait]
impl FetchDocument for NoKeys {
    async fn fetch(&self, _: &str) -> Result<Bytes, FetchError> {
        Ok(Bytes::from_static(br#"{"keys":[]}"#))
    }
}

fuzz_target!(|token: &[u8]| {
    let header = [b"Bearer ", token].concat();
    let Ok(header) = HeaderValue::from_bytes(&header) else { return };
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_time().build() else { return };
    let issuer = "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_example";
    let auth = Auth {
        issuers: vec![Issuer {
            issuer: issuer.to_owned(),
            jwks_uri: Some(format!("{issuer}/.well-known/jwks.json")),
            client_ids: Vec::new(),
            audiences: Vec::new(),
            required_scopes: Vec::new(),
            token_use: Some("access".to_owned()),
        }],
        api_keys: Vec::new(),
        leeway: Duration::from_secs(30),
    };
    let judged = runtime.block_on(async {
        Authenticator::new(&auth, Arc::new(NoKeys)).authenticate(Some(&header), Timestamp::UNIX_EPOCH).await
    });
    assert!(judged.is_err(), "somebody was let in");
});
