//! EC2: VPCs, subnets, route tables, images, instance types and security groups.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;

use crate::port::ec2::{
    GroupQuery, Image, InstanceTypeInfo, NewSecurityGroup, Protocol, RouteTable, Rule, RuleChange,
    SecurityGroup, Subnet, SubnetQuery, Vpc, VpcQuery,
};

use super::catalog;
use super::refusal::{Answer, Refusal, demand, demand_tags};
use super::state::{Group, State, of_deployment};

const INVALID: &str = "InvalidParameterValue";
/// What a subnet of 4096 addresses leaves after AWS has taken its five.
const ADDRESSES_IN_SUBNET: usize = 4091;

/// Which side of a security group.
#[derive(Clone, Copy)]
pub(super) enum Side {
    In,
    Out,
}

/// The rule that every new group has.
pub(super) fn everything_out() -> Option<Rule> {
    let cidr = IpNet::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0).ok()?;
    Some(Rule { protocol: Protocol::All, from_port: 0, to_port: u16::MAX, cidr })
}

/// Refuses an id that no security group has.
pub(super) fn no_group(id: &str) -> Refusal {
    Refusal::new("InvalidGroup.NotFound", format!("The security group '{id}' does not exist"))
}

impl State {
    pub(super) fn describe_vpcs(&self, query: &VpcQuery) -> Vec<Vpc> {
        self.vpcs
            .iter()
            .filter(|(id, vpc)| match query {
                VpcQuery::Default => vpc.is_default,
                VpcQuery::Id(wanted) => *id == wanted,
                VpcQuery::All => true,
            })
            .map(|(id, vpc)| Vpc { id: id.clone(), cidrs: vpc.cidrs.clone(), is_default: vpc.is_default })
            .collect()
    }

    pub(super) fn describe_subnets(&self, query: &SubnetQuery) -> Vec<Subnet> {
        self.subnets
            .iter()
            .filter(|(id, subnet)| match query {
                SubnetQuery::Id(wanted) => *id == wanted,
                SubnetQuery::Vpc(wanted) => subnet.vpc_id == *wanted,
            })
            .map(|(id, subnet)| {
                let used = self.instances.values().filter(|i| i.alive() && i.subnet_id == *id).count();
                Subnet {
                    id: id.clone(),
                    vpc_id: subnet.vpc_id.clone(),
                    availability_zone: subnet.zone.clone(),
                    free_addresses: u32::try_from(ADDRESSES_IN_SUBNET.saturating_sub(used))
                        .unwrap_or_default(),
                }
            })
            .collect()
    }

    pub(super) fn describe_route_tables(&self, vpc_id: &str) -> Vec<RouteTable> {
        self.route_tables
            .iter()
            .filter(|(_, table)| table.vpc_id == vpc_id)
            .map(|(id, table)| RouteTable {
                id: id.clone(),
                main: table.main,
                subnet_ids: table.subnet_ids.clone(),
                default_route_to_internet_gateway: table.to_internet,
            })
            .collect()
    }

    pub(super) fn describe_image(&self, id: &str) -> Option<Image> {
        self.images.get(id).map(|image| Image {
            id: id.to_owned(),
            root_device_name: image.root_device_name.clone(),
            architecture: image.architecture.clone(),
        })
    }

    pub(super) fn describe_instance_type(&self, name: &str) -> Option<InstanceTypeInfo> {
        self.instance_types.get(name).map(|info| InstanceTypeInfo {
            vcpus: info.vcpus,
            memory_mib: info.memory_mib,
            architectures: vec![info.architecture.clone()],
        })
    }

    pub(super) fn describe_security_groups(&mut self, query: &GroupQuery) -> Vec<SecurityGroup> {
        let wanted = |id: &str, group: &Group| match query {
            GroupQuery::Id(wanted) => id == wanted,
            GroupQuery::Deployment(deployment) => of_deployment(&group.tags, deployment),
            GroupQuery::Name { vpc_id, name } => group.vpc_id == *vpc_id && group.name == *name,
        };
        self.groups
            .iter_mut()
            .filter(|(id, group)| wanted(id, group))
            .filter_map(|(id, group)| {
                group.unseen.look().then(|| SecurityGroup {
                    id: id.clone(),
                    name: group.name.clone(),
                    vpc_id: group.vpc_id.clone(),
                    ingress: group.ingress.clone(),
                    egress: group.egress.clone(),
                    tags: group.tags.clone(),
                })
            })
            .collect()
    }

    /// What `CreateSecurityGroup` checks, with or without `DryRun`.
    pub(super) fn check_security_group(&self, new: &NewSecurityGroup) -> Answer<()> {
        demand(self.vpcs.contains_key(&new.vpc_id), "InvalidVpcID.NotFound", || {
            format!("The vpc ID '{}' does not exist", new.vpc_id)
        })?;
        let plain = |c: char| c.is_ascii_alphanumeric() || " ._-:/()#,@[]+=&;{}!$*".contains(c);
        let fits = |text: &str| (1..=255).contains(&text.len()) && text.chars().all(plain);
        demand(fits(&new.name) && !new.name.starts_with("sg-"), INVALID, || {
            format!(
                "Value ({}) for parameter GroupName is invalid. Character sets beyond ASCII are not supported.",
                new.name
            )
        })?;
        demand(fits(&new.description), INVALID, || {
            "Invalid security group description. Valid descriptions are strings less than 256 characters from the \
             following set:  a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*"
                .to_owned()
        })?;
        demand_tags(&new.tags, INVALID)
    }

