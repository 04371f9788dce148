//! The security group of the instance: who reaches which port, and what the instance itself may reach.

use std::collections::BTreeSet;
use std::str::FromStr as _;

use async_trait::async_trait;
use cloud::CallError;
use cloud::port::ec2::{GroupQuery, NewSecurityGroup, Protocol, Rule, RuleChange, SecurityGroup};
use ipnet::IpNet;
use model::agent::Backend;
use model::config::{AcmeChallenge, Config, OperatingSystem, TlsSource};
use model::plan::{FieldDiff, Fields, Pins, StepId};
use model::{DeploymentId, Finding, Severity};
use serde_json::{Value, json};

use super::{
    ByHand, CREATE, Context, Found, OnChange, Op, Step, Want, fields, names, outputs, unknown_op,
    unknown_undo,
};
use crate::error::StepError;
use crate::guide::{self, Guide, Handmade};
use crate::key::IntentKey;

const STEP: StepId = StepId::SecurityGroup;

pub(super) struct SecurityGroupStep;

/// Everywhere, in both families.
fn everywhere() -> [IpNet; 2] {
    [IpNet::V4(ipnet::Ipv4Net::default()), IpNet::V6(ipnet::Ipv6Net::default())]
}

fn tcp(port: u16, cidr: IpNet) -> Rule {
    Rule { protocol: Protocol::Tcp, from_port: port, to_port: port, cidr }
}

/// What may come in.
fn ingress(config: &Config, pins: &Pins) -> BTreeSet<Rule> {
    let mut rules = BTreeSet::new();
    rules.extend(config.network.https_cidrs.iter().map(|cidr| tcp(443, *cidr)));
    rules.extend(config.network.ssh_cidrs.iter().map(|cidr| tcp(22, *cidr)));
    for vpc in pins.vpc_cidrs.iter().filter_map(|cidr| IpNet::from_str(cidr).ok()) {
        rules.extend(config.network.backend_ports.iter().map(|port| tcp(*port, vpc)));
    }
    if matches!(config.tls.source, TlsSource::Acme { challenge: AcmeChallenge::Http01, .. }) {
        // The certificate authority connects from addresses that it does not publish.
        rules.extend(everywhere().map(|cidr| tcp(80, cidr)));
    }
    rules
}

/// What may go out: HTTPS to AWS, the certificate authority and package mirrors. Amazon's DNS and time servers are not
/// filtered by security groups. Ubuntu's mirrors speak plain HTTP (packages are signed). With a gateway, the backends as well.
fn egress(config: &Config, pins: &Pins) -> BTreeSet<Rule> {
    let mut rules: BTreeSet<Rule> = everywhere().map(|cidr| tcp(443, cidr)).into();
    if config.instance.os == OperatingSystem::Ubuntu2204 {
        rules.extend(everywhere().map(|cidr| tcp(80, cidr)));
    }
    if config.gateway.is_some() {
        // The gateway's interfaces in the VPC are in this group, and speak to the backends.
        for vpc in pins.vpc_cidrs.iter().filter_map(|cidr| IpNet::from_str(cidr).ok()) {
            rules.extend(Backend::ALL.map(|backend| tcp(backend.port(), vpc)));
        }
    }
    rules
}

fn shown(rules: &BTreeSet<Rule>) -> Value {
    rules.iter().map(ToString::to_string).collect::<Vec<_>>().into()
}

/// The rules in one field that are missing in another.
fn missing(in_one: &Fields, in_other: &Fields, field: &str) -> BTreeSet<Rule> {
    let parse = |fields: &Fields| -> BTreeSet<Rule> {
        fields
            .get(field)
            .and_then(Value::as_array)
            .map(|rules| rules.iter().filter_map(|rule| rule.as_str()?.parse().ok()).collect())
            .unwrap_or_default()
    };
    parse(in_one).difference(&parse(in_other)).copied().collect()
}

