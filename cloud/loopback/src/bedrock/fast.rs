//! Prepared answers for benchmarks: the same bytes to everybody, and as little work for them as possible.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Response, header};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde_json::json;

use super::answer::Answer;
use super::conversation::Conversation;
use super::frames::{self, End};
use super::paced::{Paced, Streams};
use super::script::Script;
use super::{EVENT_STREAM, embed};
use crate::server::{Body, Cut, ResetSwitch, full};

/// The bytes of each operation.
#[derive(Debug)]
pub(super) struct Prepared {
    whole: Bytes,
    writes: Arc<[Bytes]>,
    embedding: Bytes,
    between: Duration,
}

impl Prepared {
    pub(super) fn new(deltas: usize, between: Duration) -> Self {
        let script = Script::paced(deltas, between).bounded();
        let request = json!({"messages": [{"role": "user", "content": [{"text": "the quick brown fox"}]}]});
        let answer = Conversation::read(request.to_string().as_bytes())
            .map(|conversation| Answer::to(&conversation, &script));
        let (whole, writes) = match answer {
            Ok(answer) => (answer.converse(), frames::render(&answer, &script).writes),
            Err(_) => Default::default(),
        };
        let embedding = embed::invoke(br#"{"inputText": "the quick brown fox"}"#);
        Self {
            whole: whole.into(),
            writes: writes.into(),
            embedding: embedding.map(|embedded| embedded.body.into()).unwrap_or_default(),
            between: script.between,
        }
    }

    pub(super) async fn answer(
        &self,
        path: &str,
        mut body: Incoming,
        switch: ResetSwitch,
        streams: &Arc<Streams>,
    ) -> Result<Response<Body>, Cut> {
        // Read and forgotten, so that the connection can be used again.
        while let Some(frame) = body.frame().await {
            frame.map_err(|_| Cut)?;
        }
        let (content_type, body) = if path.ends_with("/converse-stream") {
            let writes = Arc::clone(&self.writes);
            let body = Paced::new(writes, End::Proper, self.between, switch, Arc::clone(streams));
            (EVENT_STREAM, body.boxed_unsync())
        } else if path.ends_with("/invoke") {
            ("application/json", full(self.embedding.clone()))
        } else {
            ("application/json", full(self.whole.clone()))
        };
        let mut response = Response::new(body);
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        Ok(response)
    }
}
