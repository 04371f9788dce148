//! `plan`: what a deploy would change, and cost. Changes nothing, not even the state file.

use std::path::Path;

use model::config::{Config, Mode};
use model::plan::Plan;
use provision::engine::Engine;
use provision::error::RunError;
use provision::survey::Adoptions;

use crate::app::{App, Ended};
use crate::args::{ConfigArgs, Format, PlanArgs, StateArgs};
use crate::exit::Exit;
use crate::failure::{Failure, codes};
use crate::plan_text::plan_text;
use crate::price_text::{PlanWithCost, cost};
use crate::session::{self, Session};
use crate::{compose, settings, storage};

/// `plan`
pub(crate) fn command(app: &App, args: &PlanArgs) -> Ended {
    let config = settings::read(app, &args.config, None, None)?.valid(app)?;
    let is_rehearsal = config.mode == Mode::Rehearsal;
    let state_file = storage::state_file(app, args.state.state_file.as_ref(), is_rehearsal);
    let state_args: &StateArgs = &args.state;
    session::run(app, state_args, async |session: &Session<'_>| {
        session.programs_in(&args.programs);
        let adoptions = args.adopt.iter().cloned().collect();
        let plan = look(session, &config, &state_file, &adoptions).await?;
        let now = session.now();
        match app.format {
            Format::Text => app.result(&plan_text(&plan, &config, now, app.out_colour())),
            Format::Json => {
                let document = PlanWithCost { plan: &plan, cost: cost(&plan, &config, now) };
                app.result(&serde_json::to_string_pretty(&document).unwrap_or_default());
            }
        }
        let is_pending = plan.pending().next().is_some();
        Ok(if args.detailed_exitcode && is_pending { Exit::Pending } else { Exit::Done })
    })
}

/// The plan alone, for whoever shows it.
pub(crate) fn preview(
    app: &App,
    args: &ConfigArgs,
    state_args: &StateArgs,
    adoptions: &Adoptions,
) -> Result<Plan, Box<Failure>> {
    let config = settings::read(app, args, None, None)?.valid(app)?;
    let state_file = storage::state_file(app, state_args.state_file.as_ref(), config.mode == Mode::Rehearsal);
    let mut plan = None;
    session::run(app, state_args, async |session: &Session<'_>| {
        plan = Some(look(session, &config, &state_file, adoptions).await?);
        Ok(Exit::Done)
    })?;
    plan.ok_or_else(|| Failure::new(codes::BUG, "plan", "a plan was made and is not there"))
}

/// Looks at the account and decides what a deploy would do.
async fn look(
    session: &Session<'_>,
    config: &Config,
    state_file: &Path,
    adoptions: &Adoptions,
) -> Result<Plan, Box<Failure>> {
    let app = session.app;
    let state = storage::peek(state_file)?;
    storage::check_owner(state_file, state.as_ref(), &config.deployment.id, config.mode)?;
    let (region, profile) = (&config.aws.region, config.aws.profile.as_deref());
    let wanted = config.aws.account_id.as_ref();
    let place = compose::account(app, config.mode, state_file, Some(region), wanted, profile, false)
        .for_gateway_of(config);
    let cloud = compose::reach(session, &place).await?;
    session.say("looking at the account");
    let identity = session.identity(&cloud, profile).await?;
    let refused = |error: RunError| Failure::of_run(&error);
    Engine::check_account(&identity, region, wanted, state.as_ref()).map_err(refused)?;
    session.read_programs(config);
    let prepared = session.prepare(&cloud, config, &identity.account, state.as_ref(), adoptions).await?;
    session.settle();
    Ok(prepared.plan)
}
