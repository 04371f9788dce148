//! Progress on a terminal: a list of steps that changes in place, and stays on the screen when the run has ended.
//!
//! It stands in the text like any other output. The terminal stays in its usual mode, so that Ctrl-C is a signal and
//! nothing has to be restored but the cursor.

use std::io::{self, Stderr};

use jiff::Timestamp;
use model::event::Outcome;
use ratatui::backend::CrosstermBackend;
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Widget as _};
use ratatui::{Terminal, TerminalOptions, Viewport};

use super::lines;
use wizard::progress::{ProgressModel, Row, Stage, clock};

/// A title above the steps, and room for what the steps wait for below them.
const MORE_LINES: usize = 4;
/// Columns in front of what a step does: mark, verb, title, time.
const INDENT: usize = 46;

/// The list on a terminal.
pub(crate) struct Live {
    terminal: Terminal<CrosstermBackend<Stderr>>,
    colour: bool,
    frame: usize,
}

impl Live {
    /// Takes some lines of the terminal; none where it does not say where its cursor is.
    pub(crate) fn start(steps: usize, colour: bool) -> Option<Self> {
        let (_, rows) = ratatui::crossterm::terminal::size().ok()?;
        let wanted = u16::try_from(steps.saturating_add(MORE_LINES)).unwrap_or(u16::MAX);
        let height = wanted.min(rows.saturating_sub(1)).max(1);
        let options = TerminalOptions { viewport: Viewport::Inline(height) };
        let terminal = Terminal::with_options(CrosstermBackend::new(io::stderr()), options).ok()?;
        Some(Self { terminal, colour, frame: 0 })
    }

    /// Draws a frame; whether that was possible.
    pub(crate) fn draw(&mut self, model: &ProgressModel, now: Timestamp) -> bool {
        self.frame = self.frame.wrapping_add(1);
        let (frame, colour) = (self.frame, self.colour);
        self.terminal
            .draw(|screen| {
                let area = screen.area();
                let lines = list(model, now, frame, usize::from(area.width), usize::from(area.height));
                screen.render_widget(Paragraph::new(painted(lines, colour)), area);
            })
            .is_ok()
    }

    /// Says something above the list.
    pub(crate) fn say(&mut self, text: &str) {
        let width = usize::from(self.terminal.size().map_or(80, |size| size.width)).max(1);
        let lines: Vec<Line<'_>> = text
            .lines()
            .flat_map(|line| {
                let characters: Vec<char> = line.chars().collect();
                characters.chunks(width).map(|part| Line::from(String::from_iter(part))).collect::<Vec<_>>()
            })
            .collect();
        let height = u16::try_from(lines.len()).unwrap_or(u16::MAX);
        let _ =
            self.terminal.insert_before(height, |buffer| Paragraph::new(lines).render(buffer.area, buffer));
    }

    /// Draws the last frame and goes below it.
    pub(crate) fn finish(mut self, model: &ProgressModel, now: Timestamp) {
        self.draw(model, now);
        let mut area = self.terminal.get_frame().area();
        let used = list(model, now, self.frame, usize::from(area.width), usize::from(area.height)).len();
        area.y = area.y.saturating_add(u16::try_from(used).unwrap_or(0));
        let _ = self.terminal.set_cursor_position((0, area.y.saturating_sub(1)));
        let _ = self.terminal.show_cursor();
        let _ = io::Write::write_all(&mut io::stderr(), b"\r\n");
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        // Also on a panic: a terminal without a cursor is a nuisance.
        let _ = self.terminal.show_cursor();
    }
}

/// A line of the list, with what it means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shown {
    text: String,
    stage: Option<Stage>,
}

