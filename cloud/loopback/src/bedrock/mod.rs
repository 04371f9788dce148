//! A small Bedrock runtime: Converse, `ConverseStream` and `InvokeModel` over HTTP, always the same answer
//! to the same question.
//!
//! Signatures are neither needed nor checked. For a process that cannot call [`Bedrock::script`] there are
//! `POST /_script` (a script or a list of them, as JSON), `DELETE /_script`, and `GET /_requests`.

mod answer;
mod conversation;
mod embed;
mod fast;
mod frames;
mod paced;
mod schema;
pub(crate) mod script;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use self::answer::Answer;
use self::conversation::Conversation;
use self::fast::Prepared;
use self::frames::{End, Rendered};
use self::paced::{Paced, Streams};
use self::script::{Fault, Refusal, Script, Scripts, base_id};
use crate::server::{Body, Cut, ResetSwitch, Server, Site, StartError, full};

/// What a request may have; Bedrock allows 25 MB.
const LARGEST_BODY_BYTES: usize = 32 * 1024 * 1024;
/// Older requests are forgotten.
const MOST_RECORDED: usize = 4096;
const EVENT_STREAM: &str = "application/vnd.amazon.eventstream";

/// How a stand-in is started.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BedrockOptions {
    /// The port on 127.0.0.1; 0, the default, is any free one.
    pub port: u16,
    /// Answers everything with the same prepared bytes, for benchmarks: nothing is read, recorded or scripted.
    pub fast: Option<Fast>,
}

/// What a fast stand-in answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fast {
    /// Text deltas of a stream, and words of an answer.
    pub deltas: usize,
    /// The pause before each frame of a stream but the first.
    pub between: Duration,
}

/// A request as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// `POST`
    pub method: String,
    /// The path as it was on the wire, percent-encoded.
    pub path: String,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Recorded {
    /// The body as JSON; null where it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// A running stand-in for Bedrock's runtime. It ends when this value does.
#[derive(Debug)]
pub struct Bedrock {
    server: Server,
    state: Arc<State>,
}

impl Bedrock {
    /// Starts one.
    pub fn start(options: &BedrockOptions) -> Result<Self, StartError> {
        let state = Arc::new(State {
            fast: options.fast.map(|fast| Prepared::new(fast.deltas, fast.between)),
            ..State::default()
        });
        let server = Server::start("bedrock", options.port, |_| Arc::clone(&state))?;
        Ok(Self { server, state })
    }

    /// Its URL, for `endpoint_url`.
    pub fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// Adds a script; for each request the first one counts that is for it and not used up.
    pub fn script(&self, script: Script) {
        lock(&self.state.scripts).push(script);
    }

    /// Forgets all scripts.
    pub fn clear_scripts(&self) {
        lock(&self.state.scripts).clear();
    }

    /// The requests so far, the last few thousand of them, control requests left out.
    pub fn requests(&self) -> Vec<Recorded> {
        lock(&self.state.recorded).iter().cloned().collect()
    }

    /// Forgets the requests so far.
    pub fn clear_requests(&self) {
        lock(&self.state.recorded).clear();
    }

    /// Streams that are being sent.
    pub fn open_streams(&self) -> u64 {
        self.state.streams.open.load(Ordering::Relaxed)
    }

    /// Streams that were not sent to their end, since the client left.
    pub fn abandoned_streams(&self) -> u64 {
        self.state.streams.abandoned.load(Ordering::Relaxed)
    }
}

/// What the stand-in knows.
#[derive(Debug, Default)]
struct State {
    fast: Option<Prepared>,
    scripts: Mutex<Scripts>,
    recorded: Mutex<VecDeque<Recorded>>,
    streams: Arc<Streams>,
    answered: AtomicU64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is asked of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Converse,
    ConverseStream,
    Invoke,
}

/// The operation and the model id of a path, `/model/ID/OPERATION`.
fn route(path: &str) -> Option<(Operation, String)> {
    let (id, operation) = path.strip_prefix("/model/")?.rsplit_once('/')?;
    let operation = match operation {
        "converse" => Operation::Converse,
        "converse-stream" => Operation::ConverseStream,
        "invoke" => Operation::Invoke,
        _ => return None,
    };
    // A slash that is part of the id is encoded; another one makes another path.
    let id = (!id.contains('/')).then(|| percent_decode_str(id).decode_utf8_lossy().into_owned())?;
    Some((operation, id))
}

/// Whether the id has the form of a model id, profile id or ARN.
fn is_model_id(id: &str) -> bool {
    let id = base_id(id);
    let name = id.rsplit('/').next().unwrap_or(id);
    name.split_once('.').is_some_and(|(provider, rest)| !provider.is_empty() && !rest.is_empty())
        || (id.starts_with("arn:aws:bedrock:") && id.contains('/'))
}

impl Site for State {
    async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        switch: ResetSwitch,
    ) -> Result<Response<Body>, Cut> {
        let (head, body) = request.into_parts();
        if let Some(prepared) = &self.fast {
            return prepared.answer(head.uri.path(), body, switch, &self.streams).await;
        }
        let Ok(body) = Limited::new(body, LARGEST_BODY_BYTES).collect().await else {
            return Ok(self.refused(&Refusal::new(413, "ValidationException", "The request is too large.")));
        };
        let body = body.to_bytes();
        let path = head.uri.path();
        if path.starts_with("/_") {
            return Ok(self.control(&head.method, path, &body));
        }
        self.record(&head, &body);
        match route(path).filter(|_| head.method == Method::POST) {
            Some((operation, id)) => self.model(operation, &id, &body, switch).await,
            None => Ok(self.refused(&Refusal::new(404, "UnknownOperationException", ""))),
        }
    }
}

