//! PLACEHOLDER of the area `account`.

use crate::catalogue::Entry;

/// The checks of this area.
pub const CHECKS: &[Entry] = &[];