/// The list as text: a pure function of what happened. Steps that ended give way where there is too little room.
pub(crate) fn list(
    model: &ProgressModel,
    now: Timestamp,
    frame: usize,
    width: usize,
    height: usize,
) -> Vec<Shown> {
    let mut lines = Vec::new();
    if let Some((run, deployment)) = &model.title {
        let left = match model.outcome {
            None => format!("{} {deployment}", lines::verb(*run)),
            Some(outcome) => format!("{} {deployment}: {}", lines::verb(*run), lines::word(outcome)),
        };
        let right = format!(
            "{} of {} steps done, {}",
            model.done_count(),
            model.rows.len(),
            clock(model.seconds(now))
        );
        let text = format!("{left}  {right:>gap$}", gap = width.saturating_sub(left.len().saturating_add(2)));
        lines.push(Shown { text: cut(&text, width), stage: None });
    }
    let rows: Vec<Vec<Shown>> = model.rows.iter().map(|row| row_lines(row, now, frame, width)).collect();
    let room = height.saturating_sub(lines.len());
    let mut excess = rows.iter().map(Vec::len).sum::<usize>().saturating_sub(room);
    let mut hidden: usize = 0;
    if excess > 0 {
        // The line that counts what is hidden takes room as well.
        excess = excess.saturating_add(1);
    }
    let mut shown = Vec::new();
    for (row, text) in model.rows.iter().zip(rows) {
        if excess > 0 && matches!(row.stage, Stage::Ended(Outcome::Done | Outcome::Unchanged)) {
            hidden = hidden.saturating_add(1);
            excess = excess.saturating_sub(text.len());
        } else {
            shown.extend(text);
        }
    }
    if hidden > 0 {
        lines.push(Shown { text: format!(" ok   {hidden} more"), stage: Some(Stage::Ended(Outcome::Done)) });
    }
    lines.extend(shown);
    lines.truncate(height);
    lines
}

fn row_lines(row: &Row, now: Timestamp, frame: usize, width: usize) -> Vec<Shown> {
    let mark = match row.stage {
        Stage::Ahead => "",
        Stage::Running => match frame % 4 {
            0 => "|",
            1 => "/",
            2 => "-",
            _ => "\\",
        },
        Stage::Ended(Outcome::Done) => "ok",
        Stage::Ended(Outcome::Unchanged) => "=",
        Stage::Ended(Outcome::Warning) => "WARN",
        Stage::Ended(Outcome::Skipped) => "skip",
        Stage::Ended(Outcome::Cancelled) => "stop",
        Stage::Ended(Outcome::Failed) => "FAIL",
    };
    let time = row.seconds(now).map(clock).unwrap_or_default();
    let head = format!(" {mark:<4} {:<8}{:<25}{time:>5}  ", row.verb, row.step.title());
    let room = width.saturating_sub(INDENT);
    let stage = Some(row.stage);
    let first_line = row.doing.lines().next().unwrap_or_default();
    // What is waited for is what one looks at: it gets a line of its own rather than being cut.
    if row.stage == Stage::Running && first_line.chars().count() > room {
        return vec![
            Shown { text: cut(&format!("{head}{}", row.name), width), stage },
            Shown { text: cut(&format!("      {first_line}"), width), stage },
        ];
    }
    vec![Shown { text: cut(&format!("{head}{first_line}"), width), stage }]
}

/// The text up to a width, with dots where something is missing.
fn cut(text: &str, width: usize) -> String {
    let text = text.trim_end();
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept: String = text.chars().take(width.saturating_sub(3)).collect();
    format!("{kept}...")
}

