//! What the account remembers of AgentCore, as it is written to its file.

use std::collections::BTreeMap;

use model::tags::Tags;
use serde::{Deserialize, Serialize};

use crate::port::agentcore::{Condition, GatewaySettings, MemoryStrategy, TargetSettings};
use crate::practice::state::Unseen;

/// An API key credential provider. Its key opens nothing but a rehearsal.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::practice) struct Provider {
    pub(in crate::practice) unseen: Unseen,
    pub(in crate::practice) api_key: String,
    pub(in crate::practice) secret_arn: String,
    pub(in crate::practice) tags: Tags,
}

/// Where a gateway, a target, a memory, a strategy of one or a runtime is on its way to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::practice) enum Course {
    Creating,
    Updating,
    Deleting,
    Ready,
    Failed(String),
}

impl Course {
    pub(super) fn condition(&self) -> Condition {
        let status = match self {
            Self::Creating => "CREATING",
            Self::Updating => "UPDATING",
            Self::Deleting => "DELETING",
            Self::Ready => "READY",
            Self::Failed(_) => "FAILED",
        };
        let reasons = if let Self::Failed(reason) = self { vec![reason.clone()] } else { Vec::new() };
        Condition { status: status.to_owned(), reasons }
    }

    pub(super) fn is_under_way(&self) -> bool {
        matches!(self, Self::Creating | Self::Updating | Self::Deleting)
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::practice) struct Gateway {
    pub(in crate::practice) unseen: Unseen,
    /// Looks until it is where its course leads.
    pub(in crate::practice) settle: u32,
    pub(in crate::practice) course: Course,
    pub(in crate::practice) name: String,
    pub(in crate::practice) token: String,
    pub(in crate::practice) settings: GatewaySettings,
    pub(in crate::practice) targets: BTreeMap<String, Target>,
    pub(in crate::practice) tags: Tags,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::practice) struct Target {
    pub(in crate::practice) unseen: Unseen,
    pub(in crate::practice) settle: u32,
    pub(in crate::practice) course: Course,
    pub(in crate::practice) name: String,
    pub(in crate::practice) token: String,
    pub(in crate::practice) settings: TargetSettings,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::practice) struct Memory {
    pub(in crate::practice) unseen: Unseen,
    pub(in crate::practice) settle: u32,
    pub(in crate::practice) course: Course,
    pub(in crate::practice) name: String,
    pub(in crate::practice) token: String,
    pub(in crate::practice) event_expiry_days: u32,
    pub(in crate::practice) strategies: BTreeMap<MemoryStrategy, Course>,
    pub(in crate::practice) tags: Tags,
}

/// A runtime. Nothing runs in it; its secrets open nothing but a rehearsal.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::practice) struct Runtime {
    pub(in crate::practice) unseen: Unseen,
    pub(in crate::practice) settle: u32,
    pub(in crate::practice) course: Course,
    pub(in crate::practice) name: String,
    pub(in crate::practice) token: String,
    pub(in crate::practice) version: u32,
    pub(in crate::practice) role_arn: String,
    pub(in crate::practice) artifact: String,
    pub(in crate::practice) environment: BTreeMap<String, String>,
    pub(in crate::practice) description: String,
    pub(in crate::practice) tags: Tags,
}
