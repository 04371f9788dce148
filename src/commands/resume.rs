//! `resume`: goes on with what the state file says did not end. Asks nothing, because the plan was approved.

use std::collections::BTreeSet;
use std::path::PathBuf;

use model::config::{Config, HostInstall, Mode};
use model::event::Run;
use model::plan::StepId;
use model::report::VerificationReport;
use provision::engine::{Engine, Prepared};
use provision::error::RunError;
use provision::journal::State;
use provision::survey::Adoptions;

use crate::app::{App, Ended};
use crate::args::{ConfigArgs, ResumeArgs};
use crate::exit::Exit;
use crate::failure::{Failure, Next, codes};
use crate::security;
use crate::session::{self, Session};
use crate::{compose, next, settings, storage};

use super::cleanup::{self, Cleanup};
use super::deploy::finish;
use super::host::{Deployed, after_deploy};

/// A run to go on with.
pub(crate) struct Job {
    /// Where its state is.
    pub(crate) state_file: PathBuf,
    /// What the command line says about the configuration; only compared.
    pub(crate) args: ConfigArgs,
    /// Whether a practice account answers at once.
    pub(crate) fast: bool,
}

/// `resume`
pub(crate) fn command(app: &App, args: &ResumeArgs) -> Ended {
    let is_rehearsal = args.config.mode == Some(Mode::Rehearsal);
    let job = Job {
        state_file: storage::state_file(app, args.state.state_file.as_ref(), is_rehearsal),
        args: args.config.clone(),
        fast: false,
    };
    let resumed = session::run(app, &args.state, async |session| {
        session.programs_in(&args.programs);
        run_with(session, &job).await
    })?;
    match resumed {
        Resumed::Over(exit) => Ok(exit),
        Resumed::Deployed { config, report } => {
            let deployed = Deployed {
                config: &config,
                state_file: &job.state_file,
                report: *report,
                args: &args.config,
                state: &args.state,
                programs: &args.programs,
            };
            after_deploy(app, deployed)
        }
    }
}

/// What a run that went on came to.
pub(crate) enum Resumed {
    /// The deployment is there, which was approved like this and is reported on like this.
    Deployed {
        /// What was approved.
        config: Box<Config>,
        /// The report, which was written.
        report: Box<VerificationReport>,
    },
    /// There was nothing to go on with, or it was a cleanup.
    Over(Exit),
}

impl Resumed {
    /// The exit where nothing comes behind it.
    pub(crate) fn exit(self) -> Exit {
        match self {
            Self::Deployed { .. } => Exit::Done,
            Self::Over(exit) => exit,
        }
    }
}

/// Goes on.
pub(crate) async fn run_with(session: &Session<'_>, job: &Job) -> Result<Resumed, Box<Failure>> {
    let app = session.app;
    let state_file = &job.state_file;
    let state = storage::peek_existing(app, state_file)?;
    let header = &state.header;
    let mode =
        if header.mode == Mode::Rehearsal { Mode::Rehearsal } else { job.args.mode.unwrap_or(header.mode) };
    let deployment = job.args.deployment_id.as_ref().unwrap_or(&header.deployment_id);
    storage::check_owner(state_file, Some(&state), deployment, mode)?;
    let Some(config) = approved_config(&state)? else {
        return Err(Failure::new(
            codes::NO_STATE,
            &state_file.display().to_string(),
            "nothing was approved in this state file yet, so there is nothing to resume",
        )
        .hint(format!("{} --config FILE begins, in the same state file", app.program)));
    };
    check_same(app, job, &state, &config)?;
    let is_rehearsal = header.mode == Mode::Rehearsal;
    if state.cleaning_up {
        session.say("a cleanup did not end; this run goes on with it");
        let cleanup = Cleanup {
            deployment: Some(header.deployment_id.clone()),
            state_file: state_file.clone(),
            args: job.args.clone(),
            approval: None,
            fast: job.fast,
        };
        return cleanup::cleanup(session, &cleanup).await.map(Resumed::Over);
    }
    if state.cleaned_up {
        session.say("nothing to resume: everything that this deployment made has been removed");
        return Ok(Resumed::Over(Exit::Done));
    }
    if state.is_finished() {
        session.say("nothing to resume: the deployment is finished");
        // The journal of the account knows nothing of this machine: what was not finished here is.
        if config.host.install != HostInstall::Here || is_rehearsal {
            return Ok(Resumed::Over(Exit::Done));
        }
        let findings = state.plan.iter().flat_map(|plan| plan.findings.clone()).collect();
        let report = Box::new(finish(session, state_file, &state, Ok(findings))?);
        return Ok(Resumed::Deployed { config: Box::new(config), report });
    }
    session.can_resume(state_file, is_rehearsal, job.args.profile.as_deref());
    let profile = job.args.profile.as_deref().or(config.aws.profile.as_deref());
    let region = job.args.region.as_ref().unwrap_or(&header.region);
    let wanted = config.aws.account_id.as_ref();
    let place = compose::account(app, config.mode, state_file, Some(region), wanted, profile, job.fast)
        .for_gateway_of(&config);
    let cloud = compose::reach(session, &place).await?;
    session.say("looking at the account");
    let identity = session.identity(&cloud, profile).await?;
    let refused = |error: RunError| Failure::of_run(&error);
    Engine::check_account(&identity, region, wanted, Some(&state)).map_err(refused)?;
    let held = storage::hold(session, state_file, session.lock_timeout).await?;
    let journal = held.journal.ok().filter(|journal| journal.state() == &state).ok_or_else(|| {
        Failure::new(
            codes::LOCKED,
            &state_file.display().to_string(),
            "another run worked on the state file in the meantime",
        )
    })?;
    session.read_programs(&config);
    let engine = session.engine(&cloud);
    let prepared =
        session.prepare(&cloud, &config, &identity.account, Some(&state), &Adoptions::new()).await?;
    check_destroys_no_more(Some(&state), &prepared)?;
    let (state, result) =
        Box::pin(engine.apply(&config, &identity.account, &prepared, journal, Run::Resume)).await;
    security::applied(app, &state, result.is_ok());
    let report = Box::new(finish(session, state_file, &state, result)?);
    Ok(Resumed::Deployed { config: Box::new(config), report })
}

