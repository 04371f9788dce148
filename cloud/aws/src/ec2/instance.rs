//! Instances that exist.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{
    self, AttributeBooleanValue, Filter, HttpTokensState, InstanceAttributeName,
    InstanceMetadataEndpointState, InstanceStateName, InstanceStatusSummary, SummaryStatus,
};
use cloud::port::ec2::{
    Instance, InstanceGroups, InstanceQuery, InstanceState, InstanceStatus, MetadataOptions,
    TerminationProtection,
};
use cloud::{CallError, ErrorKind};

use super::{SERVICE, deployment_filter, from_tags, or_empty};
use crate::error::{absent, failed};

pub(super) async fn describe(client: &Client, query: InstanceQuery) -> Result<Vec<Instance>, CallError> {
    const OPERATION: &str = "DescribeInstances";
    let request = match query {
        InstanceQuery::Id(id) => client.describe_instances().instance_ids(id),
        InstanceQuery::Deployment(id) => {
            client.describe_instances().filters(deployment_filter(id)).filters(in_state(NOT_TERMINATED))
        }
        InstanceQuery::Alive => client.describe_instances().filters(in_state(ALIVE)),
    };
    let found =
        request.into_paginator().items().send().try_collect().await.map_err(failed(SERVICE, OPERATION));
    let reservations: Vec<types::Reservation> = or_empty(found)?;
    reservations
        .iter()
        .flat_map(types::Reservation::instances)
        .map(|instance| from_instance(instance, OPERATION))
        .collect()
}

pub(super) async fn terminate(client: &Client, id: String) -> Result<(), CallError> {
    client
        .terminate_instances()
        .instance_ids(id)
        .send()
        .await
        .map_err(failed(SERVICE, "TerminateInstances"))?;
    Ok(())
}

pub(super) async fn describe_termination_protection(client: &Client, id: String) -> Result<bool, CallError> {
    const OPERATION: &str = "DescribeInstanceAttribute";
    let answer = client
        .describe_instance_attribute()
        .instance_id(id)
        .attribute(InstanceAttributeName::DisableApiTermination)
        .send()
        .await
        .map_err(failed(SERVICE, OPERATION))?;
    let value = answer.disable_api_termination().and_then(AttributeBooleanValue::value);
    value.ok_or_else(|| absent(SERVICE, OPERATION, "disableApiTermination"))
}

pub(super) async fn set_termination_protection(
    client: &Client,
    protection: TerminationProtection,
) -> Result<(), CallError> {
    client
        .modify_instance_attribute()
        .instance_id(protection.instance_id)
        .disable_api_termination(AttributeBooleanValue::builder().value(protection.enabled).build())
        .send()
        .await
        .map_err(failed(SERVICE, "ModifyInstanceAttribute"))?;
    Ok(())
}

pub(super) async fn set_groups(client: &Client, groups: InstanceGroups) -> Result<(), CallError> {
    client
        .modify_instance_attribute()
        .instance_id(groups.instance_id)
        .set_groups(Some(groups.group_ids))
        .send()
        .await
        .map_err(failed(SERVICE, "ModifyInstanceAttribute"))?;
    Ok(())
}

pub(super) async fn modify_metadata_options(
    client: &Client,
    options: MetadataOptions,
) -> Result<(), CallError> {
    const OPERATION: &str = "ModifyInstanceMetadataOptions";
    let hop_limit = i32::try_from(options.hop_limit)
        .map_err(|_| CallError::new(SERVICE, OPERATION, ErrorKind::Invalid, "the hop limit is too large"))?;
    let tokens = if options.tokens_required { HttpTokensState::Required } else { HttpTokensState::Optional };
    client
        .modify_instance_metadata_options()
        .instance_id(options.instance_id)
        .http_endpoint(InstanceMetadataEndpointState::Enabled)
        .http_tokens(tokens)
        .http_put_response_hop_limit(hop_limit)
        .send()
        .await
        .map_err(failed(SERVICE, OPERATION))?;
    Ok(())
}

pub(super) async fn describe_status(
    client: &Client,
    id: String,
) -> Result<Option<InstanceStatus>, CallError> {
    let found = client
        .describe_instance_status()
        .instance_ids(id)
        .into_paginator()
        .items()
        .send()
        .try_collect()
        .await
        .map_err(failed(SERVICE, "DescribeInstanceStatus"));
    let statuses: Vec<types::InstanceStatus> = or_empty(found)?;
    Ok(statuses.first().and_then(|status| {
        let (system, instance) = (verdict(status.system_status()), verdict(status.instance_status()));
        match (system, instance) {
            (Some(system_ok), Some(instance_ok)) => Some(InstanceStatus { system_ok, instance_ok }),
            // One that failed is a result, even while the other still counts.
            (Some(false), None) | (None, Some(false)) => Some(InstanceStatus {
                system_ok: system.unwrap_or(true),
                instance_ok: instance.unwrap_or(true),
            }),
            _ => None,
        }
    }))
}

