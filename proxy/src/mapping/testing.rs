//! What Bedrock would send, for the tests of this module.

use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};
use bytes::Bytes;
use serde_json::{Value, json};

use super::{Envelope, Progress, ReplyShape, Translate, stream::ConverseTranslator};

pub(super) fn envelope() -> Envelope {
    Envelope { id: "chatcmpl-1".to_owned(), created: 1, model: "gpt-4o".to_owned() }
}

/// A frame with these headers, made by AWS's own encoder.
pub(super) fn frame(headers: &[(&str, &str)], payload: &[u8]) -> Vec<u8> {
    let headers = headers
        .iter()
        .map(|(name, value)| Header::new((*name).to_owned(), HeaderValue::String((*value).to_owned().into())))
        .collect();
    let mut bytes = Vec::new();
    write_message_to(&Message::new_from_parts(headers, Bytes::copy_from_slice(payload)), &mut bytes).unwrap();
    bytes
}

pub(super) fn event(kind: &str, payload: &Value) -> Vec<u8> {
    let headers = [(":event-type", kind), (":content-type", "application/json"), (":message-type", "event")];
    frame(&headers, payload.to_string().as_bytes())
}

pub(super) fn exception(kind: &str, message: &str) -> Vec<u8> {
    let headers =
        [(":exception-type", kind), (":content-type", "application/json"), (":message-type", "exception")];
    frame(&headers, json!({"message": message, "p": "abc"}).to_string().as_bytes())
}

pub(super) fn message_start() -> Vec<u8> {
    event("messageStart", &json!({"role": "assistant", "p": "abcdef"}))
}

pub(super) fn text(block: u32, text: &str) -> Vec<u8> {
    event("contentBlockDelta", &json!({"contentBlockIndex": block, "delta": {"text": text}, "p": "abcd"}))
}

pub(super) fn reasoning(block: u32, text: &str) -> Vec<u8> {
    let delta = json!({"reasoningContent": {"text": text}});
    event("contentBlockDelta", &json!({"contentBlockIndex": block, "delta": delta}))
}

pub(super) fn tool_start(block: u32, id: &str, name: &str) -> Vec<u8> {
    let start = json!({"toolUse": {"toolUseId": id, "name": name}});
    event("contentBlockStart", &json!({"contentBlockIndex": block, "start": start, "p": "ab"}))
}

pub(super) fn tool_input(block: u32, input: &str) -> Vec<u8> {
    let delta = json!({"toolUse": {"input": input}});
    event("contentBlockDelta", &json!({"contentBlockIndex": block, "delta": delta}))
}

pub(super) fn block_stop(block: u32) -> Vec<u8> {
    event("contentBlockStop", &json!({"contentBlockIndex": block, "p": "abcdefgh"}))
}

pub(super) fn message_stop(reason: &str) -> Vec<u8> {
    event("messageStop", &json!({"stopReason": reason, "p": "a"}))
}

pub(super) fn usage() -> Value {
    json!({
        "inputTokens": 10, "outputTokens": 5, "totalTokens": 115,
        "cacheReadInputTokens": 70, "cacheWriteInputTokens": 30, "serverToolUsage": {}
    })
}

pub(super) fn metadata() -> Vec<u8> {
    event("metadata", &json!({"usage": usage(), "metrics": {"latencyMs": 900}, "p": "ab"}))
}

/// What became of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Translated {
    pub(super) out: String,
    pub(super) progress: Progress,
    pub(super) characters: u64,
}

impl Translated {
    /// The data of its events.
    pub(super) fn events(&self) -> Vec<&str> {
        assert!(self.out.is_empty() || self.out.ends_with("\n\n"), "{}", self.out);
        self.out
            .split_terminator("\n\n")
            .map(|event| event.strip_prefix("data: ").expect("every event is data"))
            .collect()
    }

    pub(super) fn is_done(&self) -> bool {
        self.events().contains(&"[DONE]")
    }

    pub(super) fn failed(&self) -> bool {
        matches!(self.progress, Progress::Failed(_))
    }
}

/// Translates pieces of a stream, and its end.
pub(super) fn translate<'p>(shape: &ReplyShape, pieces: impl IntoIterator<Item = &'p [u8]>) -> Translated {
    let mut translator = ConverseTranslator::new(shape.clone(), &envelope());
    let (mut out, mut progress) = (Vec::new(), Progress::Open);
    for piece in pieces {
        progress = translator.push(piece, &mut out);
        if progress != Progress::Open {
            break;
        }
    }
    if progress == Progress::Open {
        progress = translator.end(&mut out);
    }
    Translated { out: String::from_utf8(out).unwrap(), progress, characters: translator.characters() }
}
