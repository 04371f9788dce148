//! Something failed: what, why, and the ways out.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Line;

use super::parts;
use super::parts::{line, pane};
use crate::form::{self, Page};
use crate::tui::Theme;
use crate::tui::theme::Meaning;
use crate::walk::{Phase, State, Way, adopted, ways};

/// The page.
pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, state: &State, theme: Theme) {
    let ways = ways(state);
    let rows = u16::try_from(ways.len().saturating_add(2)).unwrap_or(u16::MAX);
    let has_steps = state.page == Page::Apply && !state.run.progress.rows.is_empty();
    let area = if has_steps && area.width >= 110 {
        let [steps, rest] = parts::split(area, 0);
        super::apply::list(frame, steps, state, theme);
        rest
    } else {
        area
    };
    let [what, out] = Layout::vertical([Constraint::Min(4), Constraint::Length(rows)]).areas(area);
    let lines = told(state, usize::from(what.width.saturating_sub(2)), theme);
    // The selection scrolls the ways out, and the text by its own keys.
    parts::scrolled(frame, what, pane(title(state), theme), lines, state.scroll);
    let buttons = ways
        .iter()
        .enumerate()
        .map(|(index, way)| parts::button(&label(state, *way), index == state.cursor, theme));
    parts::list(frame, out, pane("What now", theme), buttons.collect(), state.cursor);
}

fn title(state: &State) -> &'static str {
    match (state.page, state.run.phase) {
        (_, Phase::RolledBack) => "Taken back",
        (Page::Apply, Phase::None) => "A run did not end",
        (Page::Apply, _) if state.run.takes_back => "Taking back stopped",
        (Page::Apply, _) => "The run stopped",
        (Page::Review, _) => "There is no plan",
        _ => "The checks could not be run",
    }
}

fn told(state: &State, width: usize, theme: Theme) -> Vec<Line<'static>> {
    let Some(trouble) = &state.trouble else {
        let text = match state.run.phase {
            Phase::RolledBack => "What the run made is gone. Your answers are still here.",
            _ => {
                "The wizard was closed while a run was under way. What was made is recorded; going on does not make anything twice."
            }
        };
        return parts::wrapped(text, width, "", Meaning::Text, theme);
    };
    let mut lines = Vec::new();
    for finding in &trouble.findings {
        lines.extend(parts::finding(finding, width, theme));
        lines.push(Line::default());
    }
    if let Some(next) = &trouble.next {
        lines.push(line("Outside the wizard, this goes on from here:", Meaning::Muted, theme));
        lines.extend(parts::wrapped(next, width, "  ", Meaning::Answer, theme));
    }
    lines
}

fn label(state: &State, way: Way) -> String {
    let about = state.trouble.iter().flat_map(|trouble| &trouble.about).find_map(|path| form::find(path));
    let text = match way {
        Way::Retry if state.page == Page::Apply && !state.run.takes_back => "Go on with the run",
        Way::Retry => "Try again",
        Way::Change if about.is_none() => {
            let step = adopted(state).map(model::plan::StepId::title).unwrap_or_default();
            return format!("Use another one, or none: {step}");
        }
        Way::Change => {
            return format!("Change the answer: {}", about.map(|field| field.title).unwrap_or_default());
        }
        Way::ByHand => "Do this step by hand in the Console",
        Way::Skip => "Go on without the checks",
        Way::RollBack => "Take back what was made",
        Way::Plan => "Back to the plan",
        Way::Leave => "Leave; everything is saved",
    };
    text.to_owned()
}
