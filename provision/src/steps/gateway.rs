//! The AgentCore gateway: MCP for agents that bring a token of our user pool.

use std::collections::BTreeSet;

use async_trait::async_trait;
use cloud::port::agentcore::{
    Condition, Gateway, GatewayChange, GatewaySettings, NewGateway, TargetRef, TargetSummary,
};
use cloud::{CallError, ErrorKind};
use model::config::Config;
use model::plan::{FieldDiff, Fields, StepId, differences};
use model::{Finding, Severity};
use serde_json::json;

use super::{
    ByHand, CREATE, Context, Found, OnChange, Op, Step, Want, app_client, fields, outputs, target,
    unknown_op, unknown_undo,
};
use crate::error::StepError;
use crate::guide::{self, Guide, Handmade};
use crate::key::IntentKey;

const STEP: StepId = StepId::Gateway;

/// The status of what can be used.
pub(super) const READY: &str = "READY";
/// The statuses of what was never made, or never went. What failed to be changed has another, and can be changed again.
const FAILED: [&str; 3] = ["FAILED", "CREATE_FAILED", "DELETE_FAILED"];
/// The call that makes anew what failed to be made: AgentCore cannot mend it.
pub(super) const REMAKE: &str = "make-anew";
/// The call that changes what differs.
pub(super) const UPDATE: &str = "update";
/// The status of what goes.
pub(super) const DELETING: &str = "DELETING";

pub(super) struct GatewayStep;

/// What the gateway is to be; what is not known yet has the name of the step that knows it.
fn settings(cx: &Context<'_>, config: &Config) -> GatewaySettings {
    let known = |step, output| cx.known(step, output).unwrap_or_else(|| format!("({step})"));
    GatewaySettings {
        role_arn: known(StepId::GatewayRole, "arn"),
        discovery_url: format!("{}/.well-known/openid-configuration", known(StepId::UserPool, "issuer")),
        allowed_clients: BTreeSet::from([known(StepId::AppClient, "id")]),
        allowed_scopes: app_client::scopes(config),
        description: format!("sre-agent-deploy {}: tools of the SRE agent", cx.deployment),
        explains_errors: true,
    }
}

fn shown(name: &str, authorizer: &str, settings: &GatewaySettings, status: &str) -> Fields {
    fields([
        ("name", json!(name)),
        ("authorizer", json!(authorizer)),
        ("role", json!(settings.role_arn)),
        ("discovery_url", json!(settings.discovery_url)),
        ("clients", json!(settings.allowed_clients)),
        ("scopes", json!(settings.allowed_scopes)),
        ("description", json!(settings.description)),
        ("explains_errors", json!(settings.explains_errors)),
        ("status", json!(status)),
    ])
}

fn found(gateway: &Gateway) -> Found {
    let mut outputs = outputs([("id", &gateway.id), ("arn", &gateway.arn), ("name", &gateway.name)]);
    outputs.extend(gateway.url.clone().map(|url| ("url".to_owned(), url)));
    Found {
        id: gateway.id.clone(),
        fields: shown(&gateway.name, &gateway.authorizer, &gateway.settings, &gateway.condition.status),
        outputs,
    }
}

/// What AgentCore says why something of it cannot be used.
pub(super) fn failure(step: StepId, what: &str, condition: &Condition) -> StepError {
    let reasons = match condition.reasons.join("; ") {
        none if none.is_empty() => "AgentCore gives no reason".to_owned(),
        reasons => reasons,
    };
    let message = format!("{what} is {}: {reasons}", condition.status);
    StepError::Blocked(Box::new(
        Finding::new("SRE-AWS-012", Severity::Error, step.as_str(), message)
            .evidence(what.to_owned())
            .hint("mend what AgentCore names, then resume: what failed is made anew. Just after a first deploy it may be \
                   enough to wait a minute, until IAM's changes are known everywhere"),
    ))
}

