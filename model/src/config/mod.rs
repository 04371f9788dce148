//! The configuration of a deployment, valid by construction.
//!
//! [`Config`] is what the rest of the program works with: every value has been parsed, defaulted and checked against
//! the others. [`load`] makes one from a file, the environment and flags, and reports every problem in them at once;
//! [`render`] shows the problems with marked excerpts.

#[cfg(any(test, feature = "arbitrary"))]
pub mod arbitrary;
mod defaults;
mod digest;
mod fields;
mod host_name;
pub mod instance_size;
mod keys;
mod layers;
mod load;
mod model_id;
mod parse;
mod reference;
mod resolved;
mod result;
mod schema;
mod template;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::BTreeMap;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::bedrock;
use crate::document::{codes, node, problem, secret_names, suggest, yaml};
use crate::host::ExternalAccount;
use crate::ids::{
    AccountId, AmiId, DeploymentId, DomainPrefix, InstanceId, InstanceType, Region, SubnetId, UserPoolId,
    VpcId,
};

pub use crate::document::{Origin, Problem, RenderStyle, SourceText, Span, codes::CODES, render};
pub use defaults::VERSION;
pub use fields::Setting;
pub use keys::{COMMAND_LINE_VARIABLES, Fallback, KEYS, Key, Kind, VARIABLE_PREFIX};
pub use load::{Inputs, Loaded, load};
pub use model_id::{is_alias as is_model_alias, parse as parse_model, retired as retired_model};
pub use reference::reference;
pub use result::ValidationResult;
pub use schema::schema;
pub use template::{Discovered, template};

/// Everything that a deployment is made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// What names, tags and cleanup hang on, and how strictly the rest is judged.
    pub deployment: Deployment,
    /// How strictly risky settings are judged.
    pub mode: Mode,
    /// Which account and Region.
    pub aws: Aws,
    /// Where the instance stands and who reaches it.
    pub network: Network,
    /// The machine.
    pub instance: Instance,
    /// Who issues tokens.
    pub cognito: Cognito,
    /// The certificate that clients see.
    pub tls: Tls,
    /// How the proxy gets onto the machine.
    pub host: Host,
    /// What the proxy serves.
    pub proxy: Proxy,
    /// The AgentCore gateway, where wanted.
    pub gateway: Option<Gateway>,
}

/// `deployment:`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment {
    /// `deployment.id`
    pub id: DeploymentId,
    /// `deployment.environment`
    pub environment: Environment,
}

/// `deployment.environment`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    /// For the people who build.
    Dev,
    /// For the people who test.
    Staging,
    /// For the people who pay.
    Prod,
}

/// How strictly risky settings are judged, and which account is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Risky settings are errors; deletion and termination protection are on.
    Production,
    /// Risky settings are warnings.
    Staging,
    /// Everything happens in the embedded practice account.
    Rehearsal,
}

/// `aws:`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aws {
    /// `aws.region`
    pub region: Region,
    /// `aws.account_id`; credentials of another account are refused.
    pub account_id: Option<AccountId>,
    /// `aws.profile`, a name in the shared AWS configuration files.
    pub profile: Option<String>,
}

/// `network:`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    /// `network.vpc_id`; none is the default VPC.
    pub vpc_id: Option<VpcId>,
    /// `network.subnet_id`; none is a public subnet of that VPC.
    pub subnet_id: Option<SubnetId>,
    /// `network.https_cidrs`: who reaches port 443.
    pub https_cidrs: Vec<IpNet>,
    /// `network.ssh_cidrs`: who reaches port 22; empty closes it.
    pub ssh_cidrs: Vec<IpNet>,
    /// `network.backend_ports`: reached from inside the VPC only.
    pub backend_ports: Vec<u16>,
}

/// `instance:`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// `instance.type`
    pub instance_type: InstanceType,
    /// `instance.os`
    pub os: OperatingSystem,
    /// `instance.ami_id`; none is resolved once from the SSM public parameter and pinned in the plan.
    pub ami_id: Option<AmiId>,
    /// `instance.volume_gb`, GiB of the encrypted gp3 root volume.
    pub volume_gb: u32,
    /// `instance.adopt_instance_id`: use this one, never own it.
    pub adopt_instance_id: Option<InstanceId>,
}

/// `instance.os`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum OperatingSystem {
    /// Amazon Linux 2023.
    #[serde(rename = "al2023")]
    AmazonLinux2023,
    /// Ubuntu 22.04 LTS.
    #[serde(rename = "ubuntu-22.04")]
    Ubuntu2204,
}

/// `cognito:`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cognito {
    /// `cognito.domain_prefix`
    pub domain_prefix: DomainPrefix,
    /// `cognito.resource_server`, the identifier in front of every scope.
    pub resource_server: String,
    /// `cognito.scopes`, names without the resource server.
    pub scopes: Vec<String>,
    /// `cognito.access_token_minutes`, 5 to 1440.
    pub access_token_minutes: u32,
    /// `cognito.mfa`, for people; machines use `client_credentials`.
    pub mfa: Mfa,
    /// `cognito.adopt_user_pool_id`: use this one, never own it.
    pub adopt_user_pool_id: Option<UserPoolId>,
}

