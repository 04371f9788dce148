//! Files that are wrong, and what is said about them.

use model::document::codes as common;

use super::*;

/// One of each kind of mistake that people make.
const MISTAKES: &str = r#"version: 2
listen:
  adress: 0.0.0.0:443
  max_connections: "100"
  drain: 30
tls:
  cert_path: 7
  client_auth: required
  min_version: 1.1
auth:
  issuers:
    - issuer: http://cognito-idp.us-east-1.amazonaws.com/us-east-1_EXAMPLE
      token_use: access
      clients: [a]
  api_keys:
    - name: ci
      sha256: sk-live-hunter2hunter2hunter2
    - {name: ci, groups: builders}
upstreams:
  bedrock: {kind: bedrok, region: us-east-1}
  nova: {kind: bedrock, region: us-east, base_url: "https://x.example"}
models:
  premier: {upstream: nova, model: amazon.nova-premier-v1:0}
  pro: {upstream: nva, model: amazon.nova-pro-v1:0}
  bad name: amazon.nova-pro-v1:0
requests:
  max_body_bytes: 25 megs
  strict_params: yes
  thinking: hide
limits:
  requests_per_minute: 0
  overrides:
    - {tokens_per_hour: 5}
timeouts:
  heartbeat: 5m
cors:
  allowed_origins: [app.example.com]
telemetry:
  metrics: {address: localhost:9464}
openai_api_key: sk-live-hunter2hunter2hunter2
"#;

#[test]
fn all_mistakes_are_shown_at_once_with_their_places() {
    let text = rendered(MISTAKES);
    assert!(!text.contains("hunter2"), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn a_file_that_is_no_yaml_is_shown_at_its_place() {
    insta::assert_snapshot!(rendered("version: 1\nlisten: {address: \"127.0.0.1:1\"\nauth:\n"));
}

/// The one fault of the smallest file after a replacement.
#[track_caller]
fn fault(from: &str, to: &str) -> (&'static str, String) {
    let text = smallest().replace(from, to);
    assert_ne!(text, smallest());
    let mut faults = faults(&text);
    assert_eq!(faults.len(), 1, "{faults:?}");
    faults.remove(0)
}

/// The key of the smallest file under another name.
const SAME_KEY: &str =
    "    - {name: you, sha256: ada750e3f8464e9e1fd6a882b1a3b46cad39a1876c3fb7b85abe47a887c977fb}\nupstreams:";

#[test]
fn each_rule_has_its_code() {
    let api_keys = &smallest()[smallest().find("  api_keys").unwrap()..smallest().find("upstreams").unwrap()];
    for (from, to, code, path) in [
        ("127.0.0.1:8080", "0.0.0.0:8080", codes::PLAIN_HTTP, "listen.address"),
        ("listen: {address: \"127.0.0.1:8080\"}", "", codes::PLAIN_HTTP, "listen.address"),
        (api_keys, "  issuers: []\n", codes::NOBODY_MAY_CALL, "auth"),
        ("version: 1", "", common::REQUIRED, "version"),
        ("version: 1", "version: 2", common::NEWER_VERSION, "version"),
        (
            "{kind: practice}",
            "{kind: practice, region: us-east-1}",
            common::UNKNOWN_KEY,
            "upstreams.practice.region",
        ),
        ("  gpt-4o: amazon.nova-pro-v1:0", "  {}", common::NO_MODELS, "models"),
        (
            "amazon.nova-pro-v1:0",
            "{model: x, upstream: y}",
            codes::UNKNOWN_UPSTREAM,
            "models.gpt-4o.upstream",
        ),
        (
            "models:",
            "limits: {overrides: [{caller: a, group: b}]}\nmodels:",
            codes::AMBIGUOUS_OVERRIDE,
            "limits.overrides[0]",
        ),
        ("models:", "timeouts: {idle: 1.5s}\nmodels:", codes::MALFORMED_AMOUNT, "timeouts.idle"),
        ("models:", "timeouts: {idle: 2h}\nmodels:", common::OUT_OF_RANGE, "timeouts.idle"),
        (
            "models:",
            "ledger: {store: {sqlite: {}, dynamodb: {}}}\nmodels:",
            common::WRONG_TYPE,
            "ledger.store",
        ),
        ("models:", "limits: {store: redis}\nmodels:", common::NOT_A_CHOICE, "limits.store"),
        ("models:", "telemetry: {otlp: {}}\nmodels:", common::REQUIRED, "telemetry.otlp.endpoint"),
        (
            "models:",
            "telemetry: {otlp: {endpoint: \"https://u:p@x/\"}}\nmodels:",
            common::SECRET_IN_FILE,
            "telemetry.otlp.endpoint",
        ),
        (
            "models:",
            "cors: {allowed_origins: [\"*\", \"*\"]}\nmodels:",
            common::DUPLICATE_ITEM,
            "cors.allowed_origins[1]",
        ),
        ("upstreams:", SAME_KEY, common::DUPLICATE_ITEM, "auth.api_keys"),
        ("models:", "telemetry: {log: {level: loud}}\nmodels:", common::NOT_A_CHOICE, "telemetry.log.level"),
        ("version: 1", "version: 1\nversion: 1", common::DUPLICATE_KEY, "version"),
    ] {
        assert_eq!(fault(from, to), (code, path.to_owned()), "{to}");
    }
}

#[test]
fn a_model_past_its_end_of_life_is_refused_with_its_successor() {
    let text = smallest()
        .replace("{kind: practice}", "{kind: bedrock, region: us-east-1}")
        .replace("amazon.nova-pro-v1:0", "us.amazon.nova-premier-v1:0");
    let problems = read(&text).unwrap_err();
    assert_eq!(problems[0].code, common::MODEL_RETIRED);
    assert!(problems[0].suggestion.as_ref().unwrap().contains("nova-2-lite"));
}

#[test]
fn no_problem_and_no_excerpt_shows_a_secret() {
    for text in [
        "telemetry:\n  otlp:\n    endpoint: x\n    headers:\n      x-team: hunter2\n",
        "telemetry: {otlp: {endpoint: x, headers: {x-team: hunter2}}}\n",
        "auth:\n  api_keys:\n    - {name: a, sha256: hunter2}\n",
        "auth:\n  api_keys:\n    - name: a\n      sha256: hunter2\n",
        "upstreams:\n  a: {kind: openai, base_url: \"https://user:hunter2@x/\"}\n",
        "upstreams:\n  a:\n    kind: openai\n    api_key: hunter2\n",
        "telemetry:\n  otlp:\n    endpoint: x\n    headers:\n      x-team: [hunter2]\n",
        "models:\n  api_key: hunter2\n",
        "auth: [\n  sha256: hunter2\n",
    ] {
        let shown = rendered(text);
        assert!(!shown.contains("hunter2"), "{text}\n{shown}");
    }
}