/// A role made a moment ago is not known to AgentCore yet; which code it has for that is not written down. What the
/// caller may not do is another matter, and is not waited for.
pub(super) fn not_yet(mut error: CallError) -> CallError {
    let text = error.message.to_ascii_lowercase();
    let says = |words: &str| text.contains(words);
    let is_of_role = match error.kind {
        ErrorKind::Invalid => (says("role") && says("assume")) || says("execution role"),
        ErrorKind::Denied => says("execution role") && !says("is not authorized to perform"),
        _ => false,
    };
    if is_of_role {
        error.kind = ErrorKind::NotPropagated;
    }
    error
}

async fn look(cx: &Context<'_>, id: &str) -> Result<Option<Gateway>, StepError> {
    cx.patience.read(STEP, || cx.cloud.agentcore.get_gateway(id.to_owned())).await
}

/// The gateways that may be ours: those of the wanted name; all where nobody knows a name. Not those that go.
async fn near(cx: &Context<'_>) -> Result<Vec<Gateway>, StepError> {
    let wanted = cx.config.and_then(|config| config.gateway.as_ref()).map(|gateway| &gateway.name);
    let summaries = cx.patience.read(STEP, || cx.cloud.agentcore.list_gateways(())).await?;
    let mut all = Vec::new();
    for summary in summaries.into_iter().filter(|one| wanted.is_none_or(|wanted| *wanted == one.name)) {
        all.extend(look(cx, &summary.id).await?);
    }
    all.retain(|gateway| gateway.condition.status != DELETING);
    Ok(all)
}

/// Waits until what goes under this name is gone, and with it `failed`: two gateways cannot have one name.
async fn until_gone(cx: &Context<'_>, name: &str, failed: Option<&str>) -> Result<(), StepError> {
    let reason = "waiting for the earlier gateway of that name to be gone";
    cx.patience
        .until(STEP, reason, cx.patience.limits.instance, || async {
            let all = cx.patience.read(STEP, || cx.cloud.agentcore.list_gateways(())).await?;
            for summary in all.into_iter().filter(|one| one.name == name) {
                let goes =
                    |one: &Gateway| one.condition.status == DELETING || Some(one.id.as_str()) == failed;
                if look(cx, &summary.id).await?.is_some_and(|one| goes(&one)) {
                    return Ok(None);
                }
            }
            Ok(Some(()))
        })
        .await
}

/// The targets of a gateway that this deployment did not make.
async fn foreign_targets(cx: &Context<'_>, id: &str) -> Result<Vec<TargetSummary>, StepError> {
    let mut foreign = Vec::new();
    for summary in cx.patience.read(STEP, || cx.cloud.agentcore.list_targets(id.to_owned())).await? {
        let wanted = TargetRef { gateway_id: id.to_owned(), id: summary.id.clone() };
        let one = cx.patience.read(STEP, || cx.cloud.agentcore.get_target(wanted.clone())).await?;
        if one.is_some_and(|one| !target::is_ours(cx, &one)) {
            foreign.push(summary);
        }
    }
    Ok(foreign)
}

impl GatewayStep {
    async fn make(
        &self,
        cx: &Context<'_>,
        config: &Config,
        client_token: String,
        key: &IntentKey,
    ) -> Result<Option<String>, StepError> {
        let name = config.gateway.as_ref().map(|gateway| gateway.name.clone()).unwrap_or_default();
        let new = NewGateway {
            settings: settings(cx, config),
            tags: cx.tags(STEP, key, &name),
            client_token,
            name,
        };
        cx.needs(StepId::GatewayRole, "arn")?;
        let make = || async { cx.cloud.agentcore.create_gateway(new.clone()).await.map_err(not_yet) };
        Ok(Some(cx.patience.write(STEP, true, make).await?))
    }
}

#[async_trait]
impl Step for GatewayStep {
    fn id(&self) -> StepId {
        STEP
    }

