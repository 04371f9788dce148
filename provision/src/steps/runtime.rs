//! The AgentCore runtime that runs the SRE agent: an image or a zip file that the operator built.
//!
//! The agent's token is a variable of its environment. It is fetched and put there by `gateway token`: here it is never
//! compared, shown or changed.

use std::collections::BTreeMap;

use async_trait::async_trait;
use cloud::CallError;
use cloud::port::agentcore::{NewRuntime, Runtime, RuntimeChange, RuntimeSettings};
use model::config::{Config, RuntimeArtifact};
use model::plan::{FieldDiff, Fields, StepId};
use model::{Finding, Secret, Severity};
use serde_json::json;

use super::gateway::{
    DELETING, READY, REMAKE, UPDATE, failure, gone, is_to_be_deleted, not_yet, ops_of_existing,
};
use super::{
    ByHand, CREATE, Context, Found, OnChange, Op, Step, Want, fields, names, outputs, unknown_op,
    unknown_undo,
};
use crate::error::StepError;
use crate::guide;
use crate::key::IntentKey;

const STEP: StepId = StepId::Runtime;

pub(super) struct RuntimeStep;

type Variables = BTreeMap<String, Secret<String>>;

/// The variables that are ours. Others are somebody else's and stay.
const VARIABLES: [&str; 3] = ["AWS_DEFAULT_REGION", "AWS_REGION", "LLM_PROVIDER"];

fn variables(cx: &Context<'_>) -> Variables {
    let value = |name: &str| if name == "LLM_PROVIDER" { "bedrock" } else { cx.region.as_str() };
    VARIABLES.map(|name| (name.to_owned(), Secret::new(value(name).to_owned()))).into()
}

/// What the runtime is to be, besides what is already in its environment.
fn settings(cx: &Context<'_>, artifact: &RuntimeArtifact) -> RuntimeSettings {
    RuntimeSettings {
        role_arn: cx
            .known(StepId::RuntimeRole, "arn")
            .unwrap_or_else(|| format!("({})", StepId::RuntimeRole)),
        artifact: artifact.uri(),
        environment: variables(cx),
        description: format!("sre-agent-deploy {}: the SRE agent", cx.deployment),
    }
}

fn shown(name: &str, settings: &RuntimeSettings, status: &str) -> Fields {
    let ours: BTreeMap<&str, &str> = VARIABLES
        .into_iter()
        .filter_map(|name| Some((name, settings.environment.get(name)?.expose().as_str())))
        .collect();
    fields([
        ("name", json!(name)),
        ("role", json!(settings.role_arn)),
        ("artifact", json!(settings.artifact)),
        ("environment", json!(ours)),
        ("description", json!(settings.description)),
        ("status", json!(status)),
    ])
}

fn found(runtime: &Runtime) -> Found {
    Found {
        id: runtime.id.clone(),
        fields: shown(&runtime.name, &runtime.settings, &runtime.condition.status),
        outputs: outputs([("id", &runtime.id), ("arn", &runtime.arn), ("name", &runtime.name)]),
    }
}

async fn look(cx: &Context<'_>, id: &str) -> Result<Option<Runtime>, StepError> {
    cx.patience.read(STEP, || cx.cloud.agentcore.get_runtime(id.to_owned())).await
}

/// The runtimes of our name, also those that go.
async fn namesakes(cx: &Context<'_>) -> Result<Vec<Runtime>, StepError> {
    let name = names::runtime(cx.deployment);
    let mut all = Vec::new();
    let summaries = cx.patience.read(STEP, || cx.cloud.agentcore.list_runtimes(())).await?;
    for summary in summaries.into_iter().filter(|one| one.name == name) {
        all.extend(look(cx, &summary.id).await?);
    }
    Ok(all)
}

/// Waits until what goes under our name is gone, and with it `failed`: two runtimes cannot have one name.
async fn until_gone(cx: &Context<'_>, failed: Option<&str>) -> Result<(), StepError> {
    let reason = "waiting for the earlier runtime of that name to be gone";
    let goes = |one: &Runtime| one.condition.status == DELETING || Some(one.id.as_str()) == failed;
    cx.patience
        .until(STEP, reason, cx.patience.limits.instance, || async {
            Ok((!namesakes(cx).await?.iter().any(goes)).then_some(()))
        })
        .await
}

fn artifact<'c>(cx: &Context<'c>) -> Option<&'c RuntimeArtifact> {
    cx.config?.gateway.as_ref()?.runtime.as_ref()
}

impl RuntimeStep {
    async fn make(
        &self,
        cx: &Context<'_>,
        artifact: &RuntimeArtifact,
        client_token: String,
        key: &IntentKey,
    ) -> Result<Option<String>, StepError> {
        let name = names::runtime(cx.deployment);
        cx.needs(StepId::RuntimeRole, "arn")?;
        let new = NewRuntime {
            settings: settings(cx, artifact),
            tags: cx.tags(STEP, key, &name),
            client_token,
            name,
        };
        let make = || async { cx.cloud.agentcore.create_runtime(new.clone()).await.map_err(not_yet) };
        Ok(Some(cx.patience.write(STEP, true, make).await?))
    }

