//! Reading requests: what is accepted, what is refused and where, and that nothing breaks the reader.

mod hostile;
mod paths;
mod rewriting;

use std::borrow::Cow;

use super::{ChatRequest, Content, EmbeddingsRequest, Encoding, Input, Message, Part};
use crate::config::{Requests, Thinking};

pub(crate) fn limits() -> Requests {
    Requests {
        max_body_bytes: 1 << 20,
        max_messages: 8,
        max_tools: 4,
        default_max_tokens: 4096,
        strict_params: false,
        thinking: Thinking::Keep,
        allow_raw_models: false,
    }
}

fn chat(rest: &str) -> String {
    format!(r#"{{"model":"m","messages":[{{"role":"user","content":"Hi"}}]{rest}}}"#)
}

#[test]
fn the_usual_request_is_read() {
    let body = chat(r#","stream":true,"stream_options":{"include_usage":true},"max_tokens":9,"stop":"x""#);
    let request = ChatRequest::parse(body.as_bytes(), &limits()).unwrap();
    assert_eq!(request.model.as_str(), "m");
    assert!(request.stream && request.include_usage);
    assert_eq!((request.max_tokens, request.max_tokens_name), (Some(9), "max_tokens"));
    assert_eq!(request.stop.len(), 1);
    assert_eq!(request.messages.len(), 1);
}

#[test]
fn the_newer_maximum_wins() {
    let body = chat(r#","max_tokens":9,"max_completion_tokens":7"#);
    let request = ChatRequest::parse(body.as_bytes(), &limits()).unwrap();
    assert_eq!((request.max_tokens, request.max_tokens_name), (Some(7), "max_completion_tokens"));
}

#[test]
fn null_is_like_absent_and_defaults_ask_for_nothing() {
    let body = chat(
        r#","stream":null,"tools":null,"stop":null,"temperature":null,"tool_choice":null,"response_format":null,
        "logit_bias":{},"presence_penalty":0,"n":null,"store":false,"metadata":null,"stream_options":null"#,
    );
    let request = ChatRequest::parse(body.as_bytes(), &limits()).unwrap();
    assert!(request.unmapped.is_empty() && request.unknown.is_empty());
    assert!(!request.stream && request.tools.is_empty());
}

#[test]
fn unknown_members_are_kept_by_name() {
    let body = chat(r#","made_up":{"deep":[1]},"seed":3"#);
    let request = ChatRequest::parse(body.as_bytes(), &limits()).unwrap();
    assert_eq!(request.unknown, ["made_up".into()]);
    assert_eq!(request.unmapped, ["seed"]);
}

#[test]
fn a_picture_is_borrowed_from_the_body() {
    let body = format!(
        r#"{{"model":"m","messages":[{{"role":"user","content":[{{"type":"image_url","image_url":{{"url":"data:image/png;base64,{}"}}}}]}}]}}"#,
        "A".repeat(10_000)
    );
    let request = ChatRequest::parse(body.as_bytes(), &limits()).unwrap();
    let [Message::User(Content::Parts(parts))] = request.messages.as_slice() else { panic!("{request:?}") };
    let [Part::Image { url, .. }] = parts.as_slice() else { panic!("{parts:?}") };
    assert!(body.as_bytes().as_ptr_range().contains(&url.as_ptr()));
}

#[test]
fn the_estimate_counts_text_tools_and_media() {
    let estimate = |body: &str| ChatRequest::parse(body.as_bytes(), &limits()).unwrap().estimate();
    let plain = estimate(&chat(""));
    assert_eq!((plain.input_tokens, plain.max_output_tokens), (5, None));
    let tools = r#","max_tokens":7,"tools":[{"type":"function","function":{"name":"abcd","description":"abcd","parameters":{}}}]"#;
    let with_tools = estimate(&chat(tools));
    assert_eq!((with_tools.input_tokens, with_tools.max_output_tokens), (8, Some(7)));
    let image = r#"{"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:,"}}]}]}"#;
    assert!(estimate(image).input_tokens > 1_000);
}

#[test]
fn embeddings_are_read() {
    let read = |body: &'static str| EmbeddingsRequest::parse(body.as_bytes(), &limits()).unwrap();
    let request =
        read(r#"{"model":"m","input":"abcdefgh","encoding_format":"base64","dimensions":256,"x":1}"#);
    assert_eq!(request.input, Input::One("abcdefgh".into()));
    assert_eq!((request.encoding, request.dimensions, request.estimate()), (Encoding::Base64, Some(256), 2));
    assert_eq!(request.unknown, ["x".into()]);
    assert_eq!(read(r#"{"model":"m","input":["a","b"]}"#).input, Input::Many(vec!["a".into(), "b".into()]));
    assert_eq!(read(r#"{"model":"m","input":[1,2,3]}"#).input, Input::Tokens(3));
    assert_eq!(read(r#"{"model":"m","input":[[1,2],[3]]}"#).input, Input::Tokens(3));
}

/// What a refusal says of a body.
fn refusal(body: &[u8]) -> (Cow<'static, str>, String, String) {
    let error = ChatRequest::parse(body, &limits()).unwrap_err();
    assert_eq!(error.status, http::StatusCode::BAD_REQUEST);
    (error.code.unwrap(), error.param.unwrap_or_default(), error.message.into_owned())
}
