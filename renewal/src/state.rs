//! What one run leaves for the next: `renewal.json`. Nothing in it is secret.

use std::io;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::disk::{self, Disk};
use crate::pair::Leaf;
use crate::schedule::{self, Reason, Suggestion};

/// Version of the form. A field may be added without raising it.
const VERSION: u32 = 1;
const MODE: u32 = 0o600;

/// What a configuration asks an authority for. Another wish has its own failures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// The names.
    pub names: Vec<String>,
    /// The URL of the authority's directory.
    pub directory: String,
    /// The authority's kind of certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
}

/// Where a certificate came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Obtained {
    /// Its serial number.
    pub serial: String,
    /// The authority's directory.
    pub directory: String,
    /// The profile that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Whether the authority had suggested to renew the one before it.
    #[serde(default)]
    pub is_suggested: bool,
}

impl Obtained {
    /// Whether the same authority and profile are wanted.
    pub fn is_of(&self, wanted: &Wanted) -> bool {
        self.directory == wanted.directory && self.profile == wanted.profile
    }
}

/// An answer in the DNS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// The name of the text record.
    pub name: String,
    /// Its value, one of perhaps several under that name.
    pub value: String,
}

/// `renewal.json`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenewalState {
    /// Tells a newer form.
    pub version: u32,
    /// The last time that anybody looked.
    #[serde(default)]
    pub last_run: Option<Timestamp>,
    /// The last time that a certificate was asked for.
    #[serde(default)]
    pub last_try: Option<Timestamp>,
    /// How many tries in a row have failed.
    #[serde(default)]
    pub failures: u32,
    /// The code of the last failure.
    #[serde(default)]
    pub last_failure: Option<String>,
    /// Nothing is tried before this.
    #[serde(default)]
    pub next_try: Option<Timestamp>,
    /// What the last try was for.
    #[serde(default)]
    pub wanted: Option<Wanted>,
    /// The certificate that came last.
    #[serde(default)]
    pub obtained: Option<Obtained>,
    /// What the authority suggests.
    #[serde(default)]
    pub suggestion: Option<Suggestion>,
    /// The account at the authority.
    #[serde(default)]
    pub account: Option<String>,
    /// What is to be taken back from the DNS: written before it is published, and removed after it is gone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub published: Vec<Published>,
}

impl Default for RenewalState {
    fn default() -> Self {
        Self {
            version: VERSION,
            last_run: None,
            last_try: None,
            failures: 0,
            last_failure: None,
            next_try: None,
            wanted: None,
            obtained: None,
            suggestion: None,
            account: None,
            published: Vec::new(),
        }
    }
}

impl RenewalState {
    /// Reads it. None where there is no file, an error where it cannot be used.
    pub fn read(path: &Path) -> io::Result<Option<Self>> {
        let bytes = match disk::read(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            bytes => bytes?,
        };
        let state: Self = serde_json::from_slice(&bytes)?;
        if state.version > VERSION {
            let message = format!("it has version {}, this program knows up to {VERSION}", state.version);
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        Ok(Some(state))
    }

    /// Writes it as a whole, mode 0600.
    pub fn write(&self, disk: &dyn Disk, path: &Path) -> io::Result<()> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        disk::replace(disk, path, &bytes, MODE, None)
    }

    /// A try begins. Written before the authority is asked: a run that is killed in its middle has tried as well.
    pub fn begin(&mut self, wanted: &Wanted, now: Timestamp) {
        if self.wanted.as_ref() != Some(wanted) {
            self.failures = 0;
            self.last_failure = None;
            self.wanted = Some(wanted.clone());
        }
        self.last_run = Some(now);
        self.last_try = Some(now);
        self.next_try = Some(schedule::next_try(self.failures.saturating_add(1), None, None, now));
    }

    /// It failed.
    pub fn failed(
        &mut self,
        code: &str,
        retry_after: Option<SignedDuration>,
        live: Option<&Leaf>,
        now: Timestamp,
    ) {
        self.failures = self.failures.saturating_add(1);
        self.last_failure = Some(code.to_owned());
        self.next_try = Some(schedule::next_try(self.failures, retry_after, live, now));
    }

    /// It came.
    pub fn succeeded(&mut self, leaf: &Leaf, wanted: &Wanted, reason: Reason) {
        self.failures = 0;
        self.last_failure = None;
        self.next_try = None;
        self.suggestion = None;
        self.obtained = Some(Obtained {
            serial: leaf.serial.clone(),
            directory: wanted.directory.clone(),
            profile: wanted.profile.clone(),
            is_suggested: reason == Reason::Suggested,
        });
    }
}
