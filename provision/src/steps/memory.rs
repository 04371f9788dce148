//! The memory of the SRE agent.

use async_trait::async_trait;
use cloud::CallError;
use model::config::Config;
use model::plan::StepId;

use super::{ByHand, Context, Found, Op, Step, Want, unknown_op, unknown_undo};
use crate::error::StepError;
use crate::key::IntentKey;

const STEP: StepId = StepId::Memory;

pub(super) struct MemoryStep;

#[async_trait]
impl Step for MemoryStep {
    fn id(&self) -> StepId {
        STEP
    }

    fn kind(&self) -> &'static str {
        "AWS::BedrockAgentCore::Memory"
    }

    fn want(&self, _cx: &Context<'_>, _config: &Config) -> Option<Want> {
        None
    }

    async fn find(&self, _cx: &Context<'_>) -> Result<Vec<Found>, StepError> {
        Ok(Vec::new())
    }

    async fn fetch(&self, _cx: &Context<'_>, _id: &str) -> Result<Option<Found>, StepError> {
        Ok(None)
    }

    fn ops(&self, _cx: &Context<'_>, _want: &Want, _have: Option<&Found>) -> Vec<Op> {
        Vec::new()
    }

    fn repeats_safely(&self, _op: &str) -> bool {
        true
    }

    async fn perform(
        &self,
        _cx: &Context<'_>,
        op: &Op,
        _have: Option<&Found>,
        _key: &IntentKey,
    ) -> Result<Option<String>, StepError> {
        Err(unknown_op(STEP, op))
    }

    async fn undo_ops(&self, _cx: &Context<'_>, _have: &Found) -> Result<Vec<Op>, StepError> {
        Ok(Vec::new())
    }

    async fn undo(&self, _cx: &Context<'_>, op: &Op, _have: &Found) -> Result<(), CallError> {
        Err(unknown_undo(STEP, op))
    }

    fn by_hand(&self, _cx: &Context<'_>, _id: &str) -> ByHand {
        ByHand { console: String::new(), command: String::new() }
    }
}
