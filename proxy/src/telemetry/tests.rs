//! The whole of it: what is in the log, what never is, and what is exported when.
#![expect(clippy::arithmetic_side_effects, reason = "counts of a test")]

use std::sync::Mutex;

use async_trait::async_trait;
use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::{config::LogFormat, ledger::Ledger as _};

struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(1_790_000_000).unwrap()
    }
}

fn access<'a>(request_id: &'a str, ignored: &'a [String], error: Option<&'a str>) -> Access<'a> {
    Access {
        observed: Observed {
            endpoint: "chat.completions",
            model: "gpt-4o",
            upstream: "bedrock",
            status: 200,
            outcome: Outcome::Completed,
            duration: Duration::from_micros(1_234_567),
            first_byte: Duration::from_millis(120),
            usage: Usage { input_tokens: 10, output_tokens: 5, ..Usage::default() },
        },
        request_id,
        caller: "alice",
        client_id: Some("machine"),
        source: "192.0.2.7".parse().ok(),
        trace: TraceContext { trace_id: 0xabc, parent_id: None, span_id: 1, sampled: true },
        started: Still.now(),
        upstream_request_id: Some("up-1"),
        ignored,
        error_code: None,
        error,
    }
}

fn telemetry(config: &config::Telemetry) -> (Telemetry, Dispatch, Arc<Mutex<Vec<u8>>>) {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let output = Output::Memory(Arc::clone(&lines));
    let (telemetry, dispatch) = Telemetry::new(config, output, Still.now(), Arc::default()).unwrap();
    (telemetry, dispatch, lines)
}

#[test]
fn a_request_is_one_json_object() {
    let (telemetry, log, lines) = telemetry(&testing::config("info", LogFormat::Json));
    let ignored = ["seed".to_owned(), "logit_bias".to_owned()];
    tracing::dispatcher::with_default(&log, || telemetry.finished(&access("req-1", &ignored, None)));
    let text = testing::text(&lines);
    let mut line: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(text.lines().count(), 1);
    line["timestamp"] = "now".into();
    insta::assert_snapshot!("access", serde_json::to_string_pretty(&line).unwrap());
}

#[test]
fn the_level_changes_with_the_configuration() {
    let (telemetry, log, lines) = telemetry(&testing::config("info,access=off", LogFormat::Text));
    let mut config = testing::proxy_config(&["gpt-4o"]);
    tracing::dispatcher::with_default(&log, || {
        telemetry.finished(&access("first", &[], None));
        telemetry.prompt("first", "request", b"my prompt");
        config.telemetry.log_level = "info".to_owned();
        config.telemetry.log_prompts = true;
        telemetry.configured(&config, "2", Still.now()).unwrap();
        telemetry.finished(&access("second", &[], None));
        telemetry.prompt("second", "request", b"my prompt");
        config.telemetry.log_level = "info,,=".to_owned();
        let error = telemetry.configured(&config, "3", Still.now()).unwrap_err();
        assert_eq!(error.finding().code, "SRE-PROXY-046");
        telemetry.finished(&access("third", &[], None));
    });
    let text = testing::text(&lines);
    assert!(
        !text.contains("\"first\"") && text.contains("\"second\"") && text.contains("\"third\""),
        "{text}"
    );
    assert!(text.contains("my prompt"), "{text}");
    assert!(
        telemetry.exposition().contains("config_info{version=\"2\"}"),
        "a refused configuration is not in force"
    );
}

#[test]
fn text_is_one_line_an_event_whatever_is_in_it() {
    let (telemetry, log, lines) = telemetry(&testing::config("info", LogFormat::Text));
    let ignored = ["a\nFAKE LINE\u{1b}[2J".to_owned()];
    tracing::dispatcher::with_default(&log, || telemetry.finished(&access("r\n1", &ignored, Some("x\ny"))));
    let text = testing::text(&lines);
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(!text.contains('\u{1b}'), "{text:?}");
}

/// A collector that takes everything.
#[derive(Default)]
struct Collector(Mutex<Vec<String>>);

