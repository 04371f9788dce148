//! What is done to a machine, behind a port: few operations, each of them whole or not at all, and each of them the same
//! when it is done twice.
//!
//! [`LocalHost`] is the machine, [`PracticeHost`] one in memory, [`FailingHost`] stands before either and fails or dies
//! at a chosen call. `contract` is the body of tests for anything behind the port.

#[cfg(test)]
mod contract;
mod failing;
mod local;
mod practice;
mod shown;

use std::fmt;
use std::path::{Path, PathBuf};

pub use failing::{Fail, FailingHost, Fuse, Verdict};
pub use local::LocalHost;
pub use practice::{BROKEN, PracticeHost, Snapshot};

/// Mode and owner of a file or folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meta {
    /// The lower twelve bits.
    pub mode: u32,
    /// Of the user.
    pub uid: u32,
    /// Of the group.
    pub gid: u32,
}

impl Meta {
    /// Root's, with this mode.
    pub fn root(mode: u32) -> Self {
        Self { mode, uid: 0, gid: 0 }
    }
}

/// What is at a path. Links are not followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// Nothing.
    Absent,
    /// A file.
    File {
        /// SHA-256 of its content, lower-case hex.
        sha256: String,
        /// Mode and owner.
        meta: Meta,
    },
    /// A symbolic link, and what it says.
    Link(PathBuf),
    /// A folder.
    Folder(Meta),
    /// A device, a socket, a pipe.
    Other,
}

/// Why an operation failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failed {
    /// There is no such thing.
    NotFound,
    /// It is not allowed.
    Denied,
    /// The file system cannot be written.
    ReadOnly,
    /// No room is left.
    Full,
    /// A folder still holds something.
    NotEmpty,
    /// A program of the system said no.
    Refused,
    /// Something else.
    Other,
}

/// An operation that failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot {action}: {detail}")]
pub struct HostError {
    /// What was to be done, as `write /etc/x`.
    pub action: String,
    /// Why it failed, as far as it can be told.
    pub kind: Failed,
    /// How the system put it.
    pub detail: String,
}

/// What systemd is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Read all unit files again.
    DaemonReload,
    /// Start it at boot. systemd has it in mind from the next [`Verb::DaemonReload`] on.
    Enable,
    /// Do not start it at boot. systemd has it in mind from the next [`Verb::DaemonReload`] on.
    Disable,
    /// Start it now.
    Start,
    /// Stop it now.
    Stop,
    /// Stop and start it.
    Restart,
    /// Forget that it failed.
    ResetFailed,
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DaemonReload => "daemon-reload",
            Self::Enable => "enable",
            Self::Disable => "disable",
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Restart => "restart",
            Self::ResetFailed => "reset-failed",
        })
    }
}

/// A unit, as `systemctl show` has it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UnitFacts {
    /// `LoadState`: `loaded`, `not-found`, `masked`.
    pub load: String,
    /// `ActiveState`: `active`, `inactive`, `failed`, `activating`.
    pub active: String,
    /// `SubState`: `running`, `listening`, `waiting`.
    pub sub: String,
    /// `UnitFileState`: `enabled`, `disabled`, `masked`, `static`.
    pub file_state: String,
    /// `Result`: `success`, `exit-code`.
    pub result: String,
    /// The program that its main process runs, links resolved.
    pub program: Option<PathBuf>,
    /// `NextElapseUSecRealtime` of a timer, as systemd writes it.
    pub next: Option<String>,
}

impl UnitFacts {
    /// Whether it runs, listens or waits for its time.
    pub fn is_active(&self) -> bool {
        self.active == "active"
    }

    /// Whether it starts at boot.
    pub fn is_enabled(&self) -> bool {
        self.file_state == "enabled"
    }
}

/// A user of the system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Account {
    /// Its number.
    pub uid: u32,
    /// The number of its group.
    pub gid: u32,
    /// Whether its comment says that we made it.
    pub is_marked: bool,
}

/// The comment of a user that we made: found again without a journal.
pub const USER_MARK: &str = "made by sre-agent-deploy";

/// What a program said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// Whether it ended with 0.
    pub is_success: bool,
    /// What it wrote, stdout before stderr.
    pub text: String,
}

/// Operations on a machine. Paths are absolute, as [`crate::Layout`] gives them.
///
/// Every change is durable when the call returns, and is whole or did not happen. Removing what is not there is a
/// success, as is adding what is there.
pub trait Host {
    /// What is at a path.
    fn look(&self, path: &Path) -> Result<Entry, HostError>;
    /// The content of a file.
    fn read(&self, path: &Path) -> Result<Vec<u8>, HostError>;
    /// The names in a folder, in order; none where there is no folder.
    fn list(&self, folder: &Path) -> Result<Vec<String>, HostError>;
    /// A file with this content in the place of any file or link that is there.
    fn write(&self, path: &Path, content: &[u8], meta: Meta) -> Result<(), HostError>;
    /// A symbolic link in the place of any file or link that is there.
    fn link(&self, path: &Path, target: &Path) -> Result<(), HostError>;
    /// A folder; its parent has to be there.
    fn make_folder(&self, path: &Path, meta: Meta) -> Result<(), HostError>;
    /// Another mode and owner for what is there.
    fn set_meta(&self, path: &Path, meta: Meta) -> Result<(), HostError>;
    /// Takes away a file, a link or an empty folder.
    fn remove(&self, path: &Path) -> Result<(), HostError>;
    /// Takes away a folder with everything in it. Links are not followed.
    fn remove_tree(&self, path: &Path) -> Result<(), HostError>;
    /// The user of this name.
    fn user(&self, name: &str) -> Result<Option<Account>, HostError>;
    /// The number of the group of this name.
    fn group(&self, name: &str) -> Result<Option<u32>, HostError>;
    /// A system group.
    fn add_group(&self, name: &str) -> Result<(), HostError>;
    /// A system user without a shell, in the group of its name, whose home is this folder, which is not made.
    fn add_user(&self, name: &str, home: &Path) -> Result<(), HostError>;
    /// Takes away a user.
    fn remove_user(&self, name: &str) -> Result<(), HostError>;
    /// Takes away a group.
    fn remove_group(&self, name: &str) -> Result<(), HostError>;
    /// Tells systemd something; a start or restart returns when the unit is up.
    fn systemctl(&self, verb: Verb, unit: &str) -> Result<(), HostError>;
    /// What systemd says of a unit.
    fn unit(&self, name: &str) -> Result<UnitFacts, HostError>;
    /// The same of several, in their order.
    fn units(&self, names: &[&str]) -> Result<Vec<UnitFacts>, HostError> {
        names.iter().map(|name| self.unit(name)).collect()
    }
    /// The last lines of a unit's log, oldest first; nothing where there is none.
    fn log(&self, unit: &str, lines: u32) -> String;
    /// Runs a program to its end, with an empty environment and a bound of half a minute.
    fn run(&self, program: &Path, arguments: &[&str]) -> Result<Ran, HostError>;
}
