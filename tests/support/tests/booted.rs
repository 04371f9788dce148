//! The booted machine that other tests stand on: what is put in is there, what is outside is not, and nothing stays.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test that is told by its environment which half it is, and helpers of tests"
)]

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::Duration;

use test_support::Booted;

const SOON: Duration = Duration::from_mins(1);
const ANSWER: &str = "[Unit]\nDescription=Answer\n[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/opt/answer\n\
    [Install]\nWantedBy=multi-user.target\n";

#[test]
fn a_machine_boots_runs_what_it_was_given_and_is_a_world_of_its_own() {
    let machine = Booted::prepare()
        .write("/opt/answer", b"#!/bin/sh\necho forty-two >/run/answer\n", 0o755)
        .write("/etc/systemd/system/answer.service", ANSWER.as_bytes(), 0o644)
        .enable(&["answer.service"])
        .boot();
    assert_eq!(machine.read("/run/answer"), "forty-two\n");
    assert_eq!(machine.property("answer.service", "Result"), "success");
    assert_eq!(machine.systemctl(&["--failed", "--no-legend"]), "");

    machine.write("/etc/some where/a 'file'", b"\x00binary", 0o640);
    assert_eq!(machine.run(&["stat", "-c", "%a %s", "/etc/some where/a 'file'"]), "640 7\n");
    assert!(machine.exists("/etc/some where") && !machine.exists("/etc/nowhere"));
    assert!(
        !std::path::Path::new("/opt/answer").exists() && !std::path::Path::new("/etc/some where").exists()
    );

    // A port of the machine is not one of ours, and can be below 1024.
    let outside = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = outside.local_addr().unwrap().port();
    let said = machine.inside(|| {
        assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
        let listener = TcpListener::bind("0.0.0.0:443").unwrap();
        let mut client = TcpStream::connect("127.0.0.1:443").unwrap();
        client.write_all(b"hello").unwrap();
        drop(client);
        let mut said = String::new();
        listener.accept().unwrap().0.read_to_string(&mut said).unwrap();
        said
    });
    assert_eq!(said, "hello");
}

#[test]
fn a_machine_comes_back_after_a_reboot_a_power_cut_and_when_it_was_off() {
    let mut machine = Booted::start();
    let count = |machine: &Booted| machine.run(&["cat", "/var/lib/count"]).len();
    machine.shell("printf x >>/var/lib/count");
    machine.write("/run/gone", b"", 0o644);
    machine.reboot();
    assert!(!machine.exists("/run/gone"));
    machine.shell("printf x >>/var/lib/count; touch /run/gone");
    assert_eq!(count(&machine), 2);
    machine.power_cut();
    assert!(!machine.exists("/run/gone"));
    let off = machine.power_off();
    assert_eq!(off.read("/var/lib/count"), "xx");
    let machine = off.write("/etc/added", b"yes", 0o644).boot();
    assert_eq!(machine.read("/etc/added"), "yes");
    assert_eq!(count(&machine), 2);
}

/// Not a test: what the next one kills.
#[test]
fn a_test_that_waits_with_its_machine() {
    if std::env::var_os("SRE_BOOTED_WAITS").is_none() {
        return;
    }
    let machine = Booted::start();
    println!("machine {} {}", machine.read("/etc/hostname").trim(), machine.folder().display());
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
}

#[test]
fn nothing_stays_of_a_test_that_is_killed() {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_test_that_waits_with_its_machine", "--nocapture"])
        .env("SRE_BOOTED_WAITS", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    let mut stdout = child.stdout.take().unwrap();
    let mut byte = [0];
    while !(said.contains("machine ") && said.ends_with('\n')) {
        assert_eq!(stdout.read(&mut byte).unwrap(), 1, "it ended: {said}");
        said.push(char::from(byte[0]));
    }
    let (name, folder) = said.split("machine ").nth(1).unwrap().trim().split_once(' ').unwrap();
    assert!(!processes_with(name).is_empty());
    child.kill().unwrap();
    child.wait().unwrap();
    let started = std::time::Instant::now();
    while !processes_with(name).is_empty() {
        assert!(started.elapsed() < SOON, "still there: {:?}", processes_with(name));
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(!std::path::Path::new(folder).exists());
    // A first process outlives the program that ran the machine, unless somebody thinks of it.
    let left = || systemds().iter().any(|host| host.trim() == name);
    while left() {
        assert!(started.elapsed() < SOON, "its systemd is still there");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Processes in whose command line this word is, apart from their own.
fn processes_with(word: &str) -> Vec<String> {
    let mut found = Vec::new();
    for process in std::fs::read_dir("/proc").unwrap().flatten() {
        let line = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        if line.contains(word) {
            found.push(line);
        }
    }
    found
}

/// The names of the machines whose processes run.
fn systemds() -> Vec<String> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    processes
        .filter_map(|process| std::fs::read_to_string(process.path().join("root/etc/hostname")).ok())
        .collect()
}
