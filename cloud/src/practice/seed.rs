//! Changes from outside: what other people's work left in the account, and what its administrators decided.

use std::collections::{BTreeMap, BTreeSet};

use model::AccountId;
use model::config::Mfa;
use model::tags::Tags;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::network::everything_out;
use super::state::{
    Domain, Group, Image, InstanceType, Pool, Profile, Role, RouteTable, State, Subnet, Unseen,
};

/// What AWS thinks of the caller's credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Credentials {
    /// They are accepted.
    Good,
    /// They were accepted once.
    Expired,
    /// They are not known.
    Invalid,
}

/// Changes an account from outside. What it makes is seen at once, as things are that have been there for long.
pub struct Seed<'a> {
    state: &'a mut State,
}

impl<'a> Seed<'a> {
    pub(super) fn new(state: &'a mut State) -> Self {
        Self { state }
    }

    /// Makes the credentials good, expired or unknown.
    pub fn credentials(&mut self, credentials: Credentials) {
        self.state.credentials = credentials;
    }

    /// Gives the caller credentials of another account. What exists stays; the identity is another.
    pub fn caller_account(&mut self, account: AccountId) {
        self.state.caller = Some(account);
    }

    /// Denies an action such as `iam:CreateRole`, or all that begin like `iam:*`.
    pub fn deny(&mut self, action: &str) {
        self.state.denied.insert(action.to_owned());
    }

    /// Takes a denial back, as it was given.
    pub fn allow(&mut self, action: &str) {
        self.state.denied.remove(action);
    }

    /// Sets a quota, such as `ec2` and `L-1216C47A`.
    pub fn quota(&mut self, service_code: &str, quota_code: &str, value: f64) {
        self.state.quotas.insert(format!("{service_code}/{quota_code}"), value);
    }

    /// Removes a quota, so that it cannot be asked for and does not bind.
    pub fn no_quota(&mut self, service_code: &str, quota_code: &str) {
        self.state.quotas.remove(&format!("{service_code}/{quota_code}"));
    }

    /// Sets a parameter.
    pub fn parameter(&mut self, name: &str, value: &str) {
        self.state.parameters.insert(name.to_owned(), value.to_owned());
    }

    /// Publishes a new image; its id is the answer. A parameter that names it is set with [`Seed::parameter`].
    pub fn image(&mut self, architecture: &str, root_device_name: &str) -> String {
        let id = self.state.next_id("ami");
        let image =
            Image { root_device_name: root_device_name.to_owned(), architecture: architecture.to_owned() };
        self.state.images.insert(id.clone(), image);
        id
    }

    /// Offers an instance type.
    pub fn instance_type(&mut self, name: &str, vcpus: u32, memory_mib: u64, architecture: &str) {
        let info = InstanceType { vcpus, memory_mib, architecture: architecture.to_owned() };
        self.state.instance_types.insert(name.to_owned(), info);
    }

    /// Takes an instance type from the Region.
    pub fn no_instance_type(&mut self, name: &str) {
        self.state.instance_types.remove(name);
    }

    /// Makes the default VPC an ordinary one.
    pub fn no_default_vpc(&mut self) {
        for vpc in self.state.vpcs.values_mut() {
            vpc.is_default = false;
        }
    }

    /// Takes the way to the internet from every route table.
    pub fn no_internet_gateway(&mut self) {
        for table in self.state.route_tables.values_mut() {
            table.to_internet = false;
        }
    }

    /// Adds a subnet to the first VPC, with a route table of its own that does not lead to the internet.
    pub fn subnet_without_internet_gateway(&mut self) -> String {
        let vpc_id = self.first_vpc();
        let id = self.state.next_id("subnet");
        let zone = format!("{}a", self.state.region);
        let subnet = Subnet { vpc_id: vpc_id.clone(), zone, public_ips: false };
        self.state.subnets.insert(id.clone(), subnet);
        let table = RouteTable { vpc_id, main: false, subnet_ids: vec![id.clone()], to_internet: false };
        let table_id = self.state.next_id("rtb");
        self.state.route_tables.insert(table_id, table);
        id
    }

