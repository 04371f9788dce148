//! What an instance says of its own first boot, in the parameter of its deployment.
//!
//! The script in the instance's user data writes it, `deploy` reads it, and the practice account does as the script
//! would.

use serde::{Deserialize, Serialize};

/// How far the first boot is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// The script runs and has credentials.
    Started,
    /// All files of the bundle have arrived.
    Fetched,
    /// They are what their digests say; the installation begins.
    Verified,
    /// The proxy is installed.
    Installed,
    /// It did not work.
    Failed,
}

impl Phase {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Fetched => "fetched",
            Self::Verified => "verified",
            Self::Installed => "installed",
            Self::Failed => "failed",
        }
    }
}

/// What went wrong, as the script tells it apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trouble {
    /// S3 refused the instance's role.
    Denied,
    /// A file of the bundle is not there.
    Missing,
    /// A file is not what its digest says.
    Checksum,
    /// S3 could not be reached, or did not answer.
    Network,
    /// The metadata service gave no credentials: the instance has no role.
    Credentials,
    /// A program does not start on this system.
    Program,
    /// `host install` failed.
    Install,
    /// What a newer script says.
    #[serde(other)]
    Other,
}

/// The value of the parameter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The instance that says so; one that was replaced may have left its word.
    pub instance: String,
    /// SHA-256 of the bundle's `SHA256SUMS`.
    pub bundle: String,
    /// How far it is.
    pub phase: Phase,
    /// What went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<Trouble>,
    /// The end of what was said about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl Progress {
    /// Reads the parameter's value; none for anything else, such as the value that it is made with.
    pub fn parse(value: &str) -> Option<Self> {
        serde_json::from_str(value).ok()
    }

    /// As the parameter holds it.
    pub fn text(&self) -> String {
        // A value of our own type with string keys: this cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_newer_script_says_is_read_as_far_as_it_is_known() {
        let text = r#"{"instance":"i-1","bundle":"b","phase":"failed","trouble":"weather","more":1}"#;
        let progress = Progress::parse(text).unwrap();
        assert_eq!((progress.phase, progress.trouble), (Phase::Failed, Some(Trouble::Other)));
        assert_eq!(Progress::parse("none"), None);
        assert_eq!(Progress::parse(&progress.text()), Some(progress));
    }
}
