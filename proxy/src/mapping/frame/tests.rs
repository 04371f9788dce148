//! The frames of AWS's own encoder, and bytes that are none.

use std::ops::ControlFlow;

use aws_smithy_eventstream::frame::{read_message_from, write_message_to};
use aws_smithy_types::event_stream::{Header, HeaderValue, Message};
use bytes::Bytes;
use http::StatusCode;
use proptest::{collection::vec, prelude::*, sample::Index};

use super::*;
use crate::mapping::testing::{event, exception, frame, message_start};

fn other_header() -> impl Strategy<Value = HeaderValue> {
    prop_oneof![
        any::<bool>().prop_map(HeaderValue::Bool),
        any::<i8>().prop_map(HeaderValue::Byte),
        any::<i16>().prop_map(HeaderValue::Int16),
        any::<i32>().prop_map(HeaderValue::Int32),
        any::<i64>().prop_map(HeaderValue::Int64),
        vec(any::<u8>(), 0..20).prop_map(|bytes| HeaderValue::ByteArray(bytes.into())),
        "[a-zä]{0,20}".prop_map(|text| HeaderValue::String(text.into())),
        (0_i64..4_000_000_000)
            .prop_map(|secs| { HeaderValue::Timestamp(aws_smithy_types::DateTime::from_secs(secs)) }),
        any::<u128>().prop_map(HeaderValue::Uuid),
    ]
}

