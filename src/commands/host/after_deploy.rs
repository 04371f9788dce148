//! The last mile of `deploy` and of `resume`: with `host.install: here` this machine is brought to what the deployment
//! wants, where something was installed the endpoint is looked at, and then there is one result.

use std::path::Path;
use std::sync::{Arc, Mutex};

use model::config::{Config, HostInstall, Mode};
use model::report::VerificationReport;

use super::install;
use super::machine::ROOT;
use crate::app::{App, Ended};
use crate::args::{ConfigArgs, Format, ProgramsArgs, StateArgs, UsualArgs, VerifyArgs};
use crate::commands::{check, verify};
use crate::exit::Exit;
use crate::failure::{Failure, Next, codes};
use crate::io::{Io, Stream};
use crate::{compose, next};

/// A deployment whose resources are there.
pub(crate) struct Deployed<'a> {
    /// What was approved.
    pub(crate) config: &'a Config,
    /// Where its state is.
    pub(crate) state_file: &'a Path,
    /// What the run came to, which nobody has seen yet.
    pub(crate) report: VerificationReport,
    /// Where the command line has the configuration from.
    pub(crate) args: &'a ConfigArgs,
    /// What it says of the state and of time.
    pub(crate) state: &'a StateArgs,
    /// What it says of the programs.
    pub(crate) programs: &'a ProgramsArgs,
}

/// Goes on where the resources are there, and shows what came of all of it. How the endpoint does is told and written
/// into the report; it is not what the run ends with, because a name that was bought a minute ago leads nowhere yet.
pub(crate) fn after_deploy(app: &App, mut deployed: Deployed<'_>) -> Ended {
    if app.format == Format::Text {
        app.result(&deployed.report.text());
    }
    if let Err(mut failure) = install(app, &deployed) {
        // One document holds what was done, and why it did not end.
        failure.report = failure.report.or(Some(deployed.report));
        return Err(failure);
    }
    if let Some(report) = verified(app, &deployed) {
        deployed.report = report;
    }
    if app.format == Format::Json {
        app.result(&serde_json::to_string_pretty(&deployed.report).unwrap_or_default());
    }
    Ok(Exit::Done)
}

/// Brings this machine to what is wanted, where it is the host.
fn install(app: &App, deployed: &Deployed<'_>) -> Result<(), Box<Failure>> {
    if !is_host(app, deployed) || deployed.config.host.install != HostInstall::Here {
        return Ok(());
    }
    let quiet = muted(app);
    let app = if app.format == Format::Json { &quiet } else { app };
    app.say("installing on this machine");
    // The cloud side is done, and a resume comes here again.
    let again = again(app, deployed);
    install::of_deployment(app, deployed, again.clone()).map_err(|failure| failure.or_next(Some(again)))
}

/// Looks at the endpoint, where there is to be one: the report on that, with the one that it comes after.
fn verified(app: &App, deployed: &Deployed<'_>) -> Option<VerificationReport> {
    let config = deployed.config;
    if config.mode == Mode::Rehearsal || config.host.install == HostInstall::None {
        return None;
    }
    // The wizard has a page for what the checks say, and that comes next.
    if app.watcher.is_some() {
        return None;
    }
    if !is_host(app, deployed) {
        app.say(
            "note: a practice account has no machines, so nothing was installed and no endpoint was asked",
        );
        return None;
    }
    if config.tls.domain.is_none() {
        app.say("note: no `tls.domain` is set, so no endpoint was asked");
        return None;
    }
    app.say("verifying the deployment");
    let usual =
        UsualArgs { config: deployed.args.clone(), state: deployed.state.clone(), ..UsualArgs::default() };
    let args = VerifyArgs { usual, ..VerifyArgs::default() };
    // That nothing was asked yet is about to be no longer so.
    let mut before = deployed.report.clone();
    before.findings.retain(|finding| finding.code != codes::HOST_SKIPPED);
    let ended = verify::verify(app, &args, Some(before)).and_then(|verified| {
        let exit = match app.format {
            Format::Text => check::finish(app, &args.usual.judge, None, verified.results.clone())?,
            Format::Json => verified.exit(),
        };
        Ok((exit, verified.report))
    });
    match ended {
        Ok((exit, report)) => {
            if exit != Exit::Done {
                app.say(&format!(
                    "warning: not everything is well yet; the report says what. Once the name leads to the \
                     instance: {} verify",
                    app.program
                ));
            }
            report
        }
        Err(failure) => {
            app.say(&format!("warning: the endpoint could not be verified: {}", failure.line()));
            None
        }
    }
}

