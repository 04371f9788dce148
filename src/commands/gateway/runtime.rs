//! The runtime of a deployment: a token for its environment. It has the token that it was given, and asks for no other.

use cloud::Cloud;
use cloud::port::agentcore::RuntimeChange;
use model::Secret;
use model::agent::TOKEN_VARIABLE;
use model::plan::StepId;
use provision::journal::{Ownership, State};

use super::deployed::timely;
use crate::app::App;
use crate::args::GatewayTokenArgs;
use crate::commands::check;
use crate::failure::{Failure, codes};
use crate::session::Session;

/// The runtime that this deployment made. One that was adopted is somebody else's, and so is its environment.
pub(super) fn of(state: Option<&State>) -> Option<String> {
    let step = state?.step(StepId::Runtime);
    if step.ownership == Some(Ownership::Adopted) { None } else { step.outputs.get("id").cloned() }
}

/// Puts a token into the environment of a runtime. By now the files have it.
pub(super) fn give(
    app: &App,
    args: &GatewayTokenArgs,
    target: &check::Target,
    id: &str,
    token: &Secret<String>,
) -> Result<(), Box<Failure>> {
    let given = check::wait(app, &args.state, async |session| {
        session.say("giving the token to the runtime");
        let place = check::Place {
            config: target.config.as_ref(),
            region: args.config.region.as_ref(),
            profile: args.config.profile.as_deref(),
        };
        let cloud = check::reach(session, target, &place).await?;
        put(session, &cloud, id, token).await
    });
    given.map_err(|failure| {
        let why = failure.findings.first().map(|finding| finding.message.clone()).unwrap_or_default();
        let message = format!("runtime {id} did not get the token, and the files have it: {why}");
        Failure::new(codes::NO_GATEWAY_TOKEN, StepId::Runtime.as_str(), message).hint(
            "the same command gives it one once the cause is gone; until then the runtime has its old token",
        )
    })
}

async fn put(
    session: &Session<'_>,
    cloud: &Cloud,
    id: &str,
    token: &Secret<String>,
) -> Result<(), Box<Failure>> {
    let subject = StepId::Runtime.as_str();
    let there = timely(session, subject, cloud.agentcore.get_runtime(id.to_owned())).await?;
    let Some(there) = there else {
        return Err(Failure::new(codes::NO_GATEWAY_TOKEN, subject, "it is gone; a deploy makes it again"));
    };
    let mut settings = there.settings;
    settings.environment.insert(TOKEN_VARIABLE.to_owned(), token.clone());
    let change = RuntimeChange { id: id.to_owned(), settings };
    timely(session, subject, cloud.agentcore.update_runtime(change)).await
}
