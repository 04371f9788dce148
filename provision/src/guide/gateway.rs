//! Guides for what an AgentCore gateway consists of, but for its role and its schemas.

use cloud::port::agentcore::TargetSettings;
use model::guide::Entry;
use model::plan::{Fields, StepId};
use serde_json::{Value, json};

use super::{Guide, clicks, is_true, items, page, tag_entries, text};
use crate::steps::{Context, Want};

/// What AgentCore calls ready need not be looked at again; what it calls failed it cannot mend.
const NOT_READY: &str = "what is FAILED is deleted and made again; where a change of it did not succeed, open Edit and save it again";

/// A page of the AgentCore Console.
fn agentcore(cx: &Context<'_>, place: &str) -> String {
    page(cx.region, &format!("bedrock-agentcore/{place}?region={}", cx.region))
}

/// The last part of an ARN: what the Console's lists show.
fn name_in(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

fn yes(answer: bool) -> &'static str {
    if answer { "Yes" } else { "No" }
}

/// The tags, on a page of which nobody has written down that it takes any.
fn tags_if_any(cx: &Context<'_>, step: StepId) -> Vec<Entry> {
    let mut entries = tag_entries(cx, step);
    if let Some(last) = entries.last_mut() {
        last.note = Some("where the page takes tags; without them it is known by its name".to_owned());
    }
    entries
}

pub(crate) fn bucket(cx: &Context<'_>, want: &Want) -> Guide {
    let name = &want.name;
    let policy = want.fields.get("policy").unwrap_or(&Value::Null);
    let policy = serde_json::to_string_pretty(policy).unwrap_or_default();
    let permissions = format!("S3 > Buckets > {name} > Permissions");
    let mut values = vec![
        Entry::new("Bucket type", "General purpose"),
        Entry::new("Bucket name", name)
            .note("exactly so: AWS's own policies let operators read schemas only in buckets that begin so"),
        Entry::new("Object Ownership", "ACLs disabled (recommended)"),
        Entry::new("Block all public access", yes(is_true(want, "public_access_blocked"))),
        Entry::new("Bucket Versioning", "Disable"),
    ];
    values.extend(tag_entries(cx, StepId::SchemaBucket));
    values.extend([
        Entry::new(
            "Default encryption > Encryption type",
            "Server-side encryption with Amazon S3 managed keys (SSE-S3)",
        ),
        Entry::new(format!("Buckets > {name} > Permissions > Bucket policy > Edit"), &policy)
            .note("after Create bucket"),
    ]);
    Guide {
        title: format!("Create S3 bucket {name}"),
        console: page(cx.region, &format!("s3/bucket/create?region={}", cx.region)),
        path: clicks(["S3", "General purpose buckets", "Create bucket"]),
        values,
        finds: format!("by its name {name}"),
        fixes: vec![
            ("encryption", format!("S3 > Buckets > {name} > Properties > Default encryption > Edit: SSE-S3")),
            ("public_access_blocked", format!("{permissions} > Block public access > Edit")),
            ("policy", format!("{permissions} > Bucket policy > Edit, to:\n{policy}")),
        ],
        more: Fields::new(),
    }
}

pub(crate) fn credential_provider(cx: &Context<'_>, want: &Want) -> Guide {
    let name = &want.name;
    let mut values = vec![
        Entry::new("Name", name).note("exactly so: the backends have it written into them"),
        Entry::new("API key selection method", "Provide API key"),
        Entry::new("API key", "(a new key of your own)").note(
            "`openssl rand -hex 32` prints one. Paste it here and nowhere else: AgentCore keeps it, and the gateway and the \
             backends fetch it from there",
        ),
    ];
    values.extend(tags_if_any(cx, StepId::CredentialProvider));
    Guide {
        title: format!("Add API key {name}"),
        console: agentcore(cx, "identity"),
        path: clicks([
            "Amazon Bedrock AgentCore",
            "Identity",
            "Outbound Auth",
            "Add OAuth client / API key",
            "Add API key",
        ]),
        values,
        finds: format!("by its name {name}"),
        fixes: vec![("name", format!("delete it, and add an API key named {name}"))],
        more: Fields::from([("name".to_owned(), json!(name))]),
    }
}

