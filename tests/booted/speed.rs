//! How long the host commands take on a machine that boots, and what clients notice of a restart and of an upgrade: both
//! programs as whole processes under their real units.
//!
//! Run with `cargo build --release --workspace --bins && cargo bench --bench booted`, as root. Prints two tables, and
//! fails where a request was refused. A folder behind `--` has other programs than those of the same build.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "a bench may stop, and prints what it found"
)]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use serde_json::json;
use test_support::{Booted, Found, Load};

/// The installations, each of which is taken away again.
const RUNS: usize = 5;
/// How long each part of the load takes.
const PART: Duration = Duration::from_secs(12);
/// Between two restarts.
const RESTART: Duration = Duration::from_secs(3);
const BUNDLE: &str = "/srv/bundle";
const DEPLOY: &str = "/srv/bundle/bin/sre-agent-deploy";
const SERVICE: &str = "bedrock-nova-proxy.service";

/// A machine with a bundle on it.
fn machine(programs: &Path) -> Booted {
    let machine = Booted::start();
    for name in ["sre-agent-deploy", "bedrock-nova-proxy"] {
        machine.copy(&programs.join(name), &format!("{BUNDLE}/bin/{name}"), 0o755);
    }
    let tls = "/etc/sre-agent/tls";
    let proxy = json!({
        "version": 1,
        "listen": {"address": "0.0.0.0:443", "drain": "10s"},
        "tls": {
            "cert_path": format!("{tls}/live/fullchain.pem"),
            "key_path": format!("{tls}/live/privkey.pem"),
            "acme_challenges": format!("{tls}/challenges"),
        },
        "auth": {"api_keys": [
            {"name": "bench", "sha256": "ada750e3f8464e9e1fd6a882b1a3b46cad39a1876c3fb7b85abe47a887c977fb"}
        ]},
        "upstreams": {"practice": {"kind": "practice"}},
        "models": {"gpt-4o": "amazon.nova-pro-v1:0"},
        "limits": {
            "requests_per_minute": 1_000_000,
            "tokens_per_hour": 1_000_000_000_000_u64,
            "concurrent_requests": 10_000,
        },
    });
    // The authority cannot be reached: the placeholder is served.
    let host = json!({
        "version": 1,
        "deployment_id": "sre-here",
        "region": "us-east-1",
        "domains": ["localhost"],
        "certificate": {"source": "acme", "directory": "https://127.0.0.1:9/directory", "challenge": "tls-alpn-01"},
    });
    machine.write(&format!("{BUNDLE}/proxy.yaml"), proxy.to_string().as_bytes(), 0o600);
    machine.write(&format!("{BUNDLE}/host.json"), host.to_string().as_bytes(), 0o600);
    machine.shell(&format!("cd {BUNDLE}; sha256sum bin/* host.json proxy.yaml >SHA256SUMS"));
    machine
}

/// How long it takes, in seconds.
fn timed(work: impl FnOnce()) -> f64 {
    let started = Instant::now();
    work();
    started.elapsed().as_secs_f64()
}

/// `host ...`, which has to succeed.
fn host(machine: &Booted, arguments: &str) -> f64 {
    let command: Vec<&str> = [DEPLOY, "host"].into_iter().chain(arguments.split(' ')).collect();
    timed(|| drop(machine.run(&command)))
}

fn row(name: &str, mut took: Vec<f64>) {
    took.sort_unstable_by(f64::total_cmp);
    let last = took.len().saturating_sub(1);
    println!("| {name} | {:.2} | {:.2} | {:.2} |", took[0], took[last / 2], took[last]);
}

fn main() {
    let given = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let own = Path::new(env!("CARGO_BIN_EXE_sre-agent-deploy")).parent().unwrap().to_owned();
    let machine = machine(&given.map_or(own, PathBuf::from));
    let install = format!("install --bundle {BUNDLE} --yes");

    let (mut installed, mut again, mut removed) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..RUNS {
        installed.push(host(&machine, &install));
        again.push(host(&machine, &install));
        removed.push(host(&machine, "uninstall --yes"));
    }
    println!("| command | fastest, s | median, s | slowest, s |\n|---|---:|---:|---:|");
    row("`host install`", installed);
    row("`host install` again, with nothing to change", again);
    row("`host uninstall`", removed);
    host(&machine, &install);

    let pair = machine.read("/etc/sre-agent/tls/live/fullchain.pem");
    let authority = CertificateDer::from_pem_slice(pair.as_bytes()).unwrap();
    let load = Load::new("127.0.0.1:443".parse().unwrap(), authority);
    // Of one thread: the one that is in the machine's network.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    println!("\n{}", Found::head());
    let mut refused = 0;
    let mut part = |name: &str, length: Duration, meanwhile: &dyn Fn()| {
        let found = std::thread::scope(|scope| {
            let running = scope.spawn(|| machine.inside(|| runtime.block_on(load.run(length))));
            while !running.is_finished() {
                meanwhile();
            }
            running.join().unwrap()
        });
        refused += found.refused();
        println!("{}", found.row(name));
    };
    part("", Duration::from_secs(2), &|| std::thread::sleep(RESTART));
    part("nothing else happens", PART, &|| std::thread::sleep(RESTART));
    part("a restart every 3 s", PART, &|| {
        machine.systemctl(&["restart", SERVICE]);
        std::thread::sleep(RESTART);
    });
    // Another program of the same function: what follows the last section of an ELF file is nothing.
    machine.shell(&format!("cp {BUNDLE}/bin/bedrock-nova-proxy /srv/; echo more >>/srv/bedrock-nova-proxy"));
    part("an upgrade", PART, &|| {
        host(&machine, "upgrade --proxy-program /srv/bedrock-nova-proxy --yes");
        std::thread::sleep(PART);
    });
    assert_eq!(refused, 0, "requests were refused");
}
