//! Every wrong member is named by its path.

use super::{chat, limits, refusal};
use crate::openai::{ChatRequest, EmbeddingsRequest};

#[test]
fn a_wrong_member_is_named() {
    let message =
        |message: &str| format!(r#"{{"model":"m","messages":[{{"role":"user","content":"x"}},{message}]}}"#);
    for (body, code, param) in [
        ("{}".to_owned(), "missing_required_parameter", "model"),
        (r#"{"model":"m"}"#.to_owned(), "missing_required_parameter", "messages"),
        (r#"{"model":" ","messages":[{"role":"user","content":"x"}]}"#.to_owned(), "invalid_value", "model"),
        (r#"{"model":7,"messages":[]}"#.to_owned(), "invalid_type", "model"),
        (r#"{"model":"m","messages":{}}"#.to_owned(), "invalid_type", "messages"),
        (r#"{"model":"m","messages":[]}"#.to_owned(), "invalid_value", "messages"),
        ("[]".to_owned(), "invalid_type", ""),
        ("7".to_owned(), "invalid_type", ""),
        (message("7"), "invalid_type", "messages[1]"),
        (message("{}"), "missing_required_parameter", "messages[1].role"),
        (message(r#"{"role":"robot"}"#), "invalid_value", "messages[1].role"),
        (message(r#"{"role":{"user":null}}"#), "invalid_type", "messages[1].role"),
        (message(r#"{"role":"user"}"#), "missing_required_parameter", "messages[1].content"),
        (
            message(r#"{"role":"user","content":[{"type":"text"}]}"#),
            "missing_required_parameter",
            "messages[1].content[0].text",
        ),
        (
            message(r#"{"role":"user","content":[{"text":"x"}]}"#),
            "missing_required_parameter",
            "messages[1].content[0].type",
        ),
        (message(r#"{"role":"user","content":["x"]}"#), "invalid_type", "messages[1].content[0]"),
        (
            message(r#"{"role":"user","content":[{"type":"image_url","image_url":{"url":7}}]}"#),
            "invalid_type",
            "messages[1].content[0].image_url.url",
        ),
        (
            message(r#"{"role":"tool","content":"x"}"#),
            "missing_required_parameter",
            "messages[1].tool_call_id",
        ),
        (
            message(r#"{"role":"assistant","tool_calls":[{"id":"a","function":{"arguments":"{}"}}]}"#),
            "missing_required_parameter",
            "messages[1].tool_calls[0].function.name",
        ),
        (
            message(
                r#"{"role":"assistant","tool_calls":[{"id":"a","function":{"name":"f","arguments":{}}}]}"#,
            ),
            "invalid_type",
            "messages[1].tool_calls[0].function.arguments",
        ),
        (chat(r#","temperature":"hot""#), "invalid_type", "temperature"),
        (chat(r#","max_tokens":-1"#), "invalid_value", "max_tokens"),
        (chat(r#","max_tokens":1.5"#), "invalid_type", "max_tokens"),
        (chat(r#","max_tokens":99999999999"#), "invalid_value", "max_tokens"),
        (chat(r#","stream":"yes""#), "invalid_type", "stream"),
        (chat(r#","stop":[1]"#), "invalid_type", "stop[0]"),
        (chat(r#","tools":[{"type":"function"}]"#), "missing_required_parameter", "tools[0].function"),
        (chat(r#","tool_choice":"maybe""#), "invalid_value", "tool_choice"),
        (chat(r#","tool_choice":{"type":"function"}"#), "missing_required_parameter", "tool_choice.function"),
        (
            chat(r#","response_format":{"type":"json_schema"}"#),
            "missing_required_parameter",
            "response_format.json_schema",
        ),
        (chat(r#","response_format":{"type":"xml"}"#), "invalid_value", "response_format.type"),
        (chat(r#","reasoning_effort":"enormous""#), "invalid_value", "reasoning_effort"),
        (chat(r#","metadata":{"a":1}"#), "invalid_type", "metadata.a"),
        (chat(r#","model":"n""#), "invalid_value", "model"),
        (chat(r#","stream_options":{"include_usage":1}"#), "invalid_type", "stream_options.include_usage"),
    ] {
        let (found_code, found_param, message) = refusal(body.as_bytes());
        assert_eq!((found_code.as_ref(), found_param.as_str()), (code, param), "{body}: {message}");
    }
}

#[test]
fn what_is_no_json_is_placed_by_line_and_column() {
    for (body, place) in [
        (&b""[..], "line 1 column 0"),
        (b"{\n\"model\": }", "line 2 column 10"),
        (b"{\"model\":\"\\ud800\"}", "column"),
        (b"{\"model\":\"a\x00\"}", "column"),
        (b"{} {}", "line 1 column 4"),
        (b"{\"model\":\"\xff\"}", "at byte 10"),
        (b"{\"temperature\":1e999}", "out of range"),
    ] {
        let (code, param, message) = refusal(body);
        assert_eq!((code.as_ref(), param.as_str()), ("invalid_json", ""), "{message}");
        assert!(message.contains(place), "{message}");
    }
}

#[test]
fn limits_hold_while_reading() {
    let messages = [r#"{"role":"user","content":"x"}"#; 9].join(",");
    let (code, param, message) = refusal(format!(r#"{{"model":"m","messages":[{messages}]}}"#).as_bytes());
    assert_eq!((code.as_ref(), param.as_str()), ("invalid_value", "messages"));
    assert_eq!(message, "Holds more than 8 entries.");
    let tools = [r#"{"type":"function","function":{"name":"f"}}"#; 5].join(",");
    let (_, param, _) = refusal(chat(&format!(r#","tools":[{tools}]"#)).as_bytes());
    assert_eq!(param, "tools");
    for (rest, param) in [
        (format!(r#","stop":[{}]"#, [r#""x""#; 65].join(",")), "stop"),
        (format!(r#","modalities":[{}]"#, [r#""x""#; 9].join(",")), "modalities"),
        (
            format!(
                r#","metadata":{{{}}}"#,
                (0..65).map(|n| format!(r#""{n}":"""#)).collect::<Vec<_>>().join(",")
            ),
            "metadata",
        ),
    ] {
        assert_eq!(refusal(chat(&rest).as_bytes()).1, param);
    }
    let unknown = (0..65).map(|n| format!(r#""x{n}":1"#)).collect::<Vec<_>>().join(",");
    assert_eq!(refusal(chat(&format!(",{unknown}")).as_bytes()).2, "Holds more than 64 entries.");
    let inputs = [r#""x""#; 9].join(",");
    let body = format!(r#"{{"model":"m","input":[{inputs}]}}"#);
    let error = EmbeddingsRequest::parse(body.as_bytes(), &limits()).unwrap_err();
    assert_eq!(error.param.as_deref(), Some("input"));
}

#[test]
fn a_quoted_value_does_not_make_the_message_long() {
    let body = chat(&format!(r#","stream":"{}""#, "ä".repeat(1_000)));
    assert!(refusal(body.as_bytes()).2.len() < 256);
}

#[test]
fn unknown_types_are_left_to_the_upstream() {
    let body = r#"{"model":"m","messages":[{"role":"user","content":[{"type":"input_audio","input_audio":{}}]}],
        "tools":[{"type":"custom","custom":{}}],"tool_choice":{"type":"custom"},"n":3}"#;
    assert!(ChatRequest::parse(body.as_bytes(), &limits()).is_ok());
}
