//! The verdict over a token: pure, told the time and the key. Where keys come from is not its concern.
//!
//! The order matters: nothing a token says is believed before its signature fits, except `iss` and `kid`, which only
//! choose among what is configured and what the issuer has published.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, crypto};
use serde::de::DeserializeOwned;

use super::{
    Caller,
    claims::{Claims, Header},
    event::fact,
    key_set::Key,
    reason::Reason,
};
use crate::config::Issuer;

/// Cognito's tokens have about 1 KiB, and some more where a user is in many groups.
pub(super) const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// No issuer makes longer names of keys.
const MAX_KID_BYTES: usize = 256;

/// OpenID Connect Core section 2: at most 255 ASCII characters.
const MAX_SUB_BYTES: usize = 255;

/// A token of the right form. Nothing in it is to be believed yet.
pub(super) struct Unverified<'a> {
    /// What was signed: header, dot, payload.
    message: &'a str,
    signature: &'a str,
    pub(super) algorithm: Algorithm,
    pub(super) kid: String,
    pub(super) claims: Claims,
}

/// What a token said about itself until it was refused; for the security log.
pub(super) type Facts = Vec<(&'static str, String)>;

impl<'a> Unverified<'a> {
    /// Takes a token apart. RFC 7515 compact form, base64url without padding, JSON objects with the types of RFC 7519.
    pub(super) fn parse(token: &'a str) -> Result<Self, Reason> {
        let (message, signature) = token.rsplit_once('.').ok_or(Reason::UnknownKey)?;
        let (header, payload) = message.split_once('.').ok_or(Reason::UnknownKey)?;
        if payload.contains('.') {
            return Err(Reason::Malformed);
        }
        let header: Header = part(header)?;
        let algorithm = match header.alg.as_str() {
            "RS256" => Algorithm::RS256,
            "ES256" => Algorithm::ES256,
            _ => return Err(Reason::BadAlgorithm),
        };
        if header.crit.is_some() {
            return Err(Reason::Critical);
        }
        if !header.typ.as_deref().is_none_or(may_be_access_token) {
            return Err(Reason::WrongType);
        }
        let kid = header.kid.filter(|kid| !kid.is_empty()).ok_or(Reason::MissingKid)?;
        if kid.len() > MAX_KID_BYTES {
            return Err(Reason::Malformed);
        }
        let claims: Claims = part(payload)?;
        Ok(Self { message, signature, algorithm, kid, claims })
    }

    /// What may be logged before the signature was checked.
    pub(super) fn facts(&self) -> Facts {
        let mut facts = vec![("kid", fact(&self.kid))];
        facts.extend(self.claims.iss.as_deref().map(|iss| ("iss", fact(iss))));
        facts
    }

    /// Whether the key has signed this.
    pub(super) fn is_signed_by(&self, key: &Key) -> bool {
        key.algorithm == self.algorithm
            && crypto::verify(self.signature, self.message.as_bytes(), &key.public, self.algorithm)
                .unwrap_or(false)
    }

    /// What may be logged once it was.
    pub(super) fn verified_facts(&self) -> Facts {
        let mut facts = self.facts();
        facts.extend(self.claims.jti.as_deref().map(|jti| ("jti", fact(jti))));
        facts.extend(self.claims.client().map(|client| ("client_id", fact(client))));
        facts.extend(self.claims.sub.as_deref().map(|sub| ("sub", fact(sub))));
        facts
    }
}

impl Claims {
    fn client(&self) -> Option<&str> {
        self.client_id.as_deref().or(self.azp.as_deref())
    }
}

/// `typ` is optional and free text; other kinds of JWT that an issuer signs with the same key say so there
/// (RFC 8725 section 3.11), such as logout tokens.
fn may_be_access_token(typ: &str) -> bool {
    ["JWT", "at+jwt", "application/at+jwt"].iter().any(|known| typ.eq_ignore_ascii_case(known))
}

fn part<T: DeserializeOwned>(text: &str) -> Result<T, Reason> {
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| Reason::Malformed)?;
    // serde would also read a list as a struct.
    let begins = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    if begins != Some(&b'{') {
        return Err(Reason::Malformed);
    }
    serde_json::from_slice(&bytes).map_err(|_| Reason::Malformed)
}

