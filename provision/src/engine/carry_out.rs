//! Carries out an approved plan, and keeps the journal's beginning and end of it.

use model::config::Config;
use model::event::{Outcome, Run, StepLine, What};
use model::plan::{Change, Plan, Way};
use model::{AccountId, Finding};

use super::{Engine, Prepared};
use crate::apply::Apply;
use crate::error::{RunError, StepError};
use crate::events::Emitter;
use crate::graph::End;
use crate::journal::{Journal, NoteTopic, Record, State};
use crate::recorder::Recorder;
use crate::steps::{self, Context, Known};
use crate::survey::Sight;

impl Engine<'_> {
    /// Carries out an approved plan. Answers what the journal says afterwards, however it ended.
    pub async fn apply(
        &self,
        config: &Config,
        account: &AccountId,
        prepared: &Prepared,
        journal: Journal,
        run: Run,
    ) -> (State, Result<Vec<Finding>, RunError>) {
        let emitter = Emitter::new(self.events, self.clock);
        let lineage = journal.state().header.lineage.clone();
        let before = journal.state().clone();
        let recorder = Recorder::new(journal, self.clock);
        let result = self.apply_recorded(config, account, prepared, &recorder, &emitter, &lineage, run).await;
        let outcome = match &result {
            Ok(_) => Outcome::Done,
            Err(RunError::Cancelled) => Outcome::Cancelled,
            Err(_) => Outcome::Failed,
        };
        emitter.emit(What::RunFinished { outcome });
        (recorder.state().unwrap_or(before), result)
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "the private half of `apply`, split only for its early returns"
    )]
    async fn apply_recorded(
        &self,
        config: &Config,
        account: &AccountId,
        prepared: &Prepared,
        recorder: &Recorder<'_>,
        emitter: &Emitter<'_>,
        lineage: &str,
        run: Run,
    ) -> Result<Vec<Finding>, RunError> {
        let plan = &prepared.plan;
        record_drift(recorder, plan)?;
        let is_going_on = run == Run::Resume && !chooses_anew(recorder, plan);
        if is_going_on {
            let text = self.tool_version.clone();
            recorder.record(&Record::Note { topic: NoteTopic::Resumed, text })?;
        } else {
            recorder.record(&Record::Planned { plan: Box::new(plan.clone()), config: config.resolved() })?;
        }
        emitter.emit(What::RunStarted {
            run,
            deployment_id: config.deployment.id.clone(),
            steps: plan
                .steps
                .iter()
                .map(|step| StepLine {
                    step: step.id,
                    verb: step.change.verb().to_owned(),
                    name: step.name.clone(),
                })
                .collect(),
        });
        let patience = self.patience(emitter);
        let known = Known::default();
        for (id, sighting) in &prepared.survey {
            if let Sight::Ours(found) | Sight::Adopted(found) = &sighting.sight
                && !plan.step(*id).is_some_and(|step| step.change.destroys())
            {
                known.set(*id, found.outputs.clone());
            }
        }
        let cx = Context {
            cloud: &self.cloud,
            deployment: &config.deployment.id,
            region: &config.aws.region,
            account,
            config: Some(config),
            pins: &plan.pins,
            known: &known,
            programs: self.programs.as_deref(),
            patience: &patience,
        };
        let operator = self.operator.as_deref();
        let apply = Apply { cx: &cx, config, recorder, events: emitter, lineage, operator };
        let ends = apply.plan(plan, &prepared.survey).await;
        let mut failed = Vec::new();
        let mut remarks = plan.findings.clone();
        for (id, end) in ends {
            match end {
                End::Done(found) => remarks.extend(steps::step(id).remarks(&cx, &found)),
                End::Failed(error) => failed.push((id, error)),
                End::Skipped(_) => {}
            }
        }
        if self.cancel.is_cancelled() && failed.iter().all(|(_, error)| matches!(error, StepError::Cancelled))
        {
            let finished = recorder.state().is_some_and(|state| state.is_finished());
            if !finished {
                recorder.record(&Record::Note {
                    topic: NoteTopic::Cancelled,
                    text: "stopped by the operator at a safe point".to_owned(),
                })?;
                return Err(RunError::Cancelled);
            }
        }
        if failed.is_empty() { Ok(remarks) } else { Err(RunError::Steps(failed)) }
    }
}

/// Whether a person now makes what the approved plan had made by calls: that has to outlive this run.
fn chooses_anew(recorder: &Recorder<'_>, plan: &Plan) -> bool {
    let guided = |plan: &Plan, id| plan.step(id).is_some_and(|step| step.way == Way::Guided);
    let approved = recorder.state().and_then(|state| state.plan);
    plan.guided().any(|step| approved.as_ref().is_none_or(|approved| !guided(approved, step.id)))
}

/// What differs although the configuration is the one that was deployed was changed by somebody else.
fn record_drift(recorder: &Recorder<'_>, plan: &Plan) -> Result<(), RunError> {
    let Some(before) = recorder.state().filter(State::is_finished) else { return Ok(()) };
    if before.plan.as_ref().is_none_or(|deployed| deployed.config_digest != plan.config_digest) {
        return Ok(());
    }
    for planned in &plan.steps {
        if let Change::Update { found, diffs } | Change::Replace { found, diffs } = &planned.change {
            let drift = Record::Drift { step: planned.id, id: found.clone(), diffs: diffs.clone() };
            recorder.record(&drift)?;
        }
    }
    Ok(())
}
