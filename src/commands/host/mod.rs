//! `host`: the proxy on the machine that this runs on.

mod after_deploy;
mod carry_out;
mod failed;
mod install;
pub(in crate::commands) mod machine;
pub(in crate::commands) mod preflight;
mod probe;
mod renew;
mod source;
mod status;
mod tools;
mod uninstall;
mod upgrade;

use crate::app::{App, Ended};
use crate::args::HostVerb;

pub(crate) use after_deploy::{Deployed, after_deploy};
pub(in crate::commands) use carry_out::{Done, Work, approve};

/// `host`
pub(crate) fn command(app: &App, verb: &HostVerb) -> Ended {
    match verb {
        HostVerb::Install(args) => install::command(app, args),
        HostVerb::Uninstall(args) => uninstall::command(app, args),
        HostVerb::Status(args) => status::command(app, args),
        HostVerb::Upgrade(args) => upgrade::command(app, args),
        HostVerb::Failed(args) => failed::command(app, args),
        HostVerb::Renew(args) => renew::command(app, args),
    }
}
