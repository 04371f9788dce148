//! Puts reports into files: whole or not at all.

use std::ffi::OsString;
use std::fs::{File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use model::report::VerificationReport;

/// Writes `STATE.report.json` and `STATE.report.md`.
pub(crate) fn write(state_file: &Path, report: &VerificationReport) -> Result<(), (PathBuf, io::Error)> {
    let json = serde_json::to_string_pretty(report).map(|text| text + "\n").map_err(io::Error::from);
    for (ending, text) in [("report.json", json), ("report.md", Ok(report.markdown()))] {
        let path = beside(state_file, ending);
        text.and_then(|text| replace(&path, text.as_bytes(), OWNER)).map_err(|error| (path, error))?;
    }
    Ok(())
}

/// Writes `STATE.report.html`, the results of the checks as one page.
pub(crate) fn write_page(state_file: &Path, page: &str) -> Result<(), (PathBuf, io::Error)> {
    let path = beside(state_file, "report.html");
    replace(&path, page.as_bytes(), OWNER).map_err(|error| (path, error))
}

/// The state file's name with something behind it.
pub(crate) fn beside(state_file: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(state_file.file_name().unwrap_or_default());
    name.push(".");
    name.push(ending);
    state_file.with_file_name(name)
}

/// Writes the result of checks where the operator wants it.
pub(crate) fn result(path: &Path, text: &str, is_public: bool) -> io::Result<()> {
    // What a shell opened is written on, not replaced: `>> log` holds more than this.
    if path.starts_with("/dev") || path.starts_with("/proc") {
        let mut file = std::fs::OpenOptions::new().append(true).open(path)?;
        return file.write_all(text.as_bytes());
    }
    // A link stays a link; what it points at is replaced.
    let path = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    if std::fs::metadata(&path).is_ok_and(|found| !found.is_file() && !found.is_dir()) {
        // A pipe or a terminal cannot be replaced.
        return std::fs::OpenOptions::new().write(true).open(&path)?.write_all(text.as_bytes());
    }
    replace(&path, text.as_bytes(), if is_public { EVERYBODY } else { OWNER })
}

/// Readable by its owner only.
const OWNER: u32 = 0o600;
/// Readable by other users, such as the one of the node exporter.
const EVERYBODY: u32 = 0o644;

/// A new file in the old one's place, with this mode.
pub(crate) fn replace(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    // Made with mode 0600.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().set_permissions(Permissions::from_mode(mode))?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_named_after_the_state_file() {
        assert_eq!(
            beside(Path::new(".deployment_state"), "report.md"),
            Path::new(".deployment_state.report.md")
        );
        assert_eq!(beside(Path::new("/a/b.c"), "report.json"), Path::new("/a/b.c.report.json"));
    }
}
