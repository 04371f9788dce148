//! The proxy as a child process that cannot outlive this one, however this one ends.
//!
//! Linux sends a signal to a child when its parent dies, if the child asked for that; so the program first starts
//! itself, asks, and then becomes the proxy. (Elsewhere it ends with whatever ends the parent in an orderly way.) It has a process group of its own, so that Ctrl-C reaches the parent alone
//! and everything is taken down in order.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, getppid, kill_process};

use crate::app::Ended;
use crate::args::WithParentArgs;
use crate::failure::{Failure, codes};

/// How long the proxy may take to end before it is killed.
const PATIENCE: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// As much of the log's end as is looked at, bytes.
const TAIL: u64 = 8 * 1024;
/// As many of its lines as are shown.
const LAST_LINES: usize = 12;

/// The proxy at work. It ends when this value does.
pub(super) struct Proxy {
    child: Child,
    log: PathBuf,
}

/// How the proxy is started.
pub(super) struct Order<'a> {
    /// Its program.
    pub(super) program: &'a Path,
    /// Its configuration.
    pub(super) config: &'a Path,
    /// The whole of its environment.
    pub(super) variables: &'a [(&'a str, String)],
    /// Where what it says goes; made anew.
    pub(super) log: &'a Path,
}

impl Proxy {
    /// Starts it. That it lives says nothing about whether it serves.
    pub(super) fn start(order: &Order<'_>) -> io::Result<Self> {
        let log = File::create(order.log)?;
        let child = Command::new(myself()?)
            .arg0("sre-agent-deploy")
            .arg("with-parent")
            .arg(std::process::id().to_string())
            .arg(order.program)
            .args(["serve", "--config"])
            .arg(order.config)
            .env_clear()
            .envs(order.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0)
            .spawn()?;
        Ok(Self { child, log: order.log.to_owned() })
    }

    /// How it ended, if it did.
    pub(super) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// The last lines that it wrote.
    pub(super) fn last_words(&self) -> String {
        let read = || -> io::Result<String> {
            let mut file = File::open(&self.log)?;
            let length = file.metadata()?.len();
            file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            let text = String::from_utf8_lossy(&bytes);
            let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
            let from = lines.len().saturating_sub(LAST_LINES);
            Ok(lines.get(from..).unwrap_or_default().join("\n"))
        };
        checks::output::plain_lines(&read().unwrap_or_default())
    }

    /// Asks it to end, and sees to it that it does.
    pub(super) fn stop(mut self) {
        if let Some(pid) = Pid::from_raw(i32::try_from(self.child.id()).unwrap_or_default())
            && kill_process(pid, Signal::TERM).is_ok()
        {
            let asked = Instant::now();
            while self.ended().is_none() && asked.elapsed() < PATIENCE {
                std::thread::sleep(LOOK_EVERY);
            }
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // It may be gone already, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `with-parent`: becomes the program, which ends when the parent does.
pub(crate) fn with_parent(args: &WithParentArgs) -> Ended {
    let failed = |what: &str, error: &io::Error| {
        Failure::new(codes::NO_PART, &args.program.display().to_string(), what).evidence(error.to_string())
    };
    end_with_parent()
        .map_err(|error| failed("the system does not tie this process to its parent", &error))?;
    // A parent that died before that will send nothing any more.
    let parent = getppid().map(Pid::as_raw_nonzero).map(|pid| pid.get().unsigned_abs());
    if parent != Some(args.parent) {
        return Err(Failure::new(
            codes::CANCELLED,
            "with-parent",
            "the process that started this one is gone",
        ));
    }
    let error = Command::new(&args.program).args(&args.arguments).exec();
    Err(failed("the program cannot be started", &error))
}

/// This program, on Linux also where its file was exchanged meanwhile.
fn myself() -> io::Result<PathBuf> {
    if cfg!(target_os = "linux") { Ok(PathBuf::from("/proc/self/exe")) } else { std::env::current_exe() }
}

/// From now on the end of the parent is the end of this process, also after it became another program.
#[cfg(target_os = "linux")]
fn end_with_parent() -> io::Result<()> {
    Ok(rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?)
}

/// Only Linux does that for a process.
#[cfg(not(target_os = "linux"))]
fn end_with_parent() -> io::Result<()> {
    Ok(())
}
