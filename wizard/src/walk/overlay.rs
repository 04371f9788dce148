//! What lies over a page: keys and help, yes or no, a list, an id.

use super::state::{Overlay, Question};
use super::{Asking, Cmd, Editor, State, apply, fields, review, update};
use crate::draft::Way;
use crate::exchange::Effect;
use crate::form;

/// Carries out a command while something lies over the page.
pub(super) fn on(state: &mut State, cmd: &Cmd, effects: &mut Vec<Effect>) {
    match state.overlay.take() {
        Some(Overlay::Help) => help(state, cmd),
        Some(Overlay::Ask { question, yes }) => ask(state, cmd, question, yes, effects),
        Some(Overlay::Picker { path, index }) => pick(state, cmd, path, index, effects),
        Some(Overlay::Adopt { step, mut editor }) => match cmd {
            Cmd::Back => {}
            Cmd::Enter if editor.text().trim().is_empty() => {
                if matches!(state.ways.get(&step), Some(Way::Adopt { .. })) {
                    state.ways.remove(&step);
                    review::ask(state, effects);
                }
            }
            Cmd::Enter => {
                state.ways.insert(step, Way::Adopt { id: editor.text().trim().to_owned() });
                review::ask(state, effects);
            }
            _ => {
                editor.edit(cmd);
                state.overlay = Some(Overlay::Adopt { step, editor });
            }
        },
        None => {}
    }
}

fn help(state: &mut State, cmd: &Cmd) {
    match cmd {
        Cmd::Up | Cmd::ScrollUp => state.scroll = state.scroll.saturating_sub(1),
        Cmd::Down | Cmd::ScrollDown => state.scroll = state.scroll.saturating_add(1).min(1000),
        Cmd::Help | Cmd::Back | Cmd::Enter => {
            state.scroll = 0;
            return;
        }
        _ => {}
    }
    state.overlay = Some(Overlay::Help);
}

fn ask(state: &mut State, cmd: &Cmd, question: Question, yes: bool, effects: &mut Vec<Effect>) {
    let yes = match cmd {
        Cmd::Back => return,
        Cmd::Enter if !yes => return,
        Cmd::Enter => {
            return match question {
                Question::Leave => update::depart(state, effects),
                Question::RollBack => apply::roll_back(state, effects),
            };
        }
        Cmd::Up
        | Cmd::Down
        | Cmd::Next
        | Cmd::Previous
        | Cmd::Toggle
        | Cmd::Left
        | Cmd::Right
        | Cmd::Forward => !yes,
        _ => yes,
    };
    state.overlay = Some(Overlay::Ask { question, yes });
}

fn pick(state: &mut State, cmd: &Cmd, path: String, index: usize, effects: &mut Vec<Effect>) {
    let Some(Asking::List(options)) = form::find(&path).map(|field| fields::asking(state, field)) else {
        return;
    };
    // After the last choice stands "another".
    let last = options.len();
    let index = match cmd {
        Cmd::Back => return,
        Cmd::Up | Cmd::Previous | Cmd::Type('k') => index.saturating_sub(1),
        Cmd::Down | Cmd::Next | Cmd::Type('j') => index.saturating_add(1).min(last),
        // Who begins to type has an answer of their own.
        Cmd::Type(letter) if letter.is_alphanumeric() => return begin_typing(state, cmd, path, effects),
        Cmd::Paste(_) => return begin_typing(state, cmd, path, effects),
        Cmd::Home | Cmd::ScrollUp => 0,
        Cmd::End | Cmd::ScrollDown => last,
        Cmd::Enter | Cmd::Toggle | Cmd::Type(' ') => {
            match options.get(index) {
                Some(option) => state.answers.set(&path, option.value.clone()),
                None => {
                    state.typed_freely.insert(path);
                }
            }
            state.is_stale = true;
            return;
        }
        _ => index.min(last),
    };
    state.overlay = Some(Overlay::Picker { path, index });
}

/// Types an answer instead of choosing one.
fn begin_typing(state: &mut State, cmd: &Cmd, path: String, effects: &mut Vec<Effect>) {
    state.typed_freely.insert(path);
    fields::open_editor(state);
    if let Some((_, editor)) = &mut state.editor {
        *editor = Editor::new(String::new());
    }
    fields::on(state, cmd, effects);
}