    pub(super) fn create_security_group(&mut self, new: NewSecurityGroup) -> Answer<String> {
        self.check_security_group(&new)?;
        let taken = self.groups.values().any(|group| group.vpc_id == new.vpc_id && group.name == new.name);
        demand(!taken, "InvalidGroup.Duplicate", || {
            format!("The security group '{}' already exists for VPC '{}'", new.name, new.vpc_id)
        })?;
        let id = self.next_id("sg");
        let group = Group {
            unseen: self.unseen(),
            name: new.name,
            vpc_id: new.vpc_id,
            ingress: BTreeSet::new(),
            egress: everything_out().into_iter().collect(),
            tags: new.tags,
        };
        self.groups.insert(id.clone(), group);
        Ok(id)
    }

    pub(super) fn authorize(&mut self, change: &RuleChange, side: Side) -> Answer<()> {
        let limit = self.quota(catalog::RULES);
        let rules = self.rules_of(&change.group_id, side)?;
        let mut wanted = rules.clone();
        for rule in normal(&change.rules)? {
            demand(wanted.insert(rule), "InvalidPermission.Duplicate", || {
                format!("the specified rule \"{}\" already exists", peer(&rule))
            })?;
        }
        let count = u32::try_from(wanted.len()).unwrap_or(u32::MAX);
        demand(f64::from(count) <= limit, "RulesPerSecurityGroupLimitExceeded", || {
            "The maximum number of rules per security group has been reached.".to_owned()
        })?;
        *rules = wanted;
        Ok(())
    }

    pub(super) fn revoke(&mut self, change: &RuleChange, side: Side) -> Answer<()> {
        let rules = self.rules_of(&change.group_id, side)?;
        let gone = normal(&change.rules)?;
        demand(gone.is_subset(rules), "InvalidPermission.NotFound", || {
            "The specified rule does not exist in this security group.".to_owned()
        })?;
        rules.retain(|rule| !gone.contains(rule));
        Ok(())
    }

    fn rules_of(&mut self, group_id: &str, side: Side) -> Answer<&mut BTreeSet<Rule>> {
        let group = self.groups.get_mut(group_id).ok_or_else(|| no_group(group_id))?;
        Ok(match side {
            Side::In => &mut group.ingress,
            Side::Out => &mut group.egress,
        })
    }

    pub(super) fn delete_security_group(&mut self, id: &str) -> Answer<()> {
        demand(self.groups.contains_key(id), "InvalidGroup.NotFound", || {
            format!("The security group '{id}' does not exist")
        })?;
        let users = self.holders_of_group(id);
        demand(users.is_empty(), "DependencyViolation", || format!("resource {id} has a dependent object"))
            .inspect_err(|_| {
            // Whoever waits by trying again sees the end of a termination too.
            for user in users {
                self.settle_instance(&user);
            }
        })?;
        self.groups.remove(id);
        Ok(())
    }
}

/// Rules as EC2 keeps them: whole blocks, no ports where ports mean nothing.
fn normal(rules: &BTreeSet<Rule>) -> Answer<BTreeSet<Rule>> {
    demand(!rules.is_empty(), "MissingParameter", || {
        "Either 'ipPermissions' or 'securityGroupRuleIds' should be provided.".to_owned()
    })?;
    rules
        .iter()
        .map(|rule| {
            let cidr = rule.cidr.trunc();
            match rule.protocol {
                Protocol::All => Ok(Rule { from_port: 0, to_port: u16::MAX, cidr, ..*rule }),
                Protocol::Other => {
                    Err(Refusal::new(INVALID, "Invalid value 'other' for IP protocol. Unknown protocol."))
                }
                Protocol::Tcp | Protocol::Udp if rule.from_port > rule.to_port => Err(Refusal::new(
                    INVALID,
                    format!("Invalid TCP/UDP port range ({}:{})", rule.from_port, rule.to_port),
                )),
                Protocol::Tcp | Protocol::Udp => Ok(Rule { cidr, ..*rule }),
            }
        })
        .collect()
}

fn peer(rule: &Rule) -> String {
    match rule.protocol {
        Protocol::Tcp | Protocol::Udp => {
            let name = if rule.protocol == Protocol::Tcp { "TCP" } else { "UDP" };
            format!(
                "peer: {}, {name}, from port: {}, to port: {}, ALLOW",
                rule.cidr, rule.from_port, rule.to_port
            )
        }
        Protocol::All | Protocol::Other => format!("peer: {}, ALL, ALLOW", rule.cidr),
    }
}
