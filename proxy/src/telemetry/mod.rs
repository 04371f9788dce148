//! How it went: logs with redaction, metrics for Prometheus, OpenTelemetry and CloudWatch.

use std::time::Duration;

use crate::{Usage, ledger::Outcome};

/// What is observed of a request. Implementations only add to counters in memory; exporting happens elsewhere.
pub trait Observe: Send + Sync {
    /// A request was answered, or its stream ended.
    fn request(&self, observed: &Observed<'_>);

    /// A credential was refused, for this reason.
    fn denied(&self, reason: &'static str);

    /// A limit refused: `requests`, `tokens` or `concurrent_requests`.
    fn limited(&self, which: &'static str);

    /// An upstream was tried and refused with this `error.code`.
    fn upstream_refused(&self, upstream: &str, code: &str);

    /// A stream was opened (+1) or closed (-1).
    fn streams(&self, change: i64);

    /// Configuration or certificate was reloaded; `what` is `config` or `certificate`.
    fn reloaded(&self, what: &'static str, accepted: bool);
}

/// One request.
#[derive(Debug, Clone)]
pub struct Observed<'a> {
    /// `chat.completions`, `embeddings`, `models`, `other`.
    pub endpoint: &'static str,
    /// The configured name of the model; never text that a client made up.
    pub model: &'a str,
    /// The upstream that answered, if any did.
    pub upstream: &'a str,
    /// HTTP status.
    pub status: u16,
    /// How it ended.
    pub outcome: Outcome,
    /// From the request's headers to its end.
    pub duration: Duration,
    /// From the request's headers to the first byte of the answer.
    pub first_byte: Duration,
    /// What was used.
    pub usage: Usage,
}
