//! `gateway`: the SRE agent's own directory. What is in it, what it lacks, a token for it, and its services.

mod collect;
mod deployed;
mod disk;
mod doctor;
mod files;
mod services;
mod token;

use std::path::{Path, PathBuf};

use agent::layout;

use crate::app::{App, Ended};
use crate::args::GatewayVerb;
use crate::failure::{Failure, codes};

/// `gateway`
pub(crate) fn command(app: &App, verb: &GatewayVerb) -> Ended {
    match verb {
        GatewayVerb::Doctor(args) => doctor::command(app, args),
        GatewayVerb::Files(args) => files::command(app, args),
        GatewayVerb::Token(args) => token::command(app, args),
        GatewayVerb::Install(args) => services::install(app, args),
        GatewayVerb::Uninstall(args) => services::uninstall(app, args),
        GatewayVerb::Status(args) => services::status(app, args),
    }
}

/// The folder of the sample in or at `dir`.
fn sample(dir: &Path) -> Option<PathBuf> {
    layout::locate(|path| dir.join(path).is_file()).map(|place| match place {
        "" => dir.to_owned(),
        place => dir.join(place),
    })
}

/// The same where nothing can be done without it.
fn sample_at(dir: &Path) -> Result<PathBuf, Box<Failure>> {
    sample(dir).ok_or_else(|| {
        let shown = dir.display().to_string();
        let message =
            format!("`{shown}` does not hold the SRE agent: there is no gateway/create_gateway.sh in it");
        Failure::new(codes::NOT_THE_AGENT, &shown, message)
            .hint("name the folder that the SRE agent was cloned to: --dir DIR")
    })
}
