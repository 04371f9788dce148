//! EC2's port on the practice account: each operation with its name and whether it changes something.

use async_trait::async_trait;
use model::tags::Tags;

use crate::CallError;
use crate::hook::Access::{Read, Write};
use crate::port::ec2::{
    Address, AddressAssociation, AddressQuery, DryRun, Ec2, GroupQuery, Image, Instance, InstanceGroups,
    InstanceQuery, InstanceStatus, InstanceTypeInfo, MetadataOptions, NewInstance, NewSecurityGroup,
    RouteTable, RuleChange, SecurityGroup, Subnet, SubnetQuery, TerminationProtection, Volume, VolumeSize,
    Vpc, VpcQuery,
};
use crate::port::path::{GroupRule, NetworkAcl, Routes};

use super::address::check_address;
use super::desk::Desk;
use super::network::Side;
use super::refusal::Answer;
use super::state::State;

impl Desk {
    fn ec2_read<T>(
        &self,
        operation: &'static str,
        act: impl FnOnce(&mut State) -> Answer<T>,
    ) -> Result<T, CallError> {
        self.call("ec2", operation, Read, "*", act)
    }

    fn ec2_write<T>(
        &self,
        operation: &'static str,
        resource: &str,
        act: impl FnOnce(&mut State) -> Answer<T>,
    ) -> Result<T, CallError> {
        let arn = self.look(|state| state.arn("ec2", resource));
        self.call("ec2", operation, Write, &arn, act)
    }
}

#[async_trait]
impl Ec2 for Desk {
    async fn describe_vpcs(&self, query: VpcQuery) -> Result<Vec<Vpc>, CallError> {
        self.ec2_read("DescribeVpcs", |state| Ok(state.describe_vpcs(&query)))
    }

    async fn describe_subnets(&self, query: SubnetQuery) -> Result<Vec<Subnet>, CallError> {
        self.ec2_read("DescribeSubnets", |state| Ok(state.describe_subnets(&query)))
    }

    async fn describe_route_tables(&self, vpc_id: String) -> Result<Vec<RouteTable>, CallError> {
        self.ec2_read("DescribeRouteTables", |state| Ok(state.describe_route_tables(&vpc_id)))
    }

    async fn describe_routes(&self, vpc_id: String) -> Result<Vec<Routes>, CallError> {
        self.ec2_read("DescribeRouteTables", |state| Ok(state.describe_routes(&vpc_id)))
    }

    async fn describe_network_acls(&self, vpc_id: String) -> Result<Vec<NetworkAcl>, CallError> {
        self.ec2_read("DescribeNetworkAcls", |state| Ok(state.describe_network_acls(&vpc_id)))
    }

    async fn describe_security_group_rules(&self, group_id: String) -> Result<Vec<GroupRule>, CallError> {
        self.ec2_read(
            "DescribeSecurityGroupRules",
            |state| Ok(state.describe_security_group_rules(&group_id)),
        )
    }

    async fn describe_image(&self, id: String) -> Result<Option<Image>, CallError> {
        self.ec2_read("DescribeImages", |state| Ok(state.describe_image(&id)))
    }

    async fn describe_instance_type(&self, name: String) -> Result<Option<InstanceTypeInfo>, CallError> {
        self.ec2_read("DescribeInstanceTypes", |state| Ok(state.describe_instance_type(&name)))
    }

    async fn describe_security_groups(&self, query: GroupQuery) -> Result<Vec<SecurityGroup>, CallError> {
        self.ec2_read("DescribeSecurityGroups", |state| Ok(state.describe_security_groups(&query)))
    }

    async fn create_security_group(&self, new: NewSecurityGroup) -> Result<String, CallError> {
        let act = |state: &mut State| state.create_security_group(new);
        self.ec2_write("CreateSecurityGroup", "security-group/*", act)
    }

    async fn authorize_ingress(&self, change: RuleChange) -> Result<(), CallError> {
        let resource = format!("security-group/{}", change.group_id);
        let act = |state: &mut State| state.authorize(&change, Side::In);
        self.ec2_write("AuthorizeSecurityGroupIngress", &resource, act)
    }

    async fn revoke_ingress(&self, change: RuleChange) -> Result<(), CallError> {
        let resource = format!("security-group/{}", change.group_id);
        let act = |state: &mut State| state.revoke(&change, Side::In);
        self.ec2_write("RevokeSecurityGroupIngress", &resource, act)
    }

    async fn authorize_egress(&self, change: RuleChange) -> Result<(), CallError> {
        let resource = format!("security-group/{}", change.group_id);
        let act = |state: &mut State| state.authorize(&change, Side::Out);
        self.ec2_write("AuthorizeSecurityGroupEgress", &resource, act)
    }

