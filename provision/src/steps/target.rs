//! A target of the gateway: one backend, reached inside the VPC with the provider's key.
//!
//! Targets have no tags; the description says whose it is, and which schema the gateway has read: a changed one is read
//! anew only when the target is changed. What a person makes for us has another description, which says that as well.

use std::collections::BTreeSet;

use async_trait::async_trait;
use cloud::CallError;
use cloud::port::agentcore::{NewTarget, PrivateEndpoint, Target, TargetChange, TargetRef, TargetSettings};
use model::agent::{API_KEY_HEADER, Backend};
use model::config::Config;
use model::plan::{FieldDiff, Fields, StepId};
use model::{Finding, Severity};
use serde_json::{Value, json};

use super::gateway::{
    DELETING, READY, REMAKE, failure, gone, is_to_be_deleted, ops_of_existing, page, settled_differences,
};
use super::{
    ByHand, CREATE, Context, Found, OnChange, Op, Step, Want, fields, outputs, schemas, unknown_op,
    unknown_undo,
};
use crate::bundle::sha256;
use crate::error::StepError;
use crate::guide::{self, Guide, Handmade};
use crate::key::IntentKey;

/// So much of a digest tells two schemas apart.
const DIGITS: usize = 16;

pub(super) struct TargetStep(pub(super) Backend);

/// How the description of a target begins that a person made; the one that ours would have follows.
const BY_HAND: &str = "by hand for ";

/// How the descriptions of our targets begin.
fn mark(cx: &Context<'_>) -> String {
    format!("sre-agent-deploy {}: ", cx.deployment)
}

/// Whether this deployment made it.
pub(super) fn is_ours(cx: &Context<'_>, target: &Target) -> bool {
    target.settings.as_ref().is_some_and(|settings| settings.description.starts_with(&mark(cx)))
}

/// Whether a person made it for this deployment, as the guide told them.
fn is_handmade(cx: &Context<'_>, target: &Target) -> bool {
    let description =
        target.settings.as_ref().and_then(|settings| settings.description.strip_prefix(BY_HAND));
    description.is_some_and(|rest| rest.starts_with(&mark(cx)))
}

fn shown(gateway: &str, settings: &TargetSettings, status: &str) -> Fields {
    let endpoint = settings.private_endpoint.as_ref();
    fields([
        ("gateway", json!(gateway)),
        ("description", json!(settings.description)),
        ("schema", json!(settings.schema_uri)),
        ("provider", json!(settings.provider_arn)),
        ("header", json!(settings.header)),
        ("vpc", json!(endpoint.map(|endpoint| &endpoint.vpc_id))),
        ("subnets", json!(endpoint.map(|endpoint| &endpoint.subnet_ids))),
        ("security_groups", json!(endpoint.map(|endpoint| &endpoint.security_group_ids))),
        ("routing_domain", json!(endpoint.and_then(|endpoint| endpoint.routing_domain.as_deref()))),
        ("status", json!(status)),
    ])
}

fn found(target: &Target) -> Found {
    let id = format!("{}/{}", target.gateway_id, target.id);
    let status = &target.condition.status;
    let fields = match &target.settings {
        Some(settings) => shown(&target.gateway_id, settings, status),
        // Of another kind: nothing of it is as wanted.
        None => fields([("gateway", json!(target.gateway_id)), ("status", json!(status))]),
    };
    Found {
        outputs: outputs([("id", &id), ("target", &target.id), ("gateway", &target.gateway_id)]),
        fields,
        id,
    }
}

/// `GATEWAY/TARGET`, or the target alone in the gateway that is known.
fn reference(cx: &Context<'_>, id: &str) -> Option<TargetRef> {
    let (gateway_id, id) = match id.split_once('/') {
        Some((gateway, id)) => (gateway.to_owned(), id),
        None => (cx.known(StepId::Gateway, "id")?, id),
    };
    Some(TargetRef { gateway_id, id: id.to_owned() })
}

impl TargetStep {
    fn step(&self) -> StepId {
        StepId::of_target(self.0)
    }

