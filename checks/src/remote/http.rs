//! One HTTP/1.1 request over TCP or TLS: a connection of its own, every step with a deadline, the body bounded or in
//! pieces as they come. No redirect is followed and nothing is tried again: what the server said is what is wanted.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Body as _, Bytes, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, timeout, timeout_at};

use super::connect::{self, Failure};
use super::target::Host;
use super::tls::{self, Handshake, TlsError, Trust};

pub use super::url::Url;
pub use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};

/// What to send.
#[derive(Clone)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// Where to.
    pub url: Url,
    /// Headers besides `host`, `user-agent` and `content-length`. Secrets: mark their values as sensitive.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Request {
    /// A GET without headers.
    pub fn get(url: Url) -> Self {
        Self { method: Method::GET, url, headers: HeaderMap::new(), body: Bytes::new() }
    }

    /// A request with a body.
    pub fn new(method: Method, url: Url, body: impl Into<Bytes>) -> Self {
        Self { method, url, headers: HeaderMap::new(), body: body.into() }
    }

    /// The same request with one more header; a value that cannot stand in a header is left out.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.append(name, value);
        }
        self
    }

    /// The same request with `authorization: Bearer TOKEN`, which no `Debug` shows.
    #[must_use]
    pub fn bearer(mut self, token: &model::Secret<String>) -> Self {
        if let Ok(mut value) = HeaderValue::from_str(&format!("Bearer {}", token.expose())) {
            value.set_sensitive(true);
            self.headers.insert(header::AUTHORIZATION, value);
        }
        self
    }
}

/// How to send it.
#[derive(Debug, Clone)]
pub struct Options {
    /// Whom to believe.
    pub trust: Trust,
    /// Where to connect instead of looking the name up.
    pub address: Option<IpAddr>,
    /// For the look-up, for TCP to each address, and for TLS: how long each may take.
    pub step: Duration,
    /// From the request to the headers of the answer, and then to each piece of the body.
    pub answer: Duration,
    /// How large a body may be in all.
    pub body_limit: usize,
}

impl Default for Options {
    /// 5 s a step, 30 s for an answer, 1 MiB.
    fn default() -> Self {
        Self {
            trust: Trust::Recorded,
            address: None,
            step: Duration::from_secs(5),
            answer: Duration::from_secs(30),
            body_limit: 1 << 20,
        }
    }
}

/// How long each step took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Timing {
    /// The TCP handshake.
    pub connect: Duration,
    /// The TLS handshake, where there was one.
    pub tls: Option<Duration>,
    /// From the request until the headers of the answer.
    pub first_byte: Duration,
}

/// The head of an answer, with its body still to come.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// Who answered.
    pub peer: SocketAddr,
    /// What was seen of TLS, where there was some.
    pub handshake: Option<Handshake>,
    /// How long it took.
    pub timing: Timing,
    /// The body.
    pub body: Body,
}

/// An answer with all of its body.
#[derive(Debug, Clone)]
pub struct Whole {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// Who answered.
    pub peer: SocketAddr,
    /// What was seen of TLS, where there was some.
    pub handshake: Option<Handshake>,
    /// How long it took.
    pub timing: Timing,
    /// The body.
    pub body: Bytes,
}

