//! The run: its steps, their logs, and what is to be done by hand.

use model::Finding;
use model::event::{Event, What};
use model::plan::StepId;

use super::state::{Phase, Running};
use super::{Cmd, Editor, State, Watch, record};
use crate::draft::Way;
use crate::exchange::{Effect, HandAnswer, HandTask, Trouble};
use crate::form::Page;
use crate::progress::{Stage, waiting};

/// More lines than anybody reads; the whole is in the journal.
const MAX_LOG_LINES: usize = 500;

/// A line of a task that is done by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HandItem {
    /// The Console's page.
    Link,
    /// A value to put there.
    Value(usize),
    /// The id is typed here.
    Id,
    /// "I did it."
    Done,
    /// "Do it for me."
    Automatic,
    /// "Stop here."
    Stop,
}

/// The lines of the task at hand.
pub(super) fn hand_items(state: &State) -> Vec<HandItem> {
    let Some(task) = &state.run.hand else { return Vec::new() };
    let mut items = vec![HandItem::Link];
    items.extend((0..task.values.len()).map(HandItem::Value));
    items.extend([HandItem::Id, HandItem::Done, HandItem::Automatic, HandItem::Stop]);
    items
}

/// The selected line of the task at hand.
pub(super) fn hand_item(state: &State) -> Option<HandItem> {
    hand_items(state).into_iter().nth(state.cursor)
}

impl State {
    /// The selected line of the task that is to be done by hand.
    pub fn hand_item(&self) -> Option<HandItem> {
        hand_item(self)
    }

    /// The step that is looked at: the selected one, else the one at work.
    pub fn looked_at(&self) -> Option<StepId> {
        self.run.progress.rows.get(self.cursor).map(|row| row.step)
    }
}

/// A new run begins.
pub(super) fn start(state: &mut State) {
    state.run = Running { phase: Phase::Running, ..Running::default() };
    state.record = Watch::default();
    state.trouble = None;
    (state.cursor, state.scroll) = (0, 0);
}

/// The run is to stop at a safe point.
pub(super) fn stop(state: &mut State) {
    state.run.is_stopping = true;
    state.run.hand = None;
    state.overlay = None;
}

/// Takes back what the run made.
pub(super) fn roll_back(state: &mut State, effects: &mut Vec<Effect>) {
    start(state);
    state.run.phase = Phase::RollingBack;
    state.run.takes_back = true;
    effects.push(Effect::RollBack);
}

/// The engine did something.
pub(super) fn event(state: &mut State, event: &Event) {
    state.run.progress.apply(event);
    let at = event.at.strftime("%H:%M:%S").to_string();
    match &event.what {
        What::RunStarted { .. } => {
            state.run.log.clear();
            state.run.note = None;
        }
        What::StepStarted { step } => note(state, *step, &at, "begins"),
        What::Acting { step, action } => note(state, *step, &at, action),
        What::Waiting { step: Some(step), reason, attempt, elapsed_ms, .. } => {
            note(state, *step, &at, &waiting(reason, *attempt, *elapsed_ms));
        }
        What::Waiting { step: None, reason, attempt, elapsed_ms, .. } => {
            state.run.note = Some(waiting(reason, *attempt, *elapsed_ms));
        }
        What::StepFinished { step, message, .. } => {
            note(state, *step, &at, message);
            if state.run.hand.as_ref().is_some_and(|task| task.step == *step) {
                state.run.hand = None;
            }
        }
        What::Found { finding } => state.run.findings.push(finding.clone()),
        // What is to be done by hand comes as an input of its own, which can be answered.
        What::ByHand { .. } | What::RunFinished { .. } | What::Unknown => {}
    }
    follow(state);
}

fn note(state: &mut State, step: StepId, at: &str, text: &str) {
    let lines = state.run.log.entry(step).or_default();
    let line = format!("{at} {text}");
    // The same wait again is the same line with another number.
    let is_again = |last: &String| text.contains(", attempt ") && same_wait(last, &line);
    if lines.last().is_some_and(is_again) {
        lines.pop();
    }
    if lines.len() >= MAX_LOG_LINES {
        lines.remove(0);
    }
    lines.push(line);
}

fn same_wait(one: &str, other: &str) -> bool {
    let reason = |line: &str| {
        let text = line.split_once(' ').map_or(line, |(_, text)| text);
        text.split(", attempt ").next().map(str::to_owned)
    };
    one.contains(", attempt ") && reason(one) == reason(other)
}

/// The selection goes with the work until somebody selects.
fn follow(state: &mut State) {
    let is_free = !state.run.is_pinned && state.run.hand.is_none() && state.trouble.is_none();
    if state.page == Page::Apply && is_free {
        let rows = &state.run.progress.rows;
        state.cursor = rows.iter().position(|row| row.stage == Stage::Running).unwrap_or(state.cursor);
    }
}

/// Something is to be made by hand.
pub(super) fn hand(state: &mut State, task: HandTask) {
    state.run.hand = Some(task);
    state.run.hand_id = Editor::default();
    (state.cursor, state.scroll) = (0, 0);
}

