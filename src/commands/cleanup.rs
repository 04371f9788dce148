//! `cleanup`: finds what a deployment made, shows it, has the id typed, and removes it.

use std::fmt::Write as _;
use std::path::PathBuf;

use cloud::practice::PracticeOptions;
use model::config::{Config, Environment, Mode};
use model::report::Subject;
use model::{DeploymentId, Region};
use provision::engine::Engine;
use provision::error::RunError;
use provision::journal::State;
use provision::undo::Targets;

use crate::app::{App, Ended};
use crate::approve::{self, Gap};
use crate::args::{ApprovalArgs, CleanupArgs, ConfigArgs, Format};
use crate::exit::Exit;
use crate::failure::{Failure, codes};
use crate::plan_text::finding_text;
use crate::report::removal_report;
use crate::security;
use crate::session::{self, Session};
use crate::{compose, next, report_file, settings, storage};

use super::resume::approved_config;

/// A deployment to remove.
pub(crate) struct Cleanup {
    /// Which; else the state file or the configuration says.
    pub(crate) deployment: Option<DeploymentId>,
    /// Where its state may be.
    pub(crate) state_file: PathBuf,
    /// What the command line says about configuration, Region and profile.
    pub(crate) args: ConfigArgs,
    /// What was confirmed on the command line; none asks nothing.
    pub(crate) approval: Option<ApprovalArgs>,
    /// Whether a practice account answers at once.
    pub(crate) fast: bool,
}

/// `cleanup`
pub(crate) fn command(app: &App, args: &CleanupArgs) -> Ended {
    let is_rehearsal = args.config.mode == Some(Mode::Rehearsal);
    let cleanup = Cleanup {
        deployment: args.config.deployment_id.clone(),
        state_file: storage::state_file(app, args.state.state_file.as_ref(), is_rehearsal),
        args: args.config.clone(),
        approval: Some(args.approval.clone()),
        fast: false,
    };
    session::run(app, &args.state, async |session| self::cleanup(session, &cleanup).await)
}

/// What is known before the account is looked at.
struct Known {
    deployment: DeploymentId,
    /// The journal's state, if it is this deployment's.
    state: Option<State>,
    config: Option<Config>,
    mode: Mode,
    /// Whether the state file is another deployment's, so that nothing may be written beside it.
    is_foreign: bool,
}

