//! A machine that boots its own systemd: an overlay of `/` in systemd-nspawn.
//!
//! It has a loopback of its own and no other network, so every port is free. What it writes is in memory and gone with
//! it. Nothing that is installed on the outer machine is started in there; what a test wants started it enables.

mod neighbour;
mod network;
mod preparation;
mod supervisor;

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

pub use neighbour::Neighbour;
pub use preparation::Preparation;
use supervisor::Supervisor;

/// A machine under load boots in seconds, a quiet one in half of one.
const BOOTS_WITHIN: Duration = Duration::from_mins(3);
/// How long one look may wait for the end of the boot, in seconds.
const ONE_WAIT: &str = "10";
/// Each look costs the machine's first process time, which on a busy machine it needs for its work.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A booted machine. It ends with this value, and with the test, however that ends.
#[derive(Debug)]
pub struct Booted {
    supervisor: Supervisor,
    /// The outer number of its first process.
    leader: u32,
}

impl Booted {
    /// A machine to be prepared.
    pub fn prepare() -> Preparation {
        Preparation::new()
    }

    /// A machine with nothing of ours.
    pub fn start() -> Self {
        Self::prepare().boot()
    }

    /// A command in the machine, as root, with nothing of the test's environment.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command
            .args(["--target", &self.leader.to_string(), "--all", "--wd=/", "--", program])
            .env_clear()
            .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .env("HOME", "/root")
            .env("LANG", "C.UTF-8")
            .env("SYSTEMD_PAGER", "")
            .env("SYSTEMD_COLORS", "0")
            .stdin(Stdio::null());
        command
    }

    /// Runs a command in the machine, whatever comes of it.
    pub fn output(&self, command: &[&str]) -> Output {
        let (program, arguments) = command.split_first().expect("a command has a program");
        self.command(program).args(arguments).output().expect("`nsenter` enters (Debian: util-linux)")
    }

    /// Runs a command in the machine, which has to succeed; its stdout.
    pub fn run(&self, command: &[&str]) -> String {
        let output = self.output(command);
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "`{}`: {}\n{stdout}{stderr}", command.join(" "), output.status);
        stdout
    }

    /// Runs lines of shell in the machine, which have to succeed; their stdout.
    pub fn shell(&self, script: &str) -> String {
        self.run(&["sh", "-euc", script])
    }

    /// `systemctl`, which has to succeed; its stdout.
    pub fn systemctl(&self, arguments: &[&str]) -> String {
        let mut command = vec!["systemctl", "--no-pager"];
        command.extend(arguments);
        self.run(&command)
    }

    /// A property of a unit, as `systemctl show` says it.
    pub fn property(&self, unit: &str, name: &str) -> String {
        self.systemctl(&["show", "--value", "--property", name, unit]).trim_end().to_owned()
    }

    /// What the journal holds of a unit, without times.
    pub fn journal(&self, unit: &str) -> String {
        self.run(&["journalctl", "--sync"]);
        self.run(&["journalctl", "--no-pager", "--output=cat", "--unit", unit])
    }

    /// A file of the machine.
    pub fn read(&self, path: &str) -> String {
        self.run(&["cat", path])
    }

    /// Whether there is such a file, folder or link.
    pub fn exists(&self, path: &str) -> bool {
        self.output(&["test", "-e", path]).status.success()
            || self.output(&["test", "-L", path]).status.success()
    }

    /// Writes a file of the machine, with the folders above it.
    pub fn write(&self, path: &str, content: &[u8], mode: u32) {
        let mut command = self.command("sh");
        command.args(["-euc", supervisor::WRITE, "sh", path, &format!("{mode:o}")]);
        supervisor::feed(command, content, path);
    }

    /// Copies a file of the outer machine.
    pub fn copy(&self, from: &Path, path: &str, mode: u32) {
        let content = std::fs::read(from).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
        self.write(path, &content, mode);
    }

    /// Waits until something holds; a panic with the end of the journal where it never does.
    pub fn wait_until(&self, what: &str, within: Duration, mut holds: impl FnMut(&Self) -> bool) {
        let started = Instant::now();
        while !holds(self) {
            assert!(started.elapsed() < within, "{what}: not after {within:?}\n{}", self.complaints());
            sleep(LOOK_EVERY);
        }
    }

    /// Runs something with this machine's network: sockets that are opened in there are of the machine, also those of
    /// a runtime that is started in there.
    pub fn inside<T: Send>(&self, body: impl FnOnce() -> T + Send) -> T {
        network::inside(self.leader, body)
    }

    /// Takes the machine down and up again, as `reboot` does.
    pub fn reboot(&mut self) {
        // The answer may be lost with the machine.
        let _ = self.output(&["systemctl", "reboot"]);
        // Without a manager outside, systemd-nspawn leaves the second half to whoever runs it.
        self.supervisor.order("wait");
        self.boot_again();
    }

    /// Takes the power away and gives it back.
    pub fn power_cut(&mut self) {
        self.supervisor.order("kill");
        self.boot_again();
    }

    /// Takes the machine down; its files can still be looked at.
    pub fn power_off(self) -> Preparation {
        let _ = self.output(&["systemctl", "poweroff"]);
        self.supervisor.order("wait");
        Preparation::of(self.supervisor)
    }

    /// The empty folder of the outer machine that its root is mounted in, where only it sees it.
    pub fn folder(&self) -> &Path {
        self.supervisor.folder()
    }

    /// What it said while it booted.
    pub fn console(&self) -> String {
        self.supervisor.console()
    }

    fn up(supervisor: Supervisor) -> Self {
        let mut machine = Self { supervisor, leader: 0 };
        machine.boot_again();
        machine
    }

    fn boot_again(&mut self) {
        self.supervisor.order("boot");
        self.leader = self.supervisor.leader(BOOTS_WITHIN);
        self.wait_for_boot();
    }

    fn wait_for_boot(&self) {
        let started = Instant::now();
        loop {
            // It waits by itself, once there is somebody to ask: asking again and again keeps systemd from its jobs.
            // What it waits for is said once, and might have been said before it listened.
            let output = self.output(&["timeout", ONE_WAIT, "systemctl", "is-system-running", "--wait"]);
            let state = String::from_utf8_lossy(&output.stdout).trim().to_owned();
            match state.as_str() {
                // A unit of the test may have failed, which is the test's to judge.
                "running" | "degraded" => return,
                _ => assert!(
                    started.elapsed() < BOOTS_WITHIN && self.is_up(),
                    "the machine is {state:?} after {:?}; where it ended at once, look at `sysctl fs.inotify`\n{}\n{}",
                    started.elapsed(),
                    String::from_utf8_lossy(&self.output(&["systemctl", "--no-pager", "list-jobs"]).stdout),
                    self.console(),
                ),
            }
            sleep(LOOK_EVERY);
        }
    }

    /// Whether its first process is there. Where it went at once, the kernel has mostly run out of something, such as
    /// `fs.inotify.max_user_instances`, of which a machine takes some eight.
    fn is_up(&self) -> bool {
        Path::new("/proc").join(self.leader.to_string()).join("exe").exists()
    }

    /// For the message of a test that fails.
    fn complaints(&self) -> String {
        let output = self.output(&["journalctl", "--no-pager", "--lines=60"]);
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}
