//! The report on a run: a pure function of what the journal says and of what was found on the way.

use std::collections::BTreeMap;

use jiff::Timestamp;
use model::config::{Config, HostInstall};
use model::plan::{Change, PlannedStep, StepId};
use model::report::{REPORT_SCHEMA_VERSION, SetupResult, Status, Subject, VerificationReport};
use model::{Finding, Severity};
use provision::advice;
use provision::journal::{Ownership, State, StepState};
use provision::undo::{Left, Removal, Stays};

use crate::failure::codes;

/// What a report is made from.
pub(crate) struct Observed<'a> {
    /// What the journal says.
    pub(crate) state: &'a State,
    /// What the run remarked, such as a certificate that waits for a record.
    pub(crate) remarks: Vec<Finding>,
    /// What stopped the run.
    pub(crate) failures: Vec<Finding>,
    /// How to go on, where the run did not end.
    pub(crate) resume: Option<String>,
    /// When.
    pub(crate) now: Timestamp,
}

/// The report.
pub(crate) fn report(observed: Observed<'_>) -> VerificationReport {
    let Observed { state, remarks, failures, resume, now } = observed;
    let config = state.config.as_ref().and_then(|config| Config::from_resolved(config).ok());
    let is_removed = state.cleaned_up;
    let component_results = components(state, &failures);
    let mut findings = remarks;
    if let Some(config) = config.as_ref().filter(|_| !is_removed) {
        findings.push(of_host(config.host.install));
    }
    findings.extend(failures);
    let is_warned = findings.iter().any(|finding| finding.severity >= Severity::Warning);
    let overall_status = match (is_removed, state.is_finished(), is_warned) {
        (true, _, _) => Status::Removed,
        (false, false, _) => Status::Incomplete,
        (false, true, true) => Status::CompleteWithWarnings,
        (false, true, false) => Status::Complete,
    };
    VerificationReport {
        schema_version: REPORT_SCHEMA_VERSION,
        timestamp: now,
        deployment: subject(state),
        overall_status,
        component_results,
        // Nothing was tested, so there is nothing to say.
        connectivity_tests: BTreeMap::new(),
        recommendations: recommendations(state, config.as_ref(), &findings, resume),
        findings,
        deploy: None,
    }
}

/// What a report on this state is about.
pub(crate) fn subject(state: &State) -> Subject {
    let header = &state.header;
    Subject {
        id: header.deployment_id.to_string(),
        account_id: header.account_id.to_string(),
        region: header.region.to_string(),
        mode: state.plan.as_ref().map_or(header.mode, |plan| plan.mode).name().to_owned(),
    }
}

/// One entry a component of the last plan.
pub(crate) fn components(state: &State, failures: &[Finding]) -> Vec<SetupResult> {
    let steps = state.plan.iter().flat_map(|plan| &plan.steps);
    steps.map(|planned| result(state, planned, failures)).collect()
}

fn result(state: &State, planned: &PlannedStep, failures: &[Finding]) -> SetupResult {
    let step = state.step(planned.id);
    let is_gone = step.id.is_none() && step.undo_pending.is_none();
    let success = match planned.change {
        Change::Delete { .. } => is_gone,
        _ if state.cleaned_up => is_gone || step.ownership == Some(Ownership::Adopted),
        _ => step.settled,
    };
    let failure = failures.iter().find(|finding| finding.subject == planned.id.as_str());
    SetupResult {
        success,
        component: planned.id.as_str().to_owned(),
        message: message(state, planned, &step, success, failure),
        next_steps: match failure {
            Some(finding) if !success => finding.hint.iter().cloned().collect(),
            _ => Vec::new(),
        },
        details: step.outputs,
    }
}

fn message(
    state: &State,
    planned: &PlannedStep,
    step: &StepState,
    success: bool,
    failure: Option<&Finding>,
) -> String {
    let id = shown_id(planned.id, step);
    let with_id = |word: &str| if id.is_empty() { word.to_owned() } else { format!("{word}, {id}") };
    if success {
        return match &planned.change {
            _ if state.cleaned_up && step.id.is_some() => with_id("left alone, because it was adopted"),
            _ if state.cleaned_up => "removed".to_owned(),
            Change::Create | Change::Replace { .. } if step.ownership == Some(Ownership::Adopted) => {
                with_id("made by hand")
            }
            Change::Create => with_id("created"),
            Change::Adopt { .. } => with_id("adopted"),
            Change::Update { .. } => with_id("updated"),
            Change::Replace { .. } => with_id("replaced"),
            Change::Keep { .. } => with_id("as wanted"),
            Change::Check => "passed".to_owned(),
            Change::Delete { .. } => "deleted".to_owned(),
        };
    }
    if let Some(finding) = failure {
        return format!("{}: {}", finding.code, finding.message);
    }
    if let Some((code, message)) = &step.failure {
        return format!("{code}: {message}");
    }
    if state.cleaning_up {
        return with_id(if step.id.is_some() { "still there" } else { "not known to be there" });
    }
    match &step.pending {
        Some(pending) => with_id(&format!("`{}` was begun, and its end is not known", pending.op)),
        None if step.id.is_some() => with_id("there, and not yet as wanted"),
        None => "not reached".to_owned(),
    }
}

