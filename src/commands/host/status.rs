//! `host status`

use crate::app::{App, Ended};
use crate::args::HostStatusArgs;
use crate::failure::{Failure, codes};

/// `host status`
pub(crate) fn command(_app: &App, _args: &HostStatusArgs) -> Ended {
    Err(Failure::new(codes::BUG, "host status", "not built yet"))
}
