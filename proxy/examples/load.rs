//! Load for the whole-process comparison: a fixed number of requests over kept connections, and how long each took.
//!
//! Loopback only, HTTP/1.1, with or without TLS. Prints one JSON object: percentiles in microseconds, of whole answers
//! or, with `--stream`, also of the first delta. With `--hold` it opens that many streams, says so, and keeps them open
//! until its standard input ends.

use std::error::Error;
use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use clap::Parser;
use http::{HeaderValue, Request};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject as _};
use rustls::{ClientConfig, RootCertStore};
use serde_json::json;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

type Failure = Box<dyn Error + Send + Sync>;

/// What is sent where, and how often.
#[derive(Debug, Clone, Parser)]
struct Options {
    /// Where; on loopback.
    #[arg(long)]
    address: SocketAddr,
    /// The CA in PEM that has signed the certificate of `localhost`; without it there is no TLS.
    #[arg(long)]
    ca: Option<PathBuf>,
    /// The path of the request.
    #[arg(long, default_value = "/v1/chat/completions")]
    path: String,
    /// A file with the body of the request.
    #[arg(long)]
    body: PathBuf,
    /// A file with bearer tokens, one a line, that take turns.
    #[arg(long)]
    tokens: Option<PathBuf>,
    /// How many requests, all connections together.
    #[arg(long, default_value_t = 10_000)]
    requests: usize,
    /// Requests before these that are not measured.
    #[arg(long, default_value_t = 200)]
    warmup: usize,
    /// Connections, each with one request at a time.
    #[arg(long, default_value_t = 1)]
    connections: usize,
    /// Whole seconds after which it gives up.
    #[arg(long, default_value_t = 120)]
    limit_s: u64,
    /// Measure the first data of the body too.
    #[arg(long)]
    stream: bool,
    /// Open so many streams and keep them.
    #[arg(long)]
    hold: Option<usize>,
}

/// What every connection needs.
struct Load {
    options: Options,
    tls: Option<TlsConnector>,
    body: Bytes,
    /// Values of `authorization`; none where that is not sent.
    tokens: Vec<HeaderValue>,
    /// How many requests were made.
    made: AtomicUsize,
    /// Requests that nobody has taken yet.
    left: AtomicUsize,
}

/// What one request took, microseconds.
#[derive(Debug, Clone, Copy)]
struct Took {
    first_us: u64,
    whole_us: u64,
    bytes: usize,
}

fn main() -> Result<(), Failure> {
    let options = Options::parse();
    if !options.address.ip().is_loopback() {
        return Err("the address is not on loopback".into());
    }
    let limit = Duration::from_secs(options.limit_s);
    let load = Arc::new(Load::new(options)?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match load.options.hold {
            Some(streams) => load.hold(streams).await,
            None => tokio::time::timeout(limit, load.run()).await.map_err(|_| "not done within --limit-s")?,
        }
    })
}

impl Load {
    fn new(options: Options) -> Result<Self, Failure> {
        let tls = options.ca.as_ref().map(|ca| -> Result<TlsConnector, Failure> {
            let mut roots = RootCertStore::empty();
            roots.add(CertificateDer::from_pem_file(ca)?)?;
            let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
            let config = ClientConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()?
                .with_root_certificates(roots)
                .with_no_client_auth();
            Ok(TlsConnector::from(Arc::new(config)))
        });
        let body = std::fs::read(&options.body)?.into();
        let tokens = options.tokens.as_ref().map(std::fs::read_to_string).transpose()?.unwrap_or_default();
        let tokens = tokens.lines().map(|token| HeaderValue::try_from(format!("Bearer {token}")));
        let tokens = tokens.collect::<Result<_, _>>()?;
        let (made, left) = (AtomicUsize::new(0), AtomicUsize::new(options.requests));
        Ok(Self { tls: tls.transpose()?, body, tokens, made, left, options })
    }

    /// Warms up, then sends all requests and prints how long they took.
    async fn run(self: &Arc<Self>) -> Result<(), Failure> {
        let mut tasks = JoinSet::new();
        let mut senders = Vec::new();
        let each = self.options.warmup.div_ceil(self.options.connections.max(1));
        for _ in 0..self.options.connections {
            let mut sender = self.connect(&mut tasks).await?;
            for _ in 0..each {
                self.request(&mut sender).await?;
            }
            senders.push(sender);
        }
        let started = Instant::now();
        let mut workers = JoinSet::new();
        for sender in senders {
            let load = Arc::clone(self);
            workers.spawn(async move { load.work(sender).await });
        }
        let mut took = Vec::new();
        while let Some(worked) = workers.join_next().await {
            took.extend(worked??);
        }
        self.print(&took, started.elapsed())
    }

