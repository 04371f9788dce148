//! The IAM policies of the instance: exactly the mapped models, its certificate or the one text record that brings it,
//! its bundle, and Session Manager. And those of the gateway: its schemas and one key; `runtime` has the runtime's.
//!
//! Sources: Service Authorization Reference for Amazon Bedrock, AWS Certificate Manager, Amazon Route 53, AWS Systems Manager
//! and Session Manager message gateway; Bedrock user guide, "Prerequisites for inference profiles"; Route 53 developer guide,
//! "Using IAM policy conditions for fine-grained access control"; AgentCore developer guide, "Permissions for a gateway".

mod runtime;

use std::collections::{BTreeMap, BTreeSet};

use model::agent::{CREDENTIAL_PROVIDER, MEMORY};
use model::config::{AcmeChallenge, Config, Gateway, HostInstall, TlsSource};
use model::{AccountId, Region};
use serde_json::{Value, json};

use crate::steps::names;

pub use runtime::{runtime_policy, runtime_trust};

/// Lets EC2, and nobody else, assume the role.
pub fn instance_trust() -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": {"Service": "ec2.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }],
    })
}

/// What the instance may do: call the mapped models, be reached through Session Manager, fetch its exportable
/// certificate where there is one, or answer for its name in the DNS where that brings it one, and where it installs itself at its first boot, fetch its bundle and say how far it
/// is; with a gateway, read the key of its backends, and with a memory, use it. `certificate` is an ARN.
pub fn instance_policy(
    config: &Config,
    region: &Region,
    account: &AccountId,
    certificate: Option<&str>,
) -> Value {
    let models = config.proxy.models_in(region);
    let mut statements = model_statements(models.values().map(AsRef::as_ref), region, account);
    statements.extend(certificate.map(certificate_statement));
    if let (TlsSource::Acme { challenge: AcmeChallenge::Dns01, .. }, Some(domain)) =
        (&config.tls.source, &config.tls.domain)
    {
        statements.extend(dns_statements(domain, region.partition()));
    }
    statements.push(json!({
        "Sid": "SessionManagerRegistration",
        "Effect": "Allow",
        "Action": ["ssm:UpdateInstanceInformation"],
        "Resource": [format!("arn:{}:ec2:{region}:{account}:instance/*", region.partition())],
    }));
    statements.push(json!({
        "Sid": "SessionManagerChannels",
        "Effect": "Allow",
        // None of these actions takes a resource, so `*` is the only value IAM accepts.
        "Action": [
            "ec2messages:AcknowledgeMessage",
            "ec2messages:DeleteMessage",
            "ec2messages:FailMessage",
            "ec2messages:GetEndpoint",
            "ec2messages:GetMessages",
            "ec2messages:SendReply",
            "ssmmessages:CreateControlChannel",
            "ssmmessages:CreateDataChannel",
            "ssmmessages:OpenControlChannel",
            "ssmmessages:OpenDataChannel",
        ],
        "Resource": "*",
    }));
    if config.host.install == HostInstall::UserData {
        statements.extend(first_boot_statements(config, region, account));
    }
    if let Some(gateway) = &config.gateway {
        statements.extend(backend_statements(region, account));
        if gateway.memory_days.is_some() {
            statements.extend(memory_statements(region, account));
        }
    }
    json!({"Version": "2012-10-17", "Statement": statements})
}

/// To find the key that the backends ask for, under the one name that they have written into them, and to read it.
fn backend_statements(region: &Region, account: &AccountId) -> [Value; 2] {
    let place =
        |service: &str, rest: &str| format!("arn:{}:{service}:{region}:{account}:{rest}", region.partition());
    [
        json!({
            "Sid": "FindBackendKey",
            "Effect": "Allow",
            "Action": ["bedrock-agentcore:GetApiKeyCredentialProvider"],
            "Resource": [
                place("bedrock-agentcore", "token-vault/default"),
                place("bedrock-agentcore", &format!("token-vault/default/apikeycredentialprovider/{CREDENTIAL_PROVIDER}")),
            ],
        }),
        json!({
            "Sid": "ReadBackendKey",
            "Effect": "Allow",
            "Action": ["secretsmanager:GetSecretValue"],
            "Resource": [key_secret(CREDENTIAL_PROVIDER, region, account)],
        }),
    ]
}

