//! Places that only the engine uses.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use systemd::Layout;

/// What was at our paths before the first installation.
pub(super) fn before(layout: &Layout) -> PathBuf {
    layout.state().join("kept")
}

/// What was there before the run that is under way.
pub(super) fn previous(layout: &Layout) -> PathBuf {
    layout.state().join("previous")
}

/// Settings that an operator had edited and that a run replaced.
pub(super) fn edited(layout: &Layout) -> PathBuf {
    layout.state().join("edited")
}

/// A path as the name of a file: `%2F` for a slash, so that it can be read back without a journal.
pub(super) fn name(path: &Path) -> String {
    let mut out = String::new();
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' | b'@' => {
                out.push(char::from(*byte));
            }
            byte => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}

/// Where systemd keeps when a timer ran last.
pub(super) fn stamp(layout: &Layout, timer: &str) -> PathBuf {
    layout.root().join("var/lib/systemd/timers").join(format!("stamp-{timer}"))
}
