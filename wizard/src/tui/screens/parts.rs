//! What several pages are made of.

use model::{Finding, Severity};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Paragraph};

use crate::exchange::Seen;
use crate::tui::Theme;
use crate::tui::theme::{Mark, Meaning};
use crate::walk::State;

/// From this width on there is room for two panes side by side.
const WIDE: u16 = 110;

/// The page and what explains it: side by side where there is room, else one above the other with so many rows for the
/// second.
pub(super) fn split(area: Rect, rows: u16) -> [Rect; 2] {
    if area.width >= WIDE {
        return Layout::horizontal([Constraint::Percentage(58), Constraint::Percentage(42)]).areas(area);
    }
    let rows = if area.height < 16 { rows.min(5) } else { rows };
    Layout::vertical([Constraint::Min(3), Constraint::Length(rows)]).areas(area)
}

/// A frame with a title.
pub(super) fn pane<'a>(title: &str, theme: Theme) -> Block<'a> {
    Block::bordered()
        .border_set(theme.border())
        .border_style(theme.style(Meaning::Muted))
        .title(Line::styled(format!(" {title} "), theme.style(Meaning::Title).not_dim()))
}

/// Text of one meaning.
pub(super) fn span(text: impl Into<String>, meaning: Meaning, theme: Theme) -> Span<'static> {
    Span::styled(text.into(), theme.style(meaning))
}

/// A line of one meaning.
pub(super) fn line(text: impl Into<String>, meaning: Meaning, theme: Theme) -> Line<'static> {
    Line::from(span(text, meaning, theme))
}

/// Lines in a pane, from where the line that matters is seen.
pub(super) fn list(frame: &mut Frame<'_>, area: Rect, block: Block<'_>, lines: Vec<Line<'_>>, at: usize) {
    let height = usize::from(block.inner(area).height);
    let count = lines.len();
    // A few lines of context below the one that matters.
    let wanted = at.saturating_add(3).min(count).saturating_sub(height);
    let top = wanted.min(at);
    let seen: Vec<Line<'_>> = lines.into_iter().skip(top).take(height).collect();
    frame.render_widget(Paragraph::new(seen).block(block), area);
}

/// Lines in a pane, from this line on; never past the end.
pub(super) fn scrolled(
    frame: &mut Frame<'_>,
    area: Rect,
    block: Block<'_>,
    lines: Vec<Line<'_>>,
    top: usize,
) {
    let height = usize::from(block.inner(area).height);
    let top = top.min(lines.len().saturating_sub(height));
    let more = lines.len() > top.saturating_add(height);
    let block =
        if more || top > 0 { block.title_bottom(Line::from(" PgUp PgDn ").right_aligned()) } else { block };
    let seen: Vec<Line<'_>> = lines.into_iter().skip(top).take(height).collect();
    frame.render_widget(Paragraph::new(seen).block(block), area);
}

/// Text in lines of at most this width, each indented.
pub(super) fn wrap(text: &str, width: usize, indent: &str) -> Vec<String> {
    let room = width.saturating_sub(indent.len()).max(8);
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            let length = |text: &str| text.chars().count();
            let needs = length(&line).saturating_add(1).saturating_add(length(word));
            if !line.is_empty() && needs > room {
                lines.push(format!("{indent}{}", std::mem::take(&mut line)));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
            // A word longer than a line, such as an address, is cut where the line ends.
            while length(&line) > room {
                let rest = line.split_off(line.char_indices().nth(room).map_or(line.len(), |(byte, _)| byte));
                lines.push(format!("{indent}{line}"));
                line = rest;
            }
        }
        lines.push(format!("{indent}{line}"));
    }
    lines
}

/// Wrapped text of one meaning.
pub(super) fn wrapped(
    text: &str,
    width: usize,
    indent: &str,
    meaning: Meaning,
    theme: Theme,
) -> Vec<Line<'static>> {
    wrap(text, width, indent).into_iter().map(|text| line(text, meaning, theme)).collect()
}

