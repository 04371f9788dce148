//! What runs on timers: when, with what result, and who is told when it fails.

use systemd::units::{BACKUP_SERVICE, BACKUP_TIMER, CHECK_SERVICE, CHECK_TIMER, RENEW_TIMER};
use test_support::Booted;

use crate::host::{SOON, installed, pair, serving};

/// Lines of priority alert.
fn alerts(machine: &Booted) -> String {
    machine.run(&["journalctl", "--sync"]);
    machine.run(&["journalctl", "--priority=alert", "--output=cat", "--no-pager"])
}

#[test]
fn all_timers_wait_for_their_next_moment() {
    let timers = [CHECK_TIMER, BACKUP_TIMER, RENEW_TIMER];
    let machine = installed().enable(&timers).boot();
    let listed = machine.systemctl(&["list-timers", "--no-legend"]);
    for timer in timers {
        assert!(listed.contains(timer), "{timer}: {listed}");
        assert_eq!(machine.property(timer, "ActiveState"), "active");
        assert!(!machine.property(timer, "NextElapseUSecRealtime").is_empty(), "{timer}");
    }
}

#[test]
fn the_ledger_is_copied_where_the_proxy_cannot_write() {
    let machine = serving();
    machine.systemctl(&["start", BACKUP_SERVICE]);
    machine.systemctl(&["start", BACKUP_SERVICE]);
    let copies = machine.shell("stat -c '%U %a' /var/lib/bedrock-nova-proxy-backups/usage-*.db");
    assert!(copies.starts_with("bedrock-nova-proxy 600\n"), "{copies}");
    let said = machine.journal(BACKUP_SERVICE);
    assert!(said.contains("entries copied and read through"), "{said}");
    // The proxy sees the folder, and root itself could not write from within its view.
    let proxy = machine.property("bedrock-nova-proxy.service", "MainPID");
    let write = ["nsenter", "--mount", "--target", &proxy, "touch", "/var/lib/bedrock-nova-proxy-backups/x"];
    let output = machine.output(&write);
    assert!(String::from_utf8_lossy(&output.stderr).contains("Read-only file system"), "{output:?}");
}

#[test]
fn an_expired_certificate_is_found_and_told_of_and_the_hook_is_called() {
    let hook = "#!/bin/sh\nread -r line\necho \"paged for $1: $line\"\njournalctl -u \"$1\" -n 1 >/dev/null || echo blind\n";
    let machine = installed()
        .write("/etc/sre-agent/on-failure", hook.as_bytes(), 0o750)
        .shell("chgrp bedrock-nova-proxy /etc/sre-agent/on-failure")
        .boot();
    // A good one is no news.
    machine.systemctl(&["start", CHECK_SERVICE]);
    assert_eq!(alerts(&machine), "");

    let (certificate, key) = pair(-10);
    machine.write("/etc/sre-agent/tls/pairs/first/fullchain.pem", certificate.as_bytes(), 0o640);
    machine.write("/etc/sre-agent/tls/pairs/first/privkey.pem", key.as_bytes(), 0o640);
    assert!(!machine.output(&["systemctl", "start", CHECK_SERVICE]).status.success());
    machine.wait_until("it is told of", SOON, |machine| {
        alerts(machine).contains("SRE-HOST-062: unit=sre-agent-check-certs.service result=exit-code status=5")
    });
    let unit = format!("sre-agent-failed@{CHECK_SERVICE}.service");
    machine.wait_until("the hook is called", SOON, |machine| {
        machine.journal(&unit).contains("paged for sre-agent-check-certs.service: SRE-HOST-062: unit=")
    });
    machine.wait_until("the hook ends", SOON, |machine| machine.property(&unit, "ActiveState") == "inactive");
    let said = machine.journal(&unit);
    assert!(!said.contains("blind") && machine.property(&unit, "Result") == "success", "{said}");
}

#[test]
fn a_hook_that_fails_is_said_as_well() {
    let machine = installed().write("/etc/sre-agent/on-failure", b"#!/bin/sh\nexit 3\n", 0o755).boot();
    let unit = "sre-agent-failed@some.service.service";
    assert!(!machine.output(&["systemctl", "start", unit]).status.success());
    let said = machine.journal(unit);
    assert!(said.contains("SRE-HOST-062: unit=some.service") && said.contains("SRE-HOST-063"), "{said}");
}
