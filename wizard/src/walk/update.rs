//! The one way from a state to the next.

use super::state::{Overlay, Phase, Question};
use super::{Cmd, State, apply, ending, fields, inputs, overlay, review, trouble};
use crate::draft::Draft;
use crate::exchange::{Effect, Input, Leave};
use crate::form::Page;

/// What the walk is told.
#[derive(Debug, Clone, PartialEq)]
pub enum Msg {
    /// The person meant something.
    Cmd(Cmd),
    /// The program says something.
    Input(Input),
}

/// Takes one message. Where the draft changed, keeping it is the first effect.
pub fn step(state: &mut State, msg: Msg) -> Vec<Effect> {
    let changes_nothing = matches!(msg, Msg::Input(Input::Tick(_))) && !state.is_unsettled;
    let before = (!changes_nothing).then(|| state.draft());
    let mut effects = Vec::new();
    if state.is_unsettled {
        state.settle(&mut effects);
    }
    message(state, msg, &mut effects);
    state.settle(&mut effects);
    keep(state, before, effects)
}

/// Takes one of several messages that come before a frame. It is [`step`], but for keys that only change the line being
/// typed: judging all answers costs more than everything else that a key does, so that waits for [`settle`] or the next
/// message of another kind, whichever comes first. Nobody can tell the difference but by the clock.
pub fn take(state: &mut State, msg: Msg) -> Vec<Effect> {
    match msg {
        Msg::Cmd(cmd) if fields::only_types(state, &cmd) => {
            let before = Some(state.draft());
            let mut effects = Vec::new();
            command(state, &cmd, &mut effects);
            state.is_unsettled = true;
            // A question can vanish with its answer, and the next key is another question's then.
            if fields::is_nothing_typed(state) {
                state.settle(&mut effects);
            }
            keep(state, before, effects)
        }
        msg => step(state, msg),
    }
}

/// Makes up for what [`take`] left; to be called before a frame.
pub fn settle(state: &mut State) -> Vec<Effect> {
    if !state.is_unsettled {
        return Vec::new();
    }
    let before = Some(state.draft());
    let mut effects = Vec::new();
    state.settle(&mut effects);
    keep(state, before, effects)
}

fn keep(state: &State, before: Option<Draft>, mut effects: Vec<Effect>) -> Vec<Effect> {
    if let Some(before) = before {
        let after = state.draft();
        if before != after {
            effects.insert(0, Effect::Save(Box::new(after)));
        }
    }
    effects
}

fn message(state: &mut State, msg: Msg, effects: &mut Vec<Effect>) {
    match msg {
        Msg::Cmd(cmd) => command(state, &cmd, effects),
        Msg::Input(input) => inputs::take(state, input, effects),
    }
}

fn command(state: &mut State, cmd: &Cmd, effects: &mut Vec<Effect>) {
    state.notice = None;
    match cmd {
        Cmd::Leave => return leave(state, effects),
        Cmd::Suspend => return effects.push(Effect::Suspend),
        _ => {}
    }
    if state.overlay.is_some() {
        return overlay::on(state, cmd, effects);
    }
    if *cmd == Cmd::Help {
        state.overlay = Some(Overlay::Help);
        state.scroll = 0;
    } else if fields::is_field_page(state.page) {
        fields::on(state, cmd, effects);
    } else if !trouble::ways(state).is_empty() {
        trouble::on(state, cmd, effects);
    } else {
        match state.page {
            Page::Review => review::on(state, cmd, effects),
            Page::Apply => apply::on(state, cmd, effects),
            _ => ending::on(state, cmd, effects),
        }
    }
}

/// The first time it asks, or stops a run at a safe point; the second time it leaves.
fn leave(state: &mut State, effects: &mut Vec<Effect>) {
    let asked = matches!(state.overlay, Some(Overlay::Ask { question: Question::Leave, .. }));
    let runs = matches!(state.run.phase, Phase::Running | Phase::RollingBack);
    if asked || (runs && state.run.is_stopping) {
        depart(state, effects);
    } else if runs {
        apply::stop(state);
        effects.push(Effect::Stop);
    } else {
        state.overlay = Some(Overlay::Ask { question: Question::Leave, yes: false });
    }
}

/// Leaves now.
pub(super) fn depart(state: &mut State, effects: &mut Vec<Effect>) {
    state.overlay = None;
    fields::commit(state);
    effects.push(Effect::Leave(how(state)));
}

fn how(state: &State) -> Leave {
    match (&state.verified, state.page) {
        (Some(verified), Page::Verify | Page::Report) => ending::verdict(verified),
        (_, Page::Apply) if state.trouble.is_some() => Leave::Failed,
        _ => Leave::Later,
    }
}

impl State {
    /// Goes to a page and does what it begins with.
    pub(super) fn go(&mut self, page: Page, effects: &mut Vec<Effect>) {
        fields::commit(self);
        if fields::is_field_page(self.page) {
            self.focuses.insert(self.page, self.focus.take());
        }
        self.page = page;
        self.reached = self.reached.max(page);
        self.focus = None;
        self.editor = None;
        self.overlay = None;
        self.trouble = None;
        (self.cursor, self.scroll) = (0, 0);
        self.is_stale = true;
        self.judge();
        if fields::is_field_page(page) {
            fields::enter(self);
        } else if page == Page::Review {
            review::enter(self, effects);
        }
    }
}