pub(crate) fn gateway(cx: &Context<'_>, want: &Want) -> Guide {
    const DETAILS: &str = "Gateway details > Additional configurations";
    const AUTH: &str = "Inbound Auth configurations";
    let name = &want.name;
    let edit = |what: &str| format!("AgentCore > Gateways > {name} > Edit > {what}");
    let several = |field: &str, label: &str| -> Vec<Entry> {
        items(want, field).into_iter().map(|item| Entry::new(format!("{AUTH} > {label}"), item)).collect()
    };
    let mut values = vec![
        Entry::new("Gateway details > Gateway name", name),
        Entry::new(format!("{DETAILS} > Gateway description"), text(want, "description")),
        Entry::new(format!("{DETAILS} > Enable semantic search"), "Yes")
            .note("agents look for tools with it; this alone is not compared"),
        Entry::new(format!("{DETAILS} > Exception level debug"), yes(is_true(want, "explains_errors"))),
        Entry::new(AUTH, "Use existing identity provider configurations")
            .note("where the kind is asked for as well: JSON Web Tokens (JWT)"),
        Entry::new(format!("{AUTH} > Discovery URL"), text(want, "discovery_url")),
        Entry::new(format!("{AUTH} > Allowed audiences"), "(none)")
            .note("access tokens of Cognito have no audience"),
    ];
    values.extend(several("clients", "Allowed clients"));
    values.extend(several("scopes", "Allowed scopes"));
    values.extend([
        Entry::new(
            "Permissions > Use an IAM service role > Use an existing service role",
            name_in(&text(want, "role")),
        ),
        Entry::new("Targets", "(none)").note(
            "they have tasks of their own; where the page wants one at once, enter what such a task says",
        ),
    ]);
    values.extend(tags_if_any(cx, StepId::Gateway));
    Guide {
        title: format!("Create gateway {name}"),
        console: agentcore(cx, "toolsAndGateways"),
        path: clicks(["Amazon Bedrock AgentCore", "Gateways", "Create gateway"]),
        values,
        finds: format!("by its name {name}"),
        fixes: vec![
            ("name", format!("a gateway keeps its name: delete it and create {name}")),
            (
                "authorizer",
                "a gateway keeps the kind of its inbound auth: delete it and create it with JSON Web \
                            Tokens (JWT)"
                    .to_owned(),
            ),
            ("role", edit("Permissions > Use an existing service role")),
            ("discovery_url", edit(&format!("{AUTH} > Discovery URL"))),
            ("clients", edit(&format!("{AUTH} > Allowed clients"))),
            ("scopes", edit(&format!("{AUTH} > Allowed scopes"))),
            ("description", edit("Gateway description")),
            ("explains_errors", edit("Exception level debug")),
            ("status", NOT_READY.to_owned()),
        ],
        more: Fields::new(),
    }
}

/// `settings` say what the target is to be, with the description that a person's target has.
pub(crate) fn target(cx: &Context<'_>, want: &Want, settings: &TargetSettings) -> Guide {
    const AUTH: &str = "Outbound Auth configurations";
    let (name, gateway) = (&want.name, text(want, "gateway"));
    let edit = |what: &str| format!("AgentCore > Gateways > {gateway} > Targets > {name} > Edit > {what}");
    let mut values = vec![
        Entry::new("Target name", name),
        Entry::new("Target description", &settings.description)
            .note("exactly so: it says that you made it, and which schema the gateway has read"),
        Entry::new("Target type", "REST API"),
        Entry::new("API schema", "OpenAPI schema"),
        Entry::new("OpenAPI schema", "Define with an S3 resource"),
        Entry::new("S3 URI", &settings.schema_uri)
            .note(format!("a bucket of account {}", settings.schema_owner)),
        Entry::new(AUTH, "API key"),
        Entry::new(format!("{AUTH} > Credential provider"), name_in(&settings.provider_arn)),
        Entry::new(format!("{AUTH} > Additional configuration > Credential location"), "Header"),
        Entry::new(format!("{AUTH} > Additional configuration > Parameter name"), &settings.header),
        Entry::new(format!("{AUTH} > Additional configuration > Prefix"), "(none)"),
    ];
    if let Some(endpoint) = &settings.private_endpoint {
        let joined = |all: &std::collections::BTreeSet<String>| {
            all.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
        };
        values.push(
            Entry::new("Private endpoint > VPC", &endpoint.vpc_id)
                .note("managed by AgentCore; IP address type IPv4"),
        );
        values.push(Entry::new("Private endpoint > Subnets", joined(&endpoint.subnet_ids)));
        if !endpoint.security_group_ids.is_empty() {
            values
                .push(Entry::new("Private endpoint > Security groups", joined(&endpoint.security_group_ids)));
        }
        values.extend(
            endpoint
                .routing_domain
                .iter()
                .map(|domain| Entry::new("Private endpoint > Routing domain", domain)),
        );
    }
    let private = |what: &str| edit(&format!("Private endpoint > {what}"));
    Guide {
        title: format!("Add target {name} to gateway {gateway}"),
        console: agentcore(cx, "toolsAndGateways"),
        path: vec![
            "Amazon Bedrock AgentCore".to_owned(),
            "Gateways".to_owned(),
            gateway.clone(),
            "Targets".to_owned(),
            "Add target".to_owned(),
        ],
        values,
        finds: format!("by its name {name} in the gateway"),
        fixes: vec![
            ("gateway", format!("a target keeps its gateway: delete it and add it to {gateway}")),
            ("description", edit("Target description; saving it has the gateway read the schema anew")),
            ("schema", edit("OpenAPI schema > S3 URI")),
            ("provider", edit(&format!("{AUTH} > Credential provider"))),
            ("header", edit(&format!("{AUTH} > Additional configuration > Parameter name"))),
            ("vpc", private("VPC")),
            ("subnets", private("Subnets")),
            ("security_groups", private("Security groups")),
            ("routing_domain", private("Routing domain")),
            ("status", NOT_READY.to_owned()),
        ],
        more: Fields::new(),
    }
}
