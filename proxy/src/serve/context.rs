//! What requests are answered with: parts that live as long as the process, and the snapshot of the configuration.

use std::sync::{Arc, Mutex, PoisonError};

use super::{Ending, ids::Ids};
use crate::{
    auth::Authenticator,
    clock::Clock,
    ledger::Ledger,
    limits::{Limiter, Quotas},
    telemetry::Telemetry,
    upstream::UpstreamSet,
};

/// Lives as long as the process; a reload does not touch it.
pub struct Shared {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Makes ids.
    pub ids: Ids,
    /// Chance, for the waits between retries.
    pub random: Mutex<fastrand::Rng>,
    /// Counts what callers use.
    pub limiter: Arc<dyn Limiter>,
    /// Keeps what they used.
    pub ledger: Arc<dyn Ledger>,
    /// Counts how it went, and writes a line per request.
    pub telemetry: Arc<Telemetry>,
    /// Readiness is red once it has begun, and streams end when it says so.
    pub ending: Ending,
}

impl Shared {
    /// A source of chance of its own for one request.
    pub fn fork_random(&self) -> fastrand::Rng {
        self.random.lock().unwrap_or_else(PoisonError::into_inner).fork()
    }
}

/// A version of the configuration with what follows from it. Requests keep the one they began with.
pub type Serving = super::reload::Snapshot<Parts>;

/// What is built from a configuration.
pub struct Parts {
    /// Who may call.
    pub authenticator: Authenticator,
    /// What callers may use.
    pub quotas: Quotas,
    /// Whom to ask.
    pub upstreams: UpstreamSet,
}