/// The configuration that was approved; none before the first approval.
pub(crate) fn approved_config(state: &State) -> Result<Option<Config>, Box<Failure>> {
    let Some(resolved) = &state.config else { return Ok(None) };
    Config::from_resolved(resolved).map(Some).map_err(|problems| {
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        Failure::new("SRE-STATE-002", "state file", "the configuration in the state file cannot be read")
            .evidence(lines.join("\n"))
            .hint("use the version of sre-agent-deploy that wrote it")
    })
}

/// Refuses a configuration that is not the one that was approved.
fn check_same(app: &App, job: &Job, state: &State, approved: &Config) -> Result<(), Box<Failure>> {
    let named = job.args.config.is_some() || app.variable("SRE_AGENT_DEPLOY_CONFIG").is_some();
    if !named {
        return Ok(());
    }
    let source = settings::read(app, &job.args, None, Some(approved.mode))?;
    let mut config = source.valid(app)?;
    // Another profile is another way to the same account.
    config.aws.profile.clone_from(&approved.aws.profile);
    if config.digest() == approved.digest() {
        return Ok(());
    }
    let mut args: Vec<String> = job.args.config.iter().map(|path| path.display().to_string()).collect();
    args.insert(0, "--config".to_owned());
    let command = format!(
        "{} deploy {} --state-file {}",
        app.program,
        args.iter().map(|word| next::quoted(word)).collect::<Vec<_>>().join(" "),
        next::quoted(&job.state_file.display().to_string())
    );
    Err(Failure::new(
        codes::OTHER_CONFIG,
        &job.state_file.display().to_string(),
        format!(
            "the configuration is not the one that was approved for deployment {}",
            state.header.deployment_id
        ),
    )
    .hint("leave --config out to go on with what was approved; or deploy, and the difference is planned")
    .or_next(job.args.config.is_some().then_some(Next::Command(command))))
}

/// Refuses to destroy what the approved plan would have kept.
pub(crate) fn check_destroys_no_more(state: Option<&State>, prepared: &Prepared) -> Result<(), Box<Failure>> {
    let approved = state.and_then(|state| state.plan.as_ref());
    let approved: BTreeSet<StepId> =
        approved.iter().flat_map(|plan| plan.destructive()).map(|step| step.id).collect();
    let more: Vec<&str> = prepared
        .plan
        .destructive()
        .filter(|step| !approved.contains(&step.id))
        .map(|step| step.id.title())
        .collect();
    if more.is_empty() {
        return Ok(());
    }
    Err(Failure::new(
        codes::NOT_APPROVED,
        "plan",
        format!("going on would now destroy what the approved plan kept: {}", more.join(", ")),
    )
    .hint("something was changed in the meantime: change it back, or look with `plan`; nothing was changed"))
}
