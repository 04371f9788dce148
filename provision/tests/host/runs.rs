//! Runs that end as they should.

use std::path::Path;

use provision::host::Before;
use systemd::Layout;
use systemd::host::{Entry, Host, Meta, Verb};
use systemd::units::PROXY_SERVICE;

use crate::support::{Bench, wanted};

const PROXY_YAML: &str = "/etc/sre-agent/proxy.yaml";

#[test]
fn what_is_installed_serves_survives_a_reboot_and_goes_without_a_trace() {
    let bench = Bench::new();
    let fresh = bench.host.snapshot();
    let outcome = bench.install(&wanted("one", "a: 1")).unwrap();
    assert_eq!(outcome.seen, "serves");
    insta::assert_snapshot!("installed", bench.machine().paths().join("\n"));
    let after = bench.host.snapshot();
    // A second time nothing is changed, not even the journal.
    let again = bench.install(&wanted("one", "a: 1")).unwrap();
    assert!(again.changed.is_empty() && bench.host.snapshot() == after);
    bench.host.reboot();
    assert!(bench.install(&wanted("one", "a: 1")).unwrap().changed.is_empty());
    let removal = bench.uninstall(false).unwrap();
    assert!(removal.findings.is_empty() && !removal.is_incomplete, "{removal:?}");
    assert_eq!(bench.host.snapshot().paths(), fresh.paths());
    assert_eq!(bench.host.snapshot(), fresh);
}

#[test]
fn what_others_had_there_is_put_back() {
    let bench = Bench::new();
    let host = &bench.host;
    let theirs = Meta { mode: 0o604, uid: 7, gid: 8 };
    host.seed_user("bedrock-nova-proxy");
    host.make_folder(Path::new("/etc/sre-agent"), Meta::root(0o755)).unwrap();
    host.write(Path::new(PROXY_YAML), b"theirs", theirs).unwrap();
    host.write(Path::new("/etc/systemd/system/bedrock-nova-proxy.service"), b"theirs", theirs).unwrap();
    host.make_folder(Path::new("/opt/sre-agent"), Meta::root(0o755)).unwrap();
    host.make_folder(Path::new("/opt/sre-agent/bin"), Meta::root(0o755)).unwrap();
    host.link(Path::new("/opt/sre-agent/bin/bedrock-nova-proxy"), Path::new("/usr/bin/theirs")).unwrap();
    host.systemctl(Verb::DaemonReload, "").unwrap();
    let before = host.snapshot();
    bench.install(&wanted("one", "a: 1")).unwrap();
    assert_eq!(bench.read(PROXY_YAML), "a: 1");
    let state = bench.state().unwrap();
    assert_eq!(state.things["user bedrock-nova-proxy"].before, Before::There);
    assert_eq!(state.things[&format!("file {PROXY_YAML}")].before, Before::Kept);
    bench.uninstall(false).unwrap();
    assert_eq!(host.snapshot().paths(), before.paths());
    assert_eq!(host.snapshot(), before);
}

#[test]
fn an_edited_setting_stays_until_the_wanted_one_changes_and_is_then_kept_aside() {
    let bench = Bench::new();
    bench.install(&wanted("one", "a: 1")).unwrap();
    let edited = Meta { mode: 0o640, uid: 0, gid: bench.host.group("bedrock-nova-proxy").unwrap().unwrap() };
    bench.host.write(Path::new(PROXY_YAML), b"a: 1 # mine", edited).unwrap();
    assert!(bench.install(&wanted("one", "a: 1")).unwrap().changed.is_empty());
    assert_eq!(bench.read(PROXY_YAML), "a: 1 # mine");
    let outcome = bench.install(&wanted("one", "a: 2")).unwrap();
    assert_eq!(outcome.findings[0].code, "SRE-HOST-026");
    assert_eq!(bench.read(PROXY_YAML), "a: 2");
    let kept = Layout::default().state().join("edited");
    let names = bench.host.list(&kept).unwrap();
    assert_eq!(bench.host.read(&kept.join(&names[0])).unwrap(), b"a: 1 # mine");
}

#[test]
fn an_upgrade_exchanges_the_link_restarts_and_removes_the_old_build() {
    let bench = Bench::new();
    bench.install(&wanted("one", "a: 1")).unwrap();
    let builds = || bench.host.list(Path::new("/opt/sre-agent/bin")).unwrap();
    let old = builds();
    bench.install(&wanted("two", "a: 1")).unwrap();
    let new = builds();
    assert_eq!((old.len(), new.len()), (4, 4));
    assert_ne!(old, new);
    let program = bench.host.unit(PROXY_SERVICE).unwrap().program.unwrap();
    assert_eq!(bench.host.read(&program).unwrap(), b"two");
}

