//! A token and the keys that an issuer publishes, as far as a check has to read them (RFC 7515, 7517 and 7519).

use aws_lc_rs::signature::{self, RsaPublicKeyComponents, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::Value;

/// The keys of an issuer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct KeySet {
    pub(crate) keys: Vec<Key>,
}

/// A published key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Key {
    pub(crate) kty: String,
    pub(crate) kid: String,
    pub(crate) alg: String,
    #[serde(rename = "use")]
    pub(crate) usage: Option<String>,
    n: String,
    e: String,
    x: String,
    y: String,
}

/// The smallest RSA key that RS256 may be used with, bits (RFC 7518, section 3.3).
const LEAST_RSA_BITS: usize = 2048;

impl Key {
    /// Why a verifier could not use it.
    pub(crate) fn fault(&self) -> Option<String> {
        if self.kid.is_empty() {
            return Some("it has no `kid`".to_owned());
        }
        if self.usage.as_deref().is_some_and(|usage| usage != "sig") {
            return Some("its `use` is not `sig`".to_owned());
        }
        let bytes = |text: &str| decode(text).filter(|bytes| !bytes.is_empty());
        match (self.kty.as_str(), self.alg.as_str()) {
            ("RSA", "RS256") => match (bytes(&self.n), bytes(&self.e)) {
                (Some(n), Some(_)) if n.len().saturating_mul(8) >= LEAST_RSA_BITS => None,
                (Some(_), Some(_)) => Some(format!("it is an RSA key of less than {LEAST_RSA_BITS} bits")),
                _ => Some("its `n` or `e` is not base64url".to_owned()),
            },
            ("EC", "ES256") => match (bytes(&self.x), bytes(&self.y)) {
                (Some(x), Some(y)) if x.len() == 32 && y.len() == 32 => None,
                _ => Some("its `x` or `y` is not of P-256".to_owned()),
            },
            (kty, alg) => Some(format!(
                "its `kty` and `alg` are `{}` and `{}`, which the proxy does not take",
                crate::endpoint::excerpt(kty.as_bytes()),
                crate::endpoint::excerpt(alg.as_bytes())
            )),
        }
    }

    fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match self.kty.as_str() {
            "RSA" => match (decode(&self.n), decode(&self.e)) {
                (Some(n), Some(e)) => RsaPublicKeyComponents { n, e }
                    .verify(&signature::RSA_PKCS1_2048_8192_SHA256, message, signature)
                    .is_ok(),
                _ => false,
            },
            "EC" => match (decode(&self.x), decode(&self.y)) {
                (Some(x), Some(y)) => {
                    // SEC 1, section 2.3.3: an uncompressed point.
                    let point: Vec<u8> = [4].into_iter().chain(x).chain(y).collect();
                    UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, point)
                        .verify(message, signature)
                        .is_ok()
                }
                _ => false,
            },
            _ => false,
        }
    }
}

fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// What a token says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Read {
    pub(crate) kid: Option<String>,
    pub(crate) alg: Option<String>,
    /// Whether it wants something understood that a verifier may not know (RFC 7515, section 4.1.11).
    pub(crate) is_critical: bool,
    pub(crate) claims: Claims,
}

/// What a token claims.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(crate) struct Claims {
    pub(crate) iss: Option<String>,
    pub(crate) client_id: Option<String>,
    pub(crate) token_use: Option<String>,
    pub(crate) scope: Option<String>,
    pub(crate) exp: Option<i64>,
    pub(crate) iat: Option<i64>,
}

/// Reads a token without trusting it. The error never quotes it.
pub(crate) fn read(token: &str) -> Result<Read, &'static str> {
    let mut parts = token.split('.');
    let (Some(header), Some(claims), Some(_), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err("it has not the three parts of a JWT");
    };
    let header: Value = decode(header)
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .ok_or("its header is not the JSON of a JWT")?;
    let claims = decode(claims)
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .ok_or("its claims are not the JSON of a JWT")?;
    let text = |name: &str| header.get(name).and_then(Value::as_str).map(str::to_owned);
    Ok(Read { kid: text("kid"), alg: text("alg"), is_critical: header.get("crit").is_some(), claims })
}

/// Whether a published key signed the token; why not.
pub(crate) fn verify(token: &str, keys: &KeySet) -> Result<(), &'static str> {
    let head = read(token)?;
    if head.is_critical {
        return Err("its header names extensions that have to be understood");
    }
    let kid = head.kid.ok_or("its header names no `kid`")?;
    let key = keys.keys.iter().find(|key| key.kid == kid).ok_or("its `kid` is none of the published ones")?;
    if head.alg.as_deref() != Some(key.alg.as_str()) {
        return Err("its `alg` is not that of the published key");
    }
    let (message, signature) = token.rsplit_once('.').ok_or("it has no signature")?;
    let signature = decode(signature).ok_or("its signature is not base64url")?;
    if key.verifies(message.as_bytes(), &signature) {
        Ok(())
    } else {
        Err("its signature is not of the published key")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn nothing_that_a_stranger_writes_is_a_signed_token(token in "[A-Za-z0-9_.=-]{0,80}|\\PC{0,40}", kid in ".{0,5}") {
            let keys = KeySet { keys: vec![Key { kid, kty: "RSA".to_owned(), alg: "RS256".to_owned(), ..Key::default() }] };
            prop_assert!(verify(&token, &keys).is_err());
            prop_assert!(keys.keys[0].fault().is_some());
        }
    }
}
