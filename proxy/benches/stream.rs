//! What an answer costs: each delta of a stream from frame to server-sent event, and a whole answer.
//!
//! `stream/50 deltas` divided by 50 is the price of a delta; its budget is 1.5 µs. The two `frames` lines say what
//! reading frames in place saves over `aws-smithy-eventstream`.

use std::{hint::black_box, ops::ControlFlow};

use aws_smithy_eventstream::frame::{DecodedFrame, MessageFrameDecoder, write_message_to};
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};
use bytes::Bytes;
use criterion::{Criterion, criterion_group, criterion_main};
use proxy::mapping::{
    Envelope, Progress, ReplyShape, Translate, frame::Decoder, response::to_completion,
    stream::ConverseTranslator,
};
use serde_json::json;

const DELTAS: usize = 50;

fn frame(kind: &'static str, payload: &serde_json::Value) -> Vec<u8> {
    let header =
        |name: &'static str, value: &'static str| Header::new(name, HeaderValue::String(value.into()));
    let message = Message::new_from_parts(
        vec![
            header(":event-type", kind),
            header(":content-type", "application/json"),
            header(":message-type", "event"),
        ],
        Bytes::from(payload.to_string()),
    );
    let mut bytes = Vec::new();
    assert!(write_message_to(&message, &mut bytes).is_ok(), "the message fits into a frame");
    bytes
}

/// The frames of an answer, each as it comes out of the network.
fn answer() -> Vec<Vec<u8>> {
    let mut frames = vec![frame("messageStart", &json!({"role": "assistant", "p": "abcdefghij"}))];
    for _ in 0..DELTAS {
        let delta = json!({
            "contentBlockIndex": 0,
            "delta": {"text": " and a \"few\" more words"},
            "p": "abcdefghijklmnopqrstuvwxyz"
        });
        frames.push(frame("contentBlockDelta", &delta));
    }
    frames.push(frame("contentBlockStop", &json!({"contentBlockIndex": 0, "p": "abc"})));
    frames.push(frame("messageStop", &json!({"stopReason": "end_turn", "p": "abc"})));
    let usage = json!({"inputTokens": 12, "outputTokens": 100, "totalTokens": 112});
    frames.push(frame("metadata", &json!({"usage": usage, "metrics": {"latencyMs": 900}, "p": "abc"})));
    frames
}

fn envelope() -> Envelope {
    Envelope {
        id: "chatcmpl-0123456789abcdefghijklmn".to_owned(),
        created: 1_760_000_000,
        model: "gpt-4o".to_owned(),
    }
}

fn streams(criterion: &mut Criterion) {
    let (frames, envelope) = (answer(), envelope());
    let mut out = Vec::with_capacity(4096);
    criterion.bench_function("stream/50 deltas", |bencher| {
        bencher.iter(|| {
            let mut translator = ConverseTranslator::new(ReplyShape::default(), &envelope);
            let mut progress = Progress::Open;
            for frame in &frames {
                out.clear();
                progress = translator.push(black_box(frame), &mut out);
                black_box(&out);
            }
            assert_eq!(progress, Progress::Complete);
        });
    });

    criterion.bench_function("frames/in place", |bencher| {
        bencher.iter(|| {
            let mut decoder = Decoder::default();
            for frame in &frames {
                let flow = decoder.push(black_box(frame), |frame| {
                    black_box(frame);
                    ControlFlow::<()>::Continue(())
                });
                assert!(flow.is_ok());
            }
        });
    });
    let frames: Vec<Bytes> = frames.into_iter().map(Bytes::from).collect();
    criterion.bench_function("frames/aws-smithy-eventstream", |bencher| {
        bencher.iter(|| {
            let mut decoder = MessageFrameDecoder::new();
            for frame in &frames {
                let mut bytes = black_box(frame.clone());
                let message = black_box(decoder.decode_frame(&mut bytes));
                assert!(matches!(message, Ok(DecodedFrame::Complete(_))), "every piece is a frame");
            }
        });
    });
}

fn whole(criterion: &mut Criterion) {
    let body = json!({
        "metrics": {"latencyMs": 900},
        "output": {"message": {"role": "assistant", "content": [{"text": "A few words, and \"more\".\n".repeat(40)}]}},
        "stopReason": "end_turn",
        "usage": {"inputTokens": 12, "outputTokens": 100, "totalTokens": 112}
    })
    .to_string();
    let (shape, envelope) = (ReplyShape::default(), envelope());
    criterion.bench_function("response/1 KB", |bencher| {
        bencher.iter(|| to_completion(black_box(body.as_bytes()), &shape, &envelope));
    });
}

criterion_group!(benches, streams, whole);
criterion_main!(benches);
