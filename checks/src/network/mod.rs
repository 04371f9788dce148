//! PLACEHOLDER of the area `network`.

use crate::catalogue::Entry;

/// The checks of this area.
pub const CHECKS: &[Entry] = &[];
