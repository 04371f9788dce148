//! Accounts in memory, for one host. What was counted is forgotten at a restart.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use jiff::Timestamp;

use super::{
    Admission, Limiter, Refused, Reservation, Standing,
    account::{Account, Taken},
    millis, refusal, timestamp,
};
use crate::config::Quota;

/// Two callers seldom wait for each other.
const SHARDS: u64 = 64;

/// A shard smaller than this is not worth looking through.
const SMALLEST_SWEEP: usize = 32;

/// Everybody in this process settles what they took; this is for what nobody has thought of.
const LEASE: Duration = Duration::from_hours(24);

/// Counts in memory. A call costs the same with one caller and with ten thousand.
#[derive(Default)]
pub struct MemoryLimiter {
    /// All shards but one.
    shards: Vec<Mutex<Shard>>,
    /// The one.
    last: Mutex<Shard>,
    hasher: RandomState,
}

#[derive(Default)]
struct Shard {
    accounts: HashMap<String, Account>,
    /// Idle accounts are thrown out when there are so many.
    sweep_at: usize,
}

impl MemoryLimiter {
    /// Nobody has used anything.
    pub fn new() -> Self {
        Self { shards: (1..SHARDS).map(|_| Mutex::default()).collect(), ..Self::default() }
    }

    /// How many accounts are kept: those of callers of the last hour, and at most as many idle ones.
    pub fn accounts(&self) -> usize {
        let shards = self.shards.iter().chain([&self.last]);
        shards.fold(0, |sum, shard| sum.saturating_add(lock(shard).accounts.len()))
    }

    fn shard(&self, caller: &str) -> MutexGuard<'_, Shard> {
        let index = self.hasher.hash_one(caller).checked_rem(SHARDS).unwrap_or_default();
        let shard = usize::try_from(index).ok().and_then(|index| self.shards.get(index));
        lock(shard.unwrap_or(&self.last))
    }

    fn settle_now(&self, reservation: &Reservation, used: u64, now: Timestamp) -> Standing {
        let now_ms = millis(now);
        let taken = Taken { tokens: reservation.tokens, at_ms: millis(reservation.at) };
        self.shard(&reservation.caller).with_account(&reservation.caller, now_ms, |account| {
            account.settle(taken, used, now_ms);
            account.standing(reservation.quota, now_ms)
        })
    }
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shard {
    /// Does something with the account of a caller. For a new one the shard may be looked through for idle accounts;
    /// that happens when it has doubled since, so it costs each call the same in the long run.
    fn with_account<R>(&mut self, caller: &str, now_ms: u64, change: impl FnOnce(&mut Account) -> R) -> R {
        if let Some(account) = self.accounts.get_mut(caller) {
            return change(account);
        }
        if self.accounts.len() >= self.sweep_at {
            self.accounts.retain(|_, account| !account.is_idle(now_ms));
            self.sweep_at = self.accounts.len().saturating_mul(2).max(SMALLEST_SWEEP);
            self.accounts.shrink_to(self.sweep_at);
        }
        change(self.accounts.entry(caller.to_owned()).or_default())
    }
}

#[async_trait]
impl Limiter for MemoryLimiter {
    async fn admit(
        &self,
        caller: &str,
        quota: Quota,
        tokens: u64,
        now: Timestamp,
    ) -> Result<Admission, Refused> {
        let now_ms = millis(now);
        let admitted = self.shard(caller).with_account(caller, now_ms, |account| {
            let taken = account.admit(quota, tokens, now_ms, LEASE)?;
            Ok((taken, account.standing(quota, now_ms)))
        });
        let (taken, standing) = admitted.map_err(|over| refusal::over(over, quota))?;
        let at = timestamp(taken.at_ms);
        let reservation = Reservation { caller: caller.to_owned(), quota, tokens: taken.tokens, at };
        Ok(Admission { reservation, standing })
    }

    async fn settle(&self, reservation: Reservation, used: u64, now: Timestamp) -> Standing {
        self.settle_now(&reservation, used, now)
    }

    fn settle_detached(&self, reservation: Reservation, used: u64, now: Timestamp) {
        self.settle_now(&reservation, used, now);
    }
}
