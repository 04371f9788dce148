//! The DNS record that clients need: shown as soon as its address is known, and looked at every so often while a page is
//! open that shows it.

use jiff::Timestamp;
use model::event::Outcome;
use model::plan::StepId;

use super::State;
use super::state::Phase;
use crate::exchange::{Effect, Record, Seen};
use crate::form::Page;
use crate::progress::Stage;

/// Milliseconds between two looks. Name servers remember for minutes that a name is missing, so oftener is of no use.
const PAUSE_MS: i64 = 15_000;
/// Milliseconds until the time is told while nothing is due yet.
const NAP_MS: u64 = 5_000;

/// The record, as far as it is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Watch {
    /// What was seen last; none before the address is known.
    pub record: Option<Record>,
    /// When that was.
    pub at: Option<Timestamp>,
    /// When it was last asked for.
    asked_at: Option<Timestamp>,
    /// Whether it is being looked at.
    is_asked: bool,
}

/// Whether a page is open that shows the record, and looking could say anything new.
fn is_watched(state: &State) -> bool {
    let watch = &state.record;
    if watch.is_asked
        || watch.record.as_ref().is_some_and(|record| matches!(record.seen, Seen::NotLooked { .. }))
    {
        return false;
    }
    match state.page {
        Page::Apply => state.run.phase == Phase::Running && has_address(state),
        Page::Verify | Page::Report => true,
        _ => false,
    }
}

/// Whether the run has come as far as the address.
fn has_address(state: &State) -> bool {
    let is_there = |stage| matches!(stage, Stage::Ended(Outcome::Done | Outcome::Unchanged));
    state.run.progress.rows.iter().any(|row| row.step == StepId::Address && is_there(row.stage))
}

/// Milliseconds until it should be told the time; none where nothing is waited for.
pub(super) fn wait_ms(state: &State) -> Option<u64> {
    is_watched(state).then_some(if state.record.asked_at.is_none() { 100 } else { NAP_MS })
}

/// Time went by.
pub(super) fn tick(state: &mut State, now: Timestamp, effects: &mut Vec<Effect>) {
    let waited = |since: Timestamp| now.as_millisecond().saturating_sub(since.as_millisecond());
    if is_watched(state) && state.record.asked_at.is_none_or(|since| waited(since) >= PAUSE_MS) {
        state.record.is_asked = true;
        state.record.asked_at = Some(now);
        effects.push(Effect::LookAtRecord);
    }
}

/// What was seen.
pub(super) fn seen(state: &mut State, record: Option<Record>) {
    state.record.is_asked = false;
    if matches!(state.run.phase, Phase::RollingBack | Phase::RolledBack) {
        // The address is being given back, and the answer is from before.
        return;
    }
    // A line more; whoever was on the button below it stays there.
    let was_last = state.cursor.saturating_add(1) >= state.lines();
    let appears = record.is_some() && state.record.record.is_none();
    state.record.at = state.now;
    state.record.record = record;
    if appears && was_last && matches!(state.page, Page::Verify | Page::Report) && state.trouble.is_none() {
        state.cursor = state.lines().saturating_sub(1);
    }
}

/// Copies the record.
pub(super) fn copy(state: &mut State, effects: &mut Vec<Effect>) {
    if let Some(record) = &state.record.record {
        effects.push(Effect::Copy(record.line()));
        state.notice = Some("Copied: the DNS record.".to_owned());
    }
}

impl State {
    /// The line that the record has on this page, among those that can be selected.
    pub fn record_line(&self) -> Option<usize> {
        self.record.record.as_ref()?;
        let verified = self.verified.as_ref();
        match self.page {
            Page::Apply => Some(self.run.progress.rows.len()),
            Page::Verify => Some(verified.map_or(0, |verified| verified.findings.len())),
            Page::Report => Some(verified.map_or(0, |verified| verified.snippets.len())),
            _ => None,
        }
    }

    /// Whether the record is the selected line.
    pub fn is_on_record(&self) -> bool {
        self.record_line() == Some(self.cursor)
    }
}

impl Record {
    /// The record as a line of a zone file.
    pub fn line(&self) -> String {
        format!("{}. 300 IN A {}", self.name, self.address)
    }
}

impl Seen {
    /// What was seen, in a sentence.
    pub fn said(&self) -> String {
        match self {
            Self::Missing { because } => format!("not there yet: {because}"),
            Self::Elsewhere { addresses } => format!("leads elsewhere: to {}", addresses.join(", ")),
            Self::Right => "name servers give this address, and no other".to_owned(),
            Self::Unknown { because } => format!("could not be seen: {because}"),
            Self::NotLooked { because } => format!("not looked at: {because}"),
        }
    }
}
