//! What ties the agent to its gateway: Cognito, the credential provider, the URL, the token. And to its memory.

use jiff::SignedDuration;
use model::Severity;
use model::agent::{CREDENTIAL_PROVIDER, MEMORY, is_memory_id};

use super::{Findings, Token};
use crate::formats::{AgentConfig, EnvFile, GatewayConfig, read_line, without_mcp};
use crate::layout::File;
use crate::placeholder::is_placeholder;

/// What `setup_cognito.sh` notes, in the order in which it makes things.
const NOTED: [&str; 6] = [
    "USER_POOL_ID",
    "COGNITO_DOMAIN",
    "DOMAIN_PREFIX",
    "RESOURCE_SERVER_ID",
    "COGNITO_CLIENT_ID",
    "COGNITO_CLIENT_SECRET",
];

/// What a token is fetched with.
const FETCHED_WITH: [&str; 3] = ["COGNITO_DOMAIN", "COGNITO_CLIENT_ID", "COGNITO_CLIENT_SECRET"];

/// Less than this is left of the token: a warning.
const SOON: SignedDuration = SignedDuration::from_mins(10);

pub(super) fn judge(findings: &mut Findings) {
    cognito(findings);
    notes(findings);
    provider(findings);
    uri(findings);
    token(findings);
    memory(findings);
}

/// Whether there is a value, and not the one that the sample ships.
fn is_set(env: &EnvFile, name: &str) -> bool {
    env.clear(name).is_some_and(|value| !is_placeholder(&value))
}

fn cognito(findings: &mut Findings) {
    let present = &findings.facts.present;
    let hint = findings.files();
    // Whoever has all that tokens are fetched with has gone on without the notes.
    let has_all = |text: &str| FETCHED_WITH.iter().all(|name| is_set(&EnvFile::parse(text), name));
    if let Some(text) = present.text(File::CognitoNotes)
        && !present.text(File::GatewayEnv).is_some_and(has_all)
    {
        let notes = EnvFile::parse(text);
        let missing: Vec<&str> = NOTED.into_iter().filter(|name| notes.clear(name).is_none()).collect();
        if !missing.is_empty() {
            let message = format!(
                "setup_cognito.sh stopped half-way: it noted no {}; what it made is still in the account, and it makes another user pool when it runs again",
                missing.join(", ")
            );
            findings.add("SRE-AGENT-002", Severity::Error, File::CognitoNotes, message, &hint);
        }
    }
    let Some(text) = present.text(File::GatewayEnv) else {
        if !findings.facts.unreadable.contains_key(&File::GatewayEnv) {
            let message = "there is none, so no token can be fetched and no gateway be made";
            findings.add("SRE-AGENT-002", Severity::Error, File::GatewayEnv, message, &hint);
        }
        return;
    };
    let env = EnvFile::parse(text);
    let missing: Vec<&str> = FETCHED_WITH.into_iter().filter(|name| !is_set(&env, name)).collect();
    if !missing.is_empty() {
        let message = format!("{} not set, so no token can be fetched", missing.join(", "));
        findings.add("SRE-AGENT-002", Severity::Error, File::GatewayEnv, message, &hint);
    }
    let is_usable = |domain: &str| {
        domain.starts_with("https://")
            && !domain.ends_with('/')
            && !domain.chars().any(|c| c.is_ascii_uppercase())
    };
    let domain = env.clear("COGNITO_DOMAIN").filter(|domain| !is_placeholder(domain));
    if let Some(domain) = domain.filter(|domain| !is_usable(domain)) {
        let message = format!(
            "COGNITO_DOMAIN is `{domain}`; it has to be https, in lower case and without a slash at its end"
        );
        findings.add("SRE-AGENT-002", Severity::Error, File::GatewayEnv, message, &hint);
    }
    if !is_set(&env, "BACKEND_API_KEY") {
        let message = "BACKEND_API_KEY is not set: setup_cognito.sh writes this file anew and leaves it out, and create_gateway.sh stops without it";
        findings.add("SRE-AGENT-006", Severity::Error, File::GatewayEnv, message, &hint);
    }
}

/// What `setup_cognito.sh` noted, against what tokens are fetched with.
fn notes(findings: &mut Findings) {
    let text = |file| findings.facts.present.text(file).unwrap_or_default();
    let (notes, env) = (EnvFile::parse(text(File::CognitoNotes)), EnvFile::parse(text(File::GatewayEnv)));
    let known = |file: &EnvFile, name: &str| file.clear(name).filter(|value| !is_placeholder(value));
    let mut differs = Vec::new();
    for (name, old) in [("USER_POOL_ID", Some("COGNITO_USER_POOL_ID")), ("COGNITO_CLIENT_ID", None)] {
        let used = known(&env, name).or_else(|| known(&env, old?));
        if let (Some(noted), Some(used)) = (known(&notes, name), used)
            && noted != used
        {
            differs.push(format!("{name} is `{noted}` and there `{used}`"));
        }
    }
    if !differs.is_empty() {
        let message = format!("it is of another set-up than gateway/.env: {}", differs.join("; "));
        let hint = "gateway/.env is what tokens are fetched with: where it is right, as after `gateway files`, remove deployment/.cognito_config; the user pool that it names may still be in the account";
        findings.add("SRE-AGENT-019", Severity::Warning, File::CognitoNotes, message, hint);
    }
}

