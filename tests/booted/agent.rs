//! The services of the SRE agent on a machine that boots, with small servers in the place of the sample's: no key yet, a
//! key, killed, renewed, rebooted, installed while being killed, and taken away without a trace.

use std::path::{Path, PathBuf};

use model::agent::Backend;
use systemd::units::agent::{self, ENABLED, RESTART_PATH, TARGET, TOKEN_SERVICE, TOKEN_TIMER, service};
use test_support::Booted;

use crate::host::{SOON, pair};

/// Somebody who cloned the sample into their home.
const HOME: &str = "/home/cloner";
const DIR: &str = "/home/cloner/SRE-agent";
const DEPLOY: &str = "/srv/bin/sre-agent-deploy";
const JOURNAL: &str = "/var/lib/sre-agent/agent.journal";
const TOKEN: &str = "/home/cloner/SRE-agent/gateway/.access_token";
/// As upstream's servers have it, but for what they serve.
const SERVER: &str = include_str!("backend.py");

fn program(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_BIN_EXE_sre-agent-deploy")).with_file_name(name);
    assert!(path.exists(), "{} is missing; build it: cargo build -p proxy", path.display());
    path
}

/// A machine with the sample, whose state file says that the credential provider was made: a rehearsal that runs.
fn machine() -> Booted {
    let mut machine = Booted::prepare()
        .shell("useradd --create-home --shell /bin/sh cloner && chmod 0700 /home/cloner")
        .copy(&program("sre-agent-deploy"), DEPLOY, 0o755)
        .copy(&program("bedrock-nova-proxy"), "/srv/bin/bedrock-nova-proxy", 0o755)
        // Nobody waits ten seconds for a restart here.
        .write(
            "/etc/systemd/system/sre-agent-backend-.service.d/test.conf",
            b"[Service]\nRestartSec=100ms\n",
            0o644,
        )
        // A practice account is written to also by who only asks it.
        .write(
            &format!("/etc/systemd/system/{TOKEN_SERVICE}.d/test.conf"),
            format!("[Service]\nReadWritePaths=-{HOME}/.rehearsal\n").as_bytes(),
            0o644,
        )
        .write(&format!("{HOME}/secret"), b"of nobody else", 0o644)
        .write(&format!("{DIR}/gateway/create_gateway.sh"), b"#!/bin/bash\n", 0o755)
        .write(&format!("{DIR}/gateway/.env"), b"COGNITO_CLIENT_SECRET=x\n", 0o600)
        .write(&format!("{DIR}/sre_agent/.env"), b"USER_ID=Ann\n", 0o600);
    for backend in Backend::ALL {
        let name = backend.name();
        let port = backend.port();
        let schema =
            format!("servers:\n  - url: https://api.example.com:{port}\n  - url: http://localhost:{port}\n");
        machine = machine
            .write(&format!("{DIR}/backend/servers/{name}_server.py"), SERVER.as_bytes(), 0o644)
            .write(
                &format!("{DIR}/backend/openapi_specs/{}", backend.schema_file()),
                schema.as_bytes(),
                0o644,
            );
    }
    let machine = machine.shell(&format!("chown -R cloner: {HOME}")).boot();
    machine.shell(&format!(
        "systemd-run --quiet --unit=rehearsal --uid=cloner --working-directory={HOME} \
         {DEPLOY} rehearse --fast --keep --ready-within 60s --set gateway.name=sre-gateway"
    ));
    machine.wait_until("the rehearsal serves", SOON, |machine| {
        machine.journal("rehearsal.service").contains("running until Ctrl-C")
    });
    machine
}

/// A pair as renewal leaves it: aside, and then a link exchanged.
fn renew(machine: &Booted, name: &str) -> String {
    let (certificate, key) = pair(200);
    let folder = format!("/etc/sre-agent/tls/pairs/{name}");
    machine.write(&format!("{folder}/fullchain.pem"), certificate.as_bytes(), 0o640);
    machine.write(&format!("{folder}/privkey.pem"), key.as_bytes(), 0o640);
    machine.shell(&format!("cd /etc/sre-agent/tls; ln -s pairs/{name} live.new; mv -T live.new live"));
    certificate
}

