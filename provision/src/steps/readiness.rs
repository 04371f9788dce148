//! Whether the instance came up: both EC2 status checks. Changes nothing.

use async_trait::async_trait;
use cloud::CallError;
use model::config::Config;
use model::plan::{Fields, StepId};

use super::{ByHand, Context, Found, Op, Step, Want, names, outputs, unknown_op, unknown_undo};
use crate::error::StepError;
use crate::key::IntentKey;

const STEP: StepId = StepId::Readiness;

pub(super) struct ReadinessStep;

impl ReadinessStep {
    async fn look(&self, cx: &Context<'_>) -> Result<Option<Found>, StepError> {
        let Some(instance) = cx.known(StepId::Instance, "id") else { return Ok(None) };
        let status =
            cx.patience.read(STEP, || cx.cloud.ec2.describe_instance_status(instance.clone())).await?;
        Ok(status.filter(|status| status.system_ok && status.instance_ok).map(|_| Found {
            fields: Fields::new(),
            outputs: outputs([("id", &instance), ("status_checks", "2/2")]),
            id: instance,
        }))
    }
}

#[async_trait]
impl Step for ReadinessStep {
    fn id(&self) -> StepId {
        STEP
    }

    fn kind(&self) -> &'static str {
        "check"
    }

    fn want(&self, cx: &Context<'_>, _config: &Config) -> Option<Want> {
        Some(Want {
            name: names::instance(cx.deployment),
            fields: Fields::new(),
            why: vec![
                "EC2 checks the host and the guest; a new instance takes two to three minutes".to_owned(),
            ],
            irreversible: None,
        })
    }

    async fn find(&self, cx: &Context<'_>) -> Result<Vec<Found>, StepError> {
        Ok(self.look(cx).await?.into_iter().collect())
    }

    async fn fetch(&self, cx: &Context<'_>, _id: &str) -> Result<Option<Found>, StepError> {
        self.look(cx).await
    }

    async fn wait(&self, cx: &Context<'_>) -> Result<Found, StepError> {
        let reason = "waiting for the status checks (usually 2 to 3 minutes)";
        cx.patience.until(STEP, reason, cx.patience.limits.instance, || self.look(cx)).await
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

    fn by_hand(&self, cx: &Context<'_>, id: &str) -> ByHand {
        ByHand {
            console: super::instance_page(cx.region, id),
            command: format!("aws ec2 describe-instance-status --region {} --instance-ids {id}", cx.region),
        }
    }
}
