//! What a line of a host's journal can say.

use model::DeploymentId;
use serde::{Deserialize, Serialize};

use super::thing::Thing;

/// The first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostHeader {
    /// The form's version.
    pub version: u32,
    /// The deployment that the host belonged to when the file was begun; none where the journal had been lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deployment_id: Option<DeploymentId>,
    /// Random, once for the life of the file.
    pub lineage: String,
    /// Version of the program that began the file.
    pub tool_version: String,
}

/// What was in the place of a thing before the first installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Before {
    /// Nothing: the thing is removed.
    Absent,
    /// Something else, which is kept aside: it is put back.
    Kept,
    /// The thing itself: it is somebody else's, used and left alone.
    There,
}

/// What a run is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunKind {
    /// `host install`
    Install,
    /// `host upgrade`
    Upgrade,
}

/// A line after the first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum HostRecord {
    /// A run begins.
    Planned {
        /// What for.
        run: RunKind,
        /// Version of the program that is installed, where it is known.
        version: String,
        /// The things that are going to be changed.
        changes: Vec<String>,
    },
    /// A thing is about to be made or changed.
    Intent {
        /// Its name.
        step: String,
        /// The thing as it is going to be.
        thing: Thing,
        /// What was in its place before the first installation.
        before: Before,
        /// What is in its place before this run, where a committed run made it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        previous: Option<Thing>,
    },
    /// It is made or changed.
    Done {
        /// Its name.
        step: String,
    },
    /// It was there and is used as it is.
    Adopted {
        /// Its name.
        step: String,
        /// The thing.
        thing: Thing,
    },
    /// It was found to be ours, without a journal that says so.
    Recovered {
        /// Its name.
        step: String,
        /// The thing.
        thing: Thing,
        /// As far as that can be told.
        before: Before,
    },
    /// It could not be made, and certainly is as before.
    Failed {
        /// Its name.
        step: String,
        /// The finding's code.
        code: String,
        /// One line.
        message: String,
    },
    /// It is about to be taken away, and what was there before put back; or, with `previous`, to be as before this run.
    UndoIntent {
        /// Its name.
        step: String,
        /// Whether only this run is taken back.
        previous: bool,
    },
    /// It is taken away or as before this run.
    Undone {
        /// Its name.
        step: String,
        /// As in the intent.
        previous: bool,
    },
    /// It could not be taken away.
    UndoFailed {
        /// Its name.
        step: String,
        /// The finding's code.
        code: String,
        /// One line.
        message: String,
    },
    /// The run ended, and the service is well.
    Committed,
    /// The run was taken back.
    WentBack {
        /// Why.
        reason: String,
    },
    /// Something worth keeping that changes no thing.
    Note {
        /// What it is about.
        topic: HostTopic,
        /// One line.
        text: String,
    },
}

/// What a note is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HostTopic {
    /// A run took over from a killed or failed one.
    Resumed,
    /// Removal began.
    RemovalStarted,
    /// Removal ended, and data was left on purpose.
    RemovalFinished,
    /// A setting that the operator had edited was replaced, and is kept aside.
    Edited,
    /// Anything else.
    Other,
}
