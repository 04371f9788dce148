//! Progress where there is no terminal: one line an event.

use jiff::Timestamp;
use model::event::{Event, Outcome, Run, What};

use crate::plan_text::finding_text;

use wizard::progress::{ProgressModel, Stage, clock, waiting};

/// The line for an event, after the model has taken it.
pub(crate) fn line(event: &Event, model: &ProgressModel) -> Option<String> {
    let text = match &event.what {
        What::RunStarted { run, deployment_id, steps } => {
            format!("{} {deployment_id}: {} steps", verb(*run), steps.len())
        }
        What::StepStarted { step } => {
            let row = model.row(*step)?;
            format!("{step}: {} {}", row.verb, row.name)
        }
        What::Acting { step, action } => format!("{step}: {action}"),
        What::ByHand { task } => format!("{}: by hand: {}", task.step, task.title),
        What::Waiting { step, reason, attempt, elapsed_ms, .. } => {
            let subject = step.map(|step| format!("{step}: ")).unwrap_or_default();
            format!("{subject}{}", waiting(reason, *attempt, *elapsed_ms))
        }
        What::StepFinished { step, outcome, message } => {
            let took = model.row(*step).and_then(|row| row.seconds(event.at));
            let took = took.map(|seconds| format!(" ({seconds} s)")).unwrap_or_default();
            format!("{step}: {}: {message}{took}", word(*outcome))
        }
        What::Found { finding } => finding_text(finding),
        What::RunFinished { outcome } => {
            let done = format!("{} of {} steps done", model.done_count(), model.rows.len());
            format!("{}: {done} in {} s", word(*outcome), model.seconds(event.at))
        }
        What::Unknown => return None,
    };
    Some(format!("{} {text}", event.at.strftime("%H:%M:%SZ")))
}

/// Says that the run is alive.
pub(crate) fn heartbeat(model: &ProgressModel, now: Timestamp) -> Option<String> {
    if model.title.is_none() || model.outcome.is_some() {
        return None;
    }
    let running: Vec<String> = model
        .rows
        .iter()
        .filter(|row| row.stage == Stage::Running)
        .map(|row| format!("{} {}", row.step, clock(row.seconds(now).unwrap_or(0))))
        .collect();
    Some(format!("{} still running: {}", now.strftime("%H:%M:%SZ"), running.join(", ")))
}

/// What a run does.
pub(crate) fn verb(run: Run) -> &'static str {
    match run {
        Run::Deploy => "deploying",
        Run::Resume => "resuming",
        Run::Cleanup => "cleaning up",
    }
}

/// How something ended.
pub(crate) fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Done => "done",
        Outcome::Unchanged => "unchanged",
        Outcome::Warning => "done, with a warning",
        Outcome::Skipped => "skipped",
        Outcome::Cancelled => "stopped",
        Outcome::Failed => "failed",
    }
}

#[cfg(test)]
mod tests {
    use super::super::live::tests::story;
    use super::*;

    #[test]
    fn each_event_is_a_line() {
        let mut model = ProgressModel::default();
        let lines: Vec<String> = story()
            .iter()
            .filter_map(|event| {
                model.apply(event);
                line(event, &model)
            })
            .collect();
        insta::assert_snapshot!(lines.join("\n"));
    }

    #[test]
    fn a_heartbeat_names_what_is_at_work() {
        let mut model = ProgressModel::default();
        let story = story();
        for event in story.iter().take(8) {
            model.apply(event);
        }
        let now = "2026-11-21T10:01:05Z".parse().unwrap();
        insta::assert_snapshot!(heartbeat(&model, now).unwrap(), @"10:01:05Z still running: ec2.instance 0:53");
    }
}
