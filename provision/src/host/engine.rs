//! Carries out a plan on a machine: intent, effect, done; and at the end a look at the service. What replaced something
//! that worked goes back by itself if it is not well. What is new stays where it stopped, so that it can be looked at and
//! gone on with.

use model::{Finding, Severity};
use systemd::Layout;
use systemd::host::{Failed, Host, HostError, Meta, Verb};
use systemd::units::{PROXY_SERVICE, PROXY_SOCKET};

use super::HostJournal;
use super::act::{act, run_unit};
use super::back::{Gone, back, undo};
use super::error::HostRunError;
use super::places::Places;
use super::plan::{Action, HostPlan, PlannedThing, plan};
use super::probe::{Probe, Unwell};
use super::product::Product;
use super::record::{Before, HostRecord, RunKind};
use super::sight::see;
use super::state::{Held, HostState};
use super::thing::{Step, Thing};
use crate::clock::Clock;

/// How much of a log is shown.
const LOG_LINES: u32 = 12;

/// How a run ended well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Names of the things that were changed.
    pub changed: Vec<String>,
    /// What was seen of the service.
    pub seen: String,
    /// What could not be tidied up.
    pub findings: Vec<Finding>,
}

/// Works on a machine.
pub struct Engine<'a> {
    /// The machine.
    pub host: &'a dyn Host,
    /// Where everything lies on it.
    pub layout: &'a Layout,
    /// What is installed on it.
    pub product: Product,
    /// Tells the time for the journal.
    pub clock: &'a dyn Clock,
    /// Is told what happens, in one line each.
    pub say: &'a dyn Fn(&str),
    /// Whether the operator asked to stop.
    pub is_stopped: &'a dyn Fn() -> bool,
}

