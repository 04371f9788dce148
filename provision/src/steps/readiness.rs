//! Whether the instance came up: both EC2 status checks. Changes nothing.

use async_trait::async_trait;
use model::config::Config;
use model::plan::{Fields, StepId};

use super::check::Check;
use super::{ByHand, Context, Found, Want, names, outputs};
use crate::error::StepError;

const STEP: StepId = StepId::Readiness;

pub(super) struct ReadinessStep;

#[async_trait]
impl Check for ReadinessStep {
    fn id(&self) -> StepId {
        STEP
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

    async fn wait(&self, cx: &Context<'_>) -> Result<Found, StepError> {
        let reason = "waiting for the status checks (usually 2 to 3 minutes)";
        cx.patience.until(STEP, reason, cx.patience.limits.instance, || self.look(cx)).await
    }

    fn by_hand(&self, cx: &Context<'_>, id: &str) -> ByHand {
        ByHand {
            console: super::instance_page(cx.region, id),
            command: format!("aws ec2 describe-instance-status --region {} --instance-ids {id}", cx.region),
        }
    }
}
