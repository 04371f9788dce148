//! `backup`: a copy of the ledger of this host, while the proxy runs.

use std::{
    fs,
    fs::{DirBuilder, File, OpenOptions, TryLockError},
    io,
    num::NonZeroUsize,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use jiff::{Timestamp, tz::TimeZone};
use model::{Finding, Severity};

use super::{Exit, World};
use crate::{
    chain::chain,
    cli,
    clock::{Clock as _, SystemClock},
    config::LedgerStore,
    ledger::{ReadError, sqlite},
};

/// Only the owner: a copy says who asked what model when.
const MODE: u32 = 0o600;
const FOLDER_MODE: u32 = 0o700;
/// Two runs at a time would remove each other's unfinished copies.
const LOCK: &str = ".lock";
/// Between these is the time of a copy, such as `20261121T030000Z`.
const PREFIX: &str = "usage-";
const SUFFIX: &str = ".db";
/// What a copy is called until it is known to be good.
const PART: &str = ".part";

/// Why there is no new copy.
#[derive(Debug, thiserror::Error)]
enum BackupError {
    #[error("there is no ledger at {} yet: the proxy makes it when it starts", .0.display())]
    Absent(PathBuf),
    #[error(transparent)]
    Copy(#[from] ReadError),
    #[error("the folder for copies, {}, cannot be used", .0.display())]
    Folder(PathBuf, #[source] io::Error),
    #[error("another backup to {} is under way", .0.display())]
    Busy(PathBuf),
}

impl BackupError {
    fn finding(&self) -> Finding {
        let (code, hint) = match self {
            Self::Absent(_) | Self::Copy(_) => (
                "SRE-HOST-060",
                "the copies of before are still there; `bedrock-nova-proxy usage` shows whether the ledger can be read",
            ),
            Self::Folder(..) => (
                "SRE-HOST-061",
                "let the user of the service write to that folder, and look for room: `df -h`",
            ),
            Self::Busy(_) => ("SRE-HOST-061", "wait for it; the lock goes with its process"),
        };
        Finding::new(code, Severity::Error, "ledger backup", chain(self)).hint(hint.to_owned())
    }
}

/// What was done.
struct Done {
    copy: PathBuf,
    entries: u64,
    removed: usize,
    kept: usize,
}

/// Copies the ledger, and prints where the copy is.
pub(super) fn run(arguments: &cli::Backup, mut world: World<'_>) -> Exit {
    let Some((_, loaded)) = world.load(&arguments.config) else { return Exit::Usage };
    let ledger = match &loaded.config.ledger.store {
        LedgerStore::Off => {
            world.say("there is nothing to copy: this configuration keeps no ledger (`ledger.store` is off)");
            return Exit::Done;
        }
        LedgerStore::DynamoDb(table) => {
            world.say(&format!(
                "there is nothing to copy here: the ledger is the DynamoDB table {}, whose copies are DynamoDB's \
                 (point-in-time recovery)",
                table.name
            ));
            return Exit::Done;
        }
        LedgerStore::Sqlite(path) => path,
    };
    match backup(ledger, &arguments.to, arguments.keep, SystemClock.now()) {
        Ok(done) => {
            let Done { copy, entries, removed, kept } = done;
            let _ = writeln!(world.stdout, "{}", copy.display());
            world
                .say(&format!("{entries} entries copied and read through; {kept} copies, {removed} removed"));
            Exit::Done
        }
        Err(error) => {
            world.find(&error.finding());
            Exit::Failed
        }
    }
}

fn backup(ledger: &Path, folder: &Path, keep: NonZeroUsize, now: Timestamp) -> Result<Done, BackupError> {
    if !ledger.exists() {
        return Err(BackupError::Absent(ledger.to_owned()));
    }
    let unusable = |source| BackupError::Folder(folder.to_owned(), source);
    DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(folder).map_err(unusable)?;
    let lock =
        OpenOptions::new().create(true).append(true).mode(MODE).open(folder.join(LOCK)).map_err(unusable)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(BackupError::Busy(folder.to_owned())),
        Err(TryLockError::Error(source)) => return Err(unusable(source)),
    }
    remove_unfinished(folder).map_err(unusable)?;

    let name = format!("{PREFIX}{}{SUFFIX}", now.to_zoned(TimeZone::UTC).strftime("%Y%m%dT%H%M%SZ"));
    let (part, copy) = (folder.join(format!("{name}{PART}")), folder.join(&name));
    // With its mode before SQLite would make it with another.
    OpenOptions::new().create_new(true).write(true).mode(MODE).open(&part).map_err(unusable)?;
    let entries = match sqlite::copy(ledger, &part) {
        Ok(copied) => copied.entries,
        Err(error) => {
            // The room it takes may be what is missing.
            let _ = remove_unfinished(folder);
            return Err(error.into());
        }
    };
    File::open(&part).and_then(|file| file.sync_all()).map_err(unusable)?;
    fs::rename(&part, &copy).map_err(unusable)?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(unusable)?;

    let mut older: Vec<String> = names(folder).map_err(unusable)?;
    older.retain(|found| *found != name && is_copy(found));
    older.sort_unstable();
    // The new one counts too.
    let excess = older.len().saturating_sub(keep.get().saturating_sub(1));
    for old in older.iter().take(excess) {
        fs::remove_file(folder.join(old)).map_err(unusable)?;
    }
    let kept = older.len().saturating_sub(excess).saturating_add(1);
    Ok(Done { copy, entries, removed: excess, kept })
}

/// What a run that was killed left behind, and SQLite's journal of it.
fn remove_unfinished(folder: &Path) -> io::Result<()> {
    for name in names(folder)? {
        let is_unfinished = name
            .rsplit_once(PART)
            .is_some_and(|(copy, rest)| is_copy(copy) && (rest.is_empty() || rest.starts_with('-')));
        if is_unfinished {
            fs::remove_file(folder.join(name))?;
        }
    }
    Ok(())
}

fn names(folder: &Path) -> io::Result<Vec<String>> {
    fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
}

/// Whether a file is one of ours; what is called otherwise is somebody else's and stays.
fn is_copy(name: &str) -> bool {
    let time = name.strip_prefix(PREFIX).and_then(|rest| rest.strip_suffix(SUFFIX));
    time.is_some_and(|time| {
        let form: String = time.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
        form == "00000000T000000Z"
    })
}

#[cfg(test)]
mod tests;
