//! What could be found out before anybody answered: where this runs, whose credentials there are, what the account has.
//! And the defaults that follow from it and from the answers so far.

use model::ids::DomainPrefix;
use model::{DeploymentId, Region};
use serde::{Deserialize, Serialize};

use crate::form::{Answers, Defaults, GATEWAY, NO, PRODUCT_DEFAULTS, Source};
use crate::known;

/// Where the program runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "place", rename_all = "kebab-case")]
pub enum Place {
    /// Somebody's machine.
    Laptop,
    /// An EC2 instance, by its metadata service (IMDSv2).
    Instance {
        /// `i-...`
        instance_id: String,
        /// `t3.xlarge`
        instance_type: String,
        /// The zone.
        availability_zone: String,
        /// The VPC.
        vpc_id: String,
        /// The subnet.
        subnet_id: String,
        /// Its public IPv4 address, if it has one.
        public_ip: Option<String>,
    },
    /// AWS CloudShell.
    CloudShell,
}

/// Something that can be chosen, with what tells it from the others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// What the configuration takes: `vpc-0123...`.
    pub value: String,
    /// For people: "10.0.0.0/16, default, production".
    pub note: String,
    /// What it belongs to, where that matters: the VPC of a subnet.
    pub within: Option<String>,
}

/// What was found out. What could not be is none or empty, and `notes` says why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Discovery {
    /// Where the program runs.
    pub place: Place,
    /// The account of the credentials.
    pub account_id: Option<String>,
    /// Who the credentials are, as an ARN.
    pub arn: Option<String>,
    /// The Region, with the name of what says so: a variable, a profile, the instance.
    pub region: Option<(String, String)>,
    /// The profile that is used.
    pub profile: Option<String>,
    /// The profiles there are.
    pub profiles: Vec<String>,
    /// The VPCs, the default one first.
    pub vpcs: Vec<Choice>,
    /// The public subnets.
    pub subnets: Vec<Choice>,
    /// User pools that could be adopted.
    pub user_pools: Vec<Choice>,
    /// Instances that could be adopted.
    pub instances: Vec<Choice>,
    /// What could not be found out and why, one sentence each.
    pub notes: Vec<String>,
}

