//! Verdicts on what a gateway answered.

use std::collections::BTreeSet;

use http::header;
use model::agent::{Backend, SEARCH_TOOL};
use model::{Finding, Secret};
use serde_json::Value;

use super::client::Trouble;
use super::message;
use crate::Moment;
use crate::cognito::jwt;
use crate::endpoint::about::About;
use crate::endpoint::facts::{NoReply, Outcome, Reply};
use crate::endpoint::{excerpt, openai};
use crate::remote::http::Url;

/// Where a gateway describes its tokens (RFC 9728, section 3).
const METADATA: &str = "/.well-known/oauth-protected-resource";
/// What discovery adds to an issuer.
const DISCOVERY: &str = "/.well-known/openid-configuration";

/// Whether anybody answers.
pub(super) fn reachable(about: &About<'_>, outcome: &Outcome) -> Vec<Finding> {
    let Err(no_reply) = outcome else { return Vec::new() };
    let hint = match no_reply {
        NoReply::Unresolved(_) => {
            "the URL is of a gateway that is gone or of another Region: take it from the gateway itself"
                .to_owned()
        }
        NoReply::TimedOut(_) | NoReply::Unreachable(_) => {
            "see what is in the way of HTTPS from here: sre-agent-deploy check network".to_owned()
        }
        NoReply::Untrusted(_) => {
            "something between here and AWS answers in its place; its roots can be named with --ca-file"
                .to_owned()
        }
        NoReply::Tls(_) | NoReply::Broken(_) => about.curl("/mcp"),
    };
    vec![about.error("the gateway does not answer").evidence(no_reply.words()).hint(hint)]
}

/// Whether whoever has no token is refused as clients need it: with 401 and a challenge that leads to the metadata.
pub(super) fn no_token(about: &About<'_>, outcome: &Outcome) -> Vec<Finding> {
    let reply = match refused(about, outcome, "whoever has no token") {
        Ok(reply) => reply,
        Err(findings) => return findings,
    };
    let challenge = challenge(reply);
    let scheme = challenge.split(' ').next().unwrap_or_default();
    if !scheme.eq_ignore_ascii_case("bearer") {
        return vec![
            about
                .error(
                    "the 401 does not say `WWW-Authenticate: Bearer`, so clients do not know how to come in",
                )
                .hint("make sure that nothing in front of the gateway answers in its place")
                .doc("https://www.rfc-editor.org/rfc/rfc9728#section-5.1"),
        ];
    }
    if parameter(challenge, "resource_metadata").is_none() {
        return vec![
            about
                .warning("the challenge does not say where the metadata of the gateway are")
                .evidence(excerpt(challenge.as_bytes()))
                .hint("clients that look for the issuer by themselves cannot find it; name it in their configuration"),
        ];
    }
    Vec::new()
}

/// Whether a token that nobody issued is refused.
pub(super) fn wrong_token(about: &About<'_>, outcome: &Outcome) -> Vec<Finding> {
    refused(about, outcome, "a token that nobody issued").err().unwrap_or_default()
}

fn refused<'r>(about: &About<'_>, outcome: &'r Outcome, whom: &str) -> Result<&'r Reply, Vec<Finding>> {
    let reply = about.reply(outcome, "the gateway")?;
    match reply.status {
        401 => Ok(reply),
        200..=299 => Err(vec![
            about
                .error(format!("the gateway lets {whom} in: anybody can use the tools"))
                .evidence(reply.excerpt())
                .hint("its authorizer has to be CUSTOM_JWT, which cannot be changed: delete the gateway and let a deploy make it again"),
        ]),
        429 => Err(vec![limited(about, reply)]),
        status => Err(vec![
            about
                .error(format!("the gateway answers {whom} with {status} where 401 is due"))
                .evidence(reply.excerpt())
                .hint("make sure that the URL is the gateway's own and ends in /mcp"),
        ]),
    }
}

fn challenge(reply: &Reply) -> &str {
    reply.header(&header::WWW_AUTHENTICATE).unwrap_or_default()
}

/// A quoted parameter of a challenge.
fn parameter<'c>(challenge: &'c str, name: &str) -> Option<&'c str> {
    let (_, rest) = challenge.split_once(&format!("{name}=\""))?;
    rest.split_once('"').map(|(value, _)| value)
}

/// Where the metadata are: where the challenge says, if that is the gateway itself.
pub(super) fn metadata_url(url: &Url, outcome: Option<&Outcome>) -> Url {
    let named = outcome.and_then(|outcome| outcome.as_ref().ok()).and_then(|reply| {
        let named: Url = parameter(challenge(reply), "resource_metadata")?.parse().ok()?;
        (named.at("/") == url.at("/")).then_some(named)
    });
    named.unwrap_or_else(|| url.at(METADATA))
}