    /// Changes what is ours, and leaves what else is in the environment.
    async fn change(
        &self,
        cx: &Context<'_>,
        artifact: &RuntimeArtifact,
        id: &str,
    ) -> Result<Option<String>, StepError> {
        let mut settings = settings(cx, artifact);
        if let Some(there) = look(cx, id).await? {
            let ours = std::mem::replace(&mut settings.environment, there.settings.environment);
            settings.environment.extend(ours);
        }
        let change = RuntimeChange { id: id.to_owned(), settings };
        let update = || async { cx.cloud.agentcore.update_runtime(change.clone()).await.map_err(not_yet) };
        cx.patience.write(STEP, true, update).await?;
        Ok(None)
    }
}

#[async_trait]
impl Step for RuntimeStep {
    fn id(&self) -> StepId {
        STEP
    }

    fn kind(&self) -> &'static str {
        "AWS::BedrockAgentCore::Runtime"
    }

    fn want(&self, cx: &Context<'_>, config: &Config) -> Option<Want> {
        let artifact = config.gateway.as_ref()?.runtime.as_ref()?;
        let name = names::runtime(cx.deployment);
        Some(Want {
            fields: shown(&name, &settings(cx, artifact), READY),
            name,
            why: vec!["runs the SRE agent as it was built; `gateway token` gives it its token".to_owned()],
            irreversible: None,
        })
    }

    async fn find(&self, cx: &Context<'_>) -> Result<Vec<Found>, StepError> {
        let is_ours = |one: &&Runtime| cx.owns(&one.tags, STEP) && one.condition.status != DELETING;
        Ok(namesakes(cx).await?.iter().filter(is_ours).map(found).collect())
    }

    async fn fetch(&self, cx: &Context<'_>, id: &str) -> Result<Option<Found>, StepError> {
        Ok(look(cx, id).await?.as_ref().map(found))
    }

    async fn rival(&self, cx: &Context<'_>, _config: &Config) -> Result<Option<Finding>, StepError> {
        let is_in_the_way = |one: &Runtime| !cx.owns(&one.tags, STEP) && one.condition.status != DELETING;
        let stranger = namesakes(cx).await?.into_iter().find(is_in_the_way);
        Ok(stranger.map(|one| {
            let message = format!("a runtime named `{}` exists and is not ours ({})", one.name, one.id);
            Finding::new("SRE-PLAN-001", Severity::Error, STEP.as_str(), message)
                .evidence(one.id.clone())
                .hint(format!("use it as it is with `--adopt {STEP}={}`, or delete it", one.id))
        }))
    }

    fn on_change(&self, difference: &FieldDiff) -> OnChange {
        if difference.field == "name" { OnChange::Replace } else { OnChange::Update }
    }

    fn ops(&self, _cx: &Context<'_>, want: &Want, have: Option<&Found>) -> Vec<Op> {
        let Some(have) = have else { return vec![Op::new(CREATE, format!("create runtime {}", want.name))] };
        ops_of_existing(want, have, "runtime")
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
        let Some(artifact) = artifact(cx) else { return Err(unknown_op(STEP, op)) };
        match (op.name, have) {
            (CREATE, _) => {
                until_gone(cx, None).await?;
                self.make(cx, artifact, key.as_str().to_owned(), key).await
            }
            (REMAKE, Some(have)) => {
                if is_to_be_deleted(have) {
                    gone(cx.patience.remove(STEP, || agentcore.delete_runtime(have.id.clone())).await)?;
                }
                until_gone(cx, Some(&have.id)).await?;
                self.make(cx, artifact, key.in_place_of(&have.id), key).await
            }
            (UPDATE, Some(have)) => self.change(cx, artifact, &have.id).await,
            _ => Err(unknown_op(STEP, op)),
        }
    }

    async fn settle(&self, cx: &Context<'_>, found: Found) -> Result<Found, StepError> {
        let reason = "waiting for the runtime to be READY (usually under a minute)";
        cx.patience
            .until(STEP, reason, cx.patience.limits.instance, || async {
                match look(cx, &found.id).await? {
                    Some(runtime) if runtime.condition.has_failed() => {
                        Err(failure(STEP, &format!("runtime {}", runtime.id), &runtime.condition))
                    }
                    runtime => Ok(runtime.filter(|one| one.condition.is_ready()).as_ref().map(self::found)),
                }
            })
            .await
    }

    async fn undo_ops(&self, _cx: &Context<'_>, have: &Found) -> Result<Vec<Op>, StepError> {
        Ok(vec![Op::new("delete", format!("delete runtime {}", have.id))])
    }

    async fn undo(&self, cx: &Context<'_>, op: &Op, have: &Found) -> Result<(), CallError> {
        match op.name {
            "delete" => cx.cloud.agentcore.delete_runtime(have.id.clone()).await,
            _ => Err(unknown_undo(STEP, op)),
        }
    }

    fn by_hand(&self, cx: &Context<'_>, id: &str) -> ByHand {
        ByHand {
            console: guide::page(cx.region, &format!("bedrock-agentcore/agents?region={}", cx.region)),
            command: format!(
                "aws bedrock-agentcore-control delete-agent-runtime --region {} --agent-runtime-id {id}",
                cx.region
            ),
        }
    }
}
