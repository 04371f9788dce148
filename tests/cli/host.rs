//! `host` on a machine that boots: installed, asked by OpenAI's client, rebooted, upgraded under load, taken away.

#[path = "host/renewal.rs"]
mod renewal;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use test_support::{Booted, OpenAiClient};

/// The API key `practice`, as the proxy's tests have it.
const API_KEY: &str = "practice";
const API_KEY_SHA256: &str = "ada750e3f8464e9e1fd6a882b1a3b46cad39a1876c3fb7b85abe47a887c977fb";
const SOON: Duration = Duration::from_mins(1);
/// In the machine.
const BUNDLE: &str = "/srv/bundle";
const DEPLOY: &str = "/srv/bundle/bin/sre-agent-deploy";
/// What any machine changes by itself.
const RESTLESS: [&str; 9] = [
    "/etc/machine-id",
    "/etc/passwd-",
    "/etc/group-",
    "/etc/shadow-",
    "/etc/gshadow-",
    "/etc/.pwd.lock",
    "/var/lib/systemd/random-seed",
    "/var/lib/systemd/timesync",
    "/var/lib/systemd/timers",
];

fn program(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_BIN_EXE_sre-agent-deploy")).with_file_name(name);
    assert!(path.exists(), "{} is missing; build it: cargo build -p proxy", path.display());
    path
}

fn proxy_yaml(name: &str) -> String {
    json!({
        "version": 1,
        "listen": {"address": "0.0.0.0:443", "drain": "10s"},
        "tls": {
            "cert_path": "/etc/sre-agent/tls/live/fullchain.pem",
            "key_path": "/etc/sre-agent/tls/live/privkey.pem",
            "names": [name],
            "acme_challenges": "/etc/sre-agent/tls/challenges",
        },
        "auth": {"api_keys": [{"name": "ci", "sha256": API_KEY_SHA256}]},
        "upstreams": {"practice": {"kind": "practice"}},
        "models": {"gpt-4o": "amazon.nova-pro-v1:0"},
        "limits": {"requests_per_minute": 1_000_000, "tokens_per_hour": 1_000_000_000},
    })
    .to_string()
}

/// The authority cannot be reached: there is no network in the machine, and nobody on that port.
fn host_json() -> String {
    json!({
        "version": 1,
        "deployment_id": "sre-here",
        "region": "us-east-1",
        "domains": ["localhost"],
        "certificate": {"source": "acme", "directory": "https://127.0.0.1:9/directory", "challenge": "tls-alpn-01"},
    })
    .to_string()
}

/// A machine with a bundle on it.
fn machine() -> Booted {
    let machine = Booted::start();
    machine.copy(&program("sre-agent-deploy"), DEPLOY, 0o755);
    machine.copy(&program("bedrock-nova-proxy"), &format!("{BUNDLE}/bin/bedrock-nova-proxy"), 0o755);
    bundled(&machine, &host_json(), &proxy_yaml("localhost"));
    machine
}

/// Puts settings into the bundle.
fn bundled(machine: &Booted, host_json: &str, proxy_yaml: &str) {
    machine.write(&format!("{BUNDLE}/host.json"), host_json.as_bytes(), 0o600);
    machine.write(&format!("{BUNDLE}/proxy.yaml"), proxy_yaml.as_bytes(), 0o600);
    machine.shell(&format!("cd {BUNDLE}; sha256sum bin/* host.json proxy.yaml >SHA256SUMS"));
}

/// Exit code, stdout and stderr of `host ...` in the machine.
fn host(machine: &Booted, arguments: &str) -> (i32, String, String) {
    let mut command = vec![DEPLOY, "host"];
    command.extend(arguments.split_whitespace());
    let output = machine.output(&command);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

/// `host ...`, which has to succeed; its stdout.
fn done(machine: &Booted, arguments: &str) -> String {
    let (code, out, err) = host(machine, arguments);
    assert_eq!(code, 0, "host {arguments}: {out}{err}\n{}", machine.journal("bedrock-nova-proxy.service"));
    out
}

/// Everything that an installation could leave behind.
fn tree(machine: &Booted) -> Vec<String> {
    let listed = machine.shell(
        "find /etc /opt /usr/local /var/lib -xdev -printf '%p %y %m %U:%G %l\\n' | sort; \
         find /etc /opt -xdev -type f -exec sha256sum {} + | sort -k2",
    );
    let is_restless = |line: &str| RESTLESS.iter().any(|path| line.contains(path));
    listed.lines().filter(|line| !is_restless(line)).map(str::to_owned).collect()
}

/// The certificate that is served, as the root that the client trusts.
fn client(machine: &Booted, folder: &Path) -> OpenAiClient {
    let ca = folder.join("ca.pem");
    fs::write(&ca, machine.read("/etc/sre-agent/tls/live/fullchain.pem")).unwrap();
    OpenAiClient::new("https://localhost/v1", API_KEY, &ca)
}

const ASK: &str = r#"
answer = client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "hello"}])
print(json.dumps({"finish": answer.choices[0].finish_reason}))
"#;

