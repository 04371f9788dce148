//! `gateway status`: what is installed, what answers, and what is not as it was installed. Changes nothing.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::time::Duration;

use model::agent::Backend;
use model::{Finding, Severity};
use provision::host::{HostRunError, HostState, Product, drift, see};
use serde_json::{Value, json};
use systemd::host::{Host as _, UnitFacts};
use systemd::units::agent::{ENABLED, TOKEN_SERVICE, service};

use super::probe::Answering;
use crate::app::{App, Ended};
use crate::args::GatewayStatusArgs;
use crate::commands::check;
use crate::commands::host::machine::{Machine, is_json, tell};
use crate::commands::host::preflight;
use crate::exit::Exit;
use crate::failure::{Failure, codes};

/// Version of the JSON form. A field may be added without raising it.
const SCHEMA_VERSION: u32 = 1;

/// `gateway status`
pub(in super::super) fn command(app: &App, _args: &GatewayStatusArgs) -> Ended {
    let machine = Machine::with(app, Product::Agent);
    if preflight::uid() != 0 {
        return Err(Failure::new(codes::NOT_ROOT, "user", "only root can read what is installed")
            .hint(format!("run it with sudo: sudo {} gateway status", app.program)));
    }
    let state = machine.peek()?;
    if !machine.is_installed(state.as_ref())? {
        let message = "the SRE agent's services are not installed here";
        return Err(Failure::new(codes::NOT_INSTALLED, "gateway", message)
            .hint(format!("install them: {} gateway install --dir DIR --state-file FILE", app.program)));
    }
    let findings = findings(app, &machine, state.as_ref())?;
    let mut names = ENABLED.to_vec();
    names.push(TOKEN_SERVICE);
    let facts = machine.host.units(&names).map_err(|error| machine.refused(&HostRunError::Look(error)))?;
    let units: Vec<(&str, UnitFacts)> = names.into_iter().zip(facts).collect();
    let answers = answers(&machine)?;
    let is_well = answers.iter().all(|(_, answer)| answer.is_ok())
        && units.iter().all(|(_, facts)| facts.active != "failed");
    if is_json(app) {
        app.result_json(&as_json(&units, &answers, &findings));
    } else {
        tell(app, &findings);
        app.result(text(&units, &answers).trim_end());
    }
    Ok(if is_well { Exit::Done } else { Exit::Checks })
}

/// What is not as it was installed.
fn findings(app: &App, machine: &Machine, state: Option<&HostState>) -> Result<Vec<Finding>, Box<Failure>> {
    let Some(state) = state else {
        let message = "the journal of the SRE agent's services is lost";
        return Ok(vec![Finding::new(codes::JOURNAL_LOST, Severity::Warning, "gateway", message).hint(
            "what was installed is found by its places and marks; the next `gateway install` begins a new one",
        )]);
    };
    let seen =
        see(&machine.host, &[], Some(state)).map_err(|error| machine.refused(&HostRunError::Look(error)))?;
    let mut findings = drift(state, &seen, machine.product);
    if state.run.is_some() || state.is_removing {
        let (what, verb) = if state.is_removing { ("a removal", "uninstall") } else { ("a run", "install") };
        findings.push(
            Finding::new(codes::UNFINISHED, Severity::Warning, "gateway", format!("{what} did not end"))
                .hint(format!("go on with it: {} gateway {verb}, as it was called before", app.program)),
        );
    }
    Ok(findings)
}

type Answers = Vec<(Backend, Result<(), String>)>;

/// What each backend answers to who has no key.
fn answers(machine: &Machine) -> Result<Answers, Box<Failure>> {
    check::wait_simply(async || {
        let mut answers = Vec::new();
        for backend in Backend::ALL {
            let answer = match address(machine, backend) {
                Some(address) => {
                    let probe = Answering { host: &machine.host, address, within: Duration::ZERO };
                    probe.once(backend).await
                }
                None => Err(format!("{} says no address", service(backend))),
            };
            answers.push((backend, answer));
        }
        Ok(answers)
    })
}

/// Where a backend listens, as its unit says.
fn address(machine: &Machine, backend: Backend) -> Option<IpAddr> {
    let text = machine.host.read(&machine.layout.units().join(service(backend))).ok()?;
    let text = String::from_utf8_lossy(&text);
    let mut words = text.split_whitespace().skip_while(|word| *word != "--host");
    words.nth(1)?.parse().ok()
}

fn as_json(units: &[(&str, UnitFacts)], answers: &Answers, findings: &[Finding]) -> Value {
    let units: Vec<Value> = units
        .iter()
        .map(|(name, facts)| {
            json!({
                "unit": name,
                "active": facts.active,
                "sub": facts.sub,
                "result": facts.result,
                "enabled": facts.file_state,
                "next": facts.next,
            })
        })
        .collect();
    let backends: Vec<Value> = answers
        .iter()
        .map(|(backend, answer)| {
            json!({
                "backend": backend.name(),
                "port": backend.port(),
                "answers": answer.is_ok(),
                "problem": answer.as_ref().err(),
            })
        })
        .collect();
    json!({"schema_version": SCHEMA_VERSION, "units": units, "backends": backends, "findings": findings})
}

fn text(units: &[(&str, UnitFacts)], answers: &Answers) -> String {
    let mut out = String::new();
    for (backend, answer) in answers {
        let said = match answer {
            Ok(()) => "answers over TLS and asks for the key",
            Err(reason) => reason,
        };
        let _ = writeln!(out, "{:<9} {}  {said}", backend.name(), backend.port());
    }
    for (unit, facts) in units {
        let next = facts.next.as_ref().map(|next| format!(", next {next}")).unwrap_or_default();
        let _ = writeln!(out, "{unit:<34} {} ({}), {}{next}", facts.active, facts.sub, facts.file_state);
    }
    out
}
