//! Signature Version 4 for the requests that the proxy itself makes.
//!
//! Those have no query, no header twice and no runs of blanks, and many of them are made with the same key on the same
//! day. Knowing that costs a third of what the general case does, which is `aws-sigv4`'s: it judges this code in the
//! tests. Source: AWS IAM User Guide, "Create a signed AWS API request".

use std::{borrow::Cow, fmt, sync::Arc};

use arc_swap::ArcSwap;
use aws_credential_types::Credentials;
use aws_lc_rs::{
    digest::{self, SHA256},
    hmac::{self, HMAC_SHA256},
};
use http::{HeaderName, HeaderValue, Request, Uri, header};
use jiff::{Timestamp, tz::Offset};
use model::{Secret, hex};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

const DATE: HeaderName = HeaderName::from_static("x-amz-date");
const TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");

/// What the grammar of RFC 3986 calls unreserved stays as it is; so do slashes, which separate.
const CANONICAL_PATH: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// Credentials ready to sign with. Signing keys are derived once for each day, Region and service.
pub struct SigningKeys {
    access_key_id: String,
    secret_access_key: Secret<String>,
    session_token: Option<HeaderValue>,
    derived: ArcSwap<Vec<Arc<DerivedKey>>>,
}

/// A key that is good for one day in one Region and service.
struct DerivedKey {
    /// `20260131/us-east-1/bedrock/aws4_request`
    scope: String,
    key: hmac::Key,
}

/// What a signature is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope<'a> {
    /// `us-east-1`
    pub region: &'a str,
    /// `bedrock`
    pub service: &'a str,
}

/// A request or credentials that no header can carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not fit into a header")]
pub struct Unsignable;

impl fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKeys").field("access_key_id", &self.access_key_id).finish_non_exhaustive()
    }
}

impl SigningKeys {
    /// Keys of these credentials; refused if their session token fits into no header.
    pub fn new(credentials: &Credentials) -> Result<Self, Unsignable> {
        let token = |text| HeaderValue::from_str(text).map_err(|_| Unsignable);
        let mut session_token = credentials.session_token().map(token).transpose()?;
        if let Some(token) = &mut session_token {
            token.set_sensitive(true);
        }
        Ok(Self {
            access_key_id: credentials.access_key_id().to_owned(),
            secret_access_key: Secret::new(credentials.secret_access_key().to_owned()),
            session_token,
            derived: ArcSwap::default(),
        })
    }

    /// Adds `x-amz-date`, `x-amz-security-token` and `authorization`; everything that is in the request is signed.
    pub fn sign<B>(
        &self,
        request: &mut Request<B>,
        body: &[u8],
        scope: Scope<'_>,
        now: Timestamp,
    ) -> Result<(), Unsignable> {
        let date = DateTime::of(now);
        let key = self.key(scope, date.day());
        let date_value = HeaderValue::from_str(date.as_str()).map_err(|_| Unsignable)?;
        request.headers_mut().insert(DATE, date_value);
        if let Some(token) = &self.session_token {
            request.headers_mut().insert(TOKEN, token.clone());
        }
        let (canonical, signed_headers) = canonical_digest(request, body);
        let mut to_sign = hmac::Context::with_key(&key.key);
        for part in ["AWS4-HMAC-SHA256\n", date.as_str(), "\n", &key.scope, "\n", &canonical] {
            to_sign.update(part.as_bytes());
        }
        let signature = hex::encode(to_sign.sign().as_ref());
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={}/{}, SignedHeaders={signed_headers}, Signature={signature}",
            self.access_key_id, key.scope
        );
        let mut authorization = HeaderValue::from_str(&authorization).map_err(|_| Unsignable)?;
        authorization.set_sensitive(true);
        request.headers_mut().insert(header::AUTHORIZATION, authorization);
        Ok(())
    }

    /// The key of the day; derived if this is the first request that needs it.
    fn key(&self, scope: Scope<'_>, day: &str) -> Arc<DerivedKey> {
        let known = self.derived.load();
        if let Some(key) = known.iter().find(|key| key.is_for(scope, day)) {
            return Arc::clone(key);
        }
        let new = Arc::new(self.derive(scope, day));
        // Keys of other days are over. Two requests that do this at once cost one derivation more, nothing else.
        let mut keys: Vec<_> = known.iter().filter(|key| key.scope.starts_with(day)).cloned().collect();
        keys.push(Arc::clone(&new));
        self.derived.store(Arc::new(keys));
        new
    }

    fn derive(&self, scope: Scope<'_>, day: &str) -> DerivedKey {
        let mut key = format!("AWS4{}", self.secret_access_key.expose()).into_bytes();
        for part in [day, scope.region, scope.service, "aws4_request"] {
            key = hmac::sign(&hmac::Key::new(HMAC_SHA256, &key), part.as_bytes()).as_ref().to_vec();
        }
        let scope = format!("{day}/{}/{}/aws4_request", scope.region, scope.service);
        DerivedKey { scope, key: hmac::Key::new(HMAC_SHA256, &key) }
    }
}

impl DerivedKey {
    fn is_for(&self, scope: Scope<'_>, day: &str) -> bool {
        let mut parts = self.scope.split('/');
        parts.next() == Some(day) && parts.next() == Some(scope.region) && parts.next() == Some(scope.service)
    }
}

/// The digest of the canonical request, in hexadecimal, and the names of the signed headers.
fn canonical_digest<B>(request: &Request<B>, body: &[u8]) -> (String, String) {
    let host = host(request.uri());
    let mut headers: Vec<(&str, &[u8])> =
        request.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    headers.push(("host", host.as_bytes()));
    headers.sort_unstable_by_key(|(name, _)| *name);

    let mut context = digest::Context::new(&SHA256);
    context.update(request.method().as_str().as_bytes());
    context.update(b"\n");
    // The path is encoded already; the canonical one is encoded once more. There is no query.
    for piece in utf8_percent_encode(request.uri().path(), CANONICAL_PATH) {
        context.update(piece.as_bytes());
    }
    context.update(b"\n\n");
    let mut names = String::with_capacity(64);
    for (name, value) in headers {
        for part in [name.as_bytes(), b":", value.trim_ascii(), b"\n"] {
            context.update(part);
        }
        if !names.is_empty() {
            names.push(';');
        }
        names.push_str(name);
    }
    let body = hex::encode(digest::digest(&SHA256, body).as_ref());
    for part in ["\n", &names, "\n", &body] {
        context.update(part.as_bytes());
    }
    (hex::encode(context.finish().as_ref()), names)
}

/// What the `host` header says: the port only where it is not the scheme's own.
fn host(uri: &Uri) -> Cow<'_, str> {
    let host = uri.host().unwrap_or_default();
    match (uri.scheme_str(), uri.port_u16()) {
        (_, None) | (Some("http"), Some(80)) | (Some("https"), Some(443)) => Cow::Borrowed(host),
        (_, Some(port)) => Cow::Owned(format!("{host}:{port}")),
    }
}

/// A time in ISO 8601's basic format, `20260131T235959Z`.
struct DateTime(String);

impl DateTime {
    fn of(time: Timestamp) -> Self {
        let time = Offset::UTC.to_datetime(time);
        Self(format!(
            "{:04}{:02}{:02}T{:02}{:02}{:02}Z",
            time.year(),
            time.month(),
            time.day(),
            time.hour(),
            time.minute(),
            time.second()
        ))
    }

    fn as_str(&self) -> &str {
        &self.0
    }

    /// `20260131`
    fn day(&self) -> &str {
        self.0.get(..8).unwrap_or_default()
    }
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "times and counts of tests")]
mod tests;
