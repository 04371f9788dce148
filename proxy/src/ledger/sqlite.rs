//! The ledger of one host: a SQLite file, written by one thread and read by reports at the same time.

mod copy;

use std::{
    fs, io,
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    time::Duration,
};

use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags, Row, params};

use super::{
    OpenError, Outcome, Priced, ReadError,
    report::{self, By, Item, Range},
    writer::{Store, Unstored},
};
use crate::Usage;

pub use copy::{Copied, copy};

/// Marks the file as ours, in the field that SQLite keeps for that: "bnpl".
const APPLICATION_ID: i64 = 0x626e_706c;
/// Only the owner: the file says who asked what model when.
const MODE: u32 = 0o600;
/// How long to wait for a checkpoint of somebody who reads.
const BUSY: Duration = Duration::from_secs(5);

/// Each step lifts the schema by one version (`PRAGMA user_version`). Steps are only ever added.
const MIGRATIONS: &[&str] = &["
    CREATE TABLE usage (
        id INTEGER PRIMARY KEY,
        at_us INTEGER NOT NULL,
        request_id TEXT NOT NULL,
        caller TEXT NOT NULL,
        client_id TEXT,
        model TEXT NOT NULL,
        upstream_model TEXT NOT NULL,
        upstream TEXT NOT NULL,
        input_tokens INTEGER NOT NULL,
        output_tokens INTEGER NOT NULL,
        cache_read_tokens INTEGER NOT NULL,
        cache_write_tokens INTEGER NOT NULL,
        estimated INTEGER NOT NULL,
        outcome TEXT NOT NULL,
        duration_ms INTEGER NOT NULL,
        price_nano_usd INTEGER
    ) STRICT;
    CREATE INDEX usage_at_us ON usage (at_us);
"];

const INSERT: &str =
    "INSERT INTO usage (at_us, request_id, caller, client_id, model, upstream_model, upstream,
    input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, estimated, outcome, duration_ms,
    price_nano_usd) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)";

const SELECT: &str =
    "SELECT at_us, caller, model, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens,
    estimated, outcome, price_nano_usd FROM usage WHERE at_us >= ?1 AND at_us < ?2";

/// The file, open for writing.
pub(super) struct SqliteStore {
    connection: Connection,
}

impl SqliteStore {
    /// Opens the file, making it or lifting its schema where needed.
    pub(super) fn open(path: &Path) -> Result<Self, OpenError> {
        own_file(path).map_err(|source| OpenError::File { path: path.to_owned(), source })?;
        let mut connection = Connection::open(path).map_err(|source| database(path, source))?;
        let version = version(&connection, path)?;
        prepare(&mut connection, version).map_err(|source| database(path, source))?;
        Ok(Self { connection })
    }

    fn insert(&mut self, batch: &[Priced]) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction()?;
        {
            let mut insert = transaction.prepare_cached(INSERT)?;
            for Priced { entry, nano_usd } in batch {
                insert.execute(params![
                    entry.at.as_microsecond(),
                    entry.request_id,
                    entry.caller,
                    entry.client_id,
                    entry.model,
                    entry.upstream_model,
                    entry.upstream,
                    integer(entry.usage.input_tokens),
                    integer(entry.usage.output_tokens),
                    integer(entry.usage.cache_read_tokens),
                    integer(entry.usage.cache_write_tokens),
                    entry.estimated,
                    entry.outcome.as_str(),
                    integer(entry.duration_ms),
                    nano_usd.map(integer),
                ])?;
            }
        }
        transaction.commit()
    }

    #[cfg(test)]
    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }
}

impl Store for SqliteStore {
    async fn append<'a>(&mut self, batch: &'a [Priced]) -> Result<(), Unstored<'a>> {
        self.insert(batch)
            .map_err(|error| Unstored { entries: batch.iter().collect(), why: error.to_string() })
    }
}

