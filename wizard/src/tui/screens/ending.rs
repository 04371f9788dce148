//! The checks and the report.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::parts;
use super::parts::{cut, line, pane, span};
use crate::exchange::{Record, Verified};
use crate::form::Page;
use crate::tui::Theme;
use crate::tui::theme::{Mark, Meaning};
use crate::walk::State;

/// The page.
pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, state: &State, theme: Theme) {
    let width = usize::from(area.width.saturating_sub(2));
    match (&state.verified, state.page) {
        (Some(verified), Page::Verify) => checks(frame, area, state, verified, theme),
        (Some(verified), _) => report(frame, area, state, verified, theme),
        (None, _) if state.is_verifying => {
            let text =
                "The endpoint is checked: name, certificate, token, a request. This takes up to a minute.";
            let mut lines = parts::wrapped(text, width, "", Meaning::Text, theme);
            lines.push(Line::default());
            lines.extend(parts::record(state, width, theme));
            parts::scrolled(frame, area, pane("Checks", theme), lines, 0);
        }
        (None, _) => {
            let text = "The checks were not run, so nothing is known about the endpoint. `r` runs them.";
            let mut lines = parts::wrapped(text, width, "", Meaning::Warning, theme);
            lines.push(Line::default());
            lines.extend(parts::record(state, width, theme));
            lines.push(parts::button("Done", !state.is_on_record(), theme));
            parts::scrolled(frame, area, pane("Report", theme), lines, 0);
        }
    }
}

fn checks(frame: &mut Frame<'_>, area: Rect, state: &State, verified: &Verified, theme: Theme) {
    let width = usize::from(area.width.saturating_sub(2));
    let (mark, meaning) = parts::severity(verified.severity);
    let summary = format!("{} {}", theme.mark(mark), verified.summary);
    let mut lines = parts::wrapped(&summary, width, "", meaning, theme);
    lines.push(Line::default());
    let mut at = 0;
    for (index, finding) in verified.findings.iter().enumerate() {
        let selected = index == state.cursor;
        if selected {
            at = lines.len();
        }
        let (mark, meaning) = parts::severity(finding.severity);
        let text = format!("{} {}  {}", theme.mark(mark), finding.code, finding.message);
        let meaning = if selected { Meaning::Selected } else { meaning };
        let here = if selected { theme.mark(Mark::Here) } else { " " };
        lines.push(line(cut(&format!("{here}{text}"), width), meaning, theme));
        if selected {
            // The first line of it stands above.
            lines.extend(parts::finding(finding, width.saturating_sub(2), theme).into_iter().skip(1));
        }
    }
    lines.push(Line::default());
    if state.is_on_record() {
        at = lines.len();
    }
    lines.extend(parts::record(state, width, theme));
    let on_button = state.cursor >= verified.findings.len() && !state.is_on_record();
    if on_button {
        at = lines.len();
    }
    lines.push(parts::button("To the report", on_button, theme));
    parts::list(frame, area, pane("Checks", theme), lines, at);
}

fn report(frame: &mut Frame<'_>, area: Rect, state: &State, verified: &Verified, theme: Theme) {
    let [left, right] = parts::split(area, 8);
    let width = usize::from(left.width.saturating_sub(2));
    let (mark, meaning) = parts::severity(verified.severity);
    let mut lines =
        parts::wrapped(&format!("{} {}", theme.mark(mark), verified.summary), width, "", meaning, theme);
    if let Some(url) = &verified.url {
        lines.push(Line::from(vec![
            span("  Clients go to ", Meaning::Text, theme),
            span(cut(url, width.saturating_sub(16)), Meaning::Answer, theme),
        ]));
    }
    let mut at = lines.len();
    for (index, (title, _)) in verified.snippets.iter().enumerate() {
        let selected = index == state.cursor;
        if selected {
            at = lines.len();
        }
        let here = if selected { theme.mark(Mark::Here) } else { " " };
        let meaning = if selected { Meaning::Selected } else { Meaning::Text };
        lines.push(line(cut(&format!("{here} Copy: {title}"), width), meaning, theme));
    }
    if state.is_on_record() {
        at = lines.len();
    }
    lines.extend(parts::record(state, width, theme));
    let on_button = state.cursor >= verified.snippets.len() && !state.is_on_record();
    if on_button {
        at = lines.len();
    }
    lines.push(parts::button("Done", on_button, theme));
    for (index, next) in verified.next.iter().enumerate() {
        let text = format!("{}. {next}", index.saturating_add(1));
        lines.extend(parts::wrapped(&text, width, "  ", Meaning::Text, theme));
    }
    for file in &verified.files {
        lines.push(line(cut(&format!("  Written: {file}"), width), Meaning::Muted, theme));
    }
    parts::list(frame, left, pane("Report", theme), lines, at);
    let snippet = verified.snippets.get(state.cursor).or(verified.snippets.first());
    let record = state.record.record.as_ref().filter(|_| state.is_on_record()).map(Record::line);
    let (title, text) = match &record {
        Some(line) => ("The DNS record, as a line of a zone file", line.as_str()),
        None => snippet.map_or(("", ""), |(title, text)| (title.as_str(), text.as_str())),
    };
    // What is copied is shown as it is, line by line.
    let lines = text.lines().map(|text| line(text, Meaning::Text, theme)).collect();
    parts::scrolled(frame, right, pane(title, theme), lines, state.scroll);
}
