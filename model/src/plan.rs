//! What a run is going to do, step by step, and why.
//!
//! The preview, the progress display, the journal, the report and drift detection are all views of these values, so
//! they cannot disagree.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::agent::Backend;
use crate::config::{Config, Mode};
use crate::{AccountId, DeploymentId, Finding, Region};

/// Version of the plan's JSON form. A field may be added without raising it.
pub const PLAN_SCHEMA_VERSION: u32 = 1;

macro_rules! steps {
    ($( $(#[$doc:meta])* $name:ident $text:literal $title:literal [$($dep:ident),*]; )+) => {
        /// A unit of work: the smallest thing worth undoing on its own. In an order that respects dependencies.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum StepId {
            $( $(#[$doc])* #[serde(rename = $text)] $name, )+
        }

        impl StepId {
            /// All steps, each after those it depends on.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The stable name, as in the journal, tags and `--adopt`.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }

            /// What an operator calls it.
            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title),+ }
            }

            /// The steps whose results this one uses.
            pub fn dependencies(self) -> &'static [Self] {
                match self { $(Self::$name => &[$(Self::$dep),*]),+ }
            }
        }
    };
}

steps! {
    /// The ports of the instance.
    SecurityGroup "ec2.security-group" "Security group" [];
    /// The exportable certificate, where one is wanted.
    Certificate "acm.certificate" "ACM certificate" [];
    /// What the instance may do. It names the certificate.
    Role "iam.role" "IAM role" [Certificate];
    /// The role in the form EC2 takes it.
    InstanceProfile "iam.instance-profile" "Instance profile" [Role];
    /// Who issues tokens.
    UserPool "cognito.user-pool" "Cognito user pool" [];
    /// The scopes.
    ResourceServer "cognito.resource-server" "Cognito resource server" [UserPool];
    /// The machine client.
    AppClient "cognito.app-client" "Cognito app client" [UserPool, ResourceServer];
    /// Where tokens are fetched. After the client: Cognito allows few calls a second on one pool.
    Domain "cognito.domain" "Cognito domain" [UserPool, AppClient];
    /// Where the gateway reads the schemas of the backends.
    SchemaBucket "gateway.bucket" "Schema bucket" [];
    /// The OpenAPI schemas of the backends.
    Schemas "gateway.schemas" "OpenAPI schemas" [SchemaBucket];
    /// What gives the gateway the key of the backends.
    CredentialProvider "gateway.credential-provider" "Credential provider" [];
    /// What the gateway may do. It names the schemas and the provider.
    GatewayRole "gateway.role" "Gateway role" [SchemaBucket, CredentialProvider];
    /// Where agents find the tools.
    Gateway "gateway.gateway" "AgentCore gateway" [GatewayRole, UserPool, AppClient];
    /// The tools about Kubernetes.
    TargetK8s "gateway.target-k8s" "Kubernetes target" [SecurityGroup, Schemas, CredentialProvider, Gateway];
    /// The tools about logs.
    TargetLogs "gateway.target-logs" "Logs target" [SecurityGroup, Schemas, CredentialProvider, Gateway];
    /// The tools about metrics.
    TargetMetrics "gateway.target-metrics" "Metrics target" [SecurityGroup, Schemas, CredentialProvider, Gateway];
    /// The tools about runbooks.
    TargetRunbooks "gateway.target-runbooks" "Runbooks target" [SecurityGroup, Schemas, CredentialProvider, Gateway];
    /// What the agent remembers.
    Memory "gateway.memory" "Agent memory" [];
    /// What the agent's runtime may do.
    RuntimeRole "gateway.runtime-role" "Runtime role" [];
    /// Where the agent runs without an instance.
    Runtime "gateway.runtime" "Agent runtime" [RuntimeRole, Gateway, Memory];
    /// The fixed address.
    Address "ec2.address" "Elastic IP address" [];
    /// Where the instance fetches the proxy from.
    Bucket "s3.bucket" "S3 bucket" [];
    /// What the instance is made from. It names the issuer, the client and the certificate.
    Bundle "s3.bundle" "Bundle for the instance" [Bucket, UserPool, AppClient, Certificate];
    /// Where the instance says how far its first boot is.
    HostProgress "ssm.host-progress" "Progress parameter" [];
    /// The machine.
    Instance "ec2.instance" "EC2 instance" [SecurityGroup, InstanceProfile, Bundle, HostProgress];
    /// The fixed address on the machine.
    AddressAssociation "ec2.address-association" "Address on instance" [Address, Instance];
    /// Whether the machine came up.
    Readiness "ec2.readiness" "Instance status checks" [Instance, AddressAssociation];
    /// Whether the proxy was installed at the first boot.
    HostInstalled "host.installed" "Proxy on the instance" [Instance, AddressAssociation];
}

