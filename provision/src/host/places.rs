//! Places that only the engine uses.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use systemd::Layout;

use super::product::Product;

/// Where an installation keeps what it needs for itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Places<'a> {
    pub(super) layout: &'a Layout,
    pub(super) product: Product,
}

impl Places<'_> {
    /// What was at our paths before the first installation.
    pub(super) fn before(self) -> PathBuf {
        self.product.place(self.layout, "kept")
    }

    /// What was there before the run that is under way.
    pub(super) fn previous(self) -> PathBuf {
        self.product.place(self.layout, "previous")
    }

    /// Settings that an operator had edited and that a run replaced.
    pub(super) fn edited(self) -> PathBuf {
        self.product.place(self.layout, "edited")
    }

    /// Where systemd keeps when a timer ran last.
    pub(super) fn stamp(self, timer: &str) -> PathBuf {
        self.layout.root().join("var/lib/systemd/timers").join(format!("stamp-{timer}"))
    }
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
