//! What a line of the journal can say.

use jiff::Timestamp;
use model::config::Mode;
use model::plan::{FieldDiff, Outputs, Plan, StepId};
use model::{AccountId, DeploymentId, Region};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The first line: whose journal this is. A run in another account or Region is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The form's version.
    pub version: u32,
    /// The deployment.
    pub deployment_id: DeploymentId,
    /// Random, once for the life of the file; what idempotency keys are derived from.
    pub lineage: String,
    /// The account.
    pub account_id: AccountId,
    /// The Region.
    pub region: Region,
    /// How strictly the configuration was judged.
    pub mode: Mode,
    /// SHA-256 of the resolved configuration of the first run, lower-case hex.
    pub config_digest: String,
    /// Version of the program that began the file.
    pub tool_version: String,
}

/// A line after the first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Record {
    /// A plan was approved. Holds everything that a resume needs.
    Planned {
        /// The plan.
        plan: Box<Plan>,
        /// The resolved configuration; nothing secret.
        config: Value,
    },
    /// A call is about to be made.
    Intent {
        /// The step.
        step: StepId,
        /// The call within the step.
        op: String,
        /// The idempotency key of the attempt.
        key: String,
        /// Counts from 1; raised when the step was undone.
        attempt: u32,
    },
    /// The call was made; or, with `op` = `settle`, the whole step is as wanted.
    Done {
        /// The step.
        step: StepId,
        /// The call within the step, or `settle`.
        op: String,
        /// The idempotency key of the attempt.
        key: String,
        /// As in the intent.
        attempt: u32,
        /// The id that the call made.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<String>,
        /// With `settle`: what later steps and the report use.
        #[serde(default, skip_serializing_if = "Outputs::is_empty")]
        outputs: Outputs,
    },
    /// Something that exists is used and never owned.
    Adopted {
        /// The step.
        step: StepId,
        /// Its id.
        id: String,
        /// What later steps and the report use.
        #[serde(default, skip_serializing_if = "Outputs::is_empty")]
        outputs: Outputs,
    },
    /// The call failed, and certainly did nothing.
    Failed {
        /// The step.
        step: StepId,
        /// The call within the step.
        op: String,
        /// The idempotency key of the attempt.
        key: String,
        /// As in the intent.
        attempt: u32,
        /// The finding's code.
        code: String,
        /// One line.
        message: String,
    },
    /// Something of ours was found changed.
    Drift {
        /// The step.
        step: StepId,
        /// Its id.
        id: String,
        /// Where it differs.
        diffs: Vec<FieldDiff>,
    },
    /// A removing call is about to be made.
    UndoIntent {
        /// The step.
        step: StepId,
        /// The call within the step.
        op: String,
        /// What is removed.
        id: String,
    },
    /// The removing call was made; or, with `op` = `settle`, the thing is gone.
    Undone {
        /// The step.
        step: StepId,
        /// The call within the step, or `settle`.
        op: String,
        /// What was removed.
        id: String,
    },
    /// The removing call failed.
    UndoFailed {
        /// The step.
        step: StepId,
        /// The call within the step.
        op: String,
        /// What was to be removed.
        id: String,
        /// The finding's code.
        code: String,
        /// One line.
        message: String,
    },
    /// Something worth keeping that changes no step.
    Note {
        /// What it is about.
        topic: NoteTopic,
        /// One line.
        text: String,
    },
}

/// What a note is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoteTopic {
    /// A run took over from a killed or failed one.
    Resumed,
    /// The operator stopped the run at a safe point.
    Cancelled,
    /// A call was given up on without knowing whether it happened; its intent stays open.
    Unknown,
    /// Removal of everything began.
    CleanupStarted,
    /// Removal of everything ended with nothing left.
    CleanupFinished,
    /// Anything else.
    Other,
}

/// The `op` that closes a step.
pub(crate) const SETTLE: &str = "settle";

/// The moment of a line, to the millisecond, as it is written.
pub(crate) fn at_text(at: Timestamp) -> String {
    format!("{at:.3}")
}
