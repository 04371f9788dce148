//! Finds and removes what a deployment made: all of it, or what its last plan created.

use model::config::Config;
use model::event::{Outcome, Run, StepLine, What};
use model::plan::{Change, StepId};
use model::{AccountId, DeploymentId, Region};

use super::{Engine, look, pins_of};
use crate::error::RunError;
use crate::events::Emitter;
use crate::held::{Held, held};
use crate::journal::{Journal, NoteTopic, Record, State};
use crate::recorder::Recorder;
use crate::steps::{Context, Found, Known};
use crate::undo::{self, Removal, Targets};

impl Engine<'_> {
    /// Finds everything that a deployment made. Changes nothing.
    pub async fn find(
        &self,
        deployment: &DeploymentId,
        region: &Region,
        account: &AccountId,
        config: Option<&Config>,
        state: Option<&State>,
    ) -> Result<Targets, RunError> {
        let emitter = Emitter::new(self.events, self.clock);
        let patience = self.patience(&emitter);
        let (known, pins) = (Known::default(), pins_of(state));
        let cx = Context {
            cloud: &self.cloud,
            deployment,
            region,
            account,
            config,
            pins: &pins,
            known: &known,
            programs: None,
            patience: &patience,
        };
        undo::find(&cx, state).await.map_err(look)
    }

    /// Removes what was found, in reverse order of dependency, going on past failures.
    pub async fn cleanup(
        &self,
        deployment: &DeploymentId,
        region: &Region,
        account: &AccountId,
        config: Option<&Config>,
        targets: &Targets,
        journal: Option<Journal>,
    ) -> Result<Removal, RunError> {
        let (recorder, state) = match journal {
            Some(journal) => {
                let state = journal.state().clone();
                (Recorder::new(journal, self.clock), Some(state))
            }
            None => (Recorder::absent(self.clock), None),
        };
        let pins = pins_of(state.as_ref());
        let (emitter, known) = (Emitter::new(self.events, self.clock), known_from(targets, state.as_ref()));
        let patience = self.patience(&emitter);
        let cx = Context {
            cloud: &self.cloud,
            deployment,
            region,
            account,
            config,
            pins: &pins,
            known: &known,
            programs: None,
            patience: &patience,
        };
        let text = format!("{} resources", targets.values().map(Vec::len).sum::<usize>());
        recorder.record(&Record::Note { topic: NoteTopic::CleanupStarted, text })?;
        let held = held(&cx, state.as_ref(), targets).await.map_err(look)?;
        let mut removal = take_away(&cx, &recorder, &emitter, targets, &held).await;
        removal.stays = state.as_ref().map(|state| undo::adopted(&cx, state, targets)).unwrap_or_default();
        if removal.left.is_empty() {
            let text = format!("{} resources removed", removal.removed.len());
            recorder.record(&Record::Note { topic: NoteTopic::CleanupFinished, text })?;
        }
        Ok(removal)
    }

    /// Removes what [`created_by_last_plan`] chose. The journal stays unfinished: a resume goes forward again.
    pub async fn rollback(
        &self,
        config: &Config,
        targets: &Targets,
        journal: Journal,
    ) -> Result<Removal, RunError> {
        let state = journal.state().clone();
        let pins = pins_of(Some(&state));
        let recorder = Recorder::new(journal, self.clock);
        let (emitter, known) = (Emitter::new(self.events, self.clock), known_from(targets, Some(&state)));
        let patience = self.patience(&emitter);
        let cx = Context {
            cloud: &self.cloud,
            deployment: &state.header.deployment_id,
            region: &state.header.region,
            account: &state.header.account_id,
            config: Some(config),
            pins: &pins,
            known: &known,
            programs: None,
            patience: &patience,
        };
        let text = "rolling back what the last plan created".to_owned();
        recorder.record(&Record::Note { topic: NoteTopic::Other, text })?;
        let held = held(&cx, Some(&state), targets).await.map_err(look)?;
        Ok(take_away(&cx, &recorder, &emitter, targets, &held).await)
    }
}

/// Of everything found, what the last approved plan created: the targets of a rollback. What was there before that
/// plan stays, changed or not.
pub fn created_by_last_plan(state: &State, targets: Targets) -> Targets {
    let created = |id: StepId| {
        state
            .plan
            .as_ref()
            .and_then(|plan| plan.step(id))
            .is_some_and(|planned| matches!(planned.change, Change::Create | Change::Replace { .. }))
    };
    targets.into_iter().filter(|(id, _)| created(*id)).collect()
}

/// What a removal knows from the start: its targets, and what was adopted, in which some of them lie.
fn known_from(targets: &Targets, state: Option<&State>) -> Known {
    let known = Known::default();
    for (id, step) in state.iter().flat_map(|state| &state.steps) {
        if step.id.is_some() {
            known.set(*id, step.outputs.clone());
        }
    }
    for (id, found) in targets {
        if let Some(first) = found.first() {
            known.set(*id, first.outputs.clone());
        }
    }
    known
}

/// Removes the targets and tells the views.
async fn take_away(
    cx: &Context<'_>,
    recorder: &Recorder<'_>,
    emitter: &Emitter<'_>,
    targets: &Targets,
    held: &Held,
) -> Removal {
    let line = |(id, found): (&StepId, &Vec<Found>)| StepLine {
        step: *id,
        verb: "delete".to_owned(),
        name: found.iter().map(|one| one.id.as_str()).collect::<Vec<_>>().join(", "),
    };
    emitter.emit(What::RunStarted {
        run: Run::Cleanup,
        deployment_id: cx.deployment.clone(),
        steps: targets.iter().rev().map(line).collect(),
    });
    let removal = undo::remove_all(cx, recorder, emitter, targets, held).await;
    let outcome = match (removal.left.is_empty(), removal.cancelled) {
        (true, _) => Outcome::Done,
        (false, true) => Outcome::Cancelled,
        (false, false) => Outcome::Failed,
    };
    emitter.emit(What::RunFinished { outcome });
    removal
}