/// Finds, shows, asks, removes.
pub(crate) async fn cleanup(session: &Session<'_>, job: &Cleanup) -> Ended {
    let app = session.app;
    let Known { deployment, state, config, mode, is_foreign } = known(session, job)?;
    check_answers(app, job, &deployment)?;
    let is_rehearsal = mode == Mode::Rehearsal;
    let profile = job.args.profile.clone().or_else(|| config.as_ref()?.aws.profile.clone());
    let region =
        region(session, job, state.as_ref(), config.as_ref(), profile.as_deref(), is_rehearsal).await?;
    let wanted = config.as_ref().and_then(|config| config.aws.account_id.as_ref());
    let place =
        compose::account(app, mode, &job.state_file, Some(&region), wanted, profile.as_deref(), job.fast)
            .for_gateway_of(config.as_ref());
    let cloud = compose::reach(session, &place).await?;
    let identity = session.identity(&cloud, profile.as_deref()).await?;
    let account = &identity.account;
    let refused = |error: RunError| Failure::of_run(&error);
    Engine::check_account(&identity, &region, wanted, state.as_ref()).map_err(refused)?;
    let journal = match &state {
        Some(_) => storage::hold(session, &job.state_file, session.lock_timeout).await?.journal.ok(),
        None => None,
    };
    let state = journal.as_ref().map(|journal| journal.state().clone());
    if state.as_ref().is_some_and(|state| state.cleaning_up) {
        session.can_resume(&job.state_file, is_rehearsal, job.args.profile.as_deref());
    }
    let engine = session.engine(&cloud);
    session.say(&format!("looking in account {account}, {region}, for what deployment {deployment} made"));
    let finding = engine.find(&deployment, &region, account, config.as_ref(), state.as_ref());
    let targets = session.look(async { finding.await.map_err(refused) }).await?;
    if let (None, Some(config)) = (&state, &config)
        && let Some(pool) = &config.cognito.adopt_user_pool_id
    {
        // Silence would look as if they were gone.
        session.say(&format!(
            "without the state file nothing says who made resource server {} and domain {} in the adopted pool {pool}: \
             they stay; remove them in the Console if they are yours",
            config.cognito.resource_server, config.cognito.domain_prefix
        ));
    }
    let is_removed = state.as_ref().is_none_or(|state| state.cleaned_up);
    let count: usize = targets.values().map(Vec::len).sum();
    if count == 0 {
        let by_journal = if state.is_some() { "the state file, " } else { "" };
        session.say(&format!(
            "nothing is left of {deployment}; looked by {by_journal}the tag sre-agent-deploy:deployment={deployment}, \
             and the IAM path /sre-agent-deploy/{deployment}/"
        ));
        if is_removed && app.format == Format::Text {
            return Ok(Exit::Done);
        }
    } else {
        session.settle();
        session.say(&found_text(&targets));
        if let Some(approval) = &job.approval {
            let what =
                format!("{count} resources in account {account}, {region}, are going to be removed for good");
            approve::confirm(session, approval, &deployment, &what).await?;
        }
    }
    if journal.is_some() {
        session.can_resume(&job.state_file, is_rehearsal, job.args.profile.as_deref());
    } else {
        let again =
            next::cleanup_by_tags(app, &deployment, &region, job.args.profile.as_deref(), is_rehearsal);
        session.goes_on_with(again);
    }
    let has_journal = journal.is_some();
    let removal = if is_removed && count == 0 {
        provision::undo::Removal::default()
    } else {
        engine
            .cleanup(&deployment, &region, account, config.as_ref(), &targets, journal)
            .await
            .map_err(refused)?
    };
    if count > 0 {
        security::removed(app, mode, (&deployment, account, &region), &removal);
    }
    if removal.left.is_empty() {
        session.is_over();
    }
    let subject = Subject {
        id: deployment.to_string(),
        account_id: account.to_string(),
        region: region.to_string(),
        mode: mode.name().to_owned(),
    };
    let report = removal_report(subject, &removal, session.now());
    session.settle();
    if (has_journal || count > 0)
        && !is_foreign
        && let Err((path, error)) = report_file::write(&job.state_file, &report)
    {
        app.say(&format!("warning: the report `{}` could not be written: {error}", path.display()));
    }
    if count > 0 {
        session.result(&report.text());
    }
    for stays in report.findings.iter().filter(|finding| finding.code == codes::STAYS) {
        session.say(&finding_text(stays));
    }
    if removal.left.is_empty() {
        if app.format == Format::Json {
            app.result(&serde_json::to_string_pretty(&report).unwrap_or_default());
        }
        return Ok(Exit::Done);
    }
    let mut failure = Failure::of_findings(report.findings.clone());
    failure.exit = match failure.exit {
        exit @ (Exit::Credentials | Exit::State | Exit::Cancelled) => exit,
        // Whatever the reason: something is left, and another cleanup goes on.
        _ if removal.cancelled => Exit::Cancelled,
        _ => Exit::Cloud,
    };
    failure.report = Some(report);
    Err(failure)
}

