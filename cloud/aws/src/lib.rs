//! The real account: the ports of `cloud` over the AWS SDK.
//!
//! [`connect`] builds all of them from the standard chain of configuration (environment, profiles, SSO, processes,
//! web identity, containers, instance metadata). Each service has one file; no SDK type leaves this crate. Retries
//! are left to the caller, who sees and shows them: an SDK repeats a create after a lost connection and so makes the
//! thing twice.

mod acm;
mod agentcore;
mod bedrock;
mod cognito;
mod connect;
mod ec2;
mod error;
mod iam;
mod quotas;
mod route53;
mod s3;
mod secrets;
mod ssm;
mod sts;
mod tagging;
mod tags;

pub use connect::{ConnectError, ConnectOptions, connect, default_region};