/// `cognito.mfa`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mfa {
    /// No second factor.
    Off,
    /// Offered.
    Optional,
    /// Demanded.
    Required,
}

/// `tls:`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// `tls.domain`, the name clients use; none where the deployment has no name yet.
    pub domain: Option<String>,
    /// `tls.source` with what belongs to it.
    pub source: TlsSource,
}

/// `tls.source`: where the certificate comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TlsSource {
    /// An ACME certificate authority.
    Acme {
        /// `letsencrypt`, `letsencrypt-staging` or a directory URL.
        directory: String,
        /// Who is told before a certificate expires.
        email: Option<String>,
        /// How control of the name is shown.
        challenge: AcmeChallenge,
        /// The authority's kind of certificate.
        profile: Option<String>,
        /// Binds the account to one at the authority.
        external_account: Option<ExternalAccount>,
        /// PEM roots that the authority's own server is trusted by, instead of the system's.
        ca_path: Option<String>,
    },
    /// A public ACM certificate requested as exportable.
    AcmExportable,
    /// Files that somebody else keeps fresh; read where they are used.
    Files {
        /// PEM, leaf first.
        cert_path: String,
        /// PEM.
        key_path: String,
    },
}

/// `tls.acme.challenge`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum AcmeChallenge {
    /// RFC 8737, answered on port 443 by the proxy itself.
    #[serde(rename = "tls-alpn-01")]
    TlsAlpn01,
    /// RFC 8555 section 8.3, needs port 80.
    #[serde(rename = "http-01")]
    Http01,
    /// RFC 8555 section 8.4, needs write access to the zone.
    #[serde(rename = "dns-01")]
    Dns01,
}

/// `host:`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Host {
    /// `host.install`
    pub install: HostInstall,
}

/// `host.install`: how the proxy gets onto the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HostInstall {
    /// The instance installs it at first boot.
    UserData,
    /// On the machine this runs on.
    Here,
    /// Not at all: the cloud side only.
    None,
}

/// `proxy:`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    /// `proxy.models`: the name clients send → the Bedrock model id, inference profile id or ARN that answers.
    pub models: BTreeMap<String, String>,
    /// `proxy.limits.requests_per_minute`, per caller.
    pub requests_per_minute: u32,
    /// `proxy.limits.tokens_per_hour`, per caller.
    pub tokens_per_hour: u64,
}

impl Proxy {
    /// What each name calls in a Region: where the Region does not answer to a plain id, the inference profile that
    /// does. What the proxy is told, what its role may do and what checks look at are all this.
    pub fn models_in(&self, region: &Region) -> BTreeMap<&str, Cow<'_, str>> {
        self.models.iter().map(|(name, model)| (name.as_str(), bedrock::in_region(model, region))).collect()
    }
}

/// `gateway:`, the AgentCore gateway of the SRE agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gateway {
    /// `gateway.name`
    pub name: String,
    /// `gateway.role_name`, the role that the gateway assumes.
    pub role_name: Option<String>,
    /// `gateway.endpoint_url`, for another than the Region's own control plane.
    pub endpoint_url: Option<String>,
    /// `gateway.s3_bucket`, where the OpenAPI schemas are kept.
    pub s3_bucket: Option<String>,
    /// `gateway.s3_path_prefix`
    pub s3_path_prefix: String,
    /// `gateway.provider_arn`, an existing API key credential provider.
    pub provider_arn: Option<String>,
    /// `gateway.routing_domain`, a public name that leads to the backends' private address, where `tls.domain` does not.
    pub routing_domain: Option<String>,
    /// `gateway.memory_days`, for how long the agent's memory keeps what it is told; `None` for no memory.
    pub memory_days: Option<u32>,
    /// `gateway.runtime`, what the agent's runtime runs; `None` for no runtime.
    pub runtime: Option<RuntimeArtifact>,
}

/// What a runtime of AgentCore runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuntimeArtifact {
    /// A container image for arm64 in ECR: `ACCOUNT.dkr.ecr.REGION.amazonaws.com/REPOSITORY:TAG` or `...@sha256:DIGEST`.
    Image(String),
    /// A zip file with code for Python in S3: `s3://BUCKET/KEY`.
    Code {
        /// The bucket.
        bucket: String,
        /// The object.
        key: String,
    },
}

impl RuntimeArtifact {
    /// Where it is, as in the configuration.
    pub fn uri(&self) -> String {
        match self {
            Self::Image(uri) => uri.clone(),
            Self::Code { bucket, key } => format!("s3://{bucket}/{key}"),
        }
    }
}
