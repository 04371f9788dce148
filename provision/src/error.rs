//! Why a step or a run could not go on.

use std::time::Duration;

use cloud::CallError;
use model::Finding;
use model::plan::StepId;

use crate::journal::JournalError;

/// Why a step could not go on.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// A call failed.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The operator asked to stop.
    #[error("stopped by the operator at a safe point")]
    Cancelled,
    /// A state was not reached in time.
    #[error("{reason} did not end within {} s", waited.as_secs())]
    TimedOut {
        /// What was waited for.
        reason: String,
        /// For how long.
        waited: Duration,
    },
    /// Something is in the way that a person has to decide about.
    #[error("{}", .0.message)]
    Blocked(Box<Finding>),
    /// The journal cannot be written: nothing more may happen.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// It was not tried, because of another.
    #[error("not reached, because {} is still there", .because.title())]
    NotReached {
        /// The step that did not end well.
        because: StepId,
    },
    /// Something that should be impossible.
    #[error("{0}")]
    Bug(String),
}

/// Why a run ended without reaching its end.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// One or more steps failed; independent steps went on to their end.
    #[error("{}", summary(.0))]
    Steps(Vec<(StepId, StepError)>),
    /// The operator asked to stop.
    #[error("stopped by the operator at a safe point")]
    Cancelled,
    /// The account could not be looked at.
    #[error("the account could not be looked at")]
    Look(#[source] StepError),
    /// What was found forbids going on.
    #[error("{}", first(.0))]
    Refused(Vec<Finding>),
    /// The journal cannot be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

fn summary(failed: &[(StepId, StepError)]) -> String {
    match failed {
        [(step, _)] => format!("{} failed", step.title()),
        several => {
            let titles: Vec<&str> = several.iter().map(|(step, _)| step.title()).collect();
            format!("{} steps failed: {}", several.len(), titles.join(", "))
        }
    }
}

fn first(findings: &[Finding]) -> String {
    findings.first().map_or_else(|| "refused".to_owned(), |finding| finding.message.clone())
}