fn painted(lines: Vec<Shown>, colour: bool) -> Vec<Line<'static>> {
    lines
        .into_iter()
        .map(|line| {
            let style = match (colour, line.stage) {
                (false, _) => Style::new(),
                (true, None) => Style::new().add_modifier(Modifier::BOLD),
                (true, Some(Stage::Ahead | Stage::Ended(Outcome::Unchanged | Outcome::Skipped))) => {
                    Style::new().add_modifier(Modifier::DIM)
                }
                (true, Some(Stage::Running)) => Style::new().fg(Color::Cyan),
                (true, Some(Stage::Ended(Outcome::Done))) => Style::new().fg(Color::Green),
                (true, Some(Stage::Ended(Outcome::Warning | Outcome::Cancelled))) => {
                    Style::new().fg(Color::Yellow)
                }
                (true, Some(Stage::Ended(Outcome::Failed))) => Style::new().fg(Color::Red),
            };
            Line::from(Span::styled(line.text, style))
        })
        .collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use model::event::{Event, Run, StepLine, What};
    use model::plan::StepId;
    use model::{DeploymentId, Finding, Severity};

    use super::*;

    /// A deployment with everything that can be told.
    pub(crate) fn story() -> Vec<Event> {
        use StepId::{Address, Instance, Role, SecurityGroup};
        let line =
            |step, verb: &str, name: &str| StepLine { step, verb: verb.to_owned(), name: name.to_owned() };
        let acting = |step, action: &str| What::Acting { step, action: action.to_owned() };
        let waiting = |attempt, elapsed_ms| What::Waiting {
            step: Some(Instance),
            reason: "waiting for IAM propagation (usually 10 to 30 s)".to_owned(),
            attempt,
            elapsed_ms,
            next_in_ms: 8000,
        };
        let finished =
            |step, outcome, message: &str| What::StepFinished { step, outcome, message: message.to_owned() };
        let whats = [
            What::RunStarted {
                run: Run::Deploy,
                deployment_id: DeploymentId::parse("sre-agent-prod").unwrap(),
                steps: vec![
                    line(SecurityGroup, "create", "sre-agent-prod-proxy"),
                    line(Role, "keep", "sre-agent-prod-instance"),
                    line(Address, "create", "sre-agent-prod"),
                    line(Instance, "create", "sre-agent-prod"),
                ],
            },
            What::StepStarted { step: SecurityGroup },
            acting(SecurityGroup, "create security group sre-agent-prod-proxy"),
            What::StepStarted { step: Role },
            finished(Role, Outcome::Unchanged, "sre-agent-prod-instance"),
            finished(SecurityGroup, Outcome::Done, "sg-0123456789abcdef0"),
            What::StepStarted { step: Instance },
            waiting(4, 12_300),
            What::StepStarted { step: Address },
            What::Found {
                finding: Finding::new("SRE-ACM-001", Severity::Warning, "acm", "a record is waited for")
                    .hint("create it:\nthis one"),
            },
            finished(Address, Outcome::Failed, "ec2:AllocateAddress failed with AddressLimitExceeded"),
            finished(Instance, Outcome::Cancelled, "stopped at a safe point"),
            What::RunFinished { outcome: Outcome::Failed },
        ];
        let start: Timestamp = "2026-11-21T10:00:00Z".parse().unwrap();
        (0_u32..)
            .zip(whats)
            .map(|(index, what)| {
                let after = std::time::Duration::from_secs(2).saturating_mul(index);
                let at = start.saturating_add(after).unwrap();
                Event { index: u64::from(index), at, what }
            })
            .collect()
    }

    fn screen(events: usize, width: usize, height: usize) -> String {
        let mut model = ProgressModel::default();
        let story = story();
        for event in story.iter().take(events) {
            model.apply(event);
        }
        let now = story[..events].last().unwrap().at;
        let lines = list(&model, now, 0, width, height);
        assert!(lines.len() <= height);
        lines.iter().flat_map(|line| [line.text.as_str(), "\n"]).collect()
    }

    #[test]
    fn the_list_before_during_and_after() {
        insta::assert_snapshot!("begun", screen(1, 80, 24));
        insta::assert_snapshot!("waiting", screen(9, 80, 24));
        insta::assert_snapshot!("ended", screen(13, 80, 24));
    }

    #[test]
    fn where_there_is_little_room_ended_steps_give_way() {
        insta::assert_snapshot!("narrow", screen(9, 60, 5));
        for height in 1..8 {
            screen(13, 20, height);
        }
    }
}
