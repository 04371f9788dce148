//! What is known of the way to the instance. Values only.

use std::net::IpAddr;

use ipnet::IpNet;

/// Everything on the way between the internet, the VPC and the instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathFacts {
    /// The instance.
    pub instance_id: String,
    /// Its address inside the VPC.
    pub private_ip: Option<IpAddr>,
    /// Its address on the internet, where it has one.
    pub public_ip: Option<IpAddr>,
    /// The blocks of its VPC.
    pub vpc_cidrs: Vec<IpNet>,
    /// Its subnet.
    pub subnet_id: String,
    /// The route table of the subnet.
    pub table: RouteTable,
    /// The network ACL of the subnet.
    pub acl: NetworkAcl,
    /// Its security groups.
    pub group_ids: Vec<String>,
    /// The rules of all its security groups.
    pub rules: Vec<GroupRule>,
}

/// A route table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteTable {
    /// Its id.
    pub id: String,
    /// Its routes.
    pub routes: Vec<Route>,
}

/// One route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Where to.
    pub destination: Destination,
    /// The id of what it leads through; may be empty.
    pub target_id: String,
    /// What kind of thing that is.
    pub target: RouteTarget,
    /// False for a black hole.
    pub active: bool,
}

/// Where a route leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// A block of addresses.
    Cidr(IpNet),
    /// A prefix list whose blocks are not known, by its id.
    PrefixList(String),
}

/// What a route leads through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RouteTarget {
    /// The VPC itself.
    Local,
    /// Both ways, for instances with a public address.
    InternetGateway,
    /// IPv6, from inside only.
    EgressOnlyGateway,
    /// From inside only, under another address.
    Nat,
    /// A gateway endpoint of an AWS service.
    VpcEndpoint,
    /// Anything else.
    Other,
}

/// A network ACL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkAcl {
    /// Its id.
    pub id: String,
    /// Its entries, in any order.
    pub entries: Vec<AclEntry>,
}

/// An entry of a network ACL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AclEntry {
    /// The lowest that fits decides.
    pub number: u32,
    /// Whether it is about packets that leave the subnet.
    pub egress: bool,
    /// Whether it lets through.
    pub allow: bool,
    /// IANA protocol number; `None` for all.
    pub protocol: Option<u8>,
    /// First and last destination port; `None` for all.
    pub ports: Option<(u16, u16)>,
    /// Source of what comes in, destination of what goes out.
    pub cidr: IpNet,
}

/// A rule of a security group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupRule {
    /// Its id.
    pub id: String,
    /// The group it belongs to.
    pub group_id: String,
    /// Whether it is about what the instance sends.
    pub egress: bool,
    /// IANA protocol number; `None` for all.
    pub protocol: Option<u8>,
    /// First and last destination port; `None` for all.
    pub ports: Option<(u16, u16)>,
    /// Source of what comes in, destination of what goes out.
    pub peer: Peer,
}

/// Whom a rule is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Peer {
    /// A block of addresses.
    Cidr(IpNet),
    /// Whoever is in this security group; always a private address.
    Group(String),
    /// A prefix list whose blocks are not known, by its id.
    PrefixList(String),
}
