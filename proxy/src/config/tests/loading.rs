//! Files that are right, and what they mean.

use model::document::{Node, Value, codes as common};
use sha2::{Digest, Sha256};

use super::*;

#[test]
fn the_smallest_file_serves_on_loopback() {
    let config = read(smallest()).unwrap().config;
    assert_eq!(config.upstreams["practice"], Upstream::Practice);
    assert!(config.listen.address.ip().is_loopback());
    assert_eq!(config.tls, None);
    assert_eq!(config.limits.default.tokens_per_hour, 10_000);
    assert_eq!(config.ledger.store, LedgerStore::Sqlite("/etc/proxy/usage.db".into()));
    assert_eq!(config.auth.api_keys[0].sha256, <[u8; 32]>::from(Sha256::digest(b"practice")));
}

/// The scalar or empty list at a path of a document, as it is written.
fn value_at(node: &Node, path: &str) -> Option<String> {
    let mut node = node;
    for name in path.split('.') {
        let name = name.trim_end_matches("[]");
        if let Value::List(items) = &node.value {
            node = items.first()?;
        }
        let Value::Mapping(entries) = &node.value else { return None };
        node = match name {
            "*" => &entries.first()?.value,
            name => &entries.iter().find(|entry| entry.key == name)?.value,
        };
    }
    match &node.value {
        Value::Scalar(scalar) => Some(scalar.text.clone()),
        Value::List(items) if items.is_empty() => Some("[]".to_owned()),
        _ => None,
    }
}

#[test]
fn the_template_is_valid_and_holds_every_default() {
    let loaded = read(template()).unwrap();
    assert_eq!(loaded.warnings, []);
    let root = model::document::read(template().as_bytes()).root.unwrap();
    // Only one issuer is spelt out, and no file has upstreams of every kind.
    let elsewhere = ["auth.issuers", "upstreams.*.base_url", "auth.api_keys[].groups", "models.*.fallbacks"];
    for key in KEYS.iter().filter(|key| !elsewhere.contains(&key.path)) {
        if let Fallback::Value(yaml) = key.fallback {
            let found = value_at(&root, key.path);
            assert_eq!(found.as_deref(), Some(yaml.trim_matches('"')), "{}", key.path);
        }
    }
}

#[test]
fn every_key_is_in_the_template() {
    for key in KEYS {
        let name = key.path.rsplit('.').next().unwrap();
        if !["*", "store", "client_id", "caller", "group"].contains(&name) {
            assert!(template().contains(&format!("{name}:")), "{}", key.path);
        }
    }
}

#[test]
fn a_default_is_what_an_absent_key_means() {
    let text = template();
    let without: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .take_while(|line| !line.starts_with("requests:"))
        .collect();
    let without = without.join("\n");
    assert_eq!(read(&without).unwrap().config, read(text).unwrap().config);
}

