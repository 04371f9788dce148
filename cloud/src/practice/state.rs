//! What the practice account remembers, as it is written to its file.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;
use jiff::Timestamp;
use model::config::Mfa;
use model::tags::{DEPLOYMENT, Tags};
use model::{AccountId, Region};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::port::acm::{CertificateDetail, IssuedCertificate};
use crate::port::agentcore::MemoryStrategy;
use crate::port::bedrock::{ModelAvailability, ModelLife};
use crate::port::ec2::{InstanceState, Rule};
use crate::port::path::{AclEntry, GroupRule, Route};

use super::agentcore::record::{Gateway, Memory, Provider, Runtime};
use super::boot::{Boot, Mishap};
use super::seed::Credentials;
use super::{PracticeOptions, catalog};

/// The whole account.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) account: AccountId,
    pub(super) region: Region,
    /// Whom the credentials belong to, when that is not the account that the file was made for.
    pub(super) caller: Option<AccountId>,
    pub(super) credentials: Credentials,
    /// Actions that the caller may not do: whole, or up to a final `*`.
    pub(super) denied: BTreeSet<String>,
    /// Numbers the things made, for ids and addresses.
    pub(super) made: u64,
    pub(super) vpcs: BTreeMap<String, Vpc>,
    pub(super) subnets: BTreeMap<String, Subnet>,
    pub(super) route_tables: BTreeMap<String, RouteTable>,
    pub(super) images: BTreeMap<String, Image>,
    pub(super) instance_types: BTreeMap<String, InstanceType>,
    pub(super) parameters: BTreeMap<String, String>,
    /// By service code and quota code, with a slash between.
    pub(super) quotas: BTreeMap<String, f64>,
    pub(super) groups: BTreeMap<String, Group>,
    pub(super) instances: BTreeMap<String, Instance>,
    pub(super) volumes: BTreeMap<String, Volume>,
    pub(super) addresses: BTreeMap<String, Address>,
    /// Client tokens of `RunInstances`.
    pub(super) launches: BTreeMap<String, Launch>,
    pub(super) roles: BTreeMap<String, Role>,
    pub(super) profiles: BTreeMap<String, Profile>,
    pub(super) pools: BTreeMap<String, Pool>,
    pub(super) domains: BTreeMap<String, Domain>,
    pub(super) certificates: BTreeMap<String, Certificate>,
    /// Routes by route table, where they are not the usual ones.
    #[serde(default)]
    pub(super) routes: BTreeMap<String, Vec<Route>>,
    /// Entries of the network ACL by VPC, where they are not the usual ones.
    #[serde(default)]
    pub(super) acls: BTreeMap<String, Vec<AclEntry>>,
    /// Rules of security groups whose source is no block of addresses.
    #[serde(default)]
    pub(super) peers: Vec<GroupRule>,
    /// Models of which there is more to say than that they are active and accessible, by id.
    #[serde(default)]
    pub(super) models: BTreeMap<String, ModelNote>,
    #[serde(default)]
    pub(super) buckets: BTreeMap<String, Bucket>,
    /// Parameters that are not AWS's.
    #[serde(default)]
    pub(super) own_parameters: BTreeMap<String, Parameter>,
    /// Hosted zones by id.
    #[serde(default)]
    pub(super) zones: BTreeMap<String, Zone>,
    /// Changes in them by id, each with the looks until all name servers have it.
    #[serde(default)]
    pub(super) zone_changes: BTreeMap<String, u32>,
    /// API key credential providers by name.
    #[serde(default)]
    pub(super) providers: BTreeMap<String, Provider>,
    /// Gateways by id.
    #[serde(default)]
    pub(super) gateways: BTreeMap<String, Gateway>,
    /// Why the next targets of these names fail.
    #[serde(default)]
    pub(super) failing_targets: BTreeMap<String, String>,
    /// Memories by id.
    #[serde(default)]
    pub(super) memories: BTreeMap<String, Memory>,
    /// Why the next memory fails.
    #[serde(default)]
    pub(super) failing_memory: Option<String>,
    /// The strategy that fails in the next memory.
    #[serde(default)]
    pub(super) failing_strategy: Option<MemoryStrategy>,
    /// Runtimes by id.
    #[serde(default)]
    pub(super) runtimes: BTreeMap<String, Runtime>,
    /// Why the next runtime fails.
    #[serde(default)]
    pub(super) failing_runtime: Option<String>,
    /// What goes wrong when instances boot.
    #[serde(default)]
    pub(super) mishap: Option<Mishap>,
    #[serde(skip)]
    pub(super) pace: Pace,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Bucket {
    pub(super) unseen: Unseen,
    /// Another account that has it; none for this one.
    pub(super) owner: Option<AccountId>,
    pub(super) encryption: Option<String>,
    /// Whether nothing in it can be made public.
    pub(super) blocked: bool,
    pub(super) policy: Option<Value>,
    pub(super) tags: Tags,
    pub(super) objects: BTreeMap<String, Object>,
}

