//! The HTTP client that all upstreams share: pooled, without Nagle's delay, HTTP/1.1 and HTTP/2 over rustls.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use http_body_util::Full;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use hyper_rustls::{ConfigBuilderExt as _, HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo, TokioTimer},
};
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tower_service::Service;

use super::BoxError;
use crate::{
    auth::{FetchDocument, FetchError},
    body::collect,
    chain::chain,
};

/// What `CloudTrail` and the logs of others show. It is not signed, since proxies on the way may add to it.
const NAME: &str = concat!("bedrock-nova-proxy/", env!("CARGO_PKG_VERSION"));

/// Over HTTP/2 a pool has one connection to a host, and AWS and OpenAI allow 100 to 128 requests at a time on it;
/// more would wait for their turn. So a pool is left alone once it has this many answers open.
const OPEN_PER_POOL: usize = 100;

/// Pools; beyond `POOLS * OPEN_PER_POOL` open answers the emptiest pool is used.
const POOLS: usize = 32;

/// A thousand streams may end together; their connections are worth keeping for the next thousand.
const MAX_IDLE_PER_HOST: usize = 1024;

/// AWS closes connections that were idle for 60 seconds; a request must not meet one that is just being closed.
const POOL_IDLE: Duration = Duration::from_secs(50);

/// What a connection may buffer of an answer that the client reads slowly. Above it the upstream has to wait.
const READ_BUFFER_BYTES: usize = 64 * 1024;
const STREAM_WINDOW_BYTES: u32 = 64 * 1024;
const CONNECTION_WINDOW_BYTES: u32 = 4 * 1024 * 1024;

/// How long a silent HTTP/2 connection goes unprobed, and how long the probe's answer may take.
const PING_INTERVAL: Duration = Duration::from_secs(20);
const PING_TIMEOUT: Duration = Duration::from_secs(10);

/// The same question for HTTP/1.1, answered by the kernel. A model may think for minutes without a word.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// Documents of issuers are small and needed soon.
const DOCUMENT_BYTES: usize = 256 * 1024;
const DOCUMENT_TIMEOUT: Duration = Duration::from_secs(5);

/// Cheap to clone; clones share their pools.
#[derive(Clone)]
pub struct HttpClient {
    pools: Arc<[Arc<ConnectionPool>]>,
    tls: ClientConfig,
    connect: Duration,
}

struct ConnectionPool {
    client: Client<Connector, Full<Bytes>>,
    open: AtomicUsize,
}

