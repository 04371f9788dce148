//! Serves connections: the loop that accepts them, TLS, HTTP/1.1 and HTTP/2 with their limits, and how they end.

use std::{
    error::Error as StdError,
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
    time::{Instant, Interval, MissedTickBehavior, interval, sleep_until, timeout},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_util::sync::CancellationToken;

use super::{
    Ending, Listener, Notifier,
    activity::{Activity, Answer, Due, Noted},
};
use crate::{
    config::{Config, codes},
    tls,
};

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
const LAST_WORDS: Duration = Duration::from_secs(1);
/// First and longest pause after a connection could not be accepted.
const ACCEPT_PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// What clients may do to the server as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections at once.
    pub max_connections: usize,
    /// For the TLS handshake, and from the first byte of a request to the end of its headers.
    pub headers: Duration,
    /// How long answers may go on after the server stops accepting.
    pub drain: Duration,
}

impl From<&Config> for Limits {
    fn from(config: &Config) -> Self {
        Self {
            max_connections: config.listen.max_connections,
            headers: config.timeouts.headers,
            drain: config.listen.drain,
        }
    }
}

/// How serving ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Served {
    /// Connections that were still busy when the time was over.
    pub cut: usize,
}

/// Serves until [`Ending::stop`] is cancelled, then lets the open answers end: no new connections, a GOAWAY or
/// `connection: close` on the open ones, at most [`Limits::drain`] of patience. Then [`Ending::cut`] is cancelled, so
/// that streams can say so, and what is still open shortly after is dropped.
///
/// Each request carries a [`tls::Peer`] in its extensions.
pub async fn serve<S, B>(
    listener: Listener,
    tls: Option<Arc<tls::Server>>,
    limits: Limits,
    service: S,
    ending: &Ending,
    notifier: &Notifier,
) -> Served
where
    S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Into<Box<dyn StdError + Send + Sync>>,
    B: Body + Unpin + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    let shared = Arc::new(Shared { tls, limits, http: Http::new(), stop: ending.stop.clone() });
    let mut connections = JoinSet::new();
    let mut watchdog = Watchdog::new(notifier);
    let mut accepting = Accepting::default();
    loop {
        let has_room = connections.len() < limits.max_connections;
        tokio::select! {
            biased;
            () = ending.stop.cancelled() => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            () = watchdog.tick() => {}
            accepted = accepting.next(&listener), if has_room => {
                let Some((stream, address)) = accepted else { continue };
                connections.spawn(connection(stream, address, Arc::clone(&shared), service.clone()));
            }
        }
    }
    drop(listener);
    let cut = drain(&mut connections, limits.drain, ending, &mut watchdog).await;
    shared.http.streams.end().await;
    Served { cut }
}

/// Waits for the connections to end; how many had to be cut.
async fn drain(
    connections: &mut JoinSet<()>,
    patience: Duration,
    ending: &Ending,
    watchdog: &mut Watchdog<'_>,
) -> usize {
    let patient = async {
        tokio::select! {
            () = ending.cut.cancelled() => {}
            () = tokio::time::sleep(patience) => {}
        }
    };
    wait_for(connections, patient, watchdog).await;
    let cut = connections.len();
    ending.cut.cancel();
    wait_for(connections, tokio::time::sleep(LAST_WORDS), watchdog).await;
    connections.shutdown().await;
    cut
}

/// Waits until all connections have ended or something else has happened.
async fn wait_for(connections: &mut JoinSet<()>, end: impl Future<Output = ()>, watchdog: &mut Watchdog<'_>) {
    let mut end = pin!(end);
    while !connections.is_empty() {
        tokio::select! {
            biased;
            _ = connections.join_next() => {}
            () = watchdog.tick() => {}
            () = &mut end => return,
        }
    }
}

/// Tells systemd from the accepting task itself that it still turns.
struct Watchdog<'a> {
    notifier: &'a Notifier,
    interval: Option<Interval>,
}

