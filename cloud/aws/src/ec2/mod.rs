//! Amazon EC2. The port is one trait; its areas are files: networks, security groups, instances, volumes with
//! addresses, and calls that are only tried for their permission.

mod address;
mod dry_run;
mod group;
mod instance;
mod launch;
mod network;
mod path;
mod rule;

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{Filter, ResourceType, Tag, TagSpecification};
use cloud::port::ec2::{
    Address, AddressAssociation, AddressQuery, DryRun, Ec2, GroupQuery, Image, Instance, InstanceGroups,
    InstanceQuery, InstanceStatus, InstanceTypeInfo, MetadataOptions, NewInstance, NewSecurityGroup,
    RouteTable, RuleChange, SecurityGroup, Subnet, SubnetQuery, TerminationProtection, Volume, VolumeSize,
    Vpc, VpcQuery,
};
use cloud::port::path::{GroupRule, NetworkAcl, Routes};
use cloud::{CallError, ErrorKind};
use model::tags::{DEPLOYMENT, Tags};

use crate::tags::from_pairs;

const SERVICE: &str = "ec2";

/// The port over `aws-sdk-ec2`.
pub(crate) struct AwsEc2(Client);

impl AwsEc2 {
    pub(crate) fn new(config: &SdkConfig) -> Self {
        Self(Client::new(config))
    }
}

#[async_trait]
impl Ec2 for AwsEc2 {
    async fn describe_vpcs(&self, query: VpcQuery) -> Result<Vec<Vpc>, CallError> {
        network::describe_vpcs(&self.0, query).await
    }
    async fn describe_subnets(&self, query: SubnetQuery) -> Result<Vec<Subnet>, CallError> {
        network::describe_subnets(&self.0, query).await
    }
    async fn describe_route_tables(&self, vpc_id: String) -> Result<Vec<RouteTable>, CallError> {
        network::describe_route_tables(&self.0, vpc_id).await
    }
    async fn describe_routes(&self, vpc_id: String) -> Result<Vec<Routes>, CallError> {
        path::describe_routes(&self.0, vpc_id).await
    }
    async fn describe_network_acls(&self, vpc_id: String) -> Result<Vec<NetworkAcl>, CallError> {
        path::describe_network_acls(&self.0, vpc_id).await
    }
    async fn describe_security_group_rules(&self, group_id: String) -> Result<Vec<GroupRule>, CallError> {
        path::describe_security_group_rules(&self.0, group_id).await
    }
    async fn describe_image(&self, image_id: String) -> Result<Option<Image>, CallError> {
        launch::describe_image(&self.0, image_id).await
    }
    async fn describe_instance_type(&self, name: String) -> Result<Option<InstanceTypeInfo>, CallError> {
        launch::describe_instance_type(&self.0, name).await
    }
    async fn describe_security_groups(&self, query: GroupQuery) -> Result<Vec<SecurityGroup>, CallError> {
        group::describe(&self.0, query).await
    }
    async fn create_security_group(&self, new: NewSecurityGroup) -> Result<String, CallError> {
        group::create(&self.0, new).await
    }
    async fn authorize_ingress(&self, change: RuleChange) -> Result<(), CallError> {
        group::authorize_ingress(&self.0, change).await
    }
    async fn revoke_ingress(&self, change: RuleChange) -> Result<(), CallError> {
        group::revoke_ingress(&self.0, change).await
    }
    async fn authorize_egress(&self, change: RuleChange) -> Result<(), CallError> {
        group::authorize_egress(&self.0, change).await
    }
    async fn revoke_egress(&self, change: RuleChange) -> Result<(), CallError> {
        group::revoke_egress(&self.0, change).await
    }
    async fn delete_security_group(&self, group_id: String) -> Result<(), CallError> {
        group::delete(&self.0, group_id).await
    }
    async fn describe_instances(&self, query: InstanceQuery) -> Result<Vec<Instance>, CallError> {
        instance::describe(&self.0, query).await
    }
    async fn run_instance(&self, new: NewInstance) -> Result<String, CallError> {
        launch::run(&self.0, new).await
    }
    async fn terminate_instance(&self, id: String) -> Result<(), CallError> {
        instance::terminate(&self.0, id).await
    }
    async fn describe_termination_protection(&self, id: String) -> Result<bool, CallError> {
        instance::describe_termination_protection(&self.0, id).await
    }
    async fn set_termination_protection(&self, protection: TerminationProtection) -> Result<(), CallError> {
        instance::set_termination_protection(&self.0, protection).await
    }
    async fn set_instance_groups(&self, groups: InstanceGroups) -> Result<(), CallError> {
        instance::set_groups(&self.0, groups).await
    }
    async fn modify_metadata_options(&self, options: MetadataOptions) -> Result<(), CallError> {
        instance::modify_metadata_options(&self.0, options).await
    }
    async fn describe_instance_status(&self, id: String) -> Result<Option<InstanceStatus>, CallError> {
        instance::describe_status(&self.0, id).await
    }
    async fn get_console_output(&self, id: String) -> Result<Option<String>, CallError> {
        instance::console_output(&self.0, id).await
    }
    async fn describe_volume(&self, id: String) -> Result<Option<Volume>, CallError> {
        address::describe_volume(&self.0, id).await
    }
    async fn modify_volume(&self, size: VolumeSize) -> Result<(), CallError> {
        address::modify_volume(&self.0, size).await
    }
    async fn describe_addresses(&self, query: AddressQuery) -> Result<Vec<Address>, CallError> {
        address::describe(&self.0, query).await
    }
    async fn allocate_address(&self, tags: Tags) -> Result<String, CallError> {
        address::allocate(&self.0, tags).await
    }
    async fn associate_address(&self, association: AddressAssociation) -> Result<String, CallError> {
        address::associate(&self.0, association).await
    }
    async fn disassociate_address(&self, association_id: String) -> Result<(), CallError> {
        address::disassociate(&self.0, association_id).await
    }
    async fn release_address(&self, allocation_id: String) -> Result<(), CallError> {
        address::release(&self.0, allocation_id).await
    }
    async fn dry_run(&self, call: DryRun) -> Result<(), CallError> {
        dry_run::dry_run(&self.0, call).await
    }
}

fn filter(name: &str, value: impl Into<String>) -> Filter {
    Filter::builder().name(name).values(escaped(&value.into())).build()
}

/// Filter values are patterns in EC2; a deployment id or name holds none of these, but what comes from elsewhere may.
fn escaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for character in value.chars() {
        if matches!(character, '*' | '?' | '\\') {
            text.push('\\');
        }
        text.push(character);
    }
    text
}

/// Whole value of the deployment tag.
fn deployment_filter(id: String) -> Filter {
    filter(&format!("tag:{DEPLOYMENT}"), id)
}

fn from_tags(tags: &[Tag]) -> Tags {
    from_pairs(tags.iter().map(|tag| (tag.key(), tag.value())))
}

/// EC2 refuses a specification without tags, so none is made then.
fn tagged(resource: ResourceType, tags: &Tags) -> Option<TagSpecification> {
    let tags: Vec<Tag> =
        tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect();
    if tags.is_empty() {
        return None;
    }
    Some(TagSpecification::builder().resource_type(resource).set_tags(Some(tags)).build())
}

/// `none` for the error with which EC2 answers an id that it does not know.
fn or_empty<T>(answer: Result<Vec<T>, CallError>) -> Result<Vec<T>, CallError> {
    match answer {
        Err(error) if error.kind == ErrorKind::NotFound => Ok(Vec::new()),
        answer => answer,
    }
}