    fn kind(&self) -> &'static str {
        "AWS::BedrockAgentCore::Gateway"
    }

    fn want(&self, cx: &Context<'_>, config: &Config) -> Option<Want> {
        let name = config.gateway.as_ref()?.name.clone();
        Some(Want {
            fields: shown(&name, "CUSTOM_JWT", &settings(cx, config), READY),
            name,
            why: vec![
                "speaks MCP; takes tokens of this deployment's client with one of its scopes, and no others"
                    .to_owned(),
            ],
            irreversible: None,
        })
    }

    async fn find(&self, cx: &Context<'_>) -> Result<Vec<Found>, StepError> {
        Ok(near(cx).await?.iter().filter(|one| cx.owns(&one.tags, STEP)).map(found).collect())
    }

    async fn fetch(&self, cx: &Context<'_>, id: &str) -> Result<Option<Found>, StepError> {
        Ok(look(cx, id).await?.as_ref().map(found))
    }

    async fn rival(&self, cx: &Context<'_>, _config: &Config) -> Result<Option<Finding>, StepError> {
        let stranger = near(cx).await?.into_iter().find(|one| !cx.owns(&one.tags, STEP));
        Ok(stranger.map(|one| {
            let message = format!("a gateway named `{}` exists and is not ours ({})", one.name, one.id);
            Finding::new("SRE-PLAN-001", Severity::Error, STEP.as_str(), message)
                .evidence(one.id.clone())
                .hint(format!(
                    "use it as it is with `--adopt {STEP}={}`, delete it, or choose another `gateway.name`",
                    one.id
                ))
        }))
    }

    fn guide(&self, cx: &Context<'_>, want: &Want) -> Option<Guide> {
        Some(guide::gateway(cx, want))
    }

    async fn made_by_hand(&self, cx: &Context<'_>) -> Result<Vec<Handmade>, StepError> {
        let all = near(cx).await?;
        Ok(all.iter().filter_map(|one| cx.as_handmade(STEP, &one.tags, found(one))).collect())
    }

    fn differences(&self, want: &Want, have: &Found) -> Vec<FieldDiff> {
        settled_differences(&want.fields, have)
    }

    fn on_change(&self, difference: &FieldDiff) -> OnChange {
        if difference.field == "name" { OnChange::Replace } else { OnChange::Update }
    }

    fn ops(&self, _cx: &Context<'_>, want: &Want, have: Option<&Found>) -> Vec<Op> {
        let Some(have) = have else { return vec![Op::new(CREATE, format!("create gateway {}", want.name))] };
        ops_of_existing(want, have, "gateway")
    }

    fn repeats_safely(&self, _op: &str) -> bool {
        true
    }

    async fn perform(
        &self,
        cx: &Context<'_>,
        op: &Op,
        have: Option<&Found>,
        key: &IntentKey,
    ) -> Result<Option<String>, StepError> {
        let agentcore = &cx.cloud.agentcore;
        let Some(config) = cx.config.filter(|config| config.gateway.is_some()) else {
            return Err(unknown_op(STEP, op));
        };
        let name = config.gateway.as_ref().map(|gateway| gateway.name.clone()).unwrap_or_default();
        match (op.name, have) {
            (CREATE, _) => {
                until_gone(cx, &name, None).await?;
                self.make(cx, config, key.as_str().to_owned(), key).await
            }
            (REMAKE, Some(have)) => {
                if is_to_be_deleted(have) {
                    gone(cx.patience.remove(STEP, || agentcore.delete_gateway(have.id.clone())).await)?;
                }
                until_gone(cx, &name, Some(&have.id)).await?;
                self.make(cx, config, key.in_place_of(&have.id), key).await
            }
            (UPDATE, Some(have)) => {
                let change = GatewayChange { id: have.id.clone(), name, settings: settings(cx, config) };
                let update = || async { agentcore.update_gateway(change.clone()).await.map_err(not_yet) };
                cx.patience.write(STEP, true, update).await?;
                Ok(None)
            }
            _ => Err(unknown_op(STEP, op)),
        }
    }

    async fn settle(&self, cx: &Context<'_>, found: Found) -> Result<Found, StepError> {
        let reason = "waiting for the gateway to be READY (usually under a minute)";
        cx.patience
            .until(STEP, reason, cx.patience.limits.instance, || async {
                match look(cx, &found.id).await? {
                    Some(gateway) if gateway.condition.has_failed() => {
                        Err(failure(STEP, &format!("gateway {}", gateway.id), &gateway.condition))
                    }
                    gateway => Ok(gateway.filter(|one| one.condition.is_ready()).as_ref().map(self::found)),
                }
            })
            .await
    }

    async fn undo_ops(&self, cx: &Context<'_>, have: &Found) -> Result<Vec<Op>, StepError> {
        let foreign = foreign_targets(cx, &have.id).await?;
        if foreign.is_empty() {
            return Ok(vec![Op::new("delete", format!("delete gateway {}", have.id))]);
        }
        let names: Vec<&str> = foreign.iter().map(|target| target.name.as_str()).collect();
        let message = format!(
            "gateway {} has targets that this deployment did not make: {}; it stays, and they stay in it",
            have.id,
            names.join(", ")
        );
        Err(StepError::Blocked(Box::new(
            Finding::new("SRE-AWS-013", Severity::Error, STEP.as_str(), message)
                .evidence(names.join(", "))
                .hint("delete the targets, or have their owner move them; then clean up again"),
        )))
    }

    async fn undo(&self, cx: &Context<'_>, op: &Op, have: &Found) -> Result<(), CallError> {
        match op.name {
            "delete" => cx.cloud.agentcore.delete_gateway(have.id.clone()).await,
            _ => Err(unknown_undo(STEP, op)),
        }
    }

    fn by_hand(&self, cx: &Context<'_>, id: &str) -> ByHand {
        ByHand {
            console: page(cx),
            command: format!(
                "aws bedrock-agentcore-control delete-gateway --region {} --gateway-identifier {id}",
                cx.region
            ),
        }
    }
}

