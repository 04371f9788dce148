//! No input breaks the reader.

use proptest::prelude::*;

use super::{chat, limits, refusal};
use crate::openai::{ChatRequest, EmbeddingsRequest};

#[test]
fn depth_is_harmless_wherever_it_is() {
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    for body in [
        deep.clone(),
        format!(r#"{{"model":{deep}}}"#),
        format!(r#"{{"model":"m","messages":{deep}}}"#),
        format!(r#"{{"model":"m","messages":[{{"role":"user","content":{deep}}}]}}"#),
        chat(&format!(r#","tools":[{{"function":{{"name":"f","parameters":{deep}}}}}]"#)),
        chat(&format!(r#","response_format":{deep}"#)),
    ] {
        refusal(body.as_bytes());
    }
    // What nobody reads may be as deep as it likes.
    assert!(ChatRequest::parse(chat(&format!(r#","made_up":{deep}"#)).as_bytes(), &limits()).is_ok());
}

#[test]
fn a_schema_that_no_reader_takes_is_named() {
    let tool =
        |schema: &str| chat(&format!(r#","tools":[{{"function":{{"name":"f","parameters":{schema}}}}}]"#));
    let deep = format!("{}{}", r#"{"a":"#.repeat(65), "1".to_owned() + &"}".repeat(65));
    for schema in [deep.as_str(), r#"{"a":"\ud800"}"#] {
        assert_eq!(refusal(tool(schema).as_bytes()).1, "tools[0].function.parameters");
    }
}

/// Pieces of requests, so that random text gets past the first character.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "null",
        "true",
        "1e400",
        "-1",
        "\"",
        "\\ud800",
        "\u{0}",
        " ",
        "\"model\"",
        "\"messages\"",
        "\"role\"",
        "\"user\"",
        "\"assistant\"",
        "\"tool\"",
        "\"content\"",
        "\"type\"",
        "\"text\"",
        "\"image_url\"",
        "\"url\"",
        "\"tools\"",
        "\"function\"",
        "\"parameters\"",
        "\"tool_choice\"",
        "\"stop\"",
        "\"input\"",
        "\"x\"",
        r#"{"role":"user","content":"x"}"#,
        r#""messages":["#,
        r#"{"model":"m","messages":["#,
    ]);
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
        let _ = ChatRequest::parse(&bytes, &limits());
        let _ = EmbeddingsRequest::parse(&bytes, &limits());
    }

    #[test]
    fn anything_like_a_request_is_read_or_refused(body in pieces()) {
        if let Err(error) = ChatRequest::parse(body.as_bytes(), &limits()) {
            prop_assert_eq!(error.status, http::StatusCode::BAD_REQUEST);
            prop_assert!(error.code.is_some());
        }
        let _ = EmbeddingsRequest::parse(body.as_bytes(), &limits());
    }
}
