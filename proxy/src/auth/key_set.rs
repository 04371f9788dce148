//! What an issuer publishes, parsed: the discovery document and the key set (RFC 7517). Pure.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

/// The port asks for no more either; this holds for every adapter.
const MAX_DOCUMENT_BYTES: usize = 256 * 1024;

/// Issuers publish two or three keys; Cognito two.
const MAX_KEYS: usize = 64;

/// RSA below 2048 bits is forgeable, above 8192 a verification is a burden (and the library refuses both).
const RSA_MODULUS_BYTES: std::ops::RangeInclusive<usize> = 256..=1024;

/// Why a document is of no use. Each has a page in `runbooks/`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum DocumentError {
    /// No answer, or an answer that is not a document.
    #[error("`{url}` cannot be fetched: {why}")]
    Fetch { url: String, why: String },
    #[error("`{url}` is not a usable document: {why}")]
    Form { url: String, why: String },
    /// A discovery document of somebody else.
    #[error("the discovery document names the issuer `{found}` instead of `{expected}`")]
    Issuer { expected: String, found: String },
    #[error("`{url}` holds no RS256 or ES256 key with a `kid` that may verify signatures")]
    NoKeys { url: String },
}

impl DocumentError {
    /// The finding code for the log.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Fetch { .. } => "SRE-PROXY-060",
            Self::Form { .. } => "SRE-PROXY-061",
            Self::Issuer { .. } => "SRE-PROXY-062",
            Self::NoKeys { .. } => "SRE-PROXY-063",
        }
    }
}

/// A public key that may verify tokens.
#[derive(Clone)]
pub(super) struct Key {
    pub(super) kid: String,
    pub(super) algorithm: Algorithm,
    pub(super) public: DecodingKey,
    /// What the key is made of, to see whether a new set differs from the old one.
    material: (String, String),
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        (&self.kid, self.algorithm, &self.material) == (&other.kid, other.algorithm, &other.material)
    }
}

#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

#[derive(Deserialize)]
struct Jwks {
    keys: Vec<Value>,
}

/// Where the discovery document of an issuer is (OpenID Connect Discovery 4.1).
pub(super) fn discovery_url(issuer: &str) -> String {
    format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'))
}

/// The `jwks_uri` of a discovery document, which has to be the one of this very issuer and must not lead from `https`
/// to plain `http`.
pub(super) fn jwks_uri(issuer: &str, url: &str, body: &[u8]) -> Result<String, DocumentError> {
    let found: Discovery = parse(url, body)?;
    if found.issuer != issuer {
        return Err(DocumentError::Issuer { expected: issuer.to_owned(), found: printable(&found.issuer) });
    }
    let plain_allowed = issuer.starts_with("http://");
    if found.jwks_uri.starts_with("https://") || (plain_allowed && found.jwks_uri.starts_with("http://")) {
        return Ok(found.jwks_uri);
    }
    Err(DocumentError::Form { url: url.to_owned(), why: "its `jwks_uri` is not `https`".to_owned() })
}

/// The usable keys of a set. Keys of other kinds, for encryption or without `kid` are left out: an issuer may publish
/// what it likes.
pub(super) fn keys(url: &str, body: &[u8]) -> Result<Vec<Key>, DocumentError> {
    let set: Jwks = parse(url, body)?;
    let mut keys: Vec<Key> = Vec::new();
    for value in set.keys.iter().take(MAX_KEYS) {
        if let Some(key) = key(value)
            && !keys.iter().any(|known| known.kid == key.kid)
        {
            keys.push(key);
        }
    }
    if keys.is_empty() {
        return Err(DocumentError::NoKeys { url: url.to_owned() });
    }
    Ok(keys)
}

fn parse<'a, T: Deserialize<'a>>(url: &str, body: &'a [u8]) -> Result<T, DocumentError> {
    let form = |why: String| DocumentError::Form { url: url.to_owned(), why };
    if body.len() > MAX_DOCUMENT_BYTES {
        return Err(form("it is larger than 256 KiB".to_owned()));
    }
    // The text of serde's error may quote the document, which may come from anywhere.
    serde_json::from_slice(body)
        .map_err(|error| form(format!("line {}: not what it should be", error.line())))
}

/// Text of a foreign document for a message.
fn printable(text: &str) -> String {
    text.chars().take(200).filter(|character| !character.is_control()).collect()
}

fn key(value: &Value) -> Option<Key> {
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    let kid = text("kid").filter(|kid| !kid.is_empty() && kid.len() <= 256)?;
    if text("use").is_some_and(|use_| use_ != "sig") || !may_verify(value) {
        return None;
    }
    let (algorithm, material) = match text("kty")? {
        "RSA" => (Algorithm::RS256, (text("n")?, text("e")?)),
        "EC" if text("crv")? == "P-256" => (Algorithm::ES256, (text("x")?, text("y")?)),
        _ => return None,
    };
    let name = if algorithm == Algorithm::RS256 { "RS256" } else { "ES256" };
    if text("alg").is_some_and(|alg| alg != name) {
        return None;
    }
    let (first, second) = (decode(material.0)?, decode(material.1)?);
    let public = if algorithm == Algorithm::RS256 {
        RSA_MODULUS_BYTES
            .contains(&first.len())
            .then(|| DecodingKey::from_rsa_raw_components(&first, &second))?
    } else {
        let sound = first.len() == 32 && second.len() == 32;
        sound.then(|| DecodingKey::from_ec_components(material.0, material.1).ok())??
    };
    let material = (material.0.to_owned(), material.1.to_owned());
    Some(Key { kid: kid.to_owned(), algorithm, public, material })
}

fn may_verify(value: &Value) -> bool {
    match value.get("key_ops") {
        None => true,
        Some(operations) => {
            operations.as_array().is_some_and(|list| list.iter().any(|operation| operation == "verify"))
        }
    }
}

fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}