impl Discovery {
    /// Nothing is known yet.
    pub fn nothing() -> Self {
        Self {
            place: Place::Laptop,
            account_id: None,
            arn: None,
            region: None,
            profile: None,
            profiles: Vec::new(),
            vpcs: Vec::new(),
            subnets: Vec::new(),
            user_pools: Vec::new(),
            instances: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Whether what was found in the account is of this Region.
    fn is_about(&self, region: &str) -> bool {
        self.region.as_ref().is_none_or(|(own, _)| own == region)
    }
}

/// What can be chosen for a key, where there is a list. What belongs to another Region or VPC than the answers say is not
/// among it.
pub fn choices(path: &str, discovery: &Discovery, answers: &Answers, defaults: &Defaults) -> Vec<Choice> {
    let list = match path {
        REGION => return known::regions(),
        "instance.type" => return known::instance_types(answers.held(REGION, defaults)),
        "network.vpc_id" => &discovery.vpcs,
        "network.subnet_id" => &discovery.subnets,
        "instance.adopt_instance_id" => &discovery.instances,
        "cognito.adopt_user_pool_id" => &discovery.user_pools,
        _ => return Vec::new(),
    };
    if !discovery.is_about(answers.held(REGION, defaults)) {
        return Vec::new();
    }
    let vpc = answers.held(VPC, defaults);
    let fits = |choice: &&Choice| {
        let vpc_of = choice.within.as_deref().filter(|_| path == SUBNET && !vpc.is_empty());
        vpc_of.is_none_or(|within| within == vpc)
    };
    list.iter().filter(fits).cloned().collect()
}

const MODE: &str = "mode";
const REGION: &str = "aws.region";
const VPC: &str = "network.vpc_id";
const SUBNET: &str = "network.subnet_id";
const ENVIRONMENT: &str = "deployment.environment";
const ID: &str = "deployment.id";
const INSTALL: &str = "host.install";

/// The account that the practice account says it is.
const PRACTICE_ACCOUNT: &str = "123456789012";

/// The defaults: the product's own, then what was discovered, then what follows from the answers.
pub fn defaults(discovery: &Discovery, answers: &Answers) -> Defaults {
    let mut defaults = Defaults::default();
    for (path, text, reason) in PRODUCT_DEFAULTS.iter() {
        defaults.set(path, text, recommended(reason));
    }
    defaults.set(GATEWAY, NO, recommended("only the SRE agent needs one"));
    let strictest = "the strictest, so that nothing careless slips by";
    defaults.set(ENVIRONMENT, "prod", recommended(strictest));
    let environment = answers.held(ENVIRONMENT, &defaults).to_owned();
    let mode = if environment == "prod" { "production" } else { "staging" };
    defaults.set(MODE, mode, derived(&format!("the environment, {environment}")));
    let is_rehearsal = answers.held(MODE, &defaults) == "rehearsal";
    place(&mut defaults, discovery, is_rehearsal);
    let id = if is_rehearsal { "sre-agent-rehearsal".to_owned() } else { format!("sre-agent-{environment}") };
    if DeploymentId::parse(&id).is_ok() {
        defaults.set(ID, id, derived(if is_rehearsal { "the mode" } else { "the environment" }));
    }
    if is_rehearsal {
        rehearsal(&mut defaults);
    } else {
        machine(&mut defaults, discovery, answers);
    }
    // In a rehearsal, what was found in a real account is of no use.
    if !is_rehearsal || discovery.account_id.as_deref() == Some(PRACTICE_ACCOUNT) {
        network(&mut defaults, discovery, answers);
    }
    names(&mut defaults, answers);
    defaults
}

/// Account, Region and profile.
fn place(defaults: &mut Defaults, discovery: &Discovery, is_rehearsal: bool) {
    if let Some((region, says_so)) = discovery.region.as_ref().filter(|(name, _)| Region::parse(name).is_ok())
    {
        let source = match &discovery.place {
            Place::Instance { availability_zone, .. } if availability_zone.starts_with(region.as_str()) => {
                Source::Instance
            }
            _ => Source::Environment { name: says_so.clone() },
        };
        defaults.set(REGION, region, source);
    } else if is_rehearsal {
        defaults.set(REGION, "us-east-1", recommended("a rehearsal is the same in every Region"));
    }
    if is_rehearsal {
        defaults.set("aws.account_id", PRACTICE_ACCOUNT, recommended("it is the practice account's"));
        return;
    }
    if let Some(account) = &discovery.account_id {
        defaults.set("aws.account_id", account, Source::Account);
    }
    if let Some(profile) = &discovery.profile {
        defaults.set("aws.profile", profile, Source::Environment { name: "the profile in use".to_owned() });
    }
}

/// What a rehearsal needs so that nobody has to make anything up.
fn rehearsal(defaults: &mut Defaults) {
    let reason = "a rehearsal makes its own name and certificate";
    defaults.set("tls.domain", "api.rehearsal.internal", recommended(reason));
    defaults.set("tls.acme.email", "ops@rehearsal.internal", recommended("a rehearsal sends no mail"));
    defaults.set(INSTALL, "none", recommended("a rehearsal has no machine to install on"));
}

/// Where this is an instance, it is the one that serves.
fn machine(defaults: &mut Defaults, discovery: &Discovery, answers: &Answers) {
    let Place::Instance { instance_id, .. } = &discovery.place else { return };
    defaults.set(INSTALL, "here", Source::Instance);
    let is_here = discovery.is_about(answers.held(REGION, defaults));
    if is_here && answers.held(INSTALL, defaults) == "here" {
        defaults.set("instance.adopt_instance_id", instance_id, Source::Instance);
    }
}

/// The VPC and a public subnet of it.
fn network(defaults: &mut Defaults, discovery: &Discovery, answers: &Answers) {
    if !discovery.is_about(answers.held(REGION, defaults)) {
        return;
    }
    let own = match &discovery.place {
        Place::Instance { vpc_id, subnet_id, .. } => Some((vpc_id, subnet_id)),
        Place::Laptop | Place::CloudShell => None,
    };
    match (own, discovery.vpcs.first()) {
        (Some((vpc, _)), _) if !vpc.is_empty() => defaults.set(VPC, vpc, Source::Instance),
        (_, Some(first)) => defaults.set(VPC, &first.value, Source::Account),
        _ => {}
    }
    let vpc = answers.held(VPC, defaults).to_owned();
    match own {
        Some((own_vpc, subnet)) if *own_vpc == vpc && !subnet.is_empty() => {
            defaults.set(SUBNET, subnet, Source::Instance);
        }
        _ => {
            let subnet =
                choices(SUBNET, discovery, answers, defaults).into_iter().next().map(|first| first.value);
            if let Some(subnet) = subnet.filter(|_| !vpc.is_empty()) {
                defaults.set(SUBNET, subnet, Source::Account);
            }
        }
    }
}

/// Names that follow from the deployment's.
fn names(defaults: &mut Defaults, answers: &Answers) {
    let id = answers.held(ID, defaults).to_owned();
    if let Some(prefix) = domain_prefix(&id) {
        let rule = if prefix == id {
            "the deployment id"
        } else {
            "the deployment id, without words that Cognito refuses"
        };
        defaults.set("cognito.domain_prefix", prefix, derived(rule));
    }
    // AWS takes single hyphens only.
    if DeploymentId::parse(&id).is_ok() && !id.contains("--") {
        defaults.set("gateway.name", format!("{id}-gateway"), derived("the deployment id"));
    }
}

/// The deployment id as Cognito takes it: without the words that it keeps for AWS.
fn domain_prefix(id: &str) -> Option<String> {
    if DomainPrefix::parse(id).is_ok() {
        return Some(id.to_owned());
    }
    DeploymentId::parse(id).ok()?;
    let without = |part: &str| part.replace("aws", "").replace("amazon", "").replace("cognito", "");
    let parts: Vec<String> = id.split('-').map(without).filter(|part| !part.is_empty()).collect();
    let prefix = parts.join("-");
    (prefix.len() >= 3 && DomainPrefix::parse(&prefix).is_ok()).then_some(prefix)
}

fn recommended(reason: &str) -> Source {
    Source::Recommended { reason: reason.to_owned() }
}

fn derived(rule: &str) -> Source {
    Source::Derived { rule: rule.to_owned() }
}

#[cfg(test)]
mod tests;
