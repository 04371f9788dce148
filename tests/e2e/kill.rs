//! SIGKILL at a changing call, on the wire: before the account sees it, and after the account has carried it out and
//! before the program hears of it. The engine's own tests do this at every call; here a sample meets real processes.

use std::os::unix::process::ExitStatusExt as _;
use std::sync::{Arc, Mutex};

use test_support::ProxyPlan;

use crate::workbench::Workbench;

/// Starts a deployment and kills it at its `k`-th change.
pub(crate) fn kill_at(bench: &Workbench, k: usize, after: bool) {
    let mut command = bench.deploying();
    let process: Arc<Mutex<Option<u32>>> = Arc::default();
    let victim = Arc::clone(&process);
    let kill = move |_: &_| {
        let pid = victim.lock().unwrap().expect("the program makes no call before it is started");
        let killed = std::process::Command::new("kill").args(["-KILL", &pid.to_string()]).status().unwrap();
        assert!(killed.success());
    };
    bench.proxy.plan(if after { ProxyPlan::after(k, kill) } else { ProxyPlan::before(k, kill) });
    let mut child = {
        let mut pid = process.lock().unwrap();
        let child = command.spawn().unwrap();
        *pid = Some(child.id());
        child
    };
    let status = child.wait().unwrap();
    assert_eq!(status.signal(), Some(9), "change {k} was never reached: {status}");
    bench.proxy.plan(ProxyPlan::forward());
}

/// Every second changing call from `first` on, by turns before and after the account has carried it out.
fn killed_and_resumed(first: usize) {
    let mut bench = Workbench::new();
    let empty = bench.inventory();
    bench.deploy().expect(0);
    let changes = bench.changes().len();
    assert!(changes >= 12, "{:?}", bench.changes());
    let whole = bench.inventory();
    for k in (first..=changes).step_by(2) {
        bench.again();
        let after = k / 2 % 2 == 0;
        kill_at(&bench, k, after);
        if k % 3 == 0 {
            // The state file is lost as well: tags and paths have to do.
            std::fs::remove_file(bench.path(".deployment_state")).unwrap();
        } else {
            bench.resume().expect(0);
            assert_eq!(bench.inventory(), whole, "change {k}, after: {after}");
        }
        bench.cleanup().expect(0);
        assert_eq!(bench.inventory(), empty, "change {k}, after: {after}");
    }
}

#[test]
fn killed_at_odd_calls_it_is_resumed_and_cleaned_up() {
    killed_and_resumed(1);
}

#[test]
fn killed_at_even_calls_it_is_resumed_and_cleaned_up() {
    killed_and_resumed(2);
}
