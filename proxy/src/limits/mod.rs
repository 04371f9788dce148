//! How much a caller may use: requests per minute, tokens per hour, requests at the same time.
//!
//! Tokens are reserved before the call and settled after it, so that no burst passes the limit. The laws, which
//! one account keeps for each caller and every store for all:
//!
//! - No 60 seconds admit more than `requests_per_minute` requests, wherever one begins to count.
//! - No hour admits reservations of more than `tokens_per_hour` tokens. A caller who has nothing else in flight may
//!   spend what is left, however little, on one request, so that a small limit can be used up although clients seldom
//!   say how long an answer may get. That request alone may use more than was left, so an hour is exceeded by one
//!   request at most, and never by a burst.
//! - Never more than `concurrent_requests` are admitted and not settled. A table forgets a request after 15 minutes, since
//!   the host that would settle it may have died.
//! - A settled request counts as what it used, from the moment of its admission; one that was refused counts nothing.
//!
//! Where a store cannot be reached, requests are refused with 503 (`limits_unavailable`): a limit that is off when it
//! matters is none.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::{ApiError, config::Quota};

mod account;
pub mod dynamo;
pub mod headers;
mod memory;
mod quotas;
mod refusal;
#[cfg(test)]
mod tests;
mod window;

pub use dynamo::DynamoLimiter;
pub use memory::MemoryLimiter;
pub use quotas::Quotas;
pub use refusal::refused_by;

/// Counts and refuses. In memory for one host, in DynamoDB for several.
#[async_trait]
pub trait Limiter: Send + Sync {
    /// Takes one request and reserves `tokens` of the caller's quota, or refuses and takes nothing.
    async fn admit(
        &self,
        caller: &str,
        quota: Quota,
        tokens: u64,
        now: Timestamp,
    ) -> Result<Admission, Refused>;

    /// Replaces the reservation by what was used: 0 after a failure of the upstream. Returns the standing after it.
    /// Every admission is settled exactly once, also where the client has left.
    async fn settle(&self, reservation: Reservation, used: u64, now: Timestamp) -> Standing;

    /// The same where nobody can wait: in a `Drop`. The limiter finishes it by itself.
    fn settle_detached(&self, reservation: Reservation, used: u64, now: Timestamp);

    /// Whether the store can be reached. For readiness.
    async fn ready(&self) -> Result<(), ApiError> {
        Ok(())
    }

    /// Waits until everything that was settled is in the store. For the end of the program.
    async fn close(&self) {}
}

/// A request that may go on.
#[derive(Debug, PartialEq, Eq)]
pub struct Admission {
    /// To be settled.
    pub reservation: Reservation,
    /// For the headers `x-ratelimit-*`.
    pub standing: Standing,
}

/// A request that may not go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// What the client hears.
    pub error: ApiError,
    /// For the headers `x-ratelimit-*`; absent where the store cannot be reached.
    pub standing: Option<Standing>,
}

/// What has been taken for one request. Not `Clone`: it is settled once.
#[derive(Debug, PartialEq, Eq)]
pub struct Reservation {
    /// The caller.
    pub caller: String,
    /// Their quota at the time.
    pub quota: Quota,
    /// Tokens reserved: what was asked for, or less where it was the last that was left.
    pub tokens: u64,
    /// When, as the limiter has written it down.
    pub at: Timestamp,
}

/// Where a caller stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// `x-ratelimit-{limit,remaining,reset}-requests`
    pub requests: Meter,
    /// `x-ratelimit-{limit,remaining,reset}-tokens`
    pub tokens: Meter,
}

/// One limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meter {
    /// How many there are in a full window.
    pub limit: u64,
    /// How many are left.
    pub remaining: u64,
    /// How long until all of them are there again.
    pub reset: Duration,
}

/// The clock of the accounts. Times before 1970 are 1970.
fn millis(at: Timestamp) -> u64 {
    u64::try_from(at.as_millisecond()).unwrap_or_default()
}

fn timestamp(ms: u64) -> Timestamp {
    i64::try_from(ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok()).unwrap_or(Timestamp::MAX)
}