impl State {
    fn record(&self, head: &http::request::Parts, body: &Bytes) {
        let mut recorded = lock(&self.recorded);
        if recorded.len() >= MOST_RECORDED {
            recorded.pop_front();
        }
        recorded.push_back(Recorded {
            method: head.method.to_string(),
            path: head.uri.path().to_owned(),
            headers: head.headers.clone(),
            body: body.clone(),
        });
    }

    async fn model(
        &self,
        operation: Operation,
        id: &str,
        body: &[u8],
        switch: ResetSwitch,
    ) -> Result<Response<Body>, Cut> {
        let script = match lock(&self.scripts).take(id) {
            Ok(script) => script,
            Err(refusal) => return Ok(self.refused(&refusal)),
        };
        if !script.first_byte.is_zero() {
            tokio::time::sleep(script.first_byte).await;
        }
        if let Some(refusal) = &script.refuse {
            return Ok(self.refused(refusal));
        }
        if !is_model_id(id) {
            return Ok(self.refused(&Refusal::invalid("The provided model identifier is invalid.")));
        }
        if operation == Operation::Invoke {
            return Ok(match embed::invoke(body) {
                Ok(embedded) => self.embedded(embedded),
                Err(refusal) => self.refused(&refusal),
            });
        }
        let answer = match Conversation::read(body) {
            Ok(conversation) => Answer::to(&conversation, &script),
            Err(refusal) => return Ok(self.refused(&refusal)),
        };
        if operation == Operation::ConverseStream {
            return Ok(self.stream(frames::render(&answer, &script), script.between, switch));
        }
        self.whole(&answer, &script, switch)
    }

    fn embedded(&self, embedded: embed::Embedded) -> Response<Body> {
        let mut response = self.response(StatusCode::OK, "application/json", full(embedded.body));
        response.headers_mut().insert("x-amzn-bedrock-input-token-count", embedded.input_tokens.into());
        response
    }

    fn whole(&self, answer: &Answer, script: &Script, switch: ResetSwitch) -> Result<Response<Body>, Cut> {
        let body = answer.converse();
        let end = match script.fault {
            Some(Fault::Reset { .. }) => End::Reset,
            Some(Fault::Cut { .. } | Fault::Eof { .. }) => End::Cut,
            _ => return Ok(self.response(StatusCode::OK, "application/json", full(body))),
        };
        if end == End::Reset {
            switch.reset_at_close();
            return Err(Cut);
        }
        let half = body.len().checked_div(2).unwrap_or_default();
        let front = Bytes::copy_from_slice(body.get(..half).unwrap_or_default());
        let rendered = Rendered { writes: vec![front], end };
        let mut response = self.stream(rendered, Duration::ZERO, switch);
        response
            .headers_mut()
            .insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
        Ok(response)
    }

