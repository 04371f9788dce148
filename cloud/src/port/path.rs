//! What lies on the way of a packet to an instance: routes, network ACLs and the rules of security groups in full.
//!
//! `ec2.rs` has what the engine makes and compares; here is what an evaluation of the path has to see beside it, such
//! as rules whose source is another group.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// A route table of a VPC with all its routes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routes {
    /// The route table's id.
    pub id: String,
    /// Whether subnets without a table of their own use it.
    pub main: bool,
    /// Subnets associated with it.
    pub subnet_ids: Vec<String>,
    /// Its routes, the local ones included.
    pub routes: Vec<Route>,
}

/// One route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// Where to.
    pub destination: Destination,
    /// Through what: the id as EC2 gives it, such as `igw-0123456789abcdef0` or `local`; empty where there is none.
    pub target_id: String,
    /// What kind of thing that is.
    pub target: RouteTarget,
    /// False for a black hole: what it leads to is gone.
    pub active: bool,
}

/// Where a route leads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Destination {
    /// A block of addresses.
    Cidr(IpNet),
    /// The blocks of a prefix list, by its id.
    PrefixList(String),
}

/// What a route leads through.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RouteTarget {
    /// The VPC itself.
    Local,
    /// An internet gateway: both ways, for instances with a public address.
    InternetGateway,
    /// An egress-only internet gateway: IPv6, from inside only.
    EgressOnlyGateway,
    /// A NAT gateway or instance: from inside only.
    Nat,
    /// A gateway endpoint of an AWS service.
    VpcEndpoint,
    /// Anything else: a transit gateway, a peering, a virtual private gateway, a network interface.
    Other,
}

/// A network ACL of a VPC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkAcl {
    /// Its id.
    pub id: String,
    /// Whether subnets without an ACL of their own have it.
    pub is_default: bool,
    /// Subnets associated with it.
    pub subnet_ids: Vec<String>,
    /// Its entries in both directions, the final refusals (number 32767) included.
    pub entries: Vec<AclEntry>,
}

/// One entry of a network ACL. The one with the lowest number that fits decides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AclEntry {
    /// 1 to 32766; 32767 for the final refusal, shown as `*`.
    pub number: u32,
    /// Whether it is about packets that leave the subnet.
    pub egress: bool,
    /// Whether it lets through.
    pub allow: bool,
    /// IANA protocol number (6 is TCP); `None` for all.
    pub protocol: Option<u8>,
    /// First and last port, where the protocol has ports.
    pub ports: Option<(u16, u16)>,
    /// Source of what comes in, destination of what goes out.
    pub cidr: IpNet,
}

/// A rule of a security group, whatever its source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupRule {
    /// Its id, such as `sgr-0123456789abcdef0`.
    pub id: String,
    /// The group it belongs to.
    pub group_id: String,
    /// Whether it is about what the instance sends.
    pub egress: bool,
    /// IANA protocol number (6 is TCP); `None` for all.
    pub protocol: Option<u8>,
    /// First and last port, where the protocol has ports; `None` for all.
    pub ports: Option<(u16, u16)>,
    /// Source of what comes in, destination of what goes out.
    pub peer: Peer,
}

/// Whom a rule of a security group is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Peer {
    /// A block of addresses.
    Cidr(IpNet),
    /// Whoever is in this security group.
    Group(String),
    /// The blocks of a prefix list, by its id.
    PrefixList(String),
}
