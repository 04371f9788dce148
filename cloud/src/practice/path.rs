//! EC2: routes, network ACLs and rules of security groups in full. Ids that AWS would have made are derived from the
//! thing they belong to, so nothing has to be kept for them.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;

use crate::port::ec2::{Protocol, Rule};
use crate::port::path::{AclEntry, Destination, GroupRule, NetworkAcl, Peer, Route, RouteTarget, Routes};

use super::state::{State, sha256};

/// The number of the refusal that ends every network ACL.
const LAST_ENTRY: u32 = 32_767;

/// An id that always belongs to the same thing.
fn id_of(prefix: &str, what: &str) -> String {
    format!("{prefix}-0{}", sha256(what).get(..16).unwrap_or_default())
}

pub(super) fn everywhere() -> Option<IpNet> {
    IpNet::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0).ok()
}

/// What AWS puts into the ACL of a new VPC: everything in, everything out.
fn usual_entries() -> Vec<AclEntry> {
    let Some(cidr) = everywhere() else { return Vec::new() };
    [false, true]
        .into_iter()
        .flat_map(|egress| {
            [(100, true), (LAST_ENTRY, false)].map(|(number, allow)| AclEntry {
                number,
                egress,
                allow,
                protocol: None,
                ports: None,
                cidr,
            })
        })
        .collect()
}

impl State {
    pub(super) fn describe_routes(&self, vpc_id: &str) -> Vec<Routes> {
        self.route_tables
            .iter()
            .filter(|(_, table)| table.vpc_id == vpc_id)
            .map(|(id, table)| Routes {
                id: id.clone(),
                main: table.main,
                subnet_ids: table.subnet_ids.clone(),
                routes: self
                    .routes
                    .get(id)
                    .cloned()
                    .unwrap_or_else(|| self.usual_routes(vpc_id, table.to_internet)),
            })
            .collect()
    }

    /// The VPC itself, and the internet where the table leads there.
    pub(super) fn usual_routes(&self, vpc_id: &str, to_internet: bool) -> Vec<Route> {
        let cidrs = self.vpcs.get(vpc_id).map(|vpc| vpc.cidrs.as_slice()).unwrap_or_default();
        let local = cidrs.iter().map(|cidr| Route {
            destination: Destination::Cidr(*cidr),
            target_id: "local".to_owned(),
            target: RouteTarget::Local,
            active: true,
        });
        let out = everywhere().filter(|_| to_internet).map(|cidr| Route {
            destination: Destination::Cidr(cidr),
            target_id: id_of("igw", vpc_id),
            target: RouteTarget::InternetGateway,
            active: true,
        });
        local.chain(out).collect()
    }

    pub(super) fn describe_network_acls(&self, vpc_id: &str) -> Vec<NetworkAcl> {
        if !self.vpcs.contains_key(vpc_id) {
            return Vec::new();
        }
        let of_vpc = self.subnets.iter().filter(|(_, subnet)| subnet.vpc_id == vpc_id);
        vec![NetworkAcl {
            id: id_of("acl", vpc_id),
            is_default: true,
            subnet_ids: of_vpc.map(|(id, _)| id.clone()).collect(),
            entries: self.acls.get(vpc_id).cloned().unwrap_or_else(usual_entries),
        }]
    }

    pub(super) fn describe_security_group_rules(&self, group_id: &str) -> Vec<GroupRule> {
        let Some(group) = self.groups.get(group_id) else { return Vec::new() };
        let show = |rule: &Rule, egress: bool| {
            let (protocol, ports) = match rule.protocol {
                Protocol::Tcp => (Some(6), Some((rule.from_port, rule.to_port))),
                Protocol::Udp => (Some(17), Some((rule.from_port, rule.to_port))),
                Protocol::All => (None, None),
                Protocol::Other => (Some(1), None),
            };
            GroupRule {
                id: id_of("sgr", &format!("{group_id} {egress} {rule}")),
                group_id: group_id.to_owned(),
                egress,
                protocol,
                ports,
                peer: Peer::Cidr(rule.cidr),
            }
        };
        let inbound = group.ingress.iter().map(|rule| show(rule, false));
        let outbound = group.egress.iter().map(|rule| show(rule, true));
        let others = self.peers.iter().filter(|rule| rule.group_id == group_id).cloned();
        inbound.chain(outbound).chain(others).collect()
    }
}
