//! The proxy behind its socket: started, restarted, reloaded, stopped dead.

use std::process::Stdio;

use systemd::units::{PROXY_SERVICE, PROXY_SOCKET};
use test_support::Booted;

use crate::host::{LIVE, SOON, config, drop_in, get, installed, serving};

#[test]
fn clients_are_served_from_boot_on_over_both_kinds_of_addresses() {
    let mut machine = serving();
    for url in [LIVE, "https://127.0.0.1/health/live", "https://[::1]/health/live"] {
        get(&machine, url)
            .unwrap_or_else(|error| panic!("{url}: {error}\n{}", machine.journal(PROXY_SERVICE)));
    }
    assert_eq!(machine.property(PROXY_SERVICE, "User"), "bedrock-nova-proxy");
    let journal = machine.journal(PROXY_SERVICE);
    assert!(journal.contains("serving"), "{journal}");
    assert_eq!(machine.systemctl(&["--failed", "--no-legend"]), "");
    // The ledger is the service's own.
    let ledger = machine.run(&[
        "stat",
        "-c",
        "%U %a",
        "/var/lib/bedrock-nova-proxy",
        "/var/lib/bedrock-nova-proxy/usage.db",
    ]);
    assert_eq!(ledger, "bedrock-nova-proxy 700\nbedrock-nova-proxy 600\n");

    machine.reboot();
    get(&machine, LIVE).unwrap();
}

#[test]
fn a_client_starts_the_service_and_none_is_refused_while_it_is_restarted() {
    let machine = installed().enable(&[PROXY_SOCKET]).boot();
    assert_eq!(machine.property(PROXY_SERVICE, "ActiveState"), "inactive");
    get(&machine, LIVE).unwrap();
    assert_eq!(machine.property(PROXY_SERVICE, "ActiveState"), "active");

    let clients = machine
        .command("sh")
        .args([
            "-c",
            "n=0; while [ ! -e /run/enough ]; do curl -sSk --fail --max-time 50 -o /dev/null \"$0\" && n=$((n + 1)) \
             || echo \"refused after $n\"; done; echo \"served $n\"",
            LIVE,
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    for _ in 0..4 {
        let before = machine.property(PROXY_SERVICE, "MainPID");
        machine.systemctl(&["restart", PROXY_SERVICE]);
        assert_ne!(machine.property(PROXY_SERVICE, "MainPID"), before);
    }
    machine.write("/run/enough", b"", 0o644);
    let output = clients.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        said.starts_with("served ") && !said.starts_with("served 0"),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn a_reload_takes_what_is_right_and_refuses_what_is_wrong_while_it_serves() {
    let machine = serving();
    let models = |machine: &Booted| get(machine, "https://localhost/v1/models").unwrap();
    assert!(!models(&machine).contains("gpt-4o-mini"));
    let before = machine.property(PROXY_SERVICE, "MainPID");
    let write = |text: &str| {
        machine.write("/etc/sre-agent/proxy.yaml", text.as_bytes(), 0o640);
        machine.run(&["chgrp", "bedrock-nova-proxy", "/etc/sre-agent/proxy.yaml"]);
    };
    write(&config("gpt-4o: amazon.nova-pro-v1:0, gpt-4o-mini: amazon.nova-lite-v1:0"));
    machine.systemctl(&["reload", PROXY_SERVICE]);
    machine.wait_until("the new model is listed", SOON, |machine| models(machine).contains("gpt-4o-mini"));

    write(&config("gpt-4o: {upstream: nobody, model: x}"));
    assert!(!machine.output(&["systemctl", "reload", PROXY_SERVICE]).status.success());
    assert_eq!(machine.property(PROXY_SERVICE, "ActiveState"), "active");
    assert!(models(&machine).contains("gpt-4o-mini"));
    let journal = machine.journal(PROXY_SERVICE);
    assert!(journal.contains("SRE-PROXY-003"), "{journal}");
    assert_eq!(machine.property(PROXY_SERVICE, "MainPID"), before);
}

#[test]
fn a_process_that_stands_still_is_replaced_and_who_waits_is_served() {
    let machine = serving();
    drop_in(&machine, PROXY_SERVICE, "[Service]\nWatchdogSec=2s\n");
    machine.systemctl(&["restart", PROXY_SERVICE]);
    let before = machine.property(PROXY_SERVICE, "MainPID");
    // It pings: well past its watchdog it is the same process.
    machine.run(&["sleep", "3"]);
    assert_eq!(machine.property(PROXY_SERVICE, "MainPID"), before);

    machine.systemctl(&["kill", "--kill-who=main", "--signal=STOP", PROXY_SERVICE]);
    get(&machine, LIVE).unwrap();
    assert_ne!(machine.property(PROXY_SERVICE, "MainPID"), before);
    // That is told of, although the unit never counts as failed.
    machine.wait_until("the watchdog is told of", SOON, |machine| {
        let told = machine.run(&["journalctl", "--priority=alert", "--output=cat", "--no-pager"]);
        told.contains("SRE-HOST-062: unit=bedrock-nova-proxy.service")
    });
}

#[test]
fn a_proxy_that_cannot_start_is_tried_until_it_can() {
    let machine = installed().enable(&[PROXY_SOCKET]).boot();
    machine.run(&["mv", "/etc/sre-agent/proxy.yaml", "/etc/sre-agent/away"]);
    drop_in(&machine, PROXY_SERVICE, "[Service]\nRestartSec=50ms\n");
    machine.output(&["systemctl", "start", "--no-block", PROXY_SERVICE]);
    // More often than the five times at which systemd gives up by default.
    machine.wait_until("it is started again and again", SOON, |machine| {
        machine.property(PROXY_SERVICE, "NRestarts").parse::<u32>().unwrap() > 7
    });
    assert_eq!(machine.property(PROXY_SOCKET, "ActiveState"), "active");
    machine.run(&["mv", "/etc/sre-agent/away", "/etc/sre-agent/proxy.yaml"]);
    get(&machine, LIVE).unwrap();
}