fn provider(findings: &mut Findings) {
    let facts = findings.facts;
    if facts.unreadable.contains_key(&File::Provider) {
        return;
    }
    let arn = facts.present.text(File::Provider).map(read_line).unwrap_or_default();
    let hint = findings.files();
    if arn.is_empty() {
        let message = "the credential provider was not made, or its ARN was lost: the backends end at their start without it";
        findings.add("SRE-AGENT-007", Severity::Error, File::Provider, message, hint);
    } else if !arn.starts_with("arn:") || !arn.contains(":token-vault/") {
        let message = "what is in it is no ARN of a credential provider";
        findings.add("SRE-AGENT-007", Severity::Error, File::Provider, message, hint);
    } else if arn.rsplit('/').next() != Some(CREDENTIAL_PROVIDER) {
        let message = format!("it names `{arn}`, and the backends look only for `{CREDENTIAL_PROVIDER}`");
        let hint = format!(
            "name it {CREDENTIAL_PROVIDER}, or change the name in backend/servers/retrieve_api_key.py"
        );
        findings.add("SRE-AGENT-007", Severity::Error, File::Provider, message, hint);
    } else if let Some(config) = facts.present.text(File::GatewayConfig) {
        let other = GatewayConfig::parse(config).meant("provider_arn").unwrap_or_default();
        if !other.is_empty() && !is_placeholder(&other) && other != arn {
            let message = format!("it names `{arn}`, and gateway/config.yaml names `{other}`");
            findings.add("SRE-AGENT-007", Severity::Warning, File::Provider, message, hint);
        }
    }
}

fn uri(findings: &mut Findings) {
    let facts = findings.facts;
    let hint = findings.files();
    let noted = facts.present.text(File::GatewayUri).map(read_line).filter(|uri| !uri.is_empty());
    match noted {
        None if facts.unreadable.contains_key(&File::GatewayUri) => {}
        None => {
            let message = "no gateway was made yet, or its URL was lost";
            findings.add("SRE-AGENT-008", Severity::Error, File::GatewayUri, message, &hint);
        }
        Some(uri) if without_mcp(uri) != uri => {
            let message = format!("it is `{uri}`; the scripts append /mcp themselves");
            findings.add("SRE-AGENT-008", Severity::Error, File::GatewayUri, message, &hint);
        }
        Some(_) => {}
    }
    let file = File::AgentConfig;
    let Some(text) = facts.present.text(file) else {
        if !facts.unreadable.contains_key(&file) {
            findings.add(
                "SRE-AGENT-008",
                Severity::Error,
                file,
                "there is none, and the agent needs it",
                &hint,
            );
        }
        return;
    };
    let message = match AgentConfig::parse(text).uri() {
        Err(why) => why.to_owned(),
        Ok(None) => "there is no gateway.uri in it, so the agent has no tools".to_owned(),
        Ok(Some(uri)) if is_placeholder(&uri) || uri.is_empty() => {
            format!("gateway.uri is `{uri}`, as the sample ships it; nobody answers there")
        }
        Ok(Some(uri)) if without_mcp(&uri) != uri => {
            format!("gateway.uri is `{uri}`; the agent appends /mcp itself")
        }
        Ok(Some(uri)) => match noted.map(without_mcp).filter(|noted| *noted != uri) {
            Some(noted) => format!("gateway.uri is `{uri}`, and gateway/.gateway_uri is `{noted}`"),
            None => return,
        },
    };
    findings.add("SRE-AGENT-008", Severity::Error, file, message, hint);
}

fn token(findings: &mut Findings) {
    let facts = findings.facts;
    let hint = format!("sre-agent-deploy gateway token --dir {} --state-file FILE", facts.dir);
    let file = File::AccessToken;
    match facts.token {
        Token::Missing if facts.unreadable.contains_key(&file) => {}
        Token::Missing => findings.add("SRE-AGENT-009", Severity::Error, file, "there is no token", &hint),
        Token::Unreadable(why) => {
            findings.add(
                "SRE-AGENT-009",
                Severity::Error,
                file,
                format!("what is in it is no token: {why}"),
                &hint,
            );
        }
        Token::Ends(end) if end <= facts.now => {
            findings.add("SRE-AGENT-009", Severity::Error, file, format!("the token ended at {end}"), &hint);
        }
        Token::Ends(end) if end.duration_since(facts.now) < SOON => {
            findings.add("SRE-AGENT-009", Severity::Warning, file, format!("the token ends at {end}"), &hint);
        }
        Token::Ends(_) => {}
    }
    let stored = facts.present.text(file).map(read_line).unwrap_or_default();
    let env = EnvFile::parse(facts.present.text(File::AgentEnv).unwrap_or_default());
    let used = env.clear("GATEWAY_ACCESS_TOKEN");
    if !stored.is_empty() && used.as_deref() != Some(stored) {
        let message = match used {
            None => "GATEWAY_ACCESS_TOKEN is not set, so the agent cannot reach its gateway",
            Some(_) => "GATEWAY_ACCESS_TOKEN is another token than that of gateway/.access_token",
        };
        findings.add("SRE-AGENT-009", Severity::Error, File::AgentEnv, message, &hint);
    }
}

fn memory(findings: &mut Findings) {
    let facts = findings.facts;
    let id = facts.present.text(File::MemoryId).map(read_line);
    if let Some(id) = id.filter(|id| !is_memory_id(id)) {
        let message = format!(
            "it holds `{id}`, which is no id of a memory: that is `{MEMORY}`, a hyphen and ten letters or digits"
        );
        let hint = format!(
            "a deployment with `gateway.memory_days` has a memory, and this writes its id: {}; without a memory, delete the file",
            findings.files()
        );
        findings.add("SRE-AGENT-018", Severity::Error, File::MemoryId, message, hint);
    }
}
