//! The services of the SRE agent on this machine: its four backends and the timer that keeps its token fresh.

mod facts;
mod install;
mod probe;
mod sample;
mod status;
mod uninstall;

pub(super) use install::command as install;
pub(super) use status::command as status;
pub(super) use uninstall::command as uninstall;
