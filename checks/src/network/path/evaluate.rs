//! Follows TCP packets: one, or all whose other end is in a block of addresses.
//!
//! Everything that decides is a block of addresses or a range of ports, so between two neighbouring bounds all packets
//! fare alike: one of each stretch is followed, and the answer is exact.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::facts::{AclEntry, Destination, GroupRule, PathFacts, Peer, Route, RouteTarget};

/// TCP in IANA's list.
const TCP: u8 = 6;

/// Who opens the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// The other end connects to the instance.
    In,
    /// The instance connects to the other end.
    Out,
}

/// Connections to ask about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ask {
    /// Who opens them.
    pub way: Way,
    /// The port that is connected to.
    pub port: u16,
    /// First and last port that whoever connects may use for its own side: answers go there.
    pub clients: (u16, u16),
}

/// What becomes of connections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// They come about; by what, by id.
    Open(Vec<String>),
    /// They come about, except those whose answers go to these client ports.
    Partly(Stop, Vec<(u16, u16)>),
    /// They do not.
    Closed(Stop),
    /// It depends on something that is not known; on what.
    Unclear(String),
}

/// What stops a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stop {
    /// Where.
    pub layer: Layer,
    /// What, by id, as a sentence fragment: "entry 90 of acl-1 denies it".
    pub what: String,
}

/// The stations of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layer {
    /// The public address.
    Address,
    /// The route table.
    Route,
    /// The network ACL, for the connection.
    Acl,
    /// The security groups.
    Group,
    /// The network ACL, for the answers.
    AclBack,
}

/// A stretch of addresses whose packets fare alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The first address.
    pub first: IpAddr,
    /// The last address.
    pub last: IpAddr,
    /// What becomes of them.
    pub outcome: Outcome,
}

/// What one station says.
enum Says {
    Yes(String),
    No(String),
    Maybe(String),
}

/// All connections whose other end is in `block`, in order. The blocks of `bounds` are not straddled by any piece.
pub fn sweep(facts: &PathFacts, ask: Ask, block: IpNet, bounds: &[IpNet]) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let (first, last) = ends(block);
    let mut starts = BTreeSet::from([first]);
    let mut cuts = BTreeSet::new();
    for cidr in blocks(facts).chain(bounds.iter().copied()).filter(|cidr| is_v4(*cidr) == is_v4(block)) {
        let (from, to) = ends(cidr);
        let of_bounds = bounds.contains(&cidr);
        for start in [Some(from), to.checked_add(1)].into_iter().flatten() {
            if (first..=last).contains(&start) {
                starts.insert(start);
                if of_bounds {
                    cuts.insert(start);
                }
            }
        }
    }
    let ends_of_pieces = starts.iter().skip(1).map(|next| next.saturating_sub(1)).chain([last]);
    for (start, end) in starts.iter().zip(ends_of_pieces) {
        let (from, to) = (address(*start, block), address(end, block));
        let outcome = follow(facts, ask, from);
        match pieces.last_mut() {
            Some(before) if before.outcome == outcome && !cuts.contains(start) => before.last = to,
            _ => pieces.push(Piece { first: from, last: to, outcome }),
        }
    }
    pieces
}

/// One connection whose other end is `peer`.
pub fn follow(facts: &PathFacts, ask: Ask, peer: IpAddr) -> Outcome {
    let is_out = ask.way == Way::Out;
    let stations = [
        (Layer::Address, says_address(facts, peer)),
        (Layer::Route, says_route(facts, peer, ask.way)),
        (Layer::Acl, says_acl(facts, is_out, ask.port, peer)),
        (Layer::Group, says_group(facts, is_out, ask.port, peer)),
    ];
    let (mut by, mut unclear) = (Vec::new(), None);
    for (layer, says) in stations {
        match says {
            Says::No(what) => return Outcome::Closed(Stop { layer, what }),
            Says::Maybe(why) => unclear = unclear.or(Some(why)),
            Says::Yes(what) if what.is_empty() => {}
            Says::Yes(what) => by.push(what),
        }
    }
    let (open, closed, what) = answers(facts, ask, peer);
    let stop = |what: Option<String>| Stop { layer: Layer::AclBack, what: what.unwrap_or_default() };
    match (unclear, open.is_empty(), closed.is_empty()) {
        (_, true, _) => Outcome::Closed(stop(what)),
        (Some(why), ..) => Outcome::Unclear(why),
        (None, false, false) => Outcome::Partly(stop(what), closed),
        (None, false, true) => Outcome::Open(by),
    }
}

