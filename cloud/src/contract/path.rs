//! What lies on the way of a packet: routes, network ACLs, rules of security groups in full.

use std::collections::BTreeSet;

use crate::Cloud;
use crate::port::ec2::{NewSecurityGroup, Protocol, Rule, RuleChange};
use crate::port::path::{Destination, Peer, RouteTarget};

use super::Fixture;

/// The VPC has routes to itself, an ACL with a final refusal, and a new group the rules that it was given.
pub async fn paths(cloud: &Cloud, fixture: &Fixture) {
    let ec2 = &cloud.ec2;
    let vpc_id = fixture.vpc(cloud).await;
    let tables = ec2.describe_routes(vpc_id.clone()).await.expect("routes can be read");
    assert_eq!(tables.iter().filter(|table| table.main).count(), 1, "one main route table: {tables:?}");
    let plain = ec2.describe_route_tables(vpc_id.clone()).await.expect("route tables");
    let ids = |ids: &mut dyn Iterator<Item = String>| ids.collect::<BTreeSet<String>>();
    assert_eq!(
        ids(&mut tables.iter().map(|table| table.id.clone())),
        ids(&mut plain.iter().map(|table| table.id.clone())),
        "two ways to see the same tables"
    );
    for (table, plain) in tables.iter().zip(&plain) {
        let local = table.routes.iter().find(|route| route.target == RouteTarget::Local);
        let local = local.unwrap_or_else(|| panic!("a VPC reaches itself: {table:?}"));
        assert!(local.active && local.target_id == "local", "{local:?}");
        assert!(matches!(local.destination, Destination::Cidr(_)), "{local:?}");
        let leads_out = table.routes.iter().any(|route| {
            route.target == RouteTarget::InternetGateway
                && route.active
                && matches!(route.destination, Destination::Cidr(cidr) if cidr.prefix_len() == 0)
        });
        assert_eq!(leads_out, plain.default_route_to_internet_gateway, "{table:?}");
    }

    let acls = ec2.describe_network_acls(vpc_id.clone()).await.expect("network ACLs can be read");
    assert_eq!(acls.iter().filter(|acl| acl.is_default).count(), 1, "one default ACL: {acls:?}");
    let subnet_id = fixture.subnet(cloud).await;
    let of_subnet: Vec<_> = acls.iter().filter(|acl| acl.subnet_ids.contains(&subnet_id)).collect();
    let [acl] = of_subnet.as_slice() else { panic!("one ACL for the subnet, not {of_subnet:?}") };
    assert!(acl.id.starts_with("acl-"), "{acl:?}");
    for egress in [false, true] {
        let last = acl.entries.iter().filter(|entry| entry.egress == egress).max_by_key(|one| one.number);
        let last = last.unwrap_or_else(|| panic!("entries in both directions: {acl:?}"));
        assert!(!last.allow && last.protocol.is_none(), "what nobody allowed is refused: {last:?}");
    }

    group_rules(cloud, fixture, vpc_id).await;
}

async fn group_rules(cloud: &Cloud, fixture: &Fixture, vpc_id: String) {
    let ec2 = &cloud.ec2;
    let new = NewSecurityGroup {
        name: fixture.name("rules"),
        description: "contract test".to_owned(),
        vpc_id,
        tags: fixture.tags("rules"),
    };
    let id = ec2.create_security_group(new).await.expect("a group is made");
    let cidr = "192.0.2.0/24".parse().expect("a block");
    let rule = Rule { protocol: Protocol::Tcp, from_port: 443, to_port: 444, cidr };
    let change = RuleChange { group_id: id.clone(), rules: BTreeSet::from([rule]) };
    ec2.authorize_ingress(change).await.expect("a rule is added");
    let rules = ec2.describe_security_group_rules(id.clone()).await.expect("rules can be read");
    assert!(rules.iter().all(|rule| rule.id.starts_with("sgr-") && rule.group_id == id), "{rules:?}");
    let inbound: Vec<_> = rules.iter().filter(|rule| !rule.egress).collect();
    let [one] = inbound.as_slice() else { panic!("one inbound rule, not {inbound:?}") };
    assert_eq!((one.protocol, one.ports, &one.peer), (Some(6), Some((443, 444)), &Peer::Cidr(cidr)));
    assert!(rules.iter().any(|rule| rule.egress && rule.protocol.is_none()), "AWS opens the way out");
    ec2.delete_security_group(id.clone()).await.expect("the group is deleted");
    let gone = ec2.describe_security_group_rules(id).await.expect("read");
    assert_eq!(gone, [], "a group that does not exist has no rules");
}
