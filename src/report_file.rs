//! Puts the report beside the state file: whole or not at all.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use model::report::VerificationReport;

/// Writes `STATE.report.json` and `STATE.report.md`.
pub(crate) fn write(state_file: &Path, report: &VerificationReport) -> Result<(), (PathBuf, io::Error)> {
    let json = serde_json::to_string_pretty(report).map(|text| text + "\n").map_err(io::Error::from);
    for (ending, text) in [("report.json", json), ("report.md", Ok(report.markdown()))] {
        let path = beside(state_file, ending);
        text.and_then(|text| replace(&path, text.as_bytes())).map_err(|error| (path, error))?;
    }
    Ok(())
}

/// The state file's name with something behind it.
pub(crate) fn beside(state_file: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(state_file.file_name().unwrap_or_default());
    name.push(".");
    name.push(ending);
    state_file.with_file_name(name)
}

/// A new file in the old one's place, readable by its owner only.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    // Made with mode 0600.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
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
