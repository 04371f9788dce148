//! What lies over a page.

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::Line;
use ratatui::widgets::Clear;

use super::parts;
use super::parts::{cut, line, pane, span};
use crate::form;
use crate::tui::theme::{Mark, Meaning};
use crate::tui::{Theme, keys};
use crate::walk::{Asking, Overlay, Question, State, asking};

/// What lies over the page, if anything does.
pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, state: &State, theme: Theme) {
    match &state.overlay {
        None => {}
        Some(Overlay::Help) => help(frame, area, state, theme),
        Some(Overlay::Ask { question, yes }) => ask(frame, area, *question, *yes, state, theme),
        Some(Overlay::Picker { path, index }) => picker(frame, area, path, *index, state, theme),
        Some(Overlay::Adopt { step, editor }) => {
            let title = format!("Use an existing {}", step.title());
            let lines = vec![line(
                "Used as it is, and stays. Leave it empty to have one made.",
                Meaning::Text,
                theme,
            )];
            let area = box_of(area, 64, 4);
            let block = pane(&title, theme);
            let inner = block.inner(area);
            let (text, column) = parts::window(editor, usize::from(inner.width).saturating_sub(3));
            let spans = vec![span("> ", Meaning::Text, theme), span(text, Meaning::Answer, theme)];
            let lines = lines.into_iter().chain([Line::from(spans)]).collect();
            frame.render_widget(Clear, area);
            parts::list(frame, area, block, lines, 0);
            let column = u16::try_from(column.saturating_add(2)).unwrap_or(0);
            frame.set_cursor_position(Position::new(
                inner.x.saturating_add(column),
                inner.y.saturating_add(1),
            ));
        }
    }
}

/// A box in the middle, as large as wanted or as there is room.
fn box_of(area: Rect, width: u16, height: u16) -> Rect {
    let (width, height) = (width.min(area.width), height.min(area.height));
    let x = area.x.saturating_add(area.width.saturating_sub(width).div_euclid(2));
    let y = area.y.saturating_add(area.height.saturating_sub(height).div_euclid(2));
    Rect { x, y, width, height }
}

fn help(frame: &mut Frame<'_>, area: Rect, state: &State, theme: Theme) {
    let area = box_of(area, 92, area.height);
    let width = usize::from(area.width.saturating_sub(2));
    let mut lines: Vec<Line<'static>> = Vec::new();
    if let Some(field) = state.focus.as_deref().and_then(form::find) {
        lines.push(line(field.title, Meaning::Title, theme));
        lines.extend(super::fields::about(state, field, width, theme));
        lines.push(Line::default());
    }
    lines.push(line("Keys", Meaning::Title, theme));
    for (key, what) in keys::ALL {
        let key = span(format!("{key:<17}"), Meaning::Key, theme);
        lines.push(Line::from(vec![key, span(cut(what, width.saturating_sub(17)), Meaning::Text, theme)]));
    }
    frame.render_widget(Clear, area);
    parts::scrolled(frame, area, pane("Help", theme), lines, state.scroll);
}

fn ask(frame: &mut Frame<'_>, area: Rect, question: Question, yes: bool, state: &State, theme: Theme) {
    let (title, text, yes_label, no_label) = match question {
        Question::Leave => (
            "Leave?",
            "Everything is saved; the wizard opens again where it is now. Ctrl-C again leaves at once.",
            "Leave",
            "Stay",
        ),
        Question::RollBack => (
            "Take back what was made?",
            "What this deployment made is deleted, in reverse order. What was adopted is left alone.",
            "Delete what was made",
            "No",
        ),
    };
    let id = state.holds("deployment.id");
    let area = box_of(area, 64, 8);
    let width = usize::from(area.width.saturating_sub(2));
    let mut lines = parts::wrapped(text, width, "", Meaning::Text, theme);
    lines.push(line(cut(&format!("Deployment {id}"), width), Meaning::Muted, theme));
    lines.push(parts::button(no_label, !yes, theme));
    lines.push(parts::button(yes_label, yes, theme));
    frame.render_widget(Clear, area);
    parts::list(frame, area, pane(title, theme), lines, 0);
}

fn picker(frame: &mut Frame<'_>, area: Rect, path: &str, index: usize, state: &State, theme: Theme) {
    let Some(field) = form::find(path) else { return };
    let Asking::List(options) = asking(state, field) else { return };
    let height = u16::try_from(options.len().saturating_add(3)).unwrap_or(u16::MAX);
    let area = box_of(area, 76, height);
    let width = usize::from(area.width.saturating_sub(2));
    let longest = options.iter().map(|option| option.value.chars().count()).max().unwrap_or(0);
    let another = ("another: type it".to_owned(), String::new());
    let rows = options.into_iter().map(|option| (option.value, option.note)).chain([another]);
    let lines = rows.enumerate().map(|(row, (value, note))| {
        let selected = row == index;
        let here = if selected { theme.mark(Mark::Here) } else { " " };
        let meaning = if selected { Meaning::Selected } else { Meaning::Text };
        line(cut(&format!("{here} {value:<longest$}  {note}"), width), meaning, theme)
    });
    let lines = lines.collect();
    frame.render_widget(Clear, area);
    parts::list(frame, area, pane(field.title, theme), lines, index);
}
