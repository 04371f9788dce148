//! `gateway install`: the backends and the timer of the token as services, or what is installed brought to what is wanted.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use provision::host::backends::{Wanted, steps};
use provision::host::{Product, RunKind};
use serde_json::json;
use systemd::units::agent;

use super::super::sample_at;
use super::facts::{Deployment, Ground};
use super::probe::Answering;
use crate::app::{App, Ended};
use crate::args::{ConfigArgs, GatewayInstallArgs};
use crate::commands::check;
use crate::commands::host::machine::{Machine, VERSION, again, is_json};
use crate::commands::host::{Done, Work, preflight};
use crate::exit::Exit;
use crate::failure::{Failure, codes};
use crate::session;

/// How long the backends may take until they answer.
const WITHIN: Duration = Duration::from_mins(1);
/// Units are written for this version where systemd does not say its own; then nothing is installed anyway.
const SOME_SYSTEMD: u32 = 252;
/// Where nothing is looked for: nothing is done then.
const NOWHERE: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
/// What `check host` finds of a machine that matters here: its system, and what starts its services.
const OF_HOST: [&str; 2] = ["SRE-HOST-003", "SRE-HOST-004"];

/// `gateway install`
pub(in super::super) fn command(app: &App, args: &GatewayInstallArgs) -> Ended {
    let machine = Machine::with(app, Product::Agent);
    let dir = sample_at(&args.dir)?;
    let target = check::target(app, &ConfigArgs::default(), &args.state)?;
    let deployment = Deployment::of(&target);
    let ground = Ground::look(&machine, &dir, deployment, args.address);
    let known = preflight::known();
    let systemd_version = known.systemd.as_ref().ok().copied().flatten().unwrap_or(SOME_SYSTEMD);
    // What cannot be said in a unit is among the findings, and then nothing is done.
    let setup = ground.setup(&machine.layout, systemd_version);
    let units = setup.as_ref().map(agent::all).unwrap_or_default();
    let wanted = Wanted { program: own_program()?, units };
    // Nobody but root reads the journal.
    let state = if preflight::uid() == 0 { machine.peek()? } else { None };
    let mut findings: Vec<model::Finding> = checks::host::judge(&known, false)
        .findings
        .into_iter()
        .filter(|finding| OF_HOST.contains(&finding.code.as_str()) && finding.severity != model::Severity::Ok)
        .collect();
    findings.extend(ground.findings(app, &machine, &wanted.units, state.as_ref()));
    let probe = Answering {
        host: &machine.host,
        address: setup.as_ref().map_or(NOWHERE, |setup| setup.address),
        within: args.wait.unwrap_or(WITHIN),
    };
    let work = Work {
        machine: &machine,
        kind: RunKind::Install,
        what: agent::TARGET,
        version: &|| VERSION.to_owned(),
        deployment: target.state.as_ref().map(|state| state.header.deployment_id.clone()),
        steps: &steps(&wanted, &machine.layout),
        state: state.as_ref(),
        findings,
        probe: &probe,
        is_dry: args.dry_run,
        is_approved: args.yes,
        next: again(app, &words(args, &dir)),
    };
    let mut done = Done::Shown;
    session::run(app, &args.state, async |session| {
        done = work.carry_out(session).await?;
        Ok(Exit::Done)
    })?;
    let Done::Installed(outcome) = done else { return Ok(Exit::Done) };
    if is_json(app) {
        app.result_json(&json!({
            "schema_version": 1,
            "changed": outcome.changed,
            "services": outcome.seen,
            "findings": outcome.findings,
        }));
    } else if outcome.changed.is_empty() {
        app.result(&format!("nothing to change: {}", outcome.seen));
    } else {
        app.result(&format!("installed: {}", outcome.seen));
        app.result(&format!("how it stands: {} gateway status", app.program));
    }
    Ok(Exit::Done)
}

/// This program, of which the services get a copy.
fn own_program() -> Result<Arc<[u8]>, Box<Failure>> {
    let path = std::env::current_exe()
        .map_err(|error| Failure::of_file("find this program", Path::new("/proc/self/exe"), &error))?;
    let content = std::fs::read(&path).map_err(|error| Failure::of_file("read", &path, &error))?;
    if content.is_empty() {
        return Err(Failure::new(codes::NO_PROGRAM, &path.display().to_string(), "this program is gone"));
    }
    Ok(content.into())
}

/// The command that goes on with this one.
fn words(args: &GatewayInstallArgs, dir: &Path) -> Vec<String> {
    let mut words: Vec<String> = ["gateway", "install", "--dir"].map(str::to_owned).into_iter().collect();
    words.push(dir.display().to_string());
    if let Some(path) = &args.state.state_file {
        words.extend(["--state-file".to_owned(), path.display().to_string()]);
    }
    if let Some(address) = args.address {
        words.extend(["--address".to_owned(), address.to_string()]);
    }
    words
}
