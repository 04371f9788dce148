//! What the account says of the runtime that runs the SRE agent: whether it is ready, runs what is wanted, and has a token
//! that is still good. Of the token nothing but its end is known here.

use jiff::Timestamp;
use model::{Finding, Severity};

use crate::account::facts::Told;
use crate::account::unchecked;
use crate::engine::passed;
use crate::{CheckResult, Subject, SubjectKind};

use super::RUNTIME;
use super::standing::{condition, finding};

/// What was asked about a runtime, and what came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Its id.
    pub id: String,
    /// The runtime; `None` where there is none of that id.
    pub runtime: Told<Option<RuntimeFacts>>,
}

/// A runtime.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuntimeFacts {
    /// As the service spells it: `READY`, `CREATE_FAILED`, ...
    pub status: String,
    /// Why, in the words of the service.
    pub reasons: Vec<String>,
    /// What it runs.
    pub artifact: String,
    /// The agent's token in its environment.
    pub token: Token,
}

/// The agent's token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Token {
    /// There is none.
    Missing,
    /// It is no token, and why.
    Unreadable(&'static str),
    /// When it ends.
    Ends(Timestamp),
}

/// Judges a runtime; `artifact` is what it is to run, where that is known.
pub fn judge(facts: &Facts, artifact: Option<&str>, now: Timestamp) -> CheckResult {
    let findings = findings(facts, artifact, now);
    CheckResult::new(Subject::new(SubjectKind::Account, facts.id.clone()), Vec::new(), findings)
}

fn findings(facts: &Facts, artifact: Option<&str>, now: Timestamp) -> Vec<Finding> {
    let id = facts.id.as_str();
    let runtime = match &facts.runtime {
        Err(why) => return vec![unchecked(RUNTIME.code, id, "the runtime", why)],
        Ok(None) => {
            let gone = finding(&RUNTIME, Severity::Error, id, "the runtime is gone");
            return vec![gone.hint("a deploy with this configuration makes it again")];
        }
        Ok(Some(runtime)) => runtime,
    };
    let stands = condition(&RUNTIME, id, "the runtime", &runtime.status, &runtime.reasons);
    let mut wrong = Vec::new();
    if stands.severity != Severity::Ok {
        wrong.push(stands);
    }
    if let Some(artifact) = artifact.filter(|artifact| *artifact != runtime.artifact) {
        let other =
            finding(&RUNTIME, Severity::Error, id, "the runtime runs something else than is configured");
        wrong.push(
            other
                .evidence(format!("it runs {}; wanted is {artifact}", runtime.artifact))
                .hint("let a deploy update the runtime"),
        );
    }
    let said = match &runtime.token {
        // The deploy that makes a runtime gives it none.
        Token::Missing => Err((Severity::Warning, "the runtime has no token".to_owned())),
        Token::Unreadable(why) => Err((Severity::Error, format!("what the runtime has is no token: {why}"))),
        Token::Ends(end) if *end <= now => {
            Err((Severity::Error, format!("the runtime's token ended at {end}")))
        }
        Token::Ends(end) => Ok(format!("its token ends at {end}")),
    };
    match said {
        Err((severity, message)) => wrong.push(finding(&RUNTIME, severity, id, message).hint(
            "`gateway token` gives the runtime a new one; a timer should run it more often than tokens live",
        )),
        Ok(end) if wrong.is_empty() => wrong.push(passed(&RUNTIME, id).evidence(end)),
        Ok(_) => {}
    }
    wrong
}
