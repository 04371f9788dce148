//! The answer as an event stream: AWS's binary frames, with checksums that are right unless a script says otherwise.

use aws_smithy_eventstream::frame::write_message_to;
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};
use bytes::Bytes;
use serde_json::{Value, json};

use super::answer::{Answer, Block};
use super::script::{Fault, Script};
use crate::json::set;

/// Bedrock pads its events against guessing texts by their lengths; a client has to overlook it.
const PADDING: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
/// More than the 24 MiB that the format allows for a payload.
const OVERSIZE: usize = 25 * 1024 * 1024;

/// A stream as it goes out: its writes, and what comes behind them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rendered {
    pub(crate) writes: Vec<Bytes>,
    pub(crate) end: End,
}

/// How the body of an answer ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// As it should.
    Proper,
    /// The connection closes.
    Cut,
    /// The connection is reset.
    Reset,
}

/// The whole stream of an answer, spoiled as the script says.
pub(crate) fn render(answer: &Answer, script: &Script) -> Rendered {
    let events = events(answer);
    let mut frames: Vec<Bytes> = events.iter().map(|(kind, payload)| event(kind, payload)).collect();
    // The frame before which a fault strikes that comes after so many deltas.
    let place = |after: usize| {
        let deltas = events.iter().enumerate().filter(|(_, (kind, _))| *kind == "contentBlockDelta");
        let behind = match after.checked_sub(1) {
            None => deltas.map(|(at, _)| at).next(),
            Some(last) => deltas.map(|(at, _)| at.saturating_add(1)).nth(last),
        };
        // With fewer deltas than that it strikes before `messageStop`, so that the answer is never whole.
        behind.unwrap_or_else(|| events.len().saturating_sub(2))
    };
    let mut end = End::Proper;
    match &script.fault {
        Some(Fault::Exception { kind, after }) => {
            frames.truncate(place(*after));
            frames.push(exception(kind));
        }
        Some(Fault::Eof { after }) => frames.truncate(place(*after)),
        Some(Fault::Cut { after }) => {
            frames.truncate(place(*after));
            end = End::Cut;
        }
        Some(Fault::Reset { after }) => {
            frames.truncate(place(*after));
            end = End::Reset;
        }
        Some(Fault::BadCrc { after }) => {
            if let Some(frame) = frames.get_mut(place(*after)) {
                *frame = spoiled(frame);
            }
        }
        Some(Fault::Oversize { after }) => {
            frames.truncate(place(*after));
            frames.push(frame("event", ":event-type", "contentBlockDelta", vec![b' '; OVERSIZE].into()));
        }
        Some(Fault::UnknownEvent { after }) => {
            let at = place(*after).min(frames.len());
            frames.insert(at, event("somethingNew", &json!({"surprise": true})));
        }
        Some(Fault::MissingOutput | Fault::MalformedToolUse | Fault::StopReason(_)) | None => {}
    }
    let writes = match script.write_size {
        Some(size) => recut(&frames, size),
        None => frames,
    };
    Rendered { writes, end }
}

/// The events of an answer: their types and payloads.
fn events(answer: &Answer) -> Vec<(&'static str, Value)> {
    let mut events = vec![("messageStart", json!({"role": "assistant"}))];
    for (index, block) in answer.blocks.iter().enumerate() {
        if let Block::ToolUse { id, name, .. } = block {
            let start = json!({"toolUse": {"toolUseId": id, "name": name}});
            events.push(("contentBlockStart", json!({"contentBlockIndex": index, "start": start})));
        }
        for delta in deltas(block) {
            events.push(("contentBlockDelta", json!({"contentBlockIndex": index, "delta": delta})));
        }
        events.push(("contentBlockStop", json!({"contentBlockIndex": index})));
    }
    events.push(("messageStop", json!({"stopReason": answer.stop_reason})));
    events.push(("metadata", json!({"usage": answer.usage.wire(), "metrics": {"latencyMs": 1}})));
    for (at, (_, payload)) in events.iter_mut().enumerate() {
        let length = at.checked_rem(PADDING.len()).unwrap_or_default();
        set(payload, "p", PADDING.get(..=length).unwrap_or_default());
    }
    events
}

/// The deltas of a block: a word each, and the input of a tool in two halves, or in none where it is empty.
fn deltas(block: &Block) -> Vec<Value> {
    match block {
        Block::Reasoning(text) => {
            let mut deltas: Vec<Value> =
                text.split_inclusive(' ').map(|word| json!({"reasoningContent": {"text": word}})).collect();
            deltas.push(json!({"reasoningContent": {"signature": "c2lnbmVk"}}));
            deltas
        }
        Block::Text(text) => text.split_inclusive(' ').map(|word| json!({"text": word})).collect(),
        Block::ToolUse { input, .. } if input.is_empty() => Vec::new(),
        Block::ToolUse { input, .. } => {
            let text = Value::Object(input.clone()).to_string();
            let middle = text.char_indices().map(|(at, _)| at).nth(text.chars().count().div_ceil(2));
            let (front, back) = text.split_at_checked(middle.unwrap_or(text.len())).unwrap_or((&text, ""));
            [front, back].map(|half| json!({"toolUse": {"input": half}})).to_vec()
        }
    }
}

