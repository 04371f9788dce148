//! What the way of packets means for a deployment: who shall get in does, and nobody else.

use std::fmt::Write as _;

use ipnet::IpNet;
use model::{Finding, Severity};

use super::evaluate::{Ask, Layer, Outcome, Piece, Way, sweep};
use super::facts::PathFacts;

/// Client ports of the internet: behind a NAT any of these may be one (AWS recommends this range for network ACLs).
const CLIENT_PORTS: (u16, u16) = (1024, 65_535);
/// Client ports of the instance: Linux' `net.ipv4.ip_local_port_range`.
const LINUX_PORTS: (u16, u16) = (32_768, 60_999);
const HTTPS: u16 = 443;
const SSH: u16 = 22;

const ACL_PAGE: &str = "https://docs.aws.amazon.com/vpc/latest/userguide/vpc-network-acls.html";
const GROUP_PAGE: &str = "https://docs.aws.amazon.com/vpc/latest/userguide/vpc-security-groups.html";
const ROUTE_PAGE: &str = "https://docs.aws.amazon.com/vpc/latest/userguide/VPC_Internet_Gateway.html";

fn inbound(port: u16) -> Ask {
    Ask { way: Way::In, port, clients: CLIENT_PORTS }
}

/// The whole internet, in the two families.
fn everywhere() -> impl Iterator<Item = IpNet> {
    ["0.0.0.0/0", "::/0"].iter().filter_map(|text| text.parse().ok())
}

/// SRE-NET-030: port 443 is open to all of `wanted`.
pub fn https(facts: &PathFacts, wanted: &[IpNet]) -> Vec<Finding> {
    let code = "SRE-NET-030";
    let mut findings = Vec::new();
    if wanted.is_empty() {
        let finding =
            Finding::new(code, Severity::Warning, &facts.instance_id, "nobody is to reach port 443");
        findings.push(finding.hint("name who shall reach it in `network.https_cidrs`"));
    }
    let mut open = Vec::new();
    for block in wanted {
        if matches!(block, IpNet::V6(_)) && facts.public_ip.is_none_or(|ip| ip.is_ipv4()) {
            findings.push(
                Finding::new(
                    code,
                    Severity::Info,
                    &facts.instance_id,
                    format!("{block} cannot reach port 443"),
                )
                .evidence(format!("{} has no public IPv6 address", facts.instance_id)),
            );
            continue;
        }
        for piece in sweep(facts, inbound(HTTPS), *block, &facts.vpc_cidrs) {
            // Who is inside does not come by this way.
            if !is_within(&piece, &facts.vpc_cidrs) || is_within_one(block, &facts.vpc_cidrs) {
                match wants_open(code, facts, HTTPS, &piece, *block) {
                    Some(finding) => findings.push(finding),
                    None => open.extend(by(&piece)),
                }
            }
        }
    }
    if findings.is_empty() {
        findings.push(ok(code, facts, format!("port 443 is open to {}", list(wanted)), &open));
    }
    findings
}

/// SRE-NET-031: port 22 is closed to all but `allowed` and the VPC.
pub fn ssh(facts: &PathFacts, allowed: &[IpNet]) -> Vec<Finding> {
    let code = "SRE-NET-031";
    let mut findings = closed_to_others(code, facts, SSH, allowed);
    if allowed.iter().any(|block| block.prefix_len() == 0) {
        findings.push(
            Finding::new(
                code,
                Severity::Warning,
                &facts.instance_id,
                "port 22 is meant to be open to everybody",
            )
            .hint("empty `network.ssh_cidrs` and use Session Manager: aws ssm start-session --target ID"),
        );
    }
    if findings.is_empty() {
        let to = if allowed.is_empty() {
            "everybody outside the VPC".to_owned()
        } else {
            format!("all but {}", list(allowed))
        };
        findings.push(ok(code, facts, format!("port 22 is closed to {to}"), &[]));
    }
    findings
}

/// SRE-NET-032: no backend port is open to anybody outside the VPC.
pub fn backends_from_outside(facts: &PathFacts, ports: &[u16]) -> Vec<Finding> {
    let code = "SRE-NET-032";
    let findings: Vec<Finding> =
        ports.iter().flat_map(|port| closed_to_others(code, facts, *port, &[])).collect();
    if !findings.is_empty() {
        return findings;
    }
    vec![ok(code, facts, format!("{} closed to everybody outside the VPC", ports_are(ports)), &[])]
}

/// SRE-NET-033: the backend ports are open to the VPC.
pub fn backends_from_inside(facts: &PathFacts, ports: &[u16]) -> Vec<Finding> {
    let code = "SRE-NET-033";
    let (mut findings, mut open) = (Vec::new(), Vec::new());
    let blocks = facts
        .vpc_cidrs
        .iter()
        .filter(|block| facts.private_ip.is_none_or(|ip| ip.is_ipv4() == matches!(block, IpNet::V4(_))));
    for block in blocks {
        for port in ports {
            for piece in sweep(facts, inbound(*port), *block, &[]) {
                match wants_open(code, facts, *port, &piece, *block) {
                    Some(finding) => findings.push(finding),
                    None => open.extend(by(&piece)),
                }
            }
        }
    }
    if findings.is_empty() {
        findings.push(ok(code, facts, format!("{} open to the VPC", ports_are(ports)), &open));
    }
    findings
}

