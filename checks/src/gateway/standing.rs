//! What the account says of a gateway: whether it and its targets are ready, whom it lets in, where its targets lead,
//! what its role may do, and how the agent's memory stands. Facts in, findings out.

use std::collections::{BTreeMap, BTreeSet};

use model::agent::{self, API_KEY_HEADER, Backend};
use model::{Finding, Severity};
use serde_json::Value;

use crate::account::facts::{Decision, Simulated, Told};
use crate::account::unchecked;
use crate::catalogue::Entry;
use crate::engine::{passed, skipped_because};
use crate::{CheckResult, Subject, SubjectKind};

/// The service that assumes the role of a gateway.
const SERVICE: &str = "bedrock-agentcore.amazonaws.com";
/// How the tokens of an issuer are checked.
const CUSTOM_JWT: &str = "CUSTOM_JWT";

/// What was asked about a gateway, and what came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Its id.
    pub id: String,
    /// The gateway; `None` where there is none of that id.
    pub gateway: Told<Option<GatewayFacts>>,
    /// Its targets.
    pub targets: Told<Vec<TargetFacts>>,
    /// Its role; `None` where there is none of that name.
    pub role: Told<Option<RoleFacts>>,
    /// The agent's memory; `None` where there is none, or where none was asked for.
    pub memory: Told<Option<MemoryFacts>>,
}

/// A gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayFacts {
    /// As the service spells it: `READY`, `FAILED`, ...
    pub status: String,
    /// Why, in the words of the service.
    pub reasons: Vec<String>,
    /// `CUSTOM_JWT`, `AWS_IAM`, `NONE`.
    pub authorizer: String,
    /// Where it finds the issuer.
    pub discovery_url: String,
    /// The app clients whose tokens it takes.
    pub allowed_clients: BTreeSet<String>,
    /// The scopes of which a token needs one; none where any will do.
    pub allowed_scopes: BTreeSet<String>,
}

/// A target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetFacts {
    /// Its name.
    pub name: String,
    /// As the service spells it.
    pub status: String,
    /// Why, in the words of the service.
    pub reasons: Vec<String>,
    /// How it is wired; `None` for a target of another kind than an OpenAPI schema in S3 with an API key.
    pub wiring: Option<Wiring>,
}

/// How a target reaches its backend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wiring {
    /// The schema, `s3://BUCKET/KEY`.
    pub schema_uri: String,
    /// What is in it; `None` where there is none.
    pub schema: Told<Option<String>>,
    /// The header that carries the key.
    pub header: String,
    /// The credential provider.
    pub provider_arn: String,
    /// The name by which the backend is looked up in the place of the schema's own.
    pub routing_domain: Option<String>,
}

/// The role of a gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleFacts {
    /// Its name.
    pub name: String,
    /// Its trust policy.
    pub trust: Value,
    /// What the policy simulator says of what a call takes.
    pub simulated: Told<Vec<Simulated>>,
}

/// A memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemoryFacts {
    /// Its id.
    pub id: String,
    /// As the service spells it: `ACTIVE`, `FAILED`, ...
    pub status: String,
    /// Why, in the words of the service.
    pub reasons: Vec<String>,
    /// For how many days it keeps what it is told.
    pub days: u32,
    /// The status of each strategy by name.
    pub strategies: BTreeMap<String, String>,
}

/// What the deployment wants of a memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedMemory {
    /// For how many days it keeps what it is told.
    pub days: u32,
    /// The names of its strategies.
    pub strategies: Vec<&'static str>,
}

/// What the deployment wants of its gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Where the user pool describes itself.
    pub discovery_url: String,
    /// The app client of the deployment.
    pub client_id: String,
    /// Its scopes, where they are known.
    pub scopes: BTreeSet<String>,
    /// Its targets.
    pub targets: Vec<Backend>,
    /// The credential provider, where it is known.
    pub provider_arn: Option<String>,
    /// The agent's memory, if it wants one.
    pub memory: Option<WantedMemory>,
    /// The name in the schemas, where it is known.
    pub domain: Option<String>,
    /// How the backends are looked up, where that is known.
    pub lookup: Option<Lookup>,
}

/// By which name the targets look up their backends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup {
    /// By the one in their schemas.
    OfSchema,
    /// By this one.
    By(String),
}

impl Lookup {
    fn name(&self) -> Option<&str> {
        match self {
            Self::OfSchema => None,
            Self::By(name) => Some(name),
        }
    }
}

