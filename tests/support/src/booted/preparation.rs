//! A machine that is off: what a test puts in before it boots.

use std::path::Path;
use std::process::Command;

use super::Booted;
use super::supervisor::{self, Supervisor};

/// A machine that is off. It ends with this value.
#[derive(Debug)]
pub struct Preparation {
    supervisor: Supervisor,
}

impl Preparation {
    pub(super) fn new() -> Self {
        Self { supervisor: Supervisor::start() }
    }

    pub(super) fn of(supervisor: Supervisor) -> Self {
        Self { supervisor }
    }

    /// Writes a file, with the folders above it.
    #[must_use]
    pub fn write(self, path: &str, content: &[u8], mode: u32) -> Self {
        let mut command = self.chroot("sh");
        command.args(["-euc", supervisor::WRITE, "sh", path, &format!("{mode:o}")]);
        supervisor::feed(command, content, path);
        self
    }

    /// Copies a file of the outer machine.
    #[must_use]
    pub fn copy(self, from: &Path, path: &str, mode: u32) -> Self {
        let content = std::fs::read(from).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
        self.write(path, &content, mode)
    }

    /// Runs lines of shell as root in the root of the machine, which have to succeed. Nothing else runs in there, and
    /// neither /proc nor /dev is there.
    #[must_use]
    pub fn shell(self, script: &str) -> Self {
        let output =
            self.chroot("sh").args(["-euc", script]).output().expect("`chroot` runs (Debian: coreutils)");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{script}: {}\n{said}", output.status);
        self
    }

    /// Enables units, as `systemctl enable` does.
    #[must_use]
    pub fn enable(self, units: &[&str]) -> Self {
        let output = self
            .chroot("systemctl")
            .arg("enable")
            .args(units)
            .env("SYSTEMD_OFFLINE", "1")
            .output()
            .expect("`chroot` runs (Debian: coreutils)");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        self
    }

    /// A file of the machine.
    pub fn read(&self, path: &str) -> String {
        let output = self.chroot("cat").arg(path).output().expect("`chroot` runs (Debian: coreutils)");
        assert!(output.status.success(), "{path}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Boots it, and waits until everything that is enabled has been started.
    pub fn boot(self) -> Booted {
        Booted::up(self.supervisor)
    }

    fn chroot(&self, program: &str) -> Command {
        self.supervisor.chroot(program)
    }
}
