//! Carries out a plan: each call recorded before and after, each step brought to what is wanted, whatever was there.

use std::collections::{BTreeMap, BTreeSet};

use cloud::ErrorKind;
use model::Finding;
use model::config::Config;
use model::event::{Outcome, What};
use model::plan::{Change, Outputs, Plan, PlannedStep, StepId};

use crate::advice;
use crate::error::StepError;
use crate::events::Emitter;
use crate::graph::{self, Direction, End};
use crate::guided::Operator;
use crate::held::{Held, held};
use crate::journal::{NoteTopic, Record, SETTLE, StepState};
use crate::key::IntentKey;
use crate::recorder::Recorder;
use crate::steps::{self, CREATE, Context, Found, Op};
use crate::survey::{Sight, Survey};
use crate::undo;

/// How each step of a plan ended.
pub type Ends = BTreeMap<StepId, End<Found, StepError>>;

/// Looking again after a change may show the state before it; more rounds than that are a disagreement.
const MOST_ROUNDS: u32 = 8;

/// Carries out plans.
pub struct Apply<'a> {
    /// What steps may use.
    pub cx: &'a Context<'a>,
    /// The configuration.
    pub config: &'a Config,
    /// Where everything is recorded.
    pub recorder: &'a Recorder<'a>,
    /// Tells the views.
    pub events: &'a Emitter<'a>,
    /// What idempotency keys are derived from.
    pub lineage: &'a str,
    /// Who makes what is to be made by hand, where somebody is there.
    pub operator: Option<&'a dyn Operator>,
}