    fn settings(&self, cx: &Context<'_>, config: &Config) -> Option<TargetSettings> {
        let known = |step, output| cx.known(step, output).unwrap_or_else(|| format!("({step})"));
        let schema = schemas::text(config, self.0)?;
        let digest = sha256(schema.as_bytes());
        let group = match &config.instance.adopt_instance_id {
            None => Some(known(StepId::SecurityGroup, "id")),
            // There is no group of ours; the VPC's own is taken.
            Some(_) => cx.known(StepId::SecurityGroup, "id"),
        };
        Some(TargetSettings {
            description: format!(
                "{}{}, schema {}",
                mark(cx),
                self.0.title(),
                digest.get(..DIGITS).unwrap_or_default()
            ),
            schema_uri: format!("s3://{}", schemas::key(&schemas::place(cx, config)?, self.0)),
            schema_owner: cx.account.to_string(),
            provider_arn: known(StepId::CredentialProvider, "arn"),
            header: API_KEY_HEADER.to_owned(),
            private_endpoint: Some(PrivateEndpoint {
                vpc_id: cx.pins.vpc_id.clone(),
                subnet_ids: BTreeSet::from([cx.pins.subnet_id.clone()]),
                security_group_ids: group.into_iter().collect(),
                routing_domain: config.gateway.as_ref().and_then(|gateway| gateway.routing_domain.clone()),
            }),
        })
    }

    async fn look(&self, cx: &Context<'_>, wanted: &TargetRef) -> Result<Option<Target>, StepError> {
        cx.patience.read(self.step(), || cx.cloud.agentcore.get_target(wanted.clone())).await
    }

    /// The target of our name in the gateway that is known.
    async fn named(&self, cx: &Context<'_>) -> Result<Option<Target>, StepError> {
        let Some(gateway_id) = cx.known(StepId::Gateway, "id") else { return Ok(None) };
        let list = || cx.cloud.agentcore.list_targets(gateway_id.clone());
        let summaries = cx.patience.read(self.step(), list).await?;
        let Some(one) = summaries.into_iter().find(|one| one.name == self.0.target()) else {
            return Ok(None);
        };
        self.look(cx, &TargetRef { gateway_id: gateway_id.clone(), id: one.id }).await
    }

    async fn make(
        &self,
        cx: &Context<'_>,
        settings: TargetSettings,
        client_token: String,
    ) -> Result<Option<String>, StepError> {
        let gateway_id = cx.needs(StepId::Gateway, "id")?;
        let name = self.0.target().to_owned();
        let new = NewTarget { gateway_id: gateway_id.clone(), name, client_token, settings };
        let make = || cx.cloud.agentcore.create_target(new.clone());
        let id = cx.patience.write(self.step(), true, make).await?;
        Ok(Some(format!("{gateway_id}/{id}")))
    }

    async fn until_gone(&self, cx: &Context<'_>, wanted: &TargetRef) -> Result<(), StepError> {
        let reason = "waiting for the failed target to be gone";
        cx.patience
            .until(self.step(), reason, cx.patience.limits.instance, || async {
                Ok(self.look(cx, wanted).await?.is_none().then_some(()))
            })
            .await
    }
}

#[async_trait]
impl Step for TargetStep {
    fn id(&self) -> StepId {
        self.step()
    }

