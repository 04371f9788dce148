//! `deploy`: plans, asks, carries out, reports. Goes on by itself where an earlier run did not end.

use std::path::{Path, PathBuf};

use model::Finding;
use model::config::{Config, KEYS, Mode, Origin};
use model::event::{Run, Silent};
use model::plan::{Change, Pins};
use model::report::VerificationReport;
use provision::engine::{Engine, Intention, Prepared};
use provision::error::RunError;
use provision::events::Emitter;
use provision::journal::State;
use provision::patience::Patience;
use provision::steps::{Context, Known, step};
use provision::survey::{Adoptions, Sight};

use crate::app::{App, Ended};
use crate::approve::{self, Gap};
use crate::args::{ApprovalArgs, DeployArgs};
use crate::compose;
use crate::failure::{Failure, findings_of_run};
use crate::guided;
use crate::plan_text::plan_text;
use crate::report::{Observed, report};
use crate::security;
use crate::session::{self, Session};
use crate::settings::{self, Source};
use crate::{report_file, storage};

use super::host::{Deployed, after_deploy};

/// A deployment to make.
pub(crate) struct Job {
    /// What is wanted.
    pub(crate) config: Config,
    /// Where its state is.
    pub(crate) state_file: PathBuf,
    /// What is used as it is.
    pub(crate) adoptions: Adoptions,
    /// Whether a practice account answers at once.
    pub(crate) fast: bool,
    /// The profile of the command line, for the command that resumes.
    pub(crate) profile: Option<String>,
}

/// `deploy`
pub(crate) fn command(app: &App, args: &DeployArgs) -> Ended {
    let source = settings::read(app, &args.config, None, None)?;
    let mut gaps: Vec<Gap> = approve::missing_approval(app, &args.approval).into_iter().collect();
    gaps.extend(guided::missing_operator(app, &args.guided));
    let config = fill(app, source, gaps)?;
    let is_rehearsal = config.mode == Mode::Rehearsal;
    let job = Job {
        state_file: storage::state_file(app, args.state.state_file.as_ref(), is_rehearsal),
        config,
        adoptions: args.adopt.iter().cloned().collect(),
        fast: false,
        profile: args.config.profile.clone(),
    };
    let report = session::run(app, &args.state, async |session| {
        session.programs_in(&args.programs);
        session.guides(guided::steps(&args.guided));
        run_with(session, &job, async |session, prepared| approve(session, &args.approval, prepared).await)
            .await
    })?;
    let deployed = Deployed {
        config: &job.config,
        state_file: &job.state_file,
        report,
        args: &args.config,
        state: &args.state,
        programs: &args.programs,
    };
    after_deploy(app, deployed)
}

/// The configuration, or everything that is missing for a run without questions, at once.
fn fill(app: &App, source: Source, mut gaps: Vec<Gap>) -> Result<Config, Box<Failure>> {
    let errors = source.loaded.problems.iter().filter(|problem| problem.is_error());
    // What nobody says is missing, also where other settings are what calls for it.
    let (missing, wrong): (Vec<_>, Vec<_>) =
        errors.partition(|problem| matches!(problem.origin, Origin::Default { .. }));
    if wrong.is_empty() && !app.can_ask() && !(gaps.is_empty() && source.has_file()) {
        if !missing.is_empty() && !source.has_file() {
            gaps.push(Gap {
                what: "configuration".to_owned(),
                flag: "--config FILE".to_owned(),
                variable: Some("SRE_AGENT_DEPLOY_CONFIG".to_owned()),
                path: None,
            });
        }
        gaps.extend(missing.iter().map(|problem| gap_of_key(&problem.path)));
        if !gaps.is_empty() {
            return Err(approve::refuse(&gaps));
        }
    }
    let config = source.valid(app);
    match (config, gaps.is_empty()) {
        (Err(mut failure), false) => {
            failure.findings.extend(approve::refuse(&gaps).findings);
            Err(failure)
        }
        (config, _) => config,
    }
}

fn gap_of_key(path: &str) -> Gap {
    let key = KEYS.iter().find(|key| key.path == path);
    let flag = match path {
        "deployment.id" => "--deployment-id ID".to_owned(),
        "aws.region" => "--region REGION".to_owned(),
        _ => format!("--set {path}={}", key.map_or("VALUE", |key| key.example)),
    };
    Gap {
        what: path.to_owned(),
        flag,
        variable: key.and_then(model::config::Key::variable),
        path: Some(path.to_owned()),
    }
}

