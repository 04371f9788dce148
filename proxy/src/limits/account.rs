//! The account of one caller, which every store keeps: pure transitions, told the time.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    Meter, Standing,
    window::{HOUR, MINUTE, Window},
};
use crate::config::Quota;

/// Others of the same caller are about to settle, which may free what is missing.
const SOON: Duration = Duration::from_secs(1);

/// What a caller has taken.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Account {
    requests: Window,
    tokens: Window,
    in_flight: Vec<Lease>,
}

/// A request that was admitted and is not settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Lease {
    at_ms: u64,
    tokens: u64,
    /// It counts until then, even if nobody settles it, because its host may have died.
    until_ms: u64,
}

/// Something was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Taken {
    pub(super) tokens: u64,
    pub(super) at_ms: u64,
}

/// A request that was not admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Over {
    pub(super) excess: Excess,
    pub(super) standing: Standing,
}

/// Which limit refuses, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Excess {
    Concurrent,
    Requests(Duration),
    Tokens(Duration),
}

impl Account {
    /// Takes one request and reserves tokens, or takes nothing and says where the caller stands.
    pub(super) fn admit(
        &mut self,
        quota: Quota,
        tokens: u64,
        now_ms: u64,
        lease: Duration,
    ) -> Result<Taken, Over> {
        self.take(quota, tokens, now_ms, lease)
            .map_err(|excess| Over { excess, standing: self.standing(quota, now_ms) })
    }

    /// The same, where nobody asks for the standing.
    fn take(&mut self, quota: Quota, tokens: u64, now_ms: u64, lease: Duration) -> Result<Taken, Excess> {
        self.slide(now_ms);
        if self.in_flight.len() >= usize::try_from(quota.concurrent_requests).unwrap_or(usize::MAX) {
            return Err(Excess::Concurrent);
        }
        let requests = u64::from(quota.requests_per_minute);
        if self.requests.total() >= requests {
            let wait = self.requests.wait_for(MINUTE, requests.saturating_sub(1), now_ms);
            return Err(Excess::Requests(wait));
        }
        let reserved = self.reservable(quota.tokens_per_hour, tokens, now_ms).map_err(Excess::Tokens)?;
        self.requests.take(MINUTE, 1, now_ms);
        let at_ms = self.tokens.take(HOUR, reserved, now_ms);
        let lease_ms = u64::try_from(lease.as_millis()).unwrap_or(u64::MAX);
        let until_ms = now_ms.saturating_add(lease_ms);
        self.in_flight.push(Lease { at_ms, tokens: reserved, until_ms });
        Ok(Taken { tokens: reserved, at_ms })
    }

    /// Replaces a reservation by what was used.
    pub(super) fn settle(&mut self, taken: Taken, used: u64, now_ms: u64) {
        let lease = self
            .in_flight
            .iter()
            .position(|lease| (lease.at_ms, lease.tokens) == (taken.at_ms, taken.tokens));
        // Leases that are equal may stand for each other.
        if let Some(lease) = lease {
            self.in_flight.swap_remove(lease);
        }
        self.tokens.replace(HOUR, taken.at_ms, taken.tokens, used);
        self.slide(now_ms);
    }

    /// For the headers. What counts from before is taken off first.
    pub(super) fn standing(&mut self, quota: Quota, now_ms: u64) -> Standing {
        self.slide(now_ms);
        let meter =
            |limit: u64, total: u64, reset| Meter { limit, remaining: limit.saturating_sub(total), reset };
        Standing {
            requests: meter(
                u64::from(quota.requests_per_minute),
                self.requests.total(),
                self.requests.reset(MINUTE, now_ms),
            ),
            tokens: meter(quota.tokens_per_hour, self.tokens.total(), self.tokens.reset(HOUR, now_ms)),
        }
    }

    /// Whether the account is as if the caller had never called.
    pub(super) fn is_idle(&mut self, now_ms: u64) -> bool {
        self.slide(now_ms);
        self.in_flight.is_empty() && self.requests.total() == 0 && self.tokens.total() == 0
    }

    /// How long until it is, unless something is taken. For a store that expires its entries.
    pub(super) fn idle_in(&self, now_ms: u64) -> Duration {
        let lease = self.in_flight.iter().map(|lease| lease.until_ms).max().unwrap_or_default();
        let lease = Duration::from_millis(lease.saturating_sub(now_ms));
        self.requests.reset(MINUTE, now_ms).max(self.tokens.reset(HOUR, now_ms)).max(lease)
    }

    /// How many of the tokens may be reserved, or how long to wait.
    fn reservable(&self, limit: u64, tokens: u64, now_ms: u64) -> Result<u64, Duration> {
        let left = limit.saturating_sub(self.tokens.total());
        if tokens <= left {
            return Ok(tokens);
        }
        let alone = self.in_flight.is_empty();
        if alone && left > 0 {
            return Ok(left);
        }
        let pending = self.in_flight.iter().fold(0_u64, |sum, lease| sum.saturating_add(lease.tokens));
        if self.tokens.total().saturating_sub(pending) < limit {
            return Err(SOON);
        }
        // Whoever waits that long is alone, and alone one token is enough.
        Err(self.tokens.wait_for(HOUR, limit.saturating_sub(1), now_ms))
    }

    fn slide(&mut self, now_ms: u64) {
        self.requests.slide(MINUTE, now_ms);
        self.tokens.slide(HOUR, now_ms);
        self.in_flight.retain(|lease| lease.until_ms > now_ms);
    }
}