/// The client ports that answers reach, those that they do not, and what stops the first of these.
#[expect(clippy::type_complexity, reason = "two lists and a reason, used once")]
fn answers(facts: &PathFacts, ask: Ask, peer: IpAddr) -> (Vec<(u16, u16)>, Vec<(u16, u16)>, Option<String>) {
    let (first, last) = ask.clients;
    // The answer travels the other way, from the port that was connected to, to the client's.
    let is_out = ask.way == Way::In;
    let bounds = facts.acl.entries.iter().filter_map(|entry| entry.ports);
    let inner = bounds.flat_map(|(from, to)| [Some(from), to.checked_add(1)]).flatten();
    let starts: BTreeSet<u16> = inner.filter(|port| (first..=last).contains(port)).chain([first]).collect();
    let ends = starts.iter().skip(1).map(|next| next.saturating_sub(1)).chain([last]);
    let (mut open, mut closed, mut what) = (Vec::new(), Vec::new(), None);
    for (start, end) in starts.iter().zip(ends) {
        match says_acl(facts, is_out, *start, peer) {
            Says::Yes(_) | Says::Maybe(_) => join(&mut open, (*start, end)),
            Says::No(why) => {
                join(&mut closed, (*start, end));
                what = what.or(Some(why));
            }
        }
    }
    (open, closed, what)
}

/// Adds a range to a list that is in order.
fn join(ranges: &mut Vec<(u16, u16)>, next: (u16, u16)) {
    match ranges.last_mut() {
        Some(before) if before.1.checked_add(1) == Some(next.0) => before.1 = next.1,
        _ => ranges.push(next),
    }
}

fn is_inside(facts: &PathFacts, peer: IpAddr) -> bool {
    facts.vpc_cidrs.iter().any(|cidr| cidr.contains(&peer))
}

/// The route that a packet to `peer` takes: the one with the longest prefix.
fn route_to(facts: &PathFacts, peer: IpAddr) -> Option<(&Route, IpNet)> {
    facts
        .table
        .routes
        .iter()
        .filter_map(|route| match route.destination {
            Destination::Cidr(cidr) if cidr.contains(&peer) => Some((route, cidr)),
            Destination::Cidr(_) | Destination::PrefixList(_) => None,
        })
        .max_by_key(|(_, cidr)| cidr.prefix_len())
}

/// Whoever comes or goes through the internet gateway needs a public address.
fn says_address(facts: &PathFacts, peer: IpAddr) -> Says {
    let through_gateway = route_to(facts, peer)
        .is_some_and(|(route, _)| route.active && route.target == RouteTarget::InternetGateway);
    if !through_gateway || is_inside(facts, peer) {
        return Says::Yes(String::new());
    }
    match facts.public_ip {
        Some(public) if public.is_ipv4() == peer.is_ipv4() => Says::Yes(String::new()),
        _ => {
            let family = if peer.is_ipv4() { "IPv4" } else { "IPv6" };
            Says::No(format!("{} has no public {family} address", facts.instance_id))
        }
    }
}

fn says_route(facts: &PathFacts, peer: IpAddr, way: Way) -> Says {
    let table = &facts.table.id;
    let Some((route, cidr)) = route_to(facts, peer) else {
        return Says::No(format!("{table} has no route to {peer}"));
    };
    let through = &route.target_id;
    if !route.active {
        return Says::No(format!("the route {cidr} of {table} is a black hole: {through} is gone"));
    }
    // The blocks of a list are narrower than a default route, so the list may take the packet.
    let list = facts.table.routes.iter().find_map(|other| match &other.destination {
        Destination::PrefixList(list) if other.target != RouteTarget::VpcEndpoint => {
            Some((list, &other.target_id))
        }
        _ => None,
    });
    match (route.target, way) {
        (RouteTarget::Local, _) => Says::Yes(String::new()),
        _ if list.is_some() => {
            let (list, target) = list.unzip();
            let (list, target) = (list.map_or("", String::as_str), target.map_or("", String::as_str));
            Says::Maybe(format!(
                "{table} sends the addresses of {list} through {target}, and which those are is not known"
            ))
        }
        (RouteTarget::InternetGateway, _) | (RouteTarget::Nat | RouteTarget::EgressOnlyGateway, Way::Out) => {
            Says::Yes(format!("route {cidr} of {table} through {through}"))
        }
        (RouteTarget::Nat, Way::In) => Says::No(format!(
            "the route {cidr} of {table} leads through {through}, which lets nobody in and answers under another address"
        )),
        (RouteTarget::EgressOnlyGateway, Way::In) => {
            Says::No(format!("the route {cidr} of {table} leads through {through}, which lets nobody in"))
        }
        (RouteTarget::VpcEndpoint | RouteTarget::Other, _) => {
            let through = if through.is_empty() { "something unknown" } else { through };
            Says::Maybe(format!(
                "the route {cidr} of {table} leads through {through}; what lies behind that is not seen from here"
            ))
        }
    }
}

