//! `host install`: brings this machine to what is wanted, and says what it is.

use provision::host::{Outcome, RunKind, steps};
use serde_json::json;

use super::carry_out::{Done, Work};
use super::machine::{Machine, VERSION, again, is_json};
use super::probe::Serving;
use super::source::{self, Source};
use super::{Deployed, preflight, tools};
use crate::app::{App, Ended};
use crate::args::{HostInstallArgs, HostRenewArgs, StateArgs};
use crate::exit::Exit;
use crate::failure::{Failure, Next, codes};
use crate::session::{self, Session};

/// Units are written for this version where systemd does not say its own; then nothing is installed anyway.
const SOME_SYSTEMD: u32 = 252;

/// A run that changes what is installed.
pub(super) struct Job<'a> {
    pub(super) kind: RunKind,
    pub(super) source: &'a Source,
    pub(super) is_dry: bool,
    pub(super) is_approved: bool,
    pub(super) state_args: &'a StateArgs,
    /// How to go on with it.
    pub(super) next: Next,
}

/// `host install`
pub(crate) fn command(app: &App, args: &HostInstallArgs) -> Ended {
    let machine = Machine::new(app);
    let source = source::of_install(app, args, &machine.layout)?;
    let job = Job {
        kind: RunKind::Install,
        source: &source,
        is_dry: args.dry_run,
        is_approved: args.yes,
        state_args: &args.state,
        next: again(app, &words(args)),
    };
    let Some(outcome) = bring(app, &machine, &job)? else { return Ok(Exit::Done) };
    if args.with_agent_tools {
        tools::install(app, args.yes)?;
    }
    show(app, &outcome);
    Ok(Exit::Done)
}

/// What a deployment wants is brought onto this machine. Its plan said so, and was approved.
pub(super) fn of_deployment(app: &App, deployed: &Deployed<'_>, next: Next) -> Result<(), Box<Failure>> {
    let machine = Machine::new(app);
    let folder = deployed.programs.programs.as_deref();
    let programs = || source::programs(folder, None);
    let source =
        source::of_deployment(app, deployed.config, deployed.state_file, None, programs, &machine.layout)?;
    let job = Job {
        kind: RunKind::Install,
        source: &source,
        is_dry: false,
        is_approved: true,
        state_args: deployed.state,
        next,
    };
    let Some(outcome) = bring(app, &machine, &job)? else { return Ok(()) };
    show(app, &outcome);
    Ok(())
}

/// Installs, and obtains the certificate where that changed something. Nothing comes out of a run that only showed.
fn bring(app: &App, machine: &Machine, job: &Job<'_>) -> Result<Option<Outcome>, Box<Failure>> {
    let Done::Installed(outcome) = run(app, machine, job)? else { return Ok(None) };
    if !outcome.changed.is_empty() {
        renew(app);
    }
    Ok(Some(outcome))
}

/// Shows what was done.
fn show(app: &App, outcome: &Outcome) {
    if is_json(app) {
        app.result_json(&json!({
            "schema_version": 1,
            "changed": outcome.changed,
            "service": outcome.seen,
            "findings": outcome.findings,
        }));
    } else if outcome.changed.is_empty() {
        app.result(&format!("nothing to change: {}", outcome.seen));
    } else {
        app.result(&format!("installed: {}", outcome.seen));
        app.result(&format!("how it stands: {} host status", app.program));
    }
}

/// Obtains the certificate. A host without one serves its placeholder, and the timer goes on trying.
fn renew(app: &App) {
    if let Err(failure) = super::renew::command(app, &HostRenewArgs::default()) {
        app.say(&format!(
            "warning[{}]: the certificate could not be obtained yet; a placeholder is served, and the timer goes on \
             trying\n  cause: {}\n  help: {} host renew",
            codes::NO_CERTIFICATE,
            failure.line(),
            app.program
        ));
    }
}

/// Looks, shows, asks, does.
pub(super) fn run(app: &App, machine: &Machine, job: &Job<'_>) -> Result<Done, Box<Failure>> {
    let mut done = Done::Shown;
    let slot = &mut done;
    session::run(app, job.state_args, async |session| {
        *slot = carry_out(session, machine, job).await?;
        Ok(Exit::Done)
    })?;
    Ok(done)
}

async fn carry_out(session: &Session<'_>, machine: &Machine, job: &Job<'_>) -> Result<Done, Box<Failure>> {
    let known = preflight::known();
    let version = known.systemd.as_ref().ok().copied().flatten().unwrap_or(SOME_SYSTEMD);
    let Machine { layout, host, .. } = machine;
    let wanted = source::wanted(&job.source.bundle, layout, version)?;
    // Nobody but root reads the journal.
    let state = if preflight::uid() == 0 { machine.peek()? } else { None };
    let program = &job.source.proxy_program;
    let findings = preflight::findings(session.app, host, layout, &known, &wanted, program, state.as_ref());
    let work = Work {
        machine,
        kind: job.kind,
        what: "bedrock-nova-proxy",
        version: &|| named(machine, job),
        deployment: Some(job.source.bundle.settings().deployment_id.clone()),
        steps: &steps(&wanted, layout),
        state: state.as_ref(),
        findings,
        probe: &Serving { host, layout },
        is_dry: job.is_dry,
        is_approved: job.is_approved,
        next: job.next.clone(),
    };
    work.carry_out(session).await
}

/// The version of the new proxy, as it says itself.
fn named(machine: &Machine, job: &Job<'_>) -> String {
    use systemd::host::Host as _;
    match machine.host.run(&job.source.proxy_program, &["--version"]) {
        Ok(ran) if ran.is_success => ran.text.split_whitespace().last().unwrap_or(VERSION).to_owned(),
        _ => VERSION.to_owned(),
    }
}

/// The command that goes on with this one.
pub(super) fn words(args: &HostInstallArgs) -> Vec<String> {
    let mut words = vec!["host".to_owned(), "install".to_owned()];
    let mut path = |flag: &str, value: Option<&std::path::PathBuf>| {
        words.extend(value.into_iter().flat_map(|value| [flag.to_owned(), value.display().to_string()]));
    };
    path("--config", args.config.config.as_ref());
    path("--state-file", args.state.state_file.as_ref());
    path("--bundle", args.bundle.as_ref());
    path("--proxy-config", args.proxy_config.as_ref());
    path("--proxy-program", args.proxy_program.as_ref());
    path("--programs", args.programs.as_ref());
    if args.with_agent_tools {
        words.push("--with-agent-tools".to_owned());
    }
    words
}
