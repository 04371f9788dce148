//! The parameter in which the instance says how far its first boot is. Made before the instance and removed after it,
//! so that an instance on its way out cannot leave one behind.

use async_trait::async_trait;
use cloud::CallError;
use cloud::port::ssm::NewParameter;
use model::config::Config;
use model::plan::{Fields, StepId};
use model::{Finding, Severity};

use super::{ByHand, CREATE, Context, Found, Op, Step, Want, names, outputs, unknown_op, unknown_undo};
use crate::error::StepError;
use crate::guide;
use crate::key::IntentKey;

const STEP: StepId = StepId::HostProgress;

/// The value until the instance has one.
const NOTHING_YET: &str = "none";

pub(super) struct HostProgressStep;

impl HostProgressStep {
    fn found(name: String) -> Found {
        Found { fields: Fields::new(), outputs: outputs([("id", &name)]), id: name }
    }
}

#[async_trait]
impl Step for HostProgressStep {
    fn id(&self) -> StepId {
        STEP
    }

    fn kind(&self) -> &'static str {
        "AWS::SSM::Parameter"
    }

    fn want(&self, cx: &Context<'_>, config: &Config) -> Option<Want> {
        cx.installs_by_user_data(config).then(|| Want {
            name: names::host_progress(cx.deployment),
            fields: Fields::new(),
            why: vec!["the instance says here how far its installation is".to_owned()],
            irreversible: None,
        })
    }

    async fn find(&self, cx: &Context<'_>) -> Result<Vec<Found>, StepError> {
        let name = names::host_progress(cx.deployment);
        let tags = cx.patience.read(STEP, || cx.cloud.ssm.parameter_tags(name.clone())).await?;
        // The name is the deployment's own path; an instance that wrote it anew put no tags on.
        let is_ours = tags.is_some_and(|tags| tags.is_empty() || cx.owns(&tags, STEP));
        Ok(if is_ours { vec![Self::found(name)] } else { Vec::new() })
    }

    async fn fetch(&self, cx: &Context<'_>, id: &str) -> Result<Option<Found>, StepError> {
        let value = cx.patience.read(STEP, || cx.cloud.ssm.get_parameter(id.to_owned())).await?;
        Ok(value.map(|_| Self::found(id.to_owned())))
    }

    async fn rival(&self, cx: &Context<'_>, _config: &Config) -> Result<Option<Finding>, StepError> {
        let name = names::host_progress(cx.deployment);
        let tags = cx.patience.read(STEP, || cx.cloud.ssm.parameter_tags(name.clone())).await?;
        Ok(tags.filter(|tags| !tags.is_empty() && !cx.owns(tags, STEP)).map(|_| {
            let message = format!("a parameter named `{name}` exists and is not ours");
            Finding::new("SRE-PLAN-001", Severity::Error, STEP.as_str(), message)
                .hint("delete it, or choose another `deployment.id`")
        }))
    }

    fn ops(&self, _cx: &Context<'_>, want: &Want, have: Option<&Found>) -> Vec<Op> {
        match have {
            None => vec![Op::new(CREATE, format!("create parameter {}", want.name))],
            Some(_) => Vec::new(),
        }
    }

    fn repeats_safely(&self, _op: &str) -> bool {
        true
    }

    async fn perform(
        &self,
        cx: &Context<'_>,
        op: &Op,
        _have: Option<&Found>,
        key: &IntentKey,
    ) -> Result<Option<String>, StepError> {
        if op.name != CREATE {
            return Err(unknown_op(STEP, op));
        }
        let name = names::host_progress(cx.deployment);
        let parameter = NewParameter {
            value: NOTHING_YET.to_owned(),
            description: format!("sre-agent-deploy {}: progress of the first boot", cx.deployment),
            tags: cx.tags(STEP, key, &name),
            name: name.clone(),
        };
        cx.patience.write(STEP, true, || cx.cloud.ssm.put_parameter(parameter.clone())).await?;
        Ok(Some(name))
    }

    async fn undo_ops(&self, _cx: &Context<'_>, have: &Found) -> Result<Vec<Op>, StepError> {
        Ok(vec![Op::new("delete", format!("delete parameter {}", have.id))])
    }

    async fn undo(&self, cx: &Context<'_>, op: &Op, have: &Found) -> Result<(), CallError> {
        match op.name {
            "delete" => cx.cloud.ssm.delete_parameter(have.id.clone()).await,
            _ => Err(unknown_undo(STEP, op)),
        }
    }

    fn by_hand(&self, cx: &Context<'_>, id: &str) -> ByHand {
        ByHand {
            console: guide::page(
                cx.region,
                &format!(
                    "systems-manager/parameters/{}/description?region={}",
                    id.trim_start_matches('/').replace('/', "%252F"),
                    cx.region
                ),
            ),
            command: format!("aws ssm delete-parameter --region {} --name {id}", cx.region),
        }
    }
}
