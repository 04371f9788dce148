//! Who calls: Cognito and other OpenID Connect tokens, and static API keys. Every refusal is a security event.
//!
//! [`Authenticator`] is the door. Behind it tokens are parsed and judged without IO, the key cache fetches what
//! issuers publish, and tokens that were verified are remembered until they expire.

use std::{fmt::Write as _, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use model::security::Kind;

use crate::ApiError;

mod api_key;
mod authenticator;
mod claims;
mod event;
mod issuer;
mod key_set;
mod reason;
mod remembered;
#[cfg(test)]
mod tests;
mod token;

pub use api_key::generate;
pub use authenticator::{Authenticator, NotReady};

/// A caller whose token or key was verified. Limits, ledger and log know callers by [`Caller::id`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Caller {
    /// `sub:SUB` for a token of the first issuer of the configuration, `sub:SUB@ISSUER` for one of another, `key:NAME`
    /// for an API key: no two principals share an id, whatever an issuer puts into `sub`.
    /// Never anything that the caller may choose.
    pub id: Arc<str>,
    /// `client_id` or `azp` of the token.
    pub client_id: Option<Arc<str>>,
    /// `cognito:groups`, `groups`, or the groups of the API key.
    pub groups: Vec<String>,
}

impl Caller {
    /// The id of whoever holds the API key of this name.
    pub fn id_of_key(name: &str) -> String {
        format!("key:{name}")
    }

    /// The id of a subject of the first issuer; `@` and whatever does not print in `sub` are percent-encoded, so that
    /// a `sub` cannot look like that of another issuer. The `sub`s of Cognito stay as they are.
    pub fn id_of_subject(sub: &str) -> String {
        let mut id = String::with_capacity(sub.len().saturating_add(4));
        id.push_str("sub:");
        for byte in sub.bytes() {
            if byte.is_ascii_graphic() && !matches!(byte, b'@' | b'%') {
                id.push(char::from(byte));
            } else {
                // Writing into a string cannot fail.
                let _ = write!(id, "%{byte:02X}");
            }
        }
        id
    }

    /// The id of a subject of an issuer that is not the first.
    pub fn id_of_subject_at(sub: &str, issuer: &str) -> String {
        format!("{}@{issuer}", Self::id_of_subject(sub))
    }
}

/// A refused credential: what the client hears, and what the security log may say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// 401 with `invalid_api_key`, 403 for a missing scope, 503 where the keys of the issuer cannot be had.
    pub error: ApiError,
    /// What happened.
    pub event: SecurityEvent,
}

/// What a request was refused for, as the security log tells it. Holds facts of the token such as `kid`, never the token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecurityEvent {
    /// The vocabulary has no finer words for tokens; [`SecurityEvent::reason`] is finer.
    pub kind: Kind,
    /// Why, from a closed list: `expired`, `unknown_kid`, `wrong_issuer`, ...
    pub reason: &'static str,
    /// More facts: `kid`, `iss`, `jti`, `client_id`, as the token says them.
    pub facts: Vec<(&'static str, String)>,
}

/// Fetches the documents of issuers. The adapter is in [`crate::upstream`].
#[async_trait]
pub trait FetchDocument: Send + Sync {
    /// The body of a GET, at most 256 KiB of it, within a few seconds, redirects not followed.
    async fn fetch(&self, url: &str) -> Result<Bytes, FetchError>;
}

/// Why a document could not be had. Lower-case fragment, for the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FetchError(pub String);
