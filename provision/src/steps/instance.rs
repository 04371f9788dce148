//! The EC2 instance: IMDSv2 only, encrypted root volume, image pinned in the plan.

use async_trait::async_trait;
use cloud::CallError;
use cloud::port::ec2::{
    Instance, InstanceGroups, InstanceQuery, InstanceState, MetadataOptions, NewInstance,
    TerminationProtection, VolumeSize,
};
use model::config::{Config, Mode};
use model::plan::{FieldDiff, StepId};
use model::{Finding, Severity, tags};
use serde_json::{Value, json};

use super::{
    ByHand, CREATE, Context, Found, OnChange, Op, Step, Want, fields, names, outputs, unknown_op,
    unknown_undo,
};
use crate::error::StepError;
use crate::guide::{self, Guide, Handmade, Launch};
use crate::key::IntentKey;
use crate::user_data::{self, FirstBoot};

const STEP: StepId = StepId::Instance;

/// The proxy runs on the host itself; containers, which would need 2, have no business with the metadata service.
const HOP_LIMIT: u32 = 1;

/// Key of the tag that holds the digest of the bundle that the instance was told to install.
const BUNDLE: &str = "sre-agent-deploy:bundle";

/// The script of the first boot.
fn script(cx: &Context<'_>, digest: &str) -> Result<String, StepError> {
    Ok(user_data::script(&FirstBoot {
        deployment: cx.deployment,
        region: cx.region,
        account: cx.account,
        bucket: &cx.needs(StepId::Bucket, "id")?,
        digest,
        parameter: &cx.needs(StepId::HostProgress, "id")?,
        endpoints: None,
    }))
}

pub(super) struct InstanceStep;

impl InstanceStep {
    async fn describe(&self, cx: &Context<'_>, query: InstanceQuery) -> Result<Vec<Instance>, StepError> {
        cx.patience.read(STEP, || cx.cloud.ec2.describe_instances(query.clone())).await
    }

    async fn found(&self, cx: &Context<'_>, instance: Instance) -> Result<Found, StepError> {
        let ec2 = &cx.cloud.ec2;
        let id = instance.id.clone();
        let volume = async {
            match &instance.root_volume_id {
                Some(volume) => cx.patience.read(STEP, || ec2.describe_volume(volume.clone())).await,
                None => Ok(None),
            }
        };
        let protected = cx.patience.read(STEP, || ec2.describe_termination_protection(id.clone()));
        let (protected, volume) = futures::join!(protected, volume);
        let (protected, volume) = (protected?, volume?);
        let mut outputs =
            outputs([("id", &id), ("image", &instance.image_id), ("subnet", &instance.subnet_id)]);
        for (name, value) in [("public_ip", &instance.public_ip), ("private_ip", &instance.private_ip)] {
            outputs.extend(value.as_ref().map(|value| (name.to_owned(), value.clone())));
        }
        // What another deployment had it install is no concern of ours.
        let bundle = instance.tags.get(BUNDLE).filter(|_| tags::belongs_to(&instance.tags, cx.deployment));
        outputs.extend(bundle.map(|digest| ("bundle".to_owned(), digest.clone())));
        outputs.extend(volume.as_ref().map(|volume| ("root_volume".to_owned(), volume.id.clone())));
        let profile =
            instance.profile_arn.as_deref().and_then(|arn| arn.rsplit_once('/')).map(|(_, name)| name);
        Ok(Found {
            fields: fields([
                ("type", json!(instance.instance_type)),
                ("subnet", json!(instance.subnet_id)),
                ("security_groups", json!(instance.group_ids)),
                ("instance_profile", json!(profile)),
                ("volume_gb", json!(volume.as_ref().map(|volume| volume.size_gb))),
                ("volume_encrypted", json!(volume.map(|volume| volume.encrypted))),
                ("image", json!(instance.image_id)),
                ("termination_protection", json!(protected)),
                ("imds_tokens_required", json!(instance.imds_tokens_required)),
                ("imds_hop_limit", json!(instance.imds_hop_limit)),
                ("state", json!(instance.state)),
                ("bundle", json!(bundle)),
            ]),
            outputs,
            id,
        })
    }
}

/// The group of the deployment: its id once known, the step's name until then.
fn group(cx: &Context<'_>) -> String {
    cx.known(StepId::SecurityGroup, "id").unwrap_or_else(|| format!("({})", StepId::SecurityGroup))
}

fn differs(want: &Want, have: &Found, names: &[&str]) -> bool {
    names.iter().any(|name| want.fields.get(*name) != have.fields.get(*name))
}

fn state(found: &Found) -> Option<InstanceState> {
    found.fields.get("state").and_then(|state| serde_json::from_value(state.clone()).ok())
}

#[async_trait]
impl Step for InstanceStep {
    fn id(&self) -> StepId {
        STEP
    }

