//! One connection: TLS, HTTP/1.1 and HTTP/2 with their limits, and its end.

use std::{
    fmt::Display,
    future::{Future, poll_fn},
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::{Arc, Mutex, PoisonError},
    task::{Poll, ready},
    time::Duration,
};

use http::{HeaderValue, Request, Response, header};
use hyper::{
    body::{Body, Incoming},
    rt::Executor,
    service::Service,
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::conn::auto::{Builder, Connection},
};
use socket2::{SockRef, TcpKeepalive};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    task::JoinSet,
    time::{Instant, sleep_until, timeout},
};
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

use super::activity::{Activity, Answer, Due, Noted};
use crate::{tls, upstream::BoxError};

/// Larger heads of requests are refused with 431. Tokens of Cognito have up to a few KiB.
const MAX_HEAD_BYTES: u32 = 32 * 1024;
/// More header lines are refused with 431.
const MAX_HEADERS: usize = 100;
/// Requests that one HTTP/2 connection may have open.
const MAX_HTTP2_STREAMS: u32 = 100;
/// What HTTP/2 clients may send before the bodies before are read: enough for one large prompt, for each connection.
const HTTP2_WINDOW: u32 = 256 * 1024;
/// What is kept for an HTTP/2 client that takes its time, for each stream.
const HTTP2_SEND_BUFFER: usize = 16 * 1024;
/// How long the other side may acknowledge nothing.
const VANISHED: Duration = Duration::from_mins(1);
/// How long a client has to react to a goodbye, and a stream to its end after the drain.
pub(super) const LAST_WORDS: Duration = Duration::from_secs(1);

/// What all connections have in common.
pub(super) struct Shared {
    tls: Option<Arc<tls::Server>>,
    /// For the handshake and for the head of each request.
    headers: Duration,
    http: Http,
    stop: CancellationToken,
}

impl Shared {
    /// Connections say goodbye once `stop` is cancelled.
    pub(super) fn new(tls: Option<Arc<tls::Server>>, headers: Duration, stop: CancellationToken) -> Self {
        Self { tls, headers, http: Http::new(), stop }
    }

    /// Ends what has not ended with its connection.
    pub(super) async fn end(&self) {
        self.http.streams.end().await;
    }
}

/// HTTP as it is settled by TLS, and as it is found out.
struct Http {
    http1: Builder<Streams>,
    http2: Builder<Streams>,
    either: Builder<Streams>,
    streams: Streams,
}

/// Runs the streams of HTTP/2 connections, which end with their connection and at the latest with the server.
#[derive(Debug, Clone, Default)]
struct Streams(Arc<Mutex<JoinSet<()>>>);

impl<F> Executor<F> for Streams
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, stream: F) {
        let mut streams = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // What has ended is forgotten here, so that the set stays as small as the work.
        while streams.try_join_next().is_some() {}
        streams.spawn(stream);
    }
}

impl Streams {
    /// Ends those that have not ended with their connections.
    async fn end(&self) {
        let mut streams = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        streams.shutdown().await;
    }
}

impl Http {
    fn new() -> Self {
        let streams = Streams::default();
        let builder = || {
            let mut builder = Builder::new(streams.clone());
            builder
                .http1()
                .timer(TokioTimer::new())
                // Our own limit tells a slow head from an idle connection.
                .header_read_timeout(None)
                .half_close(false)
                .max_headers(MAX_HEADERS)
                .max_buf_size(MAX_HEAD_BYTES as usize);
            builder
                .http2()
                .timer(TokioTimer::new())
                .max_concurrent_streams(MAX_HTTP2_STREAMS)
                .max_header_list_size(MAX_HEAD_BYTES)
                .initial_stream_window_size(HTTP2_WINDOW)
                .initial_connection_window_size(HTTP2_WINDOW)
                .max_send_buf_size(HTTP2_SEND_BUFFER);
            builder
        };
        Self { http1: builder().http1_only(), http2: builder().http2_only(), either: builder(), streams }
    }
}

/// Serves one client.
///
/// What stays for as long as the connection does is kept small, since there may be thousands: the handshake and HTTP are
/// boxed apart, so that the memory of the one is given back before the other begins.
pub(super) async fn connection<S, B>(stream: TcpStream, address: SocketAddr, shared: Arc<Shared>, service: S)
where
    S: Service<Request<Incoming>, Response = Response<B>, Future: Send + 'static, Error: Into<BoxError>>
        + Send
        + 'static,
    B: Body<Data: Send, Error: Into<BoxError>> + Unpin + Send + 'static,
{
    prepare(&stream);
    let headers = shared.headers;
    let Some(tls) = &shared.tls else {
        let peer = tls::Peer { address, is_encrypted: false, has_certificate: false };
        let activity = Activity::new(headers, false);
        let http = exchange(&shared.http.either, stream, peer, Arc::clone(&activity), service);
        return drive(http, AutoConnection::graceful_shutdown, address, &activity, &shared.stop).await;
    };
    let Some(stream) = Box::pin(handshake(stream, address, tls, &shared)).await else { return };
    let (_, session) = stream.get_ref();
    let peer =
        tls::Peer { address, is_encrypted: true, has_certificate: session.peer_certificates().is_some() };
    let (http, is_http2) = match session.alpn_protocol() {
        Some(b"h2") => (&shared.http.http2, true),
        Some(_) => (&shared.http.http1, false),
        None => (&shared.http.either, false),
    };
    let activity = Activity::new(headers, is_http2);
    let http = exchange(http, stream, peer, Arc::clone(&activity), service);
    drive(http, AutoConnection::graceful_shutdown, address, &activity, &shared.stop).await;
}

