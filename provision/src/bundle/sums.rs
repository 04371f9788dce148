//! `SHA256SUMS`: written and read as sha256sum(1) does, so that an operator can check a bundle without us.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use super::BundleError;

/// SHA-256 as lower-case hex.
pub fn sha256(bytes: &[u8]) -> String {
    model::hex::encode(&Sha256::digest(bytes))
}

/// One line a file, in order.
pub(super) fn text(files: &BTreeMap<String, Vec<u8>>) -> String {
    let mut out = String::new();
    for (path, bytes) in files {
        let _ = writeln!(out, "{}  {path}", sha256(bytes));
    }
    out
}

/// Compares everything with its digest: no file without a line, no line without a file.
pub(super) fn verify(sums: &[u8], files: &BTreeMap<String, Vec<u8>>) -> Result<(), BundleError> {
    let listed = parse(sums)?;
    for (path, wanted) in &listed {
        let bytes = files.get(path).ok_or_else(|| BundleError::Missing(path.clone()))?;
        let found = sha256(bytes);
        if found != *wanted {
            return Err(BundleError::Damaged { path: path.clone(), wanted: wanted.clone(), found });
        }
    }
    match files.keys().find(|path| !listed.contains_key(*path)) {
        Some(path) => Err(BundleError::Unlisted(path.clone())),
        None => Ok(()),
    }
}

/// Path → digest.
pub(super) fn parse(sums: &[u8]) -> Result<BTreeMap<String, String>, BundleError> {
    let mut listed = BTreeMap::new();
    let text = String::from_utf8_lossy(sums);
    for (index, line) in text.lines().enumerate() {
        let damaged = || BundleError::Sums { line: index.saturating_add(1) };
        // Two spaces for text, space and asterisk for binary: on Linux the same.
        let (digest, path) = line.split_once("  ").or_else(|| line.split_once(" *")).ok_or_else(damaged)?;
        let is_digest = digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
        // A path may not lead out of the bundle.
        let is_inside =
            !path.is_empty() && !path.starts_with('/') && path.split('/').all(|part| part != "..");
        if !is_digest || !is_inside {
            return Err(damaged());
        }
        listed.insert(path.strip_prefix("./").unwrap_or(path).to_owned(), digest.to_ascii_lowercase());
    }
    Ok(listed)
}