/// Exit code, stdout and stderr of `gateway ...`.
fn gateway(machine: &Booted, arguments: &str) -> (i32, String, String) {
    let command: Vec<&str> = [DEPLOY, "gateway"].into_iter().chain(arguments.split_whitespace()).collect();
    let output = machine.output(&command);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

fn install(more: &str) -> String {
    format!("install --dir {DIR} --state-file {HOME}/.rehearsal/.deployment_state --address 127.0.0.1 {more}")
}

/// It has to succeed; its stdout.
fn done(machine: &Booted, arguments: &str) -> String {
    let (code, out, err) = gateway(machine, arguments);
    assert_eq!(code, 0, "gateway {arguments}: {out}{err}\n{}", machine.journal(service(Backend::K8s)));
    out
}

/// The status that a backend answers with, with the certificate checked where there is one to check against.
fn asked(machine: &Booted, backend: Backend, more: &str) -> String {
    let url = format!("https://localhost:{}/", backend.port());
    machine.shell(&format!(
        "curl --silent --output /dev/null --write-out '%{{http_code}}' --max-time 5 {more} {url} || true"
    ))
}

fn all_answer(machine: &Booted, more: &str) -> bool {
    Backend::ALL.into_iter().all(|backend| asked(machine, backend, more) == "401")
}

/// Everything that an installation could leave behind, as far as no machine changes it by itself.
fn tree(machine: &Booted) -> String {
    machine.shell(
        "find /etc/systemd /etc/passwd /etc/group /opt /var/lib/sre-agent /var/lib/private /home/cloner \
         ! -path '/home/cloner/SRE-agent/*' ! -path '/home/cloner/.rehearsal*' -printf '%p %y %m %U:%G %l\\n' \
         2>/dev/null | sort",
    )
}

#[test]
fn the_agents_services_are_installed_live_through_everything_and_leave_no_trace() {
    let mut machine = machine();
    let before = tree(&machine);
    what_is_in_the_way_is_said_at_once(&machine);
    let first = renew(&machine, "first");
    assert!(first.contains("BEGIN CERTIFICATE"));
    no_provider_yet_and_then_there_is_one(&machine);
    // Again: nothing is changed, and that is said.
    let journal = machine.read(JOURNAL);
    assert!(done(&machine, &install("--yes")).contains("nothing to change"));
    assert_eq!(machine.read(JOURNAL), journal);
    what_runs_is_confined(&machine);
    who_is_killed_comes_back(&machine);
    a_renewed_certificate_is_served(&machine);
    a_token_is_fetched_by_itself(&machine);
    let status: serde_json::Value = serde_json::from_str(&done(&machine, "status --format json")).unwrap();
    assert_eq!(status["findings"], serde_json::json!([]), "{status:#}");
    assert!(status["backends"].as_array().unwrap().iter().all(|one| one["answers"] == true), "{status:#}");

    done(&machine, "uninstall --yes");
    assert_eq!(tree(&machine), before);
    for after in [8, 20, 40] {
        killed(&machine, after);
    }
    done(&machine, &install("--yes"));
    machine.reboot();
    machine
        .wait_until("the backends answer after a reboot", SOON, |machine| all_answer(machine, "--insecure"));
    // The journal is lost; what is ours is found all the same.
    machine.shell(&format!("rm {JOURNAL}"));
    done(&machine, "uninstall --yes");
    assert_eq!(tree(&machine), before);
    // It fails where there is none.
    let files = machine.output(&["systemctl", "list-unit-files", "--no-legend", "sre-agent*"]);
    assert_eq!(String::from_utf8_lossy(&files.stdout), "");
}

fn what_is_in_the_way_is_said_at_once(machine: &Booted) {
    machine.shell("systemd-run --unit=other --quiet python3 -m http.server 8012");
    machine.wait_until("the port is taken", SOON, |machine| {
        machine.shell("cat /proc/net/tcp").contains(":1F4C ")
    });
    machine.shell(&format!("chmod 0600 {DIR}/backend/servers/logs_server.py"));
    let before = tree(machine);
    let wrong = format!("install --dir {DIR} --state-file {HOME}/nothing --address 192.0.2.7 --yes");
    let (code, _, err) = gateway(machine, &wrong);
    for code in
        ["SRE-AGENT-013", "SRE-AGENT-022", "SRE-AGENT-030", "SRE-AGENT-031", "SRE-AGENT-033", "SRE-AGENT-034"]
    {
        assert!(err.contains(&format!("error[{code}]")), "{code} is missing: {err}");
    }
    assert!(err.contains("python3") && code == 2, "{code}: {err}");
    assert_eq!(tree(machine), before);
    machine.shell(&format!(
        "systemctl stop other; chmod 0644 {DIR}/backend/servers/logs_server.py; mkdir -p {DIR}/.venv/bin {DIR}/.venv/lib; \
         ln -s /usr/bin/python3 {DIR}/.venv/bin/python; echo 'version = 3.12.4' >{DIR}/.venv/pyvenv.cfg; \
         chown -R cloner: {DIR}"
    ));
}

fn no_provider_yet_and_then_there_is_one(machine: &Booted) {
    let planned = done(machine, &install("--dry-run"));
    assert!(
        planned.contains("+ unit sre-agent-backend-k8s.service") && !machine.exists(JOURNAL),
        "{planned}"
    );
    let (code, _, err) = gateway(machine, &install("--yes --wait 1s"));
    assert!(code == 4 && err.contains("error[SRE-AGENT-035]"), "{code}: {err}");
    assert!(err.contains("Failed to retrieve API key") && err.contains(service(Backend::Runbooks)), "{err}");
    // More often than the five times at which systemd gives up by default.
    machine.wait_until("they are tried again and again", SOON, |machine| {
        machine.property(service(Backend::Metrics), "NRestarts").parse::<u32>().unwrap() > 6
    });
    machine.write("/srv/provider", b"the-key\n", 0o644);
    let said = done(machine, &install("--yes"));
    assert!(said.contains("runbooks on 8014 answer over TLS"), "{said}");
    assert!(all_answer(machine, "--cacert /etc/sre-agent/tls/live/fullchain.pem"));
    assert_eq!(asked(machine, Backend::K8s, "--insecure --header 'X-API-Key: the-key'"), "200");
}

fn what_runs_is_confined(machine: &Booted) {
    for backend in Backend::ALL {
        let said = machine.journal(service(backend));
        assert!(said.contains("sees ['SRE-agent'], writes [], reads []"), "{said}");
        assert!(!said.contains("runs as 0,"), "{said}");
    }
    for unit in agent::UNITS {
        let file = format!("/etc/systemd/system/{unit}");
        let judged = machine.output(&["systemd-analyze", "verify", "--man=no", &file]);
        let said = String::from_utf8_lossy(&judged.stderr);
        assert!(judged.status.success() && said.is_empty(), "{unit}: {said}");
    }
    for unit in [service(Backend::K8s), agent::RESTART_SERVICE, TOKEN_SERVICE] {
        machine.run(&["systemd-analyze", "security", "--no-pager", "--threshold=15", unit]);
    }
    assert_eq!(machine.property(service(Backend::K8s), "MemoryMax"), (512_u64 << 20).to_string());
}

fn who_is_killed_comes_back(machine: &Booted) {
    // By a fault, and as the sample's own stop script does it.
    for (backend, signal) in [(Backend::Logs, "--signal=KILL"), (Backend::Metrics, "--signal=TERM")] {
        let unit = service(backend);
        let before = machine.property(unit, "MainPID");
        machine.systemctl(&["kill", "--kill-who=main", signal, unit]);
        machine.wait_until("it is back", SOON, |machine| {
            machine.property(unit, "MainPID") != before && asked(machine, backend, "--insecure") == "401"
        });
    }
}

fn a_renewed_certificate_is_served(machine: &Booted) {
    let old = machine.property(service(Backend::K8s), "MainPID");
    renew(machine, "second");
    let new = "--cacert /etc/sre-agent/tls/live/fullchain.pem";
    machine.wait_until("the new certificate is served", SOON, |machine| all_answer(machine, new));
    assert_ne!(machine.property(service(Backend::K8s), "MainPID"), old);
    assert_eq!(machine.property(TARGET, "ActiveState"), "active");
    assert_eq!(machine.property(RESTART_PATH, "ActiveState"), "active");
}

fn a_token_is_fetched_by_itself(machine: &Booted) {
    machine.wait_until("the timer has fetched a token", SOON, |machine| machine.exists(TOKEN));
    assert_eq!(machine.read(TOKEN).split('.').count(), 3, "a JWT");
    let owned = machine.run(&["stat", "-c", "%U %a", TOKEN]);
    assert_eq!(owned, "cloner 600\n");
    assert!(machine.read(&format!("{DIR}/sre_agent/.env")).contains("GATEWAY_ACCESS_TOKEN=ey"));
    assert!(!machine.property(TOKEN_TIMER, "NextElapseUSecRealtime").is_empty());
    assert_eq!(machine.property(TOKEN_SERVICE, "Result"), "success");
    for unit in ENABLED {
        assert_eq!(machine.property(unit, "UnitFileState"), "enabled", "{unit}");
    }
}

/// An installation that is killed as soon as the journal has so many lines.
fn killed(machine: &Booted, after: usize) {
    let command = install("--yes");
    machine.shell(&format!(
        "{DEPLOY} gateway {command} >/dev/null 2>&1 & child=$!; \
         while kill -0 $child 2>/dev/null && [ \"$(cat {JOURNAL} 2>/dev/null | wc -l)\" -lt {after} ]; do :; done; \
         kill -9 $child 2>/dev/null || true; wait $child || true"
    ));
}
