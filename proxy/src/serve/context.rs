//! What requests are answered with: parts that live as long as the process, and the snapshot of the configuration.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tokio_util::sync::CancellationToken;

use super::ids::Ids;
use crate::{
    auth::Authenticator,
    clock::Clock,
    config::Config,
    ledger::Ledger,
    limits::Limiter,
    telemetry::{AccessLog, Observe},
    upstream::UpstreamSet,
};

/// Lives as long as the process; a reload does not touch it.
pub struct Shared {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Makes ids.
    pub ids: Ids,
    /// Counts what callers use.
    pub limiter: Arc<dyn Limiter>,
    /// Keeps what they used.
    pub ledger: Arc<dyn Ledger>,
    /// Counts how it went.
    pub observe: Arc<dyn Observe>,
    /// A line per request, and the security events.
    pub access_log: AccessLog,
    /// Set when the process is about to end: readiness is red from then on.
    pub draining: AtomicBool,
    /// Cancelled when streams may wait no longer.
    pub cut: CancellationToken,
}

impl Shared {
    /// Whether the process is about to end.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }
}

/// What follows from one version of the configuration. Requests keep the one they began with.
pub struct Snapshot {
    /// The configuration itself.
    pub config: Config,
    /// Who may call.
    pub authenticator: Arc<Authenticator>,
    /// Whom to ask.
    pub upstreams: UpstreamSet,
    /// Counts the accepted configurations of this process, from 1.
    pub version: u64,
}