impl Apply<'_> {
    /// Removes what the plan replaces or deletes, then brings every step to what is wanted.
    pub async fn plan(&self, plan: &Plan, survey: &Survey) -> Ends {
        let doomed: BTreeSet<StepId> = plan.destructive().map(|planned| planned.id).collect();
        let held = match self.held(plan, survey).await {
            Ok(held) => held,
            Err(error) => return doomed.into_iter().take(1).zip([End::Failed(error)]).collect(),
        };
        let held = &held;
        let mut ends = graph::run(&doomed, Direction::Backward, |id| async move {
            let Some(Sight::Ours(found)) = survey.get(&id).map(|sighting| &sighting.sight) else {
                return Err(StepError::Bug(format!("{id} is to be removed and was not seen")));
            };
            self.events.emit(What::StepStarted { step: id });
            let removed = match held.get(&id) {
                Some(why) => Err(StepError::Blocked(Box::new(why.clone()))),
                None => undo::remove(self.cx, self.recorder, self.events, id, found).await,
            };
            self.tell(id, removed.as_ref().map(|()| ("removed".to_owned(), Outcome::Done)));
            removed.map(|()| found.clone())
        })
        .await;
        if ends.values().any(|end| !matches!(end, End::Done(_))) {
            return ends;
        }
        let wanted: BTreeSet<StepId> = plan
            .steps
            .iter()
            .filter(|planned| !matches!(planned.change, Change::Delete { .. }))
            .map(|planned| planned.id)
            .collect();
        let brought = graph::run(&wanted, Direction::Forward, |id| async move {
            let Some(planned) = plan.step(id) else {
                return Err(StepError::Bug(format!("{id} is not in the plan")));
            };
            self.events.emit(What::StepStarted { step: id });
            let before = survey.get(&id).map(|sighting| &sighting.sight);
            let brought = self.bring(planned, before).await;
            if let Ok(found) = &brought {
                self.cx.known.set(id, found.outputs.clone());
            }
            self.tell(id, brought.as_ref().map(|found| self.success(planned, found)));
            brought
        })
        .await;
        for (id, end) in &brought {
            if let End::Skipped(because) = end {
                self.events.emit(What::StepFinished {
                    step: *id,
                    outcome: Outcome::Skipped,
                    message: format!("not reached, because {} did not end well", because.title()),
                });
            }
        }
        ends.extend(brought);
        ends
    }

    /// What is no longer wanted and still needed. A successor takes the place of what is replaced.
    async fn held(&self, plan: &Plan, survey: &Survey) -> Result<Held, StepError> {
        let unwanted = plan.steps.iter().filter(|planned| matches!(planned.change, Change::Delete { .. }));
        let found = |id| match survey.get(&id).map(|sighting| &sighting.sight) {
            Some(Sight::Ours(found)) => Some((id, vec![found.clone()])),
            _ => None,
        };
        let targets: undo::Targets = unwanted.filter_map(|planned| found(planned.id)).collect();
        if targets.is_empty() {
            return Ok(Held::new());
        }
        held(self.cx, self.recorder.state().as_ref(), &targets).await
    }

    fn success(&self, planned: &PlannedStep, found: &Found) -> (String, Outcome) {
        let outcome = if steps::step(planned.id).remarks(self.cx, found).is_empty() {
            match planned.change {
                Change::Keep { .. } => Outcome::Unchanged,
                _ => Outcome::Done,
            }
        } else {
            Outcome::Warning
        };
        (found.outputs.get("public_ip").unwrap_or(&found.id).clone(), outcome)
    }

    fn tell(&self, step: StepId, end: Result<(String, Outcome), &StepError>) {
        let (message, outcome) = match end {
            Ok(success) => success,
            Err(StepError::Cancelled) => ("stopped at a safe point".to_owned(), Outcome::Cancelled),
            Err(error) => (error.to_string(), Outcome::Failed),
        };
        self.events.emit(What::StepFinished { step, outcome, message });
    }

    async fn bring(&self, planned: &PlannedStep, before: Option<&Sight>) -> Result<Found, StepError> {
        let id = planned.id;
        self.cx.patience.check()?;
        if let (Change::Adopt { .. }, Some(Sight::Adopted(found))) = (&planned.change, before) {
            let (id_text, outputs) = (found.id.clone(), found.outputs.clone());
            self.recorder.record(&Record::Adopted { step: id, id: id_text, outputs })?;
            return Ok(found.clone());
        }
        if id.is_check() {
            return self.await_check(id).await;
        }
        if let Some(found) = self.by_hand(planned).await? {
            return Ok(found);
        }
        let have = match (&planned.change, before) {
            // What was replaced is gone by now.
            (Change::Replace { .. }, _) | (_, None) => None,
            (_, Some(Sight::Ours(found))) => Some(found.clone()),
            (_, Some(_)) => None,
        };
        let have = self.converge(id, have).await?;
        let found = steps::step(id).settle(self.cx, have).await?;
        self.settled(id, &found)?;
        Ok(found)
    }

    async fn await_check(&self, id: StepId) -> Result<Found, StepError> {
        let found = steps::step(id).wait(self.cx).await?;
        self.record_settled(id, None, &found.outputs)?;
        Ok(found)
    }

    fn settled(&self, id: StepId, found: &Found) -> Result<(), StepError> {
        let state = self.state(id);
        let known = state.settled && state.id.as_ref() == Some(&found.id) && state.outputs == found.outputs;
        if !known {
            self.record_settled(id, Some(&found.id), &found.outputs)?;
        }
        for finding in steps::step(id).remarks(self.cx, found) {
            self.events.emit(What::Found { finding });
        }
        Ok(())
    }

    /// Closes a step in the journal. A check makes nothing, so it has no id.
    fn record_settled(&self, id: StepId, made: Option<&String>, outputs: &Outputs) -> Result<(), StepError> {
        let attempt = self.state(id).attempt();
        let key = IntentKey::derive(self.lineage, id, attempt);
        self.recorder.record(&Record::Done {
            step: id,
            op: SETTLE.to_owned(),
            key: key.as_str().to_owned(),
            attempt,
            id: made.cloned(),
            outputs: outputs.clone(),
        })?;
        Ok(())
    }

    pub(crate) fn state(&self, id: StepId) -> StepState {
        self.recorder.state().map(|state| state.step(id)).unwrap_or_default()
    }

    /// Makes calls until the resource is as wanted.
    async fn converge(&self, id: StepId, mut have: Option<Found>) -> Result<Found, StepError> {
        let step = steps::step(id);
        self.reconcile_journal(id, have.as_ref())?;
        for round in 0..MOST_ROUNDS {
            // Asked anew in every round: a wish may name what an earlier step has made by now.
            let Some(want) = step.want(self.cx, self.config) else {
                return Err(StepError::Bug(format!("{id} is in the plan and not wanted")));
            };
            let ops = self.in_order(id, step.ops(self.cx, &want, have.as_ref()))?;
            let Some(first) = ops.first() else {
                if let Some(found) = have {
                    return Ok(found);
                }
                return Err(StepError::Bug(format!("{id} does not exist and has no call to create it")));
            };
            if first.name == CREATE {
                have = Some(self.create(id, first).await?);
                continue;
            }
            let mut known = have.as_ref().map(|found| found.id.clone()).unwrap_or_default();
            for op in &ops {
                // A moved address has a new association.
                known = self.act(id, op, have.as_ref()).await?.unwrap_or(known);
            }
            have = Some(self.look_again(id, &known, &want, round).await?);
        }
        Err(StepError::TimedOut {
            reason: format!("{} to show its changes", id.title()),
            waited: self.cx.patience.limits.operation,
        })
    }

    /// Looks until the change can be seen, or a few times in vain: then the calls are made once more.
    async fn look_again(
        &self,
        id: StepId,
        known: &str,
        want: &steps::Want,
        round: u32,
    ) -> Result<Found, StepError> {
        let step = steps::step(id);
        let looks = std::sync::atomic::AtomicU32::new(0);
        let enough = round.saturating_add(3);
        let reason = "waiting for the change to become visible";
        self.cx
            .patience
            .until(id, reason, self.cx.patience.limits.operation, || async {
                let found = step.fetch(self.cx, known).await?;
                let looked = looks.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                Ok(found.filter(|found| looked >= enough || step.ops(self.cx, want, Some(found)).is_empty()))
            })
            .await
    }

    /// The open call of a killed run comes first; it has to be ended before another may begin.
    fn in_order(&self, id: StepId, mut ops: Vec<Op>) -> Result<Vec<Op>, StepError> {
        let state = self.state(id);
        let Some(pending) = state.pending else { return Ok(ops) };
        if let Some(place) = ops.iter().position(|op| op.label() == pending.op) {
            let op = ops.remove(place);
            ops.insert(0, op);
            return Ok(ops);
        }
        // It is not needed any more, so it did its work before the run was killed.
        self.recorder.record(&Record::Done {
            step: id,
            op: pending.op,
            key: pending.key,
            attempt: state.undone.saturating_add(1),
            id: state.id,
            outputs: Outputs::new(),
        })?;
        Ok(ops)
    }

    /// Brings the journal to what was seen: a create that happened is ended, a resource that vanished is forgotten.
    fn reconcile_journal(&self, id: StepId, have: Option<&Found>) -> Result<(), StepError> {
        let state = self.state(id);
        match (have, &state.pending, &state.id) {
            (Some(found), Some(pending), None) => {
                self.recorder.record(&Record::Done {
                    step: id,
                    op: pending.op.clone(),
                    key: pending.key.clone(),
                    attempt: state.attempt(),
                    id: Some(found.id.clone()),
                    outputs: Outputs::new(),
                })?;
            }
            (None, pending, Some(gone)) => {
                if let Some(pending) = pending {
                    self.recorder.record(&Record::Failed {
                        step: id,
                        op: pending.op.clone(),
                        key: pending.key.clone(),
                        attempt: state.attempt(),
                        code: "SRE-PLAN-016".to_owned(),
                        message: "the resource is gone".to_owned(),
                    })?;
                }
                self.recorder.record(&Record::Drift { step: id, id: gone.clone(), diffs: Vec::new() })?;
                // A new attempt, so that it gets a new key: the token of something deleted is refused.
                self.recorder.record(&Record::Undone {
                    step: id,
                    op: SETTLE.to_owned(),
                    id: gone.clone(),
                })?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Creates the resource, once, and looks until it can be seen.
    async fn create(&self, id: StepId, op: &Op) -> Result<Found, StepError> {
        let step = steps::step(id);
        let reason = "waiting for a new resource to become visible";
        let bound = self.cx.patience.limits.operation;
        match self.act(id, op, None).await {
            Ok(Some(made)) => self.cx.patience.until(id, reason, bound, || step.fetch(self.cx, &made)).await,
            Ok(None) => Err(StepError::Bug(format!("{id} was created without an id"))),
            // Ours from a run that was killed, not visible when we looked; or a stranger's that came in between.
            Err(StepError::Call(error)) if error.kind == ErrorKind::AlreadyExists => {
                let found = self
                    .cx
                    .patience
                    .until(id, reason, bound, || async {
                        if let Some(found) = step.find(self.cx).await?.pop() {
                            return Ok(Some(found));
                        }
                        match step.rival(self.cx, self.config).await? {
                            Some(finding) => Err(StepError::Blocked(Box::new(finding))),
                            None => Ok(None),
                        }
                    })
                    .await?;
                self.end_of_call(id, op, Some(&found.id))?;
                Ok(found)
            }
            // What the token once made is gone; by now the attempt, and with it the token, is another.
            Err(StepError::Call(error)) if error.kind == ErrorKind::TokenMismatch => {
                self.create_again(id, op).await
            }
            // Nobody knows whether it happened. Look before doing it again.
            Err(StepError::Call(error)) if error.may_have_happened() && !step.repeats_safely(CREATE) => {
                let found = self
                    .cx
                    .patience
                    .believe_absent(id, || async { Ok(step.find(self.cx).await?.pop()) })
                    .await?;
                match found {
                    Some(found) => {
                        self.end_of_call(id, op, Some(&found.id))?;
                        Ok(found)
                    }
                    None => self.create_again(id, op).await,
                }
            }
            Err(error) => Err(error),
        }
    }

    /// The second and last try at a create.
    async fn create_again(&self, id: StepId, op: &Op) -> Result<Found, StepError> {
        let Some(made) = self.act(id, op, None).await? else {
            return Err(StepError::Bug(format!("{id} was created without an id")));
        };
        let reason = "waiting for a new resource to become visible";
        let bound = self.cx.patience.limits.operation;
        self.cx.patience.until(id, reason, bound, || steps::step(id).fetch(self.cx, &made)).await
    }

    fn end_of_call(&self, id: StepId, op: &Op, made: Option<&String>) -> Result<(), StepError> {
        let state = self.state(id);
        if state.pending.is_some() {
            let key = IntentKey::derive(self.lineage, id, state.attempt());
            self.recorder.record(&Record::Done {
                step: id,
                op: op.label(),
                key: key.as_str().to_owned(),
                attempt: state.attempt(),
                id: made.cloned(),
                outputs: Outputs::new(),
            })?;
        }
        Ok(())
    }

    /// One call, with its intent before it and its end after it.
    async fn act(&self, id: StepId, op: &Op, have: Option<&Found>) -> Result<Option<String>, StepError> {
        self.cx.patience.check()?;
        let attempt = self.state(id).attempt();
        let key = IntentKey::derive(self.lineage, id, attempt);
        self.recorder.record(&Record::Intent {
            step: id,
            op: op.label(),
            key: key.as_str().to_owned(),
            attempt,
        })?;
        self.events.emit(What::Acting { step: id, action: op.summary.clone() });
        match steps::step(id).perform(self.cx, op, have, &key).await {
            Ok(made) => {
                self.end_of_call(id, op, made.as_ref())?;
                Ok(made)
            }
            // Of a change, "exists already" and "is gone already" say that it is as wanted.
            Err(StepError::Call(error))
                if op.name != CREATE
                    && matches!(error.kind, ErrorKind::AlreadyExists | ErrorKind::NotFound) =>
            {
                self.end_of_call(id, op, None)?;
                Ok(None)
            }
            // Whether it happened is seen by looking; its intent stays open until then.
            Err(StepError::Call(error))
                if op.name != CREATE
                    && error.may_have_happened()
                    && !steps::step(id).repeats_safely(op.name) =>
            {
                Ok(None)
            }
            Err(error) => {
                self.failure(id, op, &key, attempt, &error)?;
                Err(error)
            }
        }
    }

    /// Records a failed call. One that may have happened keeps its intent open, for the next run to find out.
    fn failure(
        &self,
        id: StepId,
        op: &Op,
        key: &IntentKey,
        attempt: u32,
        error: &StepError,
    ) -> Result<(), StepError> {
        let open = match error {
            StepError::Call(error) => error.may_have_happened() || error.kind == ErrorKind::AlreadyExists,
            StepError::Cancelled | StepError::TimedOut { .. } => true,
            StepError::Blocked(_) | StepError::NotReached { .. } | StepError::Bug(_) => false,
            StepError::Journal(_) => return Ok(()),
        };
        if open {
            let text = format!("{id} {}: {error}", op.label());
            self.recorder.record(&Record::Note { topic: NoteTopic::Unknown, text })?;
            return Ok(());
        }
        let finding: Finding = advice::of_step(id, error);
        self.recorder.record(&Record::Failed {
            step: id,
            op: op.label(),
            key: key.as_str().to_owned(),
            attempt,
            code: finding.code,
            message: finding.message,
        })?;
        if let StepError::Call(call) = error
            && call.kind == ErrorKind::TokenMismatch
        {
            // The token belongs to something that was terminated: the next attempt needs another.
            let gone = key.as_str().to_owned();
            self.recorder.record(&Record::Undone { step: id, op: SETTLE.to_owned(), id: gone })?;
        }
        Ok(())
    }
}