/// Which deployment, and what is known of it here.
fn known(session: &Session<'_>, job: &Cleanup) -> Result<Known, Box<Failure>> {
    let app = session.app;
    let named = job.args.config.is_some() || app.variable("SRE_AGENT_DEPLOY_CONFIG").is_some();
    let given = if named {
        // A risk is no reason to keep anything, so it is judged as mildly as can be.
        let args = ConfigArgs { deployment_id: None, ..job.args.clone() };
        let mut config = settings::read(app, &args, None, Some(Mode::Staging))?.valid(app)?;
        if config.mode == Mode::Staging && config.deployment.environment == Environment::Prod {
            config.mode = Mode::Production;
        }
        Some(config)
    } else {
        None
    };
    let state = storage::peek(&job.state_file)?;
    let from = |id: &DeploymentId| id.clone();
    let deployment = job
        .deployment
        .as_ref()
        .map(from)
        .or_else(|| given.as_ref().map(|config| config.deployment.id.clone()))
        .or_else(|| state.as_ref().map(|state| state.header.deployment_id.clone()))
        .ok_or_else(|| which(app, job))?;
    if let Some(config) = given.as_ref().filter(|config| config.deployment.id != deployment) {
        let message =
            format!("--deployment-id is {deployment}, and the configuration is of {}", config.deployment.id);
        return Err(Failure::new(codes::USAGE, "command line", message).hint("leave one of the two out"));
    }
    let is_foreign = state.as_ref().is_some_and(|state| state.header.deployment_id != deployment);
    let state = match state {
        Some(state) if state.header.deployment_id != deployment => {
            session.say(&format!(
                "the state file `{}` is of deployment {}: it is not used, and {deployment} is looked for by its tags",
                job.state_file.display(),
                state.header.deployment_id
            ));
            None
        }
        state => state,
    };
    let config = match (given, &state) {
        (Some(config), _) => Some(config),
        (None, Some(state)) => approved_config(state)?,
        (None, None) => None,
    };
    let recorded = state.as_ref().map(|state| state.header.mode);
    let mode = recorded.or(job.args.mode).or_else(|| config.as_ref().map(|config| config.mode));
    let mode = mode.unwrap_or(Mode::Production);
    if let Some(asked) = job.args.mode {
        storage::check_owner(&job.state_file, state.as_ref(), &deployment, asked)?;
    }
    Ok(Known { deployment, state, config, mode, is_foreign })
}

/// Nothing says which deployment is meant.
fn which(app: &App, job: &Cleanup) -> Box<Failure> {
    let mut gaps = vec![Gap {
        what: "deployment".to_owned(),
        flag: "--deployment-id ID, or --state-file FILE, or --config FILE".to_owned(),
        variable: Some("SRE_AGENT_DEPLOY_CONFIG".to_owned()),
        path: Some("deployment.id".to_owned()),
    }];
    gaps.extend(missing_answers(app, job, "ID"));
    let mut failure = approve::refuse(&gaps);
    if let Some(first) = failure.findings.first_mut() {
        "it is not known which deployment is to be removed".clone_into(&mut first.message);
    }
    failure
}

/// Everything that would have to be asked, where nobody can be asked.
fn check_answers(app: &App, job: &Cleanup, deployment: &DeploymentId) -> Result<(), Box<Failure>> {
    let gaps = missing_answers(app, job, deployment.as_str());
    if gaps.is_empty() { Ok(()) } else { Err(approve::refuse(&gaps)) }
}

fn missing_answers(app: &App, job: &Cleanup, deployment: &str) -> Vec<Gap> {
    let ask = |approval| approve::missing_confirmation(app, approval, deployment);
    job.approval.as_ref().map(ask).unwrap_or_default()
}

/// Journal, flag, environment or profile, configuration; in this order.
async fn region(
    session: &Session<'_>,
    job: &Cleanup,
    state: Option<&State>,
    config: Option<&Config>,
    profile: Option<&str>,
    is_rehearsal: bool,
) -> Result<Region, Box<Failure>> {
    if let Some(region) = &job.args.region {
        return Ok(region.clone());
    }
    if let Some(state) = state {
        return Ok(state.header.region.clone());
    }
    if !is_rehearsal && let Some(region) = compose::default_region(session.app, profile).await {
        return Ok(region);
    }
    if let Some(config) = config {
        return Ok(config.aws.region.clone());
    }
    if is_rehearsal {
        return Ok(PracticeOptions::default().region);
    }
    Err(Failure::new(codes::NO_REGION, "aws.region", "it is not known which Region to look in")
        .hint("--region REGION, or AWS_REGION in the environment, or `aws.region` with --config FILE"))
}

/// What was found, in the order in which it goes.
pub(crate) fn found_text(targets: &Targets) -> String {
    let mut text = String::from("found, and going to be removed in this order:");
    for (step, found) in targets.iter().rev() {
        for one in found {
            let lost = provision::steps::step(*step).lost();
            let lost = lost.map(|lost| format!(" ({lost})")).unwrap_or_default();
            let _ = write!(text, "\n  - {:<24} {}{lost}", step.title(), one.id);
        }
    }
    text
}