/// What a gateway, a target, a memory or a runtime that exists needs: what failed to be made is made anew, and what differs is
/// changed.
pub(super) fn ops_of_existing(want: &Want, have: &Found, what: &str) -> Vec<Op> {
    let status = have.fields.get("status").and_then(|status| status.as_str()).unwrap_or_default();
    // What goes already was to be made anew by a run that was killed, or to be removed by one.
    if status == DELETING || FAILED.contains(&status) {
        return vec![Op::new(REMAKE, format!("delete the failed {what} {} and make it anew", have.id))];
    }
    let is_wanted = |(name, value): (&String, &serde_json::Value)| {
        // A status on its way is waited for; one that is not comes from a change that failed, which is made again.
        let has_failed = status.ends_with("_UNSUCCESSFUL") || status.ends_with("_FAILED");
        (name == "status" && !has_failed) || have.fields.get(name) == Some(value)
    };
    if want.fields.iter().all(is_wanted) {
        return Vec::new();
    }
    vec![Op::new(UPDATE, format!("change {what} {}", have.id))]
}

/// Where somebody else's differs. What is on its way is waited for.
pub(super) fn settled_differences(want: &Fields, have: &Found) -> Vec<FieldDiff> {
    let counts = |diff: &FieldDiff| diff.field != "status" || !super::is_on_its_way(have);
    differences(want, &have.fields).into_iter().filter(counts).collect()
}

/// Whether it does not go by itself.
pub(super) fn is_to_be_deleted(have: &Found) -> bool {
    have.fields.get("status") != Some(&json!(DELETING))
}

/// What is gone need not be deleted.
pub(super) fn gone(deleted: Result<(), StepError>) -> Result<(), StepError> {
    match deleted {
        Err(StepError::Call(error)) if error.kind == ErrorKind::NotFound => Ok(()),
        deleted => deleted,
    }
}

/// The Console's page of gateways.
pub(super) fn page(cx: &Context<'_>) -> String {
    guide::page(cx.region, &format!("bedrock-agentcore/toolsAndGateways?region={}", cx.region))
}