    fn kind(&self) -> &'static str {
        "AWS::BedrockAgentCore::GatewayTarget"
    }

    fn want(&self, cx: &Context<'_>, config: &Config) -> Option<Want> {
        config.gateway.as_ref()?;
        let gateway = cx.known(StepId::Gateway, "id").unwrap_or_else(|| format!("({})", StepId::Gateway));
        Some(Want {
            name: self.0.target().to_owned(),
            fields: shown(&gateway, &self.settings(cx, config)?, READY),
            why: vec![format!("port {} of the instance, reached inside the VPC only", self.0.port())],
            irreversible: None,
        })
    }

    async fn find(&self, cx: &Context<'_>) -> Result<Vec<Found>, StepError> {
        let target = self.named(cx).await?;
        Ok(target.filter(|one| is_ours(cx, one)).as_ref().map(found).into_iter().collect())
    }

    async fn fetch(&self, cx: &Context<'_>, id: &str) -> Result<Option<Found>, StepError> {
        match reference(cx, id) {
            Some(wanted) => Ok(self.look(cx, &wanted).await?.as_ref().map(found)),
            None => Ok(None),
        }
    }

    async fn rival(&self, cx: &Context<'_>, _config: &Config) -> Result<Option<Finding>, StepError> {
        let stranger = self.named(cx).await?.filter(|one| !is_ours(cx, one));
        Ok(stranger.map(|one| {
            let message =
                format!("gateway {} has a target named `{}` that is not ours", one.gateway_id, one.name);
            let id = found(&one).id;
            Finding::new("SRE-PLAN-001", Severity::Error, self.step().as_str(), message)
                .evidence(id.clone())
                .hint(format!("use it as it is with `--adopt {}={id}`, or delete it", self.step()))
        }))
    }

    fn guide(&self, cx: &Context<'_>, want: &Want) -> Option<Guide> {
        let mut settings = self.settings(cx, cx.config?)?;
        settings.description.insert_str(0, BY_HAND);
        Some(guide::target(cx, want, &settings))
    }

    async fn made_by_hand(&self, cx: &Context<'_>) -> Result<Vec<Handmade>, StepError> {
        // Also one with the description of ours: whoever looks here knows that no call of ours made it.
        let target = self.named(cx).await?.filter(|one| one.condition.status != DELETING);
        Ok(target.iter().map(|one| Handmade { tagged: is_handmade(cx, one), found: found(one) }).collect())
    }

    fn differences(&self, want: &Want, have: &Found) -> Vec<FieldDiff> {
        let mut fields = want.fields.clone();
        if let Some(Value::String(description)) = fields.get_mut("description") {
            description.insert_str(0, BY_HAND);
        }
        settled_differences(&fields, have)
    }

    fn on_change(&self, difference: &FieldDiff) -> OnChange {
        if difference.field == "gateway" { OnChange::Replace } else { OnChange::Update }
    }

    fn ops(&self, _cx: &Context<'_>, want: &Want, have: Option<&Found>) -> Vec<Op> {
        match have {
            None => vec![Op::new(CREATE, format!("create target {}", want.name))],
            Some(have) => ops_of_existing(want, have, "target"),
        }
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
        let (step, agentcore) = (self.step(), &cx.cloud.agentcore);
        let Some(settings) = cx.config.and_then(|config| self.settings(cx, config)) else {
            return Err(unknown_op(step, op));
        };
        match (op.name, have.and_then(|have| reference(cx, &have.id))) {
            (CREATE, _) => self.make(cx, settings, key.as_str().to_owned()).await,
            (REMAKE, Some(failed)) => {
                if have.is_some_and(is_to_be_deleted) {
                    gone(cx.patience.remove(step, || agentcore.delete_target(failed.clone())).await)?;
                }
                self.until_gone(cx, &failed).await?;
                self.make(cx, settings, key.in_place_of(&failed.id)).await
            }
            ("update", Some(target)) => {
                let change = TargetChange { target, name: self.0.target().to_owned(), settings };
                cx.patience.write(step, true, || agentcore.update_target(change.clone())).await?;
                Ok(None)
            }
            _ => Err(unknown_op(step, op)),
        }
    }

    async fn settle(&self, cx: &Context<'_>, found: Found) -> Result<Found, StepError> {
        let Some(wanted) = reference(cx, &found.id) else { return Ok(found) };
        let reason = "waiting for the target to be READY (usually under a minute)";
        cx.patience
            .until(self.step(), reason, cx.patience.limits.instance, || async {
                match self.look(cx, &wanted).await? {
                    Some(target) if target.condition.has_failed() => {
                        Err(failure(self.step(), &format!("target {}", target.name), &target.condition))
                    }
                    target => Ok(target.filter(|one| one.condition.is_ready()).as_ref().map(self::found)),
                }
            })
            .await
    }

    async fn undo_ops(&self, _cx: &Context<'_>, have: &Found) -> Result<Vec<Op>, StepError> {
        Ok(vec![Op::new("delete", format!("delete target {}", have.id))])
    }

    async fn undo(&self, cx: &Context<'_>, op: &Op, have: &Found) -> Result<(), CallError> {
        match (op.name, reference(cx, &have.id)) {
            ("delete", Some(target)) => cx.cloud.agentcore.delete_target(target).await,
            _ => Err(unknown_undo(self.step(), op)),
        }
    }

    fn by_hand(&self, cx: &Context<'_>, id: &str) -> ByHand {
        let (gateway, target) = id.split_once('/').unwrap_or(("GATEWAY", id));
        ByHand {
            console: page(cx),
            command: format!(
                "aws bedrock-agentcore-control delete-gateway-target --region {} --gateway-identifier {gateway} \
                 --target-id {target}",
                cx.region
            ),
        }
    }
}
