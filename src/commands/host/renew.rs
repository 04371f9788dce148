//! `host renew`

use crate::app::{App, Ended};
use crate::args::HostRenewArgs;
use crate::failure::{Failure, codes};

/// `host renew`
pub(crate) fn command(_app: &App, _args: &HostRenewArgs) -> Ended {
    Err(Failure::new(codes::BUG, "host renew", "not built yet"))
}
