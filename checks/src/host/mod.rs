//! The machine that the program runs on: whether the proxy can be installed and run there.

use crate::catalogue::Entry;

/// The checks of this area.
pub const CHECKS: &[Entry] = &[];