fn answers(machine: &Booted, client: &OpenAiClient) {
    let said: Value = machine.inside(|| client.run(ASK, &[]));
    assert_eq!(said["finish"], "stop");
}

/// Asks until a file is there, each time over a new connection; counts what failed.
const LOAD: &str = r#"
import time, os
count, failed, slowest = 0, [], 0.0
while not os.path.exists(sys.argv[1]):
    began = time.monotonic()
    try:
        connect().chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "hello"}])
    except Exception as error:
        failed.append([time.time(), repr(error), repr(error.__cause__), time.monotonic() - began])
    count += 1
    slowest = max(slowest, time.monotonic() - began)
print(json.dumps({"count": count, "failed": failed, "slowest": slowest}))
"#;

#[test]
fn a_host_is_installed_answers_survives_a_reboot_is_upgraded_under_load_and_is_left_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let mut machine = machine();
    let before = tree(&machine);

    let started = Instant::now();
    let said = done(&machine, &format!("install --bundle {BUNDLE} --yes"));
    println!("installed in {:?}: {said}", started.elapsed());
    answers(&machine, &client(&machine, folder.path()));

    // Again: nothing is changed, and that is said.
    let journal = machine.read("/var/lib/sre-agent/host.journal");
    let at = |line: &str| serde_json::from_str::<Value>(line).unwrap()["at"].to_string();
    println!(
        "journal from {} to {}",
        at(journal.lines().next().unwrap()),
        at(journal.lines().last().unwrap())
    );
    let said = done(&machine, &format!("install --bundle {BUNDLE} --yes"));
    assert!(said.contains("nothing to change"), "{said}");
    assert_eq!(machine.read("/var/lib/sre-agent/host.journal"), journal);
    packages_are_asked_about_and_their_failure_is_told(&machine);

    machine.reboot();
    answers(&machine, &client(&machine, folder.path()));
    let status: Value = serde_json::from_str(&done(&machine, "status --format json")).unwrap();
    assert_eq!(status["program"]["installed"], status["program"]["running"]);
    assert_eq!(status["certificate"]["is_placeholder"], true);
    assert_eq!(status["findings"], json!([]), "{status:#}");

    // Another program of the same function: what follows the last section of an ELF file is nothing.
    machine.shell(&format!(
        "mkdir /srv/new /srv/bad; cp {BUNDLE}/bin/bedrock-nova-proxy /srv/new/; echo more >>/srv/new/bedrock-nova-proxy; \
         cp /bin/true /srv/bad/bedrock-nova-proxy"
    ));
    let stop = folder.path().join("stop");
    let client = client(&machine, folder.path());
    let load = machine.inside(|| client.start(LOAD, &[stop.to_str().unwrap()]));
    done(&machine, "upgrade --proxy-program /srv/new/bedrock-nova-proxy --yes");
    let old = done(&machine, "status --format json");
    // A program that accepts every configuration and ends at once.
    let (code, out, err) = host(&machine, "upgrade --proxy-program /srv/bad/bedrock-nova-proxy --yes");
    assert_eq!(code, 1, "{out}{err}");
    assert!(err.contains("SRE-HOST-022"), "{err}");
    fs::write(&stop, "").unwrap();
    let load = load.finish();
    println!("load: {load}");
    if load["failed"] != json!([]) {
        println!("{}", machine.shell("journalctl --no-pager --output=short-unix --unit=bedrock-nova-proxy.service --unit=bedrock-nova-proxy.socket | tail -60"));
    }
    assert_eq!(load["failed"], json!([]), "{load}");
    assert!(load["count"].as_u64().unwrap() > 0);
    let now: Value = serde_json::from_str(&done(&machine, "status --format json")).unwrap();
    let old: Value = serde_json::from_str(&old).unwrap();
    assert_eq!(now["program"], old["program"]);
    assert_ne!(now["program"], status["program"]);
    assert_eq!(machine.run(&["ls", "/opt/sre-agent/bin"]).lines().count(), 4);

    // The first one comes back with the bundle.
    done(&machine, &format!("upgrade --bundle {BUNDLE} --yes"));
    let now: Value = serde_json::from_str(&done(&machine, "status --format json")).unwrap();
    assert_eq!(now["program"], status["program"]);
    data_outlives_a_removal_and_is_taken_up_again(&machine);
    done(&machine, "uninstall --yes");
    is_as_before(&machine, &before);
}