fn message(kind: &str, others: Vec<HeaderValue>, payload: &[u8]) -> Vec<u8> {
    let mut headers: Vec<Header> =
        (0..).zip(others).map(|(n, value)| Header::new(format!("h{n}"), value)).collect();
    headers.push(Header::new(":event-type", HeaderValue::String(kind.to_owned().into())));
    headers.push(Header::new(":message-type", HeaderValue::String("event".into())));
    let mut bytes = Vec::new();
    write_message_to(&Message::new_from_parts(headers, Bytes::copy_from_slice(payload)), &mut bytes).unwrap();
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Feature: aws-ec2-production-deployment, law: what AWS's encoder writes is read, whatever other headers it has.
    #[test]
    fn frames_of_aws_are_read(
        kind in "[a-zA-Z]{1,20}", others in vec(other_header(), 0..4), payload in vec(any::<u8>(), 0..300), behind in vec(any::<u8>(), 0..20)
    ) {
        let bytes = message(&kind, others, &payload);
        let length = bytes.len();
        let bytes = [bytes, behind].concat();
        prop_assert_eq!(read_frame(&bytes), Ok(Some((Frame::Event { kind: &kind, payload: &payload }, length))));
        for end in 0..length {
            prop_assert_eq!(read_frame(&bytes[..end]), Ok(None));
        }
    }

    /// Feature: aws-ec2-production-deployment, law: only what AWS's decoder accepts is accepted.
    #[test]
    fn nothing_is_accepted_that_aws_refuses(
        others in vec(other_header(), 0..3), payload in vec(any::<u8>(), 0..40),
        damage in vec((any::<Index>(), any::<u8>()), 0..3), repair in any::<bool>()
    ) {
        let mut bytes = message("metadata", others, &payload);
        for (place, byte) in damage {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        if repair {
            // With right checksums, the grammar alone has to notice.
            seal(&mut bytes);
        }
        if let Ok(Some((frame, length))) = read_frame(&bytes) {
            let theirs = read_message_from(&mut bytes.as_slice());
            let Ok(theirs) = theirs else { return Err(TestCaseError::fail(format!("{theirs:?}"))) };
            prop_assert_eq!(length, bytes.len());
            prop_assert_eq!(frame, Frame::Event { kind: frame_kind(&theirs), payload: theirs.payload() });
        }
    }

    /// Feature: aws-ec2-production-deployment, law: no bytes make the decoder panic.
    #[test]
    fn any_bytes_are_survived(pieces in vec(vec(any::<u8>(), 0..30), 0..6)) {
        let mut decoder = Decoder::default();
        for piece in &pieces {
            if decoder.push(piece, |_| ControlFlow::<()>::Continue(())).is_err() {
                break;
            }
        }
    }
}

fn frame_kind(message: &Message) -> &str {
    let header = message.headers().iter().rfind(|header| header.name().as_str() == ":event-type");
    header.and_then(|header| header.value().as_string().ok()).map_or("", |text| text.as_str())
}

/// Gives bytes that were changed the checksums that fit.
fn seal(bytes: &mut [u8]) {
    let prelude = crc32fast::hash(&bytes[..8]).to_be_bytes();
    bytes[8..12].copy_from_slice(&prelude);
    let (covered, checksum) = bytes.split_last_chunk_mut::<4>().unwrap();
    *checksum = crc32fast::hash(covered).to_be_bytes();
}

/// A frame with these lengths and a right checksum behind them.
fn lengths(total: u32, headers: u32) -> Vec<u8> {
    let mut bytes = [total.to_be_bytes(), headers.to_be_bytes()].concat();
    bytes.extend(crc32fast::hash(&bytes).to_be_bytes());
    bytes
}

#[test]
fn lengths_that_cannot_be_are_refused_at_once() {
    let max = u32::try_from(MAX_FRAME_BYTES).unwrap();
    for (total, headers) in
        [(0, 0), (15, 0), (max + 1, 0), (u32::MAX, 0), (16, 1), (100, 85), (100, u32::MAX)]
    {
        assert_eq!(read_frame(&lengths(total, headers)), Err(FrameError::Length { total, headers }));
    }
    for (total, headers) in [(16, 0), (max, 0), (100, 84)] {
        assert_eq!(read_frame(&lengths(total, headers)), Ok(None));
    }
}

#[test]
fn a_frame_says_what_it_is() {
    let kind = |headers: &[(&str, &str)]| read_frame(&frame(headers, b"")).map(|_| ());
    assert_eq!(kind(&[]), Err(FrameError::Kind));
    assert_eq!(kind(&[(":message-type", "event")]), Err(FrameError::Kind));
    assert_eq!(kind(&[(":message-type", "novelty"), (":event-type", "x")]), Err(FrameError::Kind));
    assert_eq!(kind(&[(":message-type", "error"), (":error-code", "x")]), Ok(()));
}

#[test]
fn text_in_headers_is_utf8() {
    let good = frame(&[(":message-type", "event"), (":event-type", "x"), ("other", "\u{e4}")], b"");
    let place = good.windows(2).position(|pair| pair == "\u{e4}".as_bytes()).unwrap();
    let mut bad = good.clone();
    bad[place] = b'a';
    seal(&mut bad);
    assert!(matches!(read_frame(&good), Ok(Some(_))));
    assert_eq!(read_frame(&bad), Err(FrameError::Headers));
}

#[test]
fn a_long_frame_does_not_stay_in_memory() {
    let long = frame(&[(":message-type", "event"), (":event-type", "metadata")], &vec![b' '; 1_000_000]);
    let mut decoder = Decoder::default();
    let mut frames = 0;
    for piece in long.chunks(1_000) {
        let flow = decoder.push(piece, |_| {
            frames += 1;
            ControlFlow::<()>::Continue(())
        });
        assert!(flow.is_ok());
    }
    assert_eq!(frames, 1);
    assert!(decoder.held.capacity() <= KEPT_CAPACITY_BYTES, "{}", decoder.held.capacity());
}

#[test]
fn the_first_frame_decides_about_the_status() {
    let start = message_start();
    assert_eq!(first_frame(&start[..start.len() - 1]), FirstFrame::More);
    assert_eq!(first_frame(&[start, vec![1, 2, 3]].concat()), FirstFrame::Event);
    assert_eq!(first_frame(&event("eventOfNextYear", &serde_json::json!({}))), FirstFrame::Event);

    let FirstFrame::Refused(refusal) = first_frame(&exception("throttlingException", "Slow down.")) else {
        panic!("an exception")
    };
    assert_eq!(
        (refusal.error.status, refusal.retryable, refusal.unwell),
        (StatusCode::TOO_MANY_REQUESTS, true, false)
    );

    let FirstFrame::Refused(refusal) = first_frame(b"HTTP/1.1 200 OK\r\n\r\n") else { panic!("no frame") };
    assert_eq!(
        (refusal.error.status, refusal.retryable, refusal.unwell),
        (StatusCode::BAD_GATEWAY, true, true)
    );
}