/// At most so many characters; what is left out is marked.
pub(super) fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept: String = text.chars().take(width.saturating_sub(2)).collect();
    format!("{kept}..")
}

/// The sign and the meaning of a severity.
pub(super) fn severity(severity: Severity) -> (Mark, Meaning) {
    match severity {
        Severity::Ok => (Mark::Done, Meaning::Good),
        Severity::Info => (Mark::Unchanged, Meaning::Text),
        Severity::Skipped => (Mark::Skipped, Meaning::Muted),
        Severity::Warning => (Mark::Warning, Meaning::Warning),
        Severity::Unknown => (Mark::Warning, Meaning::Bad),
        Severity::Error => (Mark::Failed, Meaning::Bad),
    }
}

/// A finding with all it has to say.
pub(super) fn finding(finding: &Finding, width: usize, theme: Theme) -> Vec<Line<'static>> {
    let (mark, meaning) = severity(finding.severity);
    let head = format!("{} {}  {}", theme.mark(mark), finding.code, finding.subject);
    let mut lines = vec![line(cut(&head, width), meaning, theme)];
    lines.extend(wrapped(&finding.message, width, "  ", Meaning::Text, theme));
    if let Some(evidence) = &finding.evidence {
        lines.extend(wrapped(evidence, width, "    ", Meaning::Muted, theme));
    }
    if let Some(hint) = &finding.hint {
        lines.extend(wrapped(&format!("Next: {hint}"), width, "  ", Meaning::Answer, theme));
    }
    if let Some(doc) = &finding.doc {
        lines.extend(wrapped(&format!("See {doc}"), width, "  ", Meaning::Muted, theme));
    }
    lines
}

/// The DNS record that clients need, and what was seen of it; nothing before its address is known.
pub(super) fn record(state: &State, width: usize, theme: Theme) -> Vec<Line<'static>> {
    let Some(record) = &state.record.record else { return Vec::new() };
    let selected = state.is_on_record();
    let here = if selected { theme.mark(Mark::Here) } else { " " };
    let head = format!("{here} DNS record: {}. A {}", record.name, record.address);
    let (mark, meaning) = match record.seen {
        Seen::Right => (Mark::Done, Meaning::Good),
        Seen::Missing { .. } | Seen::Elsewhere { .. } | Seen::Unknown { .. } => {
            (Mark::Warning, Meaning::Warning)
        }
        Seen::NotLooked { .. } => (Mark::Skipped, Meaning::Muted),
    };
    let at = state.record.at.filter(|_| !matches!(record.seen, Seen::NotLooked { .. }));
    let at = at.map(|at| at.strftime(" (%H:%M:%S UTC)").to_string()).unwrap_or_default();
    let said = format!("{} {}{at}", theme.mark(mark), record.seen.said());
    let mut lines =
        vec![line(cut(&head, width), if selected { Meaning::Selected } else { Meaning::Answer }, theme)];
    lines.extend(wrapped(&said, width, "    ", meaning, theme));
    lines
}

/// A button on a line of its own.
pub(super) fn button(label: &str, selected: bool, theme: Theme) -> Line<'static> {
    let mark = if selected { theme.mark(Mark::Here) } else { " " };
    let meaning = if selected { Meaning::Selected } else { Meaning::Answer };
    Line::from(vec![
        span(format!("{mark} "), Meaning::Text, theme),
        span(format!("[ {label} ]"), meaning, theme),
    ])
}

/// The part of a line being typed that fits, and where in it the cursor is.
pub(super) fn window(editor: &crate::walk::Editor, width: usize) -> (String, usize) {
    let skipped = editor.cursor().saturating_add(1).saturating_sub(width);
    let seen: String = editor.text().chars().skip(skipped).take(width).collect();
    (seen, editor.cursor().saturating_sub(skipped))
}
