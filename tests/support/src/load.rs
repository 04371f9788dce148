//! 200 requests a second to the proxy, and how long each took from the moment it was due, whether those before it have
//! been answered or not. A fourth of them come over a connection of their own, the others over a few that are kept.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "numbers of requests and moments within seconds"
)]

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use rustls::client::Resumption;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;

/// Between two requests: 200 a second.
const EVERY: Duration = Duration::from_millis(5);
/// Connections that are kept.
const KEPT: usize = 16;
/// A request that takes longer counts as refused.
const PATIENCE: Duration = Duration::from_secs(20);
const BODY: &str = r#"{"model": "gpt-4o", "messages": [{"role": "user", "content": "hello"}]}"#;

type Sender = SendRequest<Full<Bytes>>;

/// What the requests of one part have found.
#[derive(Debug, Default)]
pub struct Found {
    took: Mutex<Vec<Duration>>,
    refused: AtomicUsize,
    /// Kept connections that were closed before a request was answered on them; it was sent again.
    again: AtomicUsize,
    certificates: Mutex<BTreeSet<Vec<u8>>>,
}

/// A client of many connections.
pub struct Load {
    connector: TlsConnector,
    address: SocketAddr,
    kept: Vec<tokio::sync::Mutex<Option<Sender>>>,
    connections: Mutex<JoinSet<()>>,
}

impl Load {
    /// Asks the proxy at this address, which shows a certificate for `localhost` of this authority.
    pub fn new(address: SocketAddr, authority: CertificateDer<'static>) -> Arc<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(authority).expect("the authority's certificate is one");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider has them")
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.resumption = Resumption::disabled();
        Arc::new(Self {
            connector: TlsConnector::from(Arc::new(config)),
            address,
            kept: (0..KEPT).map(|_| tokio::sync::Mutex::new(None)).collect(),
            connections: Mutex::default(),
        })
    }

    async fn connect(&self, found: &Found) -> Option<Sender> {
        let stream = TcpStream::connect(self.address).await.ok()?;
        stream.set_nodelay(true).ok()?;
        let stream = self.connector.connect(ServerName::try_from("localhost").ok()?, stream).await.ok()?;
        let leaf = stream.get_ref().1.peer_certificates()?.first()?.to_vec();
        found.certificates.lock().expect("nobody panicked").insert(leaf);
        let (sender, connection) = handshake(TokioIo::new(stream)).await.ok()?;
        let mut connections = self.connections.lock().expect("nobody panicked");
        while connections.try_join_next().is_some() {}
        connections.spawn(async move { drop(connection.await) });
        Some(sender)
    }

    async fn ask(sender: &mut Sender) -> Option<()> {
        let request = Request::post("/v1/chat/completions")
            .header("host", "localhost")
            .header("content-type", "application/json")
            .header("authorization", "Bearer practice")
            .body(Full::new(Bytes::from_static(BODY.as_bytes())))
            .ok()?;
        sender.ready().await.ok()?;
        let answer = sender.send_request(request).await.ok()?;
        let is_fine = answer.status().is_success();
        answer.into_body().collect().await.ok()?;
        is_fine.then_some(())
    }

    /// One request, over a connection of its own or over one that is kept.
    async fn request(&self, number: usize, found: &Found) -> Option<()> {
        if number.is_multiple_of(4) {
            return Self::ask(&mut self.connect(found).await?).await;
        }
        let mut kept = self.kept[number % KEPT].lock().await;
        if let Some(mut sender) = kept.take() {
            if Self::ask(&mut sender).await.is_some() {
                *kept = Some(sender);
                return Some(());
            }
            found.again.fetch_add(1, Ordering::Relaxed);
        }
        let mut sender = self.connect(found).await?;
        Self::ask(&mut sender).await?;
        *kept = Some(sender);
        Some(())
    }

    /// Sends requests when they are due, for one part, and waits for the last answer.
    pub async fn run(self: &Arc<Self>, part: Duration) -> Found {
        let found = Arc::new(Found::default());
        let mut requests = JoinSet::new();
        let started = Instant::now();
        for number in 0.. {
            let due = started + EVERY * u32::try_from(number).expect("seconds have few requests");
            if due - started >= part {
                break;
            }
            tokio::time::sleep_until(due).await;
            let (load, found) = (Arc::clone(self), Arc::clone(&found));
            requests.spawn(async move {
                match tokio::time::timeout(PATIENCE, load.request(number, &found)).await {
                    Ok(Some(())) => found.took.lock().expect("nobody panicked").push(due.elapsed()),
                    _ => drop(found.refused.fetch_add(1, Ordering::Relaxed)),
                }
            });
        }
        requests.join_all().await;
        Arc::into_inner(found).expect("all requests have ended")
    }
}

impl Found {
    /// In milliseconds.
    pub fn percentile(&self, percent: usize) -> f64 {
        let mut took = self.took.lock().expect("nobody panicked").clone();
        took.sort_unstable();
        let last = took.len().saturating_sub(1);
        took.get((took.len() * percent / 100).min(last)).map_or(f64::NAN, |took| took.as_secs_f64() * 1000.0)
    }

    /// Requests that were not answered.
    pub fn refused(&self) -> usize {
        self.refused.load(Ordering::Relaxed)
    }

    /// The head of a table of [`Found::row`].
    pub fn head() -> String {
        "| 200 requests a second | answered | refused | sent again | p50, ms | p99, ms | longest, ms | certificates seen |\n\
         |---|---:|---:|---:|---:|---:|---:|---:|"
            .to_owned()
    }

    /// A row of it.
    pub fn row(&self, name: &str) -> String {
        let answered = self.took.lock().expect("nobody panicked").len();
        let certificates = self.certificates.lock().expect("nobody panicked").len();
        format!(
            "| {name} | {answered} | {} | {} | {:.1} | {:.1} | {:.1} | {certificates} |",
            self.refused(),
            self.again.load(Ordering::Relaxed),
            self.percentile(50),
            self.percentile(99),
            self.percentile(100),
        )
    }
}
