//! Decides what is done to each thing. A pure function of what is wanted, what was seen, and what the journal says.

use std::fmt::Write as _;

use model::{Finding, Severity};
use serde_json::{Value, json};
use systemd::host::{Entry, Meta};

use super::record::Before;
use super::sight::{Seen, Sight};
use super::state::{Held, HostState};
use super::thing::{Role, Step, Thing};

/// What is done to a thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Nothing: it is as wanted.
    Keep,
    /// Nothing: what is there serves as well; why.
    Leave(&'static str),
    /// Nothing: it was there before and is as wanted, so it stays somebody else's.
    Adopt,
    /// It is made; the journal knows no earlier version of it.
    Make,
    /// It is changed; what it is now.
    Change(Thing),
    /// It was made, and only the line that says so is missing.
    Settle,
}

impl Action {
    /// Whether the machine differs afterwards.
    pub fn is_pending(&self) -> bool {
        matches!(self, Self::Make | Self::Change(_))
    }

    /// One lower-case word.
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Keep | Self::Settle => "keep",
            Self::Leave(_) => "leave",
            Self::Adopt => "adopt",
            Self::Make => "make",
            Self::Change(_) => "change",
        }
    }
}

/// A thing and what is done to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedThing {
    /// What is wanted.
    pub step: Step,
    /// What is done.
    pub action: Action,
    /// What was there before the first installation.
    pub before: Before,
    /// Whether an operator's edits are replaced; they are kept aside.
    pub replaces_edits: bool,
}

/// A run's whole intention.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPlan {
    /// In the order in which they are done.
    pub things: Vec<PlannedThing>,
    /// Names of things that are ours and no longer wanted, the last made first; they go once the rest is well.
    pub sweep: Vec<String>,
    /// What there is to say; an error forbids going on.
    pub findings: Vec<Finding>,
}

impl HostPlan {
    /// What differs afterwards.
    pub fn pending(&self) -> impl Iterator<Item = &PlannedThing> {
        self.things.iter().filter(|planned| planned.action.is_pending())
    }

    /// Whether nothing has to be done.
    pub fn is_empty(&self) -> bool {
        self.sweep.is_empty()
            && self.things.iter().all(|planned| matches!(planned.action, Action::Keep | Action::Leave(_)))
    }

    /// For people: one line a change.
    pub fn text(&self) -> String {
        let mut out = String::new();
        for planned in self.pending() {
            let sign = if planned.action == Action::Make { '+' } else { '~' };
            let _ = write!(out, "  {sign} {}", planned.step.thing);
            if planned.before == Before::Kept && planned.action == Action::Make {
                out.push_str(" (what is there is kept aside)");
            }
            out.push('\n');
        }
        for step in &self.sweep {
            let _ = writeln!(out, "  - {step}");
        }
        out
    }

    /// For programs.
    pub fn json(&self) -> Value {
        let things: Vec<Value> = self
            .things
            .iter()
            .map(|planned| json!({"step": planned.step.thing.id(), "action": planned.action.verb()}))
            .collect();
        json!({"steps": things, "removed_afterwards": self.sweep, "findings": self.findings})
    }
}

/// The plan.
pub fn plan(wanted: &[Step], seen: &Seen, state: Option<&HostState>) -> HostPlan {
    let mut things = Vec::new();
    let mut findings = Vec::new();
    for step in wanted {
        let id = step.thing.id();
        let held = state.and_then(|state| state.held(&id));
        let sight = seen.things.get(&id).unwrap_or(&Sight::Nothing);
        let mut planned = PlannedThing {
            step: step.clone(),
            action: Action::Keep,
            before: held.map_or(Before::Absent, |held| held.before),
            replaces_edits: false,
        };
        let is_superseded = step.unless.as_ref().is_some_and(|path| seen.present.contains(path));
        if is_superseded {
            planned.action = match held {
                Some(held) if held.is_pending => Action::Settle,
                _ => Action::Leave("there is one"),
            };
        } else if let Err(finding) = decide(&mut planned, held, sight, seen.group) {
            findings.push(*finding);
        }
        if planned.replaces_edits {
            let message = format!("{} was edited since it was installed, and is replaced", step.thing);
            findings.push(
                Finding::new("SRE-HOST-026", Severity::Warning, id, message)
                    .hint("the edited one is kept in /var/lib/sre-agent/edited/"),
            );
        }
        things.push(planned);
    }
    read_what_is_enabled(&mut things, state);
    let wanted_ids: Vec<String> = wanted.iter().map(|step| step.thing.id()).collect();
    let sweep = state
        .map(HostState::in_reverse)
        .unwrap_or_default()
        .into_iter()
        .filter(|step| !wanted_ids.contains(step))
        .collect();
    HostPlan { things, sweep, findings }
}

/// What becomes enabled is known to systemd once it has read its files again, also where no unit has changed.
fn read_what_is_enabled(things: &mut [PlannedThing], state: Option<&HostState>) {
    let is_enabled = |planned: &PlannedThing| matches!(planned.step.thing, Thing::Enabled { .. });
    if !things.iter().any(|planned| is_enabled(planned) && planned.action.is_pending()) {
        return;
    }
    for planned in things.iter_mut().filter(|planned| planned.action == Action::Keep) {
        let held = state.and_then(|state| state.held(&planned.step.thing.id()));
        if let (Thing::Reload { .. }, Some(held)) = (&planned.step.thing, held) {
            planned.action = Action::Change(held.thing.clone());
        }
    }
}

