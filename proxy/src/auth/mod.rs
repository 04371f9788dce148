//! Who calls: Cognito and other OpenID Connect tokens, and static API keys. Every refusal is a security event.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use crate::ApiError;

/// A caller whose token or key was verified. Limits, ledger and log know callers by [`Caller::id`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Caller {
    /// `sub` of the token, or the name of the API key. Never anything that the caller may choose.
    pub id: Arc<str>,
    /// `client_id` or `azp` of the token.
    pub client_id: Option<Arc<str>>,
    /// `cognito:groups`, `groups`, or the groups of the API key.
    pub groups: Vec<String>,
}

/// A refused credential: what the client hears, and what the security log may say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// 401 with `invalid_api_key` or 403 for a missing scope.
    pub error: ApiError,
    /// What happened.
    pub event: SecurityEvent,
}

/// A line of the security log in OWASP's vocabulary. Holds facts of the token such as `kid`, never the token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecurityEvent {
    /// `authn_token_invalid`, `authn_token_missing`, `authz_fail`, ...: an event of OWASP's logging vocabulary.
    pub name: &'static str,
    /// Why, from a closed list: `expired`, `unknown_kid`, `wrong_issuer`, ...
    pub reason: &'static str,
    /// More facts: `kid`, `iss`, `jti`, `client_id`; cut to a harmless length, control characters escaped.
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
