//! Who used which model, how many tokens, and at what price.

use jiff::Timestamp;

use crate::Usage;

/// One request that reached an upstream, however it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// When it ended.
    pub at: Timestamp,
    /// `x-request-id`.
    pub request_id: String,
    /// [`crate::auth::Caller::id`].
    pub caller: String,
    /// `client_id` of the token.
    pub client_id: Option<String>,
    /// The name that the client sent.
    pub model: String,
    /// What the upstream calls it.
    pub upstream_model: String,
    /// The upstream's name in the configuration.
    pub upstream: String,
    /// What was used.
    pub usage: Usage,
    /// Whether `usage` is what the upstream said, or an estimate because the stream was cut before it said.
    pub estimated: bool,
    /// How it ended.
    pub outcome: Outcome,
    /// From the request to its end, milliseconds.
    pub duration_ms: u64,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The client has the whole answer.
    Completed,
    /// The upstream failed, before or in the middle of the answer.
    Failed,
    /// The client left before the end.
    Abandoned,
}

impl Outcome {
    /// The text in tables and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Abandoned => "abandoned",
        }
    }
}

/// Takes entries without making the request wait. What cannot be stored is written to the log in full, never lost in silence.
pub trait Ledger: Send + Sync {
    /// Hands over one entry.
    fn record(&self, entry: Entry);
}

/// A ledger that keeps nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Off;

impl Ledger for Off {
    fn record(&self, _: Entry) {}
}
