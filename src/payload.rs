//! What is brought onto the instance: the two programs, from the folder that the command line names or from this
//! program's own.

use std::path::PathBuf;
use std::sync::Arc;

use model::config::{Config, HostInstall};
use model::plan::{Plan, StepId};
use model::{Finding, Severity};
use provision::bundle::Programs;

use crate::failure::{Failure, Next, codes};
use crate::next;

/// The programs, once they were read or looked for in vain.
#[derive(Debug, Default)]
pub(crate) struct Payload {
    /// The folder of the command line.
    pub(crate) folder: Option<PathBuf>,
    found: Option<Result<Arc<Programs>, Finding>>,
}

impl Payload {
    /// Reads them, where the configuration wants them on an instance of its own.
    pub(crate) fn read(&mut self, config: &Config) {
        let is_wanted =
            config.host.install == HostInstall::UserData && config.instance.adopt_instance_id.is_none();
        if is_wanted && self.found.is_none() {
            self.found = Some(self.look());
        }
    }

    fn look(&self) -> Result<Arc<Programs>, Finding> {
        let own = || std::env::current_exe().ok()?.parent().map(PathBuf::from);
        let folder = self.folder.clone().or_else(own).unwrap_or_default();
        Programs::read(&folder).map(Arc::new).map_err(|error| {
            let message = format!("the programs for the instance cannot be read: {error}");
            let finding = Finding::new(codes::NO_PROGRAMS, Severity::Error, "host.install", message).hint(
                "name the folder that holds bedrock-nova-proxy and sre-agent-deploy for the instance: --programs DIR",
            );
            match std::error::Error::source(&error) {
                Some(source) => finding.evidence(source.to_string()),
                None => finding,
            }
        })
    }

    /// The programs, for the engine.
    pub(crate) fn programs(&self) -> Option<Arc<Programs>> {
        self.found.as_ref()?.as_ref().ok().map(Arc::clone)
    }

    /// Refuses a plan that uploads programs which were looked for in vain.
    pub(crate) fn check(&self, plan: &Plan) -> Result<(), Box<Failure>> {
        let uploads =
            plan.step(StepId::Bundle).is_some_and(|step| step.change.is_pending() && !step.change.destroys());
        match &self.found {
            Some(Err(finding)) if uploads => Err(Failure::of_findings(vec![finding.clone()])),
            _ => Ok(()),
        }
    }

    /// The same command to go on with, with the folder that was named.
    pub(crate) fn kept_in(&self, next: Next) -> Next {
        next::with_programs(next, self.folder.as_deref())
    }
}