/// A verified token whose claims are good.
#[derive(Debug)]
pub(super) struct Accepted {
    pub(super) caller: Caller,
    /// `exp` in seconds since 1970, without leeway.
    pub(super) expires: i64,
}

/// Whether a time in seconds since 1970 has passed, with the leeway.
pub(super) fn has_expired(expires: i64, leeway_s: i64, now: Timestamp) -> bool {
    now.as_second() >= expires.saturating_add(leeway_s)
}

/// Judges the claims of a token whose signature has been verified with a key of this issuer. `home` is whether that is
/// the first issuer of the configuration, whose subjects need no `@ISSUER`.
pub(super) fn judge(
    claims: &Claims,
    issuer: &Issuer,
    home: bool,
    leeway_s: i64,
    now: Timestamp,
) -> Result<Accepted, Reason> {
    let expires = claims.exp.ok_or(Reason::MissingExpiry)?.0;
    if has_expired(expires, leeway_s, now) {
        return Err(Reason::Expired);
    }
    let latest = now.as_second().saturating_add(leeway_s);
    if [claims.nbf, claims.iat].into_iter().flatten().any(|begin| begin.0 > latest) {
        return Err(Reason::NotYetValid);
    }
    is_access_token(claims, issuer)?;
    is_for_us(claims, issuer)?;
    let sub = claims.sub.as_deref().unwrap_or_default();
    if sub.is_empty() || sub.len() > MAX_SUB_BYTES {
        return Err(Reason::MissingSubject);
    }
    let id = if home { Caller::id_of_subject(sub) } else { Caller::id_of_subject_at(sub, &issuer.issuer) };
    let groups = claims.cognito_groups.as_ref().or(claims.groups.as_ref());
    Ok(Accepted {
        caller: Caller {
            id: id.into(),
            client_id: claims.client().map(Arc::from),
            groups: groups.map(|groups| groups.0.clone()).unwrap_or_default(),
        },
        expires,
    })
}

/// Id tokens tell an application who its user is; they are no permission to call anybody.
fn is_access_token(claims: &Claims, issuer: &Issuer) -> Result<(), Reason> {
    let token_use = claims.token_use.as_deref();
    let right = match issuer.token_use.as_deref() {
        Some(expected) => token_use == Some(expected),
        None => token_use.is_none_or(|token_use| token_use == "access"),
    };
    if right && claims.at_hash.is_none() && claims.c_hash.is_none() {
        return Ok(());
    }
    Err(Reason::WrongTokenUse)
}

fn is_for_us(claims: &Claims, issuer: &Issuer) -> Result<(), Reason> {
    let client_allowed = issuer.client_ids.is_empty()
        || claims.client().is_some_and(|client| issuer.client_ids.iter().any(|allowed| allowed == client));
    if !client_allowed {
        return Err(Reason::WrongClient);
    }
    // RFC 7519 section 4.1.3: who does not find itself in `aud` must refuse, also where none is configured.
    let audiences = claims.aud.as_ref().map(|aud| aud.0.as_slice()).unwrap_or_default();
    let unaddressed = issuer.audiences.is_empty() && audiences.is_empty();
    if !unaddressed && !audiences.iter().any(|audience| issuer.audiences.contains(audience)) {
        return Err(Reason::WrongAudience);
    }
    let scope = claims.scope.as_deref().unwrap_or_default();
    if !issuer.required_scopes.iter().all(|required| scope.split(' ').any(|granted| granted == required)) {
        return Err(Reason::InsufficientScope);
    }
    Ok(())
}
