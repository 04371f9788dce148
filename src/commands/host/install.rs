//! `host install`: brings this machine to what is wanted, and says what it is.

use model::security::Kind;
use provision::host::{HostState, Outcome, RunKind, Wanted, plan, see, steps};
use serde_json::json;

use super::machine::{Machine, VERSION, again, errors, is_json, refused, tell};
use super::probe::Serving;
use super::source::{self, Source};
use super::{Deployed, preflight, tools};
use crate::app::{App, Ended};
use crate::approve::{self, Gap};
use crate::args::{HostInstallArgs, HostRenewArgs, StateArgs};
use crate::exit::Exit;
use crate::failure::{Failure, Next, codes};
use crate::security;
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

/// How such a run ended.
pub(super) enum Done {
    /// Nothing was to be done, or only shown.
    Shown,
    /// It was done.
    Installed(Outcome),
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
    let app = session.app;
    let known = preflight::known();
    let version = known.systemd.as_ref().ok().copied().flatten().unwrap_or(SOME_SYSTEMD);
    let wanted = source::wanted(&job.source.bundle, &machine.layout, version)?;
    // Nobody but root reads the journal.
    let state = if preflight::uid() == 0 { machine.peek()? } else { None };
    let (findings, text, json, is_empty) = look(app, machine, job, &known, &wanted, state.as_ref())?;
    let wrong = errors(&findings);
    if !wrong.is_empty() {
        tell(app, &findings);
        return Err(Failure::of_findings(wrong));
    }
    tell(app, &findings);
    if job.is_dry {
        if is_json(app) {
            app.result_json(&json);
        } else if is_empty {
            app.result("nothing to change");
        } else {
            app.result(&text);
        }
        return Ok(Done::Shown);
    }
    if !is_empty {
        if !is_json(app) {
            session.say("this is going to be done (+ made, ~ changed, - removed):");
            session.say(text.trim_end());
        }
        approve(session, job.is_approved, "Go on?").await?;
    }
    session.goes_on_with(job.next.clone());
    let steps = steps(&wanted, &machine.layout);
    let deployment = job.source.bundle.settings().deployment_id.clone();
    let named = named(machine, job);
    let outcome = machine
        .work(session, session.lock_timeout, Some(&deployment), async |engine, mut journal| {
            let probe = Serving { host: &machine.host, layout: &machine.layout };
            engine.install(&mut journal, &steps, job.kind, &named, &probe).await
        })
        .await?;
    session.is_over();
    if !outcome.changed.is_empty() {
        for kind in told(job.kind) {
            security::host(app, *kind, "bedrock-nova-proxy", outcome.changed.len());
        }
    }
    tell(app, &outcome.findings);
    Ok(Done::Installed(outcome))
}

/// The security events of a run that changed something. New programs are new processes as well.
fn told(kind: RunKind) -> &'static [Kind] {
    match kind {
        RunKind::Install => &[Kind::SysInstall],
        RunKind::Upgrade => &[Kind::SysUpgrade, Kind::SysRestart],
    }
}

/// Everything that is wrong, and the plan.
fn look(
    app: &App,
    machine: &Machine,
    job: &Job<'_>,
    known: &checks::host::facts::HostFacts,
    wanted: &Wanted,
    state: Option<&HostState>,
) -> Result<(Vec<model::Finding>, String, serde_json::Value, bool), Box<Failure>> {
    let Machine { layout, host, .. } = machine;
    let mut findings =
        preflight::findings(app, host, layout, known, wanted, &job.source.proxy_program, state);
    let steps = steps(wanted, layout);
    let seen = match see(host, &steps, state) {
        Ok(seen) => seen,
        // What keeps it from being seen has been said.
        Err(_) if !errors(&findings).is_empty() => {
            return Ok((findings, String::new(), serde_json::Value::Null, false));
        }
        Err(error) => return Err(refused(&provision::host::HostRunError::Look(error))),
    };
    let plan = plan(&steps, &seen, state);
    // A mask is seen as a link, and by systemd.
    let said: Vec<(String, Option<String>)> =
        findings.iter().map(|finding| (finding.code.clone(), Some(finding.message.clone()))).collect();
    findings.extend(
        plan.findings
            .iter()
            .filter(|finding| {
                finding.code != "SRE-HOST-012" || !said.iter().any(|(code, _)| *code == finding.code)
            })
            .cloned(),
    );
    let is_empty = plan.is_empty() && state.is_some_and(|state| state.run.is_none() && !state.is_removing);
    Ok((findings, plan.text(), plan.json(), is_empty))
}

/// Asks, unless that was done.
pub(super) async fn approve(
    session: &Session<'_>,
    is_approved: bool,
    question: &str,
) -> Result<(), Box<Failure>> {
    if is_approved {
        return Ok(());
    }
    if !session.app.can_ask() {
        let gap = Gap { what: "approval".to_owned(), flag: "--yes".to_owned(), variable: None, path: None };
        return Err(approve::refuse(&[gap]));
    }
    approve::agree(session, question).await
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upgrade_is_told_of_as_one() {
        assert_eq!(told(RunKind::Install), [Kind::SysInstall]);
        assert_eq!(told(RunKind::Upgrade), [Kind::SysUpgrade, Kind::SysRestart]);
    }
}
