//! PLACEHOLDER of the area `endpoint`.

use crate::catalogue::Entry;

/// The checks of this area.
pub const CHECKS: &[Entry] = &[];
