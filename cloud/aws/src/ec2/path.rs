//! What lies on the way of a packet: routes, network ACLs and rules of security groups in full. Read only.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{self, RouteState};
use cloud::port::path::{AclEntry, Destination, GroupRule, NetworkAcl, Peer, Route, RouteTarget, Routes};
use cloud::{CallError, ErrorKind};
use ipnet::IpNet;

use super::{SERVICE, filter, or_empty};
use crate::error::{absent, failed};

pub(super) async fn describe_routes(client: &Client, vpc_id: String) -> Result<Vec<Routes>, CallError> {
    const OPERATION: &str = "DescribeRouteTables";
    let tables: Vec<types::RouteTable> = client
        .describe_route_tables()
        .filters(filter("vpc-id", vpc_id))
        .into_paginator()
        .items()
        .send()
        .try_collect()
        .await
        .map_err(failed(SERVICE, OPERATION))?;
    tables.iter().map(|table| from_table(table, OPERATION)).collect()
}

pub(super) async fn describe_network_acls(
    client: &Client,
    vpc_id: String,
) -> Result<Vec<NetworkAcl>, CallError> {
    const OPERATION: &str = "DescribeNetworkAcls";
    let acls: Vec<types::NetworkAcl> = client
        .describe_network_acls()
        .filters(filter("vpc-id", vpc_id))
        .into_paginator()
        .items()
        .send()
        .try_collect()
        .await
        .map_err(failed(SERVICE, OPERATION))?;
    acls.iter()
        .map(|acl| {
            let id = acl.network_acl_id().ok_or_else(|| absent(SERVICE, OPERATION, "networkAclId"))?;
            let subnets = acl.associations().iter().filter_map(|one| one.subnet_id().map(str::to_owned));
            Ok(NetworkAcl {
                id: id.to_owned(),
                is_default: acl.is_default().unwrap_or_default(),
                subnet_ids: subnets.collect(),
                entries: acl
                    .entries()
                    .iter()
                    .map(|entry| from_entry(entry, OPERATION))
                    .collect::<Result<_, _>>()?,
            })
        })
        .collect()
}

pub(super) async fn describe_security_group_rules(
    client: &Client,
    group_id: String,
) -> Result<Vec<GroupRule>, CallError> {
    const OPERATION: &str = "DescribeSecurityGroupRules";
    let found = client
        .describe_security_group_rules()
        .filters(filter("group-id", group_id))
        .into_paginator()
        .items()
        .send()
        .try_collect()
        .await
        .map_err(failed(SERVICE, OPERATION));
    or_empty(found)?.iter().map(|rule| from_rule(rule, OPERATION)).collect()
}

fn from_table(table: &types::RouteTable, operation: &str) -> Result<Routes, CallError> {
    let id = table.route_table_id().ok_or_else(|| absent(SERVICE, operation, "routeTableId"))?;
    let associations = table.associations();
    Ok(Routes {
        id: id.to_owned(),
        main: associations.iter().any(|association| association.main().unwrap_or_default()),
        subnet_ids: associations
            .iter()
            .filter_map(|association| association.subnet_id().map(str::to_owned))
            .collect(),
        routes: table.routes().iter().map(|route| from_route(route, operation)).collect::<Result<_, _>>()?,
    })
}

fn from_route(route: &types::Route, operation: &str) -> Result<Route, CallError> {
    let destination = match (
        route.destination_cidr_block(),
        route.destination_ipv6_cidr_block(),
        route.destination_prefix_list_id(),
    ) {
        (Some(text), ..) | (None, Some(text), _) => Destination::Cidr(block(text, operation)?),
        (None, None, Some(list)) => Destination::PrefixList(list.to_owned()),
        (None, None, None) => return Err(absent(SERVICE, operation, "destinationCidrBlock")),
    };
    let (target, target_id) = target_of(route);
    Ok(Route {
        destination,
        target,
        target_id: target_id.to_owned(),
        active: route.state() != Some(&RouteState::Blackhole),
    })
}

