//! The gate from outside: real sockets, real TLS, real HTTP.

mod challenge;
mod ending;
mod http;
mod listening;
mod load;
mod notifying;
mod reloading;
mod tls;

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use ::http::{Request, Response};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, combinators::BoxBody};
use hyper::body::{Frame, Incoming};
use tokio::{sync::Notify, task::JoinSet};

use super::*;
use crate::tls::{Peer, Server};

/// No step of a test takes as long as this.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

type Answered = Response<BoxBody<Bytes, Infallible>>;

/// What the service behind the gate has seen, and what it waits for.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) requests: AtomicUsize,
    /// `/stream` sends one piece, then waits for this, then ends.
    pub(super) go_on: Notify,
}

/// Answers `/stream` in pieces, `/wait` never, and everything else with how the client came in and what it sent.
async fn answer(request: Request<Incoming>, seen: Arc<Seen>) -> Result<Answered, Infallible> {
    seen.requests.fetch_add(1, Ordering::SeqCst);
    let peer = *request.extensions().get::<Peer>().unwrap();
    match request.uri().path() {
        "/stream" => {
            let pieces = futures::stream::unfold(0_u32, move |piece| {
                let seen = Arc::clone(&seen);
                async move {
                    match piece {
                        0 => {}
                        1 => seen.go_on.notified().await,
                        _ => return None,
                    }
                    Some((Ok(Frame::data(Bytes::from(format!("piece {piece}\n")))), piece.saturating_add(1)))
                }
            });
            Ok(Response::new(BoxBody::new(http_body_util::StreamBody::new(Box::pin(pieces) as Pieces))))
        }
        "/wait" => std::future::pending().await,
        _ => {
            let Peer { is_encrypted, has_certificate, .. } = peer;
            let version = request.version();
            let text = match request.into_body().collect().await {
                Ok(body) => format!(
                    "{version:?} encrypted={is_encrypted} certificate={has_certificate} body={}\n",
                    String::from_utf8_lossy(&body.to_bytes())
                ),
                Err(_) => "unreadable".to_owned(),
            };
            Ok(Response::new(Full::new(Bytes::from(text)).boxed()))
        }
    }
}

type Pieces = std::pin::Pin<Box<dyn futures::Stream<Item = Result<Frame<Bytes>, Infallible>> + Send + Sync>>;

/// A server that runs.
pub(super) struct Running {
    pub(super) address: SocketAddr,
    pub(super) ending: Ending,
    pub(super) seen: Arc<Seen>,
    task: JoinSet<Served>,
}

pub(super) const LIMITS: Limits =
    Limits { max_connections: 1024, headers: Duration::from_secs(10), drain: Duration::from_secs(10) };

pub(super) fn start(tls: Option<Arc<Server>>, limits: Limits) -> Running {
    start_on(Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap(), tls, limits)
}

pub(super) fn start_on(listener: Listener, tls: Option<Arc<Server>>, limits: Limits) -> Running {
    let address = listener.addresses()[0];
    let (ending, seen) = (Ending::default(), Arc::new(Seen::default()));
    let mut task = JoinSet::new();
    {
        let (ending, seen) = (ending.clone(), Arc::clone(&seen));
        task.spawn(async move {
            let service = hyper::service::service_fn(move |request| answer(request, Arc::clone(&seen)));
            serve(listener, tls, limits, service, &ending, &Notifier::default()).await
        });
    }
    Running { address, ending, seen, task }
}

impl Running {
    pub(super) fn requests(&self) -> usize {
        self.seen.requests.load(Ordering::SeqCst)
    }

    /// Waits for the end.
    pub(super) async fn ended(&mut self) -> Served {
        tokio::time::timeout(PATIENCE, self.task.join_next()).await.unwrap().unwrap().unwrap()
    }

    pub(super) async fn stop(mut self) -> Served {
        self.ending.stop.cancel();
        self.ended().await
    }
}
