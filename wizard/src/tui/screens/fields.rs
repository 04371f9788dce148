//! Pages with questions: a line for each, and below or beside them all there is to know about the one in focus.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Position, Rect};
use ratatui::text::Line;

use super::parts;
use super::parts::{cut, line, pane, span};
use crate::discovery::Place;
use crate::exchange::Verdict;
use crate::form::{self, Field, Page, Tone};
use crate::tui::Theme;
use crate::tui::theme::{Mark, Meaning};
use crate::walk::{Asking, CheckStage, State, asking};

/// Columns in front of an answer: mark, title.
const TITLE: usize = 24;

/// The page.
pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, state: &State, theme: Theme) {
    if state.page == Page::Iam {
        return super::iam::draw(frame, area, state, theme);
    }
    let picture = picture(state, theme);
    // Where there is no room for it, it stands below the questions.
    let rows = u16::try_from(picture.len().saturating_add(2)).unwrap_or(u16::MAX);
    let has_room = !picture.is_empty() && area.height >= rows.saturating_add(22);
    let [area, below] =
        Layout::vertical([Constraint::Min(3), Constraint::Length(if has_room { rows } else { 0 })])
            .areas(area);
    let [questions, about] = parts::split(area, if state.focus.is_some() { 8 } else { 4 });
    let block = pane(state.page.title(), theme);
    let inner = block.inner(questions);
    let width = usize::from(inner.width);
    let mut lines = if state.page == Page::Welcome { welcome(state, width, theme) } else { Vec::new() };
    let (mut at, mut cursor) = (lines.len(), None);
    for field in state.visible() {
        let in_focus = state.focus.as_deref() == Some(field.path);
        if in_focus {
            at = lines.len();
        }
        let (line, column) = question(state, field, in_focus, width, theme);
        cursor = cursor.or(column.map(|column| (lines.len(), column)));
        lines.push(line);
        lines.extend(remarks(state, field, width, theme));
    }
    lines.push(Line::default());
    if state.focus.is_none() {
        at = lines.len();
    }
    lines.push(parts::button("Next page", state.focus.is_none(), theme));
    if has_room {
        parts::scrolled(frame, below, pane("What follows from this", theme), picture, 0);
    } else if !picture.is_empty() {
        lines.push(Line::default());
        lines.extend(picture);
    }
    let height = usize::from(inner.height);
    let top = at.saturating_add(3).min(lines.len()).saturating_sub(height).min(at);
    parts::list(frame, questions, block, lines, at);
    if let Some((row, column)) = cursor.filter(|_| state.overlay.is_none()) {
        let offset = |from: u16, by: usize| from.saturating_add(u16::try_from(by).unwrap_or(0));
        let row = row.saturating_sub(top);
        frame.set_cursor_position(Position::new(offset(inner.x, column), offset(inner.y, row)));
    }
    help(frame, about, state, theme);
}

/// What follows from the answers of a page, where a picture says it better than words.
fn picture(state: &State, theme: Theme) -> Vec<Line<'static>> {
    let spoken = state.spoken();
    let picture = match state.page {
        Page::SecurityGroup => form::access_picture(&spoken, &state.defaults),
        Page::Tls => form::tls_picture(&spoken, &state.defaults),
        _ => Vec::new(),
    };
    let lines = picture.into_iter().map(|drawn| {
        let meaning = match drawn.tone {
            Tone::Plain => Meaning::Text,
            Tone::Good => Meaning::Good,
            Tone::Warning => Meaning::Warning,
            Tone::Bad => Meaning::Bad,
        };
        line(drawn.text, meaning, theme)
    });
    lines.collect()
}

