//! What all lines of a journal together mean: a pure fold, and the rule which line may follow which.
//!
//! A line that could not have been written by this program is an error when writing and when reading, so a bug is
//! caught before it reaches the disk, and a forged line when it is read.

use std::collections::BTreeMap;

use model::plan::{Change, Outputs, Plan, StepId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::JOURNAL_VERSION;
use super::fold::{Fold, IllegalRecord};
use super::record::{Header, NoteTopic, Record, SETTLE};

/// Whose a resource is. Only what we created is ever deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ownership {
    /// We made it.
    Created,
    /// It was there and is used as it is.
    Adopted,
}

/// A call whose intent is on disk and whose end is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// The call within the step.
    pub op: String,
    /// The idempotency key it was made with.
    pub key: String,
}

/// How far a step is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StepState {
    /// How many times the step was undone: the next attempt is one more.
    pub undone: u32,
    /// The resource, once known.
    pub id: Option<String>,
    /// Whose it is, once known.
    pub ownership: Option<Ownership>,
    /// A call without an end.
    pub pending: Option<Pending>,
    /// A removing call without an end: the call and what it removes.
    pub undo_pending: Option<(String, String)>,
    /// Whether it is as the last plan wants it.
    pub settled: bool,
    /// What later steps and the report use.
    pub outputs: Outputs,
    /// Code and message of the last failure, until something succeeds.
    pub failure: Option<(String, String)>,
}

impl StepState {
    /// The number of the attempt that is under way or comes next.
    pub fn attempt(&self) -> u32 {
        self.undone.saturating_add(1)
    }
}

/// Everything a journal says.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// Whose journal it is.
    pub header: Header,
    /// The last approved plan.
    pub plan: Option<Plan>,
    /// The resolved configuration that the plan was made from.
    pub config: Option<Value>,
    /// Every step that was ever begun.
    pub steps: BTreeMap<StepId, StepState>,
    /// Whether a removal of everything has begun and not ended.
    pub cleaning_up: bool,
    /// Whether everything was removed since the last plan.
    pub cleaned_up: bool,
}

impl Fold for State {
    const FORMAT: &'static str = "sre-agent-deploy/journal";
    const VERSION: u32 = JOURNAL_VERSION;
    const SUBJECT: &'static str = "deployment";
    const FILE: &'static str = "state file";
    type Header = Header;
    type Record = Record;

    fn begin(header: Header) -> Self {
        Self::new(header)
    }

    fn apply(self, record: &Record) -> Result<Self, IllegalRecord> {
        Self::apply(self, record)
    }
}

impl State {
    /// The state of a journal with nothing but its header.
    pub fn new(header: Header) -> Self {
        Self {
            header,
            plan: None,
            config: None,
            steps: BTreeMap::new(),
            cleaning_up: false,
            cleaned_up: false,
        }
    }

    /// The step's state; of a step never begun, the empty one.
    pub fn step(&self, id: StepId) -> StepState {
        self.steps.get(&id).cloned().unwrap_or_default()
    }

    /// Whether everything the last plan wants is there.
    pub fn is_finished(&self) -> bool {
        !self.cleaning_up
            && !self.cleaned_up
            && self.plan.as_ref().is_some_and(|plan| {
                plan.steps.iter().all(|planned| {
                    let step = self.step(planned.id);
                    match planned.change {
                        Change::Delete { .. } => step.id.is_none() && step.undo_pending.is_none(),
                        _ => step.settled,
                    }
                })
            })
    }

    /// Whether a run could go on here.
    pub fn is_resumable(&self) -> bool {
        self.cleaning_up || (self.plan.is_some() && !self.cleaned_up && !self.is_finished())
    }

    /// The state after one more line, or why that line cannot be.
    pub fn apply(mut self, record: &Record) -> Result<Self, IllegalRecord> {
        match record {
            Record::Planned { plan, config } => {
                for step in self.steps.values_mut() {
                    step.settled = false;
                    step.failure = None;
                }
                self.plan = Some(plan.as_ref().clone());
                self.config = Some(config.clone());
                self.cleaning_up = false;
                self.cleaned_up = false;
            }
            Record::Note { topic: NoteTopic::CleanupStarted, .. } => self.cleaning_up = true,
            Record::Note { topic: NoteTopic::CleanupFinished, .. } => {
                self.cleaning_up = false;
                self.cleaned_up = true;
            }
            Record::Note { .. } => {}
            Record::Intent { step, op, key, attempt } => {
                self.change(*step, |state| state.intend(op, key, *attempt))?;
            }
            Record::Done { step, op, key, attempt, id, outputs } => {
                self.change(*step, |state| state.finish(op, key, *attempt, id.as_ref(), outputs))?;
            }
            Record::Adopted { step, id, outputs } => {
                self.change(*step, |state| state.adopt(id, outputs))?;
            }
            Record::Failed { step, op, code, message, .. } => {
                self.change(*step, |state| state.fail(op, code, message))?;
            }
            Record::Drift { step, .. } => {
                self.change(*step, |state| {
                    if state.id.is_none() { Err("drift of something that does not exist") } else { Ok(()) }
                })?;
            }
            Record::UndoIntent { step, op, id } => {
                self.change(*step, |state| state.intend_undo(op, id))?;
            }
            Record::Undone { step, op, id } => {
                self.change(*step, |state| state.finish_undo(op, id))?;
            }
            Record::UndoFailed { step, op, id, code, message } => {
                self.change(*step, |state| state.fail_undo(op, id, code, message))?;
            }
        }
        Ok(self)
    }

