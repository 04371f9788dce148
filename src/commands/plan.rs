//! `plan`: what a deploy would change. Changes nothing, not even the state file.

use model::config::Mode;
use provision::engine::Engine;
use provision::error::RunError;

use crate::app::{App, Ended};
use crate::args::{Format, PlanArgs, StateArgs};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::plan_text::plan_text;
use crate::session::{self, Session};
use crate::{compose, settings, storage};

/// `plan`
pub(crate) fn command(app: &App, args: &PlanArgs) -> Ended {
    let config = settings::read(app, &args.config, None, None)?.valid(app)?;
    let is_rehearsal = config.mode == Mode::Rehearsal;
    let state_file = storage::state_file(app, args.state.state_file.as_ref(), is_rehearsal);
    let state_args: &StateArgs = &args.state;
    session::run(app, state_args, async |session: &Session<'_>| {
        let state = storage::peek(&state_file)?;
        storage::check_owner(&state_file, state.as_ref(), &config.deployment.id, config.mode)?;
        let (region, profile) = (&config.aws.region, config.aws.profile.as_deref());
        let wanted = config.aws.account_id.as_ref();
        let place = compose::account(app, config.mode, &state_file, Some(region), wanted, profile, false);
        let cloud = compose::reach(session, &place).await?;
        session.say("looking at the account");
        let identity = session.identity(&cloud, profile).await?;
        let refused = |error: RunError| Failure::of_run(&error);
        Engine::check_account(&identity, region, wanted, state.as_ref()).map_err(refused)?;
        session.programs_in(&args.programs);
        session.read_programs(&config);
        let adoptions = args.adopt.iter().cloned().collect();
        let prepared =
            session.prepare(&cloud, &config, &identity.account, state.as_ref(), &adoptions).await?;
        session.settle();
        match app.format {
            Format::Text => app.result(&plan_text(&prepared.plan, app.out_colour())),
            Format::Json => app.result(&serde_json::to_string_pretty(&prepared.plan).unwrap_or_default()),
        }
        let is_pending = prepared.plan.pending().next().is_some();
        Ok(if args.detailed_exitcode && is_pending { Exit::Pending } else { Exit::Done })
    })
}
