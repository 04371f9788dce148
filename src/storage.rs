//! Where a run keeps its state, and whose state it is.

use std::path::{Path, PathBuf};
use std::time::Duration;

use model::DeploymentId;
use model::config::Mode;
use provision::journal::{self, Journal, Locked, State};

use crate::app::App;
use crate::failure::{Failure, codes};
use crate::session::Session;

/// Where a deployment keeps its state.
const STATE_FILE: &str = ".deployment_state";
/// Where a rehearsal does; its account is beside it.
pub(crate) const REHEARSAL_STATE_FILE: &str = ".rehearsal/.deployment_state";

/// The state file by flag, environment or default.
pub(crate) fn state_file(app: &App, flag: Option<&PathBuf>, rehearsal: bool) -> PathBuf {
    let default = if rehearsal { REHEARSAL_STATE_FILE } else { STATE_FILE };
    flag.cloned()
        .or_else(|| app.variable("SRE_AGENT_DEPLOY_STATE_FILE").map(PathBuf::from))
        .unwrap_or_else(|| PathBuf::from(default))
}

/// The practice account that belongs to a state file.
pub(crate) fn practice_file(state_file: &Path) -> PathBuf {
    state_file.with_file_name("account.json")
}

/// What the state file says, without a lock.
pub(crate) fn peek(path: &Path) -> Result<Option<State>, Box<Failure>> {
    journal::peek(path).map_err(|error| Failure::of_journal(&error))
}

/// What the state file says, where it has to say something.
pub(crate) fn peek_existing(app: &App, path: &Path) -> Result<State, Box<Failure>> {
    peek(path)?.ok_or_else(|| no_deployment(app, path))
}

/// That a state file has to say something.
pub(crate) fn no_deployment(app: &App, path: &Path) -> Box<Failure> {
    let failure = Failure::new(
        codes::NO_STATE,
        &path.display().to_string(),
        format!("there is no deployment in the state file `{}`", path.display()),
    );
    let rehearsal = Path::new(REHEARSAL_STATE_FILE);
    if path != rehearsal && rehearsal.exists() {
        return failure.hint(format!("there is one of a rehearsal: --state-file {REHEARSAL_STATE_FILE}"));
    }
    failure.hint(format!(
        "name the right one with --state-file; if it is lost, `{0} --config FILE` finds what was made by its \
         tags and goes on, and `{0} --cleanup --deployment-id ID` removes it",
        app.program
    ))
}

/// A state file that this run holds.
pub(crate) struct Held {
    /// The journal, unless the file held no complete line.
    pub(crate) journal: Result<Journal, Locked>,
    /// What it says.
    pub(crate) state: Option<State>,
}

/// Takes the state file for this run.
pub(crate) async fn hold(session: &Session<'_>, path: &Path, wait: Duration) -> Result<Held, Box<Failure>> {
    let failed = |error: journal::JournalError| Failure::of_journal(&error);
    let locked = session.look(async { Locked::acquire(path, wait).await.map_err(failed) }).await?;
    let loaded = locked.load().map_err(failed)?;
    if loaded.torn {
        session.say("warning: the last line of the state file was torn by a crash; it was dropped, and nothing is lost");
    }
    let state = loaded.journal.as_ref().ok().map(|journal| journal.state().clone());
    Ok(Held { journal: loaded.journal, state })
}

/// Refuses a state file of another deployment, or of a rehearsal where a real account is meant.
pub(crate) fn check_owner(
    path: &Path,
    state: Option<&State>,
    deployment: &DeploymentId,
    mode: Mode,
) -> Result<(), Box<Failure>> {
    let Some(state) = state else { return Ok(()) };
    let refuse = |message: String| {
        Err(Failure::new(codes::OTHER_DEPLOYMENT, &path.display().to_string(), message)
            .hint("use another --state-file; nothing was changed"))
    };
    if state.header.deployment_id != *deployment {
        return refuse(format!(
            "the state file is of deployment {}, and this is {deployment}",
            state.header.deployment_id
        ));
    }
    let is_rehearsal = |mode| mode == Mode::Rehearsal;
    if is_rehearsal(state.header.mode) != is_rehearsal(mode) {
        let of =
            if is_rehearsal(mode) { "a real deployment, and this is a rehearsal" } else { "a rehearsal" };
        return refuse(format!("the state file is of {of}"));
    }
    Ok(())
}