    async fn work(&self, mut sender: SendRequest<Full<Bytes>>) -> Result<Vec<Took>, Failure> {
        let mut took = Vec::new();
        while self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
        {
            took.push(self.request(&mut sender).await?);
        }
        Ok(took)
    }

    async fn connect(&self, tasks: &mut JoinSet<()>) -> Result<SendRequest<Full<Bytes>>, Failure> {
        let stream = TcpStream::connect(self.options.address).await?;
        stream.set_nodelay(true)?;
        let Some(tls) = &self.tls else { return handshake(stream, tasks).await };
        handshake(tls.connect(ServerName::try_from("localhost")?, stream).await?, tasks).await
    }

    fn make(&self) -> Result<Request<Full<Bytes>>, Failure> {
        let mut request = Request::post(&self.options.path)
            .header("host", "localhost")
            .header("content-type", "application/json");
        let turn = self.made.fetch_add(1, Ordering::Relaxed).checked_rem(self.tokens.len());
        if let Some(token) = turn.and_then(|turn| self.tokens.get(turn)) {
            request = request.header("authorization", token);
        }
        Ok(request.body(Full::new(self.body.clone()))?)
    }

    async fn request(&self, sender: &mut SendRequest<Full<Bytes>>) -> Result<Took, Failure> {
        let request = self.make()?;
        let started = Instant::now();
        sender.ready().await?;
        let response = sender.send_request(request).await?;
        let status = response.status();
        let mut body = response.into_body();
        let (mut first_us, mut bytes) = (0, 0_usize);
        while let Some(frame) = body.frame().await {
            let length = frame?.data_ref().map_or(0, Bytes::len);
            if bytes == 0 {
                first_us = microseconds(started);
            }
            bytes = bytes.saturating_add(length);
        }
        if !status.is_success() {
            return Err(format!("the answer was {status}").into());
        }
        Ok(Took { first_us, whole_us: microseconds(started), bytes })
    }

    /// Opens streams, waits for the first data of each, and keeps them until standard input ends.
    async fn hold(&self, streams: usize) -> Result<(), Failure> {
        let mut tasks = JoinSet::new();
        let mut bodies: Vec<Incoming> = Vec::new();
        for _ in 0..streams {
            let mut sender = self.connect(&mut tasks).await?;
            let mut body = sender.send_request(self.make()?).await?.into_body();
            body.frame().await.ok_or("a stream ended at once")??;
            bodies.push(body);
        }
        print(&json!({"open": bodies.len()}))?;
        tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
        Ok(())
    }

    fn print(&self, took: &[Took], elapsed: Duration) -> Result<(), Failure> {
        let whole = percentiles(took.iter().map(|took| took.whole_us).collect());
        let first = self.options.stream.then(|| percentiles(took.iter().map(|took| took.first_us).collect()));
        let bytes = took.first().map(|took| took.bytes);
        print(&json!({
            "requests": took.len(),
            "elapsed_us": u64::try_from(elapsed.as_micros())?,
            "whole_us": whole,
            "first_us": first,
            "bytes": bytes,
        }))
    }
}

async fn handshake<S>(stream: S, tasks: &mut JoinSet<()>) -> Result<SendRequest<Full<Bytes>>, Failure>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tasks.spawn(async {
        // How a connection ends is seen by whoever reads the answer.
        let _ = connection.await;
    });
    Ok(sender)
}

fn microseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX)
}

fn percentiles(mut values: Vec<u64>) -> serde_json::Value {
    values.sort_unstable();
    let at = |percent: usize| {
        let last = values.len().saturating_sub(1);
        let index = values.len().saturating_mul(percent).checked_div(100).unwrap_or_default().min(last);
        values.get(index).copied()
    };
    json!({"p50": at(50), "p90": at(90), "p99": at(99), "max": values.last()})
}

fn print(value: &serde_json::Value) -> Result<(), Failure> {
    let mut output = std::io::stdout();
    writeln!(output, "{value}")?;
    Ok(output.flush()?)
}
