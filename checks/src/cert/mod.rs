//! Certificates: what is known of them ([`facts`]), how it is read, and how it is judged.

pub mod facts;

use crate::catalogue::Entry;

/// The checks of this area.
pub const CHECKS: &[Entry] = &[];