#[test]
fn everything_that_can_be_said_is_understood() {
    let text = r#"
version: 1
listen: {address: "[::]:8443", max_connections: 10, drain: 1m}
tls:
  cert_path: tls/cert.pem
  key_path: /keys/key.pem
  names: [api.example.com, "*.example.com", 10.0.0.1]
  min_version: 1.3
  client_ca_path: clients.pem
  client_auth: optional
  acme_challenges: tls/challenges
auth:
  issuers:
    - {issuer: "https://issuer.example.com", jwks_uri: "http://127.0.0.1:9/keys", client_ids: [a], audiences: [b], required_scopes: [c/d], token_use: any}
  api_keys:
    - {name: ci, sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08, groups: [builders]}
  leeway: 0s
upstreams:
  nova: {kind: bedrock, region: us-east-1, endpoint_url: "http://127.0.0.1:4566", profile: p, role_arn: "arn:aws:iam::123456789012:role/r", external_id: e, guardrail: {id: gr-1, version: 2}}
  gpt: {kind: openai, secret_id: openai/key, region: eu-west-1, endpoint_url: "http://localhost:1"}
models:
  short: {upstream: nova, model: amazon.nova-pro-v1:0, region: us-west-2, role_arn: "arn:aws:iam::123456789012:role/s", max_tokens: 7, fallbacks: [{model: amazon.nova-lite-v1:0}, {upstream: gpt, model: gpt-5}]}
requests: {max_body_bytes: 1MiB, strict_params: true, thinking: split, allow_raw_models: true}
limits:
  requests_per_minute: 5
  overrides: [{caller: ci, tokens_per_hour: 9}, {group: builders, concurrent_requests: 1}]
  store: {dynamodb: {table: limits, region: us-east-1, endpoint_url: "http://127.0.0.1:1"}}
ledger: {store: {dynamodb: {table: usage, region: us-east-1}}, prices_path: prices.yaml}
timeouts: {headers: 2s, heartbeat: 1s}
cors: {allowed_origins: ["*"]}
telemetry:
  log: {level: "warn,proxy=debug", format: text, prompts: true}
  metrics: {address: off}
  otlp: {endpoint: "http://collector:4318", headers: {Authorization: Bearer x}}
  emf: {namespace: Proxy}
  security: {journal: /run/journal, syslog: "[::1]:514"}
"#;
    let config = read(text).map_err(|_| rendered(text)).unwrap().config;
    insta::assert_debug_snapshot!(config);
}

#[test]
fn a_region_may_come_from_the_environment() {
    let text = smallest_with("").replace("{kind: practice}", "{kind: bedrock}");
    assert_eq!(faults(&text), [(common::REQUIRED, "upstreams.practice.region".to_owned())]);
    let with = Facts { region: Some("eu-west-1"), ..facts() };
    let loaded = load(SourceText { name: "proxy.yaml", bytes: text.as_bytes() }, &with).unwrap();
    let Upstream::Bedrock(bedrock) = &loaded.config.upstreams["practice"] else { panic!() };
    assert_eq!(bedrock.region.as_str(), "eu-west-1");
}

#[test]
fn usage_is_kept_where_systemd_says() {
    let with = Facts { state_directory: Some(Path::new("/state")), ..facts() };
    let loaded = load(SourceText { name: "proxy.yaml", bytes: smallest().as_bytes() }, &with).unwrap();
    assert_eq!(loaded.config.ledger.store, LedgerStore::Sqlite("/state/usage.db".into()));
}

#[test]
fn a_reload_says_what_it_changes_and_what_waits() {
    let old = read(smallest()).unwrap().config;
    assert_eq!(changes(&old, &old), Changes::default());
    let text = smallest_with(
        "limits: {requests_per_minute: 7}\ntimeouts: {headers: 5s, body: 5s}\nledger: {store: off}\n\
         telemetry: {log: {level: debug}, metrics: {address: off}}\n",
    )
    .replace("127.0.0.1:8080", "127.0.0.1:8081");
    let new = read(&text).unwrap().config;
    let found = changes(&old, &new);
    assert_eq!(found.applied, ["limits", "timeouts", "telemetry.log.level"]);
    assert_eq!(
        found.needs_restart,
        ["listen.address", "ledger.store", "timeouts.headers", "telemetry.metrics.address"]
    );
    // What is in effect afterwards differs from the file exactly in what waits.
    let effective = new.clone().after_reload(&old);
    assert_eq!(changes(&old, &effective), Changes { applied: found.applied, needs_restart: Vec::new() });
    assert_eq!(changes(&effective, &new).needs_restart, found.needs_restart);
    assert!(changes(&effective, &new).applied.is_empty());
}

#[test]
fn the_digest_is_that_of_the_file() {
    let one = read(smallest()).unwrap().digest;
    assert_eq!(one.len(), 64);
    assert_ne!(one, read(&smallest_with("# changed\n")).unwrap().digest);
}
