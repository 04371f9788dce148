//! The memory of the SRE agent: what it is told is kept for some days, and three strategies draw from that what lasts.
//!
//! The agent looks for it under the one name that it has written into it. It is one for the account and Region, so a second
//! deployment there adopts the first one's.

use async_trait::async_trait;
use cloud::CallError;
use cloud::port::agentcore::{Condition, Memory, MemoryChange, MemoryStrategy, NewMemory};
use model::agent::MEMORY;
use model::config::Config;
use model::plan::{Fields, StepId};
use model::{Finding, Severity};
use serde_json::json;

use super::gateway::{DELETING, REMAKE, UPDATE, failure, gone, is_to_be_deleted, ops_of_existing};
use super::{ByHand, CREATE, Context, Found, Op, Step, Want, fields, outputs, unknown_op, unknown_undo};
use crate::error::StepError;
use crate::guide;
use crate::key::IntentKey;

const STEP: StepId = StepId::Memory;
const ACTIVE: &str = "ACTIVE";

pub(super) struct MemoryStep;

fn wanted_days(config: &Config) -> Option<u32> {
    config.gateway.as_ref()?.memory_days
}

fn shown(name: &str, days: u32, strategies: &[&str], status: &str) -> Fields {
    fields([
        ("name", json!(name)),
        ("days", json!(days)),
        ("strategies", json!(strategies)),
        ("status", json!(status)),
    ])
}

/// Those of our strategies that the memory has; it may have others.
fn ours(memory: &Memory) -> impl Iterator<Item = (&'static str, &Condition)> {
    MemoryStrategy::ALL.into_iter().filter_map(|one| Some((one.name(), memory.strategies.get(one.name())?)))
}

/// The status of the memory; of one that is active, that of a strategy which is not.
fn standing(memory: &Memory) -> String {
    let idle = ours(memory).find(|(_, condition)| !condition.is_ready());
    match idle {
        Some((name, condition)) if memory.condition.is_ready() => {
            format!("{ACTIVE}, but its strategy {name} is {}", condition.status)
        }
        _ => memory.condition.status.clone(),
    }
}

fn found(memory: &Memory) -> Found {
    let strategies: Vec<&str> = ours(memory).map(|(name, _)| name).collect();
    Found {
        id: memory.id.clone(),
        fields: shown(&memory.name, memory.event_expiry_days, &strategies, &standing(memory)),
        outputs: outputs([("id", &memory.id), ("arn", &memory.arn), ("name", &memory.name)]),
    }
}

/// What keeps a memory from being used, if it will not pass.
fn why_not(memory: &Memory) -> Option<StepError> {
    let name = format!("memory {}", memory.id);
    if memory.condition.has_failed() {
        return Some(failure(STEP, &name, &memory.condition));
    }
    let (strategy, condition) = ours(memory).find(|(_, condition)| condition.has_failed())?;
    let message = format!("the strategy {strategy} of {name} is {}", condition.status);
    Some(StepError::Blocked(Box::new(
        Finding::new("SRE-AWS-012", Severity::Error, STEP.as_str(), message).evidence(strategy).hint(
            "delete this strategy, then resume: it is added anew, and what the memory holds stays; `aws \
             bedrock-agentcore-control get-memory` shows its id, and `update-memory` deletes it",
        ),
    )))
}

async fn look(cx: &Context<'_>, id: &str) -> Result<Option<Memory>, StepError> {
    cx.patience.read(STEP, || cx.cloud.agentcore.get_memory(id.to_owned())).await
}

/// The memories that have the name, also those that go.
async fn named(cx: &Context<'_>) -> Result<Vec<Memory>, StepError> {
    let ids = cx.patience.read(STEP, || cx.cloud.agentcore.list_memories(())).await?;
    let mut all = Vec::new();
    for id in ids.into_iter().filter(|id| id.starts_with(&format!("{MEMORY}-"))) {
        all.extend(look(cx, &id).await?);
    }
    all.retain(|memory| memory.name == MEMORY);
    Ok(all)
}

/// Those that stay.
async fn near(cx: &Context<'_>) -> Result<impl Iterator<Item = Memory>, StepError> {
    Ok(named(cx).await?.into_iter().filter(|one| one.condition.status != DELETING))
}

/// Waits until what goes under this name is gone, and with it `failed`: two memories cannot have one name.
async fn until_gone(cx: &Context<'_>, failed: Option<&str>) -> Result<(), StepError> {
    let reason = "waiting for the earlier memory of that name to be gone";
    let goes = |one: &Memory| one.condition.status == DELETING || Some(one.id.as_str()) == failed;
    cx.patience
        .until(STEP, reason, cx.patience.limits.instance, || async {
            Ok((!named(cx).await?.iter().any(goes)).then_some(()))
        })
        .await
}

/// Waits until a memory is what it is going to be: active with its strategies, or failed.
async fn until_still(cx: &Context<'_>, id: &str) -> Result<Memory, StepError> {
    let reason = "waiting for the memory to be ACTIVE (usually 10 to 12 minutes)";
    let is_still = |one: &Memory| standing(one) == ACTIVE || why_not(one).is_some();
    let waited = cx
        .patience
        .until(STEP, reason, cx.patience.limits.memory, || async {
            Ok(look(cx, id).await?.filter(|one| is_still(one)))
        })
        .await;
    match waited {
        Err(StepError::TimedOut { reason, waited }) => {
            let stands = look(cx, id).await?.map_or_else(|| "gone".to_owned(), |one| standing(&one));
            Err(StepError::TimedOut { reason: format!("{reason}: it is {stands}, and that"), waited })
        }
        waited => waited,
    }
}

