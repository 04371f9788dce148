//! `host install`

use crate::app::{App, Ended};
use crate::args::HostInstallArgs;
use crate::failure::{Failure, codes};

/// `host install`
pub(crate) fn command(_app: &App, _args: &HostInstallArgs) -> Ended {
    Err(Failure::new(codes::BUG, "host install", "not built yet"))
}
