//! What a caller hears who uses too much.

use std::time::Duration;

use cloud_loopback::Script;
use serde_json::{Value, json};

use crate::rig::{API_KEY, Rig, until};

fn limited(limits: Value) -> Rig {
    Rig::with(|config| config["limits"] = limits)
}

#[test]
fn too_many_requests_are_refused_with_the_time_to_wait() {
    let rig = limited(json!({"requests_per_minute": 2, "tokens_per_hour": 1_000_000}));
    let script = "
ask = lambda: client.chat.completions.with_raw_response.create(
    model='gpt-4o-mini', max_tokens=5, messages=[{'role': 'user', 'content': 'hello'}])
names = ['limit-requests', 'remaining-requests', 'reset-requests', 'limit-tokens', 'remaining-tokens', 'reset-tokens']
print(json.dumps({
    'first': {name: ask().headers.get('x-ratelimit-' + name) for name in names[:1]},
    'second': (lambda headers: {name: headers.get('x-ratelimit-' + name) for name in names})(ask().headers),
    'third': failure(ask),
}))
";
    let seen = rig.run(script);
    assert_eq!(seen["first"], json!({"limit-requests": "2"}));
    let second = &seen["second"];
    assert_eq!((&second["limit-requests"], &second["remaining-requests"]), (&json!("2"), &json!("0")));
    assert_eq!(second["limit-tokens"], "1000000");
    for name in ["reset-requests", "reset-tokens", "remaining-tokens"] {
        assert!(second[name].is_string(), "{name}: {second}");
    }
    let third = &seen["third"];
    assert_eq!(third["class"], "RateLimitError");
    assert_eq!((&third["type"], &third["code"]), (&json!("requests"), &json!("rate_limit_exceeded")));
    let wait = |name: &str| third["headers"][name].as_str().and_then(|wait| wait.parse::<f64>().ok());
    assert!(wait("retry-after").is_some_and(|seconds| (0.0..=120.0).contains(&seconds)), "{third}");
    assert!(wait("retry-after-ms").is_some_and(|ms| (0.0..=120_000.0).contains(&ms)), "{third}");
    assert_eq!(third["headers"]["x-ratelimit-remaining-requests"], "0");
    assert_eq!(rig.bedrock.requests().len(), 2, "what is refused costs nothing");

    let other = rig.curl("/v1/models").header(&format!("Authorization: Bearer {API_KEY}")).reply();
    assert_eq!(other.status, 200, "limits are each caller's own");
}

#[test]
fn tokens_are_reserved_before_they_are_used() {
    let rig = limited(json!({"requests_per_minute": 1000, "tokens_per_hour": 500}));
    let ask = |max_tokens: u64, stream: bool| {
        json!({
            "model": "gpt-4o-mini", "max_tokens": max_tokens, "stream": stream,
            "messages": [{"role": "user", "content": "hello"}],
        })
    };
    rig.bedrock.script(Script::paced(40, Duration::from_millis(50)).only_times(1));
    let (connector, token) = (crate::stream::Connector::new(&rig), rig.token());
    let ended = crate::stream::run(async {
        let mut streams = tokio::task::JoinSet::new();
        let first = ask(400, true);
        streams.spawn(async move { connector.stream(&token, &first).await });
        while rig.bedrock.open_streams() == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let refused = rig.post("/v1/chat/completions", &ask(300, false)).reply();
        assert_eq!(refused.status, 429, "{}", refused.body);
        assert_eq!(refused.error_code(), "rate_limit_exceeded");
        assert_eq!(refused.json()["error"]["type"], "tokens");
        streams.join_all().await
    });
    assert!(ended[0].is_ok(), "{ended:?}");
    assert_eq!(rig.bedrock.requests().len(), 1, "what is refused costs nothing");
    // What was reserved and not used is there again.
    for _ in 0..5 {
        until("the reservation is settled", || {
            (rig.post("/v1/chat/completions", &ask(300, false)).reply().status == 200).then_some(())
        });
    }
}

#[test]
fn a_burst_of_streams_does_not_pass() {
    let rig =
        limited(json!({"concurrent_requests": 3, "requests_per_minute": 1000, "tokens_per_hour": 1_000_000}));
    rig.bedrock.script(Script::paced(100, Duration::from_millis(20)));
    let connector = crate::stream::Connector::new(&rig);
    let (token, body) = (rig.token(), crate::stream::streamed_hello());
    let ended = crate::stream::run(async {
        let mut streams = tokio::task::JoinSet::new();
        for _ in 0..10 {
            let (connector, token, body) = (connector.clone(), token.clone(), body.clone());
            streams.spawn(async move { connector.stream(&token, &body).await });
        }
        streams.join_all().await
    });
    let (whole, refused): (Vec<_>, Vec<_>) = ended.into_iter().partition(Result::is_ok);
    assert_eq!((whole.len(), refused.len()), (3, 7));
    assert!(
        refused.iter().all(|ended| ended.as_ref().is_err_and(|said| said.starts_with("429"))),
        "{refused:?}"
    );
    // The places are free again as soon as the streams have ended.
    rig.bedrock.clear_scripts();
    until("a place is free", || {
        (rig.post("/v1/chat/completions", &body).reply().status == 200).then_some(())
    });
}
