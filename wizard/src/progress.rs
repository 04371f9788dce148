//! Events folded into what can be shown: a pure function, so that a view can be tested without a screen.

use jiff::Timestamp;
use model::event::{Event, Outcome, Run, What};
use model::plan::StepId;

/// How far a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Not begun.
    Ahead,
    /// At work.
    Running,
    /// Ended.
    Ended(Outcome),
}

/// A step as it is shown.
#[derive(Debug, Clone)]
pub struct Row {
    /// The step.
    pub step: StepId,
    /// What is done to it.
    pub verb: String,
    /// The resource's name.
    pub name: String,
    /// How far it is.
    pub stage: Stage,
    /// What it does, waits for, or came to.
    pub doing: String,
    /// When it began.
    began: Option<Timestamp>,
    /// When it ended.
    ended: Option<Timestamp>,
}

/// A run as it is shown.
#[derive(Debug, Clone, Default)]
pub struct ProgressModel {
    /// What kind of run of which deployment.
    pub title: Option<(Run, String)>,
    /// Its steps.
    pub rows: Vec<Row>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    began: Option<Timestamp>,
    ended: Option<Timestamp>,
}

impl ProgressModel {
    /// Takes one event.
    pub fn apply(&mut self, event: &Event) {
        match &event.what {
            What::RunStarted { run, deployment_id, steps } => {
                let rows = steps.iter().map(|line| Row {
                    step: line.step,
                    verb: line.verb.clone(),
                    name: line.name.clone(),
                    stage: Stage::Ahead,
                    doing: String::new(),
                    began: None,
                    ended: None,
                });
                *self = Self {
                    title: Some((*run, deployment_id.to_string())),
                    rows: rows.collect(),
                    outcome: None,
                    began: Some(event.at),
                    ended: None,
                };
            }
            What::StepStarted { step } => self.change(*step, |row| {
                row.stage = Stage::Running;
                row.doing = row.name.clone();
                // What is replaced begins twice and is one piece of work.
                row.began = row.began.or(Some(event.at));
                row.ended = None;
            }),
            What::Acting { step, action } => self.change(*step, |row| row.doing.clone_from(action)),
            What::ByHand { task } => {
                self.change(task.step, |row| row.doing = format!("by hand: {}", task.title));
            }
            What::Waiting { step: Some(step), reason, attempt, elapsed_ms, .. } => {
                self.change(*step, |row| row.doing = waiting(reason, *attempt, *elapsed_ms));
            }
            What::StepFinished { step, outcome, message } => self.change(*step, |row| {
                row.stage = Stage::Ended(*outcome);
                row.doing.clone_from(message);
                row.ended = Some(event.at);
            }),
            What::RunFinished { outcome } => {
                self.outcome = Some(*outcome);
                self.ended = Some(event.at);
            }
            What::Waiting { step: None, .. } | What::Found { .. } | What::Unknown => {}
        }
    }

    /// The step's row, if the run has it.
    pub fn row(&self, step: StepId) -> Option<&Row> {
        self.rows.iter().find(|row| row.step == step)
    }

    /// Steps that are as wanted.
    pub fn done_count(&self) -> usize {
        let done = |row: &&Row| {
            matches!(row.stage, Stage::Ended(Outcome::Done | Outcome::Unchanged | Outcome::Warning))
        };
        self.rows.iter().filter(done).count()
    }

    /// Seconds since the run began.
    pub fn seconds(&self, now: Timestamp) -> i64 {
        self.began.map_or(0, |began| seconds_between(began, self.ended.unwrap_or(now)))
    }

    fn change(&mut self, step: StepId, change: impl FnOnce(&mut Row)) {
        if let Some(row) = self.rows.iter_mut().find(|row| row.step == step) {
            change(row);
        }
    }
}

impl Row {
    /// Seconds since the step began; none before that.
    pub fn seconds(&self, now: Timestamp) -> Option<i64> {
        self.began.map(|began| seconds_between(began, self.ended.unwrap_or(now)))
    }
}

/// "waiting for IAM propagation (usually 10 to 30 s), attempt 4, 12 s"
pub fn waiting(reason: &str, attempt: u32, elapsed_ms: u64) -> String {
    format!("{reason}, attempt {attempt}, {} s", elapsed_ms.div_euclid(1000))
}

/// `1:05`
pub fn clock(seconds: i64) -> String {
    format!("{}:{:02}", seconds.div_euclid(60), seconds.rem_euclid(60))
}

fn seconds_between(from: Timestamp, to: Timestamp) -> i64 {
    to.as_second().saturating_sub(from.as_second()).max(0)
}