    fn stream(&self, rendered: Rendered, between: Duration, switch: ResetSwitch) -> Response<Body> {
        let body =
            Paced::new(rendered.writes.into(), rendered.end, between, switch, Arc::clone(&self.streams));
        self.response(StatusCode::OK, EVENT_STREAM, body.boxed_unsync())
    }

    fn refused(&self, refusal: &Refusal) -> Response<Body> {
        let body = json!({"message": refusal.message}).to_string();
        let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = self.response(status, "application/json", full(body));
        // The real service puts an address behind the name.
        let kind = format!("{}:http://internal.amazon.com/coral/com.amazon.bedrock/", refusal.kind);
        if let Ok(value) = kind.parse() {
            response.headers_mut().insert("x-amzn-errortype", value);
        }
        response
    }

    fn response(&self, status: StatusCode, content_type: &'static str, body: Body) -> Response<Body> {
        let mut response = Response::new(body);
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static(content_type));
        let number = self.answered.fetch_add(1, Ordering::Relaxed);
        if let Ok(id) = format!("00000000-0000-4000-8000-{number:012x}").parse() {
            headers.insert("x-amzn-requestid", id);
        }
        response
    }

    /// The control address, for whoever is in another process.
    fn control(&self, method: &Method, path: &str, body: &[u8]) -> Response<Body> {
        let (status, answer) = match (method.as_str(), path) {
            ("POST", "/_script") => match read_scripts(body) {
                Ok(scripts) => {
                    let mut known = lock(&self.scripts);
                    for script in scripts {
                        known.push(script);
                    }
                    (StatusCode::OK, json!({}))
                }
                Err(error) => (StatusCode::BAD_REQUEST, json!({"message": error.to_string()})),
            },
            ("DELETE", "/_script") => {
                lock(&self.scripts).clear();
                (StatusCode::OK, json!({}))
            }
            ("GET", "/_requests") => {
                let recorded = lock(&self.recorded);
                (StatusCode::OK, recorded.iter().map(described).collect())
            }
            _ => (StatusCode::NOT_FOUND, json!({"message": "no such control"})),
        };
        self.response(status, "application/json", full(answer.to_string()))
    }
}

fn read_scripts(body: &[u8]) -> serde_json::Result<Vec<Script>> {
    let value: Value = serde_json::from_slice(body)?;
    if value.is_array() { serde_json::from_value(value) } else { Ok(vec![serde_json::from_value(value)?]) }
}

fn described(recorded: &Recorded) -> Value {
    let headers: serde_json::Map<String, Value> = recorded
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into()))
        .collect();
    json!({"method": recorded.method, "path": recorded.path, "headers": headers, "body": recorded.json()})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_operations_and_models() {
        let routed = |path: &str| route(path);
        assert_eq!(
            routed("/model/amazon.nova-lite-v1%3A0/converse"),
            Some((Operation::Converse, "amazon.nova-lite-v1:0".to_owned()))
        );
        let profile = "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-pro-v1:0";
        assert_eq!(
            routed(&format!("/model/{}/converse-stream", profile.replace('/', "%2F").replace(':', "%3A"))),
            Some((Operation::ConverseStream, profile.to_owned()))
        );
        assert_eq!(routed("/model/a.b/invoke").map(|(operation, _)| operation), Some(Operation::Invoke));
        for path in ["/model/a/b/converse", "/model/a", "/", "/model/a.b/what"] {
            assert_eq!(routed(path), None, "{path}");
        }
        assert!(is_model_id(profile));
        assert!(is_model_id("us.amazon.nova-pro-v1:0~eof=1"));
        assert!(!is_model_id("gpt-4o"));
    }
}
