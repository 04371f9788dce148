//! `status`: what the state file says, without a lock and without an account.

use std::fmt::Write as _;
use std::path::Path;

use model::config::Mode;
use provision::journal::{Ownership, State, StepState};
use serde_json::{Value, json};

use crate::app::{App, Ended};
use crate::args::{Format, StatusArgs};
use crate::exit::Exit;
use crate::failure::Next;
use crate::report::shown_id;
use crate::{next, storage};

/// Version of the JSON form. A field may be added without raising it.
const STATUS_SCHEMA_VERSION: u32 = 1;

/// `status`
pub(crate) fn command(app: &App, args: &StatusArgs) -> Ended {
    let path = storage::state_file(app, args.state_file.as_ref(), false);
    let state = storage::peek_existing(app, &path)?;
    let next = next_command(app, &path, &state);
    match app.format {
        Format::Text => app.result(&text(&state, &next)),
        Format::Json => app.result_json(&json(&state, &next)),
    }
    Ok(Exit::Done)
}

/// Where the deployment stands.
fn phase(state: &State) -> &'static str {
    match state {
        State { cleaning_up: true, .. } => "cleaning-up",
        State { cleaned_up: true, .. } => "removed",
        State { plan: None, .. } => "not-approved",
        state if state.is_finished() => "finished",
        _ => "unfinished",
    }
}

fn next_command(app: &App, path: &Path, state: &State) -> Next {
    let is_rehearsal = state.header.mode == Mode::Rehearsal;
    let id = state.header.deployment_id.as_str();
    match phase(state) {
        "cleaning-up" | "unfinished" => next::resume(app, path, is_rehearsal, None),
        "finished" => Next::Command(next::cleanup(app, id, path, is_rehearsal)),
        _ if is_rehearsal => Next::Command(format!("{}{}", next::rehearse(app), next::of_rehearsal(path))),
        _ => Next::Command(format!(
            "{} deploy --config FILE --state-file {}",
            app.program,
            next::quoted(&path.display().to_string())
        )),
    }
}

fn word(state: &State, step: &StepState) -> &'static str {
    match step {
        StepState { ownership: None, .. } if state.cleaned_up => "removed",
        StepState { undo_pending: Some(_), .. } => "removing",
        StepState { failure: Some(_), .. } => "failed",
        StepState { pending: Some(_), .. } => "pending",
        StepState { settled: true, ownership: Some(Ownership::Adopted), .. } => "adopted",
        StepState { settled: true, .. } => "done",
        StepState { id: Some(_), .. } => "there",
        StepState { undone: 1.., .. } => "removed",
        _ => "",
    }
}

fn text(state: &State, next: &Next) -> String {
    let header = &state.header;
    let mode = state.plan.as_ref().map_or(header.mode, |plan| plan.mode);
    let mut out = format!(
        "Deployment {} ({}, account {}, {}): {}\n",
        header.deployment_id,
        mode.name(),
        header.account_id,
        header.region,
        phase(state).replace('-', " ")
    );
    for planned in state.plan.iter().flat_map(|plan| &plan.steps) {
        let step = state.step(planned.id);
        let id = shown_id(planned.id, &step);
        let line =
            format!("  {:<9}{:<8}{:<25}{id}", word(state, &step), planned.change.verb(), planned.id.title());
        out.push_str(line.trim_end());
        out.push('\n');
        if let Some(pending) = &step.pending {
            let _ = writeln!(out, "           `{}` was begun, and its end is not known", pending.op);
        }
        if let Some((op, id)) = &step.undo_pending {
            let _ = writeln!(out, "           `{op}` of {id} was begun, and its end is not known");
        }
        if let Some((code, message)) = &step.failure {
            let _ = writeln!(out, "           {code}: {message}");
        }
    }
    let _ = writeln!(out, "next: {}", next.command());
    out
}

fn json(state: &State, next: &Next) -> Value {
    let header = &state.header;
    let steps: Vec<Value> = state
        .plan
        .iter()
        .flat_map(|plan| &plan.steps)
        .map(|planned| {
            let step = state.step(planned.id);
            json!({
                "step": planned.id,
                "change": planned.change.verb(),
                "settled": step.settled,
                "id": step.id,
                "ownership": step.ownership,
                "attempt": step.attempt(),
                "pending": step.pending.as_ref().map(|pending| &pending.op),
                "removing": step.undo_pending.as_ref().map(|(op, _)| op),
                "failure": step.failure.as_ref().map(|(code, message)| json!({"code": code, "message": message})),
                "outputs": step.outputs,
            })
        })
        .collect();
    json!({
        "schema_version": STATUS_SCHEMA_VERSION,
        "deployment": {
            "id": header.deployment_id,
            "account_id": header.account_id,
            "region": header.region,
            "mode": state.plan.as_ref().map_or(header.mode, |plan| plan.mode).name(),
            "config_digest": state.plan.as_ref().map_or(&header.config_digest, |plan| &plan.config_digest),
        },
        "phase": phase(state),
        "is_resumable": state.is_resumable(),
        "steps": steps,
        "next_command": next.command(),
    })
}
