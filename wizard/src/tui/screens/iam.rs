//! What the instance will be allowed: the page has no question, and all the more to read.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Line;

use super::parts;
use super::parts::{line, pane, span};
use crate::exchange::Allowed;
use crate::tui::Theme;
use crate::tui::theme::Meaning;
use crate::walk::State;

/// The page.
pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, state: &State, theme: Theme) {
    let width = usize::from(area.width.saturating_sub(2));
    let mut lines = parts::wrapped(state.page.about(), width, "", Meaning::Text, theme);
    let about = lines.len();
    lines.push(parts::button("Next page", true, theme));
    let rows = u16::try_from(lines.len().saturating_add(2)).unwrap_or(u16::MAX);
    let [above, below] = Layout::vertical([Constraint::Length(rows), Constraint::Min(4)]).areas(area);
    parts::list(frame, above, pane(state.page.title(), theme), lines, about);
    let lines = match &state.policy.said {
        None => vec![line("Being put together ...", Meaning::Muted, theme)],
        Some(Err(because)) => {
            parts::wrapped(&format!("Not known yet: {because}"), width, "", Meaning::Warning, theme)
        }
        Some(Ok(all)) => all.iter().flat_map(|allowed| statement(allowed, width, theme)).collect(),
    };
    parts::scrolled(frame, below, pane("The policy of its role", theme), lines, state.scroll);
}

/// A statement, in as few lines as hold all of it.
fn statement(allowed: &Allowed, width: usize, theme: Theme) -> Vec<Line<'static>> {
    let mut lines = vec![Line::from(span(allowed.name.clone(), Meaning::Title, theme))];
    let actions = format!("may {} on", allowed.actions.join(", "));
    lines.extend(parts::wrapped(&actions, width, "  ", Meaning::Text, theme));
    for resource in &allowed.resources {
        lines.extend(parts::wrapped(resource, width, "    ", Meaning::Answer, theme));
    }
    if let Some(condition) = &allowed.condition {
        lines.extend(parts::wrapped(&format!("if {condition}"), width, "  ", Meaning::Muted, theme));
    }
    lines
}
