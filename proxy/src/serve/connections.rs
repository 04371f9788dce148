//! Serves connections: the loop that accepts them, and how they end together.

use std::{future::Future, io, net::SocketAddr, pin::pin, sync::Arc, time::Duration};

use http::{Request, Response};
use hyper::{
    body::{Body, Incoming},
    service::Service,
};
use tokio::{
    net::TcpStream,
    task::JoinSet,
    time::{Instant, Interval, MissedTickBehavior, interval, sleep_until},
};

use super::{
    Ending, Listener, Notifier,
    connection::{LAST_WORDS, Shared, connection},
};
use crate::{
    config::{Config, codes},
    tls,
    upstream::BoxError,
};

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
    S: Service<Request<Incoming>, Response = Response<B>, Future: Send + 'static, Error: Into<BoxError>>
        + Clone
        + Send
        + 'static,
    B: Body<Data: Send, Error: Into<BoxError>> + Unpin + Send + 'static,
{
    let shared = Arc::new(Shared::new(tls, limits.headers, ending.stop.clone()));
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
    shared.end().await;
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