/// To find the agent's memory, under the one name that the agent has written into it, to write what happened and to read
/// what is known.
fn memory_statements(region: &Region, account: &AccountId) -> [Value; 2] {
    let partition = region.partition();
    [
        json!({
            "Sid": "FindMemory",
            "Effect": "Allow",
            // It takes no resource.
            "Action": ["bedrock-agentcore:ListMemories"],
            "Resource": "*",
        }),
        json!({
            "Sid": "UseMemory",
            "Effect": "Allow",
            "Action": [
                "bedrock-agentcore:CreateEvent",
                "bedrock-agentcore:GetEvent",
                "bedrock-agentcore:GetMemory",
                "bedrock-agentcore:GetMemoryRecord",
                "bedrock-agentcore:ListActors",
                "bedrock-agentcore:ListEvents",
                "bedrock-agentcore:ListMemoryRecords",
                "bedrock-agentcore:ListSessions",
                "bedrock-agentcore:RetrieveMemoryRecords",
            ],
            "Resource": [format!("arn:{partition}:bedrock-agentcore:{region}:{account}:memory/{MEMORY}-*")],
        }),
    ]
}

/// The secrets in which the service keeps the key of a provider; it adds six characters to the name.
fn key_secret(provider: &str, region: &Region, account: &AccountId) -> String {
    format!(
        "arn:{}:secretsmanager:{region}:{account}:secret:bedrock-agentcore-identity!default/apikey/{provider}-*",
        region.partition()
    )
}

/// What `host renew` asks of an exportable certificate, and of no other.
fn certificate_statement(arn: &str) -> Value {
    json!({
        "Sid": "FetchCertificate",
        "Effect": "Allow",
        "Action": ["acm:DescribeCertificate", "acm:ExportCertificate", "acm:GetCertificate"],
        "Resource": [arn],
    })
}

/// To answer for its name in the DNS. Which zone holds it is found out on the host, so reading is not limited to one;
/// writing is limited to the one record, whatever zone it is in.
fn dns_statements(domain: &str, partition: &str) -> [Value; 3] {
    let zones = format!("arn:{partition}:route53:::hostedzone/*");
    [
        json!({
            "Sid": "FindZone",
            "Effect": "Allow",
            // It takes no resource.
            "Action": ["route53:ListHostedZones"],
            "Resource": "*",
        }),
        json!({
            "Sid": "SeeAnswer",
            "Effect": "Allow",
            "Action": ["route53:GetChange", "route53:ListResourceRecordSets"],
            "Resource": [format!("arn:{partition}:route53:::change/*"), zones],
        }),
        json!({
            "Sid": "AnswerForName",
            "Effect": "Allow",
            "Action": ["route53:ChangeResourceRecordSets"],
            "Resource": [zones],
            "Condition": {
                "ForAllValues:StringEquals": {
                    "route53:ChangeResourceRecordSetsNormalizedRecordNames": [format!("_acme-challenge.{domain}")],
                    "route53:ChangeResourceRecordSetsRecordTypes": ["TXT"],
                },
                // Without the keys, "all values" would be none, and anything.
                "Null": {
                    "route53:ChangeResourceRecordSetsNormalizedRecordNames": "false",
                    "route53:ChangeResourceRecordSetsRecordTypes": "false",
                },
            },
        }),
    ]
}