impl<'a> Watchdog<'a> {
    fn new(notifier: &'a Notifier) -> Self {
        let interval = notifier.watchdog_interval().map(|period| {
            let mut interval = interval(period);
            interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
            interval
        });
        Self { notifier, interval }
    }

    async fn tick(&mut self) {
        match &mut self.interval {
            Some(interval) => {
                interval.tick().await;
                self.notifier.alive();
            }
            None => std::future::pending().await,
        }
    }
}

/// Accepts, and pauses where the system lacks something that only time gives back.
#[derive(Default)]
struct Accepting {
    /// The pause, and when it is over.
    paused: Option<(Duration, Instant)>,
}

impl Accepting {
    /// The next client; nothing after an error, so that the caller looks at the rest of the world.
    async fn next(&mut self, listener: &Listener) -> Option<(TcpStream, SocketAddr)> {
        if let Some((_, until)) = self.paused {
            sleep_until(until).await;
        }
        match listener.accept().await {
            Ok(accepted) => {
                if self.paused.take().is_some() {
                    tracing::info!("connections are accepted again");
                }
                Some(accepted)
            }
            Err(error) if is_about_one_client(&error) => None,
            Err(error) => {
                let (first, longest) = ACCEPT_PAUSE;
                let pause = self.paused.map_or(first, |(pause, _)| pause.saturating_mul(2).min(longest));
                if self.paused.is_none() {
                    tracing::error!(code = codes::ACCEPT_FAILED, %error, "connections cannot be accepted");
                }
                self.paused = Instant::now().checked_add(pause).map(|until| (pause, until));
                None
            }
        }
    }
}

/// Whether the client went away before it was accepted, which says nothing about the next one.
fn is_about_one_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

/// What all connections have in common.
struct Shared {
    tls: Option<Arc<tls::Server>>,
    limits: Limits,
    http: Http,
    stop: CancellationToken,
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
async fn connection<S, B>(stream: TcpStream, address: SocketAddr, shared: Arc<Shared>, service: S)
where
    S: Service<Request<Incoming>, Response = Response<B>> + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Into<Box<dyn StdError + Send + Sync>>,
    B: Body + Unpin + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
{
    prepare(&stream);
    let headers = shared.limits.headers;
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

/// Settles TLS; nothing where the client does not want, is too slow, or comes while the server ends.
async fn handshake(
    stream: TcpStream,
    address: SocketAddr,
    tls: &tls::Server,
    shared: &Shared,
) -> Option<TlsStream<TcpStream>> {
    let settled = timeout(shared.limits.headers, TlsAcceptor::from(tls.config()).accept(stream));
    let error = tokio::select! {
        () = shared.stop.cancelled() => return None,
        settled = settled => match settled {
            Ok(Ok(stream)) => return Some(stream),
            Ok(Err(error)) => error,
            Err(_) => io::ErrorKind::TimedOut.into(),
        },
    };
    tracing::debug!(event = "tls_handshake_fail", source_ip = %address.ip(), %error, "no TLS was settled");
    None
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
    S: Service<Request<Incoming>, Response = Response<B>> + Send + 'static,
    S::Future: Send + 'static,
    S::Error: Into<Box<dyn StdError + Send + Sync>>,
    B: Body + Unpin + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn StdError + Send + Sync>>,
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
    let mut stop = pin!(stop.cancelled());
    let mut is_ending = false;
    let mut due = activity.due();
    let mut timer = pin!(sleep_until(due.at()));
    poll_fn(|cx| {
        if !is_ending && stop.as_mut().poll(cx).is_ready() {
            is_ending = true;
            say_goodbye(connection.as_mut());
        }
        if let Poll::Ready(ended) = connection.as_mut().poll(cx) {
            if let Err(error) = ended {
                tracing::debug!(source_ip = %address.ip(), %error, "connection ended");
            }
            return Poll::Ready(());
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
