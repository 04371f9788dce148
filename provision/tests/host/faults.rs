//! A kill before or after any change and in the middle of any line, and a failure of any change: the next run ends where
//! an undisturbed one does, and a removal ends at the beginning.

use std::sync::Arc;

use proptest::prelude::*;
use systemd::host::{Fail, Fuse, PracticeHost, Verb};
use systemd::host::{Host, Meta};

use crate::support::{Bench, wanted};

const HOWS: [Fail; 3] = [Fail::Once, Fail::DieBefore, Fail::DieAfter];

/// A machine with things of others on it.
fn machine() -> PracticeHost {
    let host = PracticeHost::default();
    let at = std::path::Path::new;
    host.make_folder(at("/etc/sre-agent"), Meta::root(0o755)).unwrap();
    host.write(at("/etc/sre-agent/proxy.yaml"), b"theirs", Meta { mode: 0o604, uid: 7, gid: 8 }).unwrap();
    host.write(at("/etc/systemd/system/bedrock-nova-proxy.service"), b"theirs", Meta::root(0o600)).unwrap();
    host.systemctl(Verb::DaemonReload, "").unwrap();
    host
}

/// How many changes a whole run makes.
fn changes(run: impl FnOnce(&Bench)) -> usize {
    let bench = Bench::on(machine(), Fuse::never());
    run(&bench);
    bench.fuse.count()
}

#[test]
fn an_installation_killed_anywhere_is_gone_on_with_or_removed() {
    let whole = Bench::on(machine(), Fuse::never());
    let fresh = whole.host.snapshot();
    whole.install(&wanted("one", "a: 1")).unwrap();
    let count = whole.fuse.count();
    assert!(count > 80, "{count}");
    for how in HOWS {
        for at in 0..count {
            let bench = Bench::on(machine(), Fuse::new(at, how));
            let _ = bench.install(&wanted("one", "a: 1"));
            let removed = Bench::on(bench.host.fork(), Fuse::never());
            let next = bench.again();
            next.install(&wanted("one", "a: 1")).unwrap_or_else(|error| panic!("{how:?} {at}: {error}"));
            assert_eq!(next.machine().paths(), whole.machine().paths(), "{how:?} at {at}");
            assert_eq!(next.machine(), whole.machine(), "{how:?} at {at}");
            // The same with a removal instead, and after it.
            for bench in [removed, next] {
                let removal = bench.uninstall(false).unwrap();
                assert!(!removal.is_incomplete, "{how:?} at {at}: {removal:?}");
                assert_eq!(bench.host.snapshot().paths(), fresh.paths(), "{how:?} at {at}");
                assert_eq!(bench.host.snapshot(), fresh, "{how:?} at {at}");
            }
        }
    }
}

#[test]
fn an_upgrade_killed_anywhere_leaves_something_that_serves_and_is_gone_on_with() {
    let before = |fuse: Arc<Fuse>| {
        let bench = Bench::on(machine(), Fuse::never());
        bench.install(&wanted("one", "a: 1")).unwrap();
        Bench::on(bench.host, fuse)
    };
    let whole = before(Fuse::never());
    whole.install(&wanted("two", "a: 2")).unwrap();
    let count = whole.fuse.count();
    for how in HOWS {
        for at in 0..count {
            let bench = before(Fuse::new(at, how));
            let ended = bench.install(&wanted("two", "a: 2"));
            let service = bench.host.unit(systemd::units::PROXY_SERVICE).unwrap();
            assert!(service.is_active(), "{how:?} at {at}: {ended:?}");
            // A crash of the machine itself: what is on the disk has to serve as well.
            let crashed = bench.host.fork();
            crashed.reboot();
            assert!(crashed.unit(systemd::units::PROXY_SERVICE).unwrap().is_active(), "{how:?} at {at}");
            let next = bench.again();
            next.install(&wanted("two", "a: 2")).unwrap_or_else(|error| panic!("{how:?} {at}: {error}"));
            assert_eq!(next.machine().paths(), whole.machine().paths(), "{how:?} at {at}");
            assert_eq!(next.machine(), whole.machine(), "{how:?} at {at}");
        }
    }
}

#[test]
fn a_removal_killed_anywhere_is_gone_on_with() {
    let fresh = machine().snapshot();
    let installed = || {
        let bench = Bench::on(machine(), Fuse::never());
        bench.install(&wanted("one", "a: 1")).unwrap();
        bench.host
    };
    let count = {
        let bench = Bench::on(installed(), Fuse::never());
        bench.uninstall(false).unwrap();
        bench.fuse.count()
    };
    for how in HOWS {
        for at in 0..count {
            let bench = Bench::on(installed(), Fuse::new(at, how));
            let _ = bench.uninstall(false);
            let next = bench.again();
            let removal = next.uninstall(false).unwrap();
            assert!(!removal.is_incomplete, "{how:?} at {at}: {removal:?}");
            assert_eq!(next.host.snapshot().paths(), fresh.paths(), "{how:?} at {at}");
            assert_eq!(next.host.snapshot(), fresh, "{how:?} at {at}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Several runs in a row, each killed or failing somewhere, wanting this or that; then one that is left alone.
    #[test]
    fn any_number_of_disturbed_runs_ends_where_an_undisturbed_one_does(
        runs in prop::collection::vec((0..160_usize, 0..3_usize, 0..4_usize), 1..5),
        is_removed: bool,
    ) {
        let host = machine();
        let fresh = host.snapshot();
        for (at, how, what) in runs {
            let bench = Bench::on(host.clone(), Fuse::new(at, HOWS[how]));
            let _ = match what {
                0 => bench.install(&wanted("one", "a: 1")).map(drop),
                1 => bench.install(&wanted("two", "a: 2")).map(drop),
                2 => bench.install(&wanted("broken program", "a: 3")).map(drop),
                _ => bench.uninstall(false).map(drop),
            };
        }
        let last = Bench::on(host, Fuse::never());
        if is_removed {
            prop_assert!(!last.uninstall(false).unwrap().is_incomplete);
            prop_assert_eq!(last.host.snapshot().paths(), fresh.paths());
            prop_assert_eq!(last.host.snapshot(), fresh);
        } else {
            let whole = Bench::on(machine(), Fuse::never());
            whole.install(&wanted("one", "a: 1")).unwrap();
            last.install(&wanted("one", "a: 1")).unwrap();
            prop_assert_eq!(last.machine().paths(), whole.machine().paths());
            prop_assert_eq!(last.machine(), whole.machine());
        }
    }
}

#[test]
fn the_fuse_reaches_every_change() {
    let count = changes(|bench| {
        bench.install(&wanted("one", "a: 1")).unwrap();
    });
    assert!(count > 80, "{count}");
}
