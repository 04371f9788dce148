//! What is seen on the wire, over loopback connections.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{StatusCode, Uri};
use http_body_util::BodyExt as _;
use model::{Region, Secret};
use serde_json::json;
use test_support::{Moto, rerun};
use tokio::{net::TcpListener, time::Instant};

use super::{
    stub::{Act, Stub, TestClock},
    *,
};
use crate::{
    clock::SystemClock,
    config::{self, Role, Route, testing::target},
    ledger::Outcome as Ending,
    telemetry::{Observe, Observed},
};

const PROFILE_ARN: &str = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123";

struct Nobody;

impl Observe for Nobody {
    fn request(&self, observed: &Observed<'_>) {
        assert_ne!(observed.outcome, Ending::Completed);
    }
    fn denied(&self, _: &'static str) {}
    fn limited(&self, _: &'static str) {}
    fn upstream_refused(&self, _: &str, _: &str) {}
    fn streams(&self, _: i64) {}
    fn reloaded(&self, _: &'static str, _: bool) {}
}

fn region(text: &str) -> Region {
    Region::parse(text).unwrap()
}

fn bedrock(endpoint: &str) -> config::Upstream {
    config::Upstream::Bedrock(config::Bedrock {
        region: region("us-east-1"),
        endpoint_url: Some(endpoint.parse().unwrap()),
        profile: None,
        role: None,
        guardrail: None,
    })
}

fn openai(api: &str, secrets: &str) -> config::Upstream {
    config::Upstream::OpenAi(config::OpenAi {
        base_url: format!("{api}/v1").parse().unwrap(),
        secret_id: "openai".to_owned(),
        region: region("us-east-1"),
        secrets_endpoint_url: Some(secrets.parse::<Uri>().unwrap()),
    })
}

fn client() -> HttpClient {
    HttpClient::new(Duration::from_secs(3)).unwrap()
}

/// Bedrock with an API key, which needs no credentials of the machine that runs the tests.
fn keyed() -> Environment {
    Environment { bearer_token: Some(Secret::new("bedrock-api-key".to_owned())), ..Environment::default() }
}

fn set(upstreams: &[(&str, config::Upstream)], targets: &[Target], environment: Environment) -> UpstreamSet {
    let config = super::set::tests::config(upstreams, targets);
    UpstreamSet::new(&config, environment, client(), Arc::new(SystemClock))
}

async fn ask(set: &UpstreamSet, targets: &[Target], operation: Operation) -> Result<Reply, ApiError> {
    ask_within(set, targets, operation, Duration::from_secs(30)).await
}

async fn ask_within(
    set: &UpstreamSet,
    targets: &[Target],
    operation: Operation,
    limit: Duration,
) -> Result<Reply, ApiError> {
    let route = Route { targets: targets.to_vec() };
    let attempt = Attempt { operation, deadline: Instant::now() + limit, observe: &Nobody };
    let prepare = |_: &Target| Ok((Bytes::from_static(br#"{"messages":[]}"#), ()));
    let mut random = fastrand::Rng::with_seed(1);
    let answer = first_answer(&set.candidates(&route), &attempt, &mut random, prepare).await;
    answer.map(|(reply, (), _)| reply)
}

async fn text(reply: Reply) -> Result<String, BoxError> {
    Ok(String::from_utf8(reply.body.collect().await?.to_bytes().to_vec())?)
}

fn throttling(wait: Option<&str>) -> Act {
    let mut headers = vec![("x-amzn-errortype", "ThrottlingException:http://internal".to_owned())];
    headers.extend(wait.map(|wait| ("retry-after", wait.to_owned())));
    Act::Answer(429, headers, Bytes::from_static(br#"{"message":"Too many requests"}"#))
}

/// A frame of the event stream; `kind` is the header that names it.
fn frame(message_type: &str, kind: (&'static str, &str), payload: &str) -> Bytes {
    use aws_smithy_types::event_stream::{Header, HeaderValue, Message};
    let header =
        |name: &'static str, value: &str| Header::new(name, HeaderValue::String(value.to_owned().into()));
    let message = Message::new(payload.to_owned())
        .add_header(header(":message-type", message_type))
        .add_header(header(kind.0, kind.1));
    let mut out = Vec::new();
    aws_smithy_eventstream::frame::write_message_to(&message, &mut out).unwrap();
    out.into()
}

fn start() -> Bytes {
    frame("event", (":event-type", "messageStart"), r#"{"role":"assistant"}"#)
}

#[tokio::test]
async fn a_call_of_bedrock_has_its_path_its_body_and_its_key() {
    let stub = Stub::start(|_, _| {
        let headers = vec![("x-amzn-requestid", "b1".to_owned())];
        Act::Answer(200, headers, Bytes::from_static(b"{}"))
    })
    .await;
    let targets = [target("aws", PROFILE_ARN)];
    let set = set(&[("aws", bedrock(&stub.url()))], &targets, keyed());
    for (operation, last) in [(Operation::Chat, "converse"), (Operation::Embeddings, "invoke")] {
        let reply = ask(&set, &targets, operation).await.unwrap();
        assert_eq!(reply.request_id.as_deref(), Some("b1"));
        assert_eq!(text(reply).await.unwrap(), "{}");
        let seen = stub.seen().pop().unwrap();
        let id = "arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Aapplication-inference-profile%2Fabc123";
        assert_eq!(seen.path, format!("/model/{id}/{last}"));
        assert_eq!(seen.header("authorization"), "Bearer bedrock-api-key");
        assert_eq!(seen.header("content-type"), "application/json");
        assert_eq!(seen.body, &br#"{"messages":[]}"#[..]);
    }
}

#[tokio::test]
async fn no_model_makes_another_path() {
    let stub = Stub::start(|_, _| Act::Answer(200, Vec::new(), Bytes::from_static(b"{}"))).await;
    let targets = [target("aws", ".."), target("aws", "../../x?y#z")];
    let set = set(&[("aws", bedrock(&stub.url()))], &targets, keyed());
    let error = ask(&set, &targets[..1], Operation::Chat).await.err().unwrap();
    assert_eq!(error.status, StatusCode::NOT_FOUND);
    ask(&set, &targets[1..], Operation::Chat).await.unwrap();
    assert_eq!(stub.seen().pop().unwrap().path, "/model/..%2F..%2Fx%3Fy%23z/converse");
}

#[tokio::test]
async fn what_is_throttled_once_is_answered_the_second_time() {
    let stub = Stub::start(|number, _| match number {
        0 => throttling(Some("0")),
        _ => Act::Answer(200, Vec::new(), Bytes::from_static(b"{}")),
    })
    .await;
    let targets = [target("aws", "m")];
    let set = set(&[("aws", bedrock(&stub.url()))], &targets, keyed());
    assert_eq!(text(ask(&set, &targets, Operation::Chat).await.unwrap()).await.unwrap(), "{}");
    assert_eq!(stub.seen().len(), 2);
}

#[tokio::test]
async fn what_is_throttled_three_times_is_429() {
    let stub = Stub::start(|_, _| throttling(Some("0"))).await;
    let targets = [target("aws", "m")];
    let set = set(&[("aws", bedrock(&stub.url()))], &targets, keyed());
    let error = ask(&set, &targets, Operation::ChatStream).await.err().unwrap();
    assert_eq!((error.status, stub.seen().len()), (StatusCode::TOO_MANY_REQUESTS, 3));
}

#[tokio::test]
async fn a_stream_that_begins_with_an_exception_has_a_real_status() {
    let exception = frame(
        "exception",
        (":exception-type", "validationException"),
        r#"{"message":"Malformed input request"}"#,
    );
    let stub = Stub::start(move |_, _| Act::Answer(200, Vec::new(), exception.clone())).await;
    let targets = [target("aws", "m")];
    let set = set(&[("aws", bedrock(&stub.url()))], &targets, keyed());
    let error = ask(&set, &targets, Operation::ChatStream).await.err().unwrap();
    assert_eq!((error.status, stub.seen().len()), (StatusCode::BAD_REQUEST, 1));
}

#[tokio::test]
async fn a_first_frame_in_pieces_is_passed_on_whole() {
    let whole = start();
    let pieces: Vec<Bytes> = whole.chunks(7).map(Bytes::copy_from_slice).collect();
    let stub = Stub::start(move |_, _| Act::Break(pieces.clone())).await;
    let targets = [target("aws", "m")];
    let set = set(&[("aws", bedrock(&stub.url()))], &targets, keyed());
    let mut reply = ask(&set, &targets, Operation::ChatStream).await.unwrap();
    let mut got = Vec::new();
    while got.len() < whole.len() {
        got.extend_from_slice(&reply.body.frame().await.unwrap().unwrap().into_data().unwrap());
    }
    assert_eq!(got, whole);
}

#[tokio::test]
async fn what_breaks_after_the_first_frame_is_not_asked_again() {
    let first = start();
    let stub = Stub::start(move |_, _| Act::Break(vec![first.clone()])).await;
    let targets = [target("aws", "m")];
    let set = set(&[("aws", bedrock(&stub.url()))], &targets, keyed());
    let reply = ask(&set, &targets, Operation::ChatStream).await.unwrap();
    assert!(reply.body.collect().await.is_err());
    assert_eq!(stub.seen().len(), 1);
}

#[tokio::test]
async fn a_connection_that_is_closed_is_tried_again_and_then_502() {
    let stub = Stub::start(|_, _| Act::Close).await;
    let targets = [target("aws", "m")];
    let set = set(&[("aws", bedrock(&stub.url()))], &targets, keyed());
    let error = ask(&set, &targets, Operation::Chat).await.err().unwrap();
    assert_eq!(error.code.as_deref(), Some("upstream_unreachable"));
    assert_eq!((error.status, stub.seen().len()), (StatusCode::BAD_GATEWAY, 3));
}

#[tokio::test]
async fn a_refused_connection_is_502_and_a_fallback_answers_instead() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let stub = Stub::start(|_, _| Act::Answer(200, Vec::new(), Bytes::from_static(b"{}"))).await;
    let targets = [target("gone", "m"), target("aws", "m")];
    let upstreams = [("gone", bedrock(&nobody)), ("aws", bedrock(&stub.url()))];
    let set = set(&upstreams, &targets, keyed());
    let error = ask(&set, &targets[..1], Operation::Chat).await.err().unwrap();
    assert_eq!(
        (error.status, error.code.as_deref()),
        (StatusCode::BAD_GATEWAY, Some("upstream_unreachable"))
    );
    assert!(error.log.unwrap().contains("refused"));
    ask(&set, &targets, Operation::Chat).await.unwrap();
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_504() {
    let stub = Stub::start(|_, _| Act::Hang).await;
    let targets = [target("aws", "m")];
    let set = set(&[("aws", bedrock(&stub.url()))], &targets, keyed());
    let limit = Duration::from_millis(300);
    let error = ask_within(&set, &targets, Operation::Chat, limit).await.err().unwrap();
    assert_eq!((error.status, error.code.as_deref()), (StatusCode::GATEWAY_TIMEOUT, Some("timeout")));
    assert_eq!(stub.seen().len(), 1);
}

/// Secrets Manager with these keys, one after the other.
async fn secrets(keys: &'static [&'static str]) -> Stub {
    Stub::start(move |number, seen| {
        assert_eq!(seen.header("x-amz-target"), "secretsmanager.GetSecretValue");
        assert!(seen.header("authorization").contains("/us-east-1/secretsmanager/aws4_request"));
        let key = keys[number.min(keys.len() - 1)];
        let secret =
            json!({"openai_api_key": key, "model_mappings": {"amazon.nova-lite-v1:0": "gpt-4o-mini"}});
        Act::json(200, &json!({"SecretString": secret.to_string()}))
    })
    .await
}

/// Runs a test where the standard chain finds credentials, in a process of its own.
fn with_credentials(test: &str, body: impl AsyncFnOnce()) {
    let name = format!("upstream::wire::{test}");
    rerun(&name, || (test_support::environment("http://127.0.0.1:9"), ()), || block_on(body()));
}

fn block_on(future: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future);
}

#[test]
fn requests_are_signed_for_the_region_of_the_target() {
    with_credentials("requests_are_signed_for_the_region_of_the_target", async || {
        let stub = Stub::start(|_, _| Act::Answer(200, Vec::new(), Bytes::from_static(b"{}"))).await;
        let targets = [Target { region: Some(region("eu-west-1")), ..target("aws", "m") }];
        let set = set(&[("aws", bedrock(&stub.url()))], &targets, Environment::default());
        ask(&set, &targets, Operation::Chat).await.unwrap();
        let authorization = stub.seen()[0].header("authorization").to_owned();
        assert!(authorization.contains("/eu-west-1/bedrock/aws4_request"), "{authorization}");
        assert!(authorization.contains("Credential=AKIAIOSFODNN7EXAMPLE/"), "{authorization}");
    });
}

#[test]
fn a_key_that_was_rotated_is_read_again_when_it_is_refused() {
    with_credentials("a_key_that_was_rotated_is_read_again_when_it_is_refused", async || {
        let secrets = secrets(&["sk-old", "sk-new"]).await;
        let api = Stub::start(|_, seen| match seen.header("authorization") {
            "Bearer sk-new" => Act::json(200, &json!({"model": "gpt-4o-mini"})),
            _ => Act::json(401, &json!({"error": {"message": "Incorrect API key provided: sk-old"}})),
        })
        .await;
        let targets = [target("openai", "amazon.nova-lite-v1:0")];
        let config = super::set::tests::config(&[("openai", openai(&api.url(), &secrets.url()))], &targets);
        let clock = TestClock::new();
        let set = UpstreamSet::new(&config, Environment::default(), client(), clock.clone());
        // A key that is refused at once is not read again at once.
        let error = ask(&set, &targets, Operation::Chat).await.err().unwrap();
        assert_eq!(
            (error.status, error.code.as_deref()),
            (StatusCode::BAD_GATEWAY, Some("upstream_auth_error"))
        );
        assert_eq!((secrets.seen().len(), api.seen().len()), (1, 1));
        clock.advance(Duration::from_secs(11));
        ask(&set, &targets, Operation::Chat).await.unwrap();
        assert_eq!((secrets.seen().len(), api.seen().len()), (2, 3));
        let seen = api.seen().pop().unwrap();
        assert_eq!(seen.path, "/v1/chat/completions");
        assert_eq!(seen.body, &br#"{"messages":[]}"#[..], "there was no model to rename");
    });
}

#[test]
fn the_secret_is_read_every_five_minutes() {
    with_credentials("the_secret_is_read_every_five_minutes", async || {
        let secrets = secrets(&["sk-old", "sk-new"]).await;
        let api = Stub::start(|_, _| Act::json(200, &json!({}))).await;
        let targets = [target("openai", "gpt-4o")];
        let config = super::set::tests::config(&[("openai", openai(&api.url(), &secrets.url()))], &targets);
        let clock = TestClock::new();
        let set = UpstreamSet::new(&config, Environment::default(), client(), clock.clone());
        for (pause, key) in [(0, "sk-old"), (299, "sk-old"), (1, "sk-new"), (299, "sk-new")] {
            clock.advance(Duration::from_secs(pause));
            ask(&set, &targets, Operation::Embeddings).await.unwrap();
            let seen = api.seen().pop().unwrap();
            assert_eq!(seen.header("authorization"), format!("Bearer {key}"));
            assert_eq!(seen.path, "/v1/embeddings");
        }
        assert_eq!(secrets.seen().len(), 2);
    });
}

/// Feature: aws-ec2-production-deployment, Property 8: whatever OpenAI and AWS answer, neither the key nor the
/// credentials are in the log or in what the client gets.
#[test]
fn secrets_reach_neither_log_nor_client() {
    with_credentials("secrets_reach_neither_log_nor_client", async || {
        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_writer(move || writer.clone())
            .finish();
        let _guard = tracing::subscriber::set_default(subscriber);
        for status in [200, 400, 401, 403, 429, 500] {
            let secrets = secrets(&["sk-0123456789abcdef"]).await;
            let api = Stub::start(move |_, seen| {
                let message = format!("You sent {:?}", seen.headers);
                Act::json(status, &json!({"error": {"message": message, "type": "invalid_request_error"}}))
            })
            .await;
            let aws = Stub::start(move |_, _| {
                Act::Answer(status, vec![("retry-after", "0".to_owned())], Bytes::from_static(b"{}"))
            })
            .await;
            let targets = [target("openai", "gpt-4o"), target("aws", "m")];
            let upstreams = [("openai", openai(&api.url(), &secrets.url())), ("aws", bedrock(&aws.url()))];
            let set = set(&upstreams, &targets, Environment::default());
            for target in &targets {
                let answer = ask(&set, std::slice::from_ref(target), Operation::Chat).await;
                if let Err(error) = answer {
                    let shown = format!("{error:?} {}", String::from_utf8(error.body()).unwrap());
                    assert!(!shown.contains("sk-0123456789abcdef"), "{shown}");
                }
            }
        }
        let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        assert!(log.contains("an upstream refused"), "the log was captured");
        for secret in ["sk-0123456789abcdef", "not-a-secret"] {
            assert!(!log.contains(secret), "{log}");
        }
    });
}

#[derive(Clone, Default)]
struct Log(Arc<std::sync::Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

const MAKE_SECRET: &str = r#"
import boto3, json
value = json.dumps({"openai_api_key": "sk-moto", "model_mappings": {"a": "gpt-4o-mini"}})
boto3.client("secretsmanager").create_secret(Name="openai", SecretString=value)
print("{}")
"#;

/// The chain, STS and Secrets Manager as an emulated account has them.
#[test]
fn an_emulated_account_gives_roles_and_secrets() {
    let parts = || {
        let moto = Moto::start();
        moto.python(MAKE_SECRET, &[]);
        (moto.environment(), moto)
    };
    rerun("upstream::wire::an_emulated_account_gives_roles_and_secrets", parts, || {
        block_on(async {
            #[expect(clippy::disallowed_methods, reason = "where the emulated account is")]
            let moto = std::env::var("AWS_ENDPOINT_URL").unwrap();
            let api = Stub::start(|_, _| Act::json(200, &json!({}))).await;
            let aws = Stub::start(|_, _| Act::json(200, &json!({}))).await;
            let role = Role {
                arn: "arn:aws:iam::123456789012:role/bedrock".to_owned(),
                external_id: Some("external".to_owned()),
            };
            let targets = [target("openai", "a"), Target { role: Some(role), ..target("aws", "m") }];
            let upstreams = [("openai", openai(&api.url(), &moto)), ("aws", bedrock(&aws.url()))];
            let set = set(&upstreams, &targets, Environment::default());
            ask(&set, &targets[..1], Operation::Chat).await.unwrap();
            assert_eq!(api.seen()[0].header("authorization"), "Bearer sk-moto");
            ask(&set, &targets[1..], Operation::Chat).await.unwrap();
            let seen = &aws.seen()[0];
            assert!(seen.header("authorization").contains("Credential=ASIA"), "{:?}", seen.headers);
            assert!(!seen.header("x-amz-security-token").is_empty());

            let table = config::Table {
                name: "none".to_owned(),
                region: region("us-east-1"),
                endpoint_url: Some(moto.parse().unwrap()),
            };
            let key = json!({"TableName": table.name, "Key": {"id": {"S": "x"}}});
            let error = set.table(&table).call("GetItem", key).await.unwrap_err();
            assert!(!error.is_transient());
            assert!(error.to_string().contains("ResourceNotFoundException"), "{error}");
        });
    });
}
