//! A person at the Console: reads nothing but the task, and makes what it says through the account's ports.

#[path = "agentcore_player.rs"]
pub(crate) mod agentcore;

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use cloud::port::acm::NewCertificate;
use cloud::port::cognito::{
    AppClientSettings, NewAppClient, NewUserPool, PoolDomain, PoolMfa, ResourceServer, UserPoolSettings,
};
use cloud::port::ec2::{
    AddressAssociation, MetadataOptions, NewInstance, NewSecurityGroup, Protocol, Rule, RuleChange,
};
use cloud::port::iam::{NewInstanceProfile, NewRole, ProfileRole, RolePolicyDocument};
use cloud::{CallError, Cloud};
use model::config::Mfa;
use model::guide::{Answer, Task};
use model::plan::StepId;
use model::tags::Tags;
use provision::guided::Operator;
use serde_json::{Value, json};

/// A slip of the pen: in this step, at the first input whose label has this in it, this is entered.
#[derive(Debug, Clone)]
pub(crate) struct Slip {
    pub(crate) step: StepId,
    pub(crate) label: &'static str,
    pub(crate) value: String,
}

pub(crate) struct Player {
    cloud: Cloud,
    pub(crate) slip: Option<Slip>,
    /// Nothing is tagged.
    pub(crate) forgets_tags: bool,
    /// Every task, in order.
    pub(crate) asked: Mutex<Vec<Task>>,
    /// Steps of which the answer is "make it yourself".
    pub(crate) unwilling: BTreeSet<StepId>,
    /// At this step, this is said without doing anything.
    pub(crate) says: Option<(StepId, Answer)>,
    /// At this step, the thing is made and no answer ever given; or not even made.
    pub(crate) falls_silent: Option<(StepId, bool)>,
}

impl Player {
    pub(crate) fn new(cloud: Cloud) -> Self {
        Self {
            cloud,
            slip: None,
            forgets_tags: false,
            asked: Mutex::default(),
            unwilling: BTreeSet::new(),
            says: None,
            falls_silent: None,
        }
    }

    pub(crate) fn tasks(&self) -> Vec<Task> {
        self.asked.lock().unwrap().clone()
    }
}

#[async_trait]
impl Operator for Player {
    async fn by_hand(&self, mut task: Task) -> Answer {
        self.asked.lock().unwrap().push(task.clone());
        let step = task.step;
        if let Some((at, answer)) = &self.says
            && *at == step
        {
            return answer.clone();
        }
        if self.unwilling.contains(&step) {
            return Answer::Automatic;
        }
        let silent = self.falls_silent.filter(|(at, _)| *at == step);
        if silent.is_some_and(|(_, makes)| !makes) {
            return std::future::pending().await;
        }
        let slip = self.slip.as_ref().filter(|slip| slip.step == step);
        if slip.is_some() && task.attempt > 1 {
            return Answer::Stop;
        }
        if let Some(slip) = slip {
            let entry = task.values.iter_mut().find(|entry| entry.label.contains(slip.label));
            entry.unwrap_or_else(|| panic!("no {} in {step}", slip.label)).value.clone_from(&slip.value);
        }
        if self.forgets_tags {
            task.values.retain(|entry| !entry.label.starts_with("Tag "));
        }
        let id = self.make(&task).await;
        if silent.is_some() {
            return std::future::pending().await;
        }
        // What is named wrongly is only found by its id.
        Answer::Done { id: slip.and(id) }
    }
}

/// The first value under a label with this in it.
fn value(task: &Task, label: &str) -> String {
    let entry = task.values.iter().find(|entry| entry.label.contains(label));
    entry.unwrap_or_else(|| panic!("no {label} in {}", task.text())).value.clone()
}

fn all(task: &Task, label: &str) -> Vec<String> {
    let entries = task.values.iter().filter(|entry| entry.label.contains(label));
    entries.map(|entry| entry.value.clone()).collect()
}

fn tags(task: &Task) -> Tags {
    let tags = task
        .values
        .iter()
        .filter_map(|entry| Some((entry.label.strip_prefix("Tag ")?.to_owned(), entry.value.clone())));
    tags.collect()
}

/// As the Console writes it.
fn trusts(service: &str) -> Value {
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["sts:AssumeRole"],
           "Principal": {"Service": [service]}}]})
}

/// The word after a flag of a command.
fn word<'a>(command: &'a str, flag: &str) -> &'a str {
    command.split_once(flag).unwrap().1.split_whitespace().next().unwrap()
}

