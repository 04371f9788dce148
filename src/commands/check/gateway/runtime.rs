//! What the account says of the runtime that runs the SRE agent.

use checks::account::facts::Told;
use checks::gateway::runtime::{self, Facts, RuntimeFacts, Token};
use cloud::Cloud;
use cloud::port::agentcore::Runtime;
use model::agent::TOKEN_VARIABLE;
use model::config::RuntimeArtifact;
use model::plan::StepId;
use provision::journal::Ownership;

use super::super::account::ask::{Desk, Place, in_account};
use super::super::{Results, Target};
use crate::app::App;
use crate::args::GatewayArgs;

/// Asks about the runtime of a deployment; nothing where it has none.
pub(super) fn ask(app: &App, args: &GatewayArgs, target: &Target) -> Results {
    let step = target.state.as_ref().map(|state| state.step(StepId::Runtime));
    let Some((step, id)) = step.and_then(|step| step.outputs.get("id").cloned().map(|id| (step, id))) else {
        return Ok(Vec::new());
    };
    let config = target.config.as_ref();
    let wanted = config
        .and_then(|config| config.gateway.as_ref()?.runtime.as_ref())
        // An adopted one is used as it is.
        .filter(|_| step.ownership != Some(Ownership::Adopted))
        .map(RuntimeArtifact::uri);
    let place = Place { config, region: None, profile: args.usual.config.profile.as_deref() };
    in_account(app, &args.usual.state, target, &place, async |session, cloud| {
        let desk = Desk::default();
        let runtime = session.look(async { Ok(look(&desk, cloud, &id).await) }).await?;
        desk.verdict()?;
        let facts = Facts { id, runtime };
        Ok(vec![runtime::judge(&facts, wanted.as_deref(), session.now())])
    })
}

pub(super) async fn look(desk: &Desk, cloud: &Cloud, id: &str) -> Told<Option<RuntimeFacts>> {
    let runtime = desk.told(async || cloud.agentcore.get_runtime(id.to_owned()).await).await?;
    Ok(runtime.map(facts))
}

fn facts(runtime: Runtime) -> RuntimeFacts {
    let token = match runtime.settings.environment.get(TOKEN_VARIABLE) {
        None => Token::Missing,
        Some(token) => checks::cognito::token_end(token).map_or_else(Token::Unreadable, Token::Ends),
    };
    RuntimeFacts {
        status: runtime.condition.status,
        reasons: runtime.condition.reasons,
        artifact: runtime.settings.artifact,
        token,
    }
}
