//! What goes back to the client: a body of one piece or a stream, and the headers that every answer has.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use hyper::body::{Body, Frame, SizeHint};

use super::sse::SseBody;
use crate::{ApiError, limits::headers::put_retry};

/// `application/json`
pub(super) const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// `text/event-stream` (WHATWG HTML, section 9.2)
const EVENT_STREAM: HeaderValue = HeaderValue::from_static("text/event-stream; charset=utf-8");

/// The body of an answer.
pub struct ReplyBody(Kind);

enum Kind {
    /// One piece, taken when it is sent.
    Whole(Option<Bytes>),
    /// Server-sent events. In a box, because a stream is large and most answers are none.
    Stream(Box<SseBody>),
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut self.get_mut().0 {
            Kind::Whole(piece) => Poll::Ready(piece.take().map(|bytes| Ok(Frame::data(bytes)))),
            Kind::Stream(stream) => Pin::new(stream.as_mut()).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Whole(piece) => piece.is_none(),
            Kind::Stream(stream) => stream.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Whole(piece) => SizeHint::with_exact(
                piece.as_ref().map_or(0, |bytes| u64::try_from(bytes.len()).unwrap_or(u64::MAX)),
            ),
            Kind::Stream(_) => SizeHint::default(),
        }
    }
}

/// An answer on its way.
pub type Reply = Response<ReplyBody>;

/// An answer of one piece.
pub(super) fn whole(status: StatusCode, content_type: HeaderValue, body: impl Into<Bytes>) -> Reply {
    let body: Bytes = body.into();
    let mut reply = Response::new(ReplyBody(Kind::Whole((!body.is_empty()).then_some(body))));
    *reply.status_mut() = status;
    reply.headers_mut().insert(header::CONTENT_TYPE, content_type);
    reply
}

/// An answer without content.
pub(super) fn empty(status: StatusCode) -> Reply {
    let mut reply = Response::new(ReplyBody(Kind::Whole(None)));
    *reply.status_mut() = status;
    reply
}

/// A stream of events that no cache keeps and no reverse proxy holds back.
pub(super) fn events(stream: SseBody) -> Reply {
    let mut reply = Response::new(ReplyBody(Kind::Stream(Box::new(stream))));
    let headers = reply.headers_mut();
    headers.insert(header::CONTENT_TYPE, EVENT_STREAM);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    reply
}

/// An answer to `HEAD`: the headers of the answer to `GET` and nothing else (RFC 9110, section 9.3.2).
pub(super) fn keep_the_head(reply: &mut Reply) {
    if let Some(length) = reply.body().size_hint().exact() {
        reply.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    *reply.body_mut() = ReplyBody(Kind::Whole(None));
}

/// A refusal as an answer.
pub(super) fn refusal(error: &ApiError) -> Reply {
    let mut reply = whole(error.status, JSON, error.body());
    put_retry(error, reply.headers_mut());
    reply
}

/// Names parameters of the request that had no effect.
pub(super) fn name_ignored(headers: &mut HeaderMap, ignored: &[String]) {
    if ignored.is_empty() {
        return;
    }
    // Unknown names come from the client; what cannot stand in a header is left out.
    let named: Vec<&str> = ignored
        .iter()
        .map(String::as_str)
        .filter(|name| name.bytes().all(|b| b.is_ascii_graphic() && b != b','))
        .take(32)
        .collect();
    if let Ok(value) = HeaderValue::from_str(&named.join(", ")) {
        headers.insert("x-ignored-params", value);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_waiting_time_is_rounded_up() {
        let error = ApiError::server(StatusCode::SERVICE_UNAVAILABLE, "overloaded", "later")
            .retry_after(Duration::from_millis(1_001))
            .should_retry(true);
        let reply = refusal(&error);
        assert_eq!(reply.headers()["retry-after"], "2");
        assert_eq!(reply.headers()["retry-after-ms"], "1001");
        assert_eq!(reply.headers()["x-should-retry"], "true");
    }

    #[test]
    fn ignored_names_cannot_break_the_header() {
        let mut headers = HeaderMap::new();
        name_ignored(&mut headers, &["seed".into(), "a\r\nset-cookie: b".into(), "logit_bias".into()]);
        assert_eq!(headers["x-ignored-params"], "seed, logit_bias");
    }
}
