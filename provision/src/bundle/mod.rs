//! A bundle: everything that a host is made from, as a few files with their digests.
//!
//! `compose` makes the two files of settings from a deployment's configuration, `sums` is the form of `SHA256SUMS`. A
//! [`Bundle`] holds the content in memory, whether it was composed here, read from a folder or fetched; what it holds
//! has been compared with its digests.

mod compose;
mod folder;
mod manifest;
mod programs;
mod sums;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use model::host::{HOST_SETTINGS_VERSION, HostSettings};
use systemd::Program;

pub use compose::{Deployed, MissingOutput, Site, host_settings, proxy_config, proxy_config_at};
pub use manifest::{Manifest, Part};
pub use programs::{Machine, ProgramFile, Programs, machine};
pub use sums::sha256;

/// The file with the digests of all others, in the form of sha256sum(1).
pub const SUMS: &str = "SHA256SUMS";
/// [`HostSettings`] as JSON.
pub const HOST_SETTINGS: &str = "host.json";
/// The proxy's configuration.
pub const PROXY_CONFIG: &str = "proxy.yaml";

/// The path of a program within a bundle.
pub fn program_path(program: Program) -> &'static str {
    match program {
        Program::Proxy => "bin/bedrock-nova-proxy",
        Program::Deploy => "bin/sre-agent-deploy",
    }
}

/// All paths of a bundle but that of the digests.
pub const PATHS: [&str; 4] = ["bin/bedrock-nova-proxy", "bin/sre-agent-deploy", HOST_SETTINGS, PROXY_CONFIG];

/// Why something is no bundle.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// A file cannot be read or written.
    #[error("`{}` cannot be {what}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// `read` or `written`.
        what: &'static str,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
    /// The folder is not there or cannot be read.
    #[error("`{}` is no folder that can be read", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },
    /// A file is not there.
    #[error("the bundle has no `{0}`")]
    Missing(String),
    /// A file is there, and no digest of it.
    #[error("`{SUMS}` says nothing of `{0}`")]
    Unlisted(String),
    /// The content is not what the digest says.
    #[error("`{path}` is not what `{SUMS}` says: its SHA-256 is {found}, and should be {wanted}")]
    Damaged {
        /// The file, as in the bundle.
        path: String,
        /// As listed.
        wanted: String,
        /// Of what is there.
        found: String,
    },
    /// A line of `SHA256SUMS` is not understood.
    #[error("line {line} of `{SUMS}` is not understood")]
    Sums {
        /// Counts from 1.
        line: usize,
    },
    /// `host.json` is not understood.
    #[error("`{HOST_SETTINGS}` is not understood: {0}")]
    Settings(String),
    /// `proxy.yaml` is no text.
    #[error("`{PROXY_CONFIG}` is not UTF-8")]
    NoText,
}

/// Everything that a host is made from, verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    programs: BTreeMap<Program, Arc<[u8]>>,
    settings: HostSettings,
    proxy_config: String,
}

impl Bundle {
    /// A bundle from its parts.
    pub fn compose(
        programs: BTreeMap<Program, Arc<[u8]>>,
        settings: HostSettings,
        proxy_config: String,
    ) -> Self {
        Self { programs, settings, proxy_config }
    }

    /// A bundle from the files that were fetched, by their paths within it; `SHA256SUMS` has to be among them.
    ///
    /// # Errors
    ///
    /// The first thing that does not fit. Files that no bundle has are an error too, unless they are listed.
    pub fn from_files(mut files: BTreeMap<String, Vec<u8>>) -> Result<Self, BundleError> {
        let sums = files.remove(SUMS).ok_or_else(|| BundleError::Missing(SUMS.to_owned()))?;
        sums::verify(&sums, &files)?;
        let mut take = |path: &str| files.remove(path).ok_or_else(|| BundleError::Missing(path.to_owned()));
        let mut programs = BTreeMap::new();
        for program in Program::ALL {
            programs.insert(program, Arc::from(take(program_path(program))?));
        }
        let settings = parse_settings(&take(HOST_SETTINGS)?)?;
        let proxy_config = String::from_utf8(take(PROXY_CONFIG)?).map_err(|_| BundleError::NoText)?;
        Ok(Self { programs, settings, proxy_config })
    }

    /// All files by their paths, `SHA256SUMS` among them.
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        for (program, bytes) in &self.programs {
            files.insert(program_path(*program).to_owned(), bytes.to_vec());
        }
        files.insert(HOST_SETTINGS.to_owned(), self.settings_text().into_bytes());
        files.insert(PROXY_CONFIG.to_owned(), self.proxy_config.clone().into_bytes());
        files.insert(SUMS.to_owned(), sums::text(&files).into_bytes());
        files
    }

    /// A program, where the bundle has it.
    pub fn program(&self, program: Program) -> Option<&Arc<[u8]>> {
        self.programs.get(&program)
    }

    /// What the host is told.
    pub fn settings(&self) -> &HostSettings {
        &self.settings
    }

    /// What the host is told, as it is written.
    pub fn settings_text(&self) -> String {
        settings_text(&self.settings)
    }

    /// The proxy's configuration.
    pub fn proxy_config(&self) -> &str {
        &self.proxy_config
    }

    /// The same with another configuration of the proxy.
    #[must_use]
    pub fn with_proxy_config(mut self, text: String) -> Self {
        self.proxy_config = text;
        self
    }

    /// The digest of everything, which names a bundle: SHA-256 of its `SHA256SUMS`, lower-case hex.
    pub fn digest(&self) -> String {
        self.files().get(SUMS).map(|text| sha256(text)).unwrap_or_default()
    }
}

/// `host.json` as it is written.
pub fn settings_text(settings: &HostSettings) -> String {
    // A value of our own type with string keys: this cannot fail.
    let mut text = serde_json::to_string_pretty(settings).unwrap_or_default();
    text.push('\n');
    text
}

/// Reads `host.json`.
///
/// # Errors
///
/// Where it is no JSON, has a member that is not known, or is of a newer version.
pub fn parse_settings(bytes: &[u8]) -> Result<HostSettings, BundleError> {
    let settings: HostSettings =
        serde_json::from_slice(bytes).map_err(|error| BundleError::Settings(error.to_string()))?;
    if settings.version > HOST_SETTINGS_VERSION {
        return Err(BundleError::Settings(format!(
            "it has version {}, and this build reads up to {HOST_SETTINGS_VERSION}",
            settings.version
        )));
    }
    Ok(settings)
}