/// What a route leads through, and its id. A route names one thing; gateways share a field and differ by their prefix.
fn target_of(route: &types::Route) -> (RouteTarget, &str) {
    if let Some(id) = route.nat_gateway_id() {
        return (RouteTarget::Nat, id);
    }
    if let Some(id) = route.egress_only_internet_gateway_id() {
        return (RouteTarget::EgressOnlyGateway, id);
    }
    if let Some(id) = route.gateway_id() {
        let kind = match id {
            "local" => RouteTarget::Local,
            _ if id.starts_with("igw-") => RouteTarget::InternetGateway,
            _ if id.starts_with("vpce-") => RouteTarget::VpcEndpoint,
            _ => RouteTarget::Other,
        };
        return (kind, id);
    }
    // An instance that routes is a NAT instance, or something that only its owner knows.
    let other = route
        .instance_id()
        .or_else(|| route.network_interface_id())
        .or_else(|| route.transit_gateway_id())
        .or_else(|| route.vpc_peering_connection_id())
        .or_else(|| route.local_gateway_id())
        .or_else(|| route.carrier_gateway_id())
        .or_else(|| route.core_network_arn());
    (RouteTarget::Other, other.unwrap_or_default())
}

fn from_entry(entry: &types::NetworkAclEntry, operation: &str) -> Result<AclEntry, CallError> {
    let text = entry.cidr_block().or_else(|| entry.ipv6_cidr_block());
    let number = entry.rule_number().and_then(|number| u32::try_from(number).ok());
    let protocol = protocol(entry.protocol().unwrap_or("-1"), operation)?;
    Ok(AclEntry {
        number: number.ok_or_else(|| absent(SERVICE, operation, "ruleNumber"))?,
        egress: entry.egress().unwrap_or_default(),
        allow: entry.rule_action() == Some(&types::RuleAction::Allow),
        protocol,
        ports: entry.port_range().and_then(|range| ports(protocol, range.from(), range.to())),
        cidr: block(text.ok_or_else(|| absent(SERVICE, operation, "cidrBlock"))?, operation)?,
    })
}

fn from_rule(rule: &types::SecurityGroupRule, operation: &str) -> Result<GroupRule, CallError> {
    let protocol = protocol(rule.ip_protocol().unwrap_or("-1"), operation)?;
    let group = rule.referenced_group_info().and_then(|group| group.group_id());
    let peer = match (rule.cidr_ipv4().or_else(|| rule.cidr_ipv6()), group, rule.prefix_list_id()) {
        (Some(text), ..) => Peer::Cidr(block(text, operation)?),
        (None, Some(group), _) => Peer::Group(group.to_owned()),
        (None, None, Some(list)) => Peer::PrefixList(list.to_owned()),
        (None, None, None) => return Err(absent(SERVICE, operation, "cidrIpv4")),
    };
    let id =
        rule.security_group_rule_id().ok_or_else(|| absent(SERVICE, operation, "securityGroupRuleId"))?;
    Ok(GroupRule {
        id: id.to_owned(),
        group_id: rule.group_id().unwrap_or_default().to_owned(),
        egress: rule.is_egress().unwrap_or_default(),
        protocol,
        ports: ports(protocol, rule.from_port(), rule.to_port()),
        peer,
    })
}

/// A protocol by number or by one of the names that EC2 uses; `-1` is all.
fn protocol(text: &str, operation: &str) -> Result<Option<u8>, CallError> {
    Ok(match text {
        "-1" | "all" => None,
        "tcp" => Some(6),
        "udp" => Some(17),
        "icmp" => Some(1),
        "icmpv6" => Some(58),
        number => Some(number.parse().map_err(|_| {
            CallError::new(SERVICE, operation, ErrorKind::Other, "a rule's protocol is no number")
        })?),
    })
}

