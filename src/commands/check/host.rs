//! `check host`

use super::{Target, finish, target};
use crate::app::{App, Ended};
use crate::args::HostArgs;

/// `check host`
pub(crate) fn command(app: &App, args: &HostArgs) -> Ended {
    let target = target(app, &args.config, &args.state)?;
    finish(app, &args.judge, None, results(app, args, &target)?)
}

/// What there is to say, for this command and for `verify`.
pub(crate) fn results(_app: &App, _args: &HostArgs, _target: &Target) -> super::Results {
    Ok(Vec::new())
}
