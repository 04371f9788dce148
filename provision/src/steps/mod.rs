//! The steps of a deployment, a file each: what is wanted, what is there, the calls between the two, and the way back.
//!
//! A step decides nothing about order, retries, the journal or ownership: that is the engine's. It only knows one kind
//! of resource. Its calls are named by [`Op`], so that each can be recorded before and after.

mod address;
mod address_association;
mod app_client;
mod bucket;
mod bundle;
mod certificate;
mod check;
mod credential_provider;
mod domain;
mod gateway;
mod host_installed;
mod host_progress;
mod instance;
mod instance_profile;
mod memory;
pub mod names;
mod readiness;
mod resource_server;
mod role;
mod runtime;
mod schemas;
mod security_group;
mod target;
mod user_pool;

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use cloud::{CallError, Cloud};
use model::agent::Backend;
use model::config::{Config, HostInstall};
use model::plan::{FieldDiff, Fields, Outputs, Pins, StepId};
use model::tags::{self, Tags};
use model::{AccountId, DeploymentId, Finding, Region};

use crate::bundle::Programs;
use crate::error::StepError;
use crate::guide::{self, Guide, Handmade};
use crate::journal::State;
use crate::key::IntentKey;
use crate::patience::Patience;

/// Everything a step may use.
pub struct Context<'a> {
    /// The account.
    pub cloud: &'a Cloud,
    /// The deployment.
    pub deployment: &'a DeploymentId,
    /// The Region.
    pub region: &'a Region,
    /// The account's number.
    pub account: &'a AccountId,
    /// The configuration; a cleanup may have none.
    pub config: Option<&'a Config>,
    /// Looked up once.
    pub pins: &'a Pins,
    /// What is known of the resources so far.
    pub known: &'a Known,
    /// The programs for the instance, where they are at hand.
    pub programs: Option<&'a Programs>,
    /// Waits and retries.
    pub patience: &'a Patience<'a>,
}

impl Context<'_> {
    /// The tags of a resource that a step creates.
    fn tags(&self, step: StepId, key: &IntentKey, name: &str) -> Tags {
        tags::at_creation(self.deployment, step.as_str(), key.as_str(), name)
    }

    /// Whether the tags say that this deployment made the resource in this step.
    fn owns(&self, tags: &Tags, step: StepId) -> bool {
        tags::belongs_to(tags, self.deployment)
            && !tags::made_by_hand(tags, self.deployment)
            && is_of(tags, step)
    }

    /// Whether the tags say that a person made the resource for this step, as the guide told them.
    fn is_handmade(&self, tags: &Tags, step: StepId) -> bool {
        tags::made_by_hand(tags, self.deployment) && is_of(tags, step)
    }

    /// What a person may have made: no call of ours, for this deployment or another, has left its key on it.
    fn as_handmade(&self, step: StepId, tags: &Tags, found: Found) -> Option<Handmade> {
        let tagged = self.is_handmade(tags, step);
        (!tags.contains_key(tags::KEY)).then_some(Handmade { found, tagged })
    }

    /// A value that an earlier step left, if it is known already.
    pub(crate) fn known(&self, step: StepId, output: &str) -> Option<String> {
        self.known.get(step, output)
    }

    /// Whether the instance is to install itself at its first boot. An adopted one has had its first boot.
    fn installs_by_user_data(&self, config: &Config) -> bool {
        config.host.install == HostInstall::UserData
            && config.instance.adopt_instance_id.is_none()
            // One that a person made for us was told to install our bundle.
            && (self.known(StepId::Instance, ADOPTED).is_none() || self.known(StepId::Instance, "bundle").is_some())
    }

    /// A value that an earlier step must have left.
    fn needs(&self, step: StepId, output: &str) -> Result<String, StepError> {
        self.known(step, output)
            .ok_or_else(|| StepError::Bug(format!("`{output}` of {step} is not known yet")))
    }
}

/// Whether the tags name this step, or none.
fn is_of(tags: &Tags, step: StepId) -> bool {
    tags.get(tags::STEP).is_none_or(|made_by| made_by == step.as_str())
}

