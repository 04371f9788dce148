//! Amazon EC2: networks, security groups, instances, volumes and addresses.

use std::collections::BTreeSet;
use std::fmt;

use ipnet::IpNet;
use model::tags::Tags;
use serde::{Deserialize, Serialize};

use crate::hook::port;
use crate::port::path::{GroupRule, NetworkAcl, Routes};

/// Which VPCs are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VpcQuery {
    /// The default VPC of the Region.
    Default,
    /// One by id.
    Id(String),
    /// All of the Region.
    All,
}

/// A VPC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vpc {
    /// Its id.
    pub id: String,
    /// Its associated IPv4 and IPv6 blocks.
    pub cidrs: Vec<IpNet>,
    /// Whether it is the default VPC.
    pub is_default: bool,
}

/// Which subnets are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubnetQuery {
    /// One by id.
    Id(String),
    /// All of a VPC.
    Vpc(String),
}

/// A subnet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subnet {
    /// Its id.
    pub id: String,
    /// Its VPC.
    pub vpc_id: String,
    /// Such as `us-east-1a`.
    pub availability_zone: String,
    /// Free IPv4 addresses.
    pub free_addresses: u32,
}

/// A route table of a VPC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteTable {
    /// Its id.
    pub id: String,
    /// Whether subnets without a table of their own use it.
    pub main: bool,
    /// Subnets associated with it.
    pub subnet_ids: Vec<String>,
    /// Whether `0.0.0.0/0` goes to an internet gateway (`igw-...`).
    pub default_route_to_internet_gateway: bool,
}

/// What a rule lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// Everything (`-1`); ports mean nothing then and are 0 to 65535.
    All,
    /// ICMP and whatever else a person may have added; never ours.
    Other,
}

/// One rule of a security group, one block of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Rule {
    /// What it lets through.
    pub protocol: Protocol,
    /// First port.
    pub from_port: u16,
    /// Last port.
    pub to_port: u16,
    /// Source of an inbound rule, destination of an outbound one.
    pub cidr: IpNet,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.protocol {
            Protocol::All => write!(f, "all {}", self.cidr),
            Protocol::Other => write!(f, "other {}", self.cidr),
            Protocol::Tcp | Protocol::Udp => {
                let name = if self.protocol == Protocol::Tcp { "tcp" } else { "udp" };
                if self.from_port == self.to_port {
                    write!(f, "{name} {} {}", self.from_port, self.cidr)
                } else {
                    write!(f, "{name} {}-{} {}", self.from_port, self.to_port, self.cidr)
                }
            }
        }
    }
}

impl std::str::FromStr for Rule {
    type Err = InvalidRule;

    /// Reads what `Display` writes.
    fn from_str(text: &str) -> Result<Self, InvalidRule> {
        let mut words = text.split(' ');
        let (protocol, ports, cidr) = match (words.next(), words.next(), words.next(), words.next()) {
            (Some("all"), Some(cidr), None, None) => (Protocol::All, "0-65535", cidr),
            (Some("other"), Some(cidr), None, None) => (Protocol::Other, "0-65535", cidr),
            (Some("tcp"), Some(ports), Some(cidr), None) => (Protocol::Tcp, ports, cidr),
            (Some("udp"), Some(ports), Some(cidr), None) => (Protocol::Udp, ports, cidr),
            _ => return Err(InvalidRule),
        };
        let (from_port, to_port) = ports.split_once('-').unwrap_or((ports, ports));
        Ok(Self {
            protocol,
            from_port: from_port.parse().map_err(|_| InvalidRule)?,
            to_port: to_port.parse().map_err(|_| InvalidRule)?,
            cidr: cidr.parse().map_err(|_| InvalidRule)?,
        })
    }
}

/// A text that is no rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a protocol, ports and a network, such as `tcp 443 0.0.0.0/0`")]
pub struct InvalidRule;

/// Which security groups are asked for; each is one filtered request, whatever the account holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupQuery {
    /// One by id.
    Id(String),
    /// Those whose deployment tag has exactly this value.
    Deployment(String),
    /// The one of that name in a VPC.
    Name {
        /// Its VPC.
        vpc_id: String,
        /// Its group name.
        name: String,
    },
}

/// A security group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecurityGroup {
    /// Its id.
    pub id: String,
    /// Unique in its VPC.
    pub name: String,
    /// Its VPC.
    pub vpc_id: String,
    /// Inbound rules. Rules whose source is a group or a prefix list are not ours and not shown.
    pub ingress: BTreeSet<Rule>,
    /// Outbound rules.
    pub egress: BTreeSet<Rule>,
    /// Its tags.
    pub tags: Tags,
}

/// A security group to make. AWS gives it one outbound rule: all traffic to `0.0.0.0/0`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSecurityGroup {
    /// Unique in its VPC.
    pub name: String,
    /// What it is for; cannot be changed later.
    pub description: String,
    /// Its VPC.
    pub vpc_id: String,
    /// Put on at creation.
    pub tags: Tags,
}