#[test]
fn a_unit_that_is_no_longer_wanted_goes() {
    let bench = Bench::new();
    bench.install(&wanted("one", "a: 1")).unwrap();
    let mut less = wanted("one", "a: 1");
    less.units.pop();
    bench.install(&less).unwrap();
    let fewer = bench.machine();
    let only = Bench::new();
    only.install(&less).unwrap();
    assert_eq!(fewer, only.machine());
}

#[test]
fn data_can_be_kept_and_is_found_by_the_next_installation() {
    let bench = Bench::new();
    let fresh = bench.host.snapshot();
    bench.install(&wanted("one", "a: 1")).unwrap();
    let ledger = Path::new("/var/lib/bedrock-nova-proxy/usage.db");
    bench.host.make_folder(ledger.parent().unwrap(), Meta::root(0o700)).unwrap();
    bench.host.write(ledger, b"ledger", Meta::root(0o600)).unwrap();
    let live = "/etc/sre-agent/tls/live";
    bench.host.make_folder(Path::new("/etc/sre-agent/tls/pairs/real"), Meta::root(0o750)).unwrap();
    bench
        .host
        .write(Path::new("/etc/sre-agent/tls/pairs/real/fullchain.pem"), b"c", Meta::root(0o640))
        .unwrap();
    bench.host.link(Path::new(live), Path::new("pairs/real")).unwrap();
    let removal = bench.uninstall(true).unwrap();
    assert!(removal.kept.contains(&"user bedrock-nova-proxy".to_owned()));
    assert!(bench.host.look(Path::new("/opt/sre-agent")).unwrap() == Entry::Absent);
    assert_eq!(bench.read("/var/lib/bedrock-nova-proxy/usage.db"), "ledger");
    bench.install(&wanted("one", "a: 1")).unwrap();
    assert_eq!(bench.host.look(Path::new(live)).unwrap(), Entry::Link("pairs/real".into()));
    bench.uninstall(false).unwrap();
    assert_eq!(bench.host.snapshot().paths(), fresh.paths());
    assert_eq!(bench.host.snapshot(), fresh);
}

#[test]
fn a_lost_journal_is_made_up_for() {
    for is_reinstalled in [false, true] {
        let bench = Bench::new();
        let fresh = bench.host.snapshot();
        bench
            .host
            .write(Path::new("/etc/systemd/system/bedrock-nova-proxy.socket"), b"theirs", Meta::root(0o644))
            .unwrap();
        bench.install(&wanted("one", "a: 1")).unwrap();
        bench.host.remove(&Layout::default().journal()).unwrap();
        if is_reinstalled {
            bench.install(&wanted("two", "a: 2")).unwrap();
        }
        bench.uninstall(false).unwrap();
        assert_eq!(bench.read("/etc/systemd/system/bedrock-nova-proxy.socket"), "theirs");
        bench.host.remove(Path::new("/etc/systemd/system/bedrock-nova-proxy.socket")).unwrap();
        bench.host.systemctl(Verb::DaemonReload, "").unwrap();
        assert_eq!(bench.host.snapshot().paths(), fresh.paths());
        assert_eq!(bench.host.snapshot(), fresh);
    }
}

#[test]
fn what_is_in_the_way_is_named_and_nothing_is_changed() {
    let bench = Bench::new();
    bench.host.make_folder(Path::new("/etc/sre-agent"), Meta::root(0o755)).unwrap();
    bench.host.make_folder(Path::new(PROXY_YAML), Meta::root(0o755)).unwrap();
    let unit = Path::new("/etc/systemd/system/bedrock-nova-proxy.service");
    bench.host.link(unit, Path::new("/dev/null")).unwrap();
    let before = bench.machine();
    let error = bench.install(&wanted("one", "a: 1")).unwrap_err();
    let provision::host::HostRunError::Refused(findings) = error else { panic!("{error}") };
    let codes: Vec<&str> = findings.iter().map(|finding| finding.code.as_str()).collect();
    assert_eq!(codes, ["SRE-HOST-017", "SRE-HOST-012"]);
    assert_eq!(bench.machine(), before);
}
