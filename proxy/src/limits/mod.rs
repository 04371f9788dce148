//! How much a caller may use: requests per minute, tokens per hour, requests at the same time.
//!
//! Tokens are reserved before the call and settled after it, so that no burst passes the limit.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::{ApiError, config::Quota};

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
    ) -> Result<Admission, ApiError>;

    /// Replaces the reservation by what was used: 0 after a failure of the upstream. Returns the standing after it.
    /// Every admission is settled exactly once, also where the client has left.
    async fn settle(&self, reservation: Reservation, used: u64, now: Timestamp) -> Standing;
}

/// A request that may go on.
#[derive(Debug, PartialEq, Eq)]
pub struct Admission {
    /// To be settled.
    pub reservation: Reservation,
    /// For the headers `x-ratelimit-*`.
    pub standing: Standing,
}

/// What has been taken for one request. Not `Clone`: it is settled once.
#[derive(Debug, PartialEq, Eq)]
pub struct Reservation {
    /// The caller.
    pub caller: String,
    /// Their quota at the time.
    pub quota: Quota,
    /// Tokens reserved.
    pub tokens: u64,
    /// When.
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
