//! What could be found out before anybody answered: where this runs, whose credentials there are, what the account has.
//! And the defaults that follow from it and from the answers so far.

use serde::{Deserialize, Serialize};

use crate::form::{Answers, Defaults};

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
}

/// What can be chosen for a key, where there is a list.
pub fn choices<'a>(
    path: &str,
    discovery: &'a Discovery,
    answers: &Answers,
    defaults: &Defaults,
) -> Vec<&'a Choice> {
    let _ = (path, discovery, answers, defaults);
    Vec::new()
}

/// The defaults: the product's own, then what was discovered, then what follows from the answers.
pub fn defaults(discovery: &Discovery, answers: &Answers) -> Defaults {
    let _ = (discovery, answers);
    Defaults::default()
}
