//! Reaches AWS: one small port per service, with our own types, and what can stand behind or around it.
//!
//! [`port`] holds the ports. [`practice`] is an embedded account behind them, `cloud-aws` the real one; `contract`
//! is the body of tests that both must pass. [`hook`] wraps any of them; [`fault`] holds hooks that record, delay,
//! fail or stop calls.
//! No SDK type appears here.

#[cfg(feature = "contract")]
pub mod contract;
pub mod error;
pub mod fault;
pub mod hook;
pub mod port;
pub mod practice;

use std::sync::Arc;

pub use error::{CallError, ErrorKind};
pub use hook::{Access, Call, Hook, Hooked};

use port::{
    acm::Acm, agentcore::AgentCore, bedrock::Bedrock, bedrock::BedrockRuntime, cognito::Cognito, ec2::Ec2,
    iam::Iam, quotas::Quotas, route53::Route53, s3::S3, secrets::Secrets, ssm::Ssm, sts::Sts,
    tagging::Tagging,
};

/// An account in one Region, reached through its ports.
#[derive(Clone)]
pub struct Cloud {
    /// Who we are.
    pub sts: Arc<dyn Sts>,
    /// Networks, machines, addresses.
    pub ec2: Arc<dyn Ec2>,
    /// Parameters.
    pub ssm: Arc<dyn Ssm>,
    /// Roles and instance profiles.
    pub iam: Arc<dyn Iam>,
    /// User pools.
    pub cognito: Arc<dyn Cognito>,
    /// Certificates.
    pub acm: Arc<dyn Acm>,
    /// Resources by tag, over all services that list theirs.
    pub tagging: Arc<dyn Tagging>,
    /// Service quotas.
    pub quotas: Arc<dyn Quotas>,
    /// Text records in hosted zones.
    pub route53: Arc<dyn Route53>,
    /// Buckets and objects.
    pub s3: Arc<dyn S3>,
    /// Models and inference profiles.
    pub bedrock: Arc<dyn Bedrock>,
    /// One token of a model.
    pub bedrock_runtime: Arc<dyn BedrockRuntime>,
    /// Gateways and what they stand on.
    pub agentcore: Arc<dyn AgentCore>,
    /// The values of secrets.
    pub secrets: Arc<dyn Secrets>,
}

impl Cloud {
    /// The same account with `hook` around every call.
    #[must_use]
    pub fn hooked(&self, hook: &Arc<dyn Hook>) -> Self {
        Self {
            sts: Arc::new(Hooked::new(Arc::clone(&self.sts), Arc::clone(hook))),
            ec2: Arc::new(Hooked::new(Arc::clone(&self.ec2), Arc::clone(hook))),
            ssm: Arc::new(Hooked::new(Arc::clone(&self.ssm), Arc::clone(hook))),
            iam: Arc::new(Hooked::new(Arc::clone(&self.iam), Arc::clone(hook))),
            cognito: Arc::new(Hooked::new(Arc::clone(&self.cognito), Arc::clone(hook))),
            acm: Arc::new(Hooked::new(Arc::clone(&self.acm), Arc::clone(hook))),
            tagging: Arc::new(Hooked::new(Arc::clone(&self.tagging), Arc::clone(hook))),
            quotas: Arc::new(Hooked::new(Arc::clone(&self.quotas), Arc::clone(hook))),
            route53: Arc::new(Hooked::new(Arc::clone(&self.route53), Arc::clone(hook))),
            s3: Arc::new(Hooked::new(Arc::clone(&self.s3), Arc::clone(hook))),
            bedrock: Arc::new(Hooked::new(Arc::clone(&self.bedrock), Arc::clone(hook))),
            bedrock_runtime: Arc::new(Hooked::new(Arc::clone(&self.bedrock_runtime), Arc::clone(hook))),
            agentcore: Arc::new(Hooked::new(Arc::clone(&self.agentcore), Arc::clone(hook))),
            secrets: Arc::new(Hooked::new(Arc::clone(&self.secrets), Arc::clone(hook))),
        }
    }
}