/// Whether the metadata name the issuer.
pub(super) fn metadata(
    about: &About<'_>,
    outcome: &Outcome,
    path: &str,
    issuer: Option<&str>,
) -> Vec<Finding> {
    let reply = match about.whole(outcome, path) {
        Ok(reply) => reply,
        Err(findings) => return findings,
    };
    let unreadable = |why: &str| {
        let message = format!("{path} does not describe the gateway: {why}");
        vec![about.error(message).evidence(reply.excerpt()).hint(about.curl(path))]
    };
    if reply.status != 200 {
        return unreadable(&format!("it answered {}", reply.status));
    }
    let body: Value = match openai::json(reply) {
        Ok(body) => body,
        Err(why) => return unreadable(&why),
    };
    let servers = body.get("authorization_servers").and_then(Value::as_array);
    let servers: Vec<&str> = servers.into_iter().flatten().filter_map(Value::as_str).collect();
    if servers.is_empty() {
        return unreadable("it names no `authorization_servers`");
    }
    let is_issuer = |server: &&str| {
        let server = server.strip_suffix(DISCOVERY).unwrap_or(server);
        issuer.is_none_or(|issuer| issuer == server.trim_end_matches('/'))
    };
    let named = excerpt(servers.join(", ").as_bytes());
    if servers.iter().any(is_issuer) {
        return vec![about.ok("the gateway names the issuer of its tokens").evidence(named)];
    }
    vec![
        about
            .error("the gateway takes the tokens of another issuer than this deployment's")
            .evidence(format!("named: {named}; this deployment's: {}", issuer.unwrap_or_default()))
            .hint("deploy again: the discovery URL of the gateway has to be that of the user pool"),
    ]
}

/// What stands between a caller and its answer.
pub(super) fn trouble(about: &About<'_>, trouble: &Trouble, what: &str, caller: &Caller<'_>) -> Finding {
    match trouble {
        Trouble::NoReply(no_reply) => {
            let message = format!("{what} was not answered");
            let finding = match no_reply {
                NoReply::TimedOut(_) => about.unknown(message),
                _ => about.error(message),
            };
            finding.evidence(no_reply.words()).hint("check again; a gateway that was just made needs a minute")
        }
        Trouble::Status(reply) => status(about, reply, what, caller),
        Trouble::Unended(reply) => about
            .end(reply, what)
            .unwrap_or_else(|| about.unknown(format!("the answer of {what} did not end as it should"))),
        Trouble::NoMcp { why, excerpt } => about
            .error(format!("the answer of {what} is no MCP: {why}"))
            .evidence(excerpt.clone())
            .hint("make sure that the URL is the gateway's own, that it ends in /mcp, and that nothing answers in its place"),
        Trouble::Error { code, message } => {
            let finding = about.error(format!("{what} was refused with the error {code}"));
            finding.evidence(message.clone()).hint(meaning(&format!("{code} {message}"), what))
        }
        Trouble::Endless { pages } => about
            .error(format!("the list of tools has no end: page {pages} still names a next one"))
            .hint("something in front of the gateway answers in its place, or every page is the first: ask it without a proxy in between"),
    }
}

fn status(about: &About<'_>, reply: &Reply, what: &str, caller: &Caller<'_>) -> Finding {
    let hint = match reply.status {
        401 => format!(
            "{}; the gateway looks at `client_id` (allowedClients), since the access tokens of Cognito have no audience",
            caller.words()
        ),
        403 => "the token lacks a scope that the gateway wants: compare allowedScopes with the scopes of the app client".to_owned(),
        404 => "the gateway is gone, or the URL is not its own: it ends in /mcp".to_owned(),
        429 => return limited(about, reply),
        500..=599 => "the gateway itself fails: check again in a minute, then look at https://health.aws.amazon.com".to_owned(),
        _ => about.curl("/mcp"),
    };
    about.error(format!("{what} was answered with {}", reply.status)).evidence(reply.excerpt()).hint(hint)
}

fn limited(about: &About<'_>, reply: &Reply) -> Finding {
    about
        .unknown("the gateway could not be judged: its limit of requests was reached")
        .evidence(reply.excerpt())
        .hint("check again in a minute")
}

/// Whose token is used, for a word on why it may be refused.
#[derive(Debug, Clone, Copy)]
pub(super) struct Caller<'a> {
    pub(super) token: &'a Secret<String>,
    pub(super) now: Moment,
}

impl Caller<'_> {
    /// What can be seen of a refused token without trusting or showing it.
    fn words(&self) -> String {
        let Ok(read) = jwt::read(self.token.expose()) else {
            return "the token is no JWT: name a file that holds an access token and nothing else".to_owned();
        };
        let Some(ends) = read.claims.exp.map(Moment::from_second) else {
            return "the token names no end".to_owned();
        };
        let client = read.claims.client_id.unwrap_or_default();
        let client = excerpt(client.as_bytes());
        if ends < self.now {
            format!("the token of client `{client}` ended at {ends}: fetch another one")
        } else {
            format!(
                "the token is of client `{client}` and good until {ends}: compare client and issuer with the gateway's"
            )
        }
    }
}

/// Whether the session began.
pub(super) fn session(about: &About<'_>, version: &str) -> Vec<Finding> {
    vec![about.ok(format!("the gateway speaks MCP {version}"))]
}

