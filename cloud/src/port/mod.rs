//! The ports: what the program asks of each AWS service, in our own types.
//!
//! Look-ups of one thing answer `None` for "does not exist". Deleting what does not exist is the error kind
//! `NotFound`; the engine counts it as done. Lists return all pages.

pub mod acm;
pub mod agentcore;
pub mod bedrock;
pub mod cognito;
pub mod ec2;
pub mod iam;
pub mod path;
pub mod quotas;
pub mod route53;
pub mod s3;
pub mod secrets;
pub mod ssm;
pub mod sts;
pub mod tagging;
