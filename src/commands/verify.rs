//! `verify`: everything that concerns a deployment, and the report.

use crate::app::{App, Ended};
use crate::args::VerifyArgs;

/// `verify`
pub(crate) fn command(app: &App, args: &VerifyArgs) -> Ended {
    all(app, args)
}

/// `check all`
pub(crate) fn all(app: &App, args: &VerifyArgs) -> Ended {
    super::check::finish(app, &args.judge, None, Vec::new())
}