impl StepId {
    /// Whether it only looks: it makes nothing, and there is nothing to adopt or to remove.
    pub fn is_check(self) -> bool {
        matches!(self, Self::Readiness | Self::HostInstalled)
    }

    /// Whether something else than what we made can take its place (`--adopt`). The host's own steps find their things
    /// by names that follow from the deployment.
    pub fn can_adopt(self) -> bool {
        !self.is_check() && !matches!(self, Self::Bucket | Self::Bundle | Self::HostProgress | Self::Schemas)
    }

    /// Whether a person can make its resource in the Console instead (`--guided`).
    pub fn can_be_guided(self) -> bool {
        // Nobody has written down yet how a person makes these.
        self.can_adopt() && !matches!(self, Self::Memory | Self::RuntimeRole | Self::Runtime)
    }

    /// Whether it is a part of the AgentCore gateway, which not every deployment has.
    pub fn is_of_gateway(self) -> bool {
        matches!(
            self,
            Self::SchemaBucket
                | Self::Schemas
                | Self::CredentialProvider
                | Self::GatewayRole
                | Self::Gateway
                | Self::Memory
                | Self::RuntimeRole
                | Self::Runtime
        ) || self.backend().is_some()
    }

    /// Whether a configuration has what it is for. Without a gateway, a memory or a runtime nobody needs the rights to look
    /// for one, nor a Region that has it.
    pub fn is_wanted_by(self, config: &Config) -> bool {
        let gateway = config.gateway.as_ref();
        match self {
            Self::Memory => gateway.is_some_and(|gateway| gateway.memory_days.is_some()),
            Self::RuntimeRole | Self::Runtime => gateway.is_some_and(|gateway| gateway.runtime.is_some()),
            step => gateway.is_some() || !step.is_of_gateway(),
        }
    }

    /// The backend whose target it makes.
    pub fn backend(self) -> Option<Backend> {
        Backend::ALL.into_iter().find(|backend| Self::of_target(*backend) == self)
    }

    /// The step that makes a backend's target.
    pub fn of_target(backend: Backend) -> Self {
        match backend {
            Backend::K8s => Self::TargetK8s,
            Backend::Logs => Self::TargetLogs,
            Backend::Metrics => Self::TargetMetrics,
            Backend::Runbooks => Self::TargetRunbooks,
        }
    }

    /// The step of that stable name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|step| step.as_str() == text)
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Properties of a resource by name, as wanted or as found.
pub type Fields = BTreeMap<String, Value>;

/// What is known of a resource once it exists: `id`, `arn`, `public_ip`, ... Nothing secret.
pub type Outputs = BTreeMap<String, String>;

/// A run's whole intention. A pure function of the configuration and of what was observed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// [`PLAN_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The deployment.
    pub deployment_id: DeploymentId,
    /// The account it is for; a plan is never carried out in another.
    pub account_id: AccountId,
    /// The Region it is for.
    pub region: Region,
    /// How strictly it was judged.
    pub mode: Mode,
    /// SHA-256 of the resolved configuration, lower-case hex.
    pub config_digest: String,
    /// What was looked up once and stays so.
    pub pins: Pins,
    /// In an order that respects dependencies.
    pub steps: Vec<PlannedStep>,
    /// What the preflight has to say.
    pub findings: Vec<Finding>,
}

/// Values looked up once and pinned, so that a later "latest" does not replace anything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pins {
    /// The VPC.
    pub vpc_id: String,
    /// Its blocks: "inside the VPC" for the backend ports.
    pub vpc_cidrs: Vec<String>,
    /// The subnet.
    pub subnet_id: String,
    /// The subnet's zone.
    pub availability_zone: String,
    /// The machine image.
    pub image_id: String,
    /// The image's root device, such as `/dev/xvda`.
    pub root_device_name: String,
}