impl Engine<'_> {
    /// Makes the folder that the journal lies in.
    ///
    /// # Errors
    ///
    /// Where it cannot be made.
    pub fn prepare(&self) -> Result<(), HostError> {
        self.host.make_folder(&self.layout.state(), Meta::root(0o700))
    }

    /// Brings the machine to what is wanted. A run that was killed is gone on with, or taken back first, where it had
    /// replaced something.
    ///
    /// # Errors
    ///
    /// Why it ended early, and whether it was taken back.
    pub async fn install(
        &self,
        journal: &mut HostJournal,
        wanted: &[Step],
        kind: RunKind,
        version: &str,
        probe: &dyn Probe,
    ) -> Result<Outcome, HostRunError> {
        self.go_back(journal, "the run was killed")?;
        let state = journal.state();
        let seen = see(self.host, wanted, Some(state)).map_err(HostRunError::Look)?;
        let plan = plan(wanted, &seen, Some(state));
        if plan.findings.iter().any(|finding| finding.severity == Severity::Error) {
            return Err(HostRunError::Refused(plan.findings));
        }
        if plan.is_empty() && state.run.is_none() && !state.is_removing && state.installed.is_some() {
            return match probe.look().await {
                Ok(seen) => Ok(Outcome { changed: Vec::new(), seen, findings: plan.findings }),
                Err(unwell) => {
                    let log = self.log_of_unwell(&unwell);
                    Err(HostRunError::NotWell { reason: unwell.reason, log })
                }
            };
        }
        let mut outcome = self.apply(journal, &plan, kind, version, probe).await?;
        outcome.findings.splice(0..0, plan.findings);
        Ok(outcome)
    }

    /// Carries out a plan.
    ///
    /// # Errors
    ///
    /// Why it ended early, and whether it was taken back.
    pub async fn apply(
        &self,
        journal: &mut HostJournal,
        plan: &HostPlan,
        kind: RunKind,
        version: &str,
        probe: &dyn Probe,
    ) -> Result<Outcome, HostRunError> {
        if journal.state().run.is_none() {
            // What a run left that was killed behind its end.
            self.host.remove_tree(&self.places().previous()).map_err(HostRunError::Look)?;
        }
        let changes: Vec<String> = plan.pending().map(|planned| planned.step.thing.id()).collect();
        self.write(
            journal,
            &HostRecord::Planned { run: kind, version: version.to_owned(), changes: changes.clone() },
        )?;
        for planned in &plan.things {
            if (self.is_stopped)() && planned.action.is_pending() {
                return self.stopped(journal);
            }
            match self.one(journal, planned) {
                Ok(()) => {}
                Err(Stop::Journal(error)) => return Err(error),
                Err(Stop::Host(source)) => {
                    let log = self.log_of(&planned.step.thing);
                    let step = planned.step.thing.id();
                    return self.failed(journal, step, source, log, probe).await;
                }
            }
            tokio::task::yield_now().await;
        }
        (self.say)("looking whether the service is well");
        let seen = match probe.look().await {
            Ok(seen) => seen,
            Err(unwell) => {
                let log = self.log_of_unwell(&unwell);
                let reason = unwell.reason;
                if journal.state().run.is_none_or(|run| run.is_first) {
                    return Err(HostRunError::NotWell { reason, log });
                }
                let reason = format!("the service is not well with it: {reason}");
                return Err(self.went_back(journal, reason, log, probe).await);
            }
        };
        self.write(journal, &HostRecord::Committed)?;
        let findings = self.tidy(journal, plan)?;
        Ok(Outcome { changed: changes, seen, findings })
    }

    /// What the operator stopped: new things stay, replaced ones go back.
    fn stopped(&self, journal: &mut HostJournal) -> Result<Outcome, HostRunError> {
        if journal.state().run.is_some_and(|run| !run.is_first) {
            self.go_back(journal, "stopped by the operator")?;
        }
        Err(HostRunError::Cancelled)
    }

    async fn failed(
        &self,
        journal: &mut HostJournal,
        step: String,
        source: HostError,
        log: String,
        probe: &dyn Probe,
    ) -> Result<Outcome, HostRunError> {
        self.write(
            journal,
            &HostRecord::Failed {
                step: step.clone(),
                code: "SRE-HOST-020".to_owned(),
                message: source.to_string(),
            },
        )?;
        if journal.state().run.is_none_or(|run| run.is_first) {
            return Err(HostRunError::Step { step, source, log });
        }
        let reason = source.to_string();
        Err(self.went_back(journal, reason, log, probe).await)
    }

    /// Takes the run back, looks at the service, and says how it went.
    async fn went_back(
        &self,
        journal: &mut HostJournal,
        reason: String,
        log: String,
        probe: &dyn Probe,
    ) -> HostRunError {
        (self.say)(&format!("{reason}; going back"));
        match self.go_back(journal, &reason) {
            Err(HostRunError::Journal(error)) => HostRunError::Journal(error),
            Err(error) => HostRunError::Stuck { reason, back: error.to_string(), log },
            Ok(()) => match probe.look().await {
                Ok(_) => HostRunError::WentBack { reason, log },
                Err(back) => HostRunError::Stuck { reason, back: back.reason, log },
            },
        }
    }

    /// One thing of a plan.
    fn one(&self, journal: &mut HostJournal, planned: &PlannedThing) -> Result<(), Stop> {
        let thing = &planned.step.thing;
        let step = thing.id();
        let previous = match &planned.action {
            Action::Keep | Action::Leave(_) => return Ok(()),
            Action::Adopt => {
                let is_known = journal.state().things.get(&step).is_some_and(|held| held.thing == *thing);
                if !is_known {
                    self.write(journal, &HostRecord::Adopted { step, thing: thing.clone() })?;
                }
                return Ok(());
            }
            Action::Settle => return Ok(self.write(journal, &HostRecord::Done { step })?),
            Action::Make => None,
            Action::Change(previous) => Some(previous.clone()),
        };
        self.write(
            journal,
            &HostRecord::Intent {
                step: step.clone(),
                thing: thing.clone(),
                before: planned.before,
                previous,
            },
        )?;
        act(self.host, self.places(), planned, journal.state().run_number).map_err(Stop::Host)?;
        self.write(journal, &HostRecord::Done { step })?;
        (self.say)(&format!("{} {thing}", if planned.action == Action::Make { "+" } else { "~" }));
        Ok(())
    }

    /// Takes back what the open run did, where something was installed before it. Does nothing otherwise.
    ///
    /// # Errors
    ///
    /// Where the machine or the journal refuses; it can be tried again.
    pub fn go_back(&self, journal: &mut HostJournal, reason: &str) -> Result<(), HostRunError> {
        let Some(run) = journal.state().run else { return Ok(()) };
        if run.is_first {
            return Ok(());
        }
        let number = journal.state().run_number;
        let touched: Vec<(String, Held)> = journal
            .state()
            .in_reverse()
            .into_iter()
            .filter_map(|step| journal.state().held(&step).cloned().map(|held| (step, held)))
            .filter(|(_, held)| held.changed_in == number)
            .collect();
        let is_running = |held: &Held| matches!(held.thing, Thing::Running { .. });
        let look = HostRunError::Look;
        for (step, held) in touched.iter().filter(|(_, held)| !is_running(held)) {
            self.back_one(journal, step, held, number)?;
        }
        // Also where no unit was changed: it may have been in an earlier try.
        self.host.systemctl(Verb::DaemonReload, "").map_err(look)?;
        for (step, held) in touched.iter().rev().filter(|(_, held)| is_running(held)) {
            let Thing::Running { unit, .. } = &held.thing else { continue };
            if held.previous.is_some() {
                run_unit(self.host, unit).map_err(HostRunError::Look)?;
            }
            self.back_one(journal, step, held, number)?;
        }
        self.host.remove_tree(&self.places().previous()).map_err(HostRunError::Look)?;
        self.write(journal, &HostRecord::WentBack { reason: reason.to_owned() })?;
        Ok(())
    }

    fn back_one(
        &self,
        journal: &mut HostJournal,
        step: &str,
        held: &Held,
        number: u64,
    ) -> Result<(), HostRunError> {
        let previous = held.previous.is_some();
        // What was missing and is there again is no harm.
        if !previous && held.made_in != number {
            if held.is_pending {
                self.write(journal, &HostRecord::Done { step: step.to_owned() })?;
            }
            return Ok(());
        }
        self.write(journal, &HostRecord::UndoIntent { step: step.to_owned(), previous })?;
        if previous {
            back(self.host, self.places(), held).map_err(HostRunError::Look)?;
        } else {
            undo(self.host, self.places(), held).map_err(HostRunError::Look)?;
        }
        self.write(journal, &HostRecord::Undone { step: step.to_owned(), previous })
    }

    /// Takes away what is no longer wanted. The run has ended well, so a failure is only said.
    fn tidy(&self, journal: &mut HostJournal, plan: &HostPlan) -> Result<Vec<Finding>, HostRunError> {
        let mut findings = Vec::new();
        for step in &plan.sweep {
            let Some(held) = journal.state().held(step).cloned() else { continue };
            findings.extend(self.undo_one(journal, step, &held)?.map(|(finding, _)| finding));
        }
        if plan.sweep.iter().any(|step| step.starts_with("file ") || step.starts_with("enabled ")) {
            // A unit may have been among the files.
            if let Err(error) = self.host.systemctl(Verb::DaemonReload, "") {
                findings.push(
                    Finding::new(
                        "SRE-HOST-024",
                        Severity::Warning,
                        "systemd",
                        "systemd did not read its units",
                    )
                    .evidence(error.to_string())
                    .hint("systemctl daemon-reload"),
                );
            }
        }
        if let Err(error) = self.host.remove_tree(&self.places().previous()) {
            findings.push(self.left("what was there before the run", &error));
        }
        Ok(findings)
    }

    /// Undoes one thing; what there is to say, and whether it has to be tried again.
    pub(super) fn undo_one(
        &self,
        journal: &mut HostJournal,
        step: &str,
        held: &Held,
    ) -> Result<Option<(Finding, bool)>, HostRunError> {
        self.write(journal, &HostRecord::UndoIntent { step: step.to_owned(), previous: false })?;
        let undone = match undo(self.host, self.places(), held) {
            // What is in it could not be removed, and is ours: both are tried again.
            Ok(Gone::NotEmpty) if holds_ours(journal.state(), &held.thing) => Err(HostError {
                action: format!("remove {}", held.thing),
                kind: Failed::NotEmpty,
                detail: "something in it could not be removed".to_owned(),
            }),
            other => other,
        };
        match undone {
            Ok(gone) => {
                self.write(journal, &HostRecord::Undone { step: step.to_owned(), previous: false })?;
                (self.say)(&format!("- {}", held.thing));
                Ok((gone == Gone::NotEmpty).then(|| {
                    let path = held.thing.path().map(|path| path.display().to_string()).unwrap_or_default();
                    let message = format!("{path} was left: something is in it that was not installed");
                    let finding = Finding::new("SRE-HOST-024", Severity::Warning, step, message);
                    (finding.hint(format!("look at it: ls -la {path}")), false)
                }))
            }
            Err(error) => {
                let record = HostRecord::UndoFailed {
                    step: step.to_owned(),
                    code: "SRE-HOST-024".to_owned(),
                    message: error.to_string(),
                };
                self.write(journal, &record)?;
                Ok(Some((self.left(&held.thing.to_string(), &error), true)))
            }
        }
    }

    /// What could not be removed.
    pub(super) fn left(&self, what: &str, error: &HostError) -> Finding {
        let word = self.product.word();
        Finding::new("SRE-HOST-024", Severity::Error, what, format!("{what} could not be removed"))
            .evidence(error.to_string())
            .hint(format!("remove the cause, and run `{word} uninstall` again; it goes on where it stopped"))
    }

    pub(super) fn places(&self) -> Places<'_> {
        Places { layout: self.layout, product: self.product }
    }

    fn log_of_unwell(&self, unwell: &Unwell) -> String {
        match unwell.units.as_slice() {
            [] => self.host.log(self.product.unit(), LOG_LINES),
            units => units
                .iter()
                .map(|unit| format!("{unit}:\n{}", self.host.log(unit, LOG_LINES)))
                .collect::<Vec<_>>()
                .join("\n"),
        }
    }

    fn log_of(&self, thing: &Thing) -> String {
        match thing {
            Thing::Running { unit, .. } => {
                // A socket has no log to speak of.
                let unit = if unit == PROXY_SOCKET { PROXY_SERVICE } else { unit };
                self.host.log(unit, LOG_LINES)
            }
            _ => String::new(),
        }
    }

    pub(super) fn write(&self, journal: &mut HostJournal, record: &HostRecord) -> Result<(), HostRunError> {
        Ok(journal.append(self.clock.now(), record)?)
    }

    /// Writes that something is ours although no journal said so.
    ///
    /// # Errors
    ///
    /// Where the journal cannot be written.
    pub fn take_over(
        &self,
        journal: &mut HostJournal,
        found: &[(Thing, Before)],
    ) -> Result<(), HostRunError> {
        for (thing, before) in found {
            let record = HostRecord::Recovered { step: thing.id(), thing: thing.clone(), before: *before };
            self.write(journal, &record)?;
        }
        Ok(())
    }
}

/// Why a thing was not done.
enum Stop {
    Journal(HostRunError),
    Host(HostError),
}

impl From<HostRunError> for Stop {
    fn from(error: HostRunError) -> Self {
        Self::Journal(error)
    }
}

/// Whether something of ours lies in a folder.
fn holds_ours(state: &HostState, folder: &Thing) -> bool {
    let Some(folder) = folder.path() else { return false };
    state
        .things
        .values()
        .filter(|held| held.is_ours())
        .any(|held| held.thing.path().is_some_and(|path| path != folder && path.starts_with(folder)))
}

impl HostState {
    /// Whether a removal that kept data was the last thing that happened.
    pub fn has_only_data(&self) -> bool {
        self.installed.is_none() && self.run.is_none() && !self.is_removing && !self.things.is_empty()
    }
}
