//! Steps that only look: they say what they look at, and what of a step is about making and removing is said here once.

use async_trait::async_trait;
use cloud::CallError;
use model::config::Config;
use model::plan::StepId;

use super::{ByHand, Context, Found, Op, Step, Want, unknown_op, unknown_undo};
use crate::error::StepError;
use crate::key::IntentKey;

/// Something to look at.
#[async_trait]
pub(super) trait Check: Sync {
    /// Which step.
    fn id(&self) -> StepId;

    /// What is to be seen; `None` where nothing is to be looked at.
    fn want(&self, cx: &Context<'_>, config: &Config) -> Option<Want>;

    /// What is seen now, if it is well.
    async fn look(&self, cx: &Context<'_>) -> Result<Option<Found>, StepError>;

    /// Waits until it is well.
    async fn wait(&self, cx: &Context<'_>) -> Result<Found, StepError>;

    /// Where it is shown and how to look by hand.
    fn by_hand(&self, cx: &Context<'_>, id: &str) -> ByHand;
}

#[async_trait]
impl<T: Check> Step for T {
    fn id(&self) -> StepId {
        Check::id(self)
    }

    fn kind(&self) -> &'static str {
        "check"
    }

    fn want(&self, cx: &Context<'_>, config: &Config) -> Option<Want> {
        Check::want(self, cx, config)
    }

    async fn find(&self, cx: &Context<'_>) -> Result<Vec<Found>, StepError> {
        // What is not to be looked at is not found either: there is nothing to remove.
        if cx.config.is_some_and(|config| Check::want(self, cx, config).is_none()) {
            return Ok(Vec::new());
        }
        Ok(self.look(cx).await?.into_iter().collect())
    }

    async fn fetch(&self, cx: &Context<'_>, _id: &str) -> Result<Option<Found>, StepError> {
        self.look(cx).await
    }

    async fn wait(&self, cx: &Context<'_>) -> Result<Found, StepError> {
        Check::wait(self, cx).await
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
        Err(unknown_op(Check::id(self), op))
    }

    async fn undo_ops(&self, _cx: &Context<'_>, _have: &Found) -> Result<Vec<Op>, StepError> {
        Ok(Vec::new())
    }

    async fn undo(&self, _cx: &Context<'_>, op: &Op, _have: &Found) -> Result<(), CallError> {
        Err(unknown_undo(Check::id(self), op))
    }

    fn by_hand(&self, cx: &Context<'_>, id: &str) -> ByHand {
        Check::by_hand(self, cx, id)
    }
}