/// One step of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedStep {
    /// The step.
    pub id: StepId,
    /// The resource type in CloudFormation's spelling: `AWS::EC2::SecurityGroup`.
    pub kind: String,
    /// The resource's name.
    pub name: String,
    /// Steps that come first.
    pub dependencies: Vec<StepId>,
    /// What is done.
    pub change: Change,
    /// Who makes it, where it is to be made.
    #[serde(default, skip_serializing_if = "Way::is_automatic")]
    pub way: Way,
    /// Why, for the reader of the preview.
    pub why: Vec<String>,
    /// The wanted properties.
    pub fields: Fields,
    /// What cannot be taken back, if anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub irreversible: Option<String>,
}

/// Who makes a resource.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// This program, by calls.
    #[default]
    Automatic,
    /// A person in the Console, guided by this program.
    Guided,
}

impl Way {
    /// Whether this program makes it.
    pub fn is_automatic(&self) -> bool {
        *self == Self::Automatic
    }
}

/// What is done to a resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case")]
pub enum Change {
    /// It does not exist.
    Create,
    /// It exists, is somebody else's, and is used as it is.
    Adopt {
        /// Its id.
        found: String,
    },
    /// It is ours and differs in what can be changed in place.
    Update {
        /// Its id.
        found: String,
        /// Where it differs.
        diffs: Vec<FieldDiff>,
    },
    /// It is ours and differs in what cannot be changed in place.
    Replace {
        /// Its id.
        found: String,
        /// Where it differs.
        diffs: Vec<FieldDiff>,
    },
    /// It is ours and as wanted.
    Keep {
        /// Its id.
        found: String,
    },
    /// Nothing is changed: it is looked at until it is as wanted.
    Check,
    /// It is ours and no longer wanted.
    Delete {
        /// Its id.
        found: String,
    },
}

impl Change {
    /// One lower-case word.
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Adopt { .. } => "adopt",
            Self::Update { .. } => "update",
            Self::Replace { .. } => "replace",
            Self::Keep { .. } => "keep",
            Self::Check => "check",
            Self::Delete { .. } => "delete",
        }
    }

    /// Whether the account differs afterwards.
    pub fn is_pending(&self) -> bool {
        !matches!(self, Self::Keep { .. } | Self::Adopt { .. } | Self::Check)
    }

    /// Whether something that exists is destroyed.
    pub fn destroys(&self) -> bool {
        matches!(self, Self::Replace { .. } | Self::Delete { .. })
    }

    /// Where the resource differs from what is wanted.
    pub fn diffs(&self) -> &[FieldDiff] {
        match self {
            Self::Update { diffs, .. } | Self::Replace { diffs, .. } => diffs,
            _ => &[],
        }
    }
}

/// A property that is not as wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldDiff {
    /// Its name.
    pub field: String,
    /// As wanted.
    pub want: Value,
    /// As found.
    pub have: Value,
}

impl Plan {
    /// The steps that change the account.
    pub fn pending(&self) -> impl Iterator<Item = &PlannedStep> {
        self.steps.iter().filter(|step| step.change.is_pending())
    }

    /// The steps whose resource a person makes.
    pub fn guided(&self) -> impl Iterator<Item = &PlannedStep> {
        self.steps.iter().filter(|step| step.way == Way::Guided)
    }

    /// The steps that destroy something, which production confirms by typing the deployment id.
    pub fn destructive(&self) -> impl Iterator<Item = &PlannedStep> {
        self.steps.iter().filter(|step| step.change.destroys())
    }

    /// The step of that id, if the plan has it.
    pub fn step(&self, id: StepId) -> Option<&PlannedStep> {
        self.steps.iter().find(|step| step.id == id)
    }
}

/// Where `have` differs from `want`; properties that are only in `have` are not ours to judge.
pub fn differences(want: &Fields, have: &Fields) -> Vec<FieldDiff> {
    want.iter()
        .filter_map(|(field, want)| {
            let have = have.get(field).unwrap_or(&Value::Null);
            (want != have).then(|| FieldDiff { field: field.clone(), want: want.clone(), have: have.clone() })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_comes_after_what_it_depends_on() {
        for (index, step) in StepId::ALL.iter().enumerate() {
            for dependency in step.dependencies() {
                let place = StepId::ALL.iter().position(|other| other == dependency).unwrap();
                assert!(place < index, "{step} comes before {dependency}");
            }
            assert_eq!(StepId::parse(step.as_str()), Some(*step));
        }
    }
}
