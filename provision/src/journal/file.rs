//! The journal on disk: locked while a run writes, every line on the platter before the run goes on.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::marker::PhantomData;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;

use super::codec::{self, Damage};
use super::fold::{Fold, IllegalRecord};

/// Why the journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Another run holds it.
    #[error("the {what} `{}` is locked by another run", path.display())]
    Locked {
        /// What it is, such as `state file`.
        what: &'static str,
        /// The state file.
        path: PathBuf,
    },
    /// It is not what was written.
    #[error("the {what} `{}` cannot be trusted", path.display())]
    Damaged {
        /// What it is, such as `state file`.
        what: &'static str,
        /// The state file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        damage: Damage,
    },
    /// It holds lines that cannot follow each other.
    #[error("the {what} `{}` contradicts itself at line {line}", path.display())]
    Contradiction {
        /// What it is, such as `state file`.
        what: &'static str,
        /// The state file.
        path: PathBuf,
        /// Counts from 1.
        line: usize,
        /// Why.
        #[source]
        source: IllegalRecord,
    },
    /// It cannot be read.
    #[error("the {what} `{}` cannot be read", path.display())]
    Read {
        /// What it is, such as `state file`.
        what: &'static str,
        /// The state file.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// It cannot be written: nothing may happen that is not on disk first.
    #[error("the {what} `{}` cannot be written", path.display())]
    Write {
        /// What it is, such as `state file`.
        what: &'static str,
        /// The state file.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// A line was about to be written that cannot follow: a bug of this program.
    #[error("refused to write an impossible line")]
    Impossible(#[source] IllegalRecord),
}

/// Where lines go. The file system in production; tests put a failing one here.
pub trait Medium: Send {
    /// Appends the bytes and returns when they would survive a power cut. On an error nothing of them remains.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
}

/// A file that only grows.
struct AppendOnly {
    file: File,
    length: u64,
}

impl Medium for AppendOnly {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let written = self.file.write_all(bytes).and_then(|()| self.file.sync_data());
        match written {
            Ok(()) => {
                self.length = self.length.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
                Ok(())
            }
            Err(error) => {
                // Half a line must not be continued by the next: take it back, as far as the disk lets us.
                let _ = self.file.set_len(self.length);
                let _ = self.file.seek(io::SeekFrom::Start(self.length));
                Err(error)
            }
        }
    }
}

/// The file, locked by this process until dropped. The kernel lets go of the lock when the process dies.
pub struct Locked<S> {
    path: PathBuf,
    file: File,
    holds: PhantomData<fn() -> S>,
}

/// What a file holds when a run begins.
pub struct Loaded<S: Fold> {
    /// The journal, unless the file held no complete line.
    pub journal: Result<Journal<S>, Locked<S>>,
    /// Whether a torn last line was dropped.
    pub torn: bool,
}

/// How often a held lock is tried again.
const LOCK_POLL: Duration = Duration::from_millis(100);

impl<S: Fold> Locked<S> {
    /// Locks the file, making an empty one (mode 0600) where there is none; tries again until `wait` has passed.
    pub async fn acquire(path: &Path, wait: Duration) -> Result<Self, JournalError> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(|source| JournalError::Write { what: S::FILE, path: path.to_owned(), source })?;
        let started = tokio::time::Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { path: path.to_owned(), file, holds: PhantomData }),
                Err(TryLockError::WouldBlock) if started.elapsed() < wait => {
                    tokio::time::sleep(LOCK_POLL).await;
                }
                Err(TryLockError::WouldBlock) => {
                    return Err(JournalError::Locked { what: S::FILE, path: path.to_owned() });
                }
                Err(TryLockError::Error(source)) => {
                    return Err(JournalError::Write { what: S::FILE, path: path.to_owned(), source });
                }
            }
        }
    }

    /// Reads what is there. A torn last line is cut off.
    pub fn load(mut self) -> Result<Loaded<S>, JournalError> {
        let mut bytes = Vec::new();
        self.file
            .rewind()
            .and_then(|()| self.file.read_to_end(&mut bytes))
            .map_err(|source| JournalError::Read { what: S::FILE, path: self.path.clone(), source })?;
        let read = read::<S>(&self.path, &bytes)?;
        if read.torn {
            let kept = u64::try_from(read.complete_bytes).unwrap_or(0);
            self.file
                .set_len(kept)
                .and_then(|()| self.file.sync_all())
                .map_err(|source| JournalError::Write { what: S::FILE, path: self.path.clone(), source })?;
        }
        let torn = read.torn;
        let Some((state, lines)) = read.state else { return Ok(Loaded { journal: Err(self), torn }) };
        let length = u64::try_from(read.complete_bytes).unwrap_or(0);
        self.file.seek(io::SeekFrom::Start(length)).map_err(|source| JournalError::Read {
            what: S::FILE,
            path: self.path.clone(),
            source,
        })?;
        let medium = AppendOnly { file: self.file, length };
        let journal = Journal {
            path: self.path,
            medium: Box::new(medium),
            state,
            seq: lines,
            prev: read.last,
            broken: false,
        };
        Ok(Loaded { journal: Ok(journal), torn })
    }

    /// Begins a journal in a file that held no complete line. The header is on disk when this returns.
    pub fn begin(self, header: S::Header, now: Timestamp) -> Result<Journal<S>, JournalError> {
        let write = |source| JournalError::Write { what: S::FILE, path: self.path.clone(), source };
        self.file.set_len(0).map_err(write)?;
        let mut file = &self.file;
        file.rewind().map_err(write)?;
        if let Some(parent) = self.path.parent() {
            let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
            // The name of a new file is in its folder, and the folder has to survive a power cut as well.
            File::open(parent).and_then(|folder| folder.sync_all()).map_err(write)?;
        }
        let path = self.path.clone();
        let medium = AppendOnly { file: self.file, length: 0 };
        Journal::begin_on(path, Box::new(medium), header, now)
    }
}

