//! `check`: the parts that all checks share; each kind has a file of its own.

mod account;
mod certs;
mod endpoint;
mod finish;
mod host;
mod lock;
mod network;
mod on_disk;
mod timer;
mod unattended;

use std::path::{Path, PathBuf};

use checks::CheckResult;
use model::config::Config;
use provision::journal::State;

use crate::app::{App, Ended};
use crate::args::{CheckVerb, ConfigArgs, StateArgs};
use crate::failure::Failure;
use crate::{settings, storage};

pub(crate) use finish::{finish, finish_with, selection};

/// `check`
pub(crate) fn command(app: &App, verb: &CheckVerb) -> Ended {
    match verb {
        CheckVerb::Certs(args) => certs::command(app, args),
        CheckVerb::Network(args) => network::command(app, args),
        CheckVerb::Account(args) => account::command(app, args),
        CheckVerb::Endpoint(args) => endpoint::command(app, args),
        CheckVerb::Host(args) => host::command(app, args),
        CheckVerb::All(args) => super::verify::all(app, args),
    }
}

/// The deployment that a check is about, as far as it is known.
pub(crate) struct Target {
    /// Its configuration: of `--config`, or else of the state file.
    pub(crate) config: Option<Config>,
    /// What the state file says, where there is one.
    pub(crate) state: Option<State>,
    /// Where the state file is, or would be.
    pub(crate) state_file: PathBuf,
}

/// Finds out which deployment is meant. None is no failure: a check of a file needs no deployment.
pub(crate) fn target(app: &App, config: &ConfigArgs, state: &StateArgs) -> Result<Target, Box<Failure>> {
    let is_rehearsal = config.mode == Some(model::config::Mode::Rehearsal);
    let state_file = storage::state_file(app, state.state_file.as_ref(), is_rehearsal);
    let known = storage::peek(&state_file)?;
    let is_named = config.config.is_some() || app.variable("SRE_AGENT_DEPLOY_CONFIG").is_some();
    let config = if is_named {
        Some(settings::read(app, config, None, None)?.valid(app)?)
    } else {
        known
            .as_ref()
            .and_then(|state| state.config.as_ref())
            .and_then(|resolved| Config::from_resolved(resolved).ok())
    };
    Ok(Target { config, state: known, state_file })
}

/// Results of one kind of check, to be put together with those of others.
pub(crate) type Results = Result<Vec<CheckResult>, Box<Failure>>;

/// Reads PEM roots that a flag names.
pub(crate) fn roots_file(path: Option<&Path>) -> Result<Option<Vec<u8>>, Box<Failure>> {
    path.map(|path| std::fs::read(path).map_err(|error| Failure::of_file("read the roots", path, &error)))
        .transpose()
}
