//! `host uninstall`

use crate::app::{App, Ended};
use crate::args::HostUninstallArgs;
use crate::failure::{Failure, codes};

/// `host uninstall`
pub(crate) fn command(_app: &App, _args: &HostUninstallArgs) -> Ended {
    Err(Failure::new(codes::BUG, "host uninstall", "not built yet"))
}
