//! `check host`: the machine that this runs on.

use std::path::Path;

use checks::host;
use model::config::HostInstall;

use super::{Target, finish, selection, target};
use crate::app::{App, Ended};
use crate::args::HostArgs;

/// `check host`
pub(crate) fn command(app: &App, args: &HostArgs) -> Ended {
    let target = target(app, &args.usual.config, &args.usual.state)?;
    finish(app, &args.usual.judge, None, results(app, args, &target)?)
}

/// What there is to say, for this command and for `verify`.
pub(crate) fn results(_app: &App, args: &HostArgs, target: &Target) -> super::Results {
    // A code that does not exist is refused before anything is looked at.
    selection(&args.usual.judge)?;
    let is_wanted = target.config.as_ref().is_some_and(|config| config.host.install == HostInstall::Here);
    Ok(vec![host::judge(&host::collect::collect(Path::new("/")), is_wanted)])
}
