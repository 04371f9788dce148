//! What makes a kind of journal: its header, its lines, and what all lines together mean.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A state that is a pure fold over a header and records, with the rule which record may follow which.
pub trait Fold: Clone + Sized {
    /// Names the form in the header.
    const FORMAT: &'static str;
    /// The newest version that this build reads, and the one that it writes.
    const VERSION: u32;
    /// Whose journal it is, in one word: `deployment`.
    const SUBJECT: &'static str;
    /// What an operator calls the file.
    const FILE: &'static str;
    /// The first line.
    type Header: Serialize + DeserializeOwned;
    /// Every line after it.
    type Record: Serialize + DeserializeOwned;

    /// The state of a journal with nothing but its header.
    fn begin(header: Self::Header) -> Self;

    /// The state after one more line.
    ///
    /// # Errors
    ///
    /// Why that line cannot be.
    fn apply(self, record: &Self::Record) -> Result<Self, IllegalRecord>;
}

/// A line that cannot follow the lines before it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{step}: {reason}")]
pub struct IllegalRecord {
    /// The step it is about.
    pub step: String,
    /// Why it cannot be.
    pub reason: &'static str,
}
