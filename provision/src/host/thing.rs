//! What an installation consists of.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// What a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// It is run.
    Program,
    /// The operator may edit it.
    Setting,
    /// Nobody edits it.
    Told,
    /// A systemd unit.
    Unit,
    /// Half of a certificate with its key.
    Pair,
}

/// A thing on a machine that can be made, looked at and taken away on its own. Written into the journal, so that undoing
/// needs nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Thing {
    /// A folder.
    Folder {
        /// Where.
        path: PathBuf,
        /// The lower twelve bits.
        mode: u32,
        /// Whether the proxy's group has it, rather than root's.
        of_group: bool,
        /// Whether it goes with everything in it.
        whole: bool,
    },
    /// A file.
    File {
        /// Where.
        path: PathBuf,
        /// Of its content, lower-case hex.
        sha256: String,
        /// The lower twelve bits.
        mode: u32,
        /// Whether the proxy's group has it, rather than root's.
        of_group: bool,
        /// What it is for.
        role: Role,
    },
    /// A symbolic link.
    Link {
        /// Where.
        path: PathBuf,
        /// What it says.
        target: PathBuf,
    },
    /// A system group.
    Group {
        /// Its name.
        name: String,
    },
    /// A system user in the group of its name.
    User {
        /// Its name.
        name: String,
        /// Its home, which is not made.
        home: PathBuf,
    },
    /// A folder that others make and fill; it goes with everything in it.
    Data {
        /// Where.
        path: PathBuf,
    },
    /// systemd reads its files again.
    Reload {
        /// Over the text of all units.
        fingerprint: String,
    },
    /// A unit is started at boot.
    Enabled {
        /// Its name.
        unit: String,
    },
    /// A unit runs, listens or waits for its time.
    Running {
        /// Its name.
        unit: String,
        /// Over everything that takes a restart to change.
        fingerprint: String,
        /// The file that its main process runs, where it has one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        program: Option<PathBuf>,
    },
}

impl Thing {
    /// The stable name, as in the journal: two things with the same name are versions of one.
    pub fn id(&self) -> String {
        match self {
            Self::Folder { path, .. } => format!("folder {}", path.display()),
            Self::File { path, .. } => format!("file {}", path.display()),
            Self::Link { path, .. } => format!("link {}", path.display()),
            Self::Group { name } => format!("group {name}"),
            Self::User { name, .. } => format!("user {name}"),
            Self::Data { path } => format!("data {}", path.display()),
            Self::Reload { .. } => "units read".to_owned(),
            Self::Enabled { unit } => format!("enabled {unit}"),
            Self::Running { unit, .. } => format!("running {unit}"),
        }
    }

    /// Where it is, for what is at a path.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Folder { path, .. }
            | Self::File { path, .. }
            | Self::Link { path, .. }
            | Self::Data { path } => Some(path),
            _ => None,
        }
    }
}

impl fmt::Display for Thing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { role: Role::Unit, path, .. } => {
                write!(f, "unit {}", path.file_name().unwrap_or_default().to_string_lossy())
            }
            Self::File { role: Role::Program, path, .. } => write!(f, "program {}", path.display()),
            Self::Link { path, target } => write!(f, "link {} -> {}", path.display(), target.display()),
            Self::Reload { .. } => f.write_str("systemd reads its units"),
            Self::Enabled { unit } => write!(f, "{unit} starts at boot"),
            Self::Running { unit, .. } => write!(f, "{unit} runs"),
            other => f.write_str(&other.id()),
        }
    }
}

/// A thing with what it takes to make it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The thing.
    pub thing: Thing,
    /// The content of a file.
    pub content: Option<Arc<[u8]>>,
    /// Only wanted where nothing is at this path.
    pub unless: Option<PathBuf>,
}

impl Step {
    /// A thing that needs nothing to be made.
    pub fn of(thing: Thing) -> Self {
        Self { thing, content: None, unless: None }
    }

    /// A file with its content.
    pub fn file(path: PathBuf, content: Arc<[u8]>, mode: u32, of_group: bool, role: Role) -> Self {
        let sha256 = crate::bundle::sha256(&content);
        let thing = Thing::File { path, sha256, mode, of_group, role };
        Self { thing, content: Some(content), unless: None }
    }

    /// The same, only wanted where nothing is at this path.
    #[must_use]
    pub fn unless(mut self, path: PathBuf) -> Self {
        self.unless = Some(path);
        self
    }
}
