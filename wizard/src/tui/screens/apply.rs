//! The run: its steps as they go, and what the selected one did.

use model::event::Outcome;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::parts;
use super::parts::{cut, line, pane, span};
use crate::progress::{Row, Stage, clock};
use crate::tui::Theme;
use crate::tui::theme::{Mark, Meaning};
use crate::walk::{Phase, State};

/// The page.
pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, state: &State, theme: Theme) {
    if state.run.shows_log {
        return log(frame, area, state, theme);
    }
    let [steps, about] = parts::split(area, 7);
    list(frame, steps, state, theme);
    log(frame, about, state, theme);
}

/// How long it has taken.
fn elapsed(state: &State) -> String {
    state.now.map_or_else(|| "0:00".to_owned(), |now| clock(state.run.progress.seconds(now)))
}

/// The steps.
pub(super) fn list(frame: &mut Frame<'_>, area: Rect, state: &State, theme: Theme) {
    let progress = &state.run.progress;
    let (done, of) = (progress.done_count(), progress.rows.len());
    let verb = match (state.run.phase, state.run.takes_back) {
        (Phase::RolledBack, _) => "Taken back",
        (_, true) => "Taking back",
        (Phase::Ended, _) => "Ended",
        _ => "Running",
    };
    let bar = theme.bar(done, of, usize::from(area.width.saturating_sub(36)).min(24));
    let block = pane(&format!("{verb} {done}/{of} {bar} {}", elapsed(state)), theme);
    let width = usize::from(block.inner(area).width);
    let mut lines: Vec<Line<'_>> = progress
        .rows
        .iter()
        .enumerate()
        .map(|(index, row)| step(row, index == state.cursor && state.trouble.is_none(), state, width, theme))
        .collect();
    if lines.is_empty() {
        let note = state.run.note.clone().unwrap_or_else(|| "The run begins ...".to_owned());
        lines.extend(parts::wrapped(&note, width, "", Meaning::Text, theme));
    }
    let mut at = state.cursor;
    let record = if state.trouble.is_none() { parts::record(state, width, theme) } else { Vec::new() };
    if state.is_on_record() {
        // What was seen of it stands below it.
        at = at.saturating_add(record.len().saturating_sub(1));
    }
    lines.extend(record);
    parts::list(frame, area, block, lines, at);
}

fn step(row: &Row, selected: bool, state: &State, width: usize, theme: Theme) -> Line<'static> {
    let (mark, meaning) = match row.stage {
        Stage::Ahead => (Mark::Ahead, Meaning::Muted),
        Stage::Running => (Mark::Running, Meaning::Busy),
        Stage::Ended(Outcome::Done) => (Mark::Done, Meaning::Good),
        Stage::Ended(Outcome::Unchanged) => (Mark::Unchanged, Meaning::Good),
        Stage::Ended(Outcome::Warning) => (Mark::Warning, Meaning::Warning),
        Stage::Ended(Outcome::Skipped | Outcome::Cancelled) => (Mark::Skipped, Meaning::Muted),
        Stage::Ended(Outcome::Failed) => (Mark::Failed, Meaning::Bad),
    };
    let here = if selected { theme.mark(Mark::Here) } else { " " };
    let seconds = state.now.and_then(|now| row.seconds(now)).map(clock).unwrap_or_default();
    let head = format!("{here}{} ", theme.mark(mark));
    let title = format!("{:<7} {:<24} {seconds:>5}  ", row.verb, cut(row.step.title(), 24));
    let room = width.saturating_sub(head.chars().count().saturating_add(title.chars().count()));
    let text = if row.doing.is_empty() { &row.name } else { &row.doing };
    let style = if selected { Meaning::Selected } else { Meaning::Text };
    Line::from(vec![
        span(head, meaning, theme),
        span(title, style, theme),
        span(cut(text, room), Meaning::Muted, theme),
    ])
}

/// What the selected step did; the end of it, unless somebody scrolled.
fn log(frame: &mut Frame<'_>, area: Rect, state: &State, theme: Theme) {
    let width = usize::from(area.width.saturating_sub(2));
    let step = state.looked_at();
    let on_record = state.is_on_record();
    let title = step.map_or(if on_record { "DNS record" } else { "Log" }, model::plan::StepId::title);
    let mut lines: Vec<Line<'static>> = Vec::new();
    if on_record {
        let text = "Make this record at your DNS provider: clients need it, and so does a certificate by ACME. \
                    Enter copies it as a line of a zone file.";
        lines.extend(parts::wrapped(text, width, "", Meaning::Text, theme));
    }
    for text in step.and_then(|step| state.run.log.get(&step)).into_iter().flatten() {
        lines.extend(parts::wrapped(text, width, "", Meaning::Text, theme));
    }
    if lines.is_empty() {
        let text = if step.is_some() { "Nothing yet." } else { "" };
        lines.push(line(text, Meaning::Muted, theme));
    }
    let height = usize::from(area.height.saturating_sub(2));
    let top = lines.len().saturating_sub(height).saturating_sub(state.scroll);
    parts::scrolled(frame, area, pane(title, theme), lines, top);
}
