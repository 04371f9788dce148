//! What can be done where something failed.

use model::plan::StepId;

use super::state::{Overlay, Phase, Question};
use super::{Cmd, State, apply, ending, review, update};
use crate::draft;
use crate::exchange::Effect;
use crate::form::{self, Page};

/// A way out of trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Try again, or go on with the run.
    Retry,
    /// Change the answer that caused it.
    Change,
    /// Do the step that failed by hand.
    ByHand,
    /// Go on without this.
    Skip,
    /// Take back what was made.
    RollBack,
    /// Back to the plan.
    Plan,
    /// Leave; it can be gone on with.
    Leave,
}

/// The ways out, in order; empty where there is no trouble.
pub fn ways(state: &State) -> Vec<Way> {
    let is_apply = state.page == Page::Apply;
    let Some(trouble) = &state.trouble else {
        return match state.run.phase {
            // The wizard was closed while a run was under way.
            Phase::None if is_apply => vec![Way::Retry, Way::RollBack, Way::Leave],
            Phase::RolledBack if is_apply => vec![Way::Plan, Way::Leave],
            _ => Vec::new(),
        };
    };
    let mut ways = Vec::new();
    if trouble.resumable || !is_apply {
        ways.push(Way::Retry);
    }
    if trouble.about.iter().any(|path| form::find(path).is_some()) || adopted(state).is_some() {
        ways.push(Way::Change);
    }
    if is_apply {
        if trouble.resumable
            && !state.run.takes_back
            && apply::failed_step(state).is_some_and(StepId::can_be_guided)
        {
            ways.push(Way::ByHand);
        }
        if trouble.resumable {
            ways.push(Way::RollBack);
        } else {
            ways.push(Way::Plan);
        }
    }
    if state.page == Page::Verify {
        ways.push(Way::Skip);
    }
    ways.push(Way::Leave);
    ways
}

/// The step whose place something was to take that cannot: there is no plan with it.
pub fn adopted(state: &State) -> Option<StepId> {
    let findings = state.trouble.iter().flat_map(|trouble| &trouble.findings);
    let mut steps = findings.filter_map(|finding| StepId::parse(&finding.subject));
    let is_adopted = |step: &StepId| matches!(state.ways.get(step), Some(draft::Way::Adopt { .. }));
    steps.find(|step| state.page == Page::Review && is_adopted(step))
}

/// Carries out a command where something failed.
pub(super) fn on(state: &mut State, cmd: &Cmd, effects: &mut Vec<Effect>) {
    let ways = ways(state);
    let wanted = match cmd {
        Cmd::Enter => ways.get(state.cursor).copied(),
        Cmd::Retry => Some(Way::Retry),
        Cmd::Change => Some(Way::Change),
        Cmd::ByHand => Some(Way::ByHand),
        Cmd::Skip => Some(Way::Skip),
        Cmd::RollBack => Some(Way::RollBack),
        Cmd::Back if state.page == Page::Review => return super::fields::back(state, effects),
        Cmd::Copy => {
            let next = state.trouble.as_ref().and_then(|trouble| trouble.next.clone());
            effects.extend(next.map(Effect::Copy));
            return;
        }
        _ => {
            state.moves(cmd);
            return;
        }
    };
    if let Some(way) = wanted.filter(|way| ways.contains(way)) {
        take(state, way, effects);
    }
}

fn take(state: &mut State, way: Way, effects: &mut Vec<Effect>) {
    match (way, state.page) {
        (Way::Retry, Page::Apply) if state.run.takes_back => apply::roll_back(state, effects),
        (Way::Retry, Page::Apply) => {
            apply::start(state);
            effects.push(Effect::Resume);
        }
        (Way::Retry, Page::Review) => {
            state.trouble = None;
            state.review.wish = None;
            review::ask(state, effects);
        }
        (Way::Retry, _) => ending::verify(state, effects),
        (Way::Change, Page::Review) if adopted(state).is_some() => {
            if let Some(step) = adopted(state) {
                review::adopt(state, step);
            }
        }
        (Way::Change, _) => {
            let about = state.trouble.as_ref().map(|trouble| trouble.about.clone()).unwrap_or_default();
            if let Some(path) = about.iter().find(|path| form::find(path).is_some()) {
                review::jump(state, path, effects);
            }
        }
        (Way::ByHand, _) => {
            if let Some(step) = apply::failed_step(state) {
                apply::by_hand(state, step, effects);
            }
        }
        (Way::Skip, _) => state.go(Page::Report, effects),
        (Way::RollBack, _) => {
            state.overlay = Some(Overlay::Ask { question: Question::RollBack, yes: false });
        }
        (Way::Plan, _) => {
            // The account is another than when the plan was made.
            state.review.wish = None;
            state.go(Page::Review, effects);
        }
        (Way::Leave, _) => update::depart(state, effects),
    }
}