/// The ports, where the protocol has ports (TCP, UDP, SCTP) and they are not all.
fn ports(protocol: Option<u8>, from: Option<i32>, to: Option<i32>) -> Option<(u16, u16)> {
    if !matches!(protocol, Some(6 | 17 | 132)) {
        return None;
    }
    let port = |number: Option<i32>| number.and_then(|number| u16::try_from(number).ok());
    // `-1` and absent stand for all ports.
    Some((port(from)?, port(to).unwrap_or(u16::MAX)))
}

fn block(text: &str, operation: &str) -> Result<IpNet, CallError> {
    text.parse().map(|cidr: IpNet| cidr.trunc()).map_err(|_| {
        CallError::new(
            SERVICE,
            operation,
            ErrorKind::Other,
            "an answer holds a block of addresses that is none",
        )
    })
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::types::builders::RouteBuilder;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_route_is_told_by_what_it_names() {
        let to = |route: RouteBuilder| {
            from_route(&route.destination_cidr_block("0.0.0.0/0").build(), "x").unwrap()
        };
        let new = types::Route::builder;
        for (route, target, id) in [
            (new().gateway_id("local"), RouteTarget::Local, "local"),
            (new().gateway_id("igw-1"), RouteTarget::InternetGateway, "igw-1"),
            (new().gateway_id("vgw-1"), RouteTarget::Other, "vgw-1"),
            (new().gateway_id("vpce-1"), RouteTarget::VpcEndpoint, "vpce-1"),
            (new().nat_gateway_id("nat-1"), RouteTarget::Nat, "nat-1"),
            (new().egress_only_internet_gateway_id("eigw-1"), RouteTarget::EgressOnlyGateway, "eigw-1"),
            (new().transit_gateway_id("tgw-1"), RouteTarget::Other, "tgw-1"),
            (new().network_interface_id("eni-1"), RouteTarget::Other, "eni-1"),
            (new(), RouteTarget::Other, ""),
        ] {
            let route = to(route);
            assert_eq!((route.target, route.target_id.as_str(), route.active), (target, id, true));
        }
        assert!(!to(new().gateway_id("igw-1").state(RouteState::Blackhole)).active);
        let list = new().destination_prefix_list_id("pl-1").gateway_id("vpce-1").build();
        assert_eq!(from_route(&list, "x").unwrap().destination, Destination::PrefixList("pl-1".to_owned()));
    }

    #[test]
    fn sources_that_are_groups_or_lists_are_kept() {
        let new = || types::SecurityGroupRule::builder().security_group_rule_id("sgr-1").ip_protocol("tcp");
        let group = types::ReferencedSecurityGroup::builder().group_id("sg-2").build();
        let peer = |rule: &types::SecurityGroupRule| from_rule(rule, "x").unwrap().peer;
        assert_eq!(peer(&new().referenced_group_info(group).build()), Peer::Group("sg-2".to_owned()));
        assert_eq!(peer(&new().prefix_list_id("pl-1").build()), Peer::PrefixList("pl-1".to_owned()));
        assert_eq!(peer(&new().cidr_ipv6("::/0").build()), Peer::Cidr("::/0".parse().unwrap()));
        assert_eq!(from_rule(&new().build(), "x").unwrap_err().kind, ErrorKind::Other);
    }

    proptest! {
        #[test]
        fn no_number_that_ec2_may_send_panics(
            from in any::<Option<i32>>(), to in any::<Option<i32>>(), number in any::<Option<i32>>(), text in ".{0,4}"
        ) {
            let range = types::PortRange::builder().set_from(from).set_to(to).build();
            let entry = types::NetworkAclEntry::builder()
                .set_rule_number(number)
                .protocol(text.clone())
                .port_range(range)
                .cidr_block("10.0.0.0/8")
                .build();
            let _ = from_entry(&entry, "x");
            let rule = types::SecurityGroupRule::builder()
                .security_group_rule_id("sgr-1")
                .ip_protocol(text)
                .set_from_port(from)
                .set_to_port(to)
                .cidr_ipv4("10.0.0.0/8")
                .build();
            let _ = from_rule(&rule, "x");
        }
    }
}
