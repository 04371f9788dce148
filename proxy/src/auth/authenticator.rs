//! The door: a header in, a caller or a refusal out.

use std::sync::Arc;

use http::HeaderValue;
use jiff::Timestamp;

use super::{
    Caller, Denial, FetchDocument,
    api_key::{ApiKeys, Digest, digest_of},
    event::fact,
    issuer::{KeyCache, Miss},
    reason::Reason,
    remembered::{Remembered, Verified},
    token::{self, MAX_TOKEN_BYTES, Unverified},
};
use crate::config;

/// Verified tokens that are remembered, about 200 bytes each. Only half of them are sure to stay when many take turns, and
/// shards fill unevenly: this is enough for 10,000 callers that all stay.
const REMEMBERED: usize = 25_000;

/// Says who calls. One for each configuration; see [`Authenticator::renewed`] for a change of it.
pub struct Authenticator {
    issuers: Vec<Trusted>,
    api_keys: ApiKeys,
    remembered: Remembered,
    leeway_s: i64,
    fetch: Arc<dyn FetchDocument>,
}

/// An issuer and what its tokens have to say.
struct Trusted {
    policy: config::Issuer,
    keys: Arc<KeyCache>,
}

/// An issuer whose keys were never fetched: no token of it can be verified.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: the keys of the issuer `{issuer}` are not known: {why}")]
pub struct NotReady {
    /// The finding code.
    pub code: &'static str,
    /// Whose keys.
    pub issuer: String,
    /// What went wrong last.
    pub why: String,
}

impl Authenticator {
    /// Fetches nothing yet: see [`Authenticator::warm`] and [`Authenticator::ready`].
    pub fn new(auth: &config::Auth, fetch: Arc<dyn FetchDocument>) -> Self {
        Self::build(auth, fetch, &[])
    }

    /// The authenticator of a new configuration. Keys of issuers that stay are taken over, so that a reload while an
    /// issuer is down locks nobody out; verified tokens are not, since the rules may be others now.
    #[must_use]
    pub fn renewed(&self, auth: &config::Auth) -> Self {
        Self::build(auth, Arc::clone(&self.fetch), &self.issuers)
    }

    fn build(auth: &config::Auth, fetch: Arc<dyn FetchDocument>, before: &[Trusted]) -> Self {
        let trusted = |policy: &config::Issuer| {
            let (issuer, jwks_uri) = (policy.issuer.as_str(), policy.jwks_uri.as_deref());
            let known = before.iter().find(|trusted| trusted.keys.is_of(issuer, jwks_uri));
            let keys = known.map_or_else(
                || Arc::new(KeyCache::new(issuer, jwks_uri, Arc::clone(&fetch))),
                |trusted| Arc::clone(&trusted.keys),
            );
            Trusted { policy: policy.clone(), keys }
        };
        Self {
            issuers: auth.issuers.iter().map(trusted).collect(),
            api_keys: ApiKeys::new(&auth.api_keys),
            remembered: Remembered::new(REMEMBERED),
            leeway_s: i64::try_from(auth.leeway.as_secs()).unwrap_or(i64::MAX),
            fetch,
        }
    }

    /// Who sent this `Authorization` header.
    ///
    /// A token that was verified before costs a SHA-256 and a look-up; whether it has expired is judged every time. One
    /// that names an unknown key waits for one fetch of the issuer's keys.
    pub async fn authenticate(
        &self,
        authorization: Option<&HeaderValue>,
        now: Timestamp,
    ) -> Result<Arc<Caller>, Denial> {
        let credential = credential(authorization).map_err(|reason| Denial::new(reason, Vec::new()))?;
        let digest = digest_of(credential.as_bytes());
        if let Some(verified) = self.remembered.find(&digest) {
            if self.is_still_good(&verified, now) {
                return Ok(verified.caller);
            }
            self.remembered.forget(&digest);
        }
        if let Some(caller) = self.api_keys.find(&digest) {
            return Ok(caller);
        }
        self.verify(credential, digest, now).await
    }

    /// Starts fetching the keys of every issuer that are not known yet; waits for nothing.
    pub fn warm(&self, now: Timestamp) {
        for trusted in &self.issuers {
            trusted.keys.warm(now);
        }
    }

