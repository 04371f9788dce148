//! The wizard's larger pieces of work, which are commands: plan, deploy or rehearse, resume, roll back, verify.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use model::config::{Config, Mode};
use model::plan::StepId;
use model::report::{Status, VerificationReport};
use model::{Finding, Severity};
use provision::clock::Clock as _;
use provision::survey::Adoptions;
use wizard::draft::Way;
use wizard::exchange::{Cost, Input, Preview, Verified, Wish};

use super::around::{Around, trouble};
use crate::app::App;
use crate::args::{
    ApprovalArgs, ConfigArgs, DeployArgs, RehearseArgs, ResumeArgs, RollbackArgs, StateArgs, UsualArgs,
    VerifyArgs,
};
use crate::commands::{deploy, rehearse, resume, rollback, verify};
use crate::compose::SystemClock;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::guided::Guided;
use crate::price_text::cost;
use crate::settings;
use crate::storage;
use crate::watcher::{Serving, Told, Watcher};

/// Plans what is wished for. Changes nothing.
pub(super) fn preview(around: &Around, wish: &Wish) -> Result<Preview, Box<Failure>> {
    let (path, config) = configuration(around, wish)?;
    let state = state(around, &config);
    let plan = crate::commands::plan::preview(
        &around.app,
        &ConfigArgs { config: Some(path), ..ConfigArgs::default() },
        &state,
        &adoptions(&wish.ways),
    )?;
    let destroyed: Vec<&str> = plan.destructive().map(|step| step.id.title()).collect();
    let confirm = (plan.mode == Mode::Production && !destroyed.is_empty())
        .then(|| format!("this plan destroys in production: {}", destroyed.join(", ")));
    let (lines, total, note) = cost(&plan, &config, SystemClock.now()).brief();
    Ok(Preview { cost: Cost { lines, total, note }, plan, confirm })
}

/// Carries it out, and tells as it goes.
pub(super) fn apply(around: &Around, wish: &Wish) {
    let ended = configuration(around, wish).and_then(|(path, config)| {
        let config_args = ConfigArgs { config: Some(path), ..ConfigArgs::default() };
        if config.mode == Mode::Rehearsal {
            let args = RehearseArgs {
                config: config_args.config,
                state_file: Some(rehearsal_state_file(around)),
                keep: true,
                adopt: adoptions(&wish.ways).into_iter().collect(),
                guided: guided(&wish.ways),
                ..RehearseArgs::default()
            };
            return rehearse(around, &args);
        }
        let args = DeployArgs {
            config: config_args,
            state: around.state.clone(),
            approval: ApprovalArgs { yes: true, confirm_deployment_id: wish.confirmed.clone() },
            adopt: adoptions(&wish.ways).into_iter().collect(),
            guided: guided(&wish.ways),
            ..DeployArgs::default()
        };
        deploy::command(&watched(around), &args).map(|exit| finished(around, exit))
    });
    if let Err(failure) = ended {
        around.tell(Input::Applied(Err(trouble(failure))));
    }
}

/// Goes on with a run that did not end.
pub(super) fn resume(around: &Around) {
    let ended = if is_rehearsal(around) {
        let rehearsal = rehearsal_state_file(around);
        let args =
            RehearseArgs { state_file: Some(rehearsal), resume: true, keep: true, ..RehearseArgs::default() };
        rehearse(around, &args)
    } else {
        let args = ResumeArgs { state: around.state.clone(), ..ResumeArgs::default() };
        resume::command(&watched(around), &args).map(|exit| finished(around, exit))
    };
    if let Err(failure) = ended {
        around.tell(Input::Applied(Err(trouble(failure))));
    }
}

/// Takes back what the last plan made.
pub(super) fn roll_back(around: &Around) -> Result<(), Box<Failure>> {
    let real = storage::state_file(&around.app, around.state.state_file.as_ref(), false);
    let rehearsal = rehearsal_state_file(around);
    let is_rehearsal = is_rehearsal(around);
    let state_file = if is_rehearsal { rehearsal } else { real };
    let id = storage::peek_existing(&around.app, &state_file)?.header.deployment_id;
    let args = RollbackArgs {
        mode: is_rehearsal.then_some(Mode::Rehearsal),
        state: StateArgs { state_file: Some(state_file), ..around.state.clone() },
        approval: ApprovalArgs { yes: true, confirm_deployment_id: Some(id.to_string()) },
        ..RollbackArgs::default()
    };
    rollback::command(&watched(around), &args).map(|_| ())
}

/// Looks at everything that concerns the deployment.
pub(super) fn verify(around: &Around) -> Result<Verified, Box<Failure>> {
    let state_file = storage::state_file(&around.app, around.state.state_file.as_ref(), false);
    let usual = UsualArgs { state: around.state.clone(), ..UsualArgs::default() };
    let args = VerifyArgs { usual, ..VerifyArgs::default() };
    let found = verify::verify(&watched(around), &args, None)?;
    let state = storage::peek(&state_file)?;
    let config = state.as_ref().map(resume::approved_config).transpose()?.flatten();
    let url = config.and_then(|config| config.tls.domain).map(|domain| format!("https://{domain}"));
    let next = after_deployment(&around.app, &state_file);
    Ok(verified(found.report.as_ref(), url, Vec::new(), &state_file, next))
}