/// Plans, has the plan approved, carries it out. What comes out is the report, which was written and which nobody has
/// seen yet; a run that stopped holds it in its failure.
pub(crate) async fn run_with(
    session: &Session<'_>,
    job: &Job,
    approve: impl AsyncFnOnce(&Session<'_>, &Prepared) -> Result<(), Box<Failure>>,
) -> Result<VerificationReport, Box<Failure>> {
    let Job { config, state_file, .. } = job;
    let region = &config.aws.region;
    let profile = config.aws.profile.as_deref();
    let wanted = config.aws.account_id.as_ref();
    let peeked = storage::peek(state_file)?;
    storage::check_owner(state_file, peeked.as_ref(), &config.deployment.id, config.mode)?;
    let place =
        compose::account(session.app, config.mode, state_file, Some(region), wanted, profile, job.fast)
            .for_gateway_of(config);
    let cloud = compose::reach(session, &place).await?;
    session.say("looking at the account");
    let identity = session.identity(&cloud, profile).await?;
    let refused = |error: RunError| Failure::of_run(&error);
    // Before the state file is even made: a wrong account leaves no trace.
    Engine::check_account(&identity, region, wanted, peeked.as_ref()).map_err(refused)?;
    let held = storage::hold(session, state_file, session.lock_timeout).await?;
    storage::check_owner(state_file, held.state.as_ref(), &config.deployment.id, config.mode)?;
    Engine::check_account(&identity, region, wanted, held.state.as_ref()).map_err(refused)?;

    let is_rehearsal = config.mode == Mode::Rehearsal;
    let run = match Intention::of(held.state.as_ref(), &config.digest()) {
        Intention::GoOn => {
            session.can_resume(state_file, is_rehearsal, job.profile.as_deref());
            session
                .say("an earlier run with this configuration did not end; this one goes on where it stopped");
            Run::Resume
        }
        Intention::Difference if held.state.as_ref().is_some_and(|state| state.cleaning_up) => {
            session.say("a cleanup of this deployment did not end; this run makes what it removed again");
            Run::Deploy
        }
        Intention::Begin | Intention::Difference => Run::Deploy,
    };
    session.read_programs(config);
    let engine = session.engine(&cloud);
    let account = &identity.account;
    let prepared = session.prepare(&cloud, config, account, held.state.as_ref(), &job.adoptions).await?;
    if let Some(state) = held.state.as_ref().filter(|state| run == Run::Deploy && state.is_finished())
        && !prepared.has_work()
    {
        session.say("nothing to do: everything is as the configuration wants it");
        let remarks = remarks(session, &cloud, config, account, &prepared);
        return finish(session, state_file, state, Ok(remarks));
    }
    if run == Run::Resume {
        super::resume::check_destroys_no_more(held.state.as_ref(), &prepared)?;
    } else {
        session.result(&plan_text(&prepared.plan, config, session.now(), session.app.out_colour()));
        approve(session, &prepared).await?;
    }
    let journal = match held.journal {
        Ok(journal) => journal,
        Err(locked) => locked
            .begin(engine.header(config, account), engine.now())
            .map_err(|error| Failure::of_journal(&error))?,
    };
    session.can_resume(state_file, is_rehearsal, job.profile.as_deref());
    let (state, result) = Box::pin(engine.apply(config, account, &prepared, journal, run)).await;
    security::applied(session.app, &state, result.is_ok());
    finish(session, state_file, &state, result)
}

/// Has the plan approved, as strictly as it deserves.
async fn approve(
    session: &Session<'_>,
    approval: &ApprovalArgs,
    prepared: &Prepared,
) -> Result<(), Box<Failure>> {
    let plan = &prepared.plan;
    let destroyed: Vec<String> =
        plan.destructive().map(|step| format!("{} {}", step.id.title(), step.name)).collect();
    if plan.mode == Mode::Production && !destroyed.is_empty() {
        let what = format!("this plan destroys in production: {}", destroyed.join(", "));
        return approve::confirm(session, approval, &plan.deployment_id, &what).await;
    }
    let changes =
        plan.steps.iter().any(|step| step.change.is_pending() || matches!(step.change, Change::Adopt { .. }));
    if approval.yes || !changes {
        return Ok(());
    }
    approve::agree(session, "Carry out this plan?").await
}

/// Writes the report on a run. One that stopped is shown it at once.
pub(crate) fn finish(
    session: &Session<'_>,
    state_file: &Path,
    state: &State,
    result: Result<Vec<Finding>, RunError>,
) -> Result<VerificationReport, Box<Failure>> {
    if !state.is_resumable() {
        session.is_over();
    }
    let (remarks, failures) = match &result {
        Ok(remarks) => (remarks.clone(), Vec::new()),
        Err(error) => {
            (state.plan.iter().flat_map(|plan| plan.findings.clone()).collect(), findings_of_run(error))
        }
    };
    let report =
        report(Observed { state, remarks, failures, resume: session.resume_command(), now: session.now() });
    session.settle();
    if let Err((path, error)) = report_file::write(state_file, &report) {
        session.app.say(&format!("warning: the report `{}` could not be written: {error}", path.display()));
    }
    match result {
        Ok(_) => Ok(report),
        Err(error) => {
            session.result(&report.text());
            let mut failure = Failure::of_run(&error);
            failure.report = Some(report);
            Err(failure)
        }
    }
}

/// What is worth saying about resources that are as wanted, such as a certificate that still waits for its record.
fn remarks(
    session: &Session<'_>,
    cloud: &cloud::Cloud,
    config: &Config,
    account: &model::AccountId,
    prepared: &Prepared,
) -> Vec<Finding> {
    let engine = session.engine(cloud);
    let emitter = Emitter::new(&Silent, engine.clock);
    let patience = Patience {
        limits: engine.limits,
        cancel: engine.cancel.clone(),
        entropy: engine.entropy,
        events: &emitter,
    };
    let (known, pins): (Known, &Pins) = (Known::default(), &prepared.plan.pins);
    let cx = Context {
        cloud,
        deployment: &config.deployment.id,
        region: &config.aws.region,
        account,
        config: Some(config),
        pins,
        known: &known,
        programs: engine.programs.as_deref(),
        patience: &patience,
    };
    let mut findings = prepared.plan.findings.clone();
    for (id, sighting) in &prepared.survey {
        if let Sight::Ours(found) = &sighting.sight {
            findings.extend(step(*id).remarks(&cx, found));
        }
    }
    findings
}
