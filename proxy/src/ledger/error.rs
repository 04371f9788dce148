//! Why the ledger cannot be opened or read, with the code of each.

use std::{io, path::PathBuf};

use model::{Finding, Severity};

use super::prices::PricesError;
use crate::dynamo::DynamoError;

/// Why the ledger cannot be opened. The proxy does not start without the ledger that it was told to keep.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder or file refuses.
    #[error("the usage ledger `{}` cannot be created or opened", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// SQLite refuses.
    #[error("the usage ledger `{}` cannot be used as a database", .path.display())]
    Database {
        /// Which.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// It is somebody else's database.
    #[error("`{}` is a database of another program", .path.display())]
    Foreign {
        /// Which.
        path: PathBuf,
    },
    /// A newer proxy wrote it.
    #[error("the usage ledger `{}` has schema {found}; this program knows schemas up to {known}", .path.display())]
    Newer {
        /// Which.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// The newest schema of this program.
        known: i64,
    },
    /// The thread that writes cannot be started.
    #[error("the writer of the usage ledger cannot be started")]
    Writer {
        /// Why.
        source: io::Error,
    },
    /// The price list is wrong.
    #[error(transparent)]
    Prices(#[from] PricesError),
}

impl OpenError {
    /// The stable code; its page is in `runbooks/`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::File { .. } | Self::Database { .. } | Self::Foreign { .. } | Self::Writer { .. } => {
                "SRE-PROXY-040"
            }
            Self::Newer { .. } => "SRE-PROXY-041",
            Self::Prices(_) => "SRE-PROXY-042",
        }
    }

    /// What an operator is told at the start.
    pub fn finding(&self) -> Finding {
        let (subject, hint) = match self {
            Self::File { .. } | Self::Database { .. } | Self::Writer { .. } => (
                "ledger.store",
                "let the user of the service write to the folder of that file, or name another `path`",
            ),
            Self::Foreign { .. } => ("ledger.store", "name a file of its own for the ledger"),
            Self::Newer { .. } => ("ledger.store", "start the newer version again, or name a new file"),
            Self::Prices(_) => ("ledger.prices_path", "correct the price list, or leave `prices_path` out"),
        };
        let mut finding =
            Finding::new(self.code(), Severity::Error, subject, self.to_string()).hint(hint.to_owned());
        if let Some(source) = std::error::Error::source(self) {
            finding = finding.evidence(source.to_string());
        }
        finding
    }
}

/// Why a ledger cannot be read for a report.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// There is none, or it is no ledger.
    #[error("the usage ledger cannot be opened")]
    Open(#[from] OpenError),
    /// SQLite refuses.
    #[error("the usage ledger `{}` cannot be read", .path.display())]
    Database {
        /// Which.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// A copy cannot be made.
    #[error("the copy `{}` of the usage ledger cannot be written", .path.display())]
    Copy {
        /// Which.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// A copy came out wrong.
    #[error("the copy `{}` of the usage ledger is damaged: {said}", .path.display())]
    Damaged {
        /// Which.
        path: PathBuf,
        /// What SQLite says of it.
        said: String,
    },
    /// DynamoDB refuses.
    #[error("the table `{table}` cannot be read")]
    Table {
        /// Which.
        table: String,
        /// Why.
        source: DynamoError,
    },
}

impl ReadError {
    /// The stable code; its page is in `runbooks/`.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Open(error @ OpenError::Newer { .. }) => error.code(),
            Self::Copy { .. } | Self::Damaged { .. } => "SRE-HOST-060",
            Self::Open(_) | Self::Database { .. } | Self::Table { .. } => "SRE-PROXY-044",
        }
    }
}
