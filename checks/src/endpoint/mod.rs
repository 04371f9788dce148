//! The running proxy, judged from outside: who is let in, what is answered, and what has to be closed.
//!
//! [`check`] asks and hands what came to pure verdicts: `refusals`, `answers` and `surroundings` know facts and no
//! socket. A token never leaves [`model::Secret`] but for the request that carries it, and goes to a server only once
//! its certificate is trusted.

pub(crate) mod about;
mod answers;
mod ask;
pub(crate) mod facts;
pub(crate) mod openai;
mod refusals;
mod security_log;
pub(crate) mod sse;
mod suite;
mod surroundings;

pub use ask::Manner;
pub(crate) use facts::excerpt;
pub(crate) use suite::site;
pub use suite::{Options, Token, check};

use crate::catalogue::Entry;

const REACHABLE: Entry = Entry::waiting("SRE-EP-001", "the endpoint answers", &[], 45).attempts(2);
const TRUSTED: Entry = Entry {
    after: &[REACHABLE.code],
    ..Entry::pure("SRE-EP-002", "clients trust the certificate for this name")
};
const LIVE: Entry = Entry::waiting("SRE-EP-003", "the proxy is alive", &[TRUSTED.code], 45);
const READY: Entry =
    Entry::waiting("SRE-EP-004", "the proxy is ready to serve", &[TRUSTED.code], 45).attempts(3);
const NO_TOKEN: Entry = Entry::waiting("SRE-EP-005", "nobody is served without a token", &[TRUSTED.code], 45);
const WRONG_TOKEN: Entry = Entry::waiting("SRE-EP-006", "a wrong token is refused", &[TRUSTED.code], 45);
const LOGGED: Entry =
    Entry::waiting("SRE-EP-007", "a refused token is in the security log", &[WRONG_TOKEN.code], 20);
const MODELS: Entry = Entry::waiting("SRE-EP-008", "the configured models are served", &[TRUSTED.code], 45);
const CHAT: Entry = Entry::waiting("SRE-EP-009", "a chat is answered", &[MODELS.code], 60);
const STREAM: Entry = Entry::waiting("SRE-EP-010", "a stream comes to its end", &[MODELS.code], 60);
const UNKNOWN_MODEL: Entry =
    Entry::waiting("SRE-EP-011", "an unknown model is refused as OpenAI does", &[MODELS.code], 45);
const MALFORMED: Entry =
    Entry::waiting("SRE-EP-012", "a malformed request is refused as OpenAI does", &[MODELS.code], 45);
const PREFLIGHT: Entry =
    Entry::waiting("SRE-EP-013", "browsers are told no more than they should be", &[TRUSTED.code], 45);
const LATENCY: Entry = Entry::waiting("SRE-EP-014", "answers take a known time", &[LIVE.code], 120);
const PLAIN: Entry = Entry::waiting("SRE-EP-015", "nobody is served without TLS", &[REACHABLE.code], 45);
const METRICS: Entry =
    Entry::waiting("SRE-EP-016", "the metrics are not served outside", &[TRUSTED.code], 45);
const BACKEND: Entry =
    Entry::waiting("SRE-EP-017", "the backend's ports are closed from outside", &[REACHABLE.code], 15);

/// The checks of this area.
pub const CHECKS: &[Entry] = &[
    REACHABLE,
    TRUSTED,
    LIVE,
    READY,
    NO_TOKEN,
    WRONG_TOKEN,
    LOGGED,
    MODELS,
    CHAT,
    STREAM,
    UNKNOWN_MODEL,
    MALFORMED,
    PREFLIGHT,
    LATENCY,
    PLAIN,
    METRICS,
    BACKEND,
];

#[cfg(test)]
mod tests;