impl Whole {
    /// The body as text, with what is not UTF-8 replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// When the server believes it is (`Date`, RFC 9110, section 6.6.1); none where it does not say so readably.
pub fn date(headers: &HeaderMap) -> Option<Timestamp> {
    let text = headers.get(header::DATE)?.to_str().ok()?;
    jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// The name has no address.
    #[error("`{name}` does not resolve ({reason})")]
    Resolve {
        /// The name.
        name: String,
        /// What the system's resolver said.
        reason: String,
    },
    /// No address could be connected to; this is what the last one said.
    #[error("{peer}: {failure}")]
    Connect {
        /// The address.
        peer: SocketAddr,
        /// What it said.
        failure: Failure,
    },
    /// TCP, but no TLS.
    #[error("{peer}: {error}")]
    Tls {
        /// The address.
        peer: SocketAddr,
        /// What went wrong.
        error: Box<TlsError>,
    },
    /// A connection, but no answer in time.
    #[error("no {what} within {} s", after.as_secs_f64())]
    TimedOut {
        /// What was waited for.
        what: &'static str,
        /// For how long.
        after: Duration,
    },
    /// The body is larger than was allowed.
    #[error("the body has more than {limit} bytes")]
    TooLong {
        /// The limit.
        limit: usize,
    },
    /// The server broke the protocol or off.
    #[error("the answer broke off or is no HTTP ({0})")]
    Broken(String),
}

/// Sends a request, and waits for the head of the answer.
pub async fn send(request: &Request, options: &Options) -> Result<Answer, HttpError> {
    let url = &request.url;
    let mut last = None;
    for peer in addresses(url, options).await? {
        match connect::tcp(peer, options.step).await {
            Err(failure) => last = Some(HttpError::Connect { peer, failure }),
            Ok((stream, latency)) => {
                let mut timing = Timing { connect: latency, ..Timing::default() };
                if !url.is_secure {
                    return exchange(stream, request, options, peer, None, timing).await;
                }
                let (stream, handshake) = tls::handshake(
                    stream,
                    url.host.server_name(),
                    &options.trust,
                    &["http/1.1"],
                    options.step,
                )
                .await
                .map_err(|error| HttpError::Tls { peer, error: Box::new(error) })?;
                timing.tls = Some(handshake.latency);
                return exchange(stream, request, options, peer, Some(handshake), timing).await;
            }
        }
    }
    Err(last.unwrap_or_else(|| HttpError::Resolve {
        name: url.host.to_string(),
        reason: "no address".to_owned(),
    }))
}

/// Sends a request, and waits for all of the answer.
pub async fn fetch(request: &Request, options: &Options) -> Result<Whole, HttpError> {
    let Answer { status, headers, peer, handshake, timing, mut body } = send(request, options).await?;
    let body = body.all().await?;
    Ok(Whole { status, headers, peer, handshake, timing, body })
}

async fn addresses(url: &Url, options: &Options) -> Result<Vec<SocketAddr>, HttpError> {
    let name = match (&options.address, &url.host) {
        (Some(address), _) | (None, Host::Address(address)) => {
            return Ok(vec![SocketAddr::new(*address, url.port)]);
        }
        (None, Host::Name { ascii, .. }) => ascii,
    };
    match timeout(options.step, tokio::net::lookup_host((name.as_str(), url.port))).await {
        Err(_) => Err(HttpError::TimedOut { what: "answer to the look-up of the name", after: options.step }),
        Ok(Err(error)) => Err(HttpError::Resolve { name: name.clone(), reason: error.to_string() }),
        Ok(Ok(found)) => Ok(found.collect()),
    }
}

async fn exchange<S>(
    stream: S,
    request: &Request,
    options: &Options,
    peer: SocketAddr,
    handshake: Option<Handshake>,
    mut timing: Timing,
) -> Result<Answer, HttpError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let broken = |error: hyper::Error| HttpError::Broken(chain(&error));
    let began = Instant::now();
    let deadline = began.checked_add(options.answer).unwrap_or(began);
    let late = |_| HttpError::TimedOut { what: "answer", after: options.answer };
    let (mut sender, connection) =
        timeout_at(deadline, http1::handshake(TokioIo::new(stream))).await.map_err(late)?.map_err(broken)?;
    let mut connection: Connection = Box::pin(connection);
    let outgoing = wire(request)?;
    let mut answer = std::pin::pin!(sender.send_request(outgoing));
    let mut is_closed = false;
    let answered = timeout_at(
        deadline,
        std::future::poll_fn(|cx| {
            // The connection is what moves bytes; its own failure reaches the request as well.
            if !is_closed && connection.as_mut().poll(cx).is_ready() {
                is_closed = true;
            }
            answer.as_mut().poll(cx)
        }),
    )
    .await
    .map_err(late)?
    .map_err(broken)?;
    timing.first_byte = began.elapsed();
    let (head, incoming) = answered.into_parts();
    let connection = (!is_closed).then_some(connection);
    let body = Body {
        incoming,
        connection,
        patience: options.answer,
        limit: options.body_limit,
        left: options.body_limit,
    };
    Ok(Answer { status: head.status, headers: head.headers, peer, handshake, timing, body })
}

/// The request as it goes over the wire.
fn wire(request: &Request) -> Result<http::Request<Full<Bytes>>, HttpError> {
    let mut outgoing = http::Request::builder()
        .method(request.method.clone())
        .uri(&request.url.path)
        .body(Full::new(request.body.clone()))
        .map_err(|error| HttpError::Broken(error.to_string()))?;
    let headers = outgoing.headers_mut();
    *headers = request.headers.clone();
    if let Ok(host) = HeaderValue::from_str(&request.url.authority()) {
        headers.insert(header::HOST, host);
    }
    headers
        .entry(header::USER_AGENT)
        .or_insert(HeaderValue::from_static(concat!("sre-agent-deploy/", env!("CARGO_PKG_VERSION"))));
    // One request a connection, and the server may know.
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    Ok(outgoing)
}

type Connection = Pin<Box<dyn Future<Output = Result<(), hyper::Error>> + Send>>;

/// The body of an answer.
pub struct Body {
    incoming: Incoming,
    connection: Option<Connection>,
    patience: Duration,
    limit: usize,
    left: usize,
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body").field("left", &self.left).finish_non_exhaustive()
    }
}

impl Body {
    /// The next piece, as it came; none at the end.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, HttpError> {
        let patience = self.patience;
        let next = std::future::poll_fn(|cx| {
            loop {
                if let Some(connection) = &mut self.connection
                    && connection.as_mut().poll(cx).is_ready()
                {
                    self.connection = None;
                }
                match Pin::new(&mut self.incoming).poll_frame(cx) {
                    Poll::Ready(Some(Ok(frame))) => {
                        // Trailers say nothing here.
                        if let Ok(data) = frame.into_data() {
                            return Poll::Ready(Ok(Some(data)));
                        }
                    }
                    Poll::Ready(Some(Err(error))) => {
                        return Poll::Ready(Err(HttpError::Broken(chain(&error))));
                    }
                    Poll::Ready(None) => return Poll::Ready(Ok(None)),
                    Poll::Pending => return Poll::Pending,
                }
            }
        });
        let late = |_| HttpError::TimedOut { what: "more of the body", after: patience };
        let data = timeout(patience, next).await.map_err(late)??;
        if let Some(data) = &data {
            self.left = self.left.checked_sub(data.len()).ok_or(HttpError::TooLong { limit: self.limit })?;
        }
        Ok(data)
    }

    /// All of it.
    pub async fn all(&mut self) -> Result<Bytes, HttpError> {
        let mut all = Vec::new();
        let began = Instant::now();
        while let Some(data) = self.chunk().await? {
            all.extend_from_slice(&data);
            // Each piece has its deadline; a trickle of them has this one.
            if began.elapsed() > self.patience {
                return Err(HttpError::TimedOut { what: "end of the body", after: self.patience });
            }
        }
        Ok(all.into())
    }
}

/// An error with its causes, on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
