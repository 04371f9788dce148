//! Bedrock as somebody else understood it: an emulator that nobody here wrote answers in AWS's own frames.

use serde_json::{Value, json};
use test_support::Ministack;

use crate::rig::Rig;

#[test]
fn answers_and_streams_of_another_bedrock_are_understood() {
    let ministack = Ministack::start();
    let rig = Rig::with(|config| {
        config["upstreams"]["bedrock"]["endpoint_url"] = ministack.endpoint().into();
    });
    let chat = |stream: bool| {
        json!({
            "model": "gpt-4o-mini",
            "stream": stream,
            "messages": [{"role": "user", "content": "What is the capital of France?"}],
        })
    };
    let whole = rig.post("/v1/chat/completions", &chat(false)).reply();
    assert_eq!(whole.status, 200, "{}", whole.body);
    let whole: Value = serde_json::from_str(&whole.body).unwrap();
    let text = whole.pointer("/choices/0/message/content").and_then(Value::as_str).unwrap();
    assert!(!text.is_empty(), "{whole}");
    assert!(whole.pointer("/usage/total_tokens").and_then(Value::as_u64).is_some_and(|n| n > 0), "{whole}");

    let stream = rig.post("/v1/chat/completions", &chat(true)).reply();
    assert_eq!(stream.status, 200, "{}", stream.body);
    let events: Vec<&str> = stream.body.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
    assert_eq!(events.last(), Some(&"[DONE]"), "{}", stream.body);
    let said: String = events
        .iter()
        .filter_map(|event| serde_json::from_str::<Value>(event).ok())
        .filter_map(|event| Some(event.pointer("/choices/0/delta/content")?.as_str()?.to_owned()))
        .collect();
    assert!(!said.is_empty(), "{}", stream.body);
}
