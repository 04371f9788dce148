//! Changes from outside: what other people's work left in the account, and what its administrators decided.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use model::AccountId;
use model::config::Mfa;
use model::first_boot::Trouble;
use model::tags::Tags;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::port::acm::{CertificateDetail, IssuedCertificate};
use crate::port::bedrock::{ModelAvailability, ModelLife};
use crate::port::ec2::Rule;
use crate::port::path::{AclEntry, Destination, GroupRule, Route, RouteTarget};

use super::boot::Mishap;
use super::network::everything_out;
use super::path::everywhere;
use super::state::{
    Bucket, Certificate, Domain, Group, Image, InstanceType, ModelNote, Pool, Profile, Role, RouteTable,
    State, Subnet, TxtSet, Unseen, Zone,
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
    pub(super) state: &'a mut State,
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

    /// Lets another account take a bucket name.
    pub fn foreign_bucket(&mut self, name: &str, owner: AccountId) {
        self.state.buckets.insert(name.to_owned(), Bucket::of(owner));
    }

    /// Makes a bucket in this account, of somebody else's making.
    pub fn bucket(&mut self, name: &str, tags: Tags) {
        self.state.buckets.insert(name.to_owned(), Bucket { tags, ..Bucket::fresh() });
    }

    /// Switches off what keeps a bucket private, as a person does in the Console.
    pub fn open_bucket(&mut self, name: &str) {
        if let Some(bucket) = self.state.buckets.get_mut(name) {
            bucket.blocked = false;
            bucket.encryption = None;
            bucket.policy = None;
        }
    }

    /// Puts other content into every object whose key ends like this.
    pub fn damage_objects(&mut self, ending: &str) {
        for (_, object) in self
            .state
            .buckets
            .values_mut()
            .flat_map(|bucket| &mut bucket.objects)
            .filter(|(key, _)| key.ends_with(ending))
        {
            "0".repeat(64).clone_into(&mut object.sha256);
            object.text = Some("damaged".to_owned());
        }
    }

    /// From now on first boots of our instances go wrong like this; with no trouble they say nothing at all.
    pub fn first_boots_fail(&mut self, trouble: Option<Trouble>, detail: &str) {
        self.state.mishap = Some(Mishap { trouble, detail: detail.to_owned() });
    }

    /// From now on first boots go well again; those that failed are tried once more, as when the script is run again.
    pub fn first_boots_succeed(&mut self) {
        self.state.mishap = None;
        self.state.boot_again();
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
            unknown_to_agentcore: 0,
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

    /// Issues the certificates that wait for their records, and says when they begin and end to be valid.
    pub fn issue_pending(&mut self, not_before: Timestamp, not_after: Timestamp) {
        let pending = |certificate: &&mut Certificate| certificate.status == "PENDING_VALIDATION";
        for certificate in self.state.certificates.values_mut().filter(pending) {
            "ISSUED".clone_into(&mut certificate.status);
            certificate.settle = 0;
            certificate.detail = Some(CertificateDetail {
                kind: "AMAZON_ISSUED".to_owned(),
                renewal_eligibility: Some("ELIGIBLE".to_owned()),
                exportable: true,
                not_before: Some(not_before),
                not_after: Some(not_after),
                names: vec![certificate.domain.clone()],
                issuer: "Amazon".to_owned(),
                ..CertificateDetail::default()
            });
        }
    }

    /// Puts a certificate into ACM as it is described, with its content where there is one; answers its ARN.
    pub fn certificate(&mut self, detail: CertificateDetail, issued: Option<IssuedCertificate>) -> String {
        let number = self.state.next_hex();
        let arn = if detail.arn.is_empty() {
            self.state.arn("acm", &format!("certificate/{}", number.get(..32).unwrap_or_default()))
        } else {
            detail.arn.clone()
        };
        let certificate = Certificate {
            unseen: Unseen::default(),
            settle: 0,
            domain: detail.names.first().cloned().unwrap_or_default(),
            token: number,
            status: detail.status.clone(),
            in_use_by: detail.in_use_by.clone(),
            tags: Tags::new(),
            detail: Some(detail),
            issued,
        };
        self.state.certificates.insert(arn.clone(), certificate);
        arn
    }

    /// Makes a hosted zone and answers its id.
    pub fn hosted_zone(&mut self, name: &str, is_private: bool) -> String {
        let number = self.state.next_hex().get(..20).unwrap_or_default().to_ascii_uppercase();
        let id = format!("Z{number}");
        let zone = Zone { name: name.to_owned(), is_private, txt: BTreeMap::new() };
        self.state.zones.insert(id.clone(), zone);
        id
    }

    /// Puts the text records of a name in the place of what was there; none deletes them. Values have their quotation
    /// marks.
    pub fn txt(&mut self, zone_id: &str, name: &str, values: &[&str]) {
        let Some(zone) = self.state.zones.get_mut(zone_id) else { return };
        let values: Vec<String> = values.iter().map(|&value| value.to_owned()).collect();
        if values.is_empty() {
            zone.txt.remove(name);
        } else {
            zone.txt.insert(name.to_owned(), TxtSet { ttl: 300, values });
        }
    }

    /// Replaces the entries of the network ACL of every VPC; the final refusals are added.
    pub fn network_acl(&mut self, entries: &[AclEntry]) {
        let refusals = [false, true].into_iter().filter_map(|egress| {
            Some(AclEntry {
                number: 32_767,
                egress,
                allow: false,
                protocol: None,
                ports: None,
                cidr: everywhere()?,
            })
        });
        let entries: Vec<AclEntry> = entries.iter().cloned().chain(refusals).collect();
        for vpc_id in self.state.vpcs.keys() {
            self.state.acls.insert(vpc_id.clone(), entries.clone());
        }
    }

    /// Replaces the default route of every route table: through this, or through nothing that is left.
    pub fn default_route(&mut self, target_id: &str, target: RouteTarget, active: bool) {
        let Some(cidr) = everywhere() else { return };
        let tables: Vec<(String, String)> =
            self.state.route_tables.iter().map(|(id, table)| (id.clone(), table.vpc_id.clone())).collect();
        for (id, vpc_id) in tables {
            let mut routes = self.state.usual_routes(&vpc_id, false);
            let destination = Destination::Cidr(cidr);
            routes.push(Route { destination, target_id: target_id.to_owned(), target, active });
            self.state.routes.insert(id.clone(), routes);
            if let Some(table) = self.state.route_tables.get_mut(&id) {
                table.to_internet = active && target == RouteTarget::InternetGateway;
            }
        }
    }

    /// Adds a rule that the engine's own reads do not show, such as one whose source is another group.
    pub fn group_rule(&mut self, rule: GroupRule) {
        self.state.peers.push(rule);
    }

    /// Puts a model on its way out.
    pub fn legacy_model(&mut self, id: &str, end_of_life: Option<Timestamp>) {
        let note = self.model(id);
        note.life = ModelLife::Legacy;
        note.end_of_life = end_of_life;
    }

    /// Says who may use a model.
    pub fn model_availability(&mut self, id: &str, availability: ModelAvailability) {
        self.model(id).availability = Some(availability);
    }

    fn model(&mut self, id: &str) -> &mut ModelNote {
        let usual = || ModelNote { life: ModelLife::Active, end_of_life: None, availability: None };
        self.state.models.entry(id.to_owned()).or_insert_with(usual)
    }

    /// Takes an inbound or outbound rule away, by the words of [`Rule`]; answers whether it was there.
    pub fn revoke_rule(&mut self, group_id: &str, rule: &Rule) -> bool {
        self.state
            .groups
            .get_mut(group_id)
            .is_some_and(|group| group.ingress.remove(rule) || group.egress.remove(rule))
    }

    /// Takes the profile from every instance, as a person does in the Console.
    pub fn detach_profiles(&mut self) {
        for instance in self.state.instances.values_mut() {
            instance.profile_arn.clear();
        }
    }

    /// Deletes a role with all that is in it, whoever uses it.
    pub fn delete_role(&mut self, name: &str) -> bool {
        self.state.roles.remove(name).is_some()
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
