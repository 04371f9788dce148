//! What clients get for whole answers.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{
    config::Thinking,
    mapping::testing::{envelope, usage},
};

fn reply(content: &Value, stop_reason: &str) -> Vec<u8> {
    json!({
        "metrics": {"latencyMs": 900},
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": stop_reason,
        "usage": usage()
    })
    .to_string()
    .into_bytes()
}

fn completion(body: &[u8], shape: &ReplyShape) -> Value {
    serde_json::from_slice(&to_completion(body, shape, &envelope()).unwrap().body).unwrap()
}

/// The message and the finish of an answer with these blocks.
fn message(content: &Value, stop_reason: &str, shape: &ReplyShape) -> (Value, Value) {
    let mut completion = completion(&reply(content, stop_reason), shape);
    let choice = &mut completion["choices"][0];
    (choice["message"].take(), choice["finish_reason"].take())
}

fn calls() -> Value {
    json!([
        {"text": "I will look."},
        {"toolUse": {"toolUseId": "t-1", "name": "weather_1a2b", "input": {"city": "Zürich"}}},
        {"toolUse": {"toolUseId": "t-2", "name": "time", "input": {}}},
        {"toolUse": {"toolUseId": "t-3", "name": "time"}},
        {"toolUse": {"toolUseId": "t-4", "name": "time", "input": null}},
    ])
}

#[test]
fn a_text_in_every_byte() {
    let body = reply(&json!([{"text": "Hello, "}, {"image": {}}, {"text": "world"}]), "end_turn");
    let answer = to_completion(&body, &ReplyShape::default(), &envelope()).unwrap();
    insta::assert_snapshot!(String::from_utf8(answer.body).unwrap());
    assert_eq!(
        answer.usage,
        Usage { input_tokens: 10, output_tokens: 5, cache_read_tokens: 70, cache_write_tokens: 30 }
    );
}

#[test]
fn tool_calls_and_the_text_beside_them() {
    let shape = ReplyShape {
        tool_names: vec![("weather_1a2b".to_owned(), "weather.now".to_owned())],
        ..ReplyShape::default()
    };
    let (message, finish) = message(&calls(), "tool_use", &shape);
    assert_eq!(finish, "tool_calls");
    let call = |id: &str, name: &str, arguments: &str| json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}});
    assert_eq!(
        message,
        json!({
            "role": "assistant", "content": "I will look.", "refusal": null,
            "tool_calls": [
                call("t-1", "weather.now", r#"{"city":"Zürich"}"#),
                call("t-2", "time", "{}"), call("t-3", "time", "{}"), call("t-4", "time", "{}"),
            ]
        })
    );
}