    /// Changes one step's state.
    fn change(
        &mut self,
        step: StepId,
        change: impl FnOnce(&mut StepState) -> Result<(), &'static str>,
    ) -> Result<(), IllegalRecord> {
        change(self.steps.entry(step).or_default())
            .map_err(|reason| IllegalRecord { step: step.to_string(), reason })
    }
}

impl StepState {
    fn intend(&mut self, op: &str, key: &str, attempt: u32) -> Result<(), &'static str> {
        if self.ownership == Some(Ownership::Adopted) {
            return Err("a changing call on something adopted");
        }
        if attempt != self.attempt() {
            return Err("the attempt does not count on from the last");
        }
        if self.pending.as_ref().is_some_and(|pending| pending.op != op || pending.key != key) {
            return Err("another call is still open");
        }
        self.settled = false;
        self.pending = Some(Pending { op: op.to_owned(), key: key.to_owned() });
        Ok(())
    }

    fn finish(
        &mut self,
        op: &str,
        key: &str,
        attempt: u32,
        id: Option<&String>,
        outputs: &Outputs,
    ) -> Result<(), &'static str> {
        if attempt != self.attempt() {
            return Err("the attempt does not count on from the last");
        }
        if op == SETTLE {
            if self.pending.is_some() {
                return Err("settled with a call still open");
            }
            if self.ownership == Some(Ownership::Adopted) {
                return Err("settled as ours, but it was adopted");
            }
            self.settled = true;
            self.outputs = outputs.clone();
        } else {
            match &self.pending {
                Some(pending) if pending.op == op && pending.key == key => self.pending = None,
                _ => return Err("the end of a call that was never begun"),
            }
        }
        if let Some(id) = id {
            self.id = Some(id.clone());
            self.ownership = Some(Ownership::Created);
        }
        self.failure = None;
        Ok(())
    }

    fn adopt(&mut self, id: &str, outputs: &Outputs) -> Result<(), &'static str> {
        if self.pending.is_some() {
            return Err("adopted with a call still open");
        }
        if self.ownership == Some(Ownership::Created) {
            return Err("adopted, but we made it");
        }
        self.id = Some(id.to_owned());
        self.ownership = Some(Ownership::Adopted);
        self.outputs = outputs.clone();
        self.settled = true;
        self.failure = None;
        Ok(())
    }

    fn fail(&mut self, op: &str, code: &str, message: &str) -> Result<(), &'static str> {
        match &self.pending {
            Some(pending) if pending.op == op => self.pending = None,
            Some(_) => return Err("the failure of a call other than the open one"),
            None => {}
        }
        self.settled = false;
        self.failure = Some((code.to_owned(), message.to_owned()));
        Ok(())
    }

    fn intend_undo(&mut self, op: &str, id: &str) -> Result<(), &'static str> {
        if self.ownership == Some(Ownership::Adopted) && self.id.as_deref() == Some(id) {
            return Err("the removal of something adopted");
        }
        self.settled = false;
        self.undo_pending = Some((op.to_owned(), id.to_owned()));
        Ok(())
    }

    fn finish_undo(&mut self, op: &str, id: &str) -> Result<(), &'static str> {
        if self.ownership == Some(Ownership::Adopted) && self.id.as_deref() == Some(id) {
            return Err("the removal of something adopted");
        }
        if op == SETTLE {
            if self.id.as_deref().is_none_or(|known| known == id) {
                *self = Self { undone: self.undone.saturating_add(1), ..Self::default() };
            }
            return Ok(());
        }
        match self.undo_pending.take() {
            Some((pending_op, pending_id)) if pending_op == op && pending_id == id => Ok(()),
            _ => Err("the end of a removal that was never begun"),
        }
    }

    fn fail_undo(&mut self, op: &str, id: &str, code: &str, message: &str) -> Result<(), &'static str> {
        match self.undo_pending.take() {
            Some((pending_op, pending_id)) if pending_op == op && pending_id == id => {}
            None => {}
            Some(_) => return Err("the failure of a removal that was never begun"),
        }
        self.failure = Some((code.to_owned(), message.to_owned()));
        Ok(())
    }
}
