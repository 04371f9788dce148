//! Who used which model, how many tokens, and at what price.
//!
//! A request hands its [`Entry`] to [`Books`], which never waits; one [`writer`] prices the entries and stores them in
//! batches, in [`sqlite`] or [`dynamo`]. [`report`] adds them up again.

pub mod dynamo;
mod error;
mod line;
pub mod prices;
pub mod report;
pub mod sqlite;
pub mod writer;

pub use error::{OpenError, ReadError};
pub use prices::Prices;
pub use writer::{Books, Counts};

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
    /// It was refused before anybody was asked; such requests have no entry.
    Refused,
}

impl Outcome {
    /// The text in tables and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Abandoned => "abandoned",
            Self::Refused => "refused",
        }
    }

    /// The outcome with this text; anything unknown was written by nobody and counts as a failure.
    pub(crate) fn from_text(text: &str) -> Self {
        match text {
            "completed" => Self::Completed,
            "abandoned" => Self::Abandoned,
            _ => Self::Failed,
        }
    }
}

/// An entry with its price at the time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Priced {
    /// What was used.
    pub entry: Entry,
    /// Nano-USD (10⁻⁹ USD); absent where the price list does not know the model.
    pub nano_usd: Option<u64>,
}

/// Takes entries without making the request wait. What cannot be stored is written to the log in full, never lost in silence.
pub trait Ledger: Send + Sync {
    /// Hands over one entry.
    fn record(&self, entry: Entry);
}
