//! What clients notice of a new certificate and of a restart behind a socket that stays: the whole program under 200
//! requests a second.
//!
//! Run with `cargo bench -p proxy --bench swap`. Prints a table and fails where a request was refused, or where the p99
//! while certificates change is three times the usual or more. The requests come when they are due, whether those before
//! have been answered or not, and each is timed from then on. A fourth of them come over a connection of their own.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "a bench may stop, and prints what it found"
)]

use std::{
    collections::BTreeSet,
    fs,
    net::TcpListener,
    os::{fd::OwnedFd, unix::fs::symlink},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{ClientConfig, RootCertStore, client::Resumption, pki_types::ServerName};
use tokio::{net::TcpStream, task::JoinSet, time::Instant};
use tokio_rustls::TlsConnector;

/// Between two requests: 200 a second.
const EVERY: Duration = Duration::from_millis(5);
/// How long each part takes.
const PART: Duration = Duration::from_secs(12);
/// Connections that are kept.
const KEPT: usize = 16;
/// Between two certificates. The program takes half a second of silence for the end of a change.
const SWAP: Duration = Duration::from_millis(1500);
const RESTART: Duration = Duration::from_secs(3);
/// A request that takes longer counts as refused.
const PATIENCE: Duration = Duration::from_secs(20);
const BODY: &str = r#"{"model": "gpt-4o", "messages": [{"role": "user", "content": "hello"}]}"#;

type Sender = SendRequest<Full<Bytes>>;

/// A host: a store of pairs, a socket that outlives the program, and the program.
struct Host {
    folder: tempfile::TempDir,
    authority: CertifiedIssuer<'static, KeyPair>,
    socket: TcpListener,
    pairs: usize,
}

impl Host {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut host = Self { folder: tempfile::tempdir().unwrap(), authority, socket, pairs: 0 };
        host.swap();
        fs::create_dir(host.path("state")).unwrap();
        fs::write(
            host.path("proxy.yaml"),
            "version: 1\ntls: {cert_path: live/fullchain.pem, key_path: live/privkey.pem, acme_challenges: .}\n\
             auth: {api_keys: [{name: bench, sha256: ada750e3f8464e9e1fd6a882b1a3b46cad39a1876c3fb7b85abe47a887c977fb}]}\n\
             upstreams: {practice: {kind: practice}}\nmodels: {gpt-4o: amazon.nova-pro-v1:0}\n\
             limits: {requests_per_minute: 1000000, tokens_per_hour: 1000000000000, concurrent_requests: 10000}\n\
             telemetry: {metrics: {address: off}}\n",
        )
        .unwrap();
        host
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// Puts a new pair beside the old one, and switches the link.
    fn swap(&mut self) {
        self.pairs += 1;
        let folder = self.path("pairs").join(self.pairs.to_string());
        fs::create_dir_all(&folder).unwrap();
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        fs::write(folder.join("fullchain.pem"), params.signed_by(&key, &self.authority).unwrap().pem())
            .unwrap();
        fs::write(folder.join("privkey.pem"), key.serialize_pem()).unwrap();
        symlink(Path::new("pairs").join(self.pairs.to_string()), self.path("new")).unwrap();
        fs::rename(self.path("new"), self.path("live")).unwrap();
    }

    /// Starts the program as systemd does: the socket is file 3, and belongs to whoever has this id.
    fn start(&self) -> Child {
        let socket = OwnedFd::from(self.socket.try_clone().unwrap());
        Command::new("sh")
            .args([
                "-c",
                r#"exec 3<&0 0</dev/null; LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" serve --config "$1""#,
            ])
            .arg(env!("CARGO_BIN_EXE_bedrock-nova-proxy"))
            .arg(self.path("proxy.yaml"))
            .stdin(Stdio::from(socket))
            // As on a host, nothing is written where files are watched.
            .env("STATE_DIRECTORY", self.path("state"))
            .stderr(fs::File::create(self.path("state/log")).unwrap())
            .spawn()
            .unwrap()
    }

    /// A client that trusts the authority, and settles TLS anew for each connection.
    fn client(&self) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.as_ref().der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.resumption = Resumption::disabled();
        TlsConnector::from(Arc::new(config))
    }
}

/// Ends the program as systemd does; it drains.
fn stop(mut child: Child) {
    Command::new("kill").arg(child.id().to_string()).status().unwrap();
    child.wait().unwrap();
}

