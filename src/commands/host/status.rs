//! `host status`: what is installed, what runs, and what is not as it should be. Changes nothing.

use std::fmt::Write as _;

use model::{Finding, Severity};
use provision::host::{HostState, drift, see};
use renewal::state::RenewalState;
use renewal::store::{Owner, Store};
use serde_json::{Value, json};
use systemd::Program;
use systemd::host::{Entry, Host as _, UnitFacts};
use systemd::units::{BACKUP_TIMER, CHECK_TIMER, PROXY_SERVICE, PROXY_SOCKET, RENEW_TIMER};

use super::machine::{Machine, is_json, tell};
use super::preflight::uid;
use crate::app::{App, Ended};
use crate::args::HostStatusArgs;
use crate::compose::SystemClock;
use crate::exit::Exit;
use crate::failure::{Failure, codes};

/// Version of the JSON form. A field may be added without raising it.
const SCHEMA_VERSION: u32 = 1;
const UNITS: [&str; 5] = [PROXY_SOCKET, PROXY_SERVICE, RENEW_TIMER, CHECK_TIMER, BACKUP_TIMER];
const SECONDS_A_DAY: i64 = 86_400;

/// `host status`
pub(crate) fn command(app: &App, _args: &HostStatusArgs) -> Ended {
    let machine = Machine::new(app);
    if uid() != 0 {
        return Err(Failure::new(codes::NOT_ROOT, "user", "only root can read what is installed")
            .hint(format!("run it with sudo: sudo {} host status", app.program)));
    }
    let state = machine.peek()?;
    if !machine.is_installed(state.as_ref())? {
        return Err(Failure::new(codes::NOT_INSTALLED, "host", "nothing is installed here")
            .hint(format!("install it: {} host install --config FILE", app.program)));
    }
    let report = Report::of(app, &machine, state.as_ref())?;
    if is_json(app) {
        app.result_json(&report.json());
    } else {
        tell(app, &report.findings);
        app.result(&report.text());
    }
    let is_well = report.units.iter().take(2).all(|(_, facts)| facts.is_active());
    Ok(if is_well { Exit::Done } else { Exit::Checks })
}

struct Report {
    version: Option<String>,
    installed: Option<String>,
    running: Option<String>,
    units: Vec<(&'static str, UnitFacts)>,
    certificate: Value,
    findings: Vec<Finding>,
}

impl Report {
    fn of(app: &App, machine: &Machine, state: Option<&HostState>) -> Result<Self, Box<Failure>> {
        let look = |error| machine.refused(&provision::host::HostRunError::Look(error));
        let mut findings = Vec::new();
        match state {
            Some(state) => {
                let seen = see(&machine.host, &[], Some(state)).map_err(look)?;
                findings.extend(drift(state, &seen, machine.product));
                if state.run.is_some() || state.is_removing {
                    let what = if state.is_removing { "a removal" } else { "a run" };
                    let verb = if state.is_removing { "uninstall" } else { "install" };
                    findings.push(
                        Finding::new(codes::UNFINISHED, Severity::Warning, "host", format!("{what} did not end"))
                            .hint(format!("go on with it: {} host {verb}, as it was called before", app.program)),
                    );
                }
            }
            None => findings.push(
                Finding::new(codes::JOURNAL_LOST, Severity::Warning, "host", "the host's journal is lost")
                    .hint("what was installed is found by its places and marks; the next `host install` begins a new one"),
            ),
        }
        let mut units = Vec::new();
        for unit in UNITS {
            let facts = machine.host.unit(unit).map_err(look)?;
            if facts.load != "not-found" {
                units.push((unit, facts));
            }
        }
        let installed = match machine.host.look(&machine.layout.program(Program::Proxy)).map_err(look)? {
            Entry::Link(target) => Some(target.display().to_string()),
            _ => None,
        };
        let service = units.iter().find(|(unit, _)| *unit == PROXY_SERVICE);
        let running = service
            .and_then(|(_, facts)| facts.program.as_ref())
            .and_then(|program| Some(program.file_name()?.to_string_lossy().into_owned()));
        Ok(Self {
            version: state.and_then(|state| state.installed.clone()),
            installed,
            running,
            units,
            certificate: certificate(machine),
            findings,
        })
    }

    fn json(&self) -> Value {
        let units: Vec<Value> = self
            .units
            .iter()
            .map(|(name, facts)| {
                json!({
                    "unit": name,
                    "active": facts.active,
                    "sub": facts.sub,
                    "enabled": facts.file_state,
                    "next": facts.next,
                })
            })
            .collect();
        json!({
            "schema_version": SCHEMA_VERSION,
            "version": self.version,
            "program": {"installed": self.installed, "running": self.running},
            "units": units,
            "certificate": self.certificate,
            "findings": self.findings,
        })
    }

    fn text(&self) -> String {
        let mut out = String::new();
        let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        let _ = writeln!(out, "version      {}", or_none(&self.version));
        let _ = writeln!(out, "installed    {}", or_none(&self.installed));
        let is_same = self.installed == self.running;
        let note = if is_same || self.running.is_none() { "" } else { " (another than is installed)" };
        let _ = writeln!(out, "running      {}{note}", or_none(&self.running));
        let _ = writeln!(out, "certificate  {}", certificate_text(&self.certificate));
        for (unit, facts) in &self.units {
            let next = facts.next.as_ref().map(|next| format!(", next {next}")).unwrap_or_default();
            let _ = writeln!(out, "{unit:<32} {} ({}), {}{next}", facts.active, facts.sub, facts.file_state);
        }
        out
    }
}

/// The pair that is served, and when it is looked at again.
fn certificate(machine: &Machine) -> Value {
    use provision::clock::Clock as _;
    let now = SystemClock.now();
    let pair = match Store::new(machine.layout.tls(), Owner::Writer).live() {
        Ok(Some(pair)) => pair,
        Ok(None) => return json!({"problem": "there is none"}),
        Err(error) => return json!({"problem": error.to_string()}),
    };
    let leaf = pair.leaf();
    let left = leaf.not_after.as_second().saturating_sub(now.as_second());
    let state = RenewalState::read(&machine.layout.state().join("renewal.json")).ok().flatten();
    json!({
        "issuer": leaf.issuer,
        "names": leaf.names,
        "not_after": leaf.not_after.to_string(),
        "days_left": left.checked_div(SECONDS_A_DAY),
        "is_placeholder": leaf.is_placeholder,
        "renewal_due": renewal::schedule::due_by_rule(leaf).to_string(),
        "last_failure": state.as_ref().and_then(|state| state.last_failure.clone()),
        "next_try": state.as_ref().and_then(|state| state.next_try.map(|at| at.to_string())),
    })
}

fn certificate_text(value: &Value) -> String {
    let text = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or("-").to_owned();
    if value.get("problem").is_some() {
        return text("problem");
    }
    let mut out = if value.get("is_placeholder").and_then(Value::as_bool) == Some(true) {
        "a placeholder: none was obtained yet".to_owned()
    } else {
        let days = value.get("days_left").and_then(Value::as_i64).unwrap_or_default();
        format!("from {}, {days} days left, due {}", text("issuer"), text("renewal_due"))
    };
    if let Some(code) = value.get("last_failure").and_then(Value::as_str) {
        let _ = write!(out, "; the last try failed with {code}");
    }
    if let Some(at) = value.get("next_try").and_then(Value::as_str) {
        let _ = write!(out, "; the next is not before {at}");
    }
    out
}
