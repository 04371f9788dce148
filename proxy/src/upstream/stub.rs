//! A scripted HTTP server on loopback and a clock that can be set, for tests.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use futures::{StreamExt as _, stream};
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::{body::Frame, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use tokio::{net::TcpListener, task::JoinSet};

use super::{Body, BoxError};
use crate::clock::Clock;

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub path: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }
}

/// What is done about it.
pub(crate) enum Act {
    /// Status, headers and body.
    Answer(u16, Vec<(&'static str, String)>, Bytes),
    /// 200, these pieces, then the connection breaks.
    Break(Vec<Bytes>),
    /// The connection breaks before there is an answer.
    Close,
    /// Nothing, for ever.
    Hang,
}

impl Act {
    pub(crate) fn json(status: u16, body: &serde_json::Value) -> Self {
        let headers = vec![("content-type", "application/json".to_owned())];
        Self::Answer(status, headers, Bytes::from(body.to_string()))
    }
}

/// The server; it ends with this value.
pub(crate) struct Stub {
    pub address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    _tasks: JoinSet<()>,
}

type Script = dyn Fn(usize, &Seen) -> Act + Send + Sync;

impl Stub {
    /// Starts a server whose n-th request (from 0) is answered by the script.
    pub(crate) async fn start(script: impl Fn(usize, &Seen) -> Act + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (script, log): (Arc<Script>, _) = (Arc::new(script), Arc::clone(&seen));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (script, log) = (Arc::clone(&script), Arc::clone(&log));
                let service =
                    service_fn(move |request| answer(Arc::clone(&script), Arc::clone(&log), request));
                connections.spawn(async move {
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
        Self { address, seen, _tasks: tasks }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

async fn answer(
    script: Arc<Script>,
    log: Arc<Mutex<Vec<Seen>>>,
    request: Request<hyper::body::Incoming>,
) -> Result<Response<Body>, BoxError> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let seen = Seen { path: parts.uri.to_string(), headers: parts.headers, body };
    let number = {
        let mut log = log.lock().unwrap();
        log.push(seen.clone());
        log.len() - 1
    };
    match script(number, &seen) {
        Act::Answer(status, headers, body) => {
            let mut response = Response::builder().status(status);
            for (name, value) in headers {
                response = response.header(name, value);
            }
            let body = Full::new(body).map_err(|never: Infallible| match never {});
            Ok(response.body(body.boxed_unsync())?)
        }
        Act::Break(pieces) => {
            let pieces = pieces.into_iter().map(|piece| Ok(Frame::data(piece)));
            let broken = std::iter::once(Err::<_, BoxError>("broken".into()));
            // Whatever waits lets the server write what it has; else the end would overtake the pieces.
            let pieces = stream::iter(pieces.chain(broken)).then(async |piece| {
                tokio::task::yield_now().await;
                piece
            });
            Ok(Response::new(StreamBody::new(pieces).boxed_unsync()))
        }
        Act::Close => Err("closed".into()),
        Act::Hang => std::future::pending().await,
    }
}

/// A clock that stands still until it is set.
#[derive(Debug)]
pub(crate) struct TestClock(Mutex<Timestamp>);

impl TestClock {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new("2026-01-31T12:00:00Z".parse().unwrap())))
    }

    pub(crate) fn advance(&self, by: Duration) {
        let mut now = self.0.lock().unwrap();
        *now += by;
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}
