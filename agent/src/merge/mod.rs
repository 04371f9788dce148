//! What is there and what is wanted, brought together: a pure function to a list of writes.
//!
//! Nothing that a person wrote is lost: unknown keys and comments stay, a file that changes is copied beside itself
//! first, and a value that somebody chose is only replaced when somebody says so. What the sample ships, what an older
//! version of it wrote, and what its scripts get wrong is no choice of anybody, and is brought up to date with a note.

mod fields;
#[cfg(test)]
mod laws;
#[cfg(test)]
pub(crate) mod tests;
mod work;

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use model::Secret;

use crate::Wanted;
use crate::formats::Unwritable;
use crate::layout::File;

/// `deployment/.env`, which should be a link.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Link {
    /// There is no folder for it: an early version of the sample.
    NoFolder,
    /// There is none.
    #[default]
    Missing,
    /// It is a link to this.
    To(String),
    /// It is a file.
    File,
}

/// What is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Present {
    /// The text of each file that exists.
    pub texts: BTreeMap<File, Secret<String>>,
    /// How `deployment/.env` is.
    pub deployment_env: Link,
}

impl Present {
    /// The text of a file.
    pub fn text(&self, file: File) -> Option<&str> {
        self.texts.get(&file).map(|text| text.expose().as_str())
    }
}

/// A value as it may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    /// As it is.
    Plain(String),
    /// Only its length.
    Masked(usize),
}

impl Shown {
    fn of(value: &str, is_secret: bool) -> Self {
        if is_secret { Self::Masked(value.chars().count()) } else { Self::Plain(value.to_owned()) }
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(value) => write!(f, "`{value}`"),
            Self::Masked(length) => write!(f, "a secret of {length} characters"),
        }
    }
}

/// What becomes of a value that somebody chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// It stays.
    Keep,
    /// It is replaced by what is wanted.
    Replace,
}

/// A value that is there and differs from what is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// Where.
    pub file: File,
    /// Which.
    pub key: String,
    /// What is there.
    pub there: Shown,
    /// What is wanted.
    pub wanted: Shown,
    /// What was chosen; nothing where nobody did.
    pub choice: Option<Choice>,
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} is {}, and wanted is {}", self.file, self.key, self.there, self.wanted)
    }
}

/// Something that was done besides setting a value, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Where.
    pub file: File,
    /// What.
    pub text: String,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file, self.text)
    }
}

/// What a file becomes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// This text.
    Text(Secret<String>),
    /// A link to this.
    LinkTo(&'static str),
}

/// One file to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// Which.
    pub file: File,
    /// What it becomes.
    pub change: Change,
    /// The file beside it that takes what is there now.
    pub backup: Option<String>,
}

/// What came out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Merged {
    /// The files to be written, in this order.
    pub writes: Vec<Write>,
    /// Values that differ from what is wanted.
    pub conflicts: Vec<Conflict>,
    /// What else was done.
    pub notes: Vec<Note>,
}

impl Merged {
    /// Conflicts that nobody decided. While there is one, nothing should be written.
    pub fn undecided(&self) -> impl Iterator<Item = &Conflict> {
        self.conflicts.iter().filter(|conflict| conflict.choice.is_none())
    }
}

/// Brings together what is there and what is wanted; `choose` is asked about each conflict, and `now` names backups.
pub fn merge(
    there: &Present,
    wanted: &Wanted,
    choose: &mut dyn FnMut(&Conflict) -> Option<Choice>,
    now: Timestamp,
) -> Result<Merged, Vec<Unwritable>> {
    work::Work::new(there, choose, now).run(wanted)
}

/// Puts a new token where the sample looks for it, and touches nothing else.
pub fn merge_token(
    there: &Present,
    token: &Secret<String>,
    now: Timestamp,
) -> Result<Merged, Vec<Unwritable>> {
    work::Work::new(there, &mut |_| None, now).renewed(fields::token(token))
}

/// Puts a new key of the backends where the sample looks for it, and touches nothing else.
pub fn merge_key(there: &Present, key: &Secret<String>, now: Timestamp) -> Result<Merged, Vec<Unwritable>> {
    work::Work::new(there, &mut |_| None, now).renewed([fields::key(key)])
}

/// The name of the file beside `path` that takes what was in it.
fn backup_name(path: &str, now: Timestamp) -> String {
    format!("{path}.bak-{}", now.strftime("%Y%m%dT%H%M%SZ"))
}
