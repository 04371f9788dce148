//! A memory with the strategies of the SRE agent, to and from what AgentCore calls them.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_bedrockagentcorecontrol::types::{
    self, MemoryStrategyInput, ModifyMemoryStrategies, SemanticMemoryStrategyInput,
    SummaryMemoryStrategyInput, UserPreferenceMemoryStrategyInput,
};
use aws_smithy_types::error::operation::BuildError;
use cloud::CallError;
use cloud::port::agentcore::{Condition, Memory, MemoryStrategy};
use model::tags::Tags;

use crate::error::unbuilt;

use super::SERVICE;

pub(super) fn strategies(
    wanted: impl IntoIterator<Item = MemoryStrategy>,
    operation: &str,
) -> Result<Vec<MemoryStrategyInput>, CallError> {
    let all: Result<Vec<_>, _> = wanted.into_iter().map(to_input).collect();
    all.map_err(|error| unbuilt(SERVICE, operation, &error))
}

/// Strategies to add to a memory, if there are any.
pub(super) fn additions(
    added: BTreeSet<MemoryStrategy>,
    operation: &str,
) -> Result<Option<ModifyMemoryStrategies>, CallError> {
    if added.is_empty() {
        return Ok(None);
    }
    let added = strategies(added, operation)?;
    Ok(Some(ModifyMemoryStrategies::builder().set_add_memory_strategies(Some(added)).build()))
}

fn to_input(one: MemoryStrategy) -> Result<MemoryStrategyInput, BuildError> {
    let (name, namespace) = (one.name(), one.namespace());
    Ok(match one {
        MemoryStrategy::Preferences => {
            let input =
                UserPreferenceMemoryStrategyInput::builder().name(name).namespace_templates(namespace);
            MemoryStrategyInput::UserPreferenceMemoryStrategy(input.build()?)
        }
        MemoryStrategy::Knowledge => {
            let input = SemanticMemoryStrategyInput::builder().name(name).namespace_templates(namespace);
            MemoryStrategyInput::SemanticMemoryStrategy(input.build()?)
        }
        MemoryStrategy::Summaries => {
            let input = SummaryMemoryStrategyInput::builder().name(name).namespace_templates(namespace);
            MemoryStrategyInput::SummaryMemoryStrategy(input.build()?)
        }
    })
}

pub(super) fn from_answer(memory: types::Memory, tags: Tags) -> Memory {
    let condition = |status: &str, reason: Option<String>| Condition {
        status: status.to_owned(),
        reasons: reason.into_iter().collect(),
    };
    let strategies: BTreeMap<String, Condition> = memory
        .strategies
        .unwrap_or_default()
        .into_iter()
        .map(|one| {
            let status = one.status.as_ref().map_or("", |status| status.as_str());
            (one.name.clone(), condition(status, None))
        })
        .collect();
    Memory {
        id: memory.id,
        arn: memory.arn,
        name: memory.name,
        condition: condition(memory.status.as_str(), memory.failure_reason),
        event_expiry_days: u32::try_from(memory.event_expiry_duration).unwrap_or_default(),
        strategies,
        tags,
    }
}