fn fits(protocol: Option<u8>, ports: Option<(u16, u16)>, port: u16) -> bool {
    protocol.is_none_or(|protocol| protocol == TCP)
        && ports.is_none_or(|(from, to)| (from..=to).contains(&port))
}

/// The entry with the lowest number that fits decides; none refuses.
fn says_acl(facts: &PathFacts, egress: bool, port: u16, peer: IpAddr) -> Says {
    let acl = &facts.acl.id;
    let word = if egress { "outbound" } else { "inbound" };
    let fitting = |entry: &&AclEntry| {
        entry.egress == egress && fits(entry.protocol, entry.ports, port) && entry.cidr.contains(&peer)
    };
    match facts.acl.entries.iter().filter(fitting).min_by_key(|entry| entry.number) {
        Some(entry) if entry.allow => Says::Yes(format!("{word} entry {} of {acl}", entry.number)),
        Some(entry) => Says::No(format!("{word} entry {} of {acl} denies it", number(entry.number))),
        None => Says::No(format!("no {word} entry of {acl} allows it")),
    }
}

/// AWS shows the last entry with an asterisk.
fn number(number: u32) -> String {
    if number == 32_767 { "* (the last)".to_owned() } else { number.to_string() }
}

/// One rule that fits is enough: groups only allow.
fn says_group(facts: &PathFacts, egress: bool, port: u16, peer: IpAddr) -> Says {
    let mut maybe = None;
    let fitting = |rule: &&GroupRule| rule.egress == egress && fits(rule.protocol, rule.ports, port);
    for rule in facts.rules.iter().filter(fitting) {
        match &rule.peer {
            Peer::Cidr(cidr) if cidr.contains(&peer) => {
                return Says::Yes(format!("rule {} of {}", rule.id, rule.group_id));
            }
            // Members of a group are known by their private addresses, which nobody on the internet has.
            Peer::Group(group) if is_inside(facts, peer) => {
                maybe = maybe.or(Some(format!(
                    "rule {} of {} lets the members of {group} through, and who that is is not known",
                    rule.id, rule.group_id
                )));
            }
            Peer::PrefixList(list) => {
                maybe = maybe.or(Some(format!(
                    "rule {} of {} lets the addresses of {list} through, and which those are is not known",
                    rule.id, rule.group_id
                )));
            }
            Peer::Cidr(_) | Peer::Group(_) => {}
        }
    }
    match maybe {
        Some(why) => Says::Maybe(why),
        None => Says::No(format!(
            "no {} rule of {} allows it",
            if egress { "outbound" } else { "inbound" },
            if facts.group_ids.is_empty() {
                "any security group".to_owned()
            } else {
                facts.group_ids.join(" or ")
            }
        )),
    }
}

/// Every block that anything depends on.
fn blocks(facts: &PathFacts) -> impl Iterator<Item = IpNet> + '_ {
    let routes = facts.table.routes.iter().filter_map(|route| match route.destination {
        Destination::Cidr(cidr) => Some(cidr),
        Destination::PrefixList(_) => None,
    });
    let rules = facts.rules.iter().filter_map(|rule| match rule.peer {
        Peer::Cidr(cidr) => Some(cidr),
        Peer::Group(_) | Peer::PrefixList(_) => None,
    });
    let entries = facts.acl.entries.iter().map(|entry| entry.cidr);
    facts.vpc_cidrs.iter().copied().chain(routes).chain(rules).chain(entries)
}

fn is_v4(block: IpNet) -> bool {
    matches!(block, IpNet::V4(_))
}

/// First and last address as numbers.
fn ends(block: IpNet) -> (u128, u128) {
    (value(block.network()), value(block.broadcast()))
}

fn value(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => u128::from(ip.to_bits()),
        IpAddr::V6(ip) => ip.to_bits(),
    }
}

/// The address of that number in the family of `block`.
fn address(value: u128, block: IpNet) -> IpAddr {
    match block {
        IpNet::V4(_) => IpAddr::V4(Ipv4Addr::from_bits(u32::try_from(value).unwrap_or(u32::MAX))),
        IpNet::V6(_) => IpAddr::V6(Ipv6Addr::from_bits(value)),
    }
}