/// What the role of a gateway has to be allowed for a call: actions, and on what. Where the secret of the provider is not
/// known, one stands for it that is named as the service names them.
pub fn needs(
    gateway_arn: &str,
    provider_arn: &str,
    secret_arn: Option<&str>,
    schema_uri: &str,
) -> Vec<(String, String)> {
    let Some((prefix, id)) = gateway_arn.split_once(":gateway/") else { return Vec::new() };
    let mut parts = prefix.split(':').skip(1);
    let (partition, place) = (parts.next().unwrap_or("aws"), parts.skip(1).collect::<Vec<_>>().join(":"));
    let name = provider_arn.rsplit('/').next().unwrap_or_default();
    let usual = || {
        // The service adds six characters that nobody can know.
        format!(
            "arn:{partition}:secretsmanager:{place}:secret:bedrock-agentcore-identity!default/apikey/{name}-000000"
        )
    };
    let secret = secret_arn.map_or_else(usual, str::to_owned);
    let identity = format!("{prefix}:workload-identity-directory/default/workload-identity/{id}");
    let schema = schema_uri.strip_prefix("s3://").unwrap_or(schema_uri);
    let needs = [
        ("bedrock-agentcore:GetWorkloadAccessToken", identity.clone()),
        ("bedrock-agentcore:GetResourceApiKey", identity),
        ("bedrock-agentcore:GetResourceApiKey", provider_arn.to_owned()),
        ("bedrock-agentcore:GetResourceApiKey", format!("{prefix}:token-vault/default")),
        ("secretsmanager:GetSecretValue", secret),
        ("s3:GetObject", format!("arn:{partition}:s3:::{schema}")),
    ];
    needs.into_iter().map(|(action, resource)| (action.to_owned(), resource)).collect()
}

/// Judges a gateway by what the account says.
pub fn judge(facts: &Facts, wanted: &Wanted) -> CheckResult {
    let mut findings = gateway(facts, wanted);
    findings.extend(targets(facts, wanted));
    findings.extend(role(facts));
    findings.extend(wanted.memory.iter().flat_map(|wanted| memory(&facts.memory, wanted)));
    CheckResult::new(Subject::new(SubjectKind::Account, facts.id.clone()), Vec::new(), findings)
}

/// Says that nothing can be said of a gateway.
pub fn unjudged(id: &str, because: &str) -> CheckResult {
    let message = format!("the gateway could not be judged by the account: {because}");
    let unknown = finding(&super::READY, Severity::Unknown, id, message)
        .hint("go on with the deployment; status shows where it stands");
    CheckResult::new(Subject::new(SubjectKind::Account, id), Vec::new(), vec![unknown])
}

pub(super) fn finding(
    entry: &Entry,
    severity: Severity,
    subject: &str,
    message: impl Into<String>,
) -> Finding {
    Finding::new(entry.code, severity, subject, message)
}

/// How a thing that comes and goes in the background stands.
pub(super) fn condition(
    entry: &Entry,
    subject: &str,
    what: &str,
    status: &str,
    reasons: &[String],
) -> Finding {
    let severity = match status {
        "READY" | "ACTIVE" => return passed(entry, subject),
        "CREATING" | "UPDATING" | "SYNCHRONIZING" => Severity::Unknown,
        _ => Severity::Error,
    };
    let hint = if severity == Severity::Unknown {
        "check again in a minute: it is on its way".to_owned()
    } else {
        format!(
            "mend what the reasons name, then let a deploy update {what}; one that failed when it was made is deleted and made again"
        )
    };
    let reasons = if reasons.is_empty() { "no reasons were given".to_owned() } else { reasons.join("; ") };
    finding(entry, severity, subject, format!("{what} is {status}")).evidence(reasons).hint(hint)
}

fn gateway(facts: &Facts, wanted: &Wanted) -> Vec<Finding> {
    let id = facts.id.as_str();
    let gateway = match &facts.gateway {
        Err(why) => return vec![unchecked(super::READY.code, id, "the gateway", why)],
        Ok(None) => {
            let gone = finding(&super::READY, Severity::Error, id, "the gateway is gone");
            return vec![gone.hint("a deploy with this configuration makes it again")];
        }
        Ok(Some(gateway)) => gateway,
    };
    let stands = condition(&super::READY, id, "the gateway", &gateway.status, &gateway.reasons);
    let mut findings = vec![stands];
    let wrong = |message: &str, evidence: String, hint: &str| {
        finding(&super::AUTHORIZER, Severity::Error, id, message).evidence(evidence).hint(hint)
    };
    let again = "let a deploy update the gateway";
    if gateway.authorizer != CUSTOM_JWT {
        findings.push(wrong(
            "the gateway does not look at tokens",
            format!("its authorizer is {}", gateway.authorizer),
            "the kind of authorizer cannot be changed: delete the gateway and let a deploy make it again",
        ));
        return findings;
    }
    if gateway.discovery_url != wanted.discovery_url {
        findings.push(wrong(
            "the gateway takes the tokens of another issuer",
            format!("it looks at {}; the user pool is at {}", gateway.discovery_url, wanted.discovery_url),
            again,
        ));
    }
    if !gateway.allowed_clients.contains(&wanted.client_id) {
        let allowed: Vec<&str> = gateway.allowed_clients.iter().map(String::as_str).collect();
        let allowed = if allowed.is_empty() { "none".to_owned() } else { allowed.join(", ") };
        findings.push(wrong(
            "the gateway does not name the app client of this deployment",
            format!("allowedClients: {allowed}; the app client: {}", wanted.client_id),
            "let a deploy update the gateway; allowedAudience does not help, since the access tokens of Cognito have no audience",
        ));
    }
    let is_known = !gateway.allowed_scopes.is_empty() && !wanted.scopes.is_empty();
    if is_known && gateway.allowed_scopes.is_disjoint(&wanted.scopes) {
        let words =
            |scopes: &BTreeSet<String>| scopes.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        let (allowed, has) = (words(&gateway.allowed_scopes), words(&wanted.scopes));
        findings.push(wrong(
            "the gateway takes no scope of this deployment's app client",
            format!("allowedScopes: {allowed}; the app client has {has}"),
            again,
        ));
    }
    if findings.len() == 1 {
        findings.push(passed(&super::AUTHORIZER, id));
    }
    findings
}

