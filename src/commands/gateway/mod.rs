//! `gateway`: the SRE agent's own directory. What is in it, what it lacks, a token for it, and its services.

mod collect;
mod deployed;
mod disk;
mod doctor;
mod files;
mod rotate_key;
mod runtime;
mod services;
mod token;

use std::path::{Path, PathBuf};

use agent::layout;
use model::config::Config;
use provision::journal::State;

use super::check::Target;
use crate::app::{App, Ended};
use crate::args::GatewayVerb;
use crate::failure::{Failure, codes};
use crate::storage;

/// `gateway`
pub(crate) fn command(app: &App, verb: &GatewayVerb) -> Ended {
    match verb {
        GatewayVerb::Doctor(args) => doctor::command(app, args),
        GatewayVerb::Files(args) => files::command(app, args),
        GatewayVerb::Token(args) => token::command(app, args),
        GatewayVerb::Install(args) => services::install(app, args),
        GatewayVerb::Uninstall(args) => services::uninstall(app, args),
        GatewayVerb::Status(args) => services::status(app, args),
        GatewayVerb::RotateKey(args) => rotate_key::command(app, args),
    }
}

/// What the state file says, and the configuration, which has to be known.
fn configured<'t>(app: &App, target: &'t Target) -> Result<(State, &'t Config), Box<Failure>> {
    let state = match &target.state {
        Some(state) => state.clone(),
        None => storage::peek_existing(app, &target.state_file)?,
    };
    let config = target.config.as_ref().ok_or_else(|| {
        let message = "the state file holds no configuration";
        Failure::new(codes::NO_GATEWAY, "deployment", message).hint("name one with --config FILE")
    })?;
    Ok((state, config))
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
