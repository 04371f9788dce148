//! A step that the operator does in the Console: where, what to put there, and "I did it".

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::Line;

use super::parts;
use super::parts::{cut, pane, span};
use crate::tui::Theme;
use crate::tui::theme::{Mark, Meaning};
use crate::walk::{HandItem, State};

/// The page.
pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, state: &State, theme: Theme) {
    let Some(task) = &state.run.hand else { return };
    let block = pane(&format!("By hand: {}", task.step.title()), theme);
    let inner = block.inner(area);
    let width = usize::from(inner.width);
    let item = state.hand_item();
    let mut lines: Vec<Line<'static>> = Vec::new();
    for difference in &task.differences {
        let text = format!("{} {difference}", theme.mark(Mark::Warning));
        lines.extend(parts::wrapped(&text, width, "", Meaning::Bad, theme));
    }
    let mut at = lines.len();
    lines.push(row("Open", &task.console, item == Some(HandItem::Link), width, theme));
    lines.extend(parts::wrapped(&task.path.join(" > "), width, "    ", Meaning::Text, theme));
    for (index, (label, value)) in task.values.iter().enumerate() {
        let selected = item == Some(HandItem::Value(index));
        if selected {
            at = lines.len();
        }
        lines.push(row(label, value, selected, width, theme));
    }
    lines.extend(parts::wrapped(&task.finds, width, "  ", Meaning::Muted, theme));
    let selected = item == Some(HandItem::Id);
    let label =
        format!("{} {:<24} ", if selected { theme.mark(Mark::Here) } else { " " }, "Its id, if you know it");
    let (text, column) = parts::window(&state.run.hand_id, width.saturating_sub(label.len()));
    let cursor = selected.then(|| (lines.len(), label.chars().count().saturating_add(column)));
    if selected {
        at = lines.len();
    }
    lines.push(Line::from(vec![span(label, Meaning::Text, theme), span(text, Meaning::Answer, theme)]));
    let buttons = [
        (HandItem::Done, "I did it"),
        (HandItem::Automatic, "Do it for me"),
        (HandItem::Stop, "Stop here; to be gone on with later"),
    ];
    for (button, label) in buttons {
        if item == Some(button) {
            at = lines.len();
        }
        lines.push(parts::button(label, item == Some(button), theme));
    }
    let height = usize::from(inner.height);
    let top = at.saturating_add(3).min(lines.len()).saturating_sub(height).min(at);
    parts::list(frame, area, block, lines, at);
    if let Some((row, column)) = cursor.filter(|_| state.overlay.is_none()) {
        let offset = |from: u16, by: usize| from.saturating_add(u16::try_from(by).unwrap_or(0));
        let place = Position::new(offset(inner.x, column), offset(inner.y, row.saturating_sub(top)));
        frame.set_cursor_position(place);
    }
}

fn row(label: &str, value: &str, selected: bool, width: usize, theme: Theme) -> Line<'static> {
    let here = if selected { theme.mark(Mark::Here) } else { " " };
    let label = format!("{here} {:<24} ", cut(label, 24));
    let room = width.saturating_sub(label.chars().count());
    let meaning = if selected { Meaning::Selected } else { Meaning::Answer };
    Line::from(vec![span(label, Meaning::Text, theme), span(cut(value, room), meaning, theme)])
}