/// The Console waits for what it has just made.
async fn call<T, F: Future<Output = Result<T, CallError>>>(attempt: impl Fn() -> F) -> T {
    for _ in 0..20 {
        match attempt().await {
            Ok(made) => return made,
            Err(error)
                if matches!(error.kind, cloud::ErrorKind::NotFound | cloud::ErrorKind::NotPropagated) =>
            {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            Err(error) => panic!("{error}"),
        }
    }
    panic!("it never took effect");
}

impl Player {
    async fn make(&self, task: &Task) -> Option<String> {
        match task.step {
            StepId::SecurityGroup => self.security_group(task).await,
            StepId::Role | StepId::GatewayRole => self.role(task).await,
            StepId::InstanceProfile => self.profile(task).await,
            StepId::UserPool => self.pool(task).await,
            StepId::ResourceServer => self.server(task).await,
            StepId::AppClient => self.client(task).await,
            StepId::Domain => self.domain(task).await,
            StepId::Certificate => self.certificate(task).await,
            StepId::Address => Some(call(|| self.cloud.ec2.allocate_address(tags(task))).await),
            StepId::Instance => self.instance(task).await,
            StepId::AddressAssociation => self.association(task).await,
            _ => agentcore::make(&self.cloud, task).await,
        }
    }

    async fn security_group(&self, task: &Task) -> Option<String> {
        let ec2 = &self.cloud.ec2;
        let group = NewSecurityGroup {
            name: value(task, "Security group name"),
            description: value(task, "Description"),
            vpc_id: value(task, "VPC"),
            tags: tags(task),
        };
        let group_id = call(|| ec2.create_security_group(group.clone())).await;
        let rules = |label: &str| -> BTreeSet<Rule> {
            all(task, label)
                .iter()
                .map(|text| {
                    let parts: Vec<&str> = text.split(" | ").collect();
                    assert_eq!(parts[0], "Custom TCP");
                    let port = parts[1].parse().unwrap();
                    Rule {
                        protocol: Protocol::Tcp,
                        from_port: port,
                        to_port: port,
                        cidr: parts[2].parse().unwrap(),
                    }
                })
                .collect()
        };
        let change = |rules| RuleChange { group_id: group_id.clone(), rules };
        call(|| ec2.authorize_ingress(change(rules("Inbound rules > Add rule")))).await;
        assert_eq!(value(task, "that is there already"), "Delete");
        let everything = BTreeSet::from(["all 0.0.0.0/0".parse().unwrap()]);
        call(|| ec2.revoke_egress(change(everything.clone()))).await;
        call(|| ec2.authorize_egress(change(rules("Outbound rules > Add rule")))).await;
        Some(group_id)
    }

    /// As the Console does it: lists in the trust policy, the path `/`, and the instance profile with it.
    async fn role(&self, task: &Task) -> Option<String> {
        let iam = &self.cloud.iam;
        let service = all(task, "Service or use case").pop();
        let trust = match (value(task, "Trusted entity type").as_str(), service.as_deref()) {
            ("AWS service", Some("EC2")) => trusts("ec2.amazonaws.com"),
            ("AWS service", Some("Lambda")) => trusts("lambda.amazonaws.com"),
            ("Custom trust policy", None) => {
                serde_json::from_str(&value(task, "Custom trust policy")).unwrap()
            }
            other => panic!("{other:?}"),
        };
        let (name, policy) = (value(task, "Role name"), value(task, "Create inline policy"));
        let role = NewRole {
            name: name.clone(),
            path: "/".to_owned(),
            description: value(task, "Description"),
            trust,
            tags: tags(task),
        };
        call(|| iam.create_role(role.clone())).await;
        let document = RolePolicyDocument {
            role: name.clone(),
            policy: value(task, "Policy name"),
            document: serde_json::from_str(&policy).unwrap(),
        };
        call(|| iam.put_role_policy(document.clone())).await;
        if service.as_deref() == Some("EC2") {
            self.profile_with(&name, &name, Tags::new()).await;
        }
        Some(name)
    }

    async fn profile_with(&self, profile: &str, role: &str, tags: Tags) {
        let iam = &self.cloud.iam;
        let new = NewInstanceProfile { name: profile.to_owned(), path: "/".to_owned(), tags };
        call(|| iam.create_instance_profile(new.clone())).await;
        let pair = ProfileRole { profile: profile.to_owned(), role: role.to_owned() };
        call(|| iam.add_role_to_instance_profile(pair.clone())).await;
    }

    async fn profile(&self, task: &Task) -> Option<String> {
        let commands = all(task, "command");
        let name = word(&commands[0], "--instance-profile-name ").to_owned();
        let tags = commands[0].split_once("--tags ").unwrap().1.split(' ').map(|tag| {
            let (key, value) = tag.strip_prefix("Key=").unwrap().split_once(",Value=").unwrap();
            (key.to_owned(), value.to_owned())
        });
        assert_eq!(word(&commands[1], "--instance-profile-name "), name);
        self.profile_with(&name, word(&commands[1], "--role-name "), tags.collect()).await;
        Some(name)
    }

    async fn pool(&self, task: &Task) -> Option<String> {
        let cognito = &self.cloud.cognito;
        let settings = UserPoolSettings {
            deletion_protection: value(task, "Deletion protection") == "Activate",
            admin_create_user_only: value(task, "Self-registration") == "off",
            password_minimum_length: value(task, "Password minimum length").parse().unwrap(),
            password_all_classes: value(task, "Password requirements").starts_with("numbers, special"),
        };
        let pool = NewUserPool { name: value(task, "User pool name"), tags: tags(task), settings };
        let pool_id = call(|| cognito.create_user_pool(pool.clone())).await;
        let mfa = match value(task, "MFA enforcement").as_str() {
            "Require MFA" => Mfa::Required,
            "Optional MFA" => Mfa::Optional,
            "No MFA" => Mfa::Off,
            other => panic!("{other}"),
        };
        let mfa = PoolMfa { pool_id: pool_id.clone(), mfa };
        call(|| cognito.set_user_pool_mfa(mfa.clone())).await;
        Some(pool_id)
    }

    async fn server(&self, task: &Task) -> Option<String> {
        let server = ResourceServer {
            pool_id: task.path[2].clone(),
            identifier: value(task, "Resource server identifier"),
            scopes: all(task, "Scope name").into_iter().collect(),
        };
        call(|| self.cloud.cognito.create_resource_server(server.clone())).await;
        Some(server.identifier)
    }

    async fn client(&self, task: &Task) -> Option<String> {
        assert_eq!(value(task, "OAuth 2.0 grant types"), "Client credentials");
        let settings = AppClientSettings {
            name: value(task, "Name your application"),
            scopes: value(task, "Custom scopes").split(", ").map(str::to_owned).collect(),
            access_token_minutes: value(task, "Access token expiration").parse().unwrap(),
        };
        let client = NewAppClient { pool_id: task.path[2].clone(), settings };
        Some(call(|| self.cloud.cognito.create_app_client(client.clone())).await)
    }

    async fn domain(&self, task: &Task) -> Option<String> {
        let domain = PoolDomain { pool_id: task.path[2].clone(), prefix: value(task, "Cognito domain") };
        call(|| self.cloud.cognito.create_domain(domain.clone())).await;
        Some(domain.prefix)
    }

    async fn certificate(&self, task: &Task) -> Option<String> {
        assert_eq!(value(task, "Allow export"), "Enable export");
        let certificate = NewCertificate {
            domain: value(task, "Fully qualified domain name"),
            idempotency_token: "console".to_owned(),
            tags: tags(task),
        };
        Some(call(|| self.cloud.acm.request_certificate(certificate.clone())).await)
    }

    async fn instance(&self, task: &Task) -> Option<String> {
        let ec2 = &self.cloud.ec2;
        let image_id = value(task, "Amazon Machine Image");
        let image = call(|| ec2.describe_image(image_id.clone())).await.unwrap();
        let mut tags = tags(task);
        tags.insert("Name".to_owned(), value(task, "Name"));
        let is_encrypted = value(task, "Encrypted") == "Encrypted";
        let user_data = all(task, "User data").pop();
        let instance = NewInstance {
            image_id,
            instance_type: value(task, "Instance type"),
            subnet_id: value(task, "Subnet"),
            group_ids: value(task, "security group").split(", ").map(str::to_owned).collect(),
            profile_name: value(task, "IAM instance profile"),
            root_device_name: if is_encrypted { image.root_device_name } else { "/dev/sdz".to_owned() },
            volume_gb: value(task, "Size (GiB)").parse().unwrap(),
            termination_protection: value(task, "Termination protection") == "Enable",
            client_token: "console".to_owned(),
            user_data,
            tags,
        };
        let instance_id = call(|| ec2.run_instance(instance.clone())).await;
        let options = MetadataOptions {
            instance_id: instance_id.clone(),
            tokens_required: value(task, "Metadata version") == "V2 only (token required)",
            hop_limit: value(task, "hop limit").parse().unwrap(),
        };
        call(|| ec2.modify_metadata_options(options.clone())).await;
        Some(instance_id)
    }

    async fn association(&self, task: &Task) -> Option<String> {
        assert_eq!(value(task, "Resource type"), "Instance");
        let pair = AddressAssociation {
            allocation_id: task.console.rsplit_once('=').unwrap().1.to_owned(),
            instance_id: task.values.iter().find(|entry| entry.label == "Instance").unwrap().value.clone(),
        };
        Some(call(|| self.cloud.ec2.associate_address(pair.clone())).await)
    }
}

/// The account's things without what says who made them: tags, paths, and names that hold a path.
pub(crate) fn without_makers(inventory: Vec<Value>) -> Vec<Value> {
    fn plain(value: Value) -> Value {
        match value {
            Value::Object(members) => members
                .into_iter()
                .filter(|(name, _)| !matches!(name.as_str(), "tags" | "path" | "profile"))
                .map(|(name, member)| {
                    let member =
                        if name == "trust" { json!("as the Console writes it or not") } else { member };
                    (name, plain(member))
                })
                .collect(),
            Value::Array(items) => items.into_iter().map(plain).collect(),
            // The ARN of a role holds its path.
            Value::String(text) if text.contains(":role/") => json!(text.rsplit('/').next()),
            other => other,
        }
    }
    let mut all: Vec<Value> = inventory.into_iter().map(plain).collect();
    all.sort_by_cached_key(Value::to_string);
    all
}
