//! One run that installs: everything that is wrong, what would be done, approval, and the engine. For the proxy and for the
//! services of the SRE agent.

use model::security::Kind;
use model::{DeploymentId, Finding};
use provision::host::{HostRunError, HostState, Outcome, Probe, RunKind, Step, plan, see};

use super::machine::{Machine, errors, is_json, tell};
use crate::approve::{self, Gap};
use crate::failure::{Failure, Next};
use crate::security;
use crate::session::Session;

/// How such a run ended.
pub(in crate::commands) enum Done {
    /// Nothing was to be done, or only shown.
    Shown,
    /// It was done.
    Installed(Outcome),
}

/// What is to be brought onto a machine.
pub(in crate::commands) struct Work<'a> {
    pub(in crate::commands) machine: &'a Machine,
    pub(in crate::commands) kind: RunKind,
    /// As security events name it.
    pub(in crate::commands) what: &'static str,
    /// The version of what is installed.
    pub(in crate::commands) version: &'a dyn Fn() -> String,
    pub(in crate::commands) deployment: Option<DeploymentId>,
    pub(in crate::commands) steps: &'a [Step],
    /// What the journal says.
    pub(in crate::commands) state: Option<&'a HostState>,
    /// What was found of the machine.
    pub(in crate::commands) findings: Vec<Finding>,
    pub(in crate::commands) probe: &'a dyn Probe,
    pub(in crate::commands) is_dry: bool,
    pub(in crate::commands) is_approved: bool,
    /// How to go on with it.
    pub(in crate::commands) next: Next,
}

impl Work<'_> {
    /// Looks, shows, asks, does.
    pub(in crate::commands) async fn carry_out(self, session: &Session<'_>) -> Result<Done, Box<Failure>> {
        let app = session.app;
        let (findings, text, json, is_empty) = self.look()?;
        let wrong = errors(&findings);
        tell(app, &findings);
        if !wrong.is_empty() {
            return Err(Failure::of_findings(wrong));
        }
        if self.is_dry {
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
            approve(session, self.is_approved, "Go on?").await?;
        }
        session.goes_on_with(self.next);
        let version = (self.version)();
        let outcome = self
            .machine
            .work(session, session.lock_timeout, self.deployment.as_ref(), async |engine, mut journal| {
                engine.install(&mut journal, self.steps, self.kind, &version, self.probe).await
            })
            .await?;
        session.is_over();
        if !outcome.changed.is_empty() {
            for kind in told(self.kind) {
                security::host(app, *kind, self.what, outcome.changed.len());
            }
        }
        tell(app, &outcome.findings);
        Ok(Done::Installed(outcome))
    }

    /// Everything that is wrong, and the plan.
    fn look(&self) -> Result<(Vec<Finding>, String, serde_json::Value, bool), Box<Failure>> {
        let (state, mut findings) = (self.state, self.findings.clone());
        let seen = match see(&self.machine.host, self.steps, state) {
            Ok(seen) => seen,
            // What keeps it from being seen has been said.
            Err(_) if !errors(&findings).is_empty() => {
                return Ok((findings, String::new(), serde_json::Value::Null, false));
            }
            Err(error) => return Err(self.machine.refused(&HostRunError::Look(error))),
        };
        let plan = plan(self.steps, &seen, state);
        // A mask is seen as a link, and by systemd.
        let is_said = |code: &str| self.findings.iter().any(|finding| finding.code == code);
        let of_plan = plan.findings.iter();
        findings.extend(
            of_plan.filter(|finding| finding.code != "SRE-HOST-012" || !is_said(&finding.code)).cloned(),
        );
        let is_empty =
            plan.is_empty() && state.is_some_and(|state| state.run.is_none() && !state.is_removing);
        Ok((findings, plan.text(), plan.json(), is_empty))
    }
}

/// The security events of a run that changed something. New programs are new processes as well.
fn told(kind: RunKind) -> &'static [Kind] {
    match kind {
        RunKind::Install => &[Kind::SysInstall],
        RunKind::Upgrade => &[Kind::SysUpgrade, Kind::SysRestart],
    }
}

/// Asks, unless that was done.
pub(in crate::commands) async fn approve(
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upgrade_is_told_of_as_one() {
        assert_eq!(told(RunKind::Install), [Kind::SysInstall]);
        assert_eq!(told(RunKind::Upgrade), [Kind::SysUpgrade, Kind::SysRestart]);
    }
}
