//! A rehearsal that is interrupted, killed, or meets what it cannot use: it says why, leaves nothing running, and goes on.

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::rehearsal::{children, folder, kept, port_of, running};
use crate::support::{Desk, Ended};

/// A machine under load takes its time.
const SOON: Duration = Duration::from_mins(1);

/// Whether a process is at work. One that nobody waits for is none.
pub(crate) fn lives(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['Z', 'X']))
}

/// Waits until it is so.
#[track_caller]
pub(crate) fn until(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < SOON, "{what}: not within {SOON:?}");
        sleep(Duration::from_millis(10));
    }
}

fn is_served(port: u16) -> bool {
    TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
}

/// A program in the place of the proxy.
pub(crate) fn stand_in(desk: &Desk, script: &str) -> PathBuf {
    desk.write("stand-in", &format!("#!/bin/sh\n{script}\n"));
    let path = desk.path("stand-in");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[test]
fn interrupted_it_prints_the_command_that_goes_on() {
    let desk = folder().with("SRE_AGENT_DEPLOY_PRACTICE_LATENCY_MS", "30");
    let mut running = desk.start("rehearse");
    running.wait_for("cognito.user-pool: done");
    running.signal("INT");
    let ended = running.end().expect(8);
    let resume =
        ended.stderr.lines().find_map(|line| line.strip_prefix("resume: sre-agent-deploy ")).unwrap();
    assert_eq!(resume, "rehearse --resume");
    assert!(!desk.path(".rehearsal/served").exists(), "nothing was started");
    let desk = desk.with("SRE_AGENT_DEPLOY_PRACTICE_LATENCY_MS", "0");
    let ended = desk.run(&format!("{resume} --fast --ready-within 60s")).expect(0);
    let ended = ended.says(&["resuming sre-agent-rehearsal", "verified over TLS"]);
    assert!(ended.stdout.contains("ok        api.rehearsal.internal:"), "{}", ended.stdout);

    // While it verifies, as well: the account that is asked for its secret takes its time.
    let desk = desk.with("SRE_AGENT_DEPLOY_PRACTICE_LATENCY_MS", "1000");
    let mut running = desk.start("rehearse --resume --ready-within 60s");
    running.wait_for("asking the user pool");
    let proxy = children(running.id())[0];
    running.signal("INT");
    let ended = running.end().expect(8);
    assert!(ended.stderr.contains("resume: sre-agent-deploy rehearse --resume"), "{}", ended.stderr);
    assert!(!ended.stdout.contains("Verification"), "{}", ended.stdout);
    assert!(!lives(proxy));
    assert!(!desk.path(".rehearsal/served/token").exists());
}

#[test]
fn killed_in_the_account_it_goes_on() {
    let desk = folder().with("SRE_AGENT_DEPLOY_PRACTICE_LATENCY_MS", "30");
    let mut running = desk.start("rehearse");
    running.wait_for("create user pool");
    running.signal("KILL");
    assert_eq!(running.end().code, None);
    let desk = desk.with("SRE_AGENT_DEPLOY_PRACTICE_LATENCY_MS", "0");
    let status = desk.run("status --state-file .rehearsal/.deployment_state").expect(0);
    assert!(status.stdout.contains("next: sre-agent-deploy rehearse --resume"), "{}", status.stdout);
    desk.run("rehearse --resume --fast --ready-within 60s").expect(0).says(&["verified over TLS"]);
    desk.run("rehearse --cleanup --fast").expect(0);
}

#[test]
fn killed_while_it_serves_it_leaves_nothing_running_and_goes_on() {
    let desk = folder();
    let rehearsal = kept(&desk, "");
    let port = port_of(&running(&desk));
    let pids = children(rehearsal.id());
    assert_eq!(pids.len(), 1);
    assert!(is_served(port));
    rehearsal.signal("KILL");
    assert_eq!(rehearsal.end().code, None);
    until("the proxy ends with its parent", || !lives(pids[0]));

    // The file that it left deceives nobody.
    assert_eq!(port_of(&running(&desk)), port);
    let verified = desk.run("verify --mode rehearsal").expect(0);
    assert!(verified.stdout.contains("the rehearsal does not run now"), "{}", verified.stdout);
    desk.run("rehearse --resume --fast --ready-within 60s").expect(0).says(&["verified over TLS"]);
    desk.run("rehearse --cleanup --fast").expect(0);
}

#[test]
fn the_end_of_its_input_ends_it() {
    let desk = folder();
    let (mut rehearsal, input) = desk.start_with_input("rehearse --fast --keep --ready-within 60s");
    rehearsal.wait_for("running until Ctrl-C, SIGTERM or the end of its input");
    let proxy = children(rehearsal.id())[0];
    drop(input);
    rehearsal.end().expect(0).says(&["taken down"]);
    assert!(!lives(proxy));
}

#[test]
fn a_proxy_that_ends_while_it_is_kept_is_said() {
    let desk = folder();
    let rehearsal = kept(&desk, "");
    let proxy = children(rehearsal.id())[0];
    assert!(Command::new("kill").args(["-s", "KILL", &proxy.to_string()]).status().unwrap().success());
    rehearsal.end().expect(1).says(&["SRE-RUN-013", "the proxy ended by itself", "proxy.log"]);
}

#[test]
fn what_is_missing_or_taken_is_said_before_anything_is_made() {
    let desk = folder();
    let ended = desk.run("rehearse --fast --proxy-program nowhere").expect(2);
    ended.says(&[
        "SRE-RUN-010",
        "`nowhere`",
        "--proxy-program",
        "SRE_AGENT_DEPLOY_PROXY",
        "nothing was made yet",
    ]);
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    let ended = desk.run(&format!("rehearse --fast --port {port}")).expect(2);
    ended.says(&["SRE-RUN-012", &format!("port {port} of 127.0.0.1 cannot be used")]);
    assert!(!desk.path(".rehearsal").exists());
    desk.run("rehearse --fast --port 0").expect(2);

    // A program that was copied elsewhere alone says how to build the other.
    fs::copy(env!("CARGO_BIN_EXE_sre-agent-deploy"), desk.path("alone")).unwrap();
    let output =
        Command::new(desk.path("alone")).arg("rehearse").current_dir(desk.path(".")).env_clear().output();
    Ended::of(output.unwrap()).expect(2).says(&["SRE-RUN-010", "cargo build -p proxy"]);
    assert!(!desk.path(".rehearsal").exists());
}

#[test]
fn a_proxy_that_does_not_serve_is_explained_and_taken_down() {
    let desk = folder();
    let program = stand_in(&desk, "echo one >&2; echo 'panicked at \u{1b}[31mnothing' >&2; exit 3");
    let line = format!("rehearse --fast --proxy-program {}", program.display());
    let ended =
        desk.run(&line).expect(1).says(&["SRE-RUN-013", "exit status: 3", "panicked at", "proxy.log"]);
    assert!(!ended.stderr.contains('\u{1b}'), "{}", ended.stderr);
    assert!(ended.stderr.contains("resume: sre-agent-deploy rehearse --resume"), "{}", ended.stderr);

    stand_in(&desk, "echo $$ > pid; echo warming up; exec sleep 600");
    let ended = desk.run(&format!("{line} --ready-within 1s")).expect(9);
    ended.says(&["SRE-RUN-014", "not ready after 1s", "warming up", "--ready-within 60s"]);
    let pid = desk.read("pid").trim().parse().unwrap();
    until("the stand-in is taken down", || !lives(pid));

    // By signal, and by kill -9: a program that listens to nobody ends with its parent.
    for (signal, code) in [("INT", Some(8)), ("KILL", None)] {
        fs::remove_file(desk.path("pid")).unwrap();
        stand_in(&desk, "trap '' TERM INT HUP; echo $$ > pid.new; mv pid.new pid; exec sleep 600");
        let running = desk.start(&format!("{line} --ready-within 60s"));
        until("the stand-in runs", || desk.path("pid").exists());
        running.signal(signal);
        let ended = running.end();
        assert_eq!(ended.code, code, "{}", ended.stderr);
        if code.is_some() {
            assert!(ended.stderr.contains("resume: sre-agent-deploy rehearse --resume"), "{}", ended.stderr);
        }
        let pid = desk.read("pid").trim().parse().unwrap();
        until("the stand-in ends", || !lives(pid));
    }
    desk.run("rehearse --resume --fast --ready-within 60s").expect(0).says(&["verified over TLS"]);
}

#[test]
fn a_damaged_practice_account_is_exit_11_with_the_way_out() {
    let desk = folder();
    desk.run("rehearse --fast --ready-within 60s").expect(0);
    desk.write(".rehearsal/account.json", "{");
    desk.run("rehearse --fast").expect(11).says(&["SRE-STATE-008", "it holds nothing real"]);
}