    fn kind(&self) -> &'static str {
        "AWS::EC2::Instance"
    }

    fn want(&self, cx: &Context<'_>, config: &Config) -> Option<Want> {
        let profile =
            cx.known(StepId::InstanceProfile, "id").unwrap_or_else(|| names::instance_role(cx.deployment));
        let mut why = vec![
            format!("image {} is pinned, so a new release of it replaces nothing", cx.pins.image_id),
            "IMDSv2 is required with a hop limit of 1; the root volume is encrypted".to_owned(),
        ];
        if config.mode == Mode::Production {
            why.push("termination protection is on in production; cleanup switches it off itself".to_owned());
        }
        let bundle = cx
            .installs_by_user_data(config)
            .then(|| cx.known(StepId::Bundle, "digest").unwrap_or_else(|| format!("({})", StepId::Bundle)));
        if bundle.is_some() {
            why.push("it installs the proxy at its first boot, by the script in its user data".to_owned());
        }
        Some(Want {
            name: names::instance(cx.deployment),
            fields: fields([
                ("type", json!(config.instance.instance_type)),
                ("subnet", json!(cx.pins.subnet_id)),
                ("security_groups", json!([group(cx)])),
                ("instance_profile", json!(profile)),
                ("volume_gb", json!(config.instance.volume_gb)),
                ("termination_protection", json!(config.mode == Mode::Production)),
                ("imds_tokens_required", json!(true)),
                ("imds_hop_limit", json!(HOP_LIMIT)),
                ("bundle", json!(bundle)),
            ]),
            why,
            irreversible: None,
        })
    }

    async fn find(&self, cx: &Context<'_>) -> Result<Vec<Found>, StepError> {
        let mut ours = Vec::new();
        for instance in self.describe(cx, InstanceQuery::Deployment(cx.deployment.to_string())).await? {
            if instance.state != InstanceState::Terminated && cx.owns(&instance.tags, STEP) {
                ours.push(self.found(cx, instance).await?);
            }
        }
        Ok(ours)
    }

    async fn fetch(&self, cx: &Context<'_>, id: &str) -> Result<Option<Found>, StepError> {
        let instance = self.describe(cx, InstanceQuery::Id(id.to_owned())).await?.into_iter().next();
        match instance.filter(|instance| instance.state != InstanceState::Terminated) {
            Some(instance) => Ok(Some(self.found(cx, instance).await?)),
            None => Ok(None),
        }
    }

    fn guide(&self, cx: &Context<'_>, want: &Want) -> Option<Guide> {
        let digest = want.fields.get("bundle").and_then(Value::as_str);
        let launch = Launch {
            user_data: digest.and_then(|digest| script(cx, digest).ok()),
            bundle: digest.map(|digest| (BUNDLE, digest.to_owned())),
        };
        Some(guide::instance(cx, want, launch))
    }

    async fn made_by_hand(&self, cx: &Context<'_>) -> Result<Vec<Handmade>, StepError> {
        let mut all = Vec::new();
        for instance in self.describe(cx, InstanceQuery::Deployment(cx.deployment.to_string())).await? {
            let is_ending = matches!(instance.state, InstanceState::Terminated | InstanceState::ShuttingDown);
            if !is_ending && cx.is_handmade(&instance.tags, STEP) {
                all.push(Handmade { found: self.found(cx, instance).await?, tagged: true });
            }
        }
        Ok(all)
    }

    fn on_change(&self, difference: &FieldDiff) -> OnChange {
        match difference.field.as_str() {
            // A changed profile may take an hour to arrive; a new instance has it at once.
            "type" | "subnet" | "instance_profile" => OnChange::Replace,
            // User data is run at the first boot and never again; what is installed is upgraded on the host.
            "bundle" => OnChange::Leave,
            // Volumes grow in place and never shrink.
            "volume_gb" if difference.want.as_u64() < difference.have.as_u64() => OnChange::Leave,
            _ => OnChange::Update,
        }
    }

    fn ops(&self, _cx: &Context<'_>, want: &Want, have: Option<&Found>) -> Vec<Op> {
        let Some(have) = have else {
            return vec![Op::new(CREATE, format!("start EC2 instance {}", want.name))];
        };
        let mut ops = Vec::new();
        if differs(want, have, &["security_groups"]) {
            ops.push(Op::new("set-groups", format!("set the security groups of {}", have.id)));
        }
        if differs(want, have, &["imds_tokens_required", "imds_hop_limit"]) {
            ops.push(Op::new("set-metadata", format!("require IMDSv2 on {}", have.id)));
        }
        let size = |fields: &model::plan::Fields| fields.get("volume_gb").and_then(Value::as_u64);
        if size(&want.fields) > size(&have.fields) && have.outputs.contains_key("root_volume") {
            ops.push(Op::new("grow-volume", format!("grow the root volume of {}", have.id)));
        }
        if differs(want, have, &["termination_protection"]) {
            ops.push(Op::new("set-protection", format!("set the termination protection of {}", have.id)));
        }
        ops
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
        let ec2 = &cx.cloud.ec2;
        let Some(config) = cx.config else { return Err(unknown_op(STEP, op)) };
        let protected = config.mode == Mode::Production;
        match (op.name, have) {
            (CREATE, _) => {
                let name = names::instance(cx.deployment);
                let mut tags = cx.tags(STEP, key, &name);
                let mut user_data = None;
                if cx.installs_by_user_data(config) {
                    let digest = cx.needs(StepId::Bundle, "digest")?;
                    user_data = Some(script(cx, &digest)?);
                    tags.insert(BUNDLE.to_owned(), digest);
                }
                let instance = NewInstance {
                    image_id: cx.pins.image_id.clone(),
                    instance_type: config.instance.instance_type.to_string(),
                    subnet_id: cx.pins.subnet_id.clone(),
                    group_ids: vec![cx.needs(StepId::SecurityGroup, "id")?],
                    profile_name: cx.needs(StepId::InstanceProfile, "id")?,
                    root_device_name: cx.pins.root_device_name.clone(),
                    volume_gb: config.instance.volume_gb,
                    termination_protection: protected,
                    client_token: key.as_str().to_owned(),
                    user_data,
                    tags,
                };
                let id = cx.patience.write(STEP, true, || ec2.run_instance(instance.clone())).await?;
                return Ok(Some(id));
            }
            ("set-groups", Some(have)) => {
                let groups = InstanceGroups {
                    instance_id: have.id.clone(),
                    group_ids: vec![cx.needs(StepId::SecurityGroup, "id")?],
                };
                cx.patience.write(STEP, true, || ec2.set_instance_groups(groups.clone())).await?;
            }
            ("set-metadata", Some(have)) => {
                let options = MetadataOptions {
                    instance_id: have.id.clone(),
                    tokens_required: true,
                    hop_limit: HOP_LIMIT,
                };
                cx.patience.write(STEP, true, || ec2.modify_metadata_options(options.clone())).await?;
            }
            ("grow-volume", Some(have)) => {
                let volume_id =
                    have.outputs.get("root_volume").cloned().ok_or_else(|| unknown_op(STEP, op))?;
                let size = VolumeSize { volume_id, size_gb: config.instance.volume_gb };
                cx.patience.write(STEP, true, || ec2.modify_volume(size.clone())).await?;
            }
            ("set-protection", Some(have)) => {
                let protection = TerminationProtection { instance_id: have.id.clone(), enabled: protected };
                cx.patience.write(STEP, true, || ec2.set_termination_protection(protection.clone())).await?;
            }
            _ => return Err(unknown_op(STEP, op)),
        }
        Ok(None)
    }

    async fn settle(&self, cx: &Context<'_>, found: Found) -> Result<Found, StepError> {
        let verdict = |found: Found| match state(&found) {
            Some(InstanceState::Running) => Ok(Some(found)),
            Some(InstanceState::Pending) | None => Ok(None),
            Some(_) => Err(StepError::Blocked(Box::new(
                Finding::new(
                    "SRE-PLAN-013",
                    Severity::Error,
                    STEP.as_str(),
                    format!("instance {} is not running", found.id),
                )
                .hint(format!(
                    "start it: aws ec2 start-instances --region {} --instance-ids {}",
                    cx.region, found.id
                )),
            ))),
        };
        if let Some(found) = verdict(found.clone())? {
            return Ok(found);
        }
        cx.patience
            .until(STEP, "waiting for the instance to run", cx.patience.limits.instance, || async {
                self.fetch(cx, &found.id).await?.map_or(Ok(None), verdict)
            })
            .await
    }

    async fn undo_ops(&self, _cx: &Context<'_>, have: &Found) -> Result<Vec<Op>, StepError> {
        let mut ops = Vec::new();
        if have.fields.get("termination_protection") == Some(&json!(true)) {
            ops.push(Op::new("unprotect", format!("switch off termination protection of {}", have.id)));
        }
        if state(have) != Some(InstanceState::ShuttingDown) {
            ops.push(Op::new("terminate", format!("terminate EC2 instance {}", have.id)));
        }
        Ok(ops)
    }

    async fn undo(&self, cx: &Context<'_>, op: &Op, have: &Found) -> Result<(), CallError> {
        let ec2 = &cx.cloud.ec2;
        match op.name {
            "unprotect" => {
                let protection = TerminationProtection { instance_id: have.id.clone(), enabled: false };
                ec2.set_termination_protection(protection).await
            }
            "terminate" => ec2.terminate_instance(have.id.clone()).await,
            _ => Err(unknown_undo(STEP, op)),
        }
    }

    fn by_hand(&self, cx: &Context<'_>, id: &str) -> ByHand {
        ByHand {
            console: super::instance_page(cx.region, id),
            command: format!("aws ec2 terminate-instances --region {} --instance-ids {id}", cx.region),
        }
    }
}