/// Rules to add to, or take from, a security group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleChange {
    /// The group.
    pub group_id: String,
    /// The rules.
    pub rules: BTreeSet<Rule>,
}

/// Which images are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Its id.
    pub id: String,
    /// Such as `/dev/xvda`; a root volume setting must name it exactly.
    pub root_device_name: String,
    /// `x86_64` or `arm64`.
    pub architecture: String,
}

/// What an instance type offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceTypeInfo {
    /// Default vCPUs.
    pub vcpus: u32,
    /// Memory, MiB.
    pub memory_mib: u64,
    /// `x86_64`, `arm64`.
    pub architectures: Vec<String>,
}

/// An instance to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewInstance {
    /// The image.
    pub image_id: String,
    /// Such as `t3.xlarge`.
    pub instance_type: String,
    /// Its subnet.
    pub subnet_id: String,
    /// Its security groups.
    pub group_ids: Vec<String>,
    /// Name of its instance profile.
    pub profile_name: String,
    /// Such as `/dev/xvda`.
    pub root_device_name: String,
    /// GiB of the encrypted gp3 root volume, deleted with the instance.
    pub volume_gb: u32,
    /// Whether `TerminateInstances` is refused.
    pub termination_protection: bool,
    /// At most 64 ASCII characters; the same token never makes a second instance.
    pub client_token: String,
    /// Base64 is the adapter's business.
    pub user_data: Option<String>,
    /// Put on the instance and its volume at creation.
    pub tags: Tags,
}

/// Which instances are asked for; terminated ones are never returned by `Deployment`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InstanceQuery {
    /// One by id.
    Id(String),
    /// Those whose deployment tag has exactly this value and that are not terminated.
    Deployment(String),
    /// All that run or are stopped, whoever made them.
    Alive,
}

/// The life of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InstanceState {
    /// Starting.
    Pending,
    /// Up.
    Running,
    /// On its way to stopped.
    Stopping,
    /// Down, kept.
    Stopped,
    /// On its way to terminated.
    ShuttingDown,
    /// Gone; still listed for about an hour.
    Terminated,
}

/// An instance. IMDSv2 is required and the hop limit 1 in every instance we make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// Its id.
    pub id: String,
    /// Its life.
    pub state: InstanceState,
    /// Such as `t3.xlarge`.
    pub instance_type: String,
    /// The image it started from.
    pub image_id: String,
    /// Its VPC.
    pub vpc_id: String,
    /// Its subnet.
    pub subnet_id: String,
    /// Its security groups.
    pub group_ids: BTreeSet<String>,
    /// ARN of its instance profile.
    pub profile_arn: Option<String>,
    /// Its public address.
    pub public_ip: Option<String>,
    /// Its private address.
    pub private_ip: Option<String>,
    /// Whether IMDSv1 is refused (`HttpTokens=required`).
    pub imds_tokens_required: bool,
    /// `HttpPutResponseHopLimit`.
    pub imds_hop_limit: u32,
    /// Its root volume.
    pub root_volume_id: Option<String>,
    /// Its tags.
    pub tags: Tags,
}

/// Whether an instance can be terminated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TerminationProtection {
    /// The instance.
    pub instance_id: String,
    /// `DisableApiTermination`.
    pub enabled: bool,
}

/// The metadata service of an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetadataOptions {
    /// The instance.
    pub instance_id: String,
    /// Whether IMDSv1 is refused.
    pub tokens_required: bool,
    /// `HttpPutResponseHopLimit`.
    pub hop_limit: u32,
}

/// The security groups an instance shall have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceGroups {
    /// The instance.
    pub instance_id: String,
    /// All of them.
    pub group_ids: Vec<String>,
}

/// The two status checks of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InstanceStatus {
    /// The host is well.
    pub system_ok: bool,
    /// The guest is well.
    pub instance_ok: bool,
}

/// A volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// Its id.
    pub id: String,
    /// GiB.
    pub size_gb: u32,
    /// Such as `gp3`.
    pub volume_type: String,
    /// Whether it is encrypted.
    pub encrypted: bool,
}

/// A larger size for a volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeSize {
    /// The volume.
    pub volume_id: String,
    /// GiB, never smaller than now.
    pub size_gb: u32,
}

/// Which addresses are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AddressQuery {
    /// One by allocation id.
    Id(String),
    /// Those whose deployment tag has exactly this value.
    Deployment(String),
}

/// An Elastic IP address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Its allocation id.
    pub allocation_id: String,
    /// The address itself.
    pub public_ip: String,
    /// The association, while there is one.
    pub association_id: Option<String>,
    /// The instance it is associated with.
    pub instance_id: Option<String>,
    /// Its tags.
    pub tags: Tags,
}

