//! `deploy`'s last mile: with `host.install: here` this machine is brought to what the deployment wants, and where
//! something was installed, the endpoint is looked at.

use std::sync::{Arc, Mutex};

use model::config::{Config, HostInstall, Mode};

use super::install;
use super::machine::{ROOT, again};
use crate::app::{App, Ended};
use crate::args::{Common, ConfigArgs, Format, HostInstallArgs, StateArgs, UsualArgs, VerifyArgs};
use crate::commands::verify;
use crate::compose;
use crate::exit::Exit;
use crate::io::{Io, Stream};

/// Goes on where a deploy has ended well. How the endpoint does is told and written into the report; it is not what
/// the deploy ends with, because a name that was bought a minute ago leads nowhere yet.
pub(crate) fn install_after_deploy(
    app: &App,
    config: &Config,
    config_args: &ConfigArgs,
    state: &StateArgs,
    ended: Ended,
) -> Ended {
    let (Ok(Exit::Done), false) = (&ended, config.mode == Mode::Rehearsal) else { return ended };
    if config.host.install == HostInstall::None {
        return ended;
    }
    // With a folder in place of `/`, there is a machine after all.
    let is_here = config.host.install == HostInstall::Here;
    if compose::is_practice(app) && !(is_here && app.variable(ROOT).is_some()) {
        app.say(
            "note: a practice account has no machines, so nothing was installed and no endpoint was asked",
        );
        return ended;
    }
    // One result on stdout: the deploy's.
    let quiet = muted(app);
    let app = if app.format == Format::Json { &quiet } else { app };
    if is_here {
        app.say("installing on this machine");
        let args = HostInstallArgs {
            config: config_args.clone(),
            state: state.clone(),
            // The plan said so, and it was approved.
            yes: true,
            ..HostInstallArgs::default()
        };
        // The cloud side is done: what is left to go on with is the installation.
        install::command(app, &args)
            .map_err(|failure| failure.or_next(Some(again(app, &install::words(&args)))))?;
    }
    if config.tls.domain.is_none() {
        app.say("note: no `tls.domain` is set, so no endpoint was asked");
        return ended;
    }
    app.say("verifying the deployment");
    let usual = UsualArgs { config: config_args.clone(), state: state.clone(), ..UsualArgs::default() };
    match verify::command(app, &VerifyArgs { usual, ..VerifyArgs::default() }) {
        Ok(Exit::Done) => {}
        Ok(_) => app.say(&format!(
            "warning: not everything is well yet; the report says what. Once the name leads to the instance: {} verify",
            app.program
        )),
        Err(failure) => {
            app.say(&format!("warning: the endpoint could not be verified: {}", failure.line()));
        }
    }
    ended
}

/// The same program with nothing on stdout.
fn muted(app: &App) -> App {
    let io = Io {
        input: Arc::new(Mutex::new(std::io::empty())),
        out: Stream::new(std::io::sink()),
        err: app.io.err.clone(),
        input_is_terminal: false,
        out_is_terminal: false,
        err_is_terminal: app.io.err_is_terminal,
    };
    let common = Common { quiet: app.quiet, verbose: app.verbose, ..Common::default() };
    App::new(&app.program, app.environment.clone(), io, Format::Text, &common)
}
