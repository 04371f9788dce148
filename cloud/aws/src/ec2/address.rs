//! Elastic IP addresses and volumes.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{self, DomainType, ResourceType};
use cloud::port::ec2::{Address, AddressAssociation, AddressQuery, Volume, VolumeSize};
use cloud::{CallError, ErrorKind};
use model::tags::Tags;

use super::{SERVICE, deployment_filter, from_tags, or_empty, tagged};
use crate::error::{absent, failed};

pub(super) async fn describe(client: &Client, query: AddressQuery) -> Result<Vec<Address>, CallError> {
    const OPERATION: &str = "DescribeAddresses";
    let request = match query {
        AddressQuery::Id(id) => client.describe_addresses().allocation_ids(id),
        AddressQuery::Deployment(id) => client.describe_addresses().filters(deployment_filter(id)),
    };
    // EC2 returns all addresses at once; there are no pages.
    let found = request.send().await.map_err(failed(SERVICE, OPERATION));
    let addresses = or_empty(found.map(|answer| answer.addresses.unwrap_or_default()))?;
    addresses
        .into_iter()
        .map(|address| {
            let tags = from_tags(address.tags());
            Ok(Address {
                allocation_id: address
                    .allocation_id
                    .ok_or_else(|| absent(SERVICE, OPERATION, "allocationId"))?,
                public_ip: address.public_ip.ok_or_else(|| absent(SERVICE, OPERATION, "publicIp"))?,
                association_id: address.association_id.filter(|id| !id.is_empty()),
                instance_id: address.instance_id.filter(|id| !id.is_empty()),
                tags,
            })
        })
        .collect()
}

pub(super) async fn allocate(client: &Client, tags: Tags) -> Result<String, CallError> {
    const OPERATION: &str = "AllocateAddress";
    let answer = client
        .allocate_address()
        .domain(DomainType::Vpc)
        .set_tag_specifications(tagged(ResourceType::ElasticIp, &tags).map(|tags| vec![tags]))
        .send()
        .await
        .map_err(failed(SERVICE, OPERATION))?;
    answer.allocation_id.ok_or_else(|| absent(SERVICE, OPERATION, "allocationId"))
}

pub(super) async fn associate(client: &Client, association: AddressAssociation) -> Result<String, CallError> {
    const OPERATION: &str = "AssociateAddress";
    let answer = client
        .associate_address()
        .allocation_id(association.allocation_id)
        .instance_id(association.instance_id)
        .send()
        .await
        .map_err(failed(SERVICE, OPERATION))?;
    answer.association_id.ok_or_else(|| absent(SERVICE, OPERATION, "associationId"))
}

pub(super) async fn disassociate(client: &Client, association_id: String) -> Result<(), CallError> {
    client
        .disassociate_address()
        .association_id(association_id)
        .send()
        .await
        .map_err(failed(SERVICE, "DisassociateAddress"))?;
    Ok(())
}

pub(super) async fn release(client: &Client, allocation_id: String) -> Result<(), CallError> {
    client
        .release_address()
        .allocation_id(allocation_id)
        .send()
        .await
        .map_err(failed(SERVICE, "ReleaseAddress"))?;
    Ok(())
}

pub(super) async fn describe_volume(client: &Client, id: String) -> Result<Option<Volume>, CallError> {
    const OPERATION: &str = "DescribeVolumes";
    let found = client
        .describe_volumes()
        .volume_ids(id)
        .into_paginator()
        .items()
        .send()
        .try_collect()
        .await
        .map_err(failed(SERVICE, OPERATION));
    let volumes: Vec<types::Volume> = or_empty(found)?;
    let Some(volume) = volumes.into_iter().next() else { return Ok(None) };
    let size = volume.size.ok_or_else(|| absent(SERVICE, OPERATION, "size"))?;
    Ok(Some(Volume {
        size_gb: u32::try_from(size).unwrap_or_default(),
        volume_type: volume.volume_type.map(|kind| kind.as_str().to_owned()).unwrap_or_default(),
        encrypted: volume.encrypted.unwrap_or_default(),
        id: volume.volume_id.ok_or_else(|| absent(SERVICE, OPERATION, "volumeId"))?,
    }))
}

pub(super) async fn modify_volume(client: &Client, size: VolumeSize) -> Result<(), CallError> {
    const OPERATION: &str = "ModifyVolume";
    let gigabytes = i32::try_from(size.size_gb)
        .map_err(|_| CallError::new(SERVICE, OPERATION, ErrorKind::Invalid, "the volume is too large"))?;
    client
        .modify_volume()
        .volume_id(size.volume_id)
        .size(gigabytes)
        .send()
        .await
        .map_err(failed(SERVICE, OPERATION))?;
    Ok(())
}
