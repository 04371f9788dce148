//! `host upgrade`

use crate::app::{App, Ended};
use crate::args::HostUpgradeArgs;
use crate::failure::{Failure, codes};

/// `host upgrade`
pub(crate) fn command(_app: &App, _args: &HostUpgradeArgs) -> Ended {
    Err(Failure::new(codes::BUG, "host upgrade", "not built yet"))
}
