//! The machine that the program runs on: whether the proxy can be installed there, and whether it runs.
//!
//! [`facts`] is what is known, [`collect`] finds it out, [`judge()`] says what it means.

pub mod collect;
pub mod facts;
mod judge;

use crate::catalogue::Entry;

pub use judge::judge;

/// The checks of this area.
pub const CHECKS: &[Entry] = &[
    Entry::pure("SRE-HOST-003", "the operating system is a supported one"),
    Entry::pure("SRE-HOST-004", "systemd runs and is new enough"),
    Entry::pure("SRE-HOST-005", "there is memory for the proxy"),
    Entry::pure("SRE-HOST-006", "there is room on the disk"),
    Entry::pure("SRE-HOST-007", "the clock is synchronised"),
    Entry::pure("SRE-HOST-008", "port 443 is free or the proxy's"),
    Entry::pure("SRE-HOST-009", "the proxy's service is in order"),
];