/// Something is in the way that nobody here may move.
fn blocked(thing: &Thing, message: String, hint: String) -> Box<Finding> {
    Box::new(Finding::new("SRE-HOST-017", Severity::Error, thing.id(), message).hint(hint))
}

fn decide(
    planned: &mut PlannedThing,
    held: Option<&Held>,
    sight: &Sight,
    group: Option<u32>,
) -> Result<(), Box<Finding>> {
    let thing = planned.step.thing.clone();
    let is_open = held.is_some_and(|held| held.is_pending || held.is_undo_pending);
    // What is as wanted.
    let as_wanted = |planned: &mut PlannedThing| {
        planned.action = match held {
            Some(_) if is_open => Action::Make,
            Some(_) => Action::Keep,
            None => Action::Adopt,
        };
    };
    // What is there, and ours or not.
    let differs = |planned: &mut PlannedThing, have: Thing| {
        if held.is_some() {
            planned.action = Action::Change(have);
        } else {
            planned.before = Before::Kept;
            planned.action = Action::Make;
        }
    };
    match (&thing, sight) {
        (_, Sight::At(Entry::Absent)) | (Thing::Group { .. } | Thing::User { .. }, Sight::Account(false)) => {
            // What the journal says of it is not so any more: it is made again.
            planned.action = match (&thing, held) {
                (Thing::Data { .. }, Some(_)) if !is_open => Action::Keep,
                _ => Action::Make,
            };
        }
        (Thing::Group { .. } | Thing::User { .. }, _) | (Thing::Data { .. }, Sight::At(Entry::Folder(_))) => {
            as_wanted(planned);
        }
        (Thing::Folder { path, mode, of_group, whole }, Sight::At(Entry::Folder(found))) => {
            let is_same = is_meta(*found, *mode, *of_group, group);
            match held {
                Some(_) if !is_same => {
                    planned.action = Action::Change(Thing::Folder {
                        path: path.clone(),
                        mode: found.mode,
                        of_group: Some(found.gid) == group,
                        whole: *whole,
                    });
                }
                _ => as_wanted(planned),
            }
        }
        (
            Thing::File { path, sha256, mode, of_group, role },
            Sight::At(Entry::File { sha256: found, meta }),
        ) => {
            let have = Thing::File {
                path: path.clone(),
                sha256: found.clone(),
                mode: meta.mode,
                of_group: Some(meta.gid) == group,
                role: *role,
            };
            let written = held.and_then(|held| match &held.thing {
                Thing::File { sha256, .. } => Some(sha256),
                _ => None,
            });
            let is_edited =
                *role == Role::Setting && !is_open && written.is_some_and(|written| written != found);
            if sha256 == found && is_meta(*meta, *mode, *of_group, group) {
                as_wanted(planned);
            } else if is_edited && written == Some(sha256) {
                planned.action = Action::Leave("edited by an operator");
            } else {
                planned.replaces_edits = is_edited && sha256 != found;
                differs(planned, have);
            }
        }
        (Thing::File { path, .. }, Sight::At(Entry::Link(target))) if target.as_os_str() == "/dev/null" => {
            let unit = path.file_name().unwrap_or_default().to_string_lossy();
            return Err(Box::new(
                Finding::new("SRE-HOST-012", Severity::Error, thing.id(), format!("{unit} is masked"))
                    .evidence(format!("{} is a link to /dev/null", path.display()))
                    .hint(format!("if it may be installed: systemctl unmask {unit}")),
            ));
        }
        (Thing::Link { target, .. }, Sight::At(Entry::Link(found))) if target == found => as_wanted(planned),
        (Thing::File { path, .. } | Thing::Link { path, .. }, Sight::At(Entry::Link(target))) => {
            differs(planned, Thing::Link { path: path.clone(), target: target.clone() });
        }
        (Thing::Link { path, .. }, Sight::At(Entry::File { sha256, meta })) => {
            let have = Thing::File {
                path: path.clone(),
                sha256: sha256.clone(),
                mode: meta.mode,
                of_group: Some(meta.gid) == group,
                role: Role::Told,
            };
            differs(planned, have);
        }
        (Thing::Enabled { .. }, Sight::Unit(facts)) => {
            if facts.is_enabled() {
                as_wanted(planned);
            } else {
                planned.action = Action::Make;
            }
        }
        (Thing::Running { program, .. }, Sight::Unit(facts)) => {
            let is_current = held.is_some_and(|held| held.thing == thing)
                && (program.is_none() || facts.program == *program);
            planned.action = match held {
                Some(_) if facts.is_active() && is_current && !is_open => Action::Keep,
                Some(held) => Action::Change(held.thing.clone()),
                None => Action::Make,
            };
        }
        (Thing::Reload { .. }, _) => {
            planned.action = match held {
                Some(held) if held.thing == thing && !is_open => Action::Keep,
                Some(held) => Action::Change(held.thing.clone()),
                None => Action::Make,
            };
        }
        (thing, _) => {
            let path = thing.path().map(|path| path.display().to_string()).unwrap_or_default();
            return Err(blocked(
                thing,
                format!("{path} is something else than what has to be there"),
                format!("look at it: ls -ld {path}; move it away, and install again"),
            ));
        }
    }
    Ok(())
}

fn is_meta(found: Meta, mode: u32, of_group: bool, group: Option<u32>) -> bool {
    let gid = if of_group { group } else { Some(0) };
    found.mode == mode && found.uid == 0 && Some(found.gid) == gid
}
