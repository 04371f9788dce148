//! Calls that are only tried for their permission.
//!
//! EC2 never answers such a call with success: `DryRunOperation` is the code for "you may".

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{DomainType, ResourceType};
use cloud::port::ec2::DryRun;
use cloud::{CallError, ErrorKind};

use super::{SERVICE, launch, tagged};
use crate::error::failed;

pub(super) async fn dry_run(client: &Client, call: DryRun) -> Result<(), CallError> {
    match call {
        DryRun::RunInstances(new) => {
            const OPERATION: &str = "RunInstances";
            let answer = launch::request(client, *new)?.dry_run(true).send().await;
            judged(answer.map_err(failed(SERVICE, OPERATION)), OPERATION)
        }
        DryRun::CreateSecurityGroup(new) => {
            const OPERATION: &str = "CreateSecurityGroup";
            let answer = client
                .create_security_group()
                .dry_run(true)
                .set_tag_specifications(tagged(ResourceType::SecurityGroup, &new.tags).map(|tags| vec![tags]))
                .group_name(new.name)
                .description(new.description)
                .vpc_id(new.vpc_id)
                .send()
                .await;
            judged(answer.map_err(failed(SERVICE, OPERATION)), OPERATION)
        }
        DryRun::AllocateAddress(tags) => {
            const OPERATION: &str = "AllocateAddress";
            let answer = client
                .allocate_address()
                .dry_run(true)
                .domain(DomainType::Vpc)
                .set_tag_specifications(tagged(ResourceType::ElasticIp, &tags).map(|tags| vec![tags]))
                .send()
                .await;
            judged(answer.map_err(failed(SERVICE, OPERATION)), OPERATION)
        }
    }
}

fn judged<T>(answer: Result<T, CallError>, operation: &str) -> Result<(), CallError> {
    match answer {
        Err(error) if error.code.as_deref() == Some("DryRunOperation") => Ok(()),
        Err(error) => Err(error),
        // Only an emulator that knows no dry run answers so, and it has just made the thing.
        Ok(_) => Err(CallError::new(
            SERVICE,
            operation,
            ErrorKind::Unsupported,
            "the endpoint carried the call out although it was a dry run",
        )),
    }
}
