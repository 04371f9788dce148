//! A step that the operator does in the Console: where, what to put there, and "I did it".

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::Line;

use super::parts;
use super::parts::{cut, pane, span};
use crate::exchange::HandTask;
use crate::tui::Theme;
use crate::tui::theme::{Mark, Meaning};
use crate::walk::{HandItem, State};

/// The label of the link.
const OPEN: &str = "Open";
/// The label of the id.
const ID: &str = "Its id, if you know it";

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
    let labels = labels(task, width);
    lines.push(row(OPEN, &task.console, item == Some(HandItem::Link), OPEN.len(), width, theme));
    lines.extend(parts::wrapped(&task.path.join(" > "), width, "    ", Meaning::Text, theme));
    for (index, entry) in task.values.iter().enumerate() {
        let selected = item == Some(HandItem::Value(index));
        lines.push(row(&entry.label, &entry.value, selected, labels, width, theme));
        if selected {
            // What there was no room for, and what else to know.
            let is_cut = entry.label.chars().count() > labels;
            for text in is_cut.then_some(&entry.label).into_iter().chain(&entry.note) {
                lines.extend(parts::wrapped(text, width, "    ", Meaning::Muted, theme));
            }
            at = lines.len().saturating_sub(1);
        }
    }
    lines.extend(parts::wrapped(&task.finds, width, "  ", Meaning::Muted, theme));
    let selected = item == Some(HandItem::Id);
    let label = format!("{} {ID:<labels$}  ", if selected { theme.mark(Mark::Here) } else { " " });
    let (text, column) = parts::window(&state.run.hand_id, width.saturating_sub(label.chars().count()));
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

/// As wide as the labels are, and at most half the line.
fn labels(task: &HandTask, width: usize) -> usize {
    let entries = task.values.iter().map(|entry| entry.label.as_str());
    let longest = entries.chain([OPEN, ID]).map(|label| label.chars().count()).max();
    longest.unwrap_or_default().min(width / 2)
}

/// The end of a text that is too long: where labels say the way to an input, its own name is last.
fn end(text: &str, width: usize) -> String {
    let count = text.chars().count();
    if count <= width {
        return text.to_owned();
    }
    let kept = text.chars().skip(count.saturating_sub(width.saturating_sub(2)));
    format!("..{}", kept.collect::<String>())
}

fn row(label: &str, value: &str, selected: bool, labels: usize, width: usize, theme: Theme) -> Line<'static> {
    let here = if selected { theme.mark(Mark::Here) } else { " " };
    let label = format!("{here} {:<labels$}  ", end(label, labels));
    let room = width.saturating_sub(label.chars().count());
    let meaning = if selected { Meaning::Selected } else { Meaning::Answer };
    // A text of several lines is copied whole and shown by its first.
    let mut rest = value.lines();
    let first = rest.next().unwrap_or_default();
    let value = if rest.next().is_some() { format!("{first} ..") } else { first.to_owned() };
    Line::from(vec![span(label, Meaning::Text, theme), span(cut(&value, room), meaning, theme)])
}
