//! The instance profile: the role in the form in which EC2 takes it.

use async_trait::async_trait;
use cloud::CallError;
use cloud::port::iam::{InstanceProfile, NewInstanceProfile, ProfileRole};
use model::config::Config;
use model::plan::StepId;
use model::{Finding, Severity, tags};
use serde_json::json;

use super::{
    ByHand, CREATE, Context, Found, Op, Step, Want, fields, names, outputs, unknown_op, unknown_undo,
};
use crate::error::StepError;
use crate::guide::{self, Guide, Handmade};
use crate::key::IntentKey;

const STEP: StepId = StepId::InstanceProfile;

pub(super) struct InstanceProfileStep;

fn found(profile: InstanceProfile) -> Found {
    Found {
        fields: fields([("role", json!(profile.roles.first()))]),
        outputs: outputs([("id", &profile.name), ("arn", &profile.arn)]),
        id: profile.name,
    }
}

#[async_trait]
impl Step for InstanceProfileStep {
    fn id(&self) -> StepId {
        STEP
    }

    fn kind(&self) -> &'static str {
        "AWS::IAM::InstanceProfile"
    }

    fn want(&self, cx: &Context<'_>, config: &Config) -> Option<Want> {
        if config.instance.adopt_instance_id.is_some() {
            return None;
        }
        let role = cx.known(StepId::Role, "id").unwrap_or_else(|| names::instance_role(cx.deployment));
        Some(Want {
            name: names::instance_role(cx.deployment),
            fields: fields([("role", json!(role))]),
            why: vec!["EC2 takes a role only inside an instance profile".to_owned()],
            irreversible: None,
        })
    }

    async fn find(&self, cx: &Context<'_>) -> Result<Vec<Found>, StepError> {
        let path = tags::iam_path(cx.deployment);
        let profiles = cx.patience.read(STEP, || cx.cloud.iam.list_instance_profiles(path.clone())).await?;
        Ok(profiles.into_iter().map(found).collect())
    }

    async fn fetch(&self, cx: &Context<'_>, id: &str) -> Result<Option<Found>, StepError> {
        let profile = cx.patience.read(STEP, || cx.cloud.iam.get_instance_profile(id.to_owned())).await?;
        Ok(profile.map(found))
    }

    async fn rival(&self, cx: &Context<'_>, _config: &Config) -> Result<Option<Finding>, StepError> {
        let name = names::instance_role(cx.deployment);
        let profile = cx.patience.read(STEP, || cx.cloud.iam.get_instance_profile(name.clone())).await?;
        Ok(profile.filter(|profile| profile.path != tags::iam_path(cx.deployment)).map(|profile| {
            Finding::new(
                "SRE-PLAN-001",
                Severity::Error,
                STEP.as_str(),
                format!(
                    "an instance profile named `{}` exists and is not ours ({})",
                    profile.name, profile.arn
                ),
            )
            .evidence(profile.name)
        }))
    }

    fn guide(&self, cx: &Context<'_>, want: &Want) -> Option<Guide> {
        Some(guide::instance_profile(cx, want))
    }

    async fn made_by_hand(&self, cx: &Context<'_>) -> Result<Vec<Handmade>, StepError> {
        let name = names::instance_role(cx.deployment);
        let profile = cx.patience.read(STEP, || cx.cloud.iam.get_instance_profile(name.clone())).await?;
        let Some(profile) = profile.filter(|profile| profile.path != tags::iam_path(cx.deployment)) else {
            return Ok(Vec::new());
        };
        let mut tagged = cx.is_handmade(&profile.tags, STEP);
        if let (false, Some(role)) = (tagged, profile.roles.first()) {
            // The Console makes it with the role, and gives the tags to the role alone.
            let role = cx.patience.read(STEP, || cx.cloud.iam.get_role(role.clone())).await?;
            tagged = role.is_some_and(|role| cx.is_handmade(&role.tags, StepId::Role));
        }
        Ok(vec![Handmade { found: found(profile), tagged }])
    }

    fn ops(&self, _cx: &Context<'_>, want: &Want, have: Option<&Found>) -> Vec<Op> {
        let Some(have) = have else {
            return vec![Op::new(CREATE, format!("create instance profile {}", want.name))];
        };
        let (has, wants) = (have.fields.get("role"), want.fields.get("role"));
        if has == wants {
            return Vec::new();
        }
        let mut ops = Vec::new();
        if let Some(role) = has.and_then(|role| role.as_str()) {
            ops.push(Op::about(
                "remove-role",
                role,
                format!("take role {role} out of instance profile {}", have.id),
            ));
        }
        ops.push(Op::new("add-role", format!("put the role into instance profile {}", have.id)));
        ops
    }

    fn repeats_safely(&self, op: &str) -> bool {
        // A profile takes one role; a second call is answered LimitExceeded, also for the same role.
        op != "add-role"
    }

    async fn perform(
        &self,
        cx: &Context<'_>,
        op: &Op,
        _have: Option<&Found>,
        key: &IntentKey,
    ) -> Result<Option<String>, StepError> {
        let iam = &cx.cloud.iam;
        let name = names::instance_role(cx.deployment);
        match (op.name, op.subject.clone()) {
            (CREATE, _) => {
                let profile = NewInstanceProfile {
                    name: name.clone(),
                    path: tags::iam_path(cx.deployment),
                    tags: cx.tags(STEP, key, &name),
                };
                cx.patience.write(STEP, true, || iam.create_instance_profile(profile.clone())).await?;
                Ok(Some(name))
            }
            ("add-role", _) => {
                let pair = ProfileRole { profile: name, role: cx.needs(StepId::Role, "id")? };
                cx.patience.write(STEP, false, || iam.add_role_to_instance_profile(pair.clone())).await?;
                Ok(None)
            }
            ("remove-role", Some(role)) => {
                let pair = ProfileRole { profile: name, role };
                cx.patience.remove(STEP, || iam.remove_role_from_instance_profile(pair.clone())).await?;
                Ok(None)
            }
            _ => Err(unknown_op(STEP, op)),
        }
    }

    async fn undo_ops(&self, _cx: &Context<'_>, have: &Found) -> Result<Vec<Op>, StepError> {
        let mut ops = Vec::new();
        if let Some(role) = have.fields.get("role").and_then(|role| role.as_str()) {
            ops.push(Op::about(
                "remove-role",
                role,
                format!("take role {role} out of instance profile {}", have.id),
            ));
        }
        ops.push(Op::new("delete", format!("delete instance profile {}", have.id)));
        Ok(ops)
    }

    async fn undo(&self, cx: &Context<'_>, op: &Op, have: &Found) -> Result<(), CallError> {
        let iam = &cx.cloud.iam;
        match (op.name, op.subject.clone()) {
            ("remove-role", Some(role)) => {
                iam.remove_role_from_instance_profile(ProfileRole { profile: have.id.clone(), role }).await
            }
            ("delete", _) => iam.delete_instance_profile(have.id.clone()).await,
            _ => Err(unknown_undo(STEP, op)),
        }
    }

    fn by_hand(&self, _cx: &Context<'_>, id: &str) -> ByHand {
        ByHand {
            console: "https://console.aws.amazon.com/iam/home#/roles".to_owned(),
            command: format!(
                "aws iam remove-role-from-instance-profile --instance-profile-name {id} --role-name {id}; \
                 aws iam delete-instance-profile --instance-profile-name {id}"
            ),
        }
    }
}
