//! What is checked of the account.

use crate::catalogue::Entry;

/// The checks of this area.
pub const CHECKS: &[Entry] =
    &[Entry::waiting("SRE-PERM-001", "the credentials belong to the account of the deployment", &[], 60)];
