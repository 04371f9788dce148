//! What all lines of a host's journal together mean, and which line may follow which.

use std::collections::BTreeMap;

use super::HOST_JOURNAL_VERSION;
use super::record::{Before, HostHeader, HostRecord, HostTopic, RunKind};
use super::thing::Thing;
use crate::journal::{Fold, IllegalRecord};

/// A thing that the journal knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Counts the things in the order of their making: they are taken away in the reverse order.
    pub number: u64,
    /// As it was last made, or is being made.
    pub thing: Thing,
    /// What was there before the first installation.
    pub before: Before,
    /// What was there before the run that is under way.
    pub previous: Option<Thing>,
    /// The number of the run that made it.
    pub made_in: u64,
    /// The number of the run that changed it last.
    pub changed_in: u64,
    /// Whether an intent has no end.
    pub is_pending: bool,
    /// Whether an undoing has no end.
    pub is_undo_pending: bool,
}

impl Held {
    /// Whether it is ours to change and to take away.
    pub fn is_ours(&self) -> bool {
        self.before != Before::There
    }
}

/// A run that has not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostRun {
    /// What for.
    pub kind: RunKind,
    /// Whether nothing was installed before.
    pub is_first: bool,
}

/// Everything that a host's journal says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostState {
    /// The first line.
    pub header: HostHeader,
    /// Every thing, by its name.
    pub things: BTreeMap<String, Held>,
    /// The run that has not ended.
    pub run: Option<HostRun>,
    /// The number of the last run.
    pub run_number: u64,
    /// What the last run installed that ended well.
    pub installed: Option<String>,
    /// The version that the last run wanted.
    pub wanted: Option<String>,
    /// Whether a removal has begun and not ended.
    pub is_removing: bool,
    next: u64,
}

impl Fold for HostState {
    const FORMAT: &'static str = "sre-agent-deploy/host-journal";
    const VERSION: u32 = HOST_JOURNAL_VERSION;
    const SUBJECT: &'static str = "host";
    const FILE: &'static str = "host's journal";
    type Header = HostHeader;
    type Record = HostRecord;

    fn begin(header: HostHeader) -> Self {
        Self {
            header,
            things: BTreeMap::new(),
            run: None,
            run_number: 0,
            installed: None,
            wanted: None,
            is_removing: false,
            next: 0,
        }
    }

    fn apply(mut self, record: &HostRecord) -> Result<Self, IllegalRecord> {
        match record {
            HostRecord::Planned { run, version, .. } => {
                // An open first run is gone on with; any other was taken back before.
                if self.run.is_some_and(|open| !open.is_first) {
                    return Err(illegal("run", "a run begins while another is open"));
                }
                self.run = Some(HostRun { kind: *run, is_first: self.installed.is_none() });
                self.run_number = self.run_number.saturating_add(1);
                self.wanted = Some(version.clone());
                self.is_removing = false;
            }
            HostRecord::Intent { step, thing, before, previous } => {
                self.intend(step, thing, *before, previous.as_ref()).map_err(|why| illegal(step, why))?;
            }
            HostRecord::Done { step } => match self.things.get_mut(step) {
                Some(held) if held.is_pending => held.is_pending = false,
                _ => return Err(illegal(step, "the end of something that was never begun")),
            },
            HostRecord::Adopted { step, thing } => {
                if self.things.get(step).is_some_and(Held::is_ours) {
                    return Err(illegal(step, "adopted, but we made it"));
                }
                self.hold(step, thing, Before::There);
            }
            HostRecord::Recovered { step, thing, before } => {
                if self.things.contains_key(step) || self.run.is_some() {
                    return Err(illegal(step, "recovered, but the journal knows it"));
                }
                self.hold(step, thing, *before);
            }
            HostRecord::Failed { step, .. } => {
                // Whether it did something is seen by looking: the intent stays open.
                if self.run.is_none() {
                    return Err(illegal(step, "a failure without a run"));
                }
            }
            HostRecord::UndoIntent { step, .. } | HostRecord::UndoFailed { step, .. } => {
                let is_intent = matches!(record, HostRecord::UndoIntent { .. });
                let held = self.ours(step).map_err(|why| illegal(step, why))?;
                held.is_undo_pending = is_intent;
            }
            HostRecord::Undone { step, previous } => {
                let held = self.ours(step).map_err(|why| illegal(step, why))?;
                if !held.is_undo_pending {
                    return Err(illegal(step, "the end of an undoing that was never begun"));
                }
                held.is_undo_pending = false;
                held.is_pending = false;
                match (previous, held.previous.take()) {
                    (true, Some(thing)) => held.thing = thing,
                    (true, None) => return Err(illegal(step, "there is nothing to go back to")),
                    (false, _) => {
                        self.things.remove(step);
                    }
                }
            }
            HostRecord::Committed => {
                if self.run.take().is_none() {
                    return Err(illegal("run", "the end of a run that was never begun"));
                }
                // What an earlier try left open and nobody wants any more is taken away afterwards.
                let number = self.run_number;
                let open = |held: &Held| held.is_pending && held.changed_in == number;
                if let Some((step, _)) = self.things.iter().find(|(_, held)| open(held)) {
                    return Err(illegal(&step.clone(), "a run ends well with this still open"));
                }
                self.installed.clone_from(&self.wanted);
                for held in self.things.values_mut() {
                    held.previous = None;
                }
            }
            HostRecord::WentBack { .. } => {
                if self.run.take().is_none() {
                    return Err(illegal("run", "the end of a run that was never begun"));
                }
                self.wanted.clone_from(&self.installed);
            }
            HostRecord::Note { topic: HostTopic::RemovalStarted, .. } => {
                self.is_removing = true;
                self.run = None;
            }
            HostRecord::Note { topic: HostTopic::RemovalFinished, .. } => {
                self.is_removing = false;
                self.installed = None;
                self.wanted = None;
            }
            HostRecord::Note { .. } => {}
        }
        Ok(self)
    }
}

