//! `rehearse`: the same deployment on a practice account, without questions.

use model::config::Mode;
use provision::survey::Adoptions;

use crate::app::{App, Ended};
use crate::args::{ApprovalArgs, ConfigArgs, RehearseArgs, StateArgs};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::{next, session, settings, storage};

use super::cleanup::{self, Cleanup};
use super::{deploy, resume};

/// What is rehearsed where no configuration is named.
const SAMPLE: &str = include_str!("../rehearsal.yaml");

/// `rehearse`
pub(crate) fn command(app: &App, args: &RehearseArgs) -> Ended {
    let state_file = storage::state_file(app, args.state_file.as_ref(), true);
    let state = StateArgs { state_file: Some(state_file.clone()), ..StateArgs::default() };
    let (config, set) = (args.config.clone(), args.set.clone());
    let config_args = ConfigArgs { config, set, mode: Some(Mode::Rehearsal), ..ConfigArgs::default() };
    if args.resume {
        let job = resume::Job { state_file, args: config_args, fast: args.fast };
        let ended = session::run(app, &state, async |session| resume::resume(session, &job).await);
        return finished(app, &job.state_file, ended);
    }
    if args.cleanup {
        storage::peek_existing(app, &state_file)?;
        let job =
            Cleanup { deployment: None, state_file, args: config_args, approval: None, fast: args.fast };
        return session::run(app, &state, async |session| cleanup::cleanup(session, &job).await);
    }
    let config = settings::read(app, &config_args, Some(SAMPLE), None)?.valid(app)?;
    if let Some(folder) = state_file.parent() {
        std::fs::create_dir_all(folder)
            .map_err(|error| Failure::of_file("make the folder of the rehearsal", folder, &error))?;
    }
    let job = deploy::Job {
        config,
        state_file,
        adoptions: Adoptions::new(),
        approval: ApprovalArgs { yes: true, confirm_deployment_id: None },
        fast: args.fast,
        profile: None,
    };
    let ended = session::run(app, &state, async |session| deploy::deploy(session, &job).await);
    finished(app, &job.state_file, ended)
}

/// What can be tried next.
fn finished(app: &App, state_file: &std::path::Path, ended: Ended) -> Ended {
    if let Ok(Exit::Done) = ended {
        let at = next::of_rehearsal(state_file);
        let rehearse = next::rehearse(app);
        app.say(&format!(
            "\nThis was a practice account; nothing real was made. Next:\n  \
             {rehearse}{at}            # once more: nothing is left to do\n  \
             {rehearse} --cleanup{at}  # removes everything again"
        ));
    }
    ended
}