/// With package managers that reach nobody, and without Docker.
fn packages_are_asked_about_and_their_failure_is_told(machine: &Booted) {
    machine.write("/srv/tools/docker", b"#!/bin/sh\nexit 1\n", 0o755);
    let manager = b"#!/bin/sh\necho \"$*\" >>/srv/tools/said\necho 'E: nobody is there' >&2\nexit 100\n";
    for name in ["apt-get", "dnf"] {
        machine.write(&format!("/srv/tools/{name}"), manager, 0o755);
    }
    let tools = |approval: &str| {
        let command = format!(
            "PATH=/srv/tools:$PATH {DEPLOY} host install --bundle {BUNDLE} --with-agent-tools {approval}"
        );
        let output = machine.output(&["sh", "-c", &command]);
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, said) = tools("");
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("--yes") && !machine.exists("/srv/tools/said"), "{said}");
    let (code, said) = tools("--yes");
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("error[SRE-HOST-028]") && said.contains("nobody is there"), "{said}");
    assert_eq!(machine.read("/srv/tools/said").lines().count(), 1);
}

/// Certificate and ledger stay, and an installation from a configuration goes on with them.
fn data_outlives_a_removal_and_is_taken_up_again(machine: &Booted) {
    let data = ["/etc/sre-agent/tls/live/privkey.pem", "/var/lib/bedrock-nova-proxy/usage.db"];
    let key = machine.read(data[0]);
    let said = done(machine, "uninstall --keep-data --yes");
    assert!(said.contains("kept: certificates and keys, ledger"), "{said}");
    assert!(data.iter().all(|path| machine.exists(path)) && !machine.exists("/opt/sre-agent"));
    let units = machine.output(&["systemctl", "list-unit-files", "--no-legend", "sre-agent*", "bedrock*"]);
    assert_eq!(String::from_utf8_lossy(&units.stdout), "");
    let config = "version: 1\ndeployment: {id: sre-here}\naws: {region: us-east-1}\n\
                  tls: {domain: api.sre-cli.net, source: acme, acme: {directory: \"https://127.0.0.1:9/directory\"}}\n";
    machine.write("/srv/config.yaml", config.as_bytes(), 0o600);
    let said =
        done(machine, &format!("install --config /srv/config.yaml --proxy-config {BUNDLE}/proxy.yaml --yes"));
    assert!(said.contains("answers over TLS"), "{said}");
    assert_eq!(machine.read(data[0]), key);
}

/// Nothing is left and nothing is gone, neither on the disk nor in systemd's mind.
fn is_as_before(machine: &Booted, before: &[String]) {
    let after = tree(machine);
    let left: Vec<&String> = after.iter().filter(|line| !before.contains(line)).collect();
    let gone: Vec<&String> = before.iter().filter(|line| !after.contains(line)).collect();
    assert!(left.is_empty() && gone.is_empty(), "left: {left:#?}\ngone: {gone:#?}");
    // systemd keeps the mere name of a service until the kernel has let go of the last process of its control group,
    // also after that process is gone; that is no unit.
    let names =
        machine.systemctl(&["list-units", "--all", "--no-legend", "sre-agent*", "bedrock*", "system-sre*"]);
    assert!(names.lines().all(|line| line.contains("not-found inactive dead")), "{names}");
    // It fails where there is none.
    let files = machine.output(&["systemctl", "list-unit-files", "--no-legend", "sre-agent*", "bedrock*"]);
    assert_eq!(String::from_utf8_lossy(&files.stdout), "");
    for unit in ["bedrock-nova-proxy.service", "bedrock-nova-proxy.socket", "sre-agent-renew.timer"] {
        let status = machine.output(&["systemctl", "status", unit]);
        assert_eq!(status.status.code(), Some(4), "{}", String::from_utf8_lossy(&status.stdout));
    }
}

