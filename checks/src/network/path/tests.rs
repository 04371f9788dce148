//! Tables of cases that operators meet, and every verdict against an evaluator that tries packet by packet.

use std::net::{IpAddr, Ipv4Addr};

use proptest::prelude::*;

use super::super::evaluate::{Ask, Layer, Outcome, Piece, Way, follow, sweep};
use super::super::facts::*;
use super::*;

fn net(text: &str) -> IpNet {
    text.parse().unwrap()
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn route(cidr: &str, target_id: &str, target: RouteTarget) -> Route {
    let destination = Destination::Cidr(net(cidr));
    Route { destination, target_id: target_id.to_owned(), target, active: true }
}

fn entry(number: u32, egress: bool, allow: bool, ports: Option<(u16, u16)>, cidr: &str) -> AclEntry {
    let protocol = ports.map(|_| 6);
    AclEntry { number, egress, allow, protocol, ports, cidr: net(cidr) }
}

fn rule(id: &str, egress: bool, ports: Option<(u16, u16)>, peer: Peer) -> GroupRule {
    let protocol = ports.map(|_| 6);
    GroupRule { id: id.to_owned(), group_id: "sg-1".to_owned(), egress, protocol, ports, peer }
}

/// A public subnet with the usual ACL, 443 open to everybody, backends to the VPC.
fn usual() -> PathFacts {
    PathFacts {
        instance_id: "i-1".to_owned(),
        private_ip: Some(ip("172.31.0.10")),
        public_ip: Some(ip("198.51.100.7")),
        vpc_cidrs: vec![net("172.31.0.0/16")],
        subnet_id: "subnet-1".to_owned(),
        table: RouteTable {
            id: "rtb-1".to_owned(),
            routes: vec![
                route("172.31.0.0/16", "local", RouteTarget::Local),
                route("0.0.0.0/0", "igw-1", RouteTarget::InternetGateway),
            ],
        },
        acl: NetworkAcl {
            id: "acl-1".to_owned(),
            entries: vec![
                entry(100, false, true, None, "0.0.0.0/0"),
                entry(32_767, false, false, None, "0.0.0.0/0"),
                entry(100, true, true, None, "0.0.0.0/0"),
                entry(32_767, true, false, None, "0.0.0.0/0"),
            ],
        },
        group_ids: vec!["sg-1".to_owned()],
        rules: vec![
            rule("sgr-1", false, Some((443, 443)), Peer::Cidr(net("0.0.0.0/0"))),
            rule("sgr-2", false, Some((8011, 8011)), Peer::Cidr(net("172.31.0.0/16"))),
            rule("sgr-3", true, None, Peer::Cidr(net("0.0.0.0/0"))),
        ],
    }
}

/// Severity and evidence of the one finding.
#[track_caller]
fn one(findings: &[Finding]) -> (Severity, &str, &str) {
    let [finding] = findings else { panic!("one finding, not {findings:#?}") };
    (finding.severity, &finding.message, finding.evidence.as_deref().unwrap_or_default())
}

fn all() -> Vec<IpNet> {
    vec![net("0.0.0.0/0")]
}

#[test]
fn a_usual_deployment_is_in_order_and_says_what_lets_through() {
    let facts = usual();
    let https = https(&facts, &all());
    assert_eq!(
        one(&https),
        (
            Severity::Ok,
            "port 443 is open to 0.0.0.0/0",
            "route 0.0.0.0/0 of rtb-1 through igw-1, inbound entry 100 of acl-1, rule sgr-1 of sg-1"
        )
    );
    assert_eq!(one(&ssh(&facts, &[])).0, Severity::Ok);
    assert_eq!(one(&backends_from_outside(&facts, &[8011])).0, Severity::Ok);
    assert_eq!(one(&backends_from_inside(&facts, &[8011])).0, Severity::Ok);
    assert_eq!(one(&outbound(&facts)).0, Severity::Ok);
}

/// A name, what is spoiled, and what is said of it.
type Case = (&'static str, fn(&mut PathFacts), &'static str);

#[test]
fn what_blocks_is_named() {
    let cases: Vec<Case> = vec![
        ("no public address", |f| f.public_ip = None, "i-1 has no public IPv4 address"),
        ("no default route", |f| f.table.routes.truncate(1), "rtb-1 has no route to 0.0.0.0"),
        (
            "a black hole",
            |f| f.table.routes[1].active = false,
            "the route 0.0.0.0/0 of rtb-1 is a black hole: igw-1 is gone",
        ),
        (
            "a NAT gateway",
            |f| f.table.routes[1] = route("0.0.0.0/0", "nat-1", RouteTarget::Nat),
            "the route 0.0.0.0/0 of rtb-1 leads through nat-1, which lets nobody in and answers under another address",
        ),
        (
            "an entry of the ACL",
            |f| f.acl.entries.push(entry(90, false, false, Some((443, 443)), "0.0.0.0/0")),
            "inbound entry 90 of acl-1 denies it",
        ),
        (
            "an ACL without entries for answers",
            |f| f.acl.entries.retain(|entry| !entry.egress || entry.number == 32_767),
            "outbound entry * (the last) of acl-1 denies it",
        ),
        ("no rule", |f| f.rules.retain(|rule| rule.id != "sgr-1"), "no inbound rule of sg-1 allows it"),
        (
            "no group",
            |f| {
                f.rules.clear();
                f.group_ids.clear();
            },
            "no inbound rule of any security group allows it",
        ),
    ];
    for (name, spoil, evidence) in cases {
        let mut facts = usual();
        spoil(&mut facts);
        let findings = https(&facts, &all());
        // The part of the internet that is the VPC's own block goes another way and is not looked at.
        assert!(!findings.is_empty(), "{name}");
        for finding in &findings {
            assert_eq!(finding.severity, Severity::Error, "{name}: {finding:?}");
            let said = finding.evidence.as_deref().unwrap();
            // A route's absence names the first address of each stretch.
            assert!(said == evidence || name == "no default route", "{name}: {said}");
            assert!(finding.hint.as_ref().is_some_and(|hint| hint.contains("aws ec2")), "{name}");
        }
        assert_eq!(findings[0].evidence.as_deref(), Some(evidence), "{name}");
    }
}

#[test]
fn answers_to_some_client_ports_only_are_a_warning() {
    let mut facts = usual();
    facts.acl.entries.retain(|entry| !entry.egress);
    facts.acl.entries.push(entry(100, true, true, Some((32_768, 60_999)), "0.0.0.0/0"));
    let findings = https(&facts, &[net("203.0.113.0/24")]);
    let (severity, message, _) = one(&findings);
    assert_eq!(severity, Severity::Warning);
    assert_eq!(
        message,
        "port 443 is open to 203.0.113.0/24, but answers to its ports 1024-32767, 61000-65535 are dropped"
    );
}

#[test]
fn the_part_of_a_block_that_is_blocked_is_named() {
    let mut facts = usual();
    facts.acl.entries.push(entry(90, false, false, None, "203.0.113.128/25"));
    let findings = https(&facts, &[net("203.0.113.0/24")]);
    assert_eq!(one(&findings).1, "port 443 is closed to 203.0.113.128-203.0.113.255");
    assert_eq!(one(&https(&facts, &[net("203.0.113.0/25")])).0, Severity::Ok);
}

#[test]
fn what_is_open_that_should_not_be_is_an_error() {
    let mut facts = usual();
    facts.rules.push(rule("sgr-9", false, Some((22, 22)), Peer::Cidr(net("0.0.0.0/0"))));
    let open = ssh(&facts, &[net("203.0.113.0/24")]);
    assert_eq!(one(&open).0, Severity::Error);
    assert!(one(&open).2.contains("rule sgr-9 of sg-1"), "{open:?}");
    facts.rules.pop();
    facts.rules.push(rule("sgr-9", false, Some((22, 22)), Peer::Cidr(net("203.0.113.0/24"))));
    assert_eq!(one(&ssh(&facts, &[net("203.0.113.0/24")])).0, Severity::Ok);
    assert_eq!(one(&ssh(&facts, &[])).1, "port 22 is open to 203.0.113.0-203.0.113.255");
    assert_eq!(one(&ssh(&facts, &all())).0, Severity::Warning, "meant so, and still to be said");

    facts.rules.push(rule("sgr-8", false, Some((8000, 9000)), Peer::Cidr(net("203.0.113.7/32"))));
    assert_eq!(one(&backends_from_outside(&facts, &[8011])).1, "port 8011 is open to 203.0.113.7");
    // Open by its rule, and closed all the same while there is no public address.
    facts.public_ip = None;
    assert_eq!(one(&backends_from_outside(&facts, &[8011])).0, Severity::Ok);
}

#[test]
fn what_is_not_known_is_unclear_and_not_ok() {
    let mut facts = usual();
    facts.rules[0].peer = Peer::PrefixList("pl-1".to_owned());
    assert!(https(&facts, &all()).iter().all(|finding| finding.severity == Severity::Unknown));
    facts = usual();
    facts.rules[1].peer = Peer::Group("sg-2".to_owned());
    assert_eq!(one(&backends_from_inside(&facts, &[8011])).0, Severity::Unknown);
    assert_eq!(
        one(&backends_from_outside(&facts, &[8011])).0,
        Severity::Ok,
        "members have private addresses"
    );
    facts = usual();
    facts.table.routes[1] = route("0.0.0.0/0", "tgw-1", RouteTarget::Other);
    assert!(https(&facts, &all()).iter().all(|finding| finding.severity == Severity::Unknown));
    assert_eq!(one(&outbound(&facts)).0, Severity::Unknown);
}

#[test]
fn the_way_out_may_lead_through_a_nat() {
    let mut facts = usual();
    facts.public_ip = None;
    assert_eq!(one(&outbound(&facts)).2, "i-1 has no public IPv4 address");
    facts.table.routes[1] = route("0.0.0.0/0", "nat-1", RouteTarget::Nat);
    assert_eq!(one(&outbound(&facts)).0, Severity::Ok);
    facts.rules.retain(|rule| !rule.egress);
    assert_eq!(one(&outbound(&facts)).2, "no outbound rule of sg-1 allows it");
}

#[test]
fn a_block_of_the_other_family_is_said_and_not_judged() {
    let findings = https(&usual(), &[net("::/0")]);
    assert_eq!(one(&findings).0, Severity::Info);
}

// --- Packet by packet -------------------------------------------------------------------------------------------

/// Outcomes without their words.
#[derive(Debug, PartialEq, Eq, Clone)]
enum Plain {
    Open,
    Partly(Vec<u16>),
    Closed,
    Unclear,
}

fn plain(outcome: &Outcome) -> Plain {
    match outcome {
        Outcome::Open(_) => Plain::Open,
        Outcome::Partly(_, ports) => Plain::Partly(ports.iter().flat_map(|&(a, b)| a..=b).collect()),
        Outcome::Closed(_) => Plain::Closed,
        Outcome::Unclear(_) => Plain::Unclear,
    }
}

/// Whether an ACL lets one packet through: its entries one after the other, as AWS says it.
fn acl_lets(facts: &PathFacts, egress: bool, port: u16, peer: IpAddr) -> bool {
    for number in 0..=40 {
        for entry in &facts.acl.entries {
            let is_tcp = entry.protocol.is_none() || entry.protocol == Some(6);
            let has_port = entry.ports.is_none_or(|(a, b)| a <= port && port <= b);
            if entry.number == number
                && entry.egress == egress
                && is_tcp
                && has_port
                && entry.cidr.contains(&peer)
            {
                return entry.allow;
            }
        }
    }
    false
}

fn reference(facts: &PathFacts, ask: Ask, peer: IpAddr) -> Plain {
    let is_in = ask.way == Way::In;
    let inside = facts.vpc_cidrs.iter().any(|cidr| cidr.contains(&peer));
    // The route with the longest prefix.
    let mut chosen: Option<&Route> = None;
    for length in 0..=32 {
        for route in &facts.table.routes {
            if let Destination::Cidr(cidr) = route.destination
                && cidr.prefix_len() == length
                && cidr.contains(&peer)
            {
                chosen = Some(route);
            }
        }
    }
    let Some(route) = chosen else { return Plain::Closed };
    let mut unclear = false;
    let lists =
        facts.table.routes.iter().any(|route| matches!(route.destination, Destination::PrefixList(_)));
    match (route.active, route.target) {
        (false, _) => return Plain::Closed,
        (_, RouteTarget::Local) => {}
        (_, target) => {
            if target == RouteTarget::InternetGateway && !inside && facts.public_ip.is_none() {
                return Plain::Closed;
            }
            if lists {
                unclear = true;
            } else if matches!(target, RouteTarget::Nat | RouteTarget::EgressOnlyGateway) && is_in {
                return Plain::Closed;
            } else if matches!(target, RouteTarget::Other | RouteTarget::VpcEndpoint) {
                unclear = true;
            }
        }
    }
    if !acl_lets(facts, !is_in, ask.port, peer) {
        return Plain::Closed;
    }
    let (mut allowed, mut maybe) = (false, false);
    for rule in &facts.rules {
        let is_tcp = rule.protocol.is_none() || rule.protocol == Some(6);
        let has_port = rule.ports.is_none_or(|(a, b)| a <= ask.port && ask.port <= b);
        if rule.egress != is_in && is_tcp && has_port {
            match &rule.peer {
                Peer::Cidr(cidr) => allowed |= cidr.contains(&peer),
                Peer::Group(_) => maybe |= inside,
                Peer::PrefixList(_) => maybe = true,
            }
        }
    }
    if !allowed && !maybe {
        return Plain::Closed;
    }
    unclear |= !allowed;
    let dropped: Vec<u16> =
        (ask.clients.0..=ask.clients.1).filter(|port| !acl_lets(facts, is_in, *port, peer)).collect();
    if (ask.clients.0..=ask.clients.1).count() == dropped.len() {
        return Plain::Closed;
    }
    match (unclear, dropped.is_empty()) {
        (true, _) => Plain::Unclear,
        (false, true) => Plain::Open,
        (false, false) => Plain::Partly(dropped),
    }
}

/// Blocks within a small world of 32 addresses; every second one is inside the VPC's half or the whole world.
fn small_block() -> impl Strategy<Value = IpNet> {
    (0_u8..32, prop_oneof![Just(0_u8), 27_u8..=32]).prop_map(|(host, length)| {
        IpNet::new(Ipv4Addr::new(203, 0, 113, host).into(), length).unwrap().trunc()
    })
}

fn small_ports() -> impl Strategy<Value = Option<(u16, u16)>> {
    prop_oneof![
        Just(None),
        (440_u16..446, 0_u16..3).prop_map(|(from, more)| Some((from, from.saturating_add(more)))),
        (1020_u16..1044, 0_u16..20).prop_map(|(from, more)| Some((from, from.saturating_add(more)))),
    ]
}

fn protocols() -> impl Strategy<Value = Option<u8>> {
    prop_oneof![3 => Just(None), 5 => Just(Some(6)), 1 => Just(Some(17))]
}

fn small_facts() -> impl Strategy<Value = PathFacts> {
    let target = prop_oneof![
        4 => Just(RouteTarget::InternetGateway),
        1 => Just(RouteTarget::Local),
        1 => Just(RouteTarget::Nat),
        1 => Just(RouteTarget::EgressOnlyGateway),
        1 => Just(RouteTarget::Other),
        1 => Just(RouteTarget::VpcEndpoint),
    ];
    let route = (small_block(), target, prop::bool::weighted(0.9)).prop_map(|(cidr, target, active)| Route {
        destination: Destination::Cidr(cidr),
        target_id: "x".to_owned(),
        target,
        active,
    });
    let entry =
        (1_u32..=40, any::<bool>(), prop::bool::weighted(0.7), protocols(), small_ports(), small_block())
            .prop_map(|(number, egress, allow, protocol, ports, cidr)| AclEntry {
                number,
                egress,
                allow,
                protocol,
                ports,
                cidr,
            });
    let peer = prop_oneof![
        8 => small_block().prop_map(Peer::Cidr),
        1 => Just(Peer::Group("sg-2".to_owned())),
        1 => Just(Peer::PrefixList("pl-1".to_owned())),
    ];
    let rule =
        (any::<bool>(), protocols(), small_ports(), peer).prop_map(|(egress, protocol, ports, peer)| {
            GroupRule { id: "sgr".to_owned(), group_id: "sg-1".to_owned(), egress, protocol, ports, peer }
        });
    (
        prop::collection::vec(route, 0..4),
        prop::bool::weighted(0.1),
        prop::collection::vec(entry, 0..8),
        prop::collection::vec(rule, 0..6),
        prop::bool::weighted(0.8),
        prop::option::of(Just(net("203.0.113.16/28"))),
    )
        .prop_map(|(mut routes, has_list, mut entries, rules, has_public, vpc)| {
            // Two routes to one block and two entries of one number and direction do not exist.
            routes.sort_by_key(|route| match &route.destination {
                Destination::Cidr(cidr) => Some(*cidr),
                Destination::PrefixList(_) => None,
            });
            routes.dedup_by(|a, b| a.destination == b.destination);
            if has_list {
                let destination = Destination::PrefixList("pl-2".to_owned());
                routes.push(Route {
                    destination,
                    target_id: "tgw".to_owned(),
                    target: RouteTarget::Other,
                    active: true,
                });
            }
            entries.sort_by_key(|entry| (entry.egress, entry.number));
            entries.dedup_by_key(|entry| (entry.egress, entry.number));
            PathFacts {
                public_ip: has_public.then(|| ip("198.51.100.7")),
                vpc_cidrs: vpc.into_iter().collect(),
                table: RouteTable { id: "rtb-1".to_owned(), routes },
                acl: NetworkAcl { id: "acl-1".to_owned(), entries },
                rules,
                ..usual()
            }
        })
}

fn world() -> impl Iterator<Item = IpAddr> {
    (0_u8..32).map(|host| IpAddr::from([203, 0, 113, host]))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Feature: aws-ec2-production-deployment, Property 4: connectivity testing.
    ///
    /// What is said of a block is what becomes of each of its packets.
    #[test]
    fn every_packet_fares_as_was_said(facts in small_facts(), is_in in any::<bool>(), bound in small_block()) {
        let way = if is_in { Way::In } else { Way::Out };
        let ask = Ask { way, port: 443, clients: (1024, 1040) };
        let block = net("203.0.113.0/27");
        let pieces = sweep(&facts, ask, block, &[bound]);
        for peer in world() {
            let of: Vec<&Piece> = pieces.iter().filter(|one| one.first <= peer && peer <= one.last).collect();
            prop_assert_eq!(of.len(), 1, "{} is in one piece", peer);
            prop_assert_eq!(plain(&of[0].outcome), reference(&facts, ask, peer), "{}", peer);
            prop_assert_eq!(plain(&follow(&facts, ask, peer)), reference(&facts, ask, peer));
        }
        let inside = |at: &IpAddr| bound.contains(at);
        for piece in &pieces {
            prop_assert!(inside(&piece.first) == inside(&piece.last) || block.contains(&bound) && bound.contains(&block));
        }
    }

    /// Feature: aws-ec2-production-deployment, Property 4: connectivity testing.
    ///
    /// "Open" is said of the whole block only where each packet gets through, and "closed" only where none does.
    #[test]
    fn a_verdict_holds_for_the_whole_block(facts in small_facts(), block in small_block()) {
        prop_assume!(block.prefix_len() > 0);
        let ask = inbound(HTTPS);
        let others = || world().filter(|peer| block.contains(peer) && !facts.vpc_cidrs.iter().any(|vpc| vpc.contains(peer)));
        let findings = https(&facts, &[block]);
        if others().next().is_some() && findings.iter().all(|finding| finding.severity == Severity::Ok) {
            for peer in others() {
                prop_assert_eq!(plain(&follow(&facts, ask, peer)), Plain::Open);
            }
        }
        let findings = ssh(&facts, &[]);
        if findings.iter().all(|finding| finding.severity == Severity::Ok) {
            for peer in others() {
                prop_assert_eq!(plain(&follow(&facts, inbound(SSH), peer)), Plain::Closed);
            }
        }
    }

    /// A layer that stops a packet is one that, repaired, would not.
    #[test]
    fn the_layer_that_is_named_is_the_one(facts in small_facts(), host in 0_u8..32) {
        let ask = Ask { way: Way::In, port: 443, clients: (1024, 1040) };
        let peer = IpAddr::from([203, 0, 113, host]);
        let Outcome::Closed(stop) = follow(&facts, ask, peer) else { return Ok(()) };
        let mut mended = facts;
        match stop.layer {
            Layer::Address => mended.public_ip = Some(ip("198.51.100.7")),
            Layer::Route => mended.table.routes = vec![route("203.0.113.0/27", "igw-1", RouteTarget::InternetGateway)],
            Layer::Acl | Layer::AclBack => mended.acl.entries = usual().acl.entries,
            Layer::Group => mended.rules = usual().rules,
        }
        if let Outcome::Closed(next) = follow(&mended, ask, peer) {
            prop_assert!(next.layer > stop.layer || stop.layer == Layer::Route, "{next:?} after {stop:?}");
        }
    }
}
