//! What is not removed although it is ours: what a gateway that stays, or a target in it, lives on. AWS deletes most of
//! that without a word.

use std::collections::BTreeMap;

use model::agent::Backend;
use model::plan::StepId;
use model::{Finding, Severity};
use serde_json::Value;

use crate::error::StepError;
use crate::guided::candidates;
use crate::journal::{Ownership, State};
use crate::steps::{self, Context, Found};
use crate::undo::{Targets, cannot_be_asked};

/// Why a step's resources stay, by step.
pub(crate) type Held = BTreeMap<StepId, Finding>;

/// Finds out what is not to be removed yet.
pub(crate) async fn held(
    cx: &Context<'_>,
    state: Option<&State>,
    targets: &Targets,
) -> Result<Held, StepError> {
    let mut held = Held::new();
    for gateway in staying(cx, state).await? {
        hold_for_gateway(cx, &mut held, targets, &gateway);
        for target in targets_in(cx, targets, &gateway).await? {
            hold_for_target(&mut held, targets, &gateway, &target);
        }
    }
    Ok(held)
}

/// The gateways that this deployment used and did not make: by the journal, or without one by the tags that a person gave
/// them.
async fn staying(cx: &Context<'_>, state: Option<&State>) -> Result<Vec<Found>, StepError> {
    let step = steps::step(StepId::Gateway);
    match state {
        Some(state) => {
            let known = state.step(StepId::Gateway);
            match known.id.filter(|_| known.ownership == Some(Ownership::Adopted)) {
                Some(id) => Ok(step.fetch(cx, &id).await?.into_iter().collect()),
                None => Ok(Vec::new()),
            }
        }
        None if steps::is_worth_a_look(StepId::Gateway, cx.config, None) => {
            match step.made_by_hand(cx).await {
                Ok(all) => Ok(candidates(all, false)),
                // That was said when everything was looked for.
                Err(StepError::Call(error)) if cannot_be_asked(error.kind) => Ok(Vec::new()),
                Err(error) => Err(error),
            }
        }
        None => Ok(Vec::new()),
    }
}

/// The targets of a gateway that stay in it.
async fn targets_in(cx: &Context<'_>, targets: &Targets, gateway: &Found) -> Result<Vec<Found>, StepError> {
    let list = || cx.cloud.agentcore.list_targets(gateway.id.clone());
    let mut all = Vec::new();
    for summary in cx.patience.read(StepId::Gateway, list).await? {
        let id = format!("{}/{}", gateway.id, summary.id);
        let of_backend = |backend| targets.get(&StepId::of_target(backend)).into_iter().flatten();
        let goes = Backend::ALL.into_iter().flat_map(of_backend).any(|target| target.id == id);
        if !goes {
            all.extend(steps::step(StepId::TargetK8s).fetch(cx, &id).await?);
        }
    }
    Ok(all)
}

/// A property as text; a list as its items.
fn words<'a>(found: &'a Found, field: &str) -> Vec<&'a str> {
    match found.fields.get(field) {
        Some(Value::String(text)) => vec![text],
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

fn hold_for_gateway(cx: &Context<'_>, held: &mut Held, targets: &Targets, gateway: &Found) {
    let who = format!("gateway {}", gateway.id);
    let has = |field: &str, wanted: &str| words(gateway, field).contains(&wanted);
    hold(held, targets, StepId::GatewayRole, &who, |one| {
        one.outputs.get("arn").is_some_and(|arn| has("role", arn))
    });
    hold(held, targets, StepId::AppClient, &who, |one| has("clients", &one.id));
    let pool = cx.known(StepId::UserPool, "id");
    let trusts_pool = pool.is_some_and(|pool| {
        words(gateway, "discovery_url").iter().any(|url| url.split('/').any(|part| part == pool))
    });
    // Nobody gets a token without the domain, nor one with the scopes without their server.
    for step in [StepId::UserPool, StepId::ResourceServer, StepId::Domain] {
        hold(held, targets, step, &who, |_| trusts_pool);
    }
}

fn hold_for_target(held: &mut Held, targets: &Targets, gateway: &Found, target: &Found) {
    let id = target.outputs.get("target").unwrap_or(&target.id);
    let who = format!("target {id} of gateway {}", gateway.id);
    let has = |field: &str, wanted: &str| words(target, field).contains(&wanted);
    hold(held, targets, StepId::CredentialProvider, &who, |one| {
        one.outputs.get("arn").is_some_and(|arn| has("provider", arn))
    });
    hold(held, targets, StepId::SecurityGroup, &who, |one| has("security_groups", &one.id));
    let reads =
        |place: &str| words(target, "schema").iter().any(|uri| uri.starts_with(&format!("s3://{place}/")));
    for step in [StepId::SchemaBucket, StepId::Schemas] {
        hold(held, targets, step, &who, |one| reads(&one.id));
    }
}

/// Keeps what is needed of what a step left; the first that needs it is named.
fn hold(held: &mut Held, targets: &Targets, step: StepId, who: &str, needs: impl Fn(&Found) -> bool) {
    let Some(one) = targets.get(&step).into_iter().flatten().find(|one| needs(one)) else { return };
    let message = format!("{who} stays, since this deployment did not make it, and needs {}", one.id);
    held.entry(step).or_insert_with(|| {
        Finding::new("SRE-AWS-013", Severity::Error, step.as_str(), message)
            .evidence(who)
            .hint(format!("delete {who} if it is yours and not needed any more; then try again"))
    });
}