/// Where this is, and whose account.
fn welcome(state: &State, width: usize, theme: Theme) -> Vec<Line<'static>> {
    let known = &state.discovery;
    let place = match &known.place {
        Place::Laptop => "this computer".to_owned(),
        Place::CloudShell => "AWS CloudShell".to_owned(),
        Place::Instance { instance_id, instance_type, availability_zone, .. } => {
            format!("the instance {instance_id} ({instance_type}, {availability_zone})")
        }
    };
    let arn = known.arn.as_deref().unwrap_or("no credentials that work");
    let mut rows = vec![("Runs on", place)];
    if state.is_discovering {
        rows.push(("Account", "being asked ...".to_owned()));
    } else if state.is_rehearsal() {
        rows.push(("Account", "the practice account; nothing real is touched and nothing costs".to_owned()));
    } else {
        rows.push(("Account", known.account_id.clone().unwrap_or_else(|| "unknown".to_owned())));
        rows.push(("Who", arn.to_owned()));
    }
    if let Some((region, source)) = &known.region {
        rows.push(("Region", format!("{region} (from {source})")));
    }
    let mut lines: Vec<Line<'static>> = rows
        .into_iter()
        .map(|(name, text)| {
            let text = cut(&text, width.saturating_sub(12));
            Line::from(vec![
                span(format!("  {name:<9} "), Meaning::Muted, theme),
                span(text, Meaning::Answer, theme),
            ])
        })
        .collect();
    for note in &known.notes {
        lines.extend(parts::wrapped(note, width, "  ", Meaning::Warning, theme));
    }
    lines.push(Line::default());
    lines
}

/// A question with its answer, and the column of the cursor where it is typed.
fn question(
    state: &State,
    field: &'static Field,
    in_focus: bool,
    width: usize,
    theme: Theme,
) -> (Line<'static>, Option<usize>) {
    let room = width.saturating_sub(TITLE);
    let mark = if in_focus { theme.mark(Mark::Here) } else { " " };
    let is_wrong = state.problem(field).is_some_and(model::config::Problem::is_error);
    let bang = if is_wrong { theme.mark(Mark::Warning) } else { " " };
    let title = format!("{mark}{bang}{:<22}", cut(field.title, 21));
    let meaning = if in_focus { Meaning::Title } else { Meaning::Text };
    let mut spans = vec![span(title, meaning, theme)];
    let said = state.answers.get(field.path);
    match (asking(state, field), &state.editor) {
        (Asking::Text, Some((path, editor))) if path == field.path => {
            let (text, column) = parts::window(editor, room.saturating_sub(1));
            if text.is_empty() {
                spans.extend(default(state, field, room, theme));
            } else {
                spans.push(span(text, Meaning::Answer, theme));
            }
            return (Line::from(spans), Some(TITLE.saturating_add(column)));
        }
        (Asking::Words(words), _) if in_focus => {
            let now = state.holds(field.path);
            for word in words {
                let mark = if word.value == now { Mark::On } else { Mark::Off };
                let meaning = if word.value == now { Meaning::Answer } else { Meaning::Text };
                spans.push(span(format!("{} {}  ", theme.mark(mark), word.value), meaning, theme));
            }
        }
        (Asking::List(options), _) if said.is_some() => {
            let text = said.unwrap_or_default();
            let note = options.iter().find(|option| option.value == text).map(|option| option.note.as_str());
            spans.push(span(shown(text), Meaning::Answer, theme));
            spans.push(span(cut(&format!("  {}", note.unwrap_or_default()), room), Meaning::Muted, theme));
        }
        _ => match said {
            Some(text) => spans.push(span(cut(&shown(text), room), Meaning::Answer, theme)),
            None => spans.extend(default(state, field, room, theme)),
        },
    }
    (Line::from(spans), None)
}

fn shown(text: &str) -> String {
    if text.is_empty() { "none".to_owned() } else { text.to_owned() }
}

/// What holds where nothing was said, and where that comes from.
fn default(state: &State, field: &Field, room: usize, theme: Theme) -> Vec<ratatui::text::Span<'static>> {
    let Some(default) = state.defaults.get(field.path) else {
        let held = state.holds(field.path);
        let text = if held.is_empty() { field.key().map_or(String::new(), absent) } else { held };
        return vec![span(cut(&text, room), Meaning::Muted, theme)];
    };
    let text = if default.text.is_empty() {
        field.key().map_or(String::new(), absent)
    } else {
        default.text.clone()
    };
    let text = cut(&text, room);
    let left = room.saturating_sub(text.chars().count().saturating_add(2));
    let source = if left >= 16 { cut(&format!("  {}", default.source), left) } else { String::new() };
    vec![span(text, Meaning::Text, theme), span(source, Meaning::Muted, theme)]
}