/// What is remembered of an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Object {
    pub(super) size: u64,
    pub(super) sha256: String,
    /// What it holds, where that is a short text; more would swell the account's file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<String>,
}

/// A hosted zone, with its text records by name.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Zone {
    pub(super) name: String,
    pub(super) is_private: bool,
    pub(super) txt: BTreeMap<String, TxtSet>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct TxtSet {
    pub(super) ttl: u32,
    pub(super) values: Vec<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Parameter {
    pub(super) unseen: Unseen,
    pub(super) value: String,
    pub(super) tags: Tags,
}

/// How slowly things come to be seen and done.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pace {
    pub(super) lag: u32,
    pub(super) settle: u32,
}

/// How many more looks something is missed by. Kept with the thing, so that the next process meets it too.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(super) struct Unseen {
    reads: u32,
    tagging: u32,
}

impl Unseen {
    /// Whether a read that would return the thing does.
    pub(super) fn look(&mut self) -> bool {
        tick(&mut self.reads)
    }

    /// The same for the tagging API, which learns of things on its own.
    pub(super) fn look_by_tag(&mut self) -> bool {
        tick(&mut self.tagging)
    }
}

/// Counts down; true once there is nothing left to count.
pub(super) fn tick(left: &mut u32) -> bool {
    if *left == 0 {
        return true;
    }
    *left = left.saturating_sub(1);
    false
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Vpc {
    pub(super) cidrs: Vec<IpNet>,
    pub(super) is_default: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Subnet {
    pub(super) vpc_id: String,
    pub(super) zone: String,
    pub(super) public_ips: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct RouteTable {
    pub(super) vpc_id: String,
    pub(super) main: bool,
    pub(super) subnet_ids: Vec<String>,
    pub(super) to_internet: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Image {
    pub(super) root_device_name: String,
    pub(super) architecture: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct InstanceType {
    pub(super) vcpus: u32,
    pub(super) memory_mib: u64,
    pub(super) architecture: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Group {
    pub(super) unseen: Unseen,
    pub(super) name: String,
    pub(super) vpc_id: String,
    pub(super) ingress: BTreeSet<Rule>,
    pub(super) egress: BTreeSet<Rule>,
    pub(super) tags: Tags,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Instance {
    pub(super) unseen: Unseen,
    pub(super) state: InstanceState,
    /// Looks until the state that it is on its way to.
    pub(super) settle: u32,
    /// Looks at the status checks until they pass.
    pub(super) checks: u32,
    pub(super) kind: String,
    pub(super) image_id: String,
    pub(super) vpc_id: String,
    pub(super) subnet_id: String,
    pub(super) group_ids: BTreeSet<String>,
    pub(super) profile_arn: String,
    pub(super) private_ip: String,
    pub(super) public_ip: Option<String>,
    pub(super) tokens_required: bool,
    pub(super) hop_limit: u32,
    pub(super) volume_id: String,
    pub(super) protected: bool,
    /// SHA-256 of the user data; the data itself is not kept.
    pub(super) user_data: Option<String>,
    /// Its first boot, where its user data is our script.
    #[serde(default)]
    pub(super) boot: Option<Boot>,
    pub(super) tags: Tags,
}

impl Instance {
    /// Whether it is neither gone nor going.
    pub(super) fn alive(&self) -> bool {
        !matches!(self.state, InstanceState::ShuttingDown | InstanceState::Terminated)
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Volume {
    pub(super) size_gb: u32,
    pub(super) kind: String,
    pub(super) encrypted: bool,
    pub(super) tags: Tags,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Address {
    pub(super) unseen: Unseen,
    pub(super) public_ip: String,
    pub(super) association: Option<Association>,
    pub(super) tags: Tags,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Association {
    pub(super) id: String,
    pub(super) instance_id: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Launch {
    /// SHA-256 of the parameters.
    pub(super) parameters: String,
    pub(super) instance_id: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Role {
    pub(super) unseen: Unseen,
    /// Times that a service tries it in vain, until it has reached AgentCore.
    #[serde(default)]
    pub(super) unknown_to_agentcore: u32,
    pub(super) path: String,
    pub(super) trust: Value,
    pub(super) policies: BTreeMap<String, Policy>,
    pub(super) attached: BTreeSet<String>,
    pub(super) tags: Tags,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Policy {
    pub(super) unseen: Unseen,
    pub(super) document: Value,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Profile {
    pub(super) unseen: Unseen,
    /// Launches that name it in vain, until it has reached EC2.
    pub(super) unknown_to_ec2: u32,
    pub(super) path: String,
    pub(super) role: Option<String>,
    pub(super) tags: Tags,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Pool {
    pub(super) unseen: Unseen,
    pub(super) name: String,
    pub(super) protected: bool,
    pub(super) admin_create_user_only: bool,
    pub(super) password_minimum_length: u32,
    pub(super) password_all_classes: bool,
    pub(super) mfa: Mfa,
    pub(super) servers: BTreeMap<String, Server>,
    pub(super) clients: BTreeMap<String, Client>,
    pub(super) tags: Tags,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Server {
    pub(super) unseen: Unseen,
    pub(super) scopes: BTreeSet<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Client {
    pub(super) unseen: Unseen,
    pub(super) name: String,
    pub(super) scopes: BTreeSet<String>,
    pub(super) access_token_minutes: u32,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Domain {
    pub(super) unseen: Unseen,
    /// None for a prefix that another account took.
    pub(super) pool_id: Option<String>,
    /// Looks until it is active.
    pub(super) settle: u32,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Certificate {
    pub(super) unseen: Unseen,
    /// Looks until ACM has made the validation record.
    pub(super) settle: u32,
    pub(super) domain: String,
    pub(super) token: String,
    pub(super) status: String,
    pub(super) in_use_by: Vec<String>,
    pub(super) tags: Tags,
    /// What ACM says beyond that, for one that came from outside.
    #[serde(default)]
    pub(super) detail: Option<CertificateDetail>,
    /// The certificate itself, once there is one.
    #[serde(default)]
    pub(super) issued: Option<IssuedCertificate>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ModelNote {
    pub(super) life: ModelLife,
    pub(super) end_of_life: Option<Timestamp>,
    /// None for accessible.
    pub(super) availability: Option<ModelAvailability>,
}

impl State {
    /// A new account, as AWS hands it over.
    pub(super) fn fresh(options: &PracticeOptions) -> Self {
        let mut state = Self {
            account: options.account.clone(),
            region: options.region.clone(),
            caller: None,
            credentials: Credentials::Good,
            denied: BTreeSet::new(),
            made: 0,
            vpcs: BTreeMap::new(),
            subnets: BTreeMap::new(),
            route_tables: BTreeMap::new(),
            images: BTreeMap::new(),
            instance_types: catalog::instance_types(),
            parameters: BTreeMap::new(),
            quotas: catalog::quotas(),
            groups: BTreeMap::new(),
            instances: BTreeMap::new(),
            volumes: BTreeMap::new(),
            addresses: BTreeMap::new(),
            launches: BTreeMap::new(),
            roles: BTreeMap::new(),
            profiles: BTreeMap::new(),
            pools: BTreeMap::new(),
            domains: BTreeMap::new(),
            certificates: BTreeMap::new(),
            routes: BTreeMap::new(),
            acls: BTreeMap::new(),
            peers: Vec::new(),
            models: BTreeMap::new(),
            buckets: BTreeMap::new(),
            own_parameters: BTreeMap::new(),
            zones: BTreeMap::new(),
            zone_changes: BTreeMap::new(),
            providers: BTreeMap::new(),
            gateways: BTreeMap::new(),
            failing_targets: BTreeMap::new(),
            memories: BTreeMap::new(),
            failing_memory: None,
            failing_strategy: None,
            runtimes: BTreeMap::new(),
            failing_runtime: None,
            mishap: None,
            pace: Pace::default(),
        };
        catalog::add_images(&mut state);
        catalog::add_default_vpc(&mut state);
        state
    }

    /// A thing nobody has seen yet.
    pub(super) fn unseen(&self) -> Unseen {
        Unseen { reads: self.pace.lag, tagging: self.pace.lag }
    }

    /// Hexadecimal digits that look random and depend only on how many things were made before.
    pub(super) fn next_hex(&mut self) -> String {
        self.made = self.made.saturating_add(1);
        sha256(&format!("{} {} {}", self.account, self.region, self.made))
    }

    /// An id such as EC2's.
    pub(super) fn next_id(&mut self, prefix: &str) -> String {
        let hex = self.next_hex();
        format!("{prefix}-0{}", hex.get(..16).unwrap_or_default())
    }

    /// An ARN in this account and Region.
    pub(super) fn arn(&self, service: &str, resource: &str) -> String {
        format!("arn:{}:{service}:{}:{}:{resource}", self.region.partition(), self.region, self.account)
    }

    /// An ARN of IAM, which knows no Region.
    pub(super) fn iam_arn(&self, resource: &str) -> String {
        format!("arn:{}:iam::{}:{resource}", self.region.partition(), self.account)
    }

    /// The value of a quota.
    pub(super) fn quota(&self, key: &str) -> f64 {
        self.quotas.get(key).copied().unwrap_or(f64::INFINITY)
    }
}

/// SHA-256 in lower-case hexadecimal.
pub(super) fn sha256(text: &str) -> String {
    sha256_of(text.as_bytes())
}

/// The same of bytes.
pub(super) fn sha256_of(bytes: &[u8]) -> String {
    model::hex::encode(&Sha256::digest(bytes))
}

/// Whether the deployment tag has exactly this value.
pub(super) fn of_deployment(tags: &Tags, deployment: &str) -> bool {
    tags.get(DEPLOYMENT).is_some_and(|value| value == deployment)
}