#[test]
fn an_installation_and_an_upgrade_that_are_killed_are_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    let machine = machine();
    let before = tree(&machine);
    let killed = |after: usize, command: &str| {
        // Killed as soon as the journal has that many lines.
        machine.shell(&format!(
            "{DEPLOY} host {command} >/dev/null 2>&1 & child=$!; \
             while kill -0 $child 2>/dev/null && [ \"$(cat /var/lib/sre-agent/host.journal 2>/dev/null | wc -l)\" -lt {after} ]; do :; done; \
             kill -9 $child 2>/dev/null || true; wait $child || true"
        ));
    };
    for after in [10, 40, 80] {
        killed(after, &format!("install --bundle {BUNDLE} --yes"));
    }
    done(&machine, &format!("install --bundle {BUNDLE} --yes"));
    answers(&machine, &client(&machine, folder.path()));
    machine.shell(&format!(
        "mkdir /srv/new; cp {BUNDLE}/bin/bedrock-nova-proxy /srv/new/; echo more >>/srv/new/bedrock-nova-proxy"
    ));
    let lines = machine.read("/var/lib/sre-agent/host.journal").lines().count();
    killed(lines + 5, "upgrade --proxy-program /srv/new/bedrock-nova-proxy --yes");
    machine.wait_until("the service is up", SOON, |machine| {
        machine.property("bedrock-nova-proxy.service", "ActiveState") == "active"
    });
    answers(&machine, &client(&machine, folder.path()));
    done(&machine, "upgrade --proxy-program /srv/new/bedrock-nova-proxy --yes");
    answers(&machine, &client(&machine, folder.path()));
    // The journal is lost; what is ours is found all the same.
    machine.shell("rm /var/lib/sre-agent/host.journal");
    done(&machine, "uninstall --yes");
    is_as_before(&machine, &before);
}

#[test]
fn what_is_in_the_way_is_said_at_once_and_nothing_is_changed() {
    let machine = machine();
    machine.shell(&format!("printf x >>{BUNDLE}/proxy.yaml"));
    let (code, _, err) = host(&machine, &format!("install --bundle {BUNDLE} --yes"));
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("SRE-HOST-015") && err.contains("proxy.yaml"), "{err}");
    // A configuration that is refused, a unit that is masked, another server on the port.
    machine.write(&format!("{BUNDLE}/proxy.yaml"), b"version: 1\nnonsense: true\n", 0o600);
    machine.shell(&format!("cd {BUNDLE}; sha256sum bin/* host.json proxy.yaml >SHA256SUMS"));
    machine.shell("systemctl mask bedrock-nova-proxy.service");
    machine.shell("systemd-run --unit=other --quiet python3 -m http.server 443");
    machine.wait_until("the port is taken", SOON, |machine| {
        machine.shell("cat /proc/net/tcp").contains(":01BB ")
    });
    let before = tree(&machine);
    let (code, _, err) = host(&machine, &format!("install --bundle {BUNDLE} --yes"));
    for code in ["SRE-HOST-008", "SRE-HOST-012", "SRE-HOST-019"] {
        assert!(err.contains(&format!("error[{code}]")), "{code} is missing: {err}");
    }
    assert!(err.contains("python3"), "{err}");
    assert_eq!(code, 2, "{err}");
    assert_eq!(tree(&machine), before);
    assert_eq!(done(&machine, "uninstall --yes").trim(), "nothing to remove: nothing is installed here");
}

#[test]
fn who_is_not_root_is_told() {
    let output = Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups", env!("CARGO_BIN_EXE_sre-agent-deploy")])
        .args(["host", "status"])
        .output()
        .expect("setpriv runs (Debian: util-linux)");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("SRE-HOST-010") && said.contains("sudo"), "{said}");
}
