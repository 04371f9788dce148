//! A copy of the file while somebody writes it: SQLite's own way, and a look at what came out.

use std::path::Path;

use rusqlite::{Connection, OpenFlags, backup::Backup};

use super::{BUSY, OpenError, ReadError, database, version};

/// What a copy holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copied {
    /// Requests.
    pub entries: u64,
}

/// Copies the ledger into an empty file, and reads the copy through.
///
/// The copy is the ledger of one moment. Who writes meanwhile neither waits nor is seen.
///
/// # Errors
///
/// Why there is no copy that could be relied on; what is in the file then is worth nothing.
pub fn copy(from: &Path, to: &Path) -> Result<Copied, ReadError> {
    let unreadable = |source| ReadError::Database { path: from.to_owned(), source };
    let unwritten = |source| ReadError::Copy { path: to.to_owned(), source };
    // Not read-only: where nobody has the file open, its log must be taken in.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let source = Connection::open_with_flags(from, flags).map_err(|source| database(from, source))?;
    source.busy_timeout(BUSY).map_err(unreadable)?;
    if version(&source, from)? == 0 {
        return Err(OpenError::Foreign { path: from.to_owned() }.into());
    }
    let mut target = Connection::open(to).map_err(unwritten)?;
    // All pages in one step: between two, a busy proxy would make it begin anew, for ever.
    Backup::new(&source, &mut target).and_then(|backup| backup.step(-1)).map_err(unwritten)?;
    // One file, without a log beside it.
    target.pragma_update(None, "journal_mode", "DELETE").map_err(unwritten)?;
    target.close().map_err(|(_, source)| unwritten(source))?;
    check(to)
}

/// Reads a copy through.
fn check(path: &Path) -> Result<Copied, ReadError> {
    let unreadable = |source| ReadError::Copy { path: path.to_owned(), source };
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let connection = Connection::open_with_flags(path, flags).map_err(unreadable)?;
    let said: String =
        connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).map_err(unreadable)?;
    if said != "ok" || version(&connection, path)? == 0 {
        return Err(ReadError::Damaged { path: path.to_owned(), said });
    }
    let entries: i64 =
        connection.query_row("SELECT count(*) FROM usage", [], |row| row.get(0)).map_err(unreadable)?;
    Ok(Copied { entries: u64::try_from(entries).unwrap_or(0) })
}

#[cfg(test)]
mod tests;
