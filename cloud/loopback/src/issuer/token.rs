//! JSON Web Tokens: good ones, and the ones that a verifier has to refuse.

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use serde_json::{Value, json};

use super::keys::Key;
use crate::json::set;

/// A way in which a token is not what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forgery {
    /// Signed by a key that the issuer does not have, under the name of one that it has.
    OtherKey,
    /// Signed by a key that the issuer does not have, under that key's own name.
    UnknownKey,
    /// Signed by a key that the issuer does not have, which the header brings along (`jwk`).
    KeyInHeader,
    /// No `kid` at all.
    NoKeyId,
    /// `alg` is `none`, without signature.
    AlgorithmNone,
    /// `alg` is `HS256`, with the public key as the shared secret.
    PublicKeyAsSecret,
    /// A right token in which one claim was changed after it was signed.
    ChangedClaims,
    /// A right token without its signature.
    NoSignature,
    /// A header parameter that has to be understood (`crit`) and is not.
    Critical,
}

impl Forgery {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::OtherKey,
        Self::UnknownKey,
        Self::KeyInHeader,
        Self::NoKeyId,
        Self::AlgorithmNone,
        Self::PublicKeyAsSecret,
        Self::ChangedClaims,
        Self::NoSignature,
        Self::Critical,
    ];
}

/// A token with these claims, signed by `key`.
pub(crate) fn signed(key: &Key, claims: &Value) -> String {
    with_header(key, &json!({"kid": key.kid, "alg": key.algorithm()}), claims)
}

/// A token that no verifier may accept. `stranger` is a key that the issuer of `key` does not publish.
pub(crate) fn forged(how: Forgery, key: &Key, stranger: &Key, claims: &Value) -> String {
    let alg = key.algorithm();
    match how {
        Forgery::OtherKey => with_header(stranger, &json!({"kid": key.kid, "alg": alg}), claims),
        Forgery::UnknownKey => signed(stranger, claims),
        Forgery::KeyInHeader => {
            with_header(stranger, &json!({"kid": stranger.kid, "alg": alg, "jwk": stranger.jwk()}), claims)
        }
        Forgery::NoKeyId => with_header(key, &json!({"alg": alg}), claims),
        Forgery::AlgorithmNone => {
            format!("{}.{}.", encoded(&json!({"kid": key.kid, "alg": "none"})), encoded(claims))
        }
        Forgery::PublicKeyAsSecret => {
            let message =
                format!("{}.{}", encoded(&json!({"kid": key.kid, "alg": "HS256"})), encoded(claims));
            let secret = hmac::Key::new(hmac::HMAC_SHA256, key.jwk().to_string().as_bytes());
            format!("{message}.{}", BASE64.encode(hmac::sign(&secret, message.as_bytes())))
        }
        Forgery::ChangedClaims => {
            let right = signed(key, claims);
            let mut changed = claims.clone();
            set(&mut changed, "sub", "somebody-else");
            let mut parts = right.split('.');
            let (header, signature) = (parts.next().unwrap_or_default(), parts.nth(1).unwrap_or_default());
            format!("{header}.{}.{signature}", encoded(&changed))
        }
        Forgery::NoSignature => {
            let right = signed(key, claims);
            right.rsplit_once('.').map_or_else(String::new, |(message, _)| format!("{message}."))
        }
        Forgery::Critical => {
            let header = json!({"kid": key.kid, "alg": alg, "crit": ["example"], "example": true});
            with_header(key, &header, claims)
        }
    }
}

fn with_header(key: &Key, header: &Value, claims: &Value) -> String {
    let message = format!("{}.{}", encoded(header), encoded(claims));
    let signature = key.sign(message.as_bytes());
    format!("{message}.{}", BASE64.encode(signature))
}

fn encoded(value: &Value) -> String {
    BASE64.encode(value.to_string())
}
