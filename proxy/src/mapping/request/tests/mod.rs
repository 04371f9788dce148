//! Laws of the mapping; what becomes of single requests is in `tests/requests.rs`.

mod laws;

use model::bedrock::facts;
use serde_json::{Value, json};

use super::to_converse;
use crate::{
    ApiError,
    config::{Requests, Thinking},
    mapping::{Options, Prepared},
    openai::ChatRequest,
};

/// Models of every family.
const MODELS: &[&str] = &[
    "amazon.nova-pro-v1:0",
    "us.amazon.nova-2-lite-v1:0",
    "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "zai.glm-4.7",
];

fn options() -> Options {
    Options { strict_params: false, default_max_tokens: 4096, thinking: Thinking::Split, guardrail: None }
}

fn limits() -> Requests {
    Requests {
        max_body_bytes: 1 << 20,
        max_messages: 64,
        max_tools: 64,
        default_max_tokens: 4096,
        strict_params: false,
        thinking: Thinking::Keep,
        allow_raw_models: true,
    }
}

/// The Converse request of an OpenAI request.
fn mapped(request: &Value) -> Result<(Value, Prepared), ApiError> {
    let body = request.to_string();
    let request = ChatRequest::parse(body.as_bytes(), &limits())?;
    let prepared = to_converse(&request, facts(&request.model), None, &options())?;
    Ok((serde_json::from_slice(&prepared.body).unwrap(), prepared))
}

#[test]
fn the_maximum_is_the_clients_then_the_targets_then_the_default() {
    for (asked, target, wanted) in
        [(Some(5), Some(6), 5), (None, Some(6), 6), (None, None, 4096), (None, Some(0), 1)]
    {
        let body =
            json!({"model": MODELS[0], "max_tokens": asked, "messages": [{"role": "user", "content": "x"}]})
                .to_string();
        let request = ChatRequest::parse(body.as_bytes(), &limits()).unwrap();
        let prepared = to_converse(&request, facts(MODELS[0]), target, &options()).unwrap();
        let converse: Value = serde_json::from_slice(&prepared.body).unwrap();
        assert_eq!(converse["inferenceConfig"]["maxTokens"], wanted);
    }
}

#[test]
fn thinking_is_handed_to_the_reader_of_the_answer() {
    let (_, prepared) =
        mapped(&json!({"model": MODELS[0], "messages": [{"role": "user", "content": "x"}]})).unwrap();
    assert_eq!(prepared.shape.thinking, Thinking::Split);
}

#[test]
fn no_user_tool_is_mistaken_for_the_one_that_forces_json() {
    let request = json!({
        "model": MODELS[0],
        "response_format": {"type": "json_object"},
        "messages": [
            {"role": "user", "content": "x"},
            {"role": "assistant", "tool_calls": [
                {"id": "a", "type": "function", "function": {"name": "answer_in_json", "arguments": "{}"}}
            ]},
            {"role": "tool", "tool_call_id": "a", "content": "y"}
        ]
    });
    let (_, prepared) = mapped(&request).unwrap();
    assert_eq!(prepared.shape.forced_json_tool.as_deref(), Some("answer_in_json_2"));
}

#[test]
fn claude_does_not_think_where_it_must_call_a_tool() {
    let request = json!({
        "model": MODELS[2],
        "reasoning_effort": "high",
        "tool_choice": "required",
        "tools": [{"type": "function", "function": {"name": "f"}}],
        "messages": [{"role": "user", "content": "x"}]
    });
    let (converse, prepared) = mapped(&request).unwrap();
    assert!(converse["additionalModelRequestFields"].is_null());
    assert_eq!(prepared.ignored, ["reasoning_effort"]);
}
