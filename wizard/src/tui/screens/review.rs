//! The plan as a tree, what it costs, what cannot be taken back, and the button.

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::Line;

use super::parts;
use super::parts::{cut, line, pane, span};
use crate::draft::Way;
use crate::exchange::Preview;
use crate::form;
use crate::tui::Theme;
use crate::tui::theme::{Mark, Meaning};
use crate::walk::{ReviewItem, State, tree};

/// The page.
pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, state: &State, theme: Theme) {
    if state.judgement.config.is_none() {
        return problems(frame, area, state, theme);
    }
    let Some(preview) = &state.review.preview else {
        let text = "The account is looked at and the plan is made. Nothing is changed.";
        let lines = parts::wrapped(text, usize::from(area.width.saturating_sub(2)), "", Meaning::Text, theme);
        return parts::scrolled(frame, area, pane("Plan", theme), lines, 0);
    };
    let [plan, about] = parts::split(area, 8);
    steps(frame, plan, state, preview, theme);
    let width = usize::from(about.width.saturating_sub(2));
    let (title, lines) = match state.review_item() {
        Some(ReviewItem::Step(id)) => (id.title(), details(preview, id, width, theme)),
        _ => ("Cost and consequences", consequences(preview, width, theme)),
    };
    parts::scrolled(frame, about, pane(title, theme), lines, state.scroll);
}

fn problems(frame: &mut Frame<'_>, area: Rect, state: &State, theme: Theme) {
    let width = usize::from(area.width.saturating_sub(2));
    let mut lines =
        vec![line("Some answers are missing or wrong. Enter goes to the question.", Meaning::Text, theme)];
    let mut at = 0;
    for (index, problem) in state.judgement.problems.iter().filter(|problem| problem.is_error()).enumerate() {
        let selected = index == state.cursor;
        if selected {
            at = lines.len();
        }
        let title = form::find(&problem.path).map_or(problem.path.as_str(), |field| field.title);
        let mark = theme.mark(if selected { Mark::Here } else { Mark::Failed });
        let meaning = if selected { Meaning::Selected } else { Meaning::Bad };
        lines.push(line(cut(&format!("{mark} {title}"), width), meaning, theme));
        lines.extend(parts::wrapped(&problem.message, width, "    ", Meaning::Text, theme));
    }
    parts::list(frame, area, pane("Not yet", theme), lines, at);
}