fn event(kind: &str, payload: &Value) -> Bytes {
    frame("event", ":event-type", kind, payload.to_string().into())
}

fn exception(kind: &str) -> Bytes {
    let payload = json!({"message": "The stream was interrupted, as ordered."}).to_string();
    frame("exception", ":exception-type", kind, payload.into())
}

fn frame(message_type: &str, kind_header: &'static str, kind: &str, payload: Bytes) -> Bytes {
    let text = |value: &str| HeaderValue::String(value.to_owned().into());
    let message = Message::new(payload)
        .add_header(Header::new(kind_header, text(kind)))
        .add_header(Header::new(":content-type", text("application/json")))
        .add_header(Header::new(":message-type", text(message_type)));
    let mut bytes = Vec::new();
    // Only a name of more than 32 KiB cannot be written; nothing is sent then.
    match write_message_to(&message, &mut bytes) {
        Ok(()) => bytes.into(),
        Err(_) => Bytes::new(),
    }
}

/// The frame with a wrong last byte, which is part of its checksum.
fn spoiled(frame: &Bytes) -> Bytes {
    let mut bytes = frame.to_vec();
    if let Some(last) = bytes.last_mut() {
        *last = !*last;
    }
    bytes.into()
}

fn recut(frames: &[Bytes], size: usize) -> Vec<Bytes> {
    let joined: Vec<u8> = frames.iter().flatten().copied().collect();
    joined.chunks(size.max(1)).map(Bytes::copy_from_slice).collect()
}

#[cfg(test)]
mod tests {
    use aws_smithy_eventstream::frame::read_message_from;

    use super::super::conversation::Conversation;
    use super::*;

    fn rendered(text: &str, script: &Script) -> Rendered {
        let request = json!({
            "messages": [{"role": "user", "content": [{"text": text}]}],
            "toolConfig": {"tools": [{"toolSpec": {"name": "now", "inputSchema": {"json": {"type": "object"}}}}]},
        });
        let conversation = Conversation::read(request.to_string().as_bytes()).unwrap();
        render(&Answer::to(&conversation, script), script)
    }

    /// The types of the frames; `!` where one cannot be read.
    fn kinds(writes: &[Bytes]) -> Vec<String> {
        let kind = |bytes: &Bytes| match read_message_from(bytes.clone()) {
            Ok(message) => message.headers()[0].value().as_string().unwrap().as_str().to_owned(),
            Err(_) => "!".to_owned(),
        };
        writes.iter().map(kind).collect()
    }

    #[test]
    fn a_stream_has_the_events_of_bedrock() {
        let start_to_end = |middle: &[&str]| {
            let mut kinds = vec!["messageStart"];
            kinds.extend(middle);
            kinds.extend(["contentBlockStop", "messageStop", "metadata"]);
            kinds.into_iter().map(str::to_owned).collect::<Vec<_>>()
        };
        let said = rendered("a b", &Script::default());
        assert_eq!(kinds(&said.writes), start_to_end(&["contentBlockDelta", "contentBlockDelta"]));
        let called = rendered("call now", &Script::default());
        assert_eq!(
            kinds(&called.writes),
            start_to_end(&["contentBlockStart"]),
            "an empty input has no delta"
        );
        let called = rendered("call now{\"a\": 1}", &Script::default());
        assert_eq!(called.writes.len(), 7);
    }

    #[test]
    fn faults_strike_after_the_deltas_they_name() {
        let after = |fault: Fault| {
            let rendered = rendered("a b c", &Script::fault(fault));
            (kinds(&rendered.writes).join(" "), rendered.end)
        };
        let one = "messageStart contentBlockDelta";
        assert_eq!(after(Fault::Eof { after: 1 }), (one.to_owned(), End::Proper));
        assert_eq!(after(Fault::Eof { after: 0 }), ("messageStart".to_owned(), End::Proper));
        assert_eq!(after(Fault::Cut { after: 1 }), (one.to_owned(), End::Cut));
        assert_eq!(after(Fault::Reset { after: 1 }), (one.to_owned(), End::Reset));
        let exception = Fault::Exception { kind: "throttlingException".to_owned(), after: 1 };
        assert_eq!(after(exception), (format!("{one} throttlingException"), End::Proper));
        assert!(after(Fault::BadCrc { after: 1 }).0.starts_with(&format!("{one} ! contentBlockDelta")));
        assert!(
            after(Fault::UnknownEvent { after: 1 }).0.starts_with(&format!("{one} somethingNew content"))
        );
        let all = "messageStart contentBlockDelta contentBlockDelta contentBlockDelta contentBlockStop";
        assert_eq!(after(Fault::Eof { after: 9 }), (all.to_owned(), End::Proper));
        let oversize = rendered("a", &Script::fault(Fault::Oversize { after: 0 }));
        assert!(oversize.writes.last().unwrap().len() > OVERSIZE);
    }

    #[test]
    fn any_cut_has_the_same_bytes() {
        let joined = |size: Option<usize>| {
            let script = Script { write_size: size, ..Script::default() };
            rendered("a b c", &script).writes.concat()
        };
        let whole = joined(None);
        for size in [1, 2, 7, 100_000] {
            assert_eq!(joined(Some(size)), whole, "{size}");
        }
    }
}
