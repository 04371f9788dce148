//! What an instance is made of, and making one.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::operation::run_instances::builders::RunInstancesFluentBuilder;
use aws_sdk_ec2::types::{
    BlockDeviceMapping, EbsBlockDevice, HttpTokensState, IamInstanceProfileSpecification,
    InstanceMetadataEndpointState, InstanceMetadataOptionsRequest, InstanceType, MemoryInfo, ProcessorInfo,
    ResourceType, VCpuInfo, VolumeType,
};
use cloud::port::ec2::{Image, InstanceTypeInfo, NewInstance};
use cloud::{CallError, ErrorKind};

use super::{SERVICE, or_empty, tagged};
use crate::error::{absent, failed};

pub(super) async fn describe_image(client: &Client, image_id: String) -> Result<Option<Image>, CallError> {
    const OPERATION: &str = "DescribeImages";
    let answer = client
        .describe_images()
        .image_ids(image_id)
        // A pinned image is still good when its publisher has deprecated it.
        .include_deprecated(true)
        .into_paginator()
        .items()
        .send()
        .try_collect()
        .await
        .map_err(failed(SERVICE, OPERATION));
    let images = match answer {
        // Deregistered.
        Err(error) if error.code.as_deref() == Some("InvalidAMIID.Unavailable") => return Ok(None),
        answer => or_empty(answer)?,
    };
    let Some(image) = images.into_iter().next() else { return Ok(None) };
    Ok(Some(Image {
        id: image.image_id.ok_or_else(|| absent(SERVICE, OPERATION, "imageId"))?,
        root_device_name: image
            .root_device_name
            .ok_or_else(|| absent(SERVICE, OPERATION, "rootDeviceName"))?,
        architecture: image
            .architecture
            .map(|architecture| architecture.as_str().to_owned())
            .ok_or_else(|| absent(SERVICE, OPERATION, "architecture"))?,
    }))
}

pub(super) async fn describe_instance_type(
    client: &Client,
    name: String,
) -> Result<Option<InstanceTypeInfo>, CallError> {
    const OPERATION: &str = "DescribeInstanceTypes";
    let answer = client
        .describe_instance_types()
        .instance_types(InstanceType::from(name.as_str()))
        .into_paginator()
        .items()
        .send()
        .try_collect()
        .await
        .map_err(failed(SERVICE, OPERATION));
    let types = match answer {
        Err(error) if error.code.as_deref() == Some("InvalidInstanceType") => return Ok(None),
        answer => or_empty(answer)?,
    };
    let Some(info) = types.into_iter().next() else { return Ok(None) };
    let vcpus = info.v_cpu_info().and_then(VCpuInfo::default_v_cpus);
    let vcpus = vcpus.ok_or_else(|| absent(SERVICE, OPERATION, "vCpuInfo.defaultVCpus"))?;
    let memory = info.memory_info().and_then(MemoryInfo::size_in_mib);
    let memory = memory.ok_or_else(|| absent(SERVICE, OPERATION, "memoryInfo.sizeInMiB"))?;
    let architectures = info.processor_info().map(ProcessorInfo::supported_architectures);
    Ok(Some(InstanceTypeInfo {
        vcpus: u32::try_from(vcpus).unwrap_or_default(),
        memory_mib: u64::try_from(memory).unwrap_or_default(),
        architectures: architectures
            .unwrap_or_default()
            .iter()
            .map(|architecture| architecture.as_str().to_owned())
            .collect(),
    }))
}

pub(super) async fn run(client: &Client, new: NewInstance) -> Result<String, CallError> {
    const OPERATION: &str = "RunInstances";
    let answer = request(client, new)?.send().await.map_err(failed(SERVICE, OPERATION))?;
    let instance = answer.instances().first().and_then(|instance| instance.instance_id());
    Ok(instance.ok_or_else(|| absent(SERVICE, OPERATION, "instanceId"))?.to_owned())
}

/// The request that makes exactly one instance: IMDSv2 only, encrypted gp3 root volume that goes with it.
pub(super) fn request(client: &Client, new: NewInstance) -> Result<RunInstancesFluentBuilder, CallError> {
    let size = i32::try_from(new.volume_gb).map_err(|_| {
        CallError::new(SERVICE, "RunInstances", ErrorKind::Invalid, "the root volume is too large")
    })?;
    let root = EbsBlockDevice::builder()
        .volume_type(VolumeType::Gp3)
        .volume_size(size)
        .encrypted(true)
        .delete_on_termination(true)
        .build();
    let metadata = InstanceMetadataOptionsRequest::builder()
        .http_endpoint(InstanceMetadataEndpointState::Enabled)
        .http_tokens(HttpTokensState::Required)
        .http_put_response_hop_limit(1)
        .build();
    // The network interface carries the tags too, so that clean-up sees one that outlives its instance.
    let tags: Vec<_> = [ResourceType::Instance, ResourceType::Volume, ResourceType::NetworkInterface]
        .into_iter()
        .filter_map(|resource| tagged(resource, &new.tags))
        .collect();
    Ok(client
        .run_instances()
        .min_count(1)
        .max_count(1)
        .image_id(new.image_id)
        .instance_type(InstanceType::from(new.instance_type.as_str()))
        .subnet_id(new.subnet_id)
        .set_security_group_ids(Some(new.group_ids))
        .iam_instance_profile(IamInstanceProfileSpecification::builder().name(new.profile_name).build())
        .block_device_mappings(
            BlockDeviceMapping::builder().device_name(new.root_device_name).ebs(root).build(),
        )
        .metadata_options(metadata)
        .disable_api_termination(new.termination_protection)
        .client_token(new.client_token)
        .set_user_data(new.user_data.map(aws_smithy_types::base64::encode))
        .set_tag_specifications(Some(tags).filter(|tags| !tags.is_empty())))
}
