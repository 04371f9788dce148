//! A bundle as a list of files with their digests: what is looked for in a bucket, without holding it all.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use cloud::port::s3::Body;

use super::{HOST_SETTINGS, PROXY_CONFIG, Programs, SUMS, sha256};

/// A file of a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its path in the bundle.
    pub path: String,
    /// SHA-256, lower-case hex.
    pub sha256: String,
    /// What it holds.
    pub body: Body,
}

/// All files of a bundle; `SHA256SUMS` last, so that half a bundle is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The files.
    pub parts: Vec<Part>,
    /// The digest of everything: SHA-256 of `SHA256SUMS`, as [`super::Bundle::digest`] gives it.
    pub digest: String,
}

impl Manifest {
    /// The same bundle that [`super::Bundle::compose`] makes of these.
    pub fn compose(programs: &Programs, settings: String, proxy_config: String) -> Self {
        let mut parts: BTreeMap<String, Part> = BTreeMap::new();
        for (path, file) in programs.files() {
            let body = Body::from(file.bytes.clone());
            parts.insert(path.to_owned(), Part { path: path.to_owned(), sha256: file.sha256.clone(), body });
        }
        for (path, text) in [(HOST_SETTINGS, settings), (PROXY_CONFIG, proxy_config)] {
            parts.insert(path.to_owned(), part(path, text));
        }
        let mut sums = String::new();
        for part in parts.values() {
            let _ = writeln!(sums, "{}  {}", part.sha256, part.path);
        }
        let sums = part(SUMS, sums);
        let digest = sums.sha256.clone();
        Self { parts: parts.into_values().chain([sums]).collect(), digest }
    }
}

fn part(path: &str, text: String) -> Part {
    let bytes = text.into_bytes();
    Part { path: path.to_owned(), sha256: sha256(&bytes), body: Body::from(bytes) }
}