/// Whether there is a machine that something was or will be installed on.
fn is_host(app: &App, deployed: &Deployed<'_>) -> bool {
    // With a folder in place of `/`, there is a machine after all.
    let is_practised = compose::is_practice(app)
        && !(deployed.config.host.install == HostInstall::Here && app.variable(ROOT).is_some());
    deployed.config.mode != Mode::Rehearsal && !is_practised
}

/// The command that comes to the installation again, with what was approved and from where it was to come.
fn again(app: &App, deployed: &Deployed<'_>) -> Next {
    let resume = next::resume(app, deployed.state_file, false, deployed.args.profile.as_deref());
    next::with_programs(resume, deployed.programs.programs.as_deref())
}

/// The same program with nothing on stdout, where the one result is to come.
fn muted(app: &App) -> App {
    let mut quiet = app.clone();
    quiet.io = Io {
        input: Arc::new(Mutex::new(std::io::empty())),
        out: Stream::new(std::io::sink()),
        input_is_terminal: false,
        out_is_terminal: false,
        ..app.io.clone()
    };
    quiet
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::ffi::OsString;

    use super::*;
    use crate::args::Common;
    use crate::commands::resume;
    use crate::storage;

    const CONFIG: &str = "version: 1
deployment: {id: sre-here, environment: prod}
aws: {region: us-east-1, account_id: \"123456789012\"}
tls: {domain: api.sre-here.net, source: acm-exportable}
host: {install: here}
";

    fn silent() -> Io {
        Io {
            input: Arc::new(Mutex::new(std::io::empty())),
            out: Stream::new(std::io::sink()),
            err: Stream::new(std::io::sink()),
            input_is_terminal: false,
            out_is_terminal: false,
            err_is_terminal: false,
        }
    }

    /// The installation itself is refused in `/proc`, and what comes after one is looked at on its own.
    #[test]
    fn one_document_holds_both_reports_and_is_the_one_beside_the_state_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).display().to_string();
        std::fs::write(path("config.yaml"), CONFIG).unwrap();
        let environment: BTreeMap<String, String> = [
            ("SRE_AGENT_DEPLOY_PRACTICE_ACCOUNT", path("account.json").as_str()),
            ("SRE_AGENT_DEPLOY_PRACTICE_FAST", "1"),
            (ROOT, "/proc"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        let (config_file, state) = (path("config.yaml"), path("state"));
        let line = ["p", "deploy", "--config", &config_file, "--state-file", &state, "--yes"];
        let exit = crate::run(line.map(OsString::from).into(), environment.clone(), silent());
        assert_ne!(exit, Exit::Done, "the account's side is there, and the machine's is refused");

        let state_file = folder.path().join("state");
        let app = App::new("p", environment, silent(), Format::Json, &Common::default());
        let config = resume::approved_config(&storage::peek(&state_file).unwrap().unwrap()).unwrap().unwrap();
        let stored = || -> VerificationReport {
            serde_json::from_slice(&std::fs::read(path("state.report.json")).unwrap()).unwrap()
        };
        let before = stored();
        assert!(before.findings.iter().any(|finding| finding.code == codes::HOST_SKIPPED));
        let deployed = Deployed {
            config: &config,
            state_file: &state_file,
            report: before.clone(),
            args: &ConfigArgs::default(),
            state: &StateArgs { state_file: Some(state_file.clone()), ..StateArgs::default() },
            programs: &ProgramsArgs::default(),
        };
        let report = verified(&app, &deployed).unwrap();
        assert!(!report.connectivity_tests.is_empty());
        let deploy = report.deploy.as_deref().unwrap();
        assert_eq!(deploy.component_results, before.component_results);
        // By now the endpoint was looked for, so nothing says that it was not.
        assert!(deploy.findings.iter().all(|finding| finding.code != codes::HOST_SKIPPED));
        assert_eq!(report, stored());
        let page = std::fs::read_to_string(path("state.report.md")).unwrap();
        assert!(page.contains("## Findings\n") && page.contains("## The deploy before that"), "{page}");
        assert!(page.contains("point the name at the address"), "{page}");
    }
}
