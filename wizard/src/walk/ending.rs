//! The checks and the report.

use model::Severity;

use super::{Cmd, State, record, update};
use crate::exchange::{Effect, Leave, Trouble, Verified};
use crate::form::Page;

/// How the wizard ends with these checks.
pub(super) fn verdict(verified: &Verified) -> Leave {
    // What could not be judged is not in order.
    if verified.severity >= Severity::Unknown { Leave::ChecksFailed } else { Leave::Done }
}

/// Runs the checks.
pub(super) fn verify(state: &mut State, effects: &mut Vec<Effect>) {
    state.trouble = None;
    state.verified = None;
    (state.cursor, state.scroll) = (0, 0);
    state.is_verifying = true;
    effects.push(Effect::Verify);
}

/// The checks said something.
pub(super) fn verified(state: &mut State, result: Result<Box<Verified>, Trouble>) {
    state.is_verifying = false;
    match result {
        Ok(verified) => {
            state.verified = Some(*verified);
            state.trouble = None;
        }
        Err(trouble) if matches!(state.page, Page::Verify | Page::Report) => state.trouble = Some(trouble),
        Err(_) => return,
    }
    if matches!(state.page, Page::Verify | Page::Report) {
        // On the button: the good case is one key.
        state.cursor = state.lines().saturating_sub(1);
        if state.trouble.is_some() {
            state.cursor = 0;
        }
    }
}

/// Carries out a command while the checks or the report are looked at.
pub(super) fn on(state: &mut State, cmd: &Cmd, effects: &mut Vec<Effect>) {
    let is_last = state.cursor.saturating_add(1) >= state.lines();
    if state.is_on_record() && matches!(cmd, Cmd::Copy | Cmd::Enter | Cmd::Toggle) {
        return record::copy(state, effects);
    }
    match (cmd, state.page) {
        (Cmd::Retry, _) if !state.is_verifying => verify(state, effects),
        (Cmd::Back, Page::Report) => state.go(Page::Verify, effects),
        (Cmd::Enter | Cmd::Forward | Cmd::Skip, Page::Verify) if state.verified.is_some() => {
            state.go(Page::Report, effects);
            state.cursor = state.lines().saturating_sub(1);
        }
        (Cmd::Skip, Page::Verify) => {
            state.go(Page::Report, effects);
            state.cursor = state.lines().saturating_sub(1);
        }
        (Cmd::Enter, Page::Report) if is_last => update::depart(state, effects),
        (Cmd::Copy | Cmd::Enter | Cmd::Toggle, Page::Report) => {
            let snippet = state.verified.as_ref().and_then(|verified| verified.snippets.get(state.cursor));
            if let Some((title, text)) = snippet {
                effects.push(Effect::Copy(text.clone()));
                state.notice = Some(format!("Copied: {title}."));
            }
        }
        _ => {
            state.moves(cmd);
        }
    }
}