/// To fetch the bundle and to say how far the installation is, and nothing else of bucket and Parameter Store.
fn first_boot_statements(config: &Config, region: &Region, account: &AccountId) -> [Value; 2] {
    let (id, partition) = (&config.deployment.id, region.partition());
    let bucket = names::bucket(account, region, id);
    let parameter = names::host_progress(id);
    [
        json!({
            "Sid": "FetchBundle",
            "Effect": "Allow",
            "Action": ["s3:GetObject"],
            "Resource": [format!("arn:{partition}:s3:::{bucket}/bundle/*")],
        }),
        json!({
            "Sid": "TellProgress",
            "Effect": "Allow",
            "Action": ["ssm:PutParameter"],
            "Resource": [format!("arn:{partition}:ssm:{region}:{account}:parameter{parameter}")],
        }),
    ]
}

/// The policy of our buckets: nothing goes in or out in the clear.
pub fn bucket_policy(arn: &str) -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Sid": "TlsOnly",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [arn, format!("{arn}/*")],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }],
    })
}

/// The beginning of the ids of gateways of this name: the service writes them in lower case.
fn gateway_ids(gateway: &Gateway) -> String {
    format!("{}-*", gateway.name.trim_end_matches('-').to_ascii_lowercase())
}

/// Lets AgentCore assume the role, and only on behalf of gateways of this name in this account.
pub fn gateway_trust(gateway: &Gateway, region: &Region, account: &AccountId) -> Value {
    agentcore_trust(&format!("gateway/{}", gateway_ids(gateway)), region, account)
}

/// The same on behalf of what has this place among the account's things.
fn agentcore_trust(place: &str, region: &Region, account: &AccountId) -> Value {
    let source = format!("arn:{}:bedrock-agentcore:{region}:{account}:{place}", region.partition());
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": {"Service": "bedrock-agentcore.amazonaws.com"},
            "Action": "sts:AssumeRole",
            "Condition": {
                "StringEquals": {"aws:SourceAccount": account},
                "ArnLike": {"aws:SourceArn": source},
            },
        }],
    })
}

/// What a gateway's role names.
#[derive(Debug, Clone)]
pub struct GatewayParts {
    /// The bucket of the schemas.
    pub bucket: String,
    /// The name of the credential provider.
    pub provider: String,
}

/// What the gateway may do: read its schemas, and fetch the one key with which it asks the backends.
pub fn gateway_policy(
    gateway: &Gateway,
    parts: &GatewayParts,
    region: &Region,
    account: &AccountId,
) -> Value {
    let (partition, ids) = (region.partition(), gateway_ids(gateway));
    let agentcore = |rest: &str| format!("arn:{partition}:bedrock-agentcore:{region}:{account}:{rest}");
    let directory = agentcore("workload-identity-directory/default");
    let identities = format!("{directory}/workload-identity/{ids}");
    let vault = agentcore("token-vault/default");
    let provider = format!("{vault}/apikeycredentialprovider/{}", parts.provider);
    json!({
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "BeItself",
                "Effect": "Allow",
                "Action": ["bedrock-agentcore:GetWorkloadAccessToken"],
                "Resource": [directory, identities],
            },
            {
                "Sid": "FetchKey",
                "Effect": "Allow",
                "Action": ["bedrock-agentcore:GetResourceApiKey"],
                // The service asks about the vault and about the identity, and denies where either is missing.
                "Resource": [vault, provider, directory, identities],
            },
            {
                "Sid": "ReadKey",
                "Effect": "Allow",
                "Action": ["secretsmanager:GetSecretValue"],
                "Resource": [key_secret(&parts.provider, region, account)],
            },
            {
                "Sid": "ReadSchemas",
                "Effect": "Allow",
                "Action": ["s3:GetObject"],
                "Resource": [format!("arn:{partition}:s3:::{}/{}/*", parts.bucket, gateway.s3_path_prefix)],
                "Condition": {"StringEquals": {"s3:ResourceAccount": account}},
            },
            {
                "Sid": "SeeItself",
                "Effect": "Allow",
                "Action": ["bedrock-agentcore:GetGateway"],
                "Resource": [agentcore(&format!("gateway/{ids}"))],
            },
        ],
    })
}

/// What a name in `proxy.models` stands for.
enum Target<'a> {
    /// A model of this Region.
    Model(&'a str),
    /// A system-defined inference profile: geography and model.
    Profile { geography: &'a str, model: &'a str },
    /// The ARN of a foundation model.
    ModelArn(&'a str),
    /// The ARN of a system-defined or application inference profile.
    ProfileArn(&'a str),
}

impl<'a> Target<'a> {
    fn of(id: &'a str) -> Self {
        if id.starts_with("arn:") {
            return if id.contains(":foundation-model/") { Self::ModelArn(id) } else { Self::ProfileArn(id) };
        }
        match id.split_once('.') {
            Some((geography, model)) if regions_of(geography).is_some() => Self::Profile { geography, model },
            _ => Self::Model(id),
        }
    }
}

/// The Regions a geography's profiles may route to, as a pattern.
///
/// AWS adds destinations without notice, and a request routed to one that the policy leaves out is denied now and
/// then. The pattern stays inside the geography, and the condition on the profile keeps it as narrow as a list.
fn regions_of(geography: &str) -> Option<&'static [&'static str]> {
    Some(match geography {
        "us" => &["us-*"],
        "us-gov" => &["us-gov-*"],
        "eu" => &["eu-*"],
        "apac" => &["ap-*"],
        "jp" => &["ap-northeast-*"],
        "au" => &["ap-southeast-*"],
        "ca" => &["ca-*", "us-*"],
        // Global profiles are also authorised against the ARN without a Region.
        "global" => &["", "*"],
        _ => return None,
    })
}

fn model_statements<'a>(
    ids: impl Iterator<Item = &'a str>,
    region: &Region,
    account: &AccountId,
) -> Vec<Value> {
    const ACTIONS: [&str; 2] = ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"];
    let partition = region.partition();
    let mut models: BTreeSet<String> = BTreeSet::new();
    let mut profiles: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for id in ids {
        match Target::of(id) {
            Target::Model(model) => {
                models.insert(format!("arn:{partition}:bedrock:{region}::foundation-model/{model}"));
            }
            Target::ModelArn(arn) => {
                models.insert(arn.to_owned());
            }
            Target::Profile { geography, model } => {
                let profile = format!("arn:{partition}:bedrock:{region}:{account}:inference-profile/{id}");
                let destinations = regions_of(geography).unwrap_or_default().iter().map(|destination| {
                    format!("arn:{partition}:bedrock:{destination}::foundation-model/{model}")
                });
                profiles.entry(profile).or_default().extend(destinations);
            }
            Target::ProfileArn(arn) => {
                let name = arn.rsplit_once('/').map_or("", |(_, name)| name);
                let system =
                    name.split_once('.').and_then(|(geography, model)| Some((regions_of(geography)?, model)));
                // Which model an application profile stands for is not in its name; the condition narrows it.
                let (regions, model) = system.unwrap_or((&["*"], "*"));
                profiles.entry(arn.to_owned()).or_default().extend(
                    regions
                        .iter()
                        .map(|region| format!("arn:{partition}:bedrock:{region}::foundation-model/{model}")),
                );
            }
        }
    }
    let mut statements = Vec::new();
    if !models.is_empty() {
        statements.push(json!({
            "Sid": "InvokeMappedModels", "Effect": "Allow", "Action": ACTIONS, "Resource": models,
        }));
    }
    if !profiles.is_empty() {
        statements.push(json!({
            "Sid": "InvokeMappedProfiles",
            "Effect": "Allow",
            "Action": ACTIONS,
            "Resource": profiles.keys().collect::<Vec<_>>(),
        }));
    }
    for (index, (profile, destinations)) in profiles.iter().enumerate() {
        statements.push(json!({
            "Sid": format!("InvokeThroughProfile{index}"),
            "Effect": "Allow",
            "Action": ACTIONS,
            "Resource": destinations,
            "Condition": {"StringEquals": {"bedrock:InferenceProfileArn": profile}},
        }));
    }
    statements
}
