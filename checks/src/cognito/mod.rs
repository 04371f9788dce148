//! The user pool as machines see it: discovery, keys, and a token fetched with an id and a secret, claim by claim.
//!
//! [`check`] asks and hands what came to pure verdicts. Neither the client's secret nor the token is in anything that
//! is said; the token is given back for the checks of the endpoint.

mod judge;
pub(crate) mod jwt;
mod suite;

pub use suite::{Client, Options, Run, check};

use jiff::Timestamp;
use model::Secret;

use crate::catalogue::Entry;

/// When a token says that it ends. It is not verified, and never quoted.
pub fn token_end(token: &Secret<String>) -> Result<Timestamp, &'static str> {
    let end = jwt::read(token.expose())?.claims.exp.ok_or("it does not say when it ends")?;
    Timestamp::from_second(end).map_err(|_| "its end is no time")
}

const DISCOVERY: Entry =
    Entry::waiting("SRE-COG-001", "the issuer describes itself under its own name", &[], 45).attempts(2);
const KEYS: Entry =
    Entry::waiting("SRE-COG-002", "the issuer publishes keys that verify tokens", &[DISCOVERY.code], 45);
const TOKEN: Entry = Entry::waiting("SRE-COG-003", "a client gets a token for its id and secret", &[], 45);
const ISSUER: Entry =
    Entry { after: &[TOKEN.code], ..Entry::pure("SRE-COG-004", "the token names its issuer") };
const CLIENT: Entry =
    Entry { after: &[TOKEN.code], ..Entry::pure("SRE-COG-005", "it is an access token of this client") };
const SCOPES: Entry =
    Entry { after: &[TOKEN.code], ..Entry::pure("SRE-COG-006", "the token carries the configured scopes") };
const LIFETIME: Entry =
    Entry { after: &[TOKEN.code], ..Entry::pure("SRE-COG-007", "the token lives as long as configured") };
const SIGNATURE: Entry = Entry {
    after: &[TOKEN.code, KEYS.code],
    ..Entry::pure("SRE-COG-008", "a published key signed the token")
};

/// The checks of this area.
pub const CHECKS: &[Entry] = &[DISCOVERY, KEYS, TOKEN, ISSUER, CLIENT, SCOPES, LIFETIME, SIGNATURE];

#[cfg(test)]
mod tests;