/// A journal that can be written.
pub struct Journal<S: Fold> {
    path: PathBuf,
    medium: Box<dyn Medium>,
    state: S,
    seq: u64,
    prev: Option<String>,
    broken: bool,
}

impl<S: Fold> Journal<S> {
    /// Begins a journal on any medium.
    pub fn begin_on(
        path: PathBuf,
        medium: Box<dyn Medium>,
        header: S::Header,
        now: Timestamp,
    ) -> Result<Self, JournalError> {
        let body = codec::header_body::<S>(&header).map_err(|error| JournalError::Write {
            what: S::FILE,
            path: path.clone(),
            source: error.into(),
        })?;
        let mut journal = Self { path, medium, state: S::begin(header), seq: 0, prev: None, broken: false };
        journal.put(now, &body)?;
        Ok(journal)
    }

    /// Goes on with the journal that these bytes hold, on any medium; `None` where they hold no complete line. What is
    /// appended has to follow the last complete line.
    pub fn resume_on(
        path: PathBuf,
        bytes: &[u8],
        medium: Box<dyn Medium>,
    ) -> Result<Option<Self>, JournalError> {
        let read = read::<S>(&path, bytes)?;
        let Some((state, seq)) = read.state else { return Ok(None) };
        Ok(Some(Self { path, medium, state, seq, prev: read.last, broken: false }))
    }

    /// What the lines so far mean.
    pub fn state(&self) -> &S {
        &self.state
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends one line; it is on disk when this returns. A line that cannot follow is refused unwritten.
    pub fn append(&mut self, now: Timestamp, record: &S::Record) -> Result<(), JournalError> {
        let next = self.state.clone().apply(record).map_err(JournalError::Impossible)?;
        let body = serde_json::to_value(record).map_err(|error| JournalError::Write {
            what: S::FILE,
            path: self.path.clone(),
            source: error.into(),
        })?;
        self.put(now, &body)?;
        self.state = next;
        Ok(())
    }

    fn put(&mut self, now: Timestamp, body: &serde_json::Value) -> Result<(), JournalError> {
        let failed = |source| JournalError::Write { what: S::FILE, path: self.path.clone(), source };
        if self.broken {
            return Err(failed(io::Error::other("an earlier line could not be written")));
        }
        let (line, digest) =
            codec::encode(self.seq, now, self.prev.as_deref(), body).map_err(|error| failed(error.into()))?;
        if let Err(source) = self.medium.append(&line) {
            self.broken = true;
            return Err(JournalError::Write { what: S::FILE, path: self.path.clone(), source });
        }
        self.seq = self.seq.saturating_add(1);
        self.prev = Some(digest);
        Ok(())
    }
}

/// What a file says, without locking or changing it: for looking while a run writes.
pub(crate) fn peek<S: Fold>(path: &Path) -> Result<Option<S>, JournalError> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(read::<S>(path, &bytes)?.state.map(|(state, _)| state)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(JournalError::Read { what: S::FILE, path: path.to_owned(), source }),
    }
}

/// A journal read and folded.
struct ReadBack<S> {
    state: Option<(S, u64)>,
    complete_bytes: usize,
    torn: bool,
    last: Option<String>,
}

fn read<S: Fold>(path: &Path, bytes: &[u8]) -> Result<ReadBack<S>, JournalError> {
    let decoded = codec::decode::<S>(bytes).map_err(|damage| JournalError::Damaged {
        what: S::FILE,
        path: path.to_owned(),
        damage,
    })?;
    let state = match decoded.content {
        None => None,
        Some((header, records)) => {
            let mut state = S::begin(header);
            let mut lines: u64 = 1;
            for (index, (_, record)) in records.iter().enumerate() {
                state = state.apply(record).map_err(|source| JournalError::Contradiction {
                    what: S::FILE,
                    path: path.to_owned(),
                    line: index.saturating_add(2),
                    source,
                })?;
                lines = lines.saturating_add(1);
            }
            Some((state, lines))
        }
    };
    Ok(ReadBack { state, complete_bytes: decoded.complete_bytes, torn: decoded.torn, last: decoded.last })
}
