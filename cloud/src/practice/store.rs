//! The file of a practice account: one process at a time has it, and each write replaces it whole and atomically.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::PracticeError;
use super::state::State;

const FORMAT: &str = "sre-agent-deploy/practice";
/// The version that this program writes. Version 1 is the first: there is nothing to migrate from yet.
pub(super) const VERSION: u64 = 1;

/// Says whose file it is before the rest of it is looked at.
#[derive(Deserialize)]
struct Head {
    format: String,
    version: u64,
}

#[derive(Deserialize)]
struct Whole {
    account: State,
}

#[derive(Serialize)]
struct Written<'a> {
    format: &'static str,
    version: u64,
    account: &'a State,
}

/// A file that this process holds, or lets others have for a while.
pub(super) struct Store {
    path: PathBuf,
    /// While it is held. The system lets go of the lock when the process ends, however it ends.
    lock: Option<File>,
}

impl Store {
    /// Takes the lock and reads what is there.
    pub(super) fn open(path: &Path) -> Result<(Self, Option<State>), PracticeError> {
        let mut store = Self { path: path.to_owned(), lock: None };
        let found = store.take()?;
        Ok((store, found))
    }

    /// Whether this process has it.
    pub(super) fn is_held(&self) -> bool {
        self.lock.is_some()
    }

    /// Lets others have it.
    pub(super) fn let_go(&mut self) {
        self.lock = None;
    }

    /// Takes the lock and reads what is there.
    pub(super) fn take(&mut self) -> Result<Option<State>, PracticeError> {
        let unreadable = |source| PracticeError::Read { path: self.path.clone(), source };
        let mut beside = self.path.as_os_str().to_owned();
        beside.push(".lock");
        // Beside the file and not the file itself, since each write puts a new file in its place.
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(PathBuf::from(beside));
        let lock = lock.map_err(unreadable)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(PracticeError::Locked { path: self.path.clone() }),
            Err(TryLockError::Error(source)) => return Err(unreadable(source)),
        }
        let found = match std::fs::read(&self.path) {
            Ok(bytes) => Some(self.parse(&bytes)?),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(source) => return Err(unreadable(source)),
        };
        self.lock = Some(lock);
        Ok(found)
    }

    fn parse(&self, bytes: &[u8]) -> Result<State, PracticeError> {
        let broken = |reason: String| PracticeError::Broken { path: self.path.clone(), reason };
        let head: Head = serde_json::from_slice(bytes).map_err(|error| broken(error.to_string()))?;
        if head.format != FORMAT {
            return Err(broken(format!("its format is not `{FORMAT}`")));
        }
        if head.version > VERSION {
            return Err(PracticeError::Newer { path: self.path.clone(), found: head.version });
        }
        let whole: Whole = serde_json::from_slice(bytes).map_err(|error| broken(error.to_string()))?;
        Ok(whole.account)
    }

    /// Puts the state on disk: after this, a power cut loses nothing.
    pub(super) fn save(&self, state: &State) -> Result<(), PracticeError> {
        let written = Written { format: FORMAT, version: VERSION, account: state };
        serde_json::to_vec(&written)
            .map_err(std::io::Error::from)
            .and_then(|bytes| self.replace(&bytes))
            .map_err(|source| PracticeError::Write { path: self.path.clone(), source })
    }

    fn replace(&self, bytes: &[u8]) -> std::io::Result<()> {
        let folder = match self.path.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        // One name, so that processes killed while writing leave one file behind and not one each.
        let mut name = OsString::from(".");
        name.push(self.path.file_name().unwrap_or_default());
        name.push(".new");
        match std::fs::remove_file(folder.join(&name)) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = tempfile::Builder::new().prefix(&name).rand_bytes(0).tempfile_in(folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(&self.path)?;
        // The new name must be on disk too, not only what it names.
        File::open(folder)?.sync_all()
    }
}