/// What an operator knows a resource by: its id, and of an address the address.
pub(crate) fn shown_id(id: StepId, step: &StepState) -> String {
    let address =
        step.outputs.get("public_ip").filter(|_| matches!(id, StepId::Address | StepId::AddressAssociation));
    address.or(step.id.as_ref()).cloned().unwrap_or_default()
}

/// Nothing was installed, and nothing is claimed about it.
fn of_host(install: HostInstall) -> Finding {
    match install {
        HostInstall::None => Finding::new(
            codes::HOST_SKIPPED,
            Severity::Skipped,
            "host",
            "the endpoint was not checked: skipped because host.install is none",
        ),
        HostInstall::UserData | HostInstall::Here => Finding::new(
            codes::HOST_SKIPPED,
            Severity::Skipped,
            "host",
            "the endpoint was not checked by this run: verify does",
        )
        .hint("sre-agent-deploy verify"),
    }
}

/// What to do next, most urgent first.
fn recommendations(
    state: &State,
    config: Option<&Config>,
    findings: &[Finding],
    resume: Option<String>,
) -> Vec<String> {
    let mut all: Vec<String> =
        resume.map(|command| format!("go on where the run stopped: {command}")).into_iter().collect();
    if state.cleaned_up || state.cleaning_up {
        return all;
    }
    let mut hints: Vec<(Severity, String)> = findings
        .iter()
        .filter(|finding| finding.severity >= Severity::Warning)
        .filter_map(|finding| {
            Some((finding.severity, format!("{}: {}", finding.code, finding.hint.as_ref()?)))
        })
        .collect();
    // Errors before warnings; within them as they were found.
    hints.sort_by_key(|(severity, _)| std::cmp::Reverse(*severity));
    all.extend(hints.into_iter().map(|(_, hint)| hint));
    let address = state.step(StepId::Address).outputs.get("public_ip").cloned();
    let domain = config.and_then(|config| config.tls.domain.clone());
    if let (Some(address), Some(domain)) = (address, domain) {
        all.push(format!("point the name at the address, at your DNS provider:\n{domain} A {address}"));
    }
    if let Some(url) = state.step(StepId::Domain).outputs.get("token_endpoint") {
        all.push(format!("clients fetch their tokens from {url}"));
    }
    if let Some(url) = state.step(StepId::Gateway).outputs.get("url") {
        all.push(format!("agents reach their tools, with such a token, at {url}"));
    }
    all
}

/// The report on a cleanup: what is gone, and what is still there with the way to remove it by hand.
pub(crate) fn removal_report(subject: Subject, removal: &Removal, now: Timestamp) -> VerificationReport {
    let gone = removal.removed.iter().map(|(step, id)| SetupResult {
        success: true,
        component: step.as_str().to_owned(),
        message: format!("removed, {id}"),
        details: BTreeMap::from([("id".to_owned(), id.clone())]),
        next_steps: Vec::new(),
    });
    let left = removal.left.iter().map(|left| SetupResult {
        success: false,
        component: left.step.as_str().to_owned(),
        message: format!("still there, {}: {}", left.id, left.error),
        details: BTreeMap::from([
            ("id".to_owned(), left.id.clone()),
            ("console".to_owned(), left.by_hand.console.clone()),
            ("command".to_owned(), left.by_hand.command.clone()),
        ]),
        next_steps: vec![left.by_hand.command.clone(), left.by_hand.console.clone()],
    });
    let component_results = gone.chain(left).collect();
    let findings: Vec<Finding> =
        removal.left.iter().map(still_there).chain(removal.stays.iter().map(stays)).collect();
    let recommendations = removal
        .left
        .iter()
        .map(|left| {
            format!("remove {} by hand, or run the cleanup again:\n{}", left.id, left.by_hand.command)
        })
        .collect();
    VerificationReport {
        schema_version: REPORT_SCHEMA_VERSION,
        timestamp: now,
        deployment: subject,
        overall_status: if removal.left.is_empty() { Status::Removed } else { Status::Incomplete },
        component_results,
        connectivity_tests: BTreeMap::new(),
        recommendations,
        findings,
        deploy: None,
    }
}

/// What was used and is not ours to remove, and how its owner does that.
fn stays(stays: &Stays) -> Finding {
    let whose = if stays.is_handmade { "made by hand" } else { "adopted" };
    Finding::new(
        codes::STAYS,
        Severity::Info,
        stays.step.as_str(),
        format!("{} stays, because it was {whose}", stays.id),
    )
    .hint(format!(
        "if it is not needed any more: {}
in the Console: {}",
        stays.by_hand.command, stays.by_hand.console
    ))
}

/// Why something is still there, and how to remove it.
fn still_there(left: &Left) -> Finding {
    let why = advice::of_step(left.step, &left.error);
    let by_hand = format!("by hand: {}\nin the Console: {}", left.by_hand.command, left.by_hand.console);
    let hint = match &why.hint {
        Some(hint) => format!("{hint}\n{by_hand}"),
        None => by_hand,
    };
    Finding { message: format!("{} is still there: {}", left.id, why.message), ..why }.hint(hint)
}
