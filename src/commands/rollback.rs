//! `rollback`: takes back what the last approved plan created. What was there before that plan stays.

use std::path::Path;

use model::config::Mode;
use model::report::Subject;
use provision::engine::{Engine, created_by_last_plan};
use provision::error::RunError;

use crate::app::{App, Ended};
use crate::approve;
use crate::args::{Format, RollbackArgs};
use crate::exit::Exit;
use crate::failure::{Failure, codes};
use crate::report::removal_report;
use crate::security;
use crate::session::{self, Session};
use crate::{compose, report_file, storage};

use super::cleanup::found_text;
use super::resume::approved_config;

/// `rollback`
pub(crate) fn command(app: &App, args: &RollbackArgs) -> Ended {
    let is_rehearsal = args.mode == Some(Mode::Rehearsal);
    let state_file = storage::state_file(app, args.state.state_file.as_ref(), is_rehearsal);
    session::run(app, &args.state, async |session| rollback(session, args, &state_file).await)
}

/// Finds, shows, asks, removes.
async fn rollback(session: &Session<'_>, args: &RollbackArgs, state_file: &Path) -> Ended {
    let app = session.app;
    let state = storage::peek_existing(app, state_file)?;
    let header = &state.header;
    let nothing = || {
        Failure::new(
            codes::NO_STATE,
            &state_file.display().to_string(),
            "no plan was approved in this state file yet, so there is nothing to take back",
        )
    };
    let config = approved_config(&state)?.ok_or_else(nothing)?;
    let gaps = approve::missing_confirmation(app, &args.approval, header.deployment_id.as_str());
    if !gaps.is_empty() {
        return Err(approve::refuse(&gaps));
    }
    if state.cleaning_up || state.cleaned_up {
        session.say("nothing to take back: this deployment is being removed, or is removed already");
        return Ok(Exit::Done);
    }
    let profile = args.profile.as_deref().or(config.aws.profile.as_deref());
    let (region, wanted) = (&header.region, config.aws.account_id.as_ref());
    let place = compose::account(app, config.mode, state_file, Some(region), wanted, profile, false)
        .for_gateway_of(&config);
    let cloud = compose::reach(session, &place).await?;
    let identity = session.identity(&cloud, profile).await?;
    let refused = |error: RunError| Failure::of_run(&error);
    Engine::check_account(&identity, region, wanted, Some(&state)).map_err(refused)?;
    let journal = storage::hold(session, state_file, session.lock_timeout).await?.journal;
    let journal = journal.map_err(|_| nothing())?;
    let state = journal.state().clone();
    let engine = session.engine(&cloud);
    session.say("looking for what the last plan created");
    let id = &header.deployment_id;
    let finding = engine.find(id, region, &identity.account, Some(&config), Some(&state));
    let found = session.look(async { finding.await.map_err(refused) }).await?;
    let targets = created_by_last_plan(&state, found);
    if targets.is_empty() {
        session.say("nothing to take back: the last plan created nothing that is still there");
        return Ok(Exit::Done);
    }
    session.settle();
    session.say(&found_text(&targets));
    let count: usize = targets.values().map(Vec::len).sum();
    let what = format!("{count} resources of the last plan are going to be removed for good");
    approve::confirm(session, &args.approval, id, &what).await?;
    session.can_resume(state_file, header.mode == Mode::Rehearsal, args.profile.as_deref());
    let removal = engine.rollback(&config, &targets, journal).await.map_err(refused)?;
    security::removed(app, header.mode, (id, &identity.account, region), &removal);
    let subject = Subject {
        id: id.to_string(),
        account_id: identity.account.to_string(),
        region: region.to_string(),
        mode: header.mode.name().to_owned(),
    };
    let mut report = removal_report(subject, &removal, session.now());
    // Only a part was removed: the deployment as a whole is not what its plan wants.
    report.overall_status = model::report::Status::Incomplete;
    session.settle();
    if let Err((path, error)) = report_file::write(state_file, &report) {
        app.say(&format!("warning: the report `{}` could not be written: {error}", path.display()));
    }
    session.result(&report.text());
    if removal.left.is_empty() {
        if app.format == Format::Json {
            app.result(&serde_json::to_string_pretty(&report).unwrap_or_default());
        }
        return Ok(Exit::Done);
    }
    let mut failure = Failure::of_findings(report.findings.clone());
    failure.exit = if removal.cancelled { Exit::Cancelled } else { Exit::Cloud };
    failure.report = Some(report);
    Err(failure)
}
