//! A run from beginning to end: who we are, what is there, what is done about it, and what is left.
//!
//! This file says what a run needs and whose account it may touch; looking, carrying out and removing have a file each.

mod carry_out;
mod prepare;
mod removal;
mod rotation;

use std::collections::BTreeSet;
use std::sync::Arc;

use cloud::Cloud;
use cloud::port::sts::Identity;
use jiff::Timestamp;
use model::config::Config;
use model::event::EventSink;
use model::plan::{Pins, StepId};
use model::{AccountId, Finding, Region, Severity};
use tokio_util::sync::CancellationToken;

use crate::bundle::Programs;
use crate::clock::{Clock, Entropy};
use crate::error::{RunError, StepError};
use crate::events::Emitter;
use crate::guided::Operator;
use crate::journal::{Header, JOURNAL_VERSION, State};
use crate::patience::{Limits, Patience};

pub use prepare::Prepared;
pub use removal::created_by_last_plan;

/// Everything a run needs from outside.
pub struct Engine<'a> {
    /// The account.
    pub cloud: Cloud,
    /// The time.
    pub clock: &'a dyn Clock,
    /// Chance.
    pub entropy: &'a Entropy,
    /// Where events go.
    pub events: &'a dyn EventSink,
    /// Set to stop at the next safe point.
    pub cancel: CancellationToken,
    /// The programs for the instance, where they are at hand; a plan that uploads them needs them.
    pub programs: Option<Arc<Programs>>,
    /// Who makes what is to be made by hand, where somebody is there.
    pub operator: Option<Arc<dyn Operator>>,
    /// The steps whose resource a person makes, where it does not exist yet.
    pub guided: BTreeSet<StepId>,
    /// Bounds on waiting.
    pub limits: Limits,
    /// Version of the program, for the journal.
    pub tool_version: String,
}

/// What to do about a state file, by what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intention {
    /// Nothing has been planned, or everything has been removed: begin.
    Begin,
    /// A run with the same configuration did not end: go on with it.
    GoOn,
    /// Plan the difference to what is there.
    Difference,
}

impl Intention {
    /// Reads it off the state. An unfinished run with another configuration is planned anew.
    pub fn of(state: Option<&State>, config_digest: &str) -> Self {
        match state {
            None => Self::Begin,
            Some(state) if state.cleaned_up || state.plan.is_none() => Self::Begin,
            Some(state) if state.cleaning_up || state.is_finished() => Self::Difference,
            Some(state) if state.plan.as_ref().is_some_and(|plan| plan.config_digest == config_digest) => {
                Self::GoOn
            }
            Some(_) => Self::Difference,
        }
    }
}

impl Engine<'_> {
    /// Who the credentials belong to.
    pub async fn identity(&self) -> Result<Identity, StepError> {
        let emitter = Emitter::new(self.events, self.clock);
        self.patience(&emitter).read(None, || self.cloud.sts.get_caller_identity(())).await
    }

    /// Refuses credentials of another account than the configuration or the journal says.
    pub fn check_account(
        identity: &Identity,
        region: &Region,
        configured: Option<&AccountId>,
        state: Option<&State>,
    ) -> Result<(), RunError> {
        let mut findings = Vec::new();
        let mut expect = |account: &AccountId, who: &str| {
            if *account != identity.account {
                findings.push(
                    Finding::new(
                        "SRE-ACC-001",
                        Severity::Error,
                        "aws.account_id",
                        format!(
                            "the credentials belong to account {}, and {who} is for {account}",
                            identity.account
                        ),
                    )
                    .evidence(identity.arn.clone())
                    .hint("choose the right credentials with --profile or AWS_PROFILE; nothing was changed"),
                );
            }
        };
        if let Some(account) = configured {
            expect(account, "the configuration");
        }
        if let Some(state) = state {
            expect(&state.header.account_id, "the state file");
            if state.header.region != *region {
                findings.push(
                    Finding::new(
                        "SRE-ACC-002",
                        Severity::Error,
                        "aws.region",
                        format!("the Region is {region}, and the state file is for {}", state.header.region),
                    )
                    .hint("use another --state-file for another Region; nothing was changed"),
                );
            }
        }
        if findings.is_empty() { Ok(()) } else { Err(RunError::Refused(findings)) }
    }

    /// Begins a journal's header for this configuration.
    pub fn header(&self, config: &Config, account: &AccountId) -> Header {
        Header {
            version: JOURNAL_VERSION,
            deployment_id: config.deployment.id.clone(),
            lineage: self.entropy.lineage(),
            account_id: account.clone(),
            region: config.aws.region.clone(),
            mode: config.mode,
            config_digest: config.digest(),
            tool_version: self.tool_version.clone(),
        }
    }

    /// Now, by the engine's clock.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn patience<'e>(&'e self, emitter: &'e Emitter<'e>) -> Patience<'e> {
        Patience { limits: self.limits, cancel: self.cancel.clone(), entropy: self.entropy, events: emitter }
    }
}

fn look(error: StepError) -> RunError {
    match error {
        StepError::Cancelled => RunError::Cancelled,
        error => RunError::Look(error),
    }
}

fn pins_of(state: Option<&State>) -> Pins {
    state.and_then(|state| state.plan.as_ref()).map(|plan| plan.pins.clone()).unwrap_or_default()
}
