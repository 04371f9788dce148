//! The keys that work in a state, for the footer and for the page of all keys.

use crate::form;
use crate::form::Page;
use crate::walk::{Asking, Mode, Overlay, Phase, ReviewItem, State, Way, asking, ways};

/// A key and what it does here.
pub type Key = (&'static str, &'static str);

/// The keys that work here, the most useful first.
pub fn here(state: &State) -> Vec<Key> {
    match &state.overlay {
        Some(Overlay::Help) => return vec![("Esc", "close"), ("Up/Down", "scroll")],
        Some(Overlay::Ask { .. }) => return vec![("Enter", "take"), ("Up/Down", "choose"), ("Esc", "no")],
        Some(Overlay::Picker { .. }) => {
            return vec![
                ("Enter", "take"),
                ("Up/Down", "choose"),
                ("letters", "another"),
                ("Esc", "as it was"),
            ];
        }
        Some(Overlay::Adopt { .. }) => return vec![("Enter", "take"), ("Esc", "as it was")],
        None => {}
    }
    let help = if state.mode() == Mode::Typing { ("F1", "help") } else { ("?", "help") };
    let mut keys = match state.page {
        page if page <= Page::Gateway => fields(state),
        _ if !ways(state).is_empty() => trouble(state),
        Page::Review => review(state),
        Page::Apply if state.run.hand.is_some() => {
            vec![("Enter", "take"), ("Up/Down", "move"), ("y", "copy"), ("Ctrl-C", "stop")]
        }
        Page::Apply => apply(state),
        Page::Verify => vec![("Enter", "report"), ("r", "again"), ("s", "skip"), ("Ctrl-C", "leave")],
        _ => vec![("Enter", "copy / done"), ("Up/Down", "choose"), ("r", "check again"), ("Esc", "checks")],
    };
    keys.push(help);
    keys
}

fn fields(state: &State) -> Vec<Key> {
    let field = state.focus.as_deref().and_then(form::find);
    let mut keys = match field.map(|field| asking(state, field)) {
        None => vec![("Enter", "next page")],
        Some(Asking::Text) => vec![("Enter", "next"), ("Ctrl-U", "clear")],
        Some(Asking::Words(_)) => vec![("Space", "change"), ("Enter", "next")],
        Some(Asking::List(_)) => vec![("Enter", "choose from a list"), ("Tab", "next")],
    };
    keys.push(("Esc", "back"));
    keys.push(("Ctrl-N", "next page"));
    keys.push(("F2", if state.shows_advanced { "less" } else { "all questions" }));
    keys
}

fn trouble(state: &State) -> Vec<Key> {
    let mut keys = vec![("Enter", "take"), ("Up/Down", "choose")];
    keys.extend(ways(state).into_iter().filter_map(|way| match way {
        Way::Retry => Some(("r", "again")),
        Way::Change => Some(("c", "change the answer")),
        Way::ByHand => Some(("b", "by hand")),
        Way::Skip => Some(("s", "skip")),
        Way::RollBack => Some(("u", "take back")),
        Way::Plan | Way::Leave => None,
    }));
    keys
}

fn review(state: &State) -> Vec<Key> {
    let mut keys = match state.review_item() {
        Some(ReviewItem::Problem(_)) => vec![("Enter", "to the answer")],
        Some(ReviewItem::Step(_)) => {
            vec![("Enter", "to the button"), ("Space", "by hand / automatic"), ("o", "use an existing one")]
        }
        Some(ReviewItem::Confirm) => vec![("Enter", "next")],
        Some(ReviewItem::Apply) => vec![("Enter", "carry it out")],
        None => vec![],
    };
    keys.push(("Esc", "back"));
    keys
}

fn apply(state: &State) -> Vec<Key> {
    let runs = matches!(state.run.phase, Phase::Running | Phase::RollingBack);
    let mut keys = vec![("Up/Down", "step"), ("v", "log"), ("y", "copy the log")];
    keys.push(if runs { ("Ctrl-C", "stop at a safe point") } else { ("Right", "checks") });
    keys
}

/// All keys, for the page of help.
pub const ALL: &[Key] = &[
    ("Up Down Tab", "move (k j where nothing is typed)"),
    ("Enter", "take what is selected and go on"),
    ("Esc, Ctrl-P", "back (Left or h where nothing is typed)"),
    ("Ctrl-N", "next page (Right or l where nothing is typed)"),
    ("Space", "the next of few choices"),
    ("F2, a", "all questions, or those that most people decide"),
    ("Right, End", "on an empty line: take the default to change it"),
    ("Ctrl-U, Ctrl-W", "clear the line; erase a word"),
    ("Ctrl-T", "take what the account would accept instead"),
    ("y, Ctrl-Y", "copy the selected text to the clipboard"),
    ("PgUp PgDn", "scroll the text"),
    ("b, o", "plan: do the step by hand; use an existing resource"),
    ("r c s u", "trouble: again, change the answer, skip, take back"),
    ("v", "run: the whole log of the step"),
    ("Ctrl-Z", "to the shell; `fg` comes back"),
    ("Ctrl-C", "leave; everything is saved. Twice: at once"),
];
