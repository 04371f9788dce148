//! What the engine tells whoever looks: typed, in order, and readable by views that know less than it says.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::guide::Task;
use crate::plan::StepId;
use crate::{DeploymentId, Finding};

/// One thing that happened. A view that was away can go on from the last `index` it saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// 0, 1, 2, ... within a run.
    pub index: u64,
    /// When, UTC.
    pub at: Timestamp,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum What {
    /// A run began.
    RunStarted {
        /// What kind of run.
        run: Run,
        /// Of which deployment.
        deployment_id: DeploymentId,
        /// The steps it has, in the order to show them.
        steps: Vec<StepLine>,
    },
    /// A step began.
    StepStarted {
        /// The step.
        step: StepId,
    },
    /// A call that changes something is about to be made; its intent is on disk.
    Acting {
        /// The step.
        step: StepId,
        /// What is done, for people: "create security group sre-agent-prod-proxy".
        action: String,
    },
    /// Something is waited for, and that is normal.
    Waiting {
        /// The step; none before the steps begin.
        step: Option<StepId>,
        /// For what: "waiting for IAM propagation".
        reason: String,
        /// How many times it has been tried.
        attempt: u32,
        /// Milliseconds since the first try.
        elapsed_ms: u64,
        /// Milliseconds until the next try.
        next_in_ms: u64,
    },
    /// A person is asked to make something in the Console.
    ByHand {
        /// What.
        task: Box<Task>,
    },
    /// A step ended.
    StepFinished {
        /// The step.
        step: StepId,
        /// How.
        outcome: Outcome,
        /// One line: the id, or the reason.
        message: String,
    },
    /// Something worth saying.
    Found {
        /// The finding.
        finding: Finding,
    },
    /// The run ended.
    RunFinished {
        /// How.
        outcome: Outcome,
    },
    /// An event of a newer version.
    #[serde(other)]
    Unknown,
}

/// What kind of run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Run {
    /// From a configuration.
    Deploy,
    /// From a journal.
    Resume,
    /// Takes away what a deployment made.
    Cleanup,
}

/// A step as a view lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepLine {
    /// The step.
    pub step: StepId,
    /// What is going to be done: `create`, `keep`, `delete`, ...
    pub verb: String,
    /// The resource's name.
    pub name: String,
}

/// How a step or a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// As wanted.
    Done,
    /// It was so already.
    Unchanged,
    /// As wanted, and something should be done about it.
    Warning,
    /// Not reached, because of something else.
    Skipped,
    /// Stopped by the operator at a safe point.
    Cancelled,
    /// Failed.
    Failed,
}

/// Takes events. Must not block: the engine does not wait for a screen, and a view that died is ignored.
pub trait EventSink: Send + Sync {
    /// Takes one event.
    fn emit(&self, event: Event);
}

/// Takes events and drops them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl EventSink for Silent {
    fn emit(&self, _event: Event) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_of_a_newer_version_is_read_as_unknown() {
        let text = r#"{"index":7,"at":"2026-11-21T10:00:00Z","what":{"type":"sang-a-song","song":"x"}}"#;
        let event: Event = serde_json::from_str(text).unwrap();
        assert_eq!((event.index, event.what), (7, What::Unknown));
    }
}