/// The run ended.
pub(super) fn applied(state: &mut State, result: Result<Vec<Finding>, Trouble>, effects: &mut Vec<Effect>) {
    state.run.is_stopping = false;
    match result {
        Ok(findings) => {
            state.run.phase = Phase::Ended;
            state.run.hand = None;
            state.run.findings = findings;
            if state.page == Page::Apply {
                state.go(Page::Verify, effects);
                super::ending::verify(state, effects);
            }
        }
        Err(trouble) => failed(state, trouble),
    }
}

/// The run, or taking it back, failed.
pub(super) fn failed(state: &mut State, trouble: Trouble) {
    state.run.phase = Phase::Ended;
    state.run.is_stopping = false;
    state.run.hand = None;
    if state.page == Page::Apply {
        state.trouble = Some(trouble);
        (state.cursor, state.scroll) = (0, 0);
    }
}

/// The step that failed, as far as the events say.
pub(super) fn failed_step(state: &State) -> Option<StepId> {
    let failed = |stage: Stage| stage == Stage::Ended(model::event::Outcome::Failed);
    state.run.progress.rows.iter().find(|row| failed(row.stage)).map(|row| row.step)
}

/// The failed step is done by hand, and the run goes on.
pub(super) fn by_hand(state: &mut State, step: StepId, effects: &mut Vec<Effect>) {
    state.ways.insert(step, Way::Guided);
    let mut wish = state.wish();
    let typed = state.review.confirm.text().trim();
    wish.confirmed = (!typed.is_empty()).then(|| typed.to_owned());
    start(state);
    effects.push(Effect::Apply(Box::new(wish)));
}

/// Carries out a command while a run is looked at.
pub(super) fn on(state: &mut State, cmd: &Cmd, effects: &mut Vec<Effect>) {
    if state.run.hand.is_some() {
        return on_hand(state, cmd, effects);
    }
    match cmd {
        Cmd::Enter | Cmd::Toggle | Cmd::Copy if state.is_on_record() => record::copy(state, effects),
        Cmd::Log | Cmd::Enter | Cmd::Toggle => state.run.shows_log = !state.run.shows_log,
        Cmd::Back if state.run.shows_log => state.run.shows_log = false,
        Cmd::Back => {
            // The first "back" lets the selection follow the work again.
            state.run.is_pinned = false;
            follow(state);
        }
        Cmd::Forward if state.run.phase == Phase::Ended && state.trouble.is_none() => {
            state.go(Page::Verify, effects);
        }
        Cmd::Copy => {
            let lines = state.looked_at().and_then(|step| state.run.log.get(&step));
            effects.extend(lines.map(|lines| Effect::Copy(lines.join("\n"))));
        }
        Cmd::Up | Cmd::Down | Cmd::Next | Cmd::Previous | Cmd::Home | Cmd::End => {
            state.run.is_pinned = true;
            state.moves(cmd);
        }
        _ => {
            state.moves(cmd);
        }
    }
}

fn on_hand(state: &mut State, cmd: &Cmd, effects: &mut Vec<Effect>) {
    let item = hand_item(state);
    let Some(task) = &state.run.hand else { return };
    let text = match item {
        Some(HandItem::Link) => Some(task.console.clone()),
        Some(HandItem::Value(index)) => task.values.get(index).map(|entry| entry.value.clone()),
        _ => None,
    };
    match (cmd, item) {
        (Cmd::Copy, _) | (Cmd::Enter | Cmd::Toggle, Some(HandItem::Link | HandItem::Value(_))) => {
            if let Some(text) = text {
                effects.push(Effect::Copy(text));
                state.notice = Some("Copied.".to_owned());
                if *cmd != Cmd::Copy {
                    state.moves(&Cmd::Down);
                }
            }
        }
        (Cmd::Enter, Some(HandItem::Id)) => {
            state.moves(&Cmd::Down);
        }
        (Cmd::Enter, Some(HandItem::Done)) => {
            let id = state.run.hand_id.text().trim().to_owned();
            answer(state, HandAnswer::Done((!id.is_empty()).then_some(id)), effects);
        }
        (Cmd::Enter, Some(HandItem::Automatic)) => {
            let step = task.step;
            state.ways.remove(&step);
            answer(state, HandAnswer::Automatic, effects);
        }
        (Cmd::Enter, Some(HandItem::Stop)) => {
            state.run.is_stopping = true;
            answer(state, HandAnswer::Stop, effects);
        }
        (Cmd::Up | Cmd::Down | Cmd::Next | Cmd::Previous | Cmd::ScrollUp | Cmd::ScrollDown, _) => {
            state.moves(cmd);
        }
        (_, Some(HandItem::Id)) => {
            state.run.hand_id.edit(cmd);
        }
        _ => {
            state.moves(cmd);
        }
    }
}

fn answer(state: &mut State, answer: HandAnswer, effects: &mut Vec<Effect>) {
    state.run.hand = None;
    (state.cursor, state.scroll) = (0, 0);
    follow(state);
    effects.push(Effect::Hand(answer));
}