/// Adds up the entries of a file that may be written at the same time.
pub fn query(path: &Path, by: By, range: Range) -> Result<Vec<report::Row>, ReadError> {
    let unreadable = |source| ReadError::Database { path: path.to_owned(), source };
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
        .map_err(|source| database(path, source))?;
    connection.busy_timeout(BUSY).map_err(unreadable)?;
    if version(&connection, path)? == 0 {
        return Err(OpenError::Foreign { path: path.to_owned() }.into());
    }
    let (from, to) = (range.from.as_microsecond(), range.to.as_microsecond());
    let mut statement = connection.prepare(SELECT).map_err(unreadable)?;
    let mut rows = statement.query(params![from, to]).map_err(unreadable)?;
    let mut sums = report::Sums::new(by);
    while let Some(row) = rows.next().map_err(unreadable)? {
        add(&mut sums, row).map_err(unreadable)?;
    }
    Ok(sums.rows())
}

fn add(sums: &mut report::Sums, row: &Row<'_>) -> rusqlite::Result<()> {
    let tokens = |index| Ok::<u64, rusqlite::Error>(u64::try_from(row.get::<_, i64>(index)?).unwrap_or(0));
    sums.add(&Item {
        at: Timestamp::from_microsecond(row.get(0)?).unwrap_or_default(),
        caller: row.get_ref(1)?.as_str()?,
        model: row.get_ref(2)?.as_str()?,
        usage: Usage {
            input_tokens: tokens(3)?,
            output_tokens: tokens(4)?,
            cache_read_tokens: tokens(5)?,
            cache_write_tokens: tokens(6)?,
        },
        estimated: row.get(7)?,
        outcome: Outcome::from_text(row.get_ref(8)?.as_str()?),
        nano_usd: row.get::<_, Option<i64>>(9)?.map(|price| u64::try_from(price).unwrap_or(0)),
    });
    Ok(())
}

/// Makes the file with its mode before SQLite would make it with another; its `-wal` and `-shm` get the same.
fn own_file(path: &Path) -> io::Result<()> {
    let file = fs::OpenOptions::new().create(true).append(true).mode(MODE).open(path)?;
    let mut permissions = file.metadata()?.permissions();
    if permissions.mode() & 0o777 != MODE {
        permissions.set_mode(MODE);
        file.set_permissions(permissions)?;
    }
    Ok(())
}

/// The version of the schema; 0 for a new file.
fn version(connection: &Connection, path: &Path) -> Result<i64, OpenError> {
    let read = |pragma: &str| {
        connection
            .pragma_query_value(None, pragma, |row| row.get::<_, i64>(0))
            .map_err(|source| database(path, source))
    };
    let (application, found) = (read("application_id")?, read("user_version")?);
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(|source| database(path, source))?;
    let new = application == 0 && found == 0 && tables == 0;
    if !new && application != APPLICATION_ID {
        return Err(OpenError::Foreign { path: path.to_owned() });
    }
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    if found > known {
        return Err(OpenError::Newer { path: path.to_owned(), found, known });
    }
    Ok(found)
}

fn prepare(connection: &mut Connection, version: i64) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // With a write-ahead log this survives a kill of the process; a power cut may cost the last transactions, never
    // the file.
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    // KiB of pages: an index that is only appended to needs few.
    connection.pragma_update(None, "cache_size", -256)?;
    connection.pragma_update(None, "mmap_size", 0)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "journal_size_limit", 4 * 1024 * 1024)?;
    let done = usize::try_from(version).unwrap_or(0);
    for (step, to) in MIGRATIONS.iter().zip(1_i64..).skip(done) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "user_version", to)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.commit()?;
    }
    Ok(())
}

fn database(path: &Path, source: rusqlite::Error) -> OpenError {
    OpenError::Database { path: PathBuf::from(path), source }
}

/// SQLite's integers have a sign. No call has 2⁶³ tokens.
fn integer(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
