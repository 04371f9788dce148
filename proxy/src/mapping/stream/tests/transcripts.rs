//! One transcript per thing that happens in streams.

use serde_json::json;

use crate::{
    config::Thinking,
    mapping::{
        Progress, ReplyShape, Translate,
        stream::ConverseTranslator,
        testing::{
            block_stop, envelope, event, exception, frame, message_start, message_stop, metadata, reasoning,
            text, tool_input, tool_start, translate,
        },
    },
};

/// The events of the stream, without what is the same in all chunks; then how it ended.
fn transcript(shape: &ReplyShape, frames: &[Vec<u8>]) -> String {
    let translated = translate(shape, frames.iter().map(Vec::as_slice));
    let constant = r#""id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"gpt-4o","#;
    let mut lines: Vec<String> = translated
        .events()
        .iter()
        .map(|event| {
            event
                .replace(constant, "")
                .replace(r#"{"choices":[{"index":0,"delta":"#, "")
                .replace(r#","logprobs":null,"finish_reason":null}]}"#, "")
                .replace(r#","logprobs":null,"finish_reason":null}],"usage":null}"#, " + usage:null")
                .replace(r#","logprobs":null,"finish_reason""#, " finish_reason")
        })
        .collect();
    lines.push(match translated.progress {
        Progress::Open => "(open)".to_owned(),
        Progress::Complete => format!("(complete, {} characters)", translated.characters),
        Progress::Failed(error) => format!("(failed, log: {:?})", error.log),
    });
    lines.join("\n")
}

#[test]
fn every_byte_of_a_text() {
    let frames = [
        message_start(),
        text(0, "Hello, "),
        text(0, "\"wörld\"\n"),
        block_stop(0),
        message_stop("end_turn"),
        metadata(),
    ];
    let shape = ReplyShape { include_usage: true, ..ReplyShape::default() };
    insta::assert_snapshot!(translate(&shape, frames.iter().map(Vec::as_slice)).out);
}

#[test]
fn text_and_nothing_else() {
    let frames = [
        message_start(),
        text(0, "Hello, "),
        text(0, ""),
        text(0, "world"),
        block_stop(0),
        message_stop("end_turn"),
        metadata(),
    ];
    insta::assert_snapshot!(transcript(&ReplyShape::default(), &frames));
}

#[test]
fn parallel_tool_calls_after_text() {
    let frames = [
        message_start(),
        text(0, "I will look."),
        block_stop(0),
        tool_start(1, "t-1", "weather_1a2b"),
        tool_input(1, r#"{"city":"#),
        tool_input(1, r#""Zürich"}"#),
        block_stop(1),
        tool_start(2, "t-2", "time"),
        block_stop(2),
        message_stop("tool_use"),
        metadata(),
    ];
    let shape = ReplyShape {
        tool_names: vec![("weather_1a2b".to_owned(), "weather.now".to_owned())],
        ..ReplyShape::default()
    };
    insta::assert_snapshot!("parallel_tool_calls", transcript(&shape, &frames));
    let shape = ReplyShape { single_tool_call: true, ..shape };
    insta::assert_snapshot!("parallel_tool_calls_where_the_client_wants_one", transcript(&shape, &frames));
    let shape = ReplyShape { single_tool_call: false, legacy_function_call: true, ..shape };
    insta::assert_snapshot!(
        "parallel_tool_calls_where_the_client_sent_functions",
        transcript(&shape, &frames)
    );
    let shape = ReplyShape { legacy_function_call: false, hide_tool_calls: true, ..shape };
    insta::assert_snapshot!("parallel_tool_calls_where_the_client_wants_none", transcript(&shape, &frames));
}

#[test]
fn forced_json() {
    let shape = ReplyShape { forced_json_tool: Some("json_answer".to_owned()), ..ReplyShape::default() };
    let frames = [
        message_start(),
        text(0, "Here is the JSON:"),
        block_stop(0),
        tool_start(1, "t-1", "json_answer"),
        tool_input(1, r#"{"city":"#),
        tool_input(1, r#""Bern"}"#),
        block_stop(1),
        tool_start(2, "t-2", "json_answer"),
        tool_input(2, r#"{"again":1}"#),
        block_stop(2),
        message_stop("tool_use"),
        metadata(),
    ];
    insta::assert_snapshot!("forced_json", transcript(&shape, &frames));

    let frames = [
        message_start(),
        text(0, "I cannot "),
        text(0, "say that."),
        block_stop(0),
        message_stop("end_turn"),
        metadata(),
    ];
    insta::assert_snapshot!("forced_json_that_never_came", transcript(&shape, &frames));
}

#[test]
fn thinking_that_deltas_cut_in_two() {
    let frames = [
        message_start(),
        text(0, "<thi"),
        text(0, "nking> hmm <"),
        text(0, "b>, well</think"),
        text(0, "ing>\n"),
        text(0, "\nYes, 1 <"),
        text(0, " 2 <"),
        block_stop(0),
        message_stop("end_turn"),
        metadata(),
    ];
    for (name, thinking) in [("keep", Thinking::Keep), ("split", Thinking::Split), ("drop", Thinking::Drop)] {
        let shape = ReplyShape { thinking, ..ReplyShape::default() };
        insta::assert_snapshot!(format!("thinking_{name}"), transcript(&shape, &frames));
    }
}

#[test]
fn reasoning_without_what_is_redacted() {
    let frames = [
        message_start(),
        reasoning(0, "Let me see. [RED"),
        reasoning(0, "ACTED] So [x]"),
        event(
            "contentBlockDelta",
            &json!({"contentBlockIndex": 0, "delta": {"reasoningContent": {"signature": "c2ln"}}}),
        ),
        event(
            "contentBlockDelta",
            &json!({"contentBlockIndex": 0, "delta": {"reasoningContent": {"redactedContent": "c2Vj"}}}),
        ),
        block_stop(0),
        text(1, "42"),
        block_stop(1),
        message_stop("end_turn"),
        metadata(),
    ];
    insta::assert_snapshot!(transcript(&ReplyShape::default(), &frames));
}

#[test]
fn throttled_in_the_middle() {
    let throttled =
        exception("throttlingException", "Too many tokens for account 123456789012, please wait.");
    let frames =
        [message_start(), text(0, "Hel"), throttled, text(0, "lo"), message_stop("end_turn"), metadata()];
    insta::assert_snapshot!(transcript(&ReplyShape::default(), &frames));
}

#[test]
fn every_exception_ends_the_stream_with_its_error() {
    let kinds = [
        "internalServerException",
        "modelStreamErrorException",
        "validationException",
        "throttlingException",
        "serviceUnavailableException",
        "exceptionOfNextYear",
    ];
    let mut lines = Vec::new();
    for kind in kinds {
        let frames = [message_start(), text(0, "Hel"), exception(kind, "Something happened.")];
        let translated = translate(&ReplyShape::default(), frames.iter().map(Vec::as_slice));
        assert!(translated.failed() && !translated.is_done(), "{translated:?}");
        lines.push(format!("{kind}: {}", translated.events().last().unwrap()));
    }
    let headers =
        [(":message-type", "error"), (":error-code", "InternalError"), (":error-message", "It broke.")];
    let frames = [message_start(), frame(&headers, b"")];
    lines.push(format!("error frame: {}", transcript(&ReplyShape::default(), &frames)));
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn the_end_before_the_answer_was_complete() {
    insta::assert_snapshot!(transcript(&ReplyShape::default(), &[message_start(), text(0, "Hel")]));
    let empty = translate(&ReplyShape::default(), []);
    assert!(empty.failed() && !empty.is_done());
}

#[test]
fn the_end_before_the_usage_came_is_complete() {
    let shape = ReplyShape { include_usage: true, ..ReplyShape::default() };
    insta::assert_snapshot!(transcript(&shape, &[message_start(), text(0, "Hi"), message_stop("end_turn")]));
}

#[test]
fn malformed_tool_use() {
    let frames =
        [message_start(), text(0, "<tool"), block_stop(0), message_stop("malformed_tool_use"), metadata()];
    insta::assert_snapshot!(transcript(&ReplyShape::default(), &frames));
}

#[test]
fn guardrail() {
    let frames = [
        message_start(),
        text(0, "I cannot talk about that."),
        block_stop(0),
        message_stop("guardrail_intervened"),
        metadata(),
    ];
    insta::assert_snapshot!(transcript(&ReplyShape::default(), &frames));
}

#[test]
fn usage_where_it_is_asked_for() {
    let shape = ReplyShape { include_usage: true, ..ReplyShape::default() };
    let tier = json!({"usage": {"inputTokens": 1, "outputTokens": 2}, "serviceTier": {"type": "flex"}});
    let frames = [message_start(), text(0, "Hi"), message_stop("max_tokens"), event("metadata", &tier)];
    insta::assert_snapshot!(transcript(&shape, &frames));
}

#[test]
fn what_bedrock_may_add_changes_nothing() {
    let frames = [
        message_start(),
        text(0, "Hi"),
        event("eventOfNextYear", &json!({"anything": [1, 2]})),
        event("contentBlockStart", &json!({"contentBlockIndex": 1, "start": {"image": {"format": "png"}}})),
        event("contentBlockDelta", &json!({"contentBlockIndex": 1, "delta": {"image": {"source": {}}}})),
        block_stop(1),
        frame(&[(":message-type", "event"), (":event-type", "messageStart")], br#"{"role":"assistant"}"#),
        message_stop("reason_of_next_year"),
        metadata(),
    ];
    insta::assert_snapshot!(transcript(&ReplyShape::default(), &frames));
}

#[test]
fn an_event_that_cannot_be_read_breaks_the_stream() {
    let frames = [message_start(), event("contentBlockDelta", &json!({"delta": {"text": "Hi"}}))];
    insta::assert_snapshot!("unreadable_event", transcript(&ReplyShape::default(), &frames));
    let frames = [message_start(), tool_input(3, "{}")];
    insta::assert_snapshot!("arguments_of_no_call", transcript(&ReplyShape::default(), &frames));
}

#[test]
fn the_usage_is_known_as_soon_as_it_came() {
    let mut translator = ConverseTranslator::new(ReplyShape::default(), &envelope());
    let mut out = Vec::new();
    assert_eq!(translator.push(&[message_start(), text(0, "grüezi")].concat(), &mut out), Progress::Open);
    assert_eq!((translator.usage(), translator.characters()), (None, 6));
    assert_eq!(translator.push(&message_stop("end_turn"), &mut out), Progress::Open);
    assert_eq!(translator.push(&metadata(), &mut out), Progress::Complete);
    assert_eq!(translator.usage().map(crate::Usage::prompt_tokens), Some(110));
    let written = out.len();
    assert_eq!(translator.push(&text(0, "more"), &mut out), Progress::Complete);
    assert_eq!(translator.end(&mut out), Progress::Complete);
    assert_eq!(out.len(), written, "nothing follows the end");
}
