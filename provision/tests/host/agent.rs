//! The services of the SRE agent by the same engine: complete, killed anywhere, and beside the proxy without a touch of
//! its things.

use std::path::Path;

use provision::host::backends::Wanted;
use systemd::host::{BROKEN, Fail, Fuse, Host, Meta, PracticeHost, Verb};
use systemd::units::agent::{TOKEN_TIMER, service};

use crate::support::{Bench, agents, wanted};

const HOWS: [Fail; 3] = [Fail::Once, Fail::DieBefore, Fail::DieAfter];
const PYTHON: &str = "/srv/python";

/// A machine with a Python, and somebody else's unit in the place of one of ours.
fn machine() -> PracticeHost {
    let host = PracticeHost::default();
    host.make_folder(Path::new("/srv"), Meta::root(0o755)).unwrap();
    host.write(Path::new(PYTHON), b"python", Meta::root(0o755)).unwrap();
    let theirs = format!("/etc/systemd/system/{TOKEN_TIMER}");
    host.write(Path::new(&theirs), b"theirs", Meta::root(0o600)).unwrap();
    host.systemctl(Verb::DaemonReload, "").unwrap();
    host
}

fn some() -> Wanted {
    agents("one", "10.0.0.1")
}

#[test]
fn they_are_installed_changed_and_go_without_a_trace() {
    let host = machine();
    let fresh = host.snapshot();
    let bench = Bench::of_agent(host.clone(), Fuse::never());
    assert_eq!(bench.install_agent(&some()).unwrap().seen, "answer");
    insta::assert_snapshot!("agent_installed", bench.machine().paths().join("\n"));
    let after = host.snapshot();
    assert!(bench.install_agent(&some()).unwrap().changed.is_empty() && host.snapshot() == after);
    host.reboot();
    assert!(bench.install_agent(&some()).unwrap().changed.is_empty());
    // Another address and another build: units anew, and the old build gone.
    let outcome = bench.install_agent(&agents("two", "10.0.0.2")).unwrap();
    assert!(outcome.changed.contains(&format!("running {}", service(model::agent::Backend::Logs))));
    assert_eq!(host.list(Path::new("/opt/sre-agent-gateway/bin")).unwrap().len(), 2);
    assert!(!bench.uninstall(false).unwrap().is_incomplete);
    assert_eq!(host.snapshot().paths(), fresh.paths());
    assert_eq!(host.snapshot(), fresh);
}

#[test]
fn the_logs_of_those_that_are_down_are_shown() {
    let host = machine();
    host.write(Path::new(PYTHON), BROKEN, Meta::root(0o755)).unwrap();
    let error = Bench::of_agent(host, Fuse::never()).install_agent(&some()).unwrap_err();
    let finding = provision::host::advice(&error, provision::host::Product::Agent);
    assert_eq!(finding.code, "SRE-HOST-020", "{finding:?}");
    assert!(finding.evidence.unwrap().contains("the log of sre-agent-backend-k8s.service"));
}

#[test]
fn killed_anywhere_an_installation_is_gone_on_with_or_removed() {
    let whole = Bench::of_agent(machine(), Fuse::never());
    let fresh = whole.host.snapshot();
    whole.install_agent(&some()).unwrap();
    let count = whole.fuse.count();
    assert!(count > 60, "{count}");
    for how in HOWS {
        for at in 0..count {
            let bench = Bench::of_agent(machine(), Fuse::new(at, how));
            let _ = bench.install_agent(&some());
            let removed = Bench::of_agent(bench.host.fork(), Fuse::never());
            let next = bench.again();
            next.install_agent(&some()).unwrap_or_else(|error| panic!("{how:?} {at}: {error}"));
            assert_eq!(next.machine().paths(), whole.machine().paths(), "{how:?} at {at}");
            assert_eq!(next.machine(), whole.machine(), "{how:?} at {at}");
            for bench in [removed, next] {
                assert!(!bench.uninstall(false).unwrap().is_incomplete, "{how:?} at {at}");
                assert_eq!(bench.host.snapshot().paths(), fresh.paths(), "{how:?} at {at}");
                assert_eq!(bench.host.snapshot(), fresh, "{how:?} at {at}");
            }
        }
    }
}

#[test]
fn neither_touches_what_the_other_installed() {
    let both = || {
        let host = machine();
        Bench::on(host.clone(), Fuse::never()).install(&wanted("one", "a: 1")).unwrap();
        let proxy = host.snapshot();
        Bench::of_agent(host.clone(), Fuse::never()).install_agent(&some()).unwrap();
        (host, proxy)
    };
    let (host, proxy) = both();
    let agent = Bench::of_agent(host.clone(), Fuse::never());
    assert!(
        Bench::on(host.clone(), Fuse::never()).install(&wanted("one", "a: 1")).unwrap().changed.is_empty()
    );
    agent.uninstall(false).unwrap();
    assert_eq!(host.snapshot().paths(), proxy.paths());
    assert_eq!(host.snapshot(), proxy);

    let (host, _) = both();
    let alone = Bench::of_agent(machine(), Fuse::never());
    alone.install_agent(&some()).unwrap();
    Bench::on(host.clone(), Fuse::never()).uninstall(false).unwrap();
    assert_eq!(host.snapshot().paths(), alone.host.snapshot().paths());
    // Also without a journal each finds its own things only.
    for lost in ["/var/lib/sre-agent/agent.journal", "/var/lib/sre-agent/host.journal"] {
        let (host, proxy) = both();
        host.remove(Path::new(lost)).unwrap();
        let bench = Bench::of_agent(host.clone(), Fuse::never());
        if lost.contains("agent.j") {
            assert!(!bench.uninstall(false).unwrap().is_incomplete);
            assert_eq!(host.snapshot().paths(), proxy.paths());
        } else {
            Bench::on(host.clone(), Fuse::never()).uninstall(false).unwrap();
            assert!(bench.install_agent(&some()).unwrap().changed.is_empty());
        }
    }
}
