//! An upstream's stream: survives any bytes, and says the same however they are cut.

#![no_main]

use libfuzzer_sys::fuzz_target;
use proxy::mapping::{Envelope, Progress, ReplyShape, Translate, stream::ConverseTranslator};

/// What a frame can be. Checksums would keep a fuzzer from ever making one by itself.
const KINDS: [(&str, &str); 8] = [
    (":event-type", "messageStart"),
    (":event-type", "contentBlockStart"),
    (":event-type", "contentBlockDelta"),
    (":event-type", "contentBlockStop"),
    (":event-type", "messageStop"),
    (":event-type", "metadata"),
    (":event-type", "eventOfNextYear"),
    (":exception-type", "throttlingException"),
];

fuzz_target!(|data: (Vec<(u8, Vec<u8>)>, Vec<u8>, u16)| {
    let (frames, tail, piece) = data;
    let mut bytes: Vec<u8> = frames.iter().flat_map(|(kind, payload)| frame(*kind, payload)).collect();
    bytes.extend(tail);

    let whole = translate(&[&bytes]);
    let pieces: Vec<&[u8]> = bytes.chunks(usize::from(piece).max(1)).collect();
    assert_eq!(translate(&pieces), whole);

    let (out, progress) = whole;
    assert_eq!(out.ends_with(b"data: [DONE]\n\n"), progress == Progress::Complete);
    assert_ne!(progress, Progress::Open);
});

fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    let (name, value) = KINDS[usize::from(kind) % KINDS.len()];
    let message = if name == ":event-type" { "event" } else { "exception" };
    let headers = [header(":message-type", message), header(name, value)].concat();
    let mut frame = Vec::new();
    frame.extend((16 + headers.len() as u32 + payload.len() as u32).to_be_bytes());
    frame.extend((headers.len() as u32).to_be_bytes());
    frame.extend(crc32fast::hash(&frame).to_be_bytes());
    frame.extend(headers);
    frame.extend(payload);
    frame.extend(crc32fast::hash(&frame).to_be_bytes());
    frame
}

fn header(name: &str, value: &str) -> Vec<u8> {
    let mut header = vec![name.len() as u8];
    header.extend(name.as_bytes());
    header.push(7);
    header.extend((value.len() as u16).to_be_bytes());
    header.extend(value.as_bytes());
    header
}

fn translate(pieces: &[&[u8]]) -> (Vec<u8>, Progress) {
    let envelope = Envelope { id: "chatcmpl-1".to_owned(), created: 1, model: "gpt-4o".to_owned() };
    let mut translator = ConverseTranslator::new(ReplyShape::default(), &envelope);
    let mut out = Vec::new();
    for piece in pieces {
        let progress = translator.push(piece, &mut out);
        if progress != Progress::Open {
            return (out, progress);
        }
    }
    let progress = translator.end(&mut out);
    (out, progress)
}
