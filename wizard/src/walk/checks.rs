//! Single answers that the account is asked about while they are typed.

use jiff::Timestamp;

use super::{State, fields};
use crate::exchange::{Effect, Verdict};
use crate::form::{self, Field};

/// Keys whose answer can be right in itself and still not be had.
const ASKED: &[&str] = &["cognito.domain_prefix", "tls.domain"];
/// Milliseconds after the last key: nobody wants an answer to half a word.
const PAUSE_MS: i64 = 300;

/// What is known about an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// The answer.
    pub text: String,
    /// How far it is.
    pub stage: CheckStage,
}

/// How far a check is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckStage {
    /// The answer may still change; counted from the first tick after the last key.
    Due(Option<Timestamp>),
    /// The account is being asked.
    Asked,
    /// It answered.
    Said(Verdict),
}

impl Check {
    /// Whether it waits for time to go by.
    pub fn is_due(&self) -> bool {
        matches!(self.stage, CheckStage::Due(_))
    }
}

/// Notes what is to be asked: an answer on this page that is right in itself and was not asked about.
pub(super) fn schedule(state: &mut State) {
    for path in ASKED {
        if form::find(path).is_none_or(|field| field.page != state.page) {
            continue;
        }
        let text = state.holds(path);
        let is_right = !text.is_empty() && !state.judgement.of(path).any(model::document::Problem::is_error);
        if !is_right || !is_asked_for(state, path) {
            state.checks.remove(*path);
        } else if state.checks.get(*path).is_none_or(|check| check.text != text) {
            state.checks.insert((*path).to_owned(), Check { text, stage: CheckStage::Due(None) });
        }
    }
}

fn is_asked_for(state: &State, path: &str) -> bool {
    let relevant = |field: &Field| form::relevant(field.page, &state.spoken(), &state.defaults);
    form::find(path).is_some_and(|field| relevant(field).iter().any(|other| other.path == path))
}

/// Time went by.
pub(super) fn tick(state: &mut State, now: Timestamp, effects: &mut Vec<Effect>) {
    if !state.checks.values().any(Check::is_due) {
        return;
    }
    let configuration = form::configuration(&state.spoken(), &state.defaults);
    for (path, check) in &mut state.checks {
        let CheckStage::Due(since) = &mut check.stage else { continue };
        let waited = now.as_millisecond().saturating_sub(since.get_or_insert(now).as_millisecond());
        if waited >= PAUSE_MS {
            check.stage = CheckStage::Asked;
            let (path, text) = (path.clone(), check.text.clone());
            effects.push(Effect::Check { path, text, configuration: configuration.clone() });
        }
    }
}

/// An answer of the account; one about another text is dropped.
pub(super) fn answered(state: &mut State, path: &str, text: &str, verdict: Verdict) {
    if let Some(check) = state.checks.get_mut(path).filter(|check| check.text == text) {
        check.stage = CheckStage::Said(verdict);
    }
}

/// Why the account will not have the answer that holds now.
pub(super) fn refused(state: &State, path: &str) -> Option<String> {
    let check = state.checks.get(path)?;
    match &check.stage {
        CheckStage::Said(Verdict::Wrong { message, .. }) if check.text == state.holds(path) => {
            Some(message.clone())
        }
        _ => None,
    }
}

/// Takes what the account would have instead, if it said so.
pub(super) fn take_instead(state: &mut State, path: &str) {
    let instead = state.checks.get(path).and_then(|check| match &check.stage {
        CheckStage::Said(Verdict::Wrong { instead, .. }) => instead.clone(),
        _ => None,
    });
    let Some(instead) = instead else { return };
    state.answers.set(path, instead);
    state.editor = None;
    state.is_stale = true;
    fields::open_editor(state);
}