/// What is known of the resources so far: the only data that steps pass on.
#[derive(Debug, Default)]
pub struct Known(Mutex<BTreeMap<StepId, Outputs>>);

impl Known {
    /// Replaces what is known of a step.
    pub fn set(&self, step: StepId, outputs: Outputs) {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(step, outputs);
    }

    /// Forgets a step.
    pub fn forget(&self, step: StepId) {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).remove(&step);
    }

    /// One value of a step.
    pub fn get(&self, step: StepId, output: &str) -> Option<String> {
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .get(&step)
            .and_then(|outputs| outputs.get(output))
            .cloned()
    }
}

/// The output that marks a resource as adopted for the steps that come after it.
pub(crate) const ADOPTED: &str = "adopted";

/// The output that says that a person made the resource for this deployment.
pub const MADE_BY: &str = "made_by";

/// A resource as the configuration wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Want {
    /// Its name.
    pub name: String,
    /// Its properties.
    pub fields: Fields,
    /// Why, for the reader of the preview.
    pub why: Vec<String>,
    /// What cannot be taken back.
    pub irreversible: Option<String>,
}

/// A resource as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What identifies it: an id, a name or an ARN, as its own service does.
    pub id: String,
    /// Its properties, under the same names as in [`Want`].
    pub fields: Fields,
    /// What later steps and the report use.
    pub outputs: Outputs,
}

/// A call that a step makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Op {
    /// Names the call within the step.
    pub name: &'static str,
    /// What it is about, where one name stands for several calls.
    pub subject: Option<String>,
    /// For people: "create security group sre-agent-prod-proxy".
    pub summary: String,
}

impl Op {
    /// A call without a subject.
    pub fn new(name: &'static str, summary: impl Into<String>) -> Self {
        Self { name, subject: None, summary: summary.into() }
    }

    /// A call about one of several things.
    pub fn about(name: &'static str, subject: &str, summary: impl Into<String>) -> Self {
        Self { name, subject: Some(subject.to_owned()), summary: summary.into() }
    }

    /// As in the journal.
    pub fn label(&self) -> String {
        self.subject
            .as_ref()
            .map_or_else(|| self.name.to_owned(), |subject| format!("{}:{subject}", self.name))
    }
}

/// The call that makes a resource.
pub const CREATE: &str = "create";

/// What a difference in a property calls for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnChange {
    /// It can be changed in place.
    Update,
    /// It needs another resource.
    Replace,
    /// It is set at creation and then left alone.
    Leave,
}

/// Where a resource is shown and how it is removed by hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ByHand {
    /// The Console page.
    pub console: String,
    /// The command.
    pub command: String,
}

/// One kind of resource.
#[async_trait]
pub trait Step: Sync {
    /// Which step.
    fn id(&self) -> StepId;

    /// The resource type in CloudFormation's spelling.
    fn kind(&self) -> &'static str;