#[test]
fn one_call_no_calls_and_calls_of_functions() {
    let (single, finish) =
        message(&calls(), "tool_use", &ReplyShape { single_tool_call: true, ..Default::default() });
    assert_eq!((single["tool_calls"].as_array().map(Vec::len), finish), (Some(1), json!("tool_calls")));

    let (hidden, finish) =
        message(&calls(), "tool_use", &ReplyShape { hide_tool_calls: true, ..Default::default() });
    assert_eq!(
        (hidden.get("tool_calls"), &hidden["content"], finish),
        (None, &json!("I will look."), json!("stop"))
    );

    let shape = ReplyShape { legacy_function_call: true, ..Default::default() };
    let (legacy, finish) = message(&json!([calls()[1]]), "tool_use", &shape);
    assert_eq!(finish, "function_call");
    let function = json!({"name": "weather_1a2b", "arguments": r#"{"city":"Zürich"}"#});
    assert_eq!(
        legacy,
        json!({"role": "assistant", "content": null, "refusal": null, "function_call": function})
    );
}

#[test]
fn a_call_counts_even_if_bedrock_says_that_the_turn_has_ended() {
    assert_eq!(message(&calls(), "end_turn", &ReplyShape::default()).1, "tool_calls");
    assert_eq!(message(&calls(), "max_tokens", &ReplyShape::default()).1, "length");
}

#[test]
fn forced_json_is_the_content() {
    let shape = ReplyShape { forced_json_tool: Some("json_answer".to_owned()), ..Default::default() };
    let call =
        json!({"toolUse": {"toolUseId": "t-1", "name": "json_answer", "input": {"b": [1, 2], "a": "x y"}}});
    let (json, finish) = message(&json!([{"text": "Here:"}, call]), "tool_use", &shape);
    assert_eq!(finish, "stop");
    let content: Value = serde_json::from_str(json["content"].as_str().unwrap()).unwrap();
    assert_eq!(content, json!({"a": "x y", "b": [1, 2]}));
    assert_eq!(json.get("tool_calls"), None);

    let (text, finish) = message(&json!([{"text": "I cannot."}]), "guardrail_intervened", &shape);
    assert_eq!((&text["content"], finish), (&json!("I cannot."), json!("content_filter")));
}

#[test]
fn reasoning_and_thinking() {
    let content = json!([
        {"reasoningContent": {"reasoningText": {"text": "Let me see.", "signature": "c2ln"}}},
        {"reasoningContent": {"reasoningText": {"text": "[REDACTED]"}}},
        {"reasoningContent": {"redactedContent": "c2Vj"}},
        {"text": "<thinking>Well.</thinking>\n\n42"}
    ]);
    for (thinking, reasoning, text) in [
        (Thinking::Keep, "Let me see.", "<thinking>Well.</thinking>\n\n42"),
        (Thinking::Split, "Let me see.Well.", "42"),
        (Thinking::Drop, "Let me see.", "42"),
    ] {
        let (message, _) = message(&content, "end_turn", &ReplyShape { thinking, ..Default::default() });
        assert_eq!((&message["reasoning_content"], &message["content"]), (&json!(reasoning), &json!(text)));
    }
    let redacted = json!([{"reasoningContent": {"reasoningText": {"text": "[REDACTED]"}}}, {"text": "42"}]);
    assert_eq!(message(&redacted, "end_turn", &ReplyShape::default()).0.get("reasoning_content"), None);
}

#[test]
fn text_with_sources_is_text() {
    let cited =
        json!([{"citationsContent": {"content": [{"text": "It is "}, {"text": "so."}], "citations": []}}]);
    assert_eq!(message(&cited, "end_turn", &ReplyShape::default()).0["content"], "It is so.");
}

#[test]
fn an_answer_without_content_is_an_empty_one() {
    for body in [
        r#"{"stopReason":"end_turn","usage":{"inputTokens":3,"outputTokens":0}}"#,
        r#"{"output":{},"stopReason":"end_turn"}"#,
        r#"{"output":null,"stopReason":"end_turn"}"#,
        r#"{"output":{"message":{"role":"assistant","content":[]}},"stopReason":"end_turn"}"#,
        r#"{"output":{"message":{"role":"assistant"}}}"#,
    ] {
        let completion = completion(body.as_bytes(), &ReplyShape::default());
        assert_eq!(completion["choices"][0]["message"]["content"], "", "{body}");
        assert_eq!(completion["choices"][0]["finish_reason"], "stop", "{body}");
        assert_eq!(completion["usage"]["completion_tokens"], 0);
    }
}

#[test]
fn the_service_tier_is_told_where_openai_has_a_name_for_it() {
    for (tier, told) in [("flex", json!("flex")), ("priority", json!("priority")), ("reserved", Value::Null)]
    {
        let body = json!({"output": {}, "stopReason": "end_turn", "serviceTier": {"type": tier}}).to_string();
        assert_eq!(completion(body.as_bytes(), &ReplyShape::default())["service_tier"], told);
    }
}

#[test]
fn what_is_no_answer_is_the_upstreams_fault() {
    for body in ["", "{", "[]", "{}", r#"{"output":{"message":{"content":[{"text":7}]}}}"#, "<html>"] {
        let error = to_completion(body.as_bytes(), &ReplyShape::default(), &envelope()).unwrap_err();
        assert_eq!((error.status.as_u16(), error.code.as_deref()), (502, Some("upstream_error")), "{body}");
    }
    let error =
        to_completion(br#"{"usage":"what a model said"}"#, &ReplyShape::default(), &envelope()).unwrap_err();
    assert_eq!(
        error.log.as_deref(),
        Some("Data error at line 1 column 28"),
        "the log does not quote the answer"
    );

    let body = reply(&calls(), "malformed_tool_use");
    let error = to_completion(&body, &ReplyShape::default(), &envelope()).unwrap_err();
    assert_eq!((error.status.as_u16(), error.code.as_deref()), (502, Some("malformed_model_output")));
}

#[test]
fn arguments_are_compact_and_otherwise_untouched() {
    let json = "{ \"b\" : [ 1.50 , 12345678901234567890123 ],\n\t\"a\\\" \\\\\" : \" x  y \" }\r\n";
    assert_eq!(compact(json), r#"{"b":[1.50,12345678901234567890123],"a\" \\":" x  y "}"#);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Feature: aws-ec2-production-deployment, law: compact JSON means what it meant.
    #[test]
    fn compact_json_means_the_same(members in prop::collection::btree_map("[ \"\\\\a-c\n]{0,6}", "[ \"\\\\\ta-z]{0,8}", 0..5)) {
        let value = json!(members);
        let pretty = serde_json::to_string_pretty(&value).unwrap();
        prop_assert_eq!(compact(&pretty).into_owned(), value.to_string());
    }

    /// Feature: aws-ec2-production-deployment, law: no body makes the mapping panic.
    #[test]
    fn any_body_is_survived(body in "[{}\\[\\]\":,a-z0-9 ]{0,60}") {
        let _answered = to_completion(body.as_bytes(), &ReplyShape::default(), &envelope());
    }
}
