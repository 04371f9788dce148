//! The path through the VPC to the instance: what EC2 describes of it, and the checks on it.

use std::cell::RefCell;
use std::net::IpAddr;

use checks::account::facts::{NotTold, Told};
use checks::engine::{CheckId, Suite, Verdict, skipped};
use checks::network::path::facts::{
    AclEntry, Destination, GroupRule, NetworkAcl, PathFacts, Peer, Route, RouteTable, RouteTarget,
};
use checks::network::path::judge;
use checks::{CheckResult, Subject, SubjectKind, catalogue};
use cloud::Cloud;
use cloud::port::ec2::{InstanceQuery, VpcQuery};
use cloud::port::path;
use model::config::Config;
use model::plan::StepId;
use model::{Finding, Severity};
use provision::journal::State;

use super::account::ask::{Desk, Place, config_of, in_account};
use super::{Results, Target};
use crate::app::App;
use crate::args::StateArgs;

/// Reads the path; all others judge what it read.
const READ: &str = "SRE-NET-035";

/// The path through the VPC to the instance of the deployment, for `check network`.
pub(crate) fn vpc_results(app: &App, args: &StateArgs, profile: Option<&str>, target: &Target) -> Results {
    let config = config_of(app, target)?;
    in_account(app, args, target, &Place::of(config, profile), async |session, cloud| {
        let desk = Desk::default();
        let work = async { Ok(path_result(&desk, cloud, config, target.state.as_ref()).await) };
        let result = session.look(work).await?;
        desk.verdict()?;
        Ok(vec![result])
    })
}

/// A verdict over the path.
type Judge<'j> = Box<dyn Fn(&PathFacts) -> Vec<Finding> + 'j>;