    /// Makes a security group in the first VPC.
    pub fn security_group(&mut self, name: &str, tags: Tags) -> String {
        let id = self.state.next_id("sg");
        let group = Group {
            unseen: Unseen::default(),
            name: name.to_owned(),
            vpc_id: self.first_vpc(),
            ingress: BTreeSet::new(),
            egress: everything_out().into_iter().collect(),
            tags,
        };
        self.state.groups.insert(id.clone(), group);
        id
    }

    /// Makes so many security groups of other people.
    pub fn security_groups(&mut self, count: usize) {
        for number in 0..count {
            self.security_group(&format!("foreign-{number}"), foreign_tags(number));
        }
    }

    /// Makes a role that EC2 may take on.
    pub fn role(&mut self, name: &str, path: &str, tags: Tags) {
        let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
            "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]});
        let role = Role {
            unseen: Unseen::default(),
            path: path.to_owned(),
            trust,
            policies: BTreeMap::new(),
            attached: BTreeSet::new(),
            tags,
        };
        self.state.roles.insert(name.to_owned(), role);
    }

    /// Makes so many roles of other people.
    pub fn roles(&mut self, count: usize) {
        for number in 0..count {
            self.role(&format!("foreign-{number}"), "/", foreign_tags(number));
        }
    }

    /// Attaches a managed policy to a role, if there is one of that name.
    pub fn attach_policy(&mut self, role: &str, policy_arn: &str) {
        if let Some(role) = self.state.roles.get_mut(role) {
            role.attached.insert(policy_arn.to_owned());
        }
    }

    /// Makes an instance profile, with a role in it if one is named.
    pub fn instance_profile(&mut self, name: &str, path: &str, role: Option<&str>, tags: Tags) {
        let profile = Profile {
            unseen: Unseen::default(),
            unknown_to_ec2: 0,
            path: path.to_owned(),
            role: role.map(str::to_owned),
            tags,
        };
        self.state.profiles.insert(name.to_owned(), profile);
    }

    /// Makes a user pool.
    pub fn user_pool(&mut self, name: &str, tags: Tags) -> String {
        let id = self.state.next_pool_id();
        let pool = Pool {
            unseen: Unseen::default(),
            name: name.to_owned(),
            protected: false,
            admin_create_user_only: false,
            password_minimum_length: 8,
            password_all_classes: true,
            mfa: Mfa::Off,
            servers: BTreeMap::new(),
            clients: BTreeMap::new(),
            tags,
        };
        self.state.pools.insert(id.clone(), pool);
        id
    }

    /// Makes so many user pools of other people.
    pub fn user_pools(&mut self, count: usize) {
        for number in 0..count {
            self.user_pool(&format!("foreign-{number}"), foreign_tags(number));
        }
    }

    /// Lets another account take a domain prefix.
    pub fn foreign_domain(&mut self, prefix: &str) {
        let domain = Domain { unseen: Unseen::default(), pool_id: None, settle: 0 };
        self.state.domains.insert(prefix.to_owned(), domain);
    }

    /// Issues every certificate, as ACM does once it has found the validation records.
    pub fn issue_certificates(&mut self) {
        for certificate in self.state.certificates.values_mut() {
            "ISSUED".clone_into(&mut certificate.status);
            certificate.settle = 0;
        }
    }

    /// Attaches a certificate to something, so that it cannot be deleted.
    pub fn use_certificate(&mut self, arn: &str, user_arn: &str) {
        if let Some(certificate) = self.state.certificates.get_mut(arn) {
            certificate.in_use_by.push(user_arn.to_owned());
        }
    }

    fn first_vpc(&self) -> String {
        self.state.vpcs.keys().next().cloned().unwrap_or_default()
    }
}

fn foreign_tags(number: usize) -> Tags {
    [("Name", format!("foreign-{number}")), ("team", "other".to_owned())]
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
}
