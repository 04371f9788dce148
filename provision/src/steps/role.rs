//! The IAM roles of the instance, of the gateway and of the runtime, each with one inline policy: what `policy` says.

use async_trait::async_trait;
use cloud::CallError;
use cloud::port::iam::{AttachedPolicy, NewRole, Role, RolePolicy, RolePolicyDocument, RoleTrust};
use model::agent::CREDENTIAL_PROVIDER;
use model::config::{Config, TlsSource};
use model::plan::{FieldDiff, StepId};
use model::{DeploymentId, Finding, Severity, tags};
use serde_json::Value;

use super::{
    ByHand, CREATE, Context, Found, Op, Step, Want, bucket, fields, names, outputs, unknown_op, unknown_undo,
};
use crate::error::StepError;
use crate::guide::{self, Guide, Handmade};
use crate::key::IntentKey;
use crate::policy;

/// Whose role.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum RoleStep {
    /// The instance's.
    Instance,
    /// The gateway's.
    Gateway,
    /// The runtime's.
    Runtime,
}

impl RoleStep {
    fn step(self) -> StepId {
        match self {
            Self::Instance => StepId::Role,
            Self::Gateway => StepId::GatewayRole,
            Self::Runtime => StepId::RuntimeRole,
        }
    }

    fn name(self, deployment: &DeploymentId) -> String {
        match self {
            Self::Instance => names::instance_role(deployment),
            Self::Gateway => names::gateway_role(deployment),
            Self::Runtime => names::runtime_role(deployment),
        }
    }

    fn description(self, deployment: &DeploymentId) -> String {
        match self {
            Self::Instance => format!("sre-agent-deploy {deployment}: bedrock-nova-proxy on EC2"),
            Self::Gateway => format!("sre-agent-deploy {deployment}: AgentCore gateway"),
            Self::Runtime => format!("sre-agent-deploy {deployment}: AgentCore runtime"),
        }
    }

    /// Name of the inline policy.
    fn policy_name(self) -> &'static str {
        match self {
            Self::Instance => "bedrock-nova-proxy",
            Self::Gateway => "agentcore-gateway",
            Self::Runtime => "agentcore-runtime",
        }
    }

    /// Who may assume it; nothing where the configuration wants no such role.
    fn trust(self, cx: &Context<'_>, config: &Config) -> Option<Value> {
        match self {
            Self::Instance => Some(policy::instance_trust()),
            Self::Gateway => {
                config.gateway.as_ref().map(|gateway| policy::gateway_trust(gateway, cx.region, cx.account))
            }
            Self::Runtime => config
                .gateway
                .as_ref()?
                .runtime
                .as_ref()
                .map(|_| policy::runtime_trust(cx.region, cx.account)),
        }
    }

    fn policy(self, cx: &Context<'_>, config: &Config) -> Option<Value> {
        match self {
            Self::Instance => Some(instance_policy(cx, config)),
            Self::Gateway => {
                // Until they are made, their names are those that they will have.
                let provider = cx.known(StepId::CredentialProvider, "id");
                let parts = policy::GatewayParts {
                    bucket: bucket::of_schemas(cx),
                    provider: provider.unwrap_or_else(|| CREDENTIAL_PROVIDER.to_owned()),
                };
                let gateway = config.gateway.as_ref()?;
                Some(policy::gateway_policy(gateway, &parts, cx.region, cx.account))
            }
            Self::Runtime => policy::runtime_policy(config, cx.region, cx.account),
        }
    }

    async fn found(self, cx: &Context<'_>, role: Role) -> Result<Found, StepError> {
        let query = RolePolicy { role: role.name.clone(), policy: self.policy_name().to_owned() };
        let document = cx.patience.read(self.step(), || cx.cloud.iam.get_role_policy(query.clone())).await?;
        Ok(Found {
            outputs: outputs([("id", &role.name), ("arn", &role.arn)]),
            fields: fields([("trust", role.trust), ("policy", document.unwrap_or(Value::Null))]),
            id: role.name,
        })
    }
}

