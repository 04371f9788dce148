//! Whether everything is as the state file says.

use model::plan::{Change, FieldDiff, StepId};
use model::{Finding, Severity};
use serde_json::Value;

use super::facts::{Comparison, StepFacts, Told};
use super::unchecked;

const CODE: &str = "SRE-DRIFT-001";
const PUBLIC_IP: &str = "public_ip";
const HINT: &str =
    "see what would change: sre-agent-deploy plan; deploying again brings it back to what was approved";

/// SRE-DRIFT-001: what the state file says was made is there, and as it was approved.
pub fn drift(told: &Told<Comparison>) -> Vec<Finding> {
    let steps = match told {
        Err(why) => return vec![unchecked(CODE, "deployment", "the deployment against its state file", why)],
        Ok(Comparison::Refused(words)) => return refused(words),
        Ok(Comparison::Steps(steps)) => steps,
    };
    if steps.is_empty() {
        return vec![Finding::new(CODE, Severity::Unknown, "deployment", "the state file knows no step")];
    }
    // An instance has the address that was associated with it after it was recorded.
    let fixed: Vec<&String> = steps
        .iter()
        .filter(|facts| facts.step == StepId::Address)
        .filter_map(|facts| facts.recorded.get(PUBLIC_IP))
        .collect();
    let findings: Vec<Finding> = steps.iter().flat_map(|facts| of_step(facts, &fixed)).collect();
    if findings.is_empty() {
        let message = format!("all {} steps are as the state file says", steps.len());
        return vec![Finding::new(CODE, Severity::Ok, "deployment", message)];
    }
    findings
}

/// The planner stopped; its reasons are this check's.
fn refused(words: &[Finding]) -> Vec<Finding> {
    let errors: Vec<Finding> = words
        .iter()
        .filter(|finding| finding.severity == Severity::Error)
        .map(|finding| Finding {
            code: CODE.to_owned(),
            evidence: Some(match &finding.evidence {
                Some(evidence) => format!("{}: {evidence}", finding.code),
                None => finding.code.clone(),
            }),
            ..finding.clone()
        })
        .collect();
    if errors.is_empty() {
        let message = "the deployment cannot be compared with its state file";
        return vec![
            Finding::new(CODE, Severity::Unknown, "deployment", message).hint("sre-agent-deploy plan"),
        ];
    }
    errors
}

fn of_step(facts: &StepFacts, fixed: &[&String]) -> Vec<Finding> {
    let (step, title) = (facts.step.as_str(), facts.step.title());
    let error = |message: String| Finding::new(CODE, Severity::Error, step, message).hint(HINT);
    match &facts.change {
        Change::Create => vec![match &facts.recorded_id {
            Some(id) => error(format!("{title}: {id} of the state file is gone")),
            None => error(format!("{title}: it was approved, and is not there")),
        }],
        Change::Update { found, diffs } | Change::Replace { found, diffs } => {
            let mut findings = moved(facts, found);
            findings.extend(diffs.iter().map(|diff| changed(facts, diff)));
            if diffs.is_empty() {
                findings.push(error(format!("{title}: {found} is not as it was approved")));
            }
            findings
        }
        Change::Delete { found } => {
            let message = format!("{title}: {found} is there, and is not among what was approved");
            vec![Finding::new(CODE, Severity::Warning, step, message).hint(HINT)]
        }
        Change::Keep { found } | Change::Adopt { found } => {
            let mut findings = moved(facts, found);
            if findings.is_empty() {
                findings.extend(outputs(facts, fixed));
            }
            findings
        }
        Change::Check => Vec::new(),
    }
}

/// Another resource than the recorded one stands in its place.
fn moved(facts: &StepFacts, found: &str) -> Vec<Finding> {
    match &facts.recorded_id {
        Some(recorded) if recorded != found => {
            let title = facts.step.title();
            let message = format!("{title}: the state file has {recorded}, and {found} is in its place");
            let finding = Finding::new(CODE, Severity::Error, facts.step.as_str(), message);
            vec![finding.hint("deploying again records what is there: sre-agent-deploy plan, then deploy")]
        }
        _ => Vec::new(),
    }
}

/// A field that is not as approved.
fn changed(facts: &StepFacts, diff: &FieldDiff) -> Finding {
    let title = facts.step.title();
    let message = format!("{title}: `{}` is not as it was approved", diff.field);
    Finding::new(CODE, Severity::Error, facts.step.as_str(), message)
        .evidence(format!("approved {}, found {}", shown(&diff.want), shown(&diff.have)))
        .hint(HINT)
}

/// What the state file remembers of a resource and has changed since, such as an address.
fn outputs(facts: &StepFacts, fixed: &[&String]) -> Vec<Finding> {
    let Some(found) = &facts.found else { return Vec::new() };
    facts
        .recorded
        .iter()
        .filter_map(|(name, recorded)| Some((name, recorded, found.get(name)?)))
        .filter(|(_, recorded, now)| recorded != now)
        .filter(|(name, _, now)| name.as_str() != PUBLIC_IP || !fixed.contains(now))
        .map(|(name, recorded, now)| {
            let message = format!("{}: `{name}` has changed since it was recorded", facts.step.title());
            Finding::new(CODE, Severity::Warning, facts.step.as_str(), message)
                .evidence(format!("recorded {recorded}, found {now}"))
                .hint("whoever uses the old value (DNS records, clients) needs the new one")
        })
        .collect()
}

/// A value in one line, not endless.
fn shown(value: &Value) -> String {
    const LONGEST: usize = 300;
    let text = match value {
        Value::Null => "nothing".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}...", text.get(..at).unwrap_or_default()),
        None => text,
    }
}

/// Where the deployment of the state file stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// There is no state file, or nothing was approved.
    Nothing,
    /// Everything that was approved is made.
    Finished,
    /// A run did not end.
    Unfinished,
    /// Everything was taken away, or is being taken away.
    Removed,
}

/// SRE-DRIFT-002: a run that did not end. Comparing is only meaningful for what was finished.
pub fn phase(phase: Phase, state_file: &str) -> Vec<Finding> {
    let code = "SRE-DRIFT-002";
    let new = |severity, message: &str| Finding::new(code, severity, state_file, message);
    vec![match phase {
        Phase::Finished => new(Severity::Ok, "the deployment is finished"),
        Phase::Nothing => {
            new(Severity::Info, "there is no deployment in the state file, so there is nothing to compare")
                .hint("name the right one with --state-file")
        }
        Phase::Removed => new(Severity::Info, "the deployment was removed, so there is nothing to compare"),
        Phase::Unfinished => new(Severity::Warning, "the last run of the deployment did not end")
            .hint(format!("go on with it: sre-agent-deploy --resume --state-file {state_file}")),
    }]
}