    /// The resource as the configuration wants it; `None` where it wants none.
    fn want(&self, cx: &Context<'_>, config: &Config) -> Option<Want>;

    /// All that this deployment made of this kind, found without a journal.
    async fn find(&self, cx: &Context<'_>) -> Result<Vec<Found>, StepError>;

    /// One by its id.
    async fn fetch(&self, cx: &Context<'_>, id: &str) -> Result<Option<Found>, StepError>;

    /// What is in the way of creating the resource: somebody else's under the same name.
    async fn rival(&self, cx: &Context<'_>, config: &Config) -> Result<Option<Finding>, StepError> {
        let _ = (cx, config);
        Ok(None)
    }

    /// How a person makes the resource in the Console; none where only calls can.
    fn guide(&self, cx: &Context<'_>, want: &Want) -> Option<Guide> {
        let _ = (cx, want);
        None
    }

    /// What a person may have made for this step, by the guide's tags and by name; nothing that is ours.
    async fn made_by_hand(&self, cx: &Context<'_>) -> Result<Vec<Handmade>, StepError> {
        let _ = cx;
        Ok(Vec::new())
    }

    /// What cannot be had again once the resource is removed.
    fn lost(&self) -> Option<&'static str> {
        None
    }

    /// Where a resource that is not ours differs from what is wanted.
    fn differences(&self, want: &Want, have: &Found) -> Vec<FieldDiff> {
        model::plan::differences(&want.fields, &have.fields)
    }

    /// What a difference in a property calls for.
    fn on_change(&self, difference: &FieldDiff) -> OnChange {
        let _ = difference;
        OnChange::Update
    }

    /// The calls that bring the resource from what it is to what is wanted, in order. A resource that does not exist
    /// needs [`CREATE`] alone: the engine looks at what that made and asks again.
    fn ops(&self, cx: &Context<'_>, want: &Want, have: Option<&Found>) -> Vec<Op>;

    /// Whether the call can be made again without looking first: a second one makes no second thing and is no error.
    fn repeats_safely(&self, op: &str) -> bool;

    /// Makes a call; the id of what it made is the answer.
    async fn perform(
        &self,
        cx: &Context<'_>,
        op: &Op,
        have: Option<&Found>,
        key: &IntentKey,
    ) -> Result<Option<String>, StepError>;

    /// Waits until the resource can be used.
    async fn settle(&self, cx: &Context<'_>, found: Found) -> Result<Found, StepError> {
        let _ = cx;
        Ok(found)
    }

    /// Waits for what a check looks for; for steps that only look.
    async fn wait(&self, cx: &Context<'_>) -> Result<Found, StepError> {
        let _ = cx;
        Err(StepError::Bug(format!("{} makes something, and is no check", self.id())))
    }

    /// What should be said about a resource that is as wanted.
    fn remarks(&self, cx: &Context<'_>, found: &Found) -> Vec<Finding> {
        let _ = (cx, found);
        Vec::new()
    }

    /// The calls that remove the resource, in order.
    async fn undo_ops(&self, cx: &Context<'_>, have: &Found) -> Result<Vec<Op>, StepError>;

    /// Makes a removing call. `NotFound` is for the engine to count as done.
    async fn undo(&self, cx: &Context<'_>, op: &Op, have: &Found) -> Result<(), CallError>;

    /// Where the resource is shown and how it is removed by hand.
    fn by_hand(&self, cx: &Context<'_>, id: &str) -> ByHand;
}

/// The step of that id.
pub fn step(id: StepId) -> &'static dyn Step {
    match id {
        StepId::SecurityGroup => &security_group::SecurityGroupStep,
        StepId::Role => &role::RoleStep::Instance,
        StepId::InstanceProfile => &instance_profile::InstanceProfileStep,
        StepId::UserPool => &user_pool::UserPoolStep,
        StepId::ResourceServer => &resource_server::ResourceServerStep,
        StepId::AppClient => &app_client::AppClientStep,
        StepId::Domain => &domain::DomainStep,
        StepId::Certificate => &certificate::CertificateStep,
        StepId::Address => &address::AddressStep,
        StepId::Bucket => &bucket::BucketStep::Bundle,
        StepId::Bundle => &bundle::BundleStep,
        StepId::HostProgress => &host_progress::HostProgressStep,
        StepId::Instance => &instance::InstanceStep,
        StepId::AddressAssociation => &address_association::AddressAssociationStep,
        StepId::Readiness => &readiness::ReadinessStep,
        StepId::HostInstalled => &host_installed::HostInstalledStep,
        StepId::SchemaBucket => &bucket::BucketStep::Schemas,
        StepId::Schemas => &schemas::SchemasStep,
        StepId::CredentialProvider => &credential_provider::CredentialProviderStep,
        StepId::GatewayRole => &role::RoleStep::Gateway,
        StepId::Gateway => &gateway::GatewayStep,
        StepId::TargetK8s => &target::TargetStep(Backend::K8s),
        StepId::TargetLogs => &target::TargetStep(Backend::Logs),
        StepId::TargetMetrics => &target::TargetStep(Backend::Metrics),
        StepId::TargetRunbooks => &target::TargetStep(Backend::Runbooks),
        StepId::Memory => &memory::MemoryStep,
        StepId::RuntimeRole => &role::RoleStep::Runtime,
        StepId::Runtime => &runtime::RuntimeStep,
    }
}

/// The steps whose resource has to be found before this one's can be looked for: it is found inside, or through, it.
pub fn looked_for_through(id: StepId) -> &'static [StepId] {
    match id {
        StepId::ResourceServer | StepId::AppClient | StepId::Domain => &[StepId::UserPool],
        StepId::AddressAssociation => &[StepId::Address],
        StepId::Readiness | StepId::HostInstalled => &[StepId::Instance],
        StepId::Bundle => &[StepId::Bucket, StepId::UserPool, StepId::AppClient, StepId::Certificate],
        StepId::Schemas => &[StepId::SchemaBucket],
        StepId::TargetK8s | StepId::TargetLogs | StepId::TargetMetrics | StepId::TargetRunbooks => {
            &[StepId::Gateway]
        }
        StepId::SecurityGroup
        | StepId::Role
        | StepId::InstanceProfile
        | StepId::UserPool
        | StepId::Certificate
        | StepId::Address
        | StepId::Bucket
        | StepId::HostProgress
        | StepId::SchemaBucket
        | StepId::CredentialProvider
        | StepId::GatewayRole
        | StepId::Gateway
        | StepId::Memory
        | StepId::RuntimeRole
        | StepId::Runtime
        | StepId::Instance => &[],
    }
}

/// Whether there is a reason to look for what a step made: who wants no gateway and never had one needs no rights to look
/// for it, nor a Region that has the service. The same holds for what only some have beside their gateway.
pub fn is_worth_a_look(id: StepId, config: Option<&Config>, state: Option<&State>) -> bool {
    let wants = config.is_some_and(|config| id.is_wanted_by(config));
    let is_extra = matches!(id, StepId::Memory | StepId::RuntimeRole | StepId::Runtime);
    match state {
        _ if wants || !id.is_of_gateway() => true,
        Some(state) if is_extra => state.steps.contains_key(&id),
        Some(state) => state.steps.keys().any(|step| step.is_of_gateway()),
        // Nothing says what there was.
        None => config.is_none(),
    }
}

/// The steps whose resource can only go once this one's is gone. A policy that names something does not hold it; a gateway
/// that stays, because somebody else has targets in it, holds what they may use.
pub fn removed_after(id: StepId) -> &'static [StepId] {
    match id {
        StepId::Role | StepId::GatewayRole | StepId::RuntimeRole => &[],
        StepId::Gateway => &[
            StepId::GatewayRole,
            StepId::UserPool,
            StepId::AppClient,
            StepId::Domain,
            StepId::CredentialProvider,
            StepId::SchemaBucket,
            StepId::Schemas,
            StepId::SecurityGroup,
        ],
        id => id.dependencies(),
    }
}

/// Whether AgentCore is still at it. Nothing else comes into being so slowly that somebody else's has to be waited for.
pub(crate) fn is_on_its_way(found: &Found) -> bool {
    let status = found.fields.get("status").and_then(serde_json::Value::as_str);
    status.is_some_and(|status| matches!(status, "CREATING" | "UPDATING" | "SYNCHRONIZING"))
}

/// The Console's page of an instance.
fn instance_page(region: &Region, id: &str) -> String {
    guide::page(region, &format!("ec2/home?region={region}#InstanceDetails:instanceId={id}"))
}

/// Fields or outputs from pairs.
fn fields<const N: usize>(pairs: [(&str, serde_json::Value); N]) -> Fields {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Outputs from pairs.
fn outputs<const N: usize>(pairs: [(&str, &str); N]) -> Outputs {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// An operation that the step does not know: a bug, not an input.
fn unknown_op(step: StepId, op: &Op) -> StepError {
    StepError::Bug(format!("{step} has no call `{}`", op.name))
}

/// The same for the way back, where errors are the call's.
fn unknown_undo(step: StepId, op: &Op) -> CallError {
    CallError::new(
        "sre-agent-deploy",
        op.name,
        cloud::ErrorKind::Unsupported,
        format!("{step} has no such call"),
    )
}