/// Settles how the system treats a client. What it does not offer is done without.
fn prepare(stream: &TcpStream) {
    let socket = SockRef::from(stream);
    // Without it each piece of a stream would wait for the client's acknowledgement of the one before.
    let _ = socket.set_tcp_nodelay(true);
    // Clients that vanish without a word are found whether something is sent to them or not.
    let _ = socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(VANISHED));
    let _ = socket.set_tcp_user_timeout(Some(VANISHED));
}

/// Settles TLS; nothing where the client does not want, is too slow, has not hurried when the server ends, or wanted
/// nothing else.
async fn handshake(
    stream: TcpStream,
    address: SocketAddr,
    tls: &tls::Server,
    shared: &Shared,
) -> Option<TlsStream<TcpStream>> {
    let settled = timeout(shared.headers, tls.accept(stream, address));
    let error = tokio::select! {
            () = last_call(&shared.stop) => return None,
            settled = settled => match settled {
            Ok(Ok(stream)) => return stream,
            Ok(Err(error)) => error,
            Err(_) => io::ErrorKind::TimedOut.into(),
        },
    };
    tls.failed(address, &error);
    tracing::debug!(source_ip = %address.ip(), %error, "no TLS was settled");
    None
}

/// Over a little after the server ends: whoever was let in before is served, and does not have to hear of a restart.
async fn last_call(stop: &CancellationToken) {
    stop.cancelled().await;
    tokio::time::sleep(LAST_WORDS).await;
}

/// HTTP over a stream of bytes.
type AutoConnection<'a, T, S> = Connection<'a, TokioIo<Noted<T>>, Introduced<S>, Streams>;

/// Begins to exchange requests and answers.
fn exchange<T, S, B>(
    http: &Builder<Streams>,
    stream: T,
    peer: tls::Peer,
    activity: Arc<Activity>,
    service: S,
) -> Pin<Box<AutoConnection<'_, T, S>>>
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Service<Request<Incoming>, Response = Response<B>, Future: Send + 'static, Error: Into<BoxError>>
        + Send
        + 'static,
    B: Body<Data: Send, Error: Into<BoxError>> + Unpin + Send + 'static,
{
    let io = TokioIo::new(Noted::new(stream, Arc::clone(&activity)));
    Box::pin(http.serve_connection(io, Introduced { service, peer, activity }))
}

/// Turns a connection until it ends, says goodbye when the server ends or the client idles, and cuts it where the client
/// does not do its part.
async fn drive<C, E>(
    mut connection: Pin<Box<C>>,
    say_goodbye: fn(Pin<&mut C>),
    address: SocketAddr,
    activity: &Activity,
    stop: &CancellationToken,
) where
    C: Future<Output = Result<(), E>>,
    E: Display,
{
    let mut last_call = pin!(last_call(stop));
    let mut is_ending = false;
    let mut due = activity.due();
    let mut timer = pin!(sleep_until(due.at()));
    poll_fn(|cx| {
        loop {
            // Who has not asked for anything yet may still do so, once.
            let is_last = activity.has_begun() && stop.is_cancelled();
            if !is_ending && (is_last || last_call.as_mut().poll(cx).is_ready()) {
                is_ending = true;
                say_goodbye(connection.as_mut());
            }
            if let Poll::Ready(ended) = connection.as_mut().poll(cx) {
                if let Err(error) = ended {
                    tracing::debug!(source_ip = %address.ip(), %error, "connection ended");
                }
                return Poll::Ready(());
            }
            // A first request that has just come may be the last one.
            if is_ending || !activity.has_begun() || !stop.is_cancelled() {
                break;
            }
        }
        // The timer is only moved to an earlier time here; that it may have become later shows when it is over.
        let next = activity.due();
        if next.at() < due.at() {
            due = next;
            timer.as_mut().reset(due.at());
        }
        loop {
            ready!(timer.as_mut().poll(cx));
            match activity.due() {
                next if next.at() > Instant::now() => due = next,
                Due::Cut(_) => return Poll::Ready(()),
                Due::Goodbye(_) if is_ending => return Poll::Ready(()),
                Due::Goodbye(at) => {
                    is_ending = true;
                    say_goodbye(connection.as_mut());
                    if connection.as_mut().poll(cx).is_ready() {
                        return Poll::Ready(());
                    }
                    due = Due::Cut(Instant::now().checked_add(LAST_WORDS).unwrap_or(at));
                }
            }
            timer.as_mut().reset(due.at());
        }
    })
    .await;
}

/// A service that is told who asks, and whose answers are noted.
struct Introduced<S> {
    service: S,
    peer: tls::Peer,
    activity: Arc<Activity>,
}

impl<S, B> Service<Request<Incoming>> for Introduced<S>
where
    S: Service<Request<Incoming>, Response = Response<B>>,
    S::Future: Send + 'static,
{
    type Response = Response<Answer<B>>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>> + Send>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        let pending = self.activity.request();
        request.extensions_mut().insert(self.peer);
        // hyper drops a `content-length` beside a `transfer-encoding`, so that the two cannot be told apart any more from
        // an honest chunked request. Nothing behind either is read (RFC 9112 section 6.1): whoever is in front of us may
        // have found another end of the body.
        let ends = request.headers().contains_key(header::TRANSFER_ENCODING);
        let answer = self.service.call(request);
        Box::pin(async move {
            let mut answer = answer.await?.map(|body| Answer::new(body, pending));
            if ends {
                answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            Ok(answer)
        })
    }
}