async fn make(
    cx: &Context<'_>,
    days: u32,
    client_token: String,
    key: &IntentKey,
) -> Result<Option<String>, StepError> {
    let new = NewMemory {
        name: MEMORY.to_owned(),
        client_token,
        event_expiry_days: days,
        tags: cx.tags(STEP, key, MEMORY),
    };
    Ok(Some(cx.patience.write(STEP, true, || cx.cloud.agentcore.create_memory(new.clone())).await?))
}

/// Changes the days and adds the strategies that are missing; what the memory holds stays.
async fn update(cx: &Context<'_>, days: u32, id: &str) -> Result<(), StepError> {
    // One that is still being made cannot be changed, and takes longer than a call is tried again.
    let memory = until_still(cx, id).await?;
    let is_missing = |one: &MemoryStrategy| !memory.strategies.contains_key(one.name());
    let change = MemoryChange {
        id: memory.id.clone(),
        event_expiry_days: days,
        added: MemoryStrategy::ALL.into_iter().filter(is_missing).collect(),
    };
    cx.patience.write(STEP, false, || cx.cloud.agentcore.update_memory(change.clone())).await
}

#[async_trait]
impl Step for MemoryStep {
    fn id(&self) -> StepId {
        STEP
    }

    fn kind(&self) -> &'static str {
        "AWS::BedrockAgentCore::Memory"
    }

    fn want(&self, _cx: &Context<'_>, config: &Config) -> Option<Want> {
        let days = wanted_days(config)?;
        let strategies = MemoryStrategy::ALL.map(MemoryStrategy::name);
        Some(Want {
            name: MEMORY.to_owned(),
            fields: shown(MEMORY, days, &strategies, ACTIVE),
            why: vec![format!(
                "keeps what the agent is told for {days} days, and draws from it {}",
                strategies.join(", ")
            )],
            irreversible: self.lost().map(str::to_owned),
        })
    }

    fn lost(&self) -> Option<&'static str> {
        Some("once removed, everything that the agent remembered is gone")
    }

    async fn find(&self, cx: &Context<'_>) -> Result<Vec<Found>, StepError> {
        Ok(near(cx).await?.filter(|one| cx.owns(&one.tags, STEP)).map(|one| found(&one)).collect())
    }

    async fn fetch(&self, cx: &Context<'_>, id: &str) -> Result<Option<Found>, StepError> {
        Ok(look(cx, id).await?.as_ref().map(found))
    }

    async fn rival(&self, cx: &Context<'_>, _config: &Config) -> Result<Option<Finding>, StepError> {
        let stranger = near(cx).await?.find(|one| !cx.owns(&one.tags, STEP));
        Ok(stranger.map(|one| {
            let message = format!("a memory named `{}` exists and is not ours ({})", one.name, one.id);
            Finding::new("SRE-PLAN-001", Severity::Error, STEP.as_str(), message)
                .evidence(one.id.clone())
                .hint(format!(
                    "the agent has this name written into it, so there is one for the account and Region: use it as it is \
                     with `--adopt {STEP}={}`, or delete it with everything in it",
                    one.id
                ))
        }))
    }

    fn ops(&self, _cx: &Context<'_>, want: &Want, have: Option<&Found>) -> Vec<Op> {
        match have {
            None => vec![Op::new(CREATE, format!("create memory {}", want.name))],
            Some(have) => ops_of_existing(want, have, "memory"),
        }
    }

    fn repeats_safely(&self, op: &str) -> bool {
        // A lost call may have begun a change: no second one is taken meanwhile, and no strategy twice.
        op != UPDATE
    }

    async fn perform(
        &self,
        cx: &Context<'_>,
        op: &Op,
        have: Option<&Found>,
        key: &IntentKey,
    ) -> Result<Option<String>, StepError> {
        let Some(days) = cx.config.and_then(wanted_days) else { return Err(unknown_op(STEP, op)) };
        match (op.name, have) {
            (CREATE, _) => {
                until_gone(cx, None).await?;
                make(cx, days, key.as_str().to_owned(), key).await
            }
            (REMAKE, Some(have)) => {
                if is_to_be_deleted(have) {
                    let delete = || cx.cloud.agentcore.delete_memory(have.id.clone());
                    gone(cx.patience.remove(STEP, delete).await)?;
                }
                until_gone(cx, Some(&have.id)).await?;
                make(cx, days, key.in_place_of(&have.id), key).await
            }
            (UPDATE, Some(have)) => update(cx, days, &have.id).await.map(|()| None),
            _ => Err(unknown_op(STEP, op)),
        }
    }

    async fn settle(&self, cx: &Context<'_>, found: Found) -> Result<Found, StepError> {
        let memory = until_still(cx, &found.id).await?;
        why_not(&memory).map_or_else(|| Ok(self::found(&memory)), Err)
    }

    async fn undo_ops(&self, _cx: &Context<'_>, have: &Found) -> Result<Vec<Op>, StepError> {
        Ok(vec![Op::new("delete", format!("delete memory {} and everything in it", have.id))])
    }

    async fn undo(&self, cx: &Context<'_>, op: &Op, have: &Found) -> Result<(), CallError> {
        match op.name {
            "delete" => cx.cloud.agentcore.delete_memory(have.id.clone()).await,
            _ => Err(unknown_undo(STEP, op)),
        }
    }

    fn by_hand(&self, cx: &Context<'_>, id: &str) -> ByHand {
        ByHand {
            console: guide::page(cx.region, &format!("bedrock-agentcore/memory?region={}", cx.region)),
            command: format!(
                "aws bedrock-agentcore-control delete-memory --region {} --memory-id {id}",
                cx.region
            ),
        }
    }
}
