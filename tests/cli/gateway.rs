//! `check gateway` on a gateway that serves on loopback: what passes, what is named, and that no token is ever shown.

use std::collections::BTreeSet;

use cloud_loopback::{Authority, GatewayFault, GatewayStage, GatewayStageOptions, Issuer, IssuerOptions};
use model::Secret;
use model::agent::Backend;

use crate::support::{Desk, Ended};

struct Stage {
    issuer: Issuer,
    running: GatewayStage,
    desk: Desk,
}

fn stage() -> Stage {
    #[expect(clippy::disallowed_methods, reason = "certificates are of the time of the test")]
    let now = std::time::SystemTime::now();
    let authority = Authority::new("A root for tests", now).unwrap();
    let pair = authority.issue(&["localhost".to_owned(), "127.0.0.1".to_owned()], now).unwrap();
    let issuer = Issuer::start(IssuerOptions::default()).unwrap();
    let options = GatewayStageOptions {
        domain: "localhost".to_owned(),
        pair,
        roots_pem: authority.root_pem(),
        api_key: Secret::new("the-key-of-the-backends".to_owned()),
        allowed_clients: [issuer.clients()[0].id.clone()].into(),
        allowed_scopes: BTreeSet::new(),
    };
    let running = GatewayStage::start(options, &issuer).unwrap();
    let desk = Desk::new();
    desk.write("ca.pem", &authority.root_pem());
    desk.write("token", &issuer.mint(&issuer.claims()));
    Stage { issuer, running, desk }
}

impl Stage {
    fn check(&self, flags: &str) -> Ended {
        let url = self.running.gateway.url();
        self.desk.run(&format!("check gateway --url {url} --ca-file ca.pem --token-file token {flags}"))
    }
}

#[test]
fn a_gateway_is_proved_in_every_form_and_the_token_is_in_none() {
    let stage = stage();
    let token = stage.desk.read("token");
    let signature = token.rsplit('.').next().unwrap();
    for format in ["text", "json", "nagios", "prometheus", "junit", "markdown", "html"] {
        let ended = stage.check(&format!("-vv --format {format}")).expect(0);
        assert!(!ended.stdout.contains(signature) && !ended.stderr.contains(signature), "{format}");
        if format != "nagios" {
            assert!(ended.stdout.contains("SRE-GW-007"), "{format}: {}", ended.stdout);
        }
    }
    assert!(stage.running.backends.values().all(|backend| backend.calls() == 7), "each form asked once");
}

#[test]
fn a_key_that_the_role_may_not_read_is_found_by_the_calls_alone() {
    let stage = stage();
    stage.running.gateway.fault(GatewayFault::NoReason(Backend::Metrics));
    let report = stage.check("--format json").expect(5).json();
    let findings = report["results"][0]["findings"].as_array().unwrap();
    let bad: Vec<_> =
        findings.iter().filter(|finding| finding["severity"] == "error").map(|one| &one["subject"]).collect();
    assert_eq!(bad, ["metrics-api"], "{report:#}");
    let text = stage.check("").expect(5).stdout;
    assert!(text.contains("GetResourceApiKey") && text.contains("explain SRE-GW-007"), "{text}");
}

#[test]
fn a_token_that_ended_and_one_that_is_missing_are_told_apart() {
    let stage = stage();
    let mut claims = stage.issuer.claims();
    claims["exp"] = serde_json::json!(1_000_000_000);
    stage.desk.write("token", &stage.issuer.mint(&claims));
    let text = stage.check("").expect(5).stdout;
    assert!(text.contains("ended at 2001-09-09"), "{text}");
    let url = stage.running.gateway.url();
    let ended = stage.desk.run(&format!("check gateway --url {url} --ca-file ca.pem --format json"));
    let ended = ended.expect(5);
    assert!(ended.stdout.contains("skipped because there is no token"), "{}", ended.stdout);
}

#[test]
fn what_cannot_be_asked_is_said_before_anything_is() {
    let desk = Desk::new();
    for (line, words) in [
        ("--url http://gateway.example.com/mcp", "without TLS"),
        ("--url nonsense", "is no URL"),
        ("--config config.yaml", "knows no gateway"),
        ("--url https://localhost:1/mcp --only SRE-GW-999", "SRE-GW-999"),
    ] {
        desk.run(&format!("check gateway {line}")).expect(2).says(&[words]);
    }
}
