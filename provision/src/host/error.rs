//! Why a run on a host ended early.

use model::Finding;
use systemd::host::HostError;

use crate::journal::JournalError;

/// Why a run on a host ended early.
#[derive(Debug, thiserror::Error)]
pub enum HostRunError {
    /// The journal cannot be written: nothing more may happen.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The machine could not be looked at.
    #[error("the machine could not be looked at")]
    Look(#[source] HostError),
    /// A step failed on a machine where nothing was installed before. What was done stays, and the run can go on.
    #[error("{step} failed")]
    Step {
        /// The thing.
        step: String,
        /// Why.
        source: HostError,
        /// The last lines of its log, for a unit.
        log: String,
    },
    /// Everything is there, and the service is not well, on a machine where nothing was installed before.
    #[error("the service is not well: {reason}")]
    NotWell {
        /// Why.
        reason: String,
        /// The last lines of its log.
        log: String,
    },
    /// The run was taken back: what was there before serves.
    #[error("{reason}; everything is as it was before")]
    WentBack {
        /// Why.
        reason: String,
        /// The last lines of the log of what failed.
        log: String,
    },
    /// The run was to be taken back, and that failed.
    #[error("{reason}; and it could not be taken back: {back}")]
    Stuck {
        /// Why it was to be taken back.
        reason: String,
        /// Why it could not.
        back: String,
        /// The last lines of the log of what failed.
        log: String,
    },
    /// What was seen forbids going on; nothing was changed.
    #[error("{}", .0.first().map_or("refused", |finding| finding.message.as_str()))]
    Refused(Vec<Finding>),
    /// The operator asked to stop.
    #[error("stopped by the operator at a safe point")]
    Cancelled,
}