/// SRE-NET-034: the instance reaches public addresses on port 443, where AWS's services are.
pub fn outbound(facts: &PathFacts) -> Vec<Finding> {
    let code = "SRE-NET-034";
    let ask = Ask { way: Way::Out, port: HTTPS, clients: LINUX_PORTS };
    let Some(block) = everywhere().next() else { return Vec::new() };
    let pieces = sweep(facts, ask, block, &facts.vpc_cidrs);
    let outside = pieces.iter().filter(|piece| !is_within(piece, &facts.vpc_cidrs));
    let (mut open, mut stopped) = (Vec::new(), None);
    for piece in outside {
        match &piece.outcome {
            Outcome::Open(by) => open.extend(by.iter().cloned()),
            _ => stopped = stopped.or(Some(piece)),
        }
    }
    let subject = facts.instance_id.as_str();
    match (stopped, open.is_empty()) {
        (None, false) => {
            vec![ok(code, facts, "the instance reaches the internet on port 443".to_owned(), &open)]
        }
        (None, true) => {
            vec![Finding::new(code, Severity::Unknown, subject, "there is nothing to judge the way out by")]
        }
        (Some(piece), is_shut) => {
            let (what, hint) = why(&piece.outcome, facts, HTTPS, block, Way::Out);
            let (severity, message) = match (&piece.outcome, is_shut) {
                (Outcome::Unclear(_), _) => {
                    (Severity::Unknown, "whether the instance reaches AWS is not clear".to_owned())
                }
                (_, true) => {
                    (Severity::Error, "the instance does not reach the internet on port 443".to_owned())
                }
                (_, false) => (
                    Severity::Warning,
                    format!("the instance does not reach {} on port 443", range(piece, block)),
                ),
            };
            let hint = format!("{hint}; or use VPC endpoints for Bedrock, Cognito and SSM");
            vec![Finding::new(code, severity, subject, message).evidence(what).hint(hint).doc(ROUTE_PAGE)]
        }
    }
}

/// What is not open to those who shall get in. One that is open gives nothing.
fn wants_open(code: &str, facts: &PathFacts, port: u16, piece: &Piece, block: IpNet) -> Option<Finding> {
    let from = range(piece, block);
    let (what, hint) = why(&piece.outcome, facts, port, block, Way::In);
    let (severity, message) = match &piece.outcome {
        Outcome::Open(_) => return None,
        Outcome::Closed(_) => (Severity::Error, format!("port {port} is closed to {from}")),
        Outcome::Unclear(_) => {
            (Severity::Unknown, format!("whether port {port} is open to {from} is not clear"))
        }
        Outcome::Partly(_, ports) => (
            Severity::Warning,
            format!("port {port} is open to {from}, but answers to its ports {} are dropped", ranges(ports)),
        ),
    };
    let doc = page(&piece.outcome);
    Some(Finding::new(code, severity, &facts.instance_id, message).evidence(what).hint(hint).doc(doc))
}

/// What is open to somebody outside the VPC who is not allowed.
fn closed_to_others(code: &str, facts: &PathFacts, port: u16, allowed: &[IpNet]) -> Vec<Finding> {
    let fine: Vec<IpNet> = allowed.iter().chain(&facts.vpc_cidrs).copied().collect();
    let mut findings = Vec::new();
    for block in everywhere() {
        let mut seen: Vec<(Severity, Vec<String>, String)> = Vec::new();
        for piece in sweep(facts, inbound(port), block, &fine) {
            if is_within(&piece, &fine) {
                continue;
            }
            let (severity, what) = match &piece.outcome {
                Outcome::Closed(_) => continue,
                Outcome::Open(by) => (Severity::Error, by.join(", ")),
                Outcome::Partly(..) => (Severity::Error, "some of its answers get out".to_owned()),
                Outcome::Unclear(why) => (Severity::Unknown, why.clone()),
            };
            let from = range(&piece, block);
            match seen.iter_mut().find(|(other, _, said)| *other == severity && *said == what) {
                Some((_, places, _)) => places.push(from),
                None => seen.push((severity, vec![from], what)),
            }
        }
        for (severity, places, what) in seen {
            let message = match severity {
                Severity::Error => format!("port {port} is open to {}", few(&places)),
                _ => format!("whether port {port} is closed to {} is not clear", few(&places)),
            };
            let groups = facts.group_ids.join(" ");
            findings.push(
                Finding::new(code, severity, &facts.instance_id, message)
                    .evidence(what)
                    .hint(format!(
                        "see the rules, and revoke the one that lets them in: aws ec2 describe-security-group-rules \
                         --filters Name=group-id,Values={}; aws ec2 revoke-security-group-ingress --group-id {groups} \
                         --security-group-rule-ids RULE",
                        facts.group_ids.join(",")
                    ))
                    .doc(GROUP_PAGE),
            );
        }
    }
    findings
}