/// The system has no certificate authorities that could be trusted (`ca-certificates` is missing?).
#[derive(Debug, thiserror::Error)]
#[error("no trusted certificate authorities could be loaded")]
pub struct NoRoots(#[source] BoxError);

impl NoRoots {
    /// What the page about it is called.
    pub const CODE: &'static str = "SRE-PROXY-051";
}

/// Why a request got no answer at all.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SendError {
    /// No connection came about: name, network, TLS or time.
    #[error("could not connect")]
    Connect(#[source] BoxError),
    /// The connection broke before the answer began.
    #[error("the connection broke")]
    Broken(#[source] BoxError),
}

impl HttpClient {
    /// A client that trusts the certificate authorities of the system. A connection, TLS included, takes at most `connect`.
    pub fn new(connect: Duration) -> Result<Self, NoRoots> {
        let tls = tls_versions()
            .map_err(|error| NoRoots(error.into()))?
            .with_native_roots()
            .map_err(|error| NoRoots(error.into()))?
            .with_no_client_auth();
        Ok(Self::with_tls(connect, tls))
    }

    /// A client with its own idea of whom to trust. `tls` names no ALPN protocols.
    pub fn with_tls(connect: Duration, mut tls: ClientConfig) -> Self {
        tls.alpn_protocols.clear();
        let connector = connector(connect, &tls);
        let pool = || ConnectionPool { client: client(connector.clone()), open: AtomicUsize::new(0) };
        let pools = (0..POOLS).map(|_| Arc::new(pool())).collect();
        Self { pools, tls, connect }
    }

    /// The same client with another limit; with new pools if it differs.
    #[must_use]
    pub fn with_connect(&self, connect: Duration) -> Self {
        if connect == self.connect { self.clone() } else { Self::with_tls(connect, self.tls.clone()) }
    }

    /// Whether the two are clones of each other.
    pub(crate) fn shares_pools_with(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.pools, &other.pools)
    }

    /// Sends a request. The answer keeps its place in the pool until its body is dropped.
    pub(crate) async fn send(
        &self,
        mut request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, SendError> {
        request.headers_mut().insert(header::USER_AGENT, HeaderValue::from_static(NAME));
        let place = self.place();
        let sent = match &place {
            Some(place) => place.0.client.request(request),
            // There is always a pool.
            None => return Err(SendError::Connect("no connection pool".into())),
        };
        match sent.await {
            Ok(response) => Ok(response.map(|rest| Incoming { first: None, rest, _place: place })),
            Err(error) if error.is_connect() => Err(SendError::Connect(error.into())),
            Err(error) => Err(SendError::Broken(error.into())),
        }
    }

    /// A place in the first pool that has room, so that few connections serve few requests.
    fn place(&self) -> Option<Place> {
        let open = |pool: &&Arc<ConnectionPool>| pool.open.load(Ordering::Relaxed);
        let pool = self
            .pools
            .iter()
            .find(|pool| open(pool) < OPEN_PER_POOL)
            .or_else(|| self.pools.iter().min_by_key(open))?;
        pool.open.fetch_add(1, Ordering::Relaxed);
        Some(Place(Arc::clone(pool)))
    }
}

#[async_trait]
impl FetchDocument for HttpClient {
    async fn fetch(&self, url: &str) -> Result<Bytes, FetchError> {
        let uri: Uri = url.parse().map_err(|_| FetchError("not a URL".to_owned()))?;
        let fetched = tokio::time::timeout(DOCUMENT_TIMEOUT, self.get(uri)).await;
        fetched.unwrap_or_else(|_| Err(FetchError(format!("no answer within {DOCUMENT_TIMEOUT:?}"))))
    }
}

impl HttpClient {
    async fn get(&self, uri: Uri) -> Result<Bytes, FetchError> {
        let mut request = Request::new(Full::default());
        *request.method_mut() = Method::GET;
        *request.uri_mut() = uri;
        let response = self.send(request).await.map_err(|error| FetchError(chain(&error)))?;
        if response.status() != StatusCode::OK {
            return Err(FetchError(format!("answered with status {}", response.status().as_u16())));
        }
        collect(response.into_body(), DOCUMENT_BYTES).await.map_err(|error| FetchError(chain(&error)))
    }
}

/// TLS 1.2 and 1.3 by aws-lc.
fn tls_versions() -> Result<rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>, rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()
}

/// Makes connections, encrypted or not.
fn connector(limit: Duration, tls: &ClientConfig) -> Connector {
    let mut tcp = HttpConnector::new();
    // Without it small pieces wait for the acknowledgement of the piece before them, up to 40 ms each.
    tcp.set_nodelay(true);
    tcp.set_keepalive(Some(KEEPALIVE));
    tcp.enforce_http(false);
    let https = HttpsConnectorBuilder::new()
        .with_tls_config(tls.clone())
        .https_or_http()
        .enable_all_versions()
        .wrap_connector(tcp);
    Connector { https, limit }
}

/// One pool of connections.
fn client(connector: Connector) -> Client<Connector, Full<Bytes>> {
    Client::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(POOL_IDLE)
        .pool_max_idle_per_host(MAX_IDLE_PER_HOST)
        .http1_max_buf_size(READ_BUFFER_BYTES)
        .http2_initial_stream_window_size(STREAM_WINDOW_BYTES)
        .http2_initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .http2_keep_alive_interval(PING_INTERVAL)
        .http2_keep_alive_timeout(PING_TIMEOUT)
        .build(connector)
}

/// Connects within a time that covers name, TCP and TLS; the connector's own limit covers TCP alone.
#[derive(Clone)]
struct Connector {
    https: HttpsConnector<HttpConnector>,
    limit: Duration,
}

impl Service<Uri> for Connector {
    type Response = MaybeHttpsStream<TokioIo<TcpStream>>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.https.poll_ready(context)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let (connecting, limit) = (self.https.call(uri), self.limit);
        Box::pin(async move {
            match tokio::time::timeout(limit, connecting).await {
                Ok(connected) => connected,
                Err(_) => Err(format!("no connection within {limit:?}").into()),
            }
        })
    }
}

/// A place in a pool, given back when dropped.
struct Place(Arc<ConnectionPool>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The body of an answer, together with its place in the pool.
pub(crate) struct Incoming {
    /// What was read in advance.
    first: Option<Bytes>,
    rest: hyper::body::Incoming,
    _place: Option<Place>,
}

impl Incoming {
    /// Puts back what was read in advance.
    pub(crate) fn unread(&mut self, bytes: Bytes) {
        self.first = (!bytes.is_empty()).then_some(bytes);
    }
}

impl HttpBody for Incoming {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        Pin::new(&mut self.rest).poll_frame(context).map_err(Into::into)
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_none() && self.rest.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        // What was read in advance no longer counts in `rest`; nobody here needs the sum.
        if self.first.is_some() { SizeHint::default() } else { self.rest.size_hint() }
    }
}

/// The upstream's id of a request.
pub(crate) fn request_id(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

#[cfg(test)]
mod tests;