    /// Whether somebody could be let in: there are API keys, or the keys of an issuer have been fetched. Tries to fetch
    /// those that were not, no sooner than the spacing between two fetches allows; so it may be asked as often as one
    /// likes. One issuer of several that is down makes no host unfit: the callers of the others are served.
    pub async fn ready(&self, now: Timestamp) -> Result<(), NotReady> {
        self.warm(now);
        if !self.api_keys.is_empty() || self.issuers.is_empty() {
            return Ok(());
        }
        let asking = self.issuers.iter().map(|trusted| {
            Box::pin(async move {
                trusted.keys.ready(now).await.map_err(|error| NotReady {
                    code: error.code(),
                    issuer: trusted.policy.issuer.clone(),
                    why: error.to_string(),
                })
            })
        });
        futures::future::select_ok(asking).await.map(drop)
    }

    fn is_still_good(&self, verified: &Verified, now: Timestamp) -> bool {
        let current = |trusted: &Trusted| trusted.keys.is_current(verified.generation, now);
        !token::has_expired(verified.expires, self.leeway_s, now)
            && self.issuers.get(verified.issuer).is_some_and(current)
    }

    async fn verify(&self, token: &str, digest: Digest, now: Timestamp) -> Result<Arc<Caller>, Denial> {
        let unverified = Unverified::parse(token).map_err(|reason| Denial::new(reason, Vec::new()))?;
        let claims = &unverified.claims;
        let named = self
            .issuers
            .iter()
            .enumerate()
            .find(|(_, trusted)| claims.iss.as_deref() == Some(&trusted.policy.issuer));
        let Some((issuer, trusted)) = named else {
            return Err(Denial::new(Reason::WrongIssuer, unverified.facts()));
        };
        let (key, generation) = trusted.keys.key(&unverified.kid, now).await.map_err(|miss| match miss {
            Miss::Unknown => Denial::new(Reason::UnknownKid, unverified.facts()),
            Miss::Unavailable(wait) => {
                let mut denial = Denial::new(Reason::IssuerUnavailable, unverified.facts());
                denial.error = denial.error.retry_after(wait);
                denial
            }
        })?;
        if key.algorithm != unverified.algorithm {
            return Err(Denial::new(Reason::BadAlgorithm, unverified.facts()));
        }
        if !unverified.is_signed_by(&key) {
            return Err(Denial::new(Reason::BadSignature, unverified.facts()));
        }
        let accepted = token::judge(claims, &trusted.policy, issuer == 0, self.leeway_s, now)
            .map_err(|reason| refused(reason, &unverified, &trusted.policy))?;
        let caller = Arc::new(accepted.caller);
        let verified =
            Verified { caller: Arc::clone(&caller), expires: accepted.expires, issuer, generation };
        self.remembered.keep(digest, verified);
        Ok(caller)
    }
}

/// A token of the issuer that is not good enough.
fn refused(reason: Reason, token: &Unverified<'_>, policy: &config::Issuer) -> Denial {
    let mut facts = token.verified_facts();
    if reason == Reason::InsufficientScope {
        facts.push(("required_scopes", policy.required_scopes.join(" ")));
        facts.extend(token.claims.scope.as_deref().map(|scope| ("scope", fact(scope))));
    }
    Denial::new(reason, facts)
}

/// The credential of `Bearer CREDENTIAL` (RFC 6750 section 2.1). The scheme is case-insensitive (RFC 9110 section 11.1).
fn credential(authorization: Option<&HeaderValue>) -> Result<&str, Reason> {
    let header = authorization.ok_or(Reason::Missing)?.to_str().map_err(|_| Reason::BadHeader)?;
    let (scheme, credential) = header.split_once(' ').ok_or(Reason::BadHeader)?;
    let credential = credential.trim_matches(' ');
    if !scheme.eq_ignore_ascii_case("Bearer") || credential.is_empty() {
        return Err(Reason::BadHeader);
    }
    if credential.len() > MAX_TOKEN_BYTES {
        return Err(Reason::TooLarge);
    }
    if credential.bytes().any(|byte| !byte.is_ascii_graphic()) {
        return Err(Reason::BadHeader);
    }
    Ok(credential)
}
