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
    reason = "a bench may stop, and prints what it found"
)]

use std::{
    fs,
    net::TcpListener,
    os::{fd::OwnedFd, unix::fs::symlink},
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use test_support::{Found, Load};

/// How long each part takes.
const PART: Duration = Duration::from_secs(12);
/// Between two certificates. The program takes half a second of silence for the end of a change.
const SWAP: Duration = Duration::from_millis(1500);
const RESTART: Duration = Duration::from_secs(3);

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
}

/// Ends the program as systemd does; it drains.
fn stop(mut child: Child) {
    Command::new("kill").arg(child.id().to_string()).status().unwrap();
    child.wait().unwrap();
}

fn main() {
    // `cargo test --benches` only wants to know whether it runs.
    let part =
        if std::env::args().any(|argument| argument == "--test") { Duration::from_secs(2) } else { PART };
    let mut host = Host::new();
    let mut program = host.start();
    let load = Load::new(host.socket.local_addr().unwrap(), host.authority.as_ref().der().clone());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    println!("{}", Found::head());
    runtime.block_on(load.run(Duration::from_secs(2)));
    let usual = runtime.block_on(load.run(part));
    println!("{}", usual.row("nothing else happens"));
    let swapping = runtime.spawn({
        let load = Arc::clone(&load);
        async move { load.run(part).await }
    });
    while !swapping.is_finished() {
        host.swap();
        std::thread::sleep(SWAP);
    }
    let swapped = runtime.block_on(swapping).unwrap();
    println!("{}", swapped.row("a new certificate every 1.5 s"));
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
    println!("{}", restarted.row("a restart every 3 s"));
    stop(program);
    let refused = [&usual, &swapped, &restarted].map(Found::refused);
    assert_eq!(refused, [0; 3], "requests were refused");
    let (before, during) = (usual.percentile(99), swapped.percentile(99));
    println!("\np99 while certificates change: {:.2} times the usual", during / before);
    assert!(part < PART || during < 3.0 * before, "{during} ms instead of {before} ms");
}