/// Rehearses; what serves goes on until the wizard ends.
fn rehearse(around: &Around, args: &RehearseArgs) -> Result<(), Box<Failure>> {
    around.rehearsing(|| rehearse::command(&watched(around), args)).map(|_| ())
}

fn finished(around: &Around, exit: Exit) {
    around.tell(Input::Applied(Ok(Vec::new())));
    let _ = exit;
}

/// The program with the wizard as its watcher.
fn watched(around: &Around) -> App {
    let mut app = around.app.clone();
    let told = around.clone();
    app.watcher =
        Some(Watcher::new(around.stop.clone(), Arc::new(around.hands.clone()), move |what| match what {
            Told::Event(event) => told.tell(Input::Event(event)),
            Told::Deployed => told.tell(Input::Applied(Ok(Vec::new()))),
            Told::Serves(serving) => told.tell(Input::Verified(Ok(Box::new(served(&told, *serving))))),
        }));
    app
}

/// What a rehearsal that serves came to.
fn served(around: &Around, serving: Serving) -> Verified {
    let Serving { url, report, snippets } = serving;
    let state_file = rehearsal_state_file(around);
    let next = after_rehearsal(&around.app, &state_file);
    verified(report.as_ref(), Some(url), snippets, &state_file, next)
}

fn verified(
    report: Option<&VerificationReport>,
    url: Option<String>,
    snippets: Vec<(String, String)>,
    state_file: &Path,
    next: Vec<String>,
) -> Verified {
    let mut findings: Vec<Finding> = report.map(|report| report.findings.clone()).unwrap_or_default();
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let (severity, summary) = match report.map(|report| report.overall_status) {
        Some(Status::Complete) => (Severity::Ok, "everything is there, and every check passed"),
        Some(Status::CompleteWithWarnings) => {
            (Severity::Warning, "everything is there; some checks have advice")
        }
        Some(_) => (Severity::Error, "something is missing or does not work"),
        None => (Severity::Unknown, "nothing is known: there is no state file"),
    };
    let ending = |ending: &str| crate::report_file::beside(state_file, ending).display().to_string();
    Verified {
        severity,
        summary: summary.to_owned(),
        findings,
        url,
        snippets,
        files: ["report.json", "report.md", "report.html"].map(ending).to_vec(),
        next,
    }
}

/// What to do next with a deployment.
fn after_deployment(app: &App, state_file: &Path) -> Vec<String> {
    let at = crate::next::quoted(&state_file.display().to_string());
    vec![
        format!("look again at any time: {} verify --state-file {at}", app.program),
        format!("have certificates checked every day: {} check certs --install-timer", app.program),
        format!("remove it all: {} cleanup --state-file {at}", app.program),
    ]
}

/// What to do next with a rehearsal.
fn after_rehearsal(app: &App, state_file: &Path) -> Vec<String> {
    let (rehearse, at) = (crate::next::rehearse(app), crate::next::of_rehearsal(state_file));
    vec![
        "it serves until you leave; nothing real was made".to_owned(),
        format!("leave it running: {rehearse} --resume --keep{at}"),
        format!("remove it all: {rehearse} --cleanup{at}"),
    ]
}

/// The configuration, written where the run finds it again.
fn configuration(around: &Around, wish: &Wish) -> Result<(PathBuf, Config), Box<Failure>> {
    let path = around.write_configuration(&wish.configuration)?;
    let args = ConfigArgs { config: Some(path.clone()), ..ConfigArgs::default() };
    let config = settings::read(&around.app, &args, None, None)?.valid(&around.app)?;
    Ok((path, config))
}

/// The state that belongs to a configuration.
fn state(around: &Around, config: &Config) -> StateArgs {
    if config.mode != Mode::Rehearsal {
        return around.state.clone();
    }
    StateArgs { state_file: Some(rehearsal_state_file(around)), ..around.state.clone() }
}

fn rehearsal_state_file(around: &Around) -> PathBuf {
    storage::state_file(&around.app, around.state.state_file.as_ref(), true)
}

/// Whether what was last at work is a rehearsal: of the two state files there may be, the newer one's.
pub(super) fn is_rehearsal(around: &Around) -> bool {
    let rehearsal = rehearsal_state_file(around);
    let real = storage::state_file(&around.app, around.state.state_file.as_ref(), false);
    if rehearsal == real {
        return is_of_rehearsal(&real);
    }
    let changed = |path: &Path| std::fs::metadata(path).and_then(|found| found.modified()).ok();
    changed(&rehearsal) > changed(&real)
}

/// Whether a state file is of a rehearsal.
fn is_of_rehearsal(path: &Path) -> bool {
    storage::peek(path).ok().flatten().is_some_and(|state| state.header.mode == Mode::Rehearsal)
}

fn adoptions(ways: &BTreeMap<StepId, Way>) -> Adoptions {
    ways.iter()
        .filter_map(|(step, way)| match way {
            Way::Adopt { id } => Some((*step, id.clone())),
            Way::Automatic | Way::Guided => None,
        })
        .collect()
}

fn guided(ways: &BTreeMap<StepId, Way>) -> Vec<Guided> {
    let is_guided = |(step, way): (&StepId, &Way)| (*way == Way::Guided).then_some(Guided::Step(*step));
    ways.iter().filter_map(is_guided).collect()
}