/// An address for an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressAssociation {
    /// The address.
    pub allocation_id: String,
    /// The instance.
    pub instance_id: String,
}

/// A call that is only tried for its permission (`DryRun`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DryRun {
    /// `ec2:RunInstances`. Boxed, since it is much the largest.
    RunInstances(Box<NewInstance>),
    /// `ec2:CreateSecurityGroup`.
    CreateSecurityGroup(NewSecurityGroup),
    /// `ec2:AllocateAddress`.
    AllocateAddress(Tags),
}

port! {
    /// Amazon EC2.
    "ec2" Ec2 {
        /// VPCs.
        Read "DescribeVpcs" describe_vpcs(VpcQuery) -> Vec<Vpc>;
        /// Subnets.
        Read "DescribeSubnets" describe_subnets(SubnetQuery) -> Vec<Subnet>;
        /// Route tables of a VPC.
        Read "DescribeRouteTables" describe_route_tables(String) -> Vec<RouteTable>;
        /// Route tables of a VPC with all their routes.
        Read "DescribeRouteTables" describe_routes(String) -> Vec<Routes>;
        /// Network ACLs of a VPC.
        Read "DescribeNetworkAcls" describe_network_acls(String) -> Vec<NetworkAcl>;
        /// All rules of a security group, whatever their source; none for a group that does not exist.
        Read "DescribeSecurityGroupRules" describe_security_group_rules(String) -> Vec<GroupRule>;
        /// An image by id.
        Read "DescribeImages" describe_image(String) -> Option<Image>;
        /// What a type offers; `None` where the Region does not have it.
        Read "DescribeInstanceTypes" describe_instance_type(String) -> Option<InstanceTypeInfo>;
        /// Security groups.
        Read "DescribeSecurityGroups" describe_security_groups(GroupQuery) -> Vec<SecurityGroup>;
        /// Makes a security group; its id is the answer.
        Write "CreateSecurityGroup" create_security_group(NewSecurityGroup) -> String;
        /// Adds inbound rules.
        Write "AuthorizeSecurityGroupIngress" authorize_ingress(RuleChange) -> ();
        /// Takes inbound rules away.
        Write "RevokeSecurityGroupIngress" revoke_ingress(RuleChange) -> ();
        /// Adds outbound rules.
        Write "AuthorizeSecurityGroupEgress" authorize_egress(RuleChange) -> ();
        /// Takes outbound rules away.
        Write "RevokeSecurityGroupEgress" revoke_egress(RuleChange) -> ();
        /// Deletes a security group that nothing uses.
        Write "DeleteSecurityGroup" delete_security_group(String) -> ();
        /// Instances.
        Read "DescribeInstances" describe_instances(InstanceQuery) -> Vec<Instance>;
        /// Starts one instance; its id is the answer. IMDSv2 required, hop limit 1, encrypted gp3 root volume.
        Write "RunInstances" run_instance(NewInstance) -> String;
        /// Terminates an instance.
        Write "TerminateInstances" terminate_instance(String) -> ();
        /// Whether an instance is protected against termination.
        Read "DescribeInstanceAttribute" describe_termination_protection(String) -> bool;
        /// Sets the protection against termination.
        Write "ModifyInstanceAttribute" set_termination_protection(TerminationProtection) -> ();
        /// Sets the security groups of an instance.
        Write "ModifyInstanceAttribute" set_instance_groups(InstanceGroups) -> ();
        /// Sets the metadata service of an instance.
        Write "ModifyInstanceMetadataOptions" modify_metadata_options(MetadataOptions) -> ();
        /// The status checks of an instance; `None` while there is no result.
        Read "DescribeInstanceStatus" describe_instance_status(String) -> Option<InstanceStatus>;
        /// The end of what the serial console shows, at most 64 KiB; `None` where there is nothing yet.
        Read "GetConsoleOutput" get_console_output(String) -> Option<String>;
        /// A volume by id.
        Read "DescribeVolumes" describe_volume(String) -> Option<Volume>;
        /// Makes a volume larger.
        Write "ModifyVolume" modify_volume(VolumeSize) -> ();
        /// Elastic IP addresses.
        Read "DescribeAddresses" describe_addresses(AddressQuery) -> Vec<Address>;
        /// Takes an address; its allocation id is the answer. There is no token: never repeat blindly.
        Write "AllocateAddress" allocate_address(Tags) -> String;
        /// Associates an address with an instance; its association id is the answer. Repeating it is harmless.
        Write "AssociateAddress" associate_address(AddressAssociation) -> String;
        /// Takes an address from its instance, by association id.
        Write "DisassociateAddress" disassociate_address(String) -> ();
        /// Gives an address back, by allocation id.
        Write "ReleaseAddress" release_address(String) -> ();
        /// Whether the call would be allowed: `Ok` for yes, kind `Denied` for no.
        Read "DryRun" dry_run(DryRun) -> ();
    }
}