/// The policy, which names the certificate where the host has to fetch one.
fn instance_policy(cx: &Context<'_>, config: &Config) -> Value {
    // Without a name there is no certificate yet, and nothing to fetch.
    let has_certificate =
        matches!(config.tls.source, TlsSource::AcmExportable) && config.tls.domain.is_some();
    let certificate = has_certificate.then(|| {
        let known = cx.known(StepId::Certificate, "arn");
        known.unwrap_or_else(|| format!("({})", StepId::Certificate))
    });
    policy::instance_policy(config, cx.region, cx.account, certificate.as_deref())
}

#[async_trait]
impl Step for RoleStep {
    fn id(&self) -> StepId {
        self.step()
    }

    fn kind(&self) -> &'static str {
        "AWS::IAM::Role"
    }

    fn want(&self, cx: &Context<'_>, config: &Config) -> Option<Want> {
        let why = match self {
            Self::Instance if config.instance.adopt_instance_id.is_some() => return None,
            Self::Instance => {
                "lets the instance call the mapped models and be reached through Session Manager"
            }
            Self::Gateway => "lets this gateway, and no other, read its schemas and the key of the backends",
            Self::Runtime => "lets the SRE agent be fetched, call the mapped models and write its logs",
        };
        Some(Want {
            name: self.name(cx.deployment),
            fields: fields([("trust", self.trust(cx, config)?), ("policy", self.policy(cx, config)?)]),
            why: vec![why.to_owned()],
            irreversible: None,
        })
    }

    async fn find(&self, cx: &Context<'_>) -> Result<Vec<Found>, StepError> {
        let path = tags::iam_path(cx.deployment);
        let roles = cx.patience.read(self.step(), || cx.cloud.iam.list_roles(path.clone())).await?;
        // All lie under the same path.
        let whose = |role: &Role| {
            let others = [Self::Gateway, Self::Runtime];
            others.into_iter().find(|one| one.name(cx.deployment) == role.name).unwrap_or(Self::Instance)
        };
        let mut all = Vec::new();
        for role in roles.into_iter().filter(|role| whose(role) == *self) {
            all.push(self.found(cx, role).await?);
        }
        Ok(all)
    }

    async fn fetch(&self, cx: &Context<'_>, id: &str) -> Result<Option<Found>, StepError> {
        let role = cx.patience.read(self.step(), || cx.cloud.iam.get_role(id.to_owned())).await?;
        match role {
            Some(role) => Ok(Some(self.found(cx, role).await?)),
            None => Ok(None),
        }
    }

    async fn rival(&self, cx: &Context<'_>, _config: &Config) -> Result<Option<Finding>, StepError> {
        let name = self.name(cx.deployment);
        let role = cx.patience.read(self.step(), || cx.cloud.iam.get_role(name.clone())).await?;
        Ok(role.filter(|role| role.path != tags::iam_path(cx.deployment)).map(|role| {
            Finding::new(
                "SRE-PLAN-001",
                Severity::Error,
                self.step().as_str(),
                format!("an IAM role named `{}` exists and is not ours ({})", role.name, role.arn),
            )
            .evidence(role.name)
        }))
    }

    fn guide(&self, cx: &Context<'_>, want: &Want) -> Option<Guide> {
        Some(guide::role(cx, want, self.step(), &self.description(cx.deployment), self.policy_name()))
    }

    async fn made_by_hand(&self, cx: &Context<'_>) -> Result<Vec<Handmade>, StepError> {
        let name = self.name(cx.deployment);
        let role = cx.patience.read(self.step(), || cx.cloud.iam.get_role(name.clone())).await?;
        // The Console cannot put a role under our path: what is there, a call of ours made.
        let Some(role) = role.filter(|role| role.path != tags::iam_path(cx.deployment)) else {
            return Ok(Vec::new());
        };
        let tagged = cx.is_handmade(&role.tags, self.step());
        Ok(vec![Handmade { found: self.found(cx, role).await?, tagged }])
    }

    fn differences(&self, want: &Want, have: &Found) -> Vec<FieldDiff> {
        guide::differences_of_policies(want, have)
    }

    fn ops(&self, _cx: &Context<'_>, want: &Want, have: Option<&Found>) -> Vec<Op> {
        let Some(have) = have else { return vec![Op::new(CREATE, format!("create IAM role {}", want.name))] };
        let mut ops = Vec::new();
        if have.fields.get("trust") != want.fields.get("trust") {
            ops.push(Op::new("update-trust", format!("set who may assume {}", have.id)));
        }
        if have.fields.get("policy") != want.fields.get("policy") {
            ops.push(Op::new("put-policy", format!("set what {} may do", have.id)));
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
        let (iam, step) = (&cx.cloud.iam, self.step());
        let name = have.map_or_else(|| self.name(cx.deployment), |have| have.id.clone());
        let wanted = cx.config.and_then(|config| Some((self.trust(cx, config)?, self.policy(cx, config)?)));
        match (op.name, wanted) {
            (CREATE, Some((trust, _))) => {
                let role = NewRole {
                    name: name.clone(),
                    path: tags::iam_path(cx.deployment),
                    description: self.description(cx.deployment),
                    trust,
                    tags: cx.tags(step, key, &name),
                };
                cx.patience.write(step, true, || iam.create_role(role.clone())).await?;
                Ok(Some(name))
            }
            ("update-trust", Some((trust, _))) => {
                let trust = RoleTrust { role: name, trust };
                cx.patience.write(step, true, || iam.update_assume_role_policy(trust.clone())).await?;
                Ok(None)
            }
            ("put-policy", Some((_, document))) => {
                let policy =
                    RolePolicyDocument { role: name, policy: self.policy_name().to_owned(), document };
                cx.patience.write(step, true, || iam.put_role_policy(policy.clone())).await?;
                Ok(None)
            }
            _ => Err(unknown_op(step, op)),
        }
    }

    async fn undo_ops(&self, cx: &Context<'_>, have: &Found) -> Result<Vec<Op>, StepError> {
        let (iam, step) = (&cx.cloud.iam, self.step());
        let listed = |list: Result<Vec<String>, StepError>| match list {
            Err(StepError::Call(error)) if error.kind == cloud::ErrorKind::NotFound => Ok(Vec::new()),
            list => list,
        };
        // Also what somebody put onto our role by hand: it would keep the role from being deleted.
        let attached =
            listed(cx.patience.read(step, || iam.list_attached_role_policies(have.id.clone())).await)?;
        let inline = listed(cx.patience.read(step, || iam.list_role_policies(have.id.clone())).await)?;
        let detach = attached
            .iter()
            .map(|arn| Op::about("detach-policy", arn, format!("detach {arn} from {}", have.id)));
        let delete = inline
            .iter()
            .map(|name| Op::about("delete-policy", name, format!("delete policy {name} of {}", have.id)));
        let role = Op::new("delete", format!("delete IAM role {}", have.id));
        Ok(detach.chain(delete).chain([role]).collect())
    }

    async fn undo(&self, cx: &Context<'_>, op: &Op, have: &Found) -> Result<(), CallError> {
        let iam = &cx.cloud.iam;
        let role = have.id.clone();
        match (op.name, op.subject.clone()) {
            ("detach-policy", Some(policy_arn)) => {
                iam.detach_role_policy(AttachedPolicy { role, policy_arn }).await
            }
            ("delete-policy", Some(policy)) => iam.delete_role_policy(RolePolicy { role, policy }).await,
            ("delete", _) => iam.delete_role(role).await,
            _ => Err(unknown_undo(self.step(), op)),
        }
    }

    fn by_hand(&self, _cx: &Context<'_>, id: &str) -> ByHand {
        ByHand {
            console: format!("https://console.aws.amazon.com/iam/home#/roles/details/{id}"),
            command: format!(
                "aws iam delete-role-policy --role-name {id} --policy-name {}; aws iam delete-role --role-name {id}",
                self.policy_name()
            ),
        }
    }
}