fn list(rules: &BTreeSet<Rule>) -> String {
    rules.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn description(deployment: &DeploymentId) -> String {
    format!("sre-agent-deploy {deployment}: HTTPS to bedrock-nova-proxy")
}

fn found(group: &SecurityGroup) -> Found {
    Found {
        id: group.id.clone(),
        fields: fields([
            ("vpc", json!(group.vpc_id)),
            ("ingress", shown(&group.ingress)),
            ("egress", shown(&group.egress)),
        ]),
        outputs: outputs([("id", &group.id), ("name", &group.name)]),
    }
}

#[async_trait]
impl Step for SecurityGroupStep {
    fn id(&self) -> StepId {
        STEP
    }

    fn kind(&self) -> &'static str {
        "AWS::EC2::SecurityGroup"
    }

    fn want(&self, cx: &Context<'_>, config: &Config) -> Option<Want> {
        if config.instance.adopt_instance_id.is_some() {
            // An adopted instance keeps its own groups.
            return None;
        }
        let mut why = vec![
            "port 443 is what clients use; backend ports are reached from inside the VPC only".to_owned(),
        ];
        if config.network.ssh_cidrs.is_empty() {
            why.push("no port 22: Session Manager gives a shell without an open port".to_owned());
        }
        Some(Want {
            name: names::security_group(cx.deployment),
            fields: fields([
                ("vpc", json!(cx.pins.vpc_id)),
                ("ingress", shown(&ingress(config, cx.pins))),
                ("egress", shown(&egress(config, cx.pins))),
            ]),
            why,
            irreversible: None,
        })
    }

    async fn find(&self, cx: &Context<'_>) -> Result<Vec<Found>, StepError> {
        let query = GroupQuery::Deployment(cx.deployment.to_string());
        let groups = cx.patience.read(STEP, || cx.cloud.ec2.describe_security_groups(query.clone())).await?;
        Ok(groups.iter().filter(|group| cx.owns(&group.tags, STEP)).map(found).collect())
    }

    async fn fetch(&self, cx: &Context<'_>, id: &str) -> Result<Option<Found>, StepError> {
        let query = GroupQuery::Id(id.to_owned());
        let groups = cx.patience.read(STEP, || cx.cloud.ec2.describe_security_groups(query.clone())).await?;
        Ok(groups.first().map(found))
    }

    async fn rival(&self, cx: &Context<'_>, _config: &Config) -> Result<Option<Finding>, StepError> {
        let query =
            GroupQuery::Name { vpc_id: cx.pins.vpc_id.clone(), name: names::security_group(cx.deployment) };
        let groups = cx.patience.read(STEP, || cx.cloud.ec2.describe_security_groups(query.clone())).await?;
        Ok(groups.iter().find(|group| !cx.owns(&group.tags, STEP)).map(|group| {
            Finding::new(
                "SRE-PLAN-001",
                Severity::Error,
                STEP.as_str(),
                format!("a security group named `{}` exists in {} and is not ours", group.name, group.vpc_id),
            )
            .evidence(group.id.clone())
        }))
    }

    fn guide(&self, cx: &Context<'_>, want: &Want) -> Option<Guide> {
        Some(guide::security_group(cx, want, &description(cx.deployment)))
    }

    async fn made_by_hand(&self, cx: &Context<'_>) -> Result<Vec<Handmade>, StepError> {
        let by_tag = GroupQuery::Deployment(cx.deployment.to_string());
        let by_name =
            GroupQuery::Name { vpc_id: cx.pins.vpc_id.clone(), name: names::security_group(cx.deployment) };
        let mut all = Vec::new();
        for query in [by_tag, by_name] {
            let groups =
                cx.patience.read(STEP, || cx.cloud.ec2.describe_security_groups(query.clone())).await?;
            all.extend(
                groups
                    .iter()
                    .filter(|group| !cx.owns(&group.tags, STEP))
                    .map(|group| Handmade { found: found(group), tagged: cx.is_handmade(&group.tags, STEP) }),
            );
        }
        Ok(all)
    }

    fn on_change(&self, difference: &FieldDiff) -> OnChange {
        if difference.field == "vpc" { OnChange::Replace } else { OnChange::Update }
    }

    fn ops(&self, _cx: &Context<'_>, want: &Want, have: Option<&Found>) -> Vec<Op> {
        let Some(have) = have else {
            return vec![Op::new(CREATE, format!("create security group {}", want.name))];
        };
        let mut ops = Vec::new();
        let mut change = |name, rules: &BTreeSet<Rule>, verb: &str| {
            if !rules.is_empty() {
                ops.push(Op::new(name, format!("{verb} {}", list(rules))));
            }
        };
        // Allow before revoke: clients that stay allowed are never cut off in between.
        change("authorize-ingress", &missing(&want.fields, &have.fields, "ingress"), "allow in");
        change("authorize-egress", &missing(&want.fields, &have.fields, "egress"), "allow out");
        change("revoke-ingress", &missing(&have.fields, &want.fields, "ingress"), "stop allowing in");
        change("revoke-egress", &missing(&have.fields, &want.fields, "egress"), "stop allowing out");
        ops
    }

    fn repeats_safely(&self, _op: &str) -> bool {
        // The name is unique in its VPC: a second create answers InvalidGroup.Duplicate.
        true
    }

    async fn perform(
        &self,
        cx: &Context<'_>,
        op: &Op,
        have: Option<&Found>,
        key: &IntentKey,
    ) -> Result<Option<String>, StepError> {
        let ec2 = &cx.cloud.ec2;
        let (Some(have), Some(want)) = (have, cx.config.and_then(|config| self.want(cx, config))) else {
            if op.name != CREATE {
                return Err(unknown_op(STEP, op));
            }
            let name = names::security_group(cx.deployment);
            let group = NewSecurityGroup {
                name: name.clone(),
                description: description(cx.deployment),
                vpc_id: cx.pins.vpc_id.clone(),
                tags: cx.tags(STEP, key, &name),
            };
            let id = cx.patience.write(STEP, true, || ec2.create_security_group(group.clone())).await?;
            return Ok(Some(id));
        };
        let change = |rules| RuleChange { group_id: have.id.clone(), rules };
        match op.name {
            "authorize-ingress" => {
                let change = change(missing(&want.fields, &have.fields, "ingress"));
                cx.patience.write(STEP, true, || ec2.authorize_ingress(change.clone())).await?;
            }
            "authorize-egress" => {
                let change = change(missing(&want.fields, &have.fields, "egress"));
                cx.patience.write(STEP, true, || ec2.authorize_egress(change.clone())).await?;
            }
            "revoke-ingress" => {
                let change = change(missing(&have.fields, &want.fields, "ingress"));
                cx.patience.remove(STEP, || ec2.revoke_ingress(change.clone())).await?;
            }
            "revoke-egress" => {
                let change = change(missing(&have.fields, &want.fields, "egress"));
                cx.patience.remove(STEP, || ec2.revoke_egress(change.clone())).await?;
            }
            _ => return Err(unknown_op(STEP, op)),
        }
        Ok(None)
    }

    async fn undo_ops(&self, _cx: &Context<'_>, have: &Found) -> Result<Vec<Op>, StepError> {
        Ok(vec![Op::new("delete", format!("delete security group {}", have.id))])
    }

    async fn undo(&self, cx: &Context<'_>, op: &Op, have: &Found) -> Result<(), CallError> {
        match op.name {
            "delete" => cx.cloud.ec2.delete_security_group(have.id.clone()).await,
            _ => Err(unknown_undo(STEP, op)),
        }
    }

    fn by_hand(&self, cx: &Context<'_>, id: &str) -> ByHand {
        ByHand {
            console: guide::page(
                cx.region,
                &format!("ec2/home?region={}#SecurityGroup:groupId={id}", cx.region),
            ),
            command: format!("aws ec2 delete-security-group --region {} --group-id {id}", cx.region),
        }
    }
}