/// What it means that there is no value.
fn absent(key: &model::config::Key) -> String {
    use model::config::Fallback;
    match key.fallback {
        Fallback::Required => format!("needed, such as {}", key.example),
        Fallback::Nothing(meaning) => format!("({meaning})"),
        Fallback::Derived(rule) => format!("(from {rule})"),
        Fallback::Value { .. } => "none".to_owned(),
    }
}

/// What is wrong with an answer, and what the account says about it.
fn remarks(state: &State, field: &'static Field, width: usize, theme: Theme) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    if let Some(problem) = state.problem(field) {
        let meaning = if problem.is_error() { Meaning::Bad } else { Meaning::Warning };
        let kind = if problem.is_error() { "wrong" } else { "warning" };
        let mut text = format!("{kind}: {}", problem.message);
        if let Some(suggestion) = &problem.suggestion {
            text = format!("{text}; {suggestion}");
        }
        lines.extend(parts::wrapped(&text, width, "    ", meaning, theme));
    }
    let Some(check) = state.checks.get(field.path) else { return lines };
    let (text, meaning) = match &check.stage {
        CheckStage::Due(_) => return lines,
        CheckStage::Asked => ("asking ...".to_owned(), Meaning::Muted),
        CheckStage::Said(Verdict::Fine { note }) => {
            (format!("{} {note}", theme.mark(Mark::Done)), Meaning::Good)
        }
        CheckStage::Said(Verdict::Unknown { because }) => {
            (format!("not checked: {because}"), Meaning::Warning)
        }
        CheckStage::Said(Verdict::Wrong { message, instead }) => {
            let instead = instead.as_ref().map(|text| format!("; Ctrl-T takes {text}")).unwrap_or_default();
            (format!("wrong: {message}{instead}"), Meaning::Bad)
        }
    };
    lines.extend(parts::wrapped(&text, width, "    ", meaning, theme));
    lines
}

fn help(frame: &mut Frame<'_>, area: Rect, state: &State, theme: Theme) {
    let width = usize::from(area.width.saturating_sub(2));
    let Some(field) = state.focus.as_deref().and_then(form::find) else {
        let lines = parts::wrapped(state.page.about(), width, "", Meaning::Text, theme);
        return parts::scrolled(frame, area, pane("About this page", theme), lines, state.scroll);
    };
    let lines = about(state, field, width, theme);
    parts::scrolled(frame, area, pane(field.title, theme), lines, state.scroll);
}

/// All there is to know about a question.
pub(super) fn about(state: &State, field: &'static Field, width: usize, theme: Theme) -> Vec<Line<'static>> {
    let mut lines = parts::wrapped(field.help, width, "", Meaning::Text, theme);
    if let Some(default) = state.defaults.get(field.path) {
        let text = if default.text.is_empty() { "nothing".to_owned() } else { default.text.clone() };
        lines.extend(parts::wrapped(
            &format!("Default: {text} ({})", default.source),
            width,
            "",
            Meaning::Text,
            theme,
        ));
    }
    let Some(key) = field.key() else { return lines };
    let mut rows = vec![("File", field.path.to_owned()), ("Flag", field.flag())];
    rows.extend(key.variable().map(|variable| ("Variable", variable)));
    rows.push(("Example", key.example.to_owned()));
    rows.extend(field.link.map(|link| ("See", link.to_owned())));
    for (name, text) in rows {
        lines.extend(parts::wrapped(&format!("{name}: {text}"), width, "", Meaning::Muted, theme));
    }
    if form::takes_nothing(field) {
        lines.push(line("Type none for nothing; an empty line means the default.", Meaning::Muted, theme));
    }
    lines
}