/// What stands in the way, and what to do about it.
fn why(outcome: &Outcome, facts: &PathFacts, port: u16, block: IpNet, way: Way) -> (String, String) {
    let stop = match outcome {
        Outcome::Open(by) => return (by.join(", "), String::new()),
        Outcome::Unclear(why) => {
            let hint = "try it: sre-agent-deploy check endpoint".to_owned();
            return (why.clone(), hint);
        }
        Outcome::Closed(stop) | Outcome::Partly(stop, _) => stop,
    };
    let (acl, table) = (&facts.acl.id, &facts.table.id);
    let (side, back) = if way == Way::In { ("ingress", "egress") } else { ("egress", "ingress") };
    let group = facts.group_ids.first().map_or("GROUP", String::as_str);
    let hint = match stop.layer {
        Layer::Address => format!(
            "deploy again, which associates the Elastic IP of the deployment; or by hand: aws ec2 associate-address \
             --instance-id {} --allocation-id ALLOCATION",
            facts.instance_id
        ),
        Layer::Route => format!(
            "see the routes: aws ec2 describe-route-tables --route-table-ids {table}; the subnet needs an active route \
             to an internet gateway: aws ec2 create-route --route-table-id {table} --destination-cidr-block {block} \
             --gateway-id IGW"
        ),
        Layer::Acl => format!(
            "allow it before the entry that denies it: aws ec2 create-network-acl-entry --network-acl-id {acl} \
             --rule-number N --{side} --protocol tcp --port-range From={port},To={port} --cidr-block {block} \
             --rule-action allow"
        ),
        Layer::AclBack => format!(
            "a network ACL keeps no state, so answers need an entry of their own: aws ec2 create-network-acl-entry \
             --network-acl-id {acl} --rule-number N --{back} --protocol tcp --port-range From=1024,To=65535 \
             --cidr-block {block} --rule-action allow"
        ),
        Layer::Group => format!(
            "deploy again, which restores the rules that the configuration names; or by hand: aws ec2 \
             authorize-security-group-{side} --group-id {group} --protocol tcp --port {port} --cidr {block}"
        ),
    };
    (stop.what.clone(), hint)
}

fn page(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Closed(stop) | Outcome::Partly(stop, _) => match stop.layer {
            Layer::Acl | Layer::AclBack => ACL_PAGE,
            Layer::Group => GROUP_PAGE,
            Layer::Address | Layer::Route => ROUTE_PAGE,
        },
        Outcome::Open(_) | Outcome::Unclear(_) => GROUP_PAGE,
    }
}

fn by(piece: &Piece) -> Vec<String> {
    match &piece.outcome {
        Outcome::Open(by) => by.clone(),
        _ => Vec::new(),
    }
}

fn ok(code: &str, facts: &PathFacts, message: String, by: &[String]) -> Finding {
    let finding = Finding::new(code, Severity::Ok, &facts.instance_id, message);
    let mut once: Vec<&str> = Vec::new();
    for one in by {
        if !once.contains(&one.as_str()) {
            once.push(one);
        }
    }
    if once.is_empty() { finding } else { finding.evidence(once.join(", ")) }
}

/// Whether a piece lies in one of these blocks; no piece straddles their bounds.
fn is_within(piece: &Piece, blocks: &[IpNet]) -> bool {
    blocks.iter().any(|block| block.contains(&piece.first) && block.contains(&piece.last))
}

fn is_within_one(block: &IpNet, blocks: &[IpNet]) -> bool {
    blocks.iter().any(|other| other.contains(block))
}

/// A piece as its block where it is the whole of it, else by its ends.
fn range(piece: &Piece, block: IpNet) -> String {
    if piece.first == block.network() && piece.last == block.broadcast() {
        return block.to_string();
    }
    if piece.first == piece.last {
        piece.first.to_string()
    } else {
        format!("{}-{}", piece.first, piece.last)
    }
}

fn ranges(ports: &[(u16, u16)]) -> String {
    let mut text = String::new();
    for (from, to) in ports {
        let separator = if text.is_empty() { "" } else { ", " };
        let _ = if from == to {
            write!(text, "{separator}{from}")
        } else {
            write!(text, "{separator}{from}-{to}")
        };
    }
    text
}

/// The first few of a list.
fn few(places: &[String]) -> String {
    let shown: Vec<&str> = places.iter().take(3).map(String::as_str).collect();
    match places.len().saturating_sub(shown.len()) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

fn list(blocks: &[IpNet]) -> String {
    few(&blocks.iter().map(ToString::to_string).collect::<Vec<_>>())
}

fn ports_are(ports: &[u16]) -> String {
    let numbers: Vec<String> = ports.iter().map(ToString::to_string).collect();
    match ports {
        [] => "no backend port is".to_owned(),
        [one] => format!("port {one} is"),
        _ => format!("ports {} are", numbers.join(", ")),
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
