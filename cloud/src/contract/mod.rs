//! The body of tests that every implementation of the ports must pass, whatever stands behind it.
//!
//! Each area makes what it needs under the fixture's deployment id, reads it back, changes it, deletes it and looks
//! at the answers for what does not exist. Only what every implementation can do is asked here; laws that only AWS
//! and the practice account keep are in this crate's `tests`. Everything here panics on a breach: call it from tests.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "test support: a breach of the contract is a panic"
)]

mod agentcore;
mod bedrock;
mod cognito;
mod ec2;
mod iam;
mod path;
mod rest;
mod route53;
mod s3;

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::time::Duration;

use model::DeploymentId;
use model::tags::{Tags, at_creation};

use crate::port::ec2::{SubnetQuery, VpcQuery};
use crate::{CallError, Cloud, ErrorKind};

pub use agentcore::{credential_providers, gateways, memories, runtimes};
pub use bedrock::{models, one_token, simulations, unknown_models_do_not_answer};
pub use cognito::{app_clients, domains, user_pools};
pub use ec2::{addresses, dry_runs, instances, networks, security_groups};
pub use iam::{instance_profiles, roles};
pub use path::paths;
pub use rest::{certificates, identity, not_found_answers, parameters, tagging};
pub use route53::text_records;
pub use s3::{buckets, own_parameters};

/// What the contract is told about the account that it runs on.
#[derive(Debug, Clone)]
pub struct Fixture {
    /// Names and tags hang on it; nothing in the account may carry it yet.
    pub deployment: DeploymentId,
    /// The VPC to work in; none means the default VPC.
    pub vpc_id: Option<String>,
    /// The subnet to work in; none means the first one of the VPC.
    pub subnet_id: Option<String>,
    /// An `x86_64` image; none means the one that the public parameter of Amazon Linux 2023 names.
    pub image_id: Option<String>,
    /// The name of a public hosted zone that is there. Zones are made by nobody here.
    pub zone: String,
    /// An `x86_64` type.
    pub instance_type: String,
    /// How often something that was made may be looked for in vain. 1 for an account whose reads never lag.
    pub looks: u32,
    /// The pause between two looks.
    pub pause: Duration,
    /// Operations that stand behind no implementation here, such as `DeleteResourceServer`; they are left out.
    pub missing: BTreeSet<&'static str>,
}

impl Fixture {
    /// A fixture for an account whose reads may lag.
    pub fn new(deployment: DeploymentId) -> Self {
        Self {
            deployment,
            vpc_id: None,
            subnet_id: None,
            image_id: None,
            zone: "contract.example.com".to_owned(),
            instance_type: "t3.micro".to_owned(),
            looks: 20,
            pause: Duration::from_millis(200),
            missing: BTreeSet::new(),
        }
    }

    /// The same without the operations of these names.
    #[must_use]
    pub fn without(mut self, operations: impl IntoIterator<Item = &'static str>) -> Self {
        self.missing.extend(operations);
        self
    }

    pub(crate) fn has(&self, operation: &str) -> bool {
        !self.missing.contains(operation)
    }

    /// A name for this deployment's thing.
    pub(crate) fn name(&self, what: &str) -> String {
        format!("{}-{what}", self.deployment)
    }

    /// The tags of this deployment's thing.
    pub(crate) fn tags(&self, what: &str) -> Tags {
        at_creation(&self.deployment, what, "0123456789abcdef", &self.name(what))
    }

    /// Looks until there is something to see, at most [`Fixture::looks`] times.
    pub(crate) async fn until<T>(&self, what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
        for _ in 0..self.looks.max(1) {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(self.pause).await;
        }
        panic!("{what}: still not so after {} looks", self.looks)
    }

    pub(crate) async fn vpc(&self, cloud: &Cloud) -> String {
        if let Some(id) = &self.vpc_id {
            return id.clone();
        }
        let found =
            cloud.ec2.describe_vpcs(VpcQuery::Default).await.expect("the default VPC can be asked for");
        found.into_iter().next().expect("the account has a default VPC").id
    }

    pub(crate) async fn subnet(&self, cloud: &Cloud) -> String {
        if let Some(id) = &self.subnet_id {
            return id.clone();
        }
        let vpc = self.vpc(cloud).await;
        let found = cloud.ec2.describe_subnets(SubnetQuery::Vpc(vpc)).await.expect("subnets can be listed");
        found.into_iter().next().expect("the VPC has a subnet").id
    }

    pub(crate) async fn image(&self, cloud: &Cloud) -> String {
        if let Some(id) = &self.image_id {
            return id.clone();
        }
        let value = cloud.ssm.get_parameter(AL2023_X86_64.to_owned()).await.expect("a parameter can be read");
        value.expect("the public parameter of Amazon Linux 2023 exists")
    }
}

const AL2023_X86_64: &str = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64";

/// Every area, one after the other.
pub async fn all(cloud: &Cloud, fixture: &Fixture) {
    identity(cloud, fixture).await;
    parameters(cloud, fixture).await;
    own_parameters(cloud, fixture).await;
    buckets(cloud, fixture).await;
    networks(cloud, fixture).await;
    paths(cloud, fixture).await;
    security_groups(cloud, fixture).await;
    roles(cloud, fixture).await;
    instance_profiles(cloud, fixture).await;
    instances(cloud, fixture).await;
    addresses(cloud, fixture).await;
    dry_runs(cloud, fixture).await;
    user_pools(cloud, fixture).await;
    app_clients(cloud, fixture).await;
    domains(cloud, fixture).await;
    certificates(cloud, fixture).await;
    text_records(cloud, fixture).await;
    tagging(cloud, fixture).await;
    simulations(cloud, fixture).await;
    models(cloud, fixture).await;
    one_token(cloud, fixture).await;
    unknown_models_do_not_answer(cloud, fixture).await;
    credential_providers(cloud, fixture).await;
    gateways(cloud, fixture).await;
    memories(cloud, fixture).await;
    runtimes(cloud, fixture).await;
    not_found_answers(cloud, fixture).await;
}

/// Demands a failure of this kind that names its operation.
#[track_caller]
pub(crate) fn refused<T: Debug>(answer: Result<T, CallError>, kind: ErrorKind, operation: &str) {
    let error = answer.expect_err(operation);
    assert_eq!(error.kind, kind, "{error}");
    assert_eq!(error.operation, operation, "{error}");
    assert!(!error.message.is_empty(), "{operation} failed without a message");
}
