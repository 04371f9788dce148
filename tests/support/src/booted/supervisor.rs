//! The script that keeps a machine, and ends it when its standard input ends.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

const SCRIPT: &str = include_str!("../../scripts/booted.sh");
/// Writes its standard input to a file `$1` of mode `$2`, by another name first.
pub(super) const WRITE: &str =
    r#"mkdir -p "$(dirname "$1")"; cat >"$1.part"; chmod "$2" "$1.part"; mv -T "$1.part" "$1""#;
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// How many machines this process has had.
static COUNT: AtomicU32 = AtomicU32::new(0);

/// The running script.
#[derive(Debug)]
pub(super) struct Supervisor {
    child: Child,
    pipes: Mutex<(Option<ChildStdin>, BufReader<ChildStdout>)>,
    folder: PathBuf,
    /// The process that runs the machine, once it has been booted.
    machine: Mutex<Option<u32>>,
}

impl Supervisor {
    pub(super) fn start() -> Self {
        require("systemd-nspawn", "systemd-container");
        require("nsenter", "util-linux");
        require("pkill", "procps");
        assert!(is_root(), "a machine is booted by root only: run the tests as root, as in a container");
        // The name of a machine is one for the whole host, and short.
        let name = format!("sre{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let folder =
            tempfile::Builder::new().prefix("sre-booted-").tempdir().expect("a scratch folder").keep();
        // A session of its own: what ends the whole group of the test is not to end the one that cleans up.
        let mut child = Command::new("setsid")
            .args(["unshare", "--mount", "--propagation", "private", "--", "sh", "-c", SCRIPT, "booted.sh"])
            .arg(&folder)
            .arg(&name)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("`setsid` runs (Debian: util-linux)");
        let input = child.stdin.take().expect("stdin is a pipe");
        let output = BufReader::new(child.stdout.take().expect("stdout is a pipe"));
        let supervisor =
            Self { child, pipes: Mutex::new((Some(input), output)), folder, machine: Mutex::new(None) };
        supervisor.prepared()
    }

    /// Waits until there is a root to put files into.
    fn prepared(mut self) -> Self {
        let mut line = String::new();
        let read = self.pipes.lock().expect("nobody panicked").1.read_line(&mut line);
        if read.is_err() || line.trim() != "prepared" {
            let mut said = String::new();
            if let Some(mut errors) = self.child.stderr.take() {
                let _ = errors.read_to_string(&mut said);
            }
            panic!("no overlay of / could be made, for which this has to be root of its own kernel: {said}");
        }
        self
    }

    /// Gives an order and waits for its answer.
    pub(super) fn order(&self, order: &str) {
        let mut pipes = self.pipes.lock().expect("nobody panicked while giving an order");
        let (input, output) = &mut *pipes;
        let input = input.as_mut().expect("the supervisor listens until the end");
        writeln!(input, "{order}").and_then(|()| input.flush()).expect("the supervisor takes orders");
        let mut line = String::new();
        output.read_line(&mut line).expect("the supervisor answers orders");
        assert!(!line.is_empty(), "the supervisor has ended at the order {order:?}");
        *self.machine.lock().expect("nobody panicked") = line.trim().parse().ok();
    }

    /// The first process of the machine, by its number out here.
    pub(super) fn leader(&self, within: Duration) -> u32 {
        let machine = self.machine.lock().expect("nobody panicked").expect("the machine was booted");
        let started = Instant::now();
        loop {
            let found = children(machine).into_iter().find(|&id| is_first(id));
            if let Some(leader) = found {
                return leader;
            }
            let is_gone = !Path::new("/proc").join(machine.to_string()).join("exe").exists();
            assert!(
                !is_gone && started.elapsed() < within,
                "the machine did not boot within {within:?}:\n{}",
                self.console()
            );
            sleep(LOOK_EVERY);
        }
    }

    /// A command in the root of the machine while it is off.
    pub(super) fn chroot(&self, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command
            .args(["--target", &self.child.id().to_string(), "--mount", "--", "chroot"])
            .arg(self.folder.join("root"))
            .arg(program)
            .env_clear()
            .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .env("LANG", "C.UTF-8")
            .stdin(Stdio::null());
        command
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// What the machine said while it booted.
    pub(super) fn console(&self) -> String {
        let seen = PathBuf::from(format!("/proc/{}/root", self.child.id()));
        let console = seen.join(self.folder.strip_prefix("/").unwrap_or(&self.folder)).join("console");
        fs::read(console).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        // The end of its standard input is what it waits for.
        if let Ok(pipes) = self.pipes.get_mut() {
            pipes.0.take();
        }
        let _ = self.child.wait();
    }
}

/// Runs a command with this on its standard input; it has to succeed.
pub(super) fn feed(mut command: Command, content: &[u8], what: &str) {
    let mut child = command
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("`nsenter` runs (Debian: util-linux)");
    let written = child.stdin.take().expect("stdin is a pipe").write_all(content);
    let output = child.wait_with_output().expect("a child ends");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(written.is_ok() && output.status.success(), "{what} was not written: {written:?} {said}");
}

fn require(program: &str, package: &str) {
    let found = ["/usr/bin", "/bin", "/usr/sbin", "/sbin"]
        .iter()
        .any(|folder| Path::new(folder).join(program).exists());
    assert!(found, "`{program}` is missing (Debian: apt-get install {package})");
}

fn is_root() -> bool {
    status(std::process::id(), "Uid:").first() == Some(&0)
}

/// Whether this is the first process of a machine, as the machine counts, and runs the machine's own program: until
/// then it is systemd-nspawn, which is still making the machine's world.
fn is_first(process: u32) -> bool {
    let numbers = status(process, "NSpid:");
    numbers.len() > 1
        && numbers.last() == Some(&1)
        && fs::read_link(format!("/proc/{process}/exe"))
            .is_ok_and(|program| program.file_name().is_some_and(|name| name != "systemd-nspawn"))
}

/// The numbers of a line of `/proc/PID/status`.
fn status(process: u32, line: &str) -> Vec<u32> {
    let text = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let numbers = text.lines().find_map(|found| found.strip_prefix(line)).unwrap_or_default();
    numbers.split_whitespace().filter_map(|number| number.parse().ok()).collect()
}

fn children(process: u32) -> Vec<u32> {
    let text = fs::read_to_string(format!("/proc/{process}/task/{process}/children")).unwrap_or_default();
    text.split_whitespace().filter_map(|number| number.parse().ok()).collect()
}