    async fn revoke_egress(&self, change: RuleChange) -> Result<(), CallError> {
        let resource = format!("security-group/{}", change.group_id);
        let act = |state: &mut State| state.revoke(&change, Side::Out);
        self.ec2_write("RevokeSecurityGroupEgress", &resource, act)
    }

    async fn delete_security_group(&self, id: String) -> Result<(), CallError> {
        let resource = format!("security-group/{id}");
        self.ec2_write("DeleteSecurityGroup", &resource, |state| state.delete_security_group(&id))
    }

    async fn describe_instances(&self, query: InstanceQuery) -> Result<Vec<Instance>, CallError> {
        self.ec2_read("DescribeInstances", |state| Ok(state.describe_instances(&query)))
    }

    async fn run_instance(&self, new: NewInstance) -> Result<String, CallError> {
        self.ec2_write("RunInstances", "instance/*", |state| state.run_instance(new))
    }

    async fn terminate_instance(&self, id: String) -> Result<(), CallError> {
        let resource = format!("instance/{id}");
        self.ec2_write("TerminateInstances", &resource, |state| state.terminate_instance(&id))
    }

    async fn describe_termination_protection(&self, id: String) -> Result<bool, CallError> {
        self.ec2_read("DescribeInstanceAttribute", |state| state.describe_termination_protection(&id))
    }

    async fn set_termination_protection(&self, change: TerminationProtection) -> Result<(), CallError> {
        let resource = format!("instance/{}", change.instance_id);
        let act = |state: &mut State| state.set_termination_protection(&change);
        self.ec2_write("ModifyInstanceAttribute", &resource, act)
    }

    async fn set_instance_groups(&self, change: InstanceGroups) -> Result<(), CallError> {
        let resource = format!("instance/{}", change.instance_id);
        let act = |state: &mut State| state.set_instance_groups(change);
        self.ec2_write("ModifyInstanceAttribute", &resource, act)
    }

    async fn modify_metadata_options(&self, change: MetadataOptions) -> Result<(), CallError> {
        let resource = format!("instance/{}", change.instance_id);
        let act = |state: &mut State| state.modify_metadata_options(&change);
        self.ec2_write("ModifyInstanceMetadataOptions", &resource, act)
    }

    async fn describe_instance_status(&self, id: String) -> Result<Option<InstanceStatus>, CallError> {
        self.ec2_read("DescribeInstanceStatus", |state| Ok(state.describe_instance_status(&id)))
    }

    async fn get_console_output(&self, id: String) -> Result<Option<String>, CallError> {
        self.ec2_read("GetConsoleOutput", |state| state.get_console_output(&id))
    }

    async fn describe_volume(&self, id: String) -> Result<Option<Volume>, CallError> {
        self.ec2_read("DescribeVolumes", |state| Ok(state.describe_volume(&id)))
    }

    async fn modify_volume(&self, change: VolumeSize) -> Result<(), CallError> {
        let resource = format!("volume/{}", change.volume_id);
        self.ec2_write("ModifyVolume", &resource, |state| state.modify_volume(&change))
    }

    async fn describe_addresses(&self, query: AddressQuery) -> Result<Vec<Address>, CallError> {
        self.ec2_read("DescribeAddresses", |state| Ok(state.describe_addresses(&query)))
    }

    async fn allocate_address(&self, tags: Tags) -> Result<String, CallError> {
        self.ec2_write("AllocateAddress", "elastic-ip/*", |state| state.allocate_address(tags))
    }

    async fn associate_address(&self, pair: AddressAssociation) -> Result<String, CallError> {
        let resource = format!("elastic-ip/{}", pair.allocation_id);
        self.ec2_write("AssociateAddress", &resource, |state| state.associate_address(pair))
    }

    async fn disassociate_address(&self, association_id: String) -> Result<(), CallError> {
        let act = |state: &mut State| state.disassociate_address(&association_id);
        self.ec2_write("DisassociateAddress", "elastic-ip/*", act)
    }

    async fn release_address(&self, id: String) -> Result<(), CallError> {
        let resource = format!("elastic-ip/{id}");
        self.ec2_write("ReleaseAddress", &resource, |state| state.release_address(&id))
    }

    async fn dry_run(&self, what: DryRun) -> Result<(), CallError> {
        let (operation, resource) = match &what {
            DryRun::RunInstances(_) => ("RunInstances", "instance/*"),
            DryRun::CreateSecurityGroup(_) => ("CreateSecurityGroup", "security-group/*"),
            DryRun::AllocateAddress(_) => ("AllocateAddress", "elastic-ip/*"),
        };
        let arn = self.look(|state| state.arn("ec2", resource));
        // Permission comes before parameters, and neither makes anything.
        self.call("ec2", operation, Read, &arn, |state| match &what {
            DryRun::RunInstances(new) => state.check_instance(new),
            DryRun::CreateSecurityGroup(new) => state.check_security_group(new),
            DryRun::AllocateAddress(tags) => check_address(tags),
        })
    }
}