fn targets(facts: &Facts, wanted: &Wanted) -> Vec<Finding> {
    if !matches!(facts.gateway, Ok(Some(_))) {
        return Vec::new();
    }
    let there = match &facts.targets {
        Err(why) => return vec![unchecked(super::TARGETS.code, &facts.id, "the targets", why)],
        Ok(there) => there,
    };
    let mut findings = Vec::new();
    for backend in &wanted.targets {
        let name = backend.target();
        let Some(target) = there.iter().find(|target| target.name == name) else {
            let missing = finding(&super::TARGETS, Severity::Error, name, "the gateway has no such target");
            findings.push(missing.hint("let a deploy make it"));
            continue;
        };
        findings.push(condition(&super::TARGETS, name, "the target", &target.status, &target.reasons));
        findings.extend(wiring(target, *backend, wanted));
    }
    let is_ours = |target: &&TargetFacts| wanted.targets.iter().any(|one| one.target() == target.name);
    for foreign in there.iter().filter(|target| !is_ours(target)) {
        let message = "the gateway has a target that is not of this deployment";
        let extra = finding(&super::TARGETS, Severity::Warning, &foreign.name, message);
        findings.push(extra.hint("its tools are listed with ours: remove it if nobody needs it"));
    }
    findings
}

fn wiring(target: &TargetFacts, backend: Backend, wanted: &Wanted) -> Vec<Finding> {
    let entry = &super::WIRING;
    let name = target.name.as_str();
    let wrong = |message: &str, evidence: String| {
        finding(entry, Severity::Error, name, message)
            .evidence(evidence)
            .hint("let a deploy update the target")
    };
    let Some(wiring) = &target.wiring else {
        return vec![wrong(
            "the target is not an OpenAPI schema in S3 with an API key",
            "it was made by other means".to_owned(),
        )];
    };
    let mut findings = Vec::new();
    // HTTP compares header names without case.
    if !wiring.header.eq_ignore_ascii_case(API_KEY_HEADER) {
        findings.push(wrong(
            "the target sends the key in a header that the backend does not look at",
            format!("it is sent in {}, and looked for in {API_KEY_HEADER}", wiring.header),
        ));
    }
    if wanted.provider_arn.as_ref().is_some_and(|arn| *arn != wiring.provider_arn) {
        findings.push(wrong("the target takes its key from another provider", wiring.provider_arn.clone()));
    }
    let is_elsewhere = |lookup: &Lookup| lookup.name() != wiring.routing_domain.as_deref();
    if let Some(lookup) = wanted.lookup.as_ref().filter(|lookup| is_elsewhere(lookup)) {
        let word = |name: Option<&str>| name.unwrap_or("the one in its schema").to_owned();
        let evidence =
            format!("by {}; configured is {}", word(wiring.routing_domain.as_deref()), word(lookup.name()));
        findings.push(wrong("the target looks for its backend by another name than it should", evidence));
    }
    if findings.is_empty() {
        findings.push(passed(entry, name));
    }
    findings.extend(schema(wiring, backend, wanted));
    findings
}

fn schema(wiring: &Wiring, backend: Backend, wanted: &Wanted) -> Vec<Finding> {
    let (entry, name, uri) = (&super::SCHEMA, backend.target(), wiring.schema_uri.as_str());
    match &wiring.schema {
        Ok(Some(text)) => super::schema::judge(backend, uri, text, wanted.domain.as_deref()),
        Ok(None) => {
            let gone = finding(entry, Severity::Error, name, "the schema of the target is gone");
            vec![gone.evidence(uri).hint("let a deploy put it in its place")]
        }
        Err(why) => vec![unchecked(entry.code, name, "the schema of the target", why)],
    }
}