/// `None` while a check has not come to one.
fn verdict(summary: Option<&InstanceStatusSummary>) -> Option<bool> {
    match summary?.status()? {
        SummaryStatus::Ok => Some(true),
        SummaryStatus::Impaired => Some(false),
        _ => None,
    }
}

const ALIVE: &[InstanceStateName] = &[InstanceStateName::Running, InstanceStateName::Stopped];
const NOT_TERMINATED: &[InstanceStateName] = &[
    InstanceStateName::Pending,
    InstanceStateName::Running,
    InstanceStateName::Stopping,
    InstanceStateName::Stopped,
    InstanceStateName::ShuttingDown,
];

fn in_state(states: &[InstanceStateName]) -> Filter {
    let names = states.iter().map(|state| state.as_str().to_owned()).collect();
    Filter::builder().name("instance-state-name").set_values(Some(names)).build()
}

/// What the console showed last, where the machine can say (Nitro), else what it showed at its last start or stop.
pub(super) async fn console_output(client: &Client, id: String) -> Result<Option<String>, CallError> {
    const OPERATION: &str = "GetConsoleOutput";
    let ask = |latest: bool| client.get_console_output().instance_id(&id).latest(latest).send();
    let answer = match ask(true).await.map_err(failed(SERVICE, OPERATION)) {
        // Only machines on Nitro know the latest.
        Err(error) if matches!(error.kind, ErrorKind::Unsupported | ErrorKind::Invalid) => {
            ask(false).await.map_err(failed(SERVICE, OPERATION))?
        }
        answer => answer?,
    };
    let Some(output) = answer.output().filter(|output| !output.is_empty()) else { return Ok(None) };
    // The service wraps it in base64, and some emulators in lines.
    let compact: String = output.split_whitespace().collect();
    let bytes = aws_smithy_types::base64::decode(compact)
        .map_err(|error| CallError::new(SERVICE, OPERATION, ErrorKind::Other, error.to_string()))?;
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

fn from_state(name: &InstanceStateName) -> Option<InstanceState> {
    match name {
        InstanceStateName::Pending => Some(InstanceState::Pending),
        InstanceStateName::Running => Some(InstanceState::Running),
        InstanceStateName::Stopping => Some(InstanceState::Stopping),
        InstanceStateName::Stopped => Some(InstanceState::Stopped),
        InstanceStateName::ShuttingDown => Some(InstanceState::ShuttingDown),
        InstanceStateName::Terminated => Some(InstanceState::Terminated),
        _ => None,
    }
}

fn from_instance(instance: &types::Instance, operation: &str) -> Result<Instance, CallError> {
    let missing = |field: &str| absent(SERVICE, operation, field);
    let text = |field: Option<&str>| field.unwrap_or_default().to_owned();
    let state = instance.state().and_then(|state| state.name()).and_then(from_state);
    let metadata = instance.metadata_options();
    // A terminated instance has lost its network, its volumes and its profile; those fields are empty then.
    Ok(Instance {
        id: instance.instance_id().ok_or_else(|| missing("instanceId"))?.to_owned(),
        state: state.ok_or_else(|| missing("instanceState.name"))?,
        instance_type: text(instance.instance_type().map(types::InstanceType::as_str)),
        image_id: text(instance.image_id()),
        vpc_id: text(instance.vpc_id()),
        subnet_id: text(instance.subnet_id()),
        group_ids: instance
            .security_groups()
            .iter()
            .filter_map(|group| group.group_id().map(str::to_owned))
            .collect(),
        profile_arn: instance.iam_instance_profile().and_then(|profile| profile.arn()).map(str::to_owned),
        public_ip: instance.public_ip_address().map(str::to_owned),
        private_ip: instance.private_ip_address().map(str::to_owned),
        imds_tokens_required: metadata
            .and_then(|options| options.http_tokens())
            .is_some_and(|tokens| *tokens == HttpTokensState::Required),
        imds_hop_limit: metadata
            .and_then(types::InstanceMetadataOptionsResponse::http_put_response_hop_limit)
            .and_then(|limit| u32::try_from(limit).ok())
            .unwrap_or_default(),
        root_volume_id: root_volume(instance),
        tags: from_tags(instance.tags()),
    })
}

fn root_volume(instance: &types::Instance) -> Option<String> {
    let mappings = instance.block_device_mappings();
    let root = mappings.iter().find(|mapping| mapping.device_name() == instance.root_device_name());
    let volume = match (root, mappings) {
        (Some(root), _) => root,
        // Some images spell their root device in two ways (`/dev/sda1`, `/dev/xvda`); a single volume is the root.
        (None, [only]) => only,
        (None, _) => return None,
    };
    volume.ebs()?.volume_id().map(str::to_owned)
}
