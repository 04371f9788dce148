//! Guides for the security group, the Elastic IP address and its association.

use cloud::port::ec2::{Protocol, Rule};
use model::guide::Entry;
use model::plan::{Fields, StepId};

use super::{Guide, by_tag, clicks, ec2, items, tag, tag_entries, text};
use crate::steps::{Context, Want};

pub(crate) fn security_group(cx: &Context<'_>, want: &Want, description: &str) -> Guide {
    let mut values = vec![
        Entry::new("Security group name", &want.name),
        Entry::new("Description", description),
        Entry::new("VPC", text(want, "vpc")),
    ];
    values.extend(rules(want, "ingress", "Inbound rules > Add rule (Type | Port range | Source)"));
    values.push(
        Entry::new("Outbound rules, the rule that is there already", "Delete")
            .note("All traffic to 0.0.0.0/0, which the Console puts in"),
    );
    values.extend(rules(want, "egress", "Outbound rules > Add rule (Type | Port range | Destination)"));
    values.extend(tag_entries(cx, StepId::SecurityGroup));
    let edit = |which: &str| {
        format!("EC2 > Security Groups > {} > {which} rules > Edit {} rules", want.name, which.to_lowercase())
    };
    Guide {
        title: format!("Create security group {}", want.name),
        console: ec2(cx.region, "CreateSecurityGroup:"),
        path: clicks(["EC2", "Network & Security", "Security Groups", "Create security group"]),
        values,
        finds: by_tag(cx, &format!(", or by the name {} in {}", want.name, text(want, "vpc"))),
        fixes: vec![
            ("vpc", "a group keeps its VPC: delete it and create it again in the right one".to_owned()),
            ("ingress", edit("Inbound")),
            ("egress", edit("Outbound")),
        ],
        more: Fields::new(),
    }
}

/// One input for each rule.
fn rules(want: &Want, field: &str, label: &str) -> Vec<Entry> {
    let parsed = items(want, field).into_iter().filter_map(|rule| rule.parse::<Rule>().ok());
    parsed.map(|rule| Entry::new(label, shown(&rule))).collect()
}

fn shown(rule: &Rule) -> String {
    let ports = match rule.from_port {
        port if port == rule.to_port => port.to_string(),
        from => format!("{from} - {}", rule.to_port),
    };
    match rule.protocol {
        Protocol::Tcp => format!("Custom TCP | {ports} | {}", rule.cidr),
        Protocol::Udp => format!("Custom UDP | {ports} | {}", rule.cidr),
        Protocol::All | Protocol::Other => format!("All traffic | All | {}", rule.cidr),
    }
}

pub(crate) fn address(cx: &Context<'_>, want: &Want) -> Guide {
    let mut values = vec![
        Entry::new("Public IPv4 address pool", "Amazon's pool of IPv4 addresses"),
        Entry::new("Network border group", cx.region.as_str()),
        tag("Name", &want.name),
    ];
    values.extend(tag_entries(cx, StepId::Address));
    Guide {
        title: "Allocate an Elastic IP address".to_owned(),
        console: ec2(cx.region, "AllocateAddress:"),
        path: clicks(["EC2", "Network & Security", "Elastic IPs", "Allocate Elastic IP address"]),
        values,
        finds: by_tag(cx, "; without it, by the allocation id that you give"),
        fixes: Vec::new(),
        more: Fields::new(),
    }
}

pub(crate) fn address_association(cx: &Context<'_>, want: &Want) -> Guide {
    let known = |output| cx.known(StepId::Address, output).unwrap_or_default();
    let (allocation, address) = (known("id"), known("public_ip"));
    Guide {
        title: format!("Associate Elastic IP address {address} with the instance"),
        console: ec2(cx.region, &format!("ElasticIpDetails:AllocationId={allocation}")),
        path: vec![
            "EC2".to_owned(),
            "Network & Security".to_owned(),
            "Elastic IPs".to_owned(),
            address.clone(),
            "Actions".to_owned(),
            "Associate Elastic IP address".to_owned(),
        ],
        values: vec![
            Entry::new("Elastic IP address", &address).note(format!("allocation {allocation}")),
            Entry::new("Resource type", "Instance"),
            Entry::new("Instance", text(want, "instance")),
        ],
        finds: format!("as the association of {address}"),
        fixes: vec![(
            "instance",
            format!(
                "EC2 > Elastic IPs > {address} > Actions > Associate Elastic IP address, with \"Allow this Elastic IP \
                 address to be reassociated\" ticked"
            ),
        )],
        more: Fields::new(),
    }
}