/// Whether the tools are those of the targets, and the search tool.
pub(super) fn tools(
    about: &About<'_>,
    listed: &BTreeSet<String>,
    pages: usize,
    targets: &[Backend],
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut wanted = BTreeSet::from([SEARCH_TOOL.to_owned()]);
    for target in targets {
        let tools: BTreeSet<String> = target.operations().map(|operation| target.tool(operation)).into();
        let missing = names(tools.difference(listed));
        if !missing.is_empty() {
            let hint = "the gateway reads the tools out of the target's schema: see statusReasons of the target, then let a deploy update it";
            let message = if tools.is_disjoint(listed) {
                format!("the target {} has no tools", target.target())
            } else {
                format!("tools of the target {} are missing", target.target())
            };
            findings.push(about.error(message).evidence(format!("missing: {missing}")).hint(hint));
        }
        wanted.extend(tools);
    }
    let extra = names(listed.difference(&wanted));
    if !extra.is_empty() {
        findings.push(
            about
                .warning("the gateway has tools that no schema of this deployment has")
                .evidence(format!("not expected: {extra}"))
                .hint("an agent may call whatever is listed: remove the target that brings them"),
        );
    }
    if !listed.contains(SEARCH_TOOL) {
        findings.push(
            about
                .warning("the gateway has no tool that finds tools")
                .evidence(format!("missing: {SEARCH_TOOL}"))
                .hint("semantic search is chosen when a gateway is made: delete it and let a deploy make it again"),
        );
    }
    if findings.is_empty() {
        let count = wanted.len();
        let word = if pages == 1 { "page" } else { "pages" };
        let message = format!("{count} tools listed, the search tool among them, in {pages} {word}");
        findings.push(about.ok(message));
    }
    findings
}

fn names<'n>(names: impl Iterator<Item = &'n String>) -> String {
    let names: Vec<&str> = names.map(String::as_str).collect();
    excerpt(names.join(", ").as_bytes())
}

/// Whether a call of a tool succeeded.
pub(super) fn call(about: &About<'_>, tool: &str, outcome: &message::Outcome) -> Vec<Finding> {
    if outcome.is_error {
        let evidence = excerpt(outcome.text.as_bytes());
        let hint = meaning(&outcome.text, tool);
        return vec![about.error(format!("the call of {tool} failed")).evidence(evidence).hint(hint)];
    }
    if outcome.text.trim().is_empty() {
        let message = format!("the call of {tool} succeeded and gave nothing");
        return vec![about.warning(message).hint("look at the backend: its answer should have a body")];
    }
    // A backend answers in JSON; what is none and has the words of a failure is one, whatever the gateway calls it.
    let is_json = serde_json::from_str::<Value>(&outcome.text).is_ok();
    if let Some(hint) = known_meaning(&outcome.text).filter(|_| !is_json) {
        let message = format!("the call of {tool} succeeded, and what came reads like a failure");
        return vec![about.warning(message).evidence(excerpt(outcome.text.as_bytes())).hint(hint)];
    }
    let message = format!("{tool} answers through gateway and backend");
    vec![about.ok(message).evidence(excerpt(outcome.text.as_bytes()))]
}

/// What people met who saw these words, first fit first, and what to do about it.
const MEANINGS: &[(&[&str], &str)] = &[
    (
        &["workload"],
        "the role of the gateway needs bedrock-agentcore:GetWorkloadAccessToken and GetResourceApiKey on the token vault and on the workload identity, whose name is in lower case",
    ),
    (
        &["not authorized", "accessdenied", "access denied"],
        "the role of the gateway lacks a statement: GetResourceApiKey on the token vault and GetSecretValue on the secret of the key; see SRE-GW-014",
    ),
    (
        &["401", "unauthorized", "api key"],
        "the backend refuses the key: the credential provider and the backend have different ones, or the header of the target is not the backend's",
    ),
    (
        &["certificate", "ssl", "tls", "handshake"],
        "the gateway does not trust the backend's certificate: it has to be of a public authority, for the name in the schema, with its whole chain; see the SRE-TLS findings",
    ),
    (
        &["timeout", "timed out", "connect", "unreachable", "resolve"],
        "the gateway does not reach the backend: the name has to lead to the private address of the instance (see SRE-GW-017), and the backend has to run with its port open for the targets' security group",
    ),
    (
        &["unknown tool", "-32602"],
        "the target does not have that tool: see statusReasons of the target, then let a deploy update it",
    ),
    (
        &["internal error", "-32603"],
        "the gateway keeps the reason to itself: mostly its role may not read the key (bedrock-agentcore:GetResourceApiKey, see SRE-GW-014), else the backend refuses the key or is not reached; exceptionLevel DEBUG makes it say more",
    ),
];

fn known_meaning(said: &str) -> Option<&'static str> {
    let said = said.to_lowercase();
    let known = MEANINGS.iter().find(|(words, _)| words.iter().any(|word| said.contains(word)));
    known.map(|(_, hint)| *hint)
}

fn meaning(said: &str, tool: &str) -> String {
    known_meaning(said).map_or_else(
        || format!("look at what the backend of {tool} logged: journalctl --since -10min"),
        str::to_owned,
    )
}