/// The checks on the path, each with its verdict.
pub(super) async fn path_result(
    desk: &Desk,
    cloud: &Cloud,
    config: &Config,
    state: Option<&State>,
) -> CheckResult {
    let name = format!("path to {}", config.deployment.id);
    let facts: RefCell<Option<PathFacts>> = RefCell::new(None);
    let network = &config.network;
    let judges: [(&str, Judge<'_>); 5] = [
        ("SRE-NET-030", Box::new(|facts| judge::https(facts, &network.https_cidrs))),
        ("SRE-NET-031", Box::new(|facts| judge::ssh(facts, &network.ssh_cidrs))),
        ("SRE-NET-032", Box::new(|facts| judge::backends_from_outside(facts, &network.backend_ports))),
        ("SRE-NET-033", Box::new(|facts| judge::backends_from_inside(facts, &network.backend_ports))),
        ("SRE-NET-034", Box::new(judge::outbound)),
    ];
    let mut suite = Suite::new();
    let facts_ref = &facts;
    let read = catalogue::find(READ).map(|entry| {
        suite.add(entry, name.as_str(), &[], move || {
            Box::pin(async move {
                let (found, findings) = judged(read(desk, cloud, config, state).await);
                *facts_ref.borrow_mut() = found;
                Verdict::Final(findings)
            })
        })
    });
    let after: Vec<CheckId> = read.into_iter().collect();
    for (code, judge) in &judges {
        let Some(entry) = catalogue::find(code) else { continue };
        let name = name.as_str();
        suite.add(entry, name, &after, move || {
            Box::pin(async move {
                Verdict::Final(match facts_ref.borrow().as_ref() {
                    Some(facts) => judge(facts),
                    // Where there is no instance, there is no path; the reading said so.
                    None => vec![skipped(entry, name, READ)],
                })
            })
        });
    }
    let findings = suite.run(8).await.into_iter().flat_map(|outcome| outcome.findings).collect();
    CheckResult::new(Subject::new(SubjectKind::Network, name.as_str()), Vec::new(), findings)
}

/// Why there is no path to judge.
enum Gap {
    /// AWS did not say.
    NotTold(NotTold),
    /// There is nothing of the kind; why that is one sentence.
    Nothing(String),
}

impl From<NotTold> for Gap {
    fn from(why: NotTold) -> Self {
        Self::NotTold(why)
    }
}

fn judged(read: Result<PathFacts, Gap>) -> (Option<PathFacts>, Vec<Finding>) {
    match read {
        Ok(facts) => {
            let message = format!("the path to {} was read", facts.instance_id);
            let finding = Finding::new(READ, Severity::Ok, &facts.instance_id, message);
            let (table, acl) = (&facts.table.id, &facts.acl.id);
            let evidence = format!("{}, {table}, {acl}, {}", facts.subnet_id, facts.group_ids.join(", "));
            (Some(facts), vec![finding.evidence(evidence)])
        }
        Err(Gap::NotTold(why)) => {
            (None, vec![checks::account::unchecked(READ, "path", "the path through the VPC", &why)])
        }
        Err(Gap::Nothing(message)) => {
            let finding = Finding::new(READ, Severity::Unknown, "path", message);
            (None, vec![finding.hint("see what there is: sre-agent-deploy status; sre-agent-deploy plan")])
        }
    }
}

/// Reads everything that lies on the way to the deployment's instance.
async fn read(desk: &Desk, cloud: &Cloud, config: &Config, state: Option<&State>) -> Result<PathFacts, Gap> {
    let ec2 = &cloud.ec2;
    let known = state.and_then(|state| state.step(StepId::Instance).id);
    let query = match known {
        Some(id) => InstanceQuery::Id(id),
        None => InstanceQuery::Deployment(config.deployment.id.to_string()),
    };
    let found = desk.told(async || ec2.describe_instances(query.clone()).await).await?;
    let Some(instance) = found.into_iter().find(|instance| !instance.group_ids.is_empty()) else {
        return Err(Gap::Nothing("the deployment has no instance that a path could lead to".to_owned()));
    };
    let vpc_id = instance.vpc_id.as_str();
    let vpcs = desk.told(async || ec2.describe_vpcs(VpcQuery::Id(vpc_id.to_owned())).await).await?;
    let tables = desk.told(async || ec2.describe_routes(vpc_id.to_owned()).await).await?;
    let acls = desk.told(async || ec2.describe_network_acls(vpc_id.to_owned()).await).await?;
    let mut rules = Vec::new();
    for group in &instance.group_ids {
        let of_group: Told<Vec<path::GroupRule>> =
            desk.told(async || ec2.describe_security_group_rules(group.clone()).await).await;
        rules.extend(of_group?.into_iter().map(group_rule));
    }
    let Some(vpc) = vpcs.into_iter().next() else {
        return Err(Gap::Nothing(format!("{vpc_id} does not exist")));
    };
    let subnet = &instance.subnet_id;
    let own = tables.iter().find(|table| table.subnet_ids.contains(subnet));
    let Some(table) = own.or_else(|| tables.iter().find(|table| table.main)) else {
        return Err(Gap::Nothing(format!("{subnet} has no route table")));
    };
    let own = acls.iter().find(|acl| acl.subnet_ids.contains(subnet));
    let Some(acl) = own.or_else(|| acls.iter().find(|acl| acl.is_default)) else {
        return Err(Gap::Nothing(format!("{subnet} has no network ACL")));
    };
    let address = |text: &Option<String>| text.as_ref().and_then(|text| text.parse::<IpAddr>().ok());
    Ok(PathFacts {
        private_ip: address(&instance.private_ip),
        public_ip: address(&instance.public_ip),
        vpc_cidrs: vpc.cidrs,
        subnet_id: subnet.clone(),
        table: RouteTable { id: table.id.clone(), routes: table.routes.iter().map(route).collect() },
        acl: NetworkAcl { id: acl.id.clone(), entries: acl.entries.iter().map(entry).collect() },
        group_ids: instance.group_ids.iter().cloned().collect(),
        rules,
        instance_id: instance.id,
    })
}

fn route(route: &path::Route) -> Route {
    Route {
        destination: match &route.destination {
            path::Destination::Cidr(cidr) => Destination::Cidr(*cidr),
            path::Destination::PrefixList(list) => Destination::PrefixList(list.clone()),
        },
        target_id: route.target_id.clone(),
        target: match route.target {
            path::RouteTarget::Local => RouteTarget::Local,
            path::RouteTarget::InternetGateway => RouteTarget::InternetGateway,
            path::RouteTarget::EgressOnlyGateway => RouteTarget::EgressOnlyGateway,
            path::RouteTarget::Nat => RouteTarget::Nat,
            path::RouteTarget::VpcEndpoint => RouteTarget::VpcEndpoint,
            path::RouteTarget::Other => RouteTarget::Other,
        },
        active: route.active,
    }
}

fn entry(entry: &path::AclEntry) -> AclEntry {
    let path::AclEntry { number, egress, allow, protocol, ports, cidr } = *entry;
    AclEntry { number, egress, allow, protocol, ports, cidr }
}

fn group_rule(rule: path::GroupRule) -> GroupRule {
    let path::GroupRule { id, group_id, egress, protocol, ports, peer } = rule;
    let peer = match peer {
        path::Peer::Cidr(cidr) => Peer::Cidr(cidr),
        path::Peer::Group(group) => Peer::Group(group),
        path::Peer::PrefixList(list) => Peer::PrefixList(list),
    };
    GroupRule { id, group_id, egress, protocol, ports, peer }
}
