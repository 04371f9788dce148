//! A thousand endpoints that take 50 ms each, of which 50 never answer: bounded by the time-out plus 2 s, under 60 MB, at
//! most 256 sockets at a time.
//!
//! Run with `cargo bench -p checks --bench endpoints`. The server is a child process, so that the memory is that of the
//! checker alone. Ends with a failure where a bound is broken.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench may stop, and says what it saw")]

use std::cell::Cell;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use checks::cert::facts::Material;
use checks::remote::collect::{Options, endpoints};
use checks::remote::target::Target;
use futures::stream::{FuturesUnordered, StreamExt as _};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

const ENDPOINTS: usize = 1000;
const SILENT: usize = 50;
const LATENCY: Duration = Duration::from_millis(50);
const STEP: Duration = Duration::from_secs(5);
const GRACE: Duration = Duration::from_secs(2);
const MOST_SOCKETS: usize = 256;
const MOST_KILOBYTES: u64 = 60_000;

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some("serve") {
        serve();
        return ExitCode::SUCCESS;
    }
    println!("{ENDPOINTS} endpoints, {SILENT} of them silent, step {} s", STEP.as_secs());
    println!(
        "{:<18} {:>8} {:>10} {:>10} {:>8} {:>8}",
        "silent ones", "time", "processor", "memory", "sockets", "chains"
    );
    let mut is_good = true;
    for (label, place) in [
        ("none", (|_| false) as fn(usize) -> bool),
        ("evenly spread", |index| index.is_multiple_of(ENDPOINTS / SILENT)),
        ("all at the end", |index| index >= ENDPOINTS.saturating_sub(SILENT)),
    ] {
        is_good &= round(label, place);
    }
    if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// One run against a server of its own. The peak of memory is that of all runs so far.
fn round(label: &str, is_silent: fn(usize) -> bool) -> bool {
    let mut server = Command::new(std::env::current_exe().unwrap())
        .arg("serve")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(server.stdout.take().unwrap()).lines();
    let ports: Vec<u16> =
        said.next().unwrap().unwrap().split(' ').map(|port| port.parse().unwrap()).collect();
    let targets: Vec<Target> = (0..ENDPOINTS)
        .map(|index| {
            let port = if is_silent(index) { ports.last() } else { ports.first() };
            format!("127.0.0.1:{},sni=host{index}.example.com", port.unwrap()).parse().unwrap()
        })
        .collect();
    let options = Options { step: STEP, at_once: MOST_SOCKETS, ..Options::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (began, before) = (Instant::now(), processor());
    let found = runtime.block_on(endpoints(&targets, &options));
    let (took, worked) = (began.elapsed(), processor().saturating_sub(before));
    drop(server.stdin.take());
    let sockets: usize = said.next().unwrap().unwrap().parse().unwrap();
    server.wait().unwrap();
    let chains = found.iter().filter(|material: &&Material| material.items.len() == 2).count();
    let silent = (0..ENDPOINTS).filter(|index| is_silent(*index)).count();
    let kilobytes = peak();
    println!("{label:<18} {took:>8.2?} {worked:>10.2?} {:>7} MB {sockets:>8} {chains:>8}", kilobytes / 1000);
    let bound = if silent == 0 { GRACE } else { STEP.saturating_add(GRACE) };
    took <= bound
        && kilobytes <= MOST_KILOBYTES
        && sockets <= MOST_SOCKETS
        && chains == ENDPOINTS.saturating_sub(silent)
        && found.len() == ENDPOINTS
}

/// The most memory that this process ever had, in kB of 1024 bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line =
        status.lines().find_map(|line| line.strip_prefix("VmHWM:").or_else(|| line.strip_prefix("VmRSS:")));
    line.unwrap().split_whitespace().next().unwrap().parse().unwrap()
}

/// The processor time of this process, in ticks of 10 ms.
fn processor() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: u64 = fields.iter().skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks.saturating_mul(10))
}

/// The server: prints a port that answers after a while and one that never does, and at the end how many connections
/// were open at most.
fn serve() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let acceptor = TlsAcceptor::from(Arc::new(certificate()));
        let quick = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("{} {}", quick.local_addr().unwrap().port(), silent.local_addr().unwrap().port());
        let (open, most) = (Cell::new(0_usize), Cell::new(0_usize));
        let gauge = |by: isize| {
            open.set(open.get().saturating_add_signed(by));
            most.set(most.get().max(open.get()));
        };
        let treat = async |stream: TcpStream, acceptor: Option<TlsAcceptor>| {
            gauge(1);
            treat(stream, acceptor).await;
            gauge(-1);
        };
        let mut running = FuturesUnordered::new();
        let (stop, mut stopped) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || {
            // Until the one who measures closes it.
            let _ = std::io::stdin().lines().count();
            stop.send(())
        });
        loop {
            tokio::select! {
                _ = &mut stopped => break,
                accepted = quick.accept() => running.push(treat(accepted.unwrap().0, Some(acceptor.clone()))),
                accepted = silent.accept() => running.push(treat(accepted.unwrap().0, None)),
                Some(()) = running.next() => {}
            }
        }
        println!("{}", most.get());
    });
}

/// Answers after a while, or never.
async fn treat(mut stream: TcpStream, acceptor: Option<TlsAcceptor>) {
    let mut rest = [0; 4096];
    match acceptor {
        Some(acceptor) => {
            tokio::time::sleep(LATENCY).await;
            if let Ok(mut secured) = acceptor.accept(stream).await {
                let _ = secured.read(&mut rest).await;
            }
        }
        None => while stream.read(&mut rest).await.is_ok_and(|count| count > 0) {},
    }
}

fn certificate() -> ServerConfig {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec!["*.example.com".to_owned()])
        .unwrap()
        .signed_by(&key, &authority)
        .unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![leaf.der().clone(), authority.der().clone()],
            key.serialize_der().try_into().unwrap(),
        )
        .unwrap()
}