#[async_trait]
impl Export for Collector {
    async fn post(&self, path: &str, _: Bytes) -> Result<(), ExportError> {
        self.0.lock().unwrap().push(path.to_owned());
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn exports_come_in_time_and_once_more_at_the_end() {
    let mut config = testing::config("off", LogFormat::Json);
    config.emf_namespace = Some("SreAgent".to_owned());
    config.otlp_endpoint = Some("http://127.0.0.1:4318".parse().unwrap());
    let (telemetry, _log, lines) = telemetry(&config);
    telemetry.finished(&access("req-1", &[], None));
    let (collector, stop) = (Arc::new(Collector::default()), CancellationToken::new());
    let run = telemetry.run(Some(collector.clone()), Arc::new(Still), stop.clone());
    let script = async {
        tokio::time::sleep(Duration::from_secs(16)).await;
        assert_eq!(*collector.0.lock().unwrap(), ["/v1/traces", "/v1/metrics"]);
        assert_eq!(testing::text(&lines), "");
        tokio::time::sleep(Duration::from_secs(45)).await;
        assert_eq!(testing::text(&lines).lines().count(), 1);
        telemetry.finished(&access("req-2", &[], None));
        stop.cancel();
    };
    tokio::join!(run, script);
    assert_eq!(testing::text(&lines).lines().count(), 2, "the last minute has its line");
    let posts = collector.0.lock().unwrap();
    assert_eq!(posts[posts.len() - 2..], ["/v1/traces", "/v1/metrics"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    /// Feature: aws-ec2-production-deployment, Property 8: every refused credential is a line of the security log that
    /// says why, and no line of any log holds a token, a key or the text of a prompt.
    #[test]
    fn no_token_key_or_prompt_is_in_any_line(
        body in "[A-Za-z0-9]{24,40}",
        prompt in "[a-z]{30,60}",
        text in any::<bool>(),
    ) {
        let secrets = [
            format!("Bearer {body}"),
            format!("sk-{body}"),
            format!("bnp_{body}"),
            format!("AKIA{}", body.to_ascii_uppercase()),
            format!("eyJ{body}.{body}.{body}"),
        ];
        let format = if text { LogFormat::Text } else { LogFormat::Json };
        let mut config = testing::config("trace", format);
        config.emf_namespace = Some("N".to_owned());
        let (telemetry, log, lines) = telemetry(&config);
        tracing::dispatcher::with_default(&log, || {
            for secret in &secrets {
                // In every text that comes from outside: an upstream's error, a fact of a token, a name.
                let quoted = format!("the upstream said {{\"authorization\": \"{secret}\"}}");
                telemetry.finished(&access(secret, std::slice::from_ref(secret), Some(&quoted)));
                telemetry.prompt("req", "request", prompt.as_bytes());
                let event = SecurityEvent {
                    kind: Kind::AuthnLoginFail,
                    reason: "expired",
                    facts: vec![("kid", secret.clone()), ("iss", quoted.clone())],
                };
                telemetry.security(&event, "req", None);
                closed_books().record(crate::ledger::Entry { caller: secret.clone(), ..entry() });
                tracing::debug!("a dependency says {quoted:?}");
            }
        });
        telemetry.write_emf(Still.now());
        let written = testing::text(&lines);
        for needle in [body.as_str(), &body.to_ascii_uppercase(), &prompt] {
            prop_assert!(!written.contains(needle), "{} in {}", needle, written);
        }
        // Once in the message, once as a member.
        prop_assert_eq!(written.matches("authn_login_fail").count(), secrets.len() * 2);
        prop_assert_eq!(written.matches("SRE-PROXY-043").count(), secrets.len());
        let exposition = telemetry.exposition();
        prop_assert!(exposition.contains("bedrock_nova_proxy_denied_total{reason=\"expired\"} 5"), "{}", exposition);
    }
}

fn entry() -> crate::ledger::Entry {
    crate::ledger::Entry {
        at: Still.now(),
        request_id: "req".to_owned(),
        caller: String::new(),
        client_id: None,
        model: "gpt-4o".to_owned(),
        upstream_model: "amazon.nova-pro-v1:0".to_owned(),
        upstream: "bedrock".to_owned(),
        usage: Usage::default(),
        estimated: false,
        outcome: Outcome::Completed,
        duration_ms: 1,
    }
}

/// A ledger whose writer is gone: everything goes to the log.
fn closed_books() -> crate::ledger::Books {
    crate::ledger::writer::tests::closed()
}