fn steps(frame: &mut Frame<'_>, area: Rect, state: &State, preview: &Preview, theme: Theme) {
    let pending = preview.plan.pending().count();
    let total = &preview.cost.total;
    let title = format!("Plan: {pending} of {} steps change something, {total}", preview.plan.steps.len());
    let block = pane(&cut(&title, usize::from(area.width.saturating_sub(6))), theme);
    let inner = block.inner(area);
    let width = usize::from(inner.width);
    let mut lines: Vec<Line<'_>> = Vec::new();
    for (index, node) in tree(&preview.plan).into_iter().enumerate() {
        let selected = index == state.cursor;
        let branch = if node.depth == 0 { String::new() } else { theme.mark(Mark::Branch).to_owned() };
        let indent = "   ".repeat(node.depth.saturating_sub(1).min(4));
        let way = match state.ways.get(&node.step.id) {
            None | Some(Way::Automatic) => "",
            Some(Way::Guided) => "by hand",
            Some(Way::Adopt { .. }) => "adopted",
        };
        let destroys = node.step.change.destroys() || node.step.irreversible.is_some();
        let flag = theme.mark(if destroys { Mark::Warning } else { Mark::Skipped });
        let flag = if destroys { flag } else { " " };
        let here = if selected { theme.mark(Mark::Here) } else { " " };
        let name = format!("{indent}{branch}{}", node.step.id.title());
        let text = format!("{here}{flag}{:<8}{name:<33} {way:<8}{}", node.step.change.verb(), node.step.name);
        let text = cut(&text, width);
        let meaning = match (selected, node.step.change.is_pending()) {
            (true, _) => Meaning::Selected,
            _ if destroys => Meaning::Warning,
            (_, true) => Meaning::Text,
            _ => Meaning::Muted,
        };
        lines.push(line(text, meaning, theme));
    }
    let mut cursor = None;
    if preview.confirm.is_some() {
        let selected = state.review_item() == Some(ReviewItem::Confirm);
        let here = if selected { theme.mark(Mark::Here) } else { " " };
        let label = format!("{here} Type {} to approve: ", preview.plan.deployment_id);
        let (text, column) = parts::window(&state.review.confirm, width.saturating_sub(label.len()));
        if selected {
            cursor = Some(label.chars().count().saturating_add(column));
        }
        let spans = vec![span(label, Meaning::Warning, theme), span(text, Meaning::Answer, theme)];
        lines.push(Line::from(spans));
    }
    let button = if state.is_rehearsal() { "Rehearse this plan" } else { "Carry out this plan" };
    lines.push(parts::button(button, state.review_item() == Some(ReviewItem::Apply), theme));
    let height = usize::from(inner.height);
    let top = state.cursor.saturating_add(3).min(lines.len()).saturating_sub(height).min(state.cursor);
    parts::list(frame, area, block, lines, state.cursor);
    if let Some(column) = cursor.filter(|_| state.overlay.is_none()) {
        let offset = |from: u16, by: usize| from.saturating_add(u16::try_from(by).unwrap_or(0));
        let row = state.cursor.saturating_sub(top);
        frame.set_cursor_position(Position::new(offset(inner.x, column), offset(inner.y, row)));
    }
}

/// Why a step is there and what it sets.
fn details(preview: &Preview, id: model::plan::StepId, width: usize, theme: Theme) -> Vec<Line<'static>> {
    let Some(step) = preview.plan.step(id) else { return Vec::new() };
    let mut lines = Vec::new();
    if let Some(reason) = &step.irreversible {
        let text = format!("Cannot be taken back: {reason}");
        lines.extend(parts::wrapped(&text, width, "", Meaning::Bad, theme));
    }
    for why in &step.why {
        lines.extend(parts::wrapped(why, width, "", Meaning::Text, theme));
    }
    for diff in step.change.diffs() {
        let text = format!("{}: {} becomes {}", diff.field, diff.have, diff.want);
        lines.extend(parts::wrapped(&text, width, "", Meaning::Warning, theme));
    }
    lines.push(line(cut(&format!("{}  {}", step.kind, step.name), width), Meaning::Muted, theme));
    for (field, value) in &step.fields {
        lines.extend(parts::wrapped(&format!("{field}: {value}"), width, "  ", Meaning::Muted, theme));
    }
    lines
}

/// What it costs and what cannot be taken back.
fn consequences(preview: &Preview, width: usize, theme: Theme) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    if let Some(reason) = &preview.confirm {
        lines.extend(parts::wrapped(reason, width, "", Meaning::Bad, theme));
    }
    for step in &preview.plan.steps {
        if let Some(reason) = &step.irreversible {
            let text = format!("{}: {reason}", step.id.title());
            lines.extend(parts::wrapped(&text, width, "", Meaning::Warning, theme));
        }
    }
    for (what, amount) in &preview.cost.lines {
        let room = width.saturating_sub(amount.chars().count().saturating_add(1));
        let text = format!("{:<room$} {amount}", cut(what, room));
        lines.push(line(text, Meaning::Text, theme));
    }
    let room = width.saturating_sub(preview.cost.total.chars().count().saturating_add(1));
    lines.push(line(format!("{:<room$} {}", "Together", preview.cost.total), Meaning::Answer, theme));
    lines.extend(parts::wrapped(&preview.cost.note, width, "", Meaning::Muted, theme));
    for finding in &preview.plan.findings {
        lines.extend(parts::finding(finding, width, theme));
    }
    lines
}
