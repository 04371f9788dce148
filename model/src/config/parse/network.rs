//! `network:`

use std::collections::BTreeSet;

use ipnet::IpNet;
use serde_json::json;

use crate::{
    config::{
        Network, codes,
        fields::{Fields, Flaw, Item, shown},
        node::Node,
        problem::{Place, Problem},
    },
    ids::{SubnetId, VpcId},
};

/// Ports that the deployment itself uses: Session Manager's fallback and the endpoint.
const RESERVED_PORTS: &[u16] = &[22, 443];

pub(super) fn network(fields: &mut Fields) -> Option<Network> {
    let vpc_id = fields.optional("network.vpc_id", |text| VpcId::parse(text).map_err(Flaw::from));
    let subnet_id = fields.optional("network.subnet_id", |text| SubnetId::parse(text).map_err(Flaw::from));
    let https_cidrs = https_cidrs(fields);
    let ssh_cidrs = ssh_cidrs(fields);
    let backend_ports = backend_ports(fields);
    Some(Network {
        vpc_id: vpc_id?,
        subnet_id: subnet_id?,
        https_cidrs: https_cidrs?,
        ssh_cidrs: ssh_cidrs?,
        backend_ports: backend_ports?,
    })
}

fn https_cidrs(fields: &mut Fields) -> Option<Vec<IpNet>> {
    let path = "network.https_cidrs";
    let place = fields.place(path);
    let (items, complete) = fields.list(path, cidr)?;
    if items.is_empty() && complete {
        fields.report(
            Problem::error(
                codes::NOBODY_REACHES_HTTPS,
                &place,
                "the list is empty, so nobody could reach port 443",
            )
            .example("https_cidrs: [0.0.0.0/0]"),
        );
        return None;
    }
    cidrs(fields, path, items, complete)
}

fn ssh_cidrs(fields: &mut Fields) -> Option<Vec<IpNet>> {
    let path = "network.ssh_cidrs";
    let (items, complete) = fields.list(path, cidr)?;
    for item in items.iter().filter(|item| item.value.prefix_len() == 0) {
        fields.judge(|fields| {
            let message = format!("{} opens port 22 to the whole internet", item.value);
            Problem::new(codes::SSH_OPEN, fields.risk(), &item.place, message)
                .suggestion("leave the list empty and use Session Manager, or name your own network")
                .example("ssh_cidrs: [203.0.113.0/24]")
        });
    }
    cidrs(fields, path, items, complete)
}

fn cidrs(
    fields: &mut Fields,
    path: &'static str,
    items: Vec<Item<IpNet>>,
    complete: bool,
) -> Option<Vec<IpNet>> {
    let unique = report_duplicates(fields, &items);
    let values: Vec<IpNet> = items.into_iter().map(|item| item.value).collect();
    if !(complete && unique) {
        return None;
    }
    fields.record(path, json!(values));
    Some(values)
}

/// Whether no value is there twice; AWS refuses a rule that it already has.
pub(super) fn report_duplicates<T: Ord + std::fmt::Display>(fields: &mut Fields, items: &[Item<T>]) -> bool {
    let mut seen = BTreeSet::new();
    let mut unique = true;
    for item in items {
        if !seen.insert(&item.value) {
            unique = false;
            let message = format!("{} is listed twice", shown(&item.value.to_string()));
            let problem = Problem::error(codes::DUPLICATE_ITEM, &item.place, message);
            fields.report(problem.suggestion("remove one of the two"));
        }
    }
    unique
}

fn cidr(fields: &mut Fields, node: Node, place: &Place) -> Option<IpNet> {
    let text = fields.text_of(node, place, "network.https_cidrs")?;
    fields.parsed(&text, place, parse_cidr)
}

fn parse_cidr(text: &str) -> Result<IpNet, Flaw> {
    let Ok(block) = text.parse::<IpNet>() else {
        let flaw = Flaw::new(codes::INVALID_CIDR, format!("{} is not a CIDR block", shown(text)));
        return Err(match text.trim().parse::<std::net::IpAddr>() {
            Ok(address) => flaw.suggestion(format!("for one address write `{}`", IpNet::from(address))),
            Err(_) => flaw.example("203.0.113.0/24"),
        });
    };
    let network = block.trunc();
    if network != block {
        return Err(Flaw::new(codes::HOST_BITS, format!("{} has host bits set", shown(text)))
            .suggestion(format!("the network is `{network}`")));
    }
    Ok(network)
}

fn backend_ports(fields: &mut Fields) -> Option<Vec<u16>> {
    let path = "network.backend_ports";
    let (items, mut complete) = fields.list(path, |fields, node, place| {
        let number = fields.number_of(&node, place, 1, u64::from(u16::MAX))?;
        u16::try_from(number).ok()
    })?;
    for item in items.iter().filter(|item| RESERVED_PORTS.contains(&item.value)) {
        complete = false;
        let message = format!("port {} is the deployment's own", item.value);
        fields.report(
            Problem::error(codes::RESERVED_PORT, &item.place, message)
                .suggestion("choose another port for the backend")
                .example("8011"),
        );
    }
    let unique = report_duplicates(fields, &items);
    let values: Vec<u16> = items.into_iter().map(|item| item.value).collect();
    if !(complete && unique) {
        return None;
    }
    fields.record(path, json!(values));
    Some(values)
}