fn role(facts: &Facts) -> Vec<Finding> {
    let entry = &super::ROLE;
    if !matches!(facts.gateway, Ok(Some(_))) {
        return Vec::new();
    }
    let role = match &facts.role {
        Err(why) => return vec![unchecked(entry.code, &facts.id, "the role of the gateway", why)],
        Ok(None) => {
            let gone = finding(entry, Severity::Error, &facts.id, "the role of the gateway is gone");
            return vec![gone.hint("a deploy with this configuration makes it again")];
        }
        Ok(Some(role)) => role,
    };
    let mut findings = Vec::new();
    if !trusts(&role.trust) {
        let wrong = finding(entry, Severity::Error, &role.name, "the gateway may not assume its role");
        findings.push(wrong.evidence(format!("the trust policy does not name {SERVICE}")).hint(
            "let a deploy update the role, or add the service to its trust policy with aws:SourceAccount",
        ));
    }
    match &role.simulated {
        Err(why) => findings.push(unchecked(entry.code, &role.name, "what the role may do", why)),
        // Nothing was asked where no target says what a call takes.
        Ok(simulated) if simulated.is_empty() => {
            findings.push(skipped_because(entry, &role.name, "no target could be looked at"));
        }
        Ok(simulated) => {
            let denied: Vec<String> = simulated
                .iter()
                .filter(|one| one.decision != Decision::Allowed)
                .map(|one| format!("{} on {}", one.action, one.resource))
                .collect();
            if !denied.is_empty() {
                let message =
                    "the role of the gateway lacks what a call takes; calls end in \"internal error\"";
                let lacks = finding(entry, Severity::Error, &role.name, message).evidence(denied.join("; "));
                findings.push(lacks.hint("let a deploy update the policy of the role; all of it is needed, also on the workload identity"));
            }
        }
    }
    if findings.is_empty() {
        findings.push(passed(entry, &role.name));
    }
    findings
}

fn memory(told: &Told<Option<MemoryFacts>>, wanted: &WantedMemory) -> Vec<Finding> {
    let entry = &super::MEMORY;
    let memory = match told {
        Err(why) => return vec![unchecked(entry.code, agent::MEMORY, "the memory", why)],
        Ok(None) => {
            let missing = finding(entry, Severity::Error, agent::MEMORY, "there is no memory");
            return vec![
                missing.hint("a deploy with this configuration makes it; what an earlier one held is lost"),
            ];
        }
        Ok(Some(memory)) => memory,
    };
    let id = memory.id.as_str();
    let stands = condition(entry, id, "the memory", &memory.status, &memory.reasons);
    if stands.severity != Severity::Ok {
        return vec![stands];
    }
    let mut findings = Vec::new();
    for name in &wanted.strategies {
        let what = format!("its strategy {name}");
        let Some(status) = memory.strategies.get(*name) else {
            let missing = finding(entry, Severity::Error, id, format!("the memory lacks {what}"));
            findings.push(
                missing.hint("let a deploy add it: until then it draws nothing from what the agent is told"),
            );
            continue;
        };
        let stands = condition(entry, id, &what, status, &[]);
        let has_failed = stands.severity == Severity::Error;
        let hint = "delete the strategy by its id, then let a deploy add it; what the memory holds stays";
        findings.push(if has_failed { stands.hint(hint) } else { stands });
    }
    if memory.days != wanted.days {
        let other = finding(entry, Severity::Warning, id, "the memory keeps what it is told for other days");
        findings.push(
            other.evidence(format!("for {}; the configuration says {}", memory.days, wanted.days)).hint(
                "let a deploy change it, unless it is adopted: then set `gateway.memory_days` to what it has",
            ),
        );
    }
    findings.retain(|finding| finding.severity != Severity::Ok);
    if findings.is_empty() {
        findings.push(stands);
    }
    findings
}

/// Whether a trust policy lets the service in. A principal is a text or a list of them.
fn trusts(policy: &Value) -> bool {
    let statements = policy.get("Statement");
    let all: Vec<&Value> = match statements {
        Some(Value::Array(all)) => all.iter().collect(),
        one => one.into_iter().collect(),
    };
    all.into_iter().any(|statement| {
        let is_allowed = statement.get("Effect").and_then(Value::as_str) == Some("Allow");
        let has = |at: &str, wanted: &dyn Fn(&str) -> bool| match statement.pointer(at) {
            Some(Value::String(one)) => wanted(one),
            Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).any(wanted),
            _ => false,
        };
        let is_assumed =
            |action: &str| matches!(action.to_ascii_lowercase().as_str(), "sts:assumerole" | "sts:*" | "*");
        is_allowed && has("/Principal/Service", &|one| one == SERVICE) && has("/Action", &is_assumed)
    })
}