fn illegal(step: &str, reason: &'static str) -> IllegalRecord {
    IllegalRecord { step: step.to_owned(), reason }
}

impl HostState {
    /// The thing of this name, where it is ours.
    pub fn held(&self, step: &str) -> Option<&Held> {
        self.things.get(step).filter(|held| held.is_ours())
    }

    /// Names of the things that are ours, the last made first.
    pub fn in_reverse(&self) -> Vec<String> {
        let mut ours: Vec<(u64, &String)> = self
            .things
            .iter()
            .filter(|(_, held)| held.is_ours())
            .map(|(step, held)| (held.number, step))
            .collect();
        ours.sort_unstable();
        ours.into_iter().rev().map(|(_, step)| step.clone()).collect()
    }

    /// Whether anything is there that was installed, or half of it.
    pub fn is_empty(&self) -> bool {
        self.installed.is_none() && self.run.is_none() && !self.things.values().any(Held::is_ours)
    }

    fn intend(
        &mut self,
        step: &str,
        thing: &Thing,
        before: Before,
        previous: Option<&Thing>,
    ) -> Result<(), &'static str> {
        if self.run.is_none() {
            return Err("an intent without a run");
        }
        if thing.id() != step {
            return Err("the thing has another name");
        }
        if before == Before::There {
            return Err("a change of something adopted");
        }
        let run = self.run_number;
        match self.things.get_mut(step) {
            Some(held) if held.is_ours() => {
                if held.before != before {
                    return Err("what was there before cannot change");
                }
                held.thing = thing.clone();
                if held.previous.is_none() {
                    held.previous = previous.cloned();
                }
                held.changed_in = run;
                held.is_pending = true;
            }
            _ => {
                self.hold(step, thing, before);
                if let Some(held) = self.things.get_mut(step) {
                    held.is_pending = true;
                }
            }
        }
        Ok(())
    }

    fn hold(&mut self, step: &str, thing: &Thing, before: Before) {
        let held = Held {
            number: self.next,
            thing: thing.clone(),
            before,
            previous: None,
            made_in: self.run_number,
            changed_in: self.run_number,
            is_pending: false,
            is_undo_pending: false,
        };
        self.next = self.next.saturating_add(1);
        self.things.insert(step.to_owned(), held);
    }

    fn ours(&mut self, step: &str) -> Result<&mut Held, &'static str> {
        match self.things.get_mut(step) {
            Some(held) if held.is_ours() => Ok(held),
            Some(_) => Err("the undoing of something adopted"),
            None => Err("the undoing of something that was never made"),
        }
    }
}