/// What the requests of one part have found.
#[derive(Default)]
struct Found {
    took: Mutex<Vec<Duration>>,
    refused: AtomicUsize,
    /// Kept connections that were closed before a request was answered on them; it was sent again.
    again: AtomicUsize,
    certificates: Mutex<BTreeSet<Vec<u8>>>,
}

struct Load {
    connector: TlsConnector,
    address: std::net::SocketAddr,
    kept: Vec<tokio::sync::Mutex<Option<Sender>>>,
    connections: Mutex<JoinSet<()>>,
}

impl Load {
    async fn connect(&self, found: &Found) -> Option<Sender> {
        let stream = TcpStream::connect(self.address).await.ok()?;
        stream.set_nodelay(true).ok()?;
        let stream = self.connector.connect(ServerName::try_from("localhost").ok()?, stream).await.ok()?;
        let leaf = stream.get_ref().1.peer_certificates()?.first()?.to_vec();
        found.certificates.lock().unwrap().insert(leaf);
        let (sender, connection) = handshake(TokioIo::new(stream)).await.ok()?;
        let mut connections = self.connections.lock().unwrap();
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
    async fn run(self: &Arc<Self>, part: Duration) -> Found {
        let found = Arc::new(Found::default());
        let mut requests = JoinSet::new();
        let started = Instant::now();
        for number in 0.. {
            let due = started + EVERY * u32::try_from(number).unwrap();
            if due - started >= part {
                break;
            }
            tokio::time::sleep_until(due).await;
            let (load, found) = (Arc::clone(self), Arc::clone(&found));
            requests.spawn(async move {
                match tokio::time::timeout(PATIENCE, load.request(number, &found)).await {
                    Ok(Some(())) => found.took.lock().unwrap().push(due.elapsed()),
                    _ => drop(found.refused.fetch_add(1, Ordering::Relaxed)),
                }
            });
        }
        requests.join_all().await;
        Arc::into_inner(found).unwrap()
    }
}

impl Found {
    /// In milliseconds.
    fn percentile(&self, percent: usize) -> f64 {
        let mut took = self.took.lock().unwrap().clone();
        took.sort_unstable();
        let last = took.len().saturating_sub(1);
        took.get((took.len() * percent / 100).min(last)).map_or(f64::NAN, |took| took.as_secs_f64() * 1000.0)
    }

    fn row(&self, name: &str) {
        let answered = self.took.lock().unwrap().len();
        let certificates = self.certificates.lock().unwrap().len();
        let counted = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
        println!(
            "| {name} | {answered} | {} | {} | {:.1} | {:.1} | {:.1} | {certificates} |",
            counted(&self.refused),
            counted(&self.again),
            self.percentile(50),
            self.percentile(99),
            self.percentile(100),
        );
    }
}

fn main() {
    // `cargo test --benches` only wants to know whether it runs.
    let part =
        if std::env::args().any(|argument| argument == "--test") { Duration::from_secs(2) } else { PART };
    let mut host = Host::new();
    let mut program = host.start();
    let load = Arc::new(Load {
        connector: host.client(),
        address: host.socket.local_addr().unwrap(),
        kept: (0..KEPT).map(|_| tokio::sync::Mutex::new(None)).collect(),
        connections: Mutex::default(),
    });
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    println!(
        "| 200 requests a second | answered | refused | sent again | p50, ms | p99, ms | longest, ms | certificates seen |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|---:|");
    runtime.block_on(load.run(Duration::from_secs(2)));
    let usual = runtime.block_on(load.run(part));
    usual.row("nothing else happens");
    let swapping = runtime.spawn({
        let load = Arc::clone(&load);
        async move { load.run(part).await }
    });
    while !swapping.is_finished() {
        host.swap();
        std::thread::sleep(SWAP);
    }
    let swapped = runtime.block_on(swapping).unwrap();
    swapped.row("a new certificate every 1.5 s");
    let restarting = runtime.spawn({
        let load = Arc::clone(&load);
        async move { load.run(part).await }
    });
    while !restarting.is_finished() {
        stop(program);
        program = host.start();
        std::thread::sleep(RESTART);
    }
    let restarted = runtime.block_on(restarting).unwrap();
    restarted.row("a restart every 3 s");
    stop(program);
    let refused = [&usual, &swapped, &restarted].map(|found| found.refused.load(Ordering::Relaxed));
    assert_eq!(refused, [0; 3], "requests were refused");
    let (before, during) = (usual.percentile(99), swapped.percentile(99));
    println!("\np99 while certificates change: {:.2} times the usual", during / before);
    assert!(part < PART || during < 3.0 * before, "{during} ms instead of {before} ms");
}
