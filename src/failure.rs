//! A command that could not do what was asked: what to say about it, and the exit it ends in.

use std::error::Error;
use std::fmt::Write as _;

use model::config::{Problem, ValidationResult};
use model::report::VerificationReport;
use model::{Finding, Severity};
use provision::advice;
use provision::error::{RunError, StepError};
use provision::journal::JournalError;
use serde_json::{Value, json};

use crate::exit::Exit;

/// Version of the JSON form of an error. A field may be added without raising it.
const ERROR_SCHEMA_VERSION: u32 = 1;

/// Codes of what this crate itself has to say. Each has its page in `runbooks/`.
pub(crate) mod codes {
    /// The command line is not understood.
    pub(crate) const USAGE: &str = "SRE-CLI-001";
    /// Something has to be asked, and nobody can answer.
    pub(crate) const GAPS: &str = "SRE-CLI-002";
    /// A file cannot be read or written.
    pub(crate) const FILE: &str = "SRE-CLI-003";
    /// This build has no real account.
    #[cfg(not(feature = "aws"))]
    pub(crate) const NO_AWS: &str = "SRE-CLI-004";
    /// Nobody says which Region.
    pub(crate) const NO_REGION: &str = "SRE-CLI-005";
    /// The deployment id that confirms a removal is another one.
    pub(crate) const NOT_CONFIRMED: &str = "SRE-CLI-006";
    /// There is no such code to explain.
    pub(crate) const UNKNOWN_CODE: &str = "SRE-CLI-007";
    /// Nobody says what to check.
    pub(crate) const NOTHING_TO_CHECK: &str = "SRE-CLI-008";
    /// A threshold, moment, file or server in a flag is not understood.
    pub(crate) const CHECK_VALUE: &str = "SRE-CLI-009";
    /// A run of the same check is under way.
    pub(crate) const CHECK_LOCKED: &str = "SRE-CLI-010";
    /// A systemd unit of this name was made by somebody else.
    pub(crate) const FOREIGN_UNIT: &str = "SRE-CLI-011";
    /// systemd did not take the timer.
    pub(crate) const SYSTEMD: &str = "SRE-CLI-012";
    /// There is no endpoint to check, or none that can be.
    pub(crate) const NO_ENDPOINT: &str = "SRE-CLI-016";
    /// What should be a token is none.
    pub(crate) const NO_TOKEN: &str = "SRE-CLI-017";
    /// What should be roots to trust is none.
    pub(crate) const NO_ROOTS: &str = "SRE-CLI-018";
    /// How a deployment stands that is verified.
    pub(crate) const DEPLOYED: &str = "SRE-CLI-019";
    /// What the wizard kept cannot be used.
    pub(crate) const DRAFT: &str = "SRE-CLI-020";
    /// The terminal cannot be used.
    pub(crate) const TERMINAL: &str = "SRE-CLI-021";
    /// The operator stopped the run.
    pub(crate) const CANCELLED: &str = "SRE-RUN-001";
    /// The operator did not approve.
    pub(crate) const DECLINED: &str = "SRE-RUN-002";
    /// A resume would destroy something that the approved plan did not.
    pub(crate) const NOT_APPROVED: &str = "SRE-RUN-005";
    /// The proxy's program, which a rehearsal starts, is not there.
    pub(crate) const NO_PROXY: &str = "SRE-RUN-010";
    /// A rehearsal of this state file runs.
    pub(crate) const REHEARSING: &str = "SRE-RUN-011";
    /// The port that a rehearsal should serve on is taken.
    pub(crate) const PORT_TAKEN: &str = "SRE-RUN-012";
    /// The proxy that a rehearsal started ended.
    pub(crate) const PROXY_ENDED: &str = "SRE-RUN-013";
    /// The proxy that a rehearsal started is not ready in time.
    pub(crate) const PROXY_NOT_READY: &str = "SRE-RUN-014";
    /// A part of a rehearsal cannot be started.
    pub(crate) const NO_PART: &str = "SRE-RUN-015";
    /// Something adopted or made by hand stays after a cleanup.
    pub(crate) const STAYS: &str = "SRE-RUN-023";
    /// The state file is of another deployment.
    pub(crate) const OTHER_DEPLOYMENT: &str = "SRE-STATE-004";
    /// There is no state file, or nothing in it.
    pub(crate) const NO_STATE: &str = "SRE-STATE-005";
    /// The configuration is not the one that the state file is about.
    pub(crate) const OTHER_CONFIG: &str = "SRE-STATE-007";
    /// The practice account cannot be used.
    pub(crate) const PRACTICE: &str = "SRE-STATE-008";
    /// The state file or the practice account is held by another run.
    pub(crate) const LOCKED: &str = "SRE-STATE-001";
    /// The proxy was not looked at, because it was not to be installed.
    pub(crate) const HOST_SKIPPED: &str = "SRE-HOST-001";
    /// The programs for the instance are not there.
    pub(crate) const NO_PROGRAMS: &str = "SRE-PLAN-018";
    /// Only root can do this.
    pub(crate) const NOT_ROOT: &str = "SRE-HOST-010";
    /// A bundle that is not what its digests say.
    pub(crate) const BUNDLE_DAMAGED: &str = "SRE-HOST-015";
    /// A bundle that lacks something or is not understood.
    pub(crate) const BUNDLE: &str = "SRE-HOST-016";
    /// Nothing is installed on this machine.
    pub(crate) const NOT_INSTALLED: &str = "SRE-HOST-023";
    /// A package could not be installed.
    pub(crate) const AGENT_TOOLS: &str = "SRE-HOST-028";
    /// A run on the host did not end.
    pub(crate) const UNFINISHED: &str = "SRE-HOST-029";
    /// The deployment has not made what the host needs.
    pub(crate) const NOT_DEPLOYED: &str = "SRE-HOST-030";
    /// The host's journal is lost.
    pub(crate) const JOURNAL_LOST: &str = "SRE-HOST-031";
    /// A program to install is not there.
    pub(crate) const NO_PROGRAM: &str = "SRE-HOST-032";
    /// The certificate could not be obtained yet.
    pub(crate) const NO_CERTIFICATE: &str = "SRE-HOST-033";
    /// A unit of this host has failed.
    pub(crate) const UNIT_FAILED: &str = "SRE-HOST-062";
    /// The operator's hook for failures cannot be run, or failed itself.
    pub(crate) const FAILURE_HOOK: &str = "SRE-HOST-063";
    /// What should be a directory of the SRE agent is none.
    pub(crate) const NOT_THE_AGENT: &str = "SRE-AGENT-001";
    /// A value that the SRE agent's files cannot carry.
    pub(crate) const UNWRITABLE: &str = "SRE-AGENT-020";
    /// A value of the SRE agent's files that nobody decided about.
    pub(crate) const CONFLICT: &str = "SRE-AGENT-021";
    /// The deployment has not made what the SRE agent needs.
    pub(crate) const NO_GATEWAY: &str = "SRE-AGENT-022";
    /// No token could be fetched for the SRE agent.
    pub(crate) const NO_GATEWAY_TOKEN: &str = "SRE-AGENT-023";
    /// A call had no answer in time.
    pub(crate) const NO_ANSWER: &str = "SRE-RUN-003";
    /// A mistake in this program.
    pub(crate) const BUG: &str = "SRE-BUG-001";
}

/// What to do next, as an exact command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Next {
    /// Goes on where the run stopped.
    Resume(String),
    /// Anything else.
    Command(String),
}

impl Next {
    /// The command.
    pub(crate) fn command(&self) -> &str {
        match self {
            Self::Resume(command) | Self::Command(command) => command,
        }
    }
}

/// What keeps a configuration from being used.
#[derive(Debug, Clone)]
pub(crate) struct Invalid {
    /// For people, with marked excerpts.
    pub(crate) text: String,
    /// For programs.
    pub(crate) result: ValidationResult,
}

/// Why a command did not do what was asked.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    /// The program's exit.
    pub(crate) exit: Exit,
    /// What to say, most telling first; never empty unless the configuration is invalid.
    pub(crate) findings: Vec<Finding>,
    /// What to do next.
    pub(crate) next: Option<Next>,
    /// What is wrong with the configuration.
    pub(crate) invalid: Option<Invalid>,
    /// What the run did before it failed.
    pub(crate) report: Option<VerificationReport>,
}

impl Failure {
    /// One thing to say.
    pub(crate) fn new(code: &str, subject: &str, message: impl Into<String>) -> Box<Self> {
        Self::of_findings(vec![Finding::new(code, Severity::Error, subject, message)])
    }

    /// Several things to say.
    pub(crate) fn of_findings(findings: Vec<Finding>) -> Box<Self> {
        let exit = Exit::of_findings(&findings);
        Box::new(Self { exit, findings, next: None, invalid: None, report: None })
    }

    /// A configuration that cannot be used.
    pub(crate) fn invalid(problems: &[Problem], text: String, result: ValidationResult) -> Box<Self> {
        let findings = problems
            .iter()
            .filter(|problem| problem.is_error())
            .map(|problem| {
                let finding = Finding::new(problem.code, Severity::Error, &problem.path, &problem.message);
                match &problem.suggestion {
                    Some(suggestion) => finding.hint(suggestion),
                    None => finding,
                }
            })
            .collect();
        let invalid = Some(Invalid { text, result });
        Box::new(Self { invalid, exit: Exit::Usage, ..*Self::of_findings(findings) })
    }

    /// A run that did not reach its end.
    pub(crate) fn of_run(error: &RunError) -> Box<Self> {
        Self::of_findings(findings_of_run(error))
    }

    /// A state file that cannot be used.
    pub(crate) fn of_journal(error: &JournalError) -> Box<Self> {
        Self::of_findings(vec![advice::of_journal(error)])
    }

    /// A call outside of any step.
    pub(crate) fn of_look(error: StepError) -> Box<Self> {
        match error {
            StepError::Cancelled => Self::of_run(&RunError::Cancelled),
            error => Self::of_run(&RunError::Look(error)),
        }
    }

    /// A file that cannot be read or written.
    pub(crate) fn of_file(what: &str, path: &std::path::Path, error: &dyn Error) -> Box<Self> {
        Self::new(codes::FILE, &path.display().to_string(), format!("cannot {what} `{}`", path.display()))
            .evidence(error.to_string())
    }

    /// The same with what to do.
    #[must_use]
    pub(crate) fn hint(mut self: Box<Self>, hint: impl Into<String>) -> Box<Self> {
        if let Some(first) = self.findings.first_mut() {
            first.hint = Some(hint.into());
        }
        self
    }

    /// The same with what was seen.
    #[must_use]
    pub(crate) fn evidence(mut self: Box<Self>, evidence: impl Into<String>) -> Box<Self> {
        if let Some(first) = self.findings.first_mut() {
            first.evidence = Some(evidence.into());
        }
        self
    }

    /// The same with what to do next, unless that is known.
    #[must_use]
    pub(crate) fn or_next(mut self: Box<Self>, next: Option<Next>) -> Box<Self> {
        if self.next.is_none() {
            self.next = next;
        }
        self
    }

    /// For people.
    pub(crate) fn text(&self, program: &str, colour: bool) -> String {
        let paint = |code: &str, text: &str| {
            if colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
        };
        let mut out = String::new();
        if let Some(invalid) = &self.invalid {
            out.push_str(&invalid.text);
            if let Some(first) = self.findings.first() {
                let _ = writeln!(out, "docs: {program} explain {}", first.code);
            }
        }
        // What is wrong with the configuration has been shown with its place.
        let is_shown = |finding: &&Finding| self.invalid.is_some() && finding.code.starts_with("SRE-CONF-");
        let mut advised: Vec<(&String, &Option<String>)> = Vec::new();
        for finding in self.findings.iter().filter(|finding| !is_shown(finding)) {
            let head = paint("1;31", &format!("error[{}]", finding.code));
            let _ = writeln!(out, "{head}: {}", indented(&finding.message, 2));
            if let Some(cause) = &finding.evidence
                && !finding.message.contains(cause.as_str())
            {
                let _ = writeln!(out, "  cause: {}", indented(cause, 9));
            }
            // One cause often stops several steps; its advice is needed once.
            if advised.contains(&(&finding.code, &finding.hint)) {
                continue;
            }
            advised.push((&finding.code, &finding.hint));
            if let Some(hint) = &finding.hint {
                let _ = writeln!(out, "  {} {}", paint("1", "help:"), indented(hint, 8));
            }
            if let Some(doc) = &finding.doc {
                let _ = writeln!(out, "  see: {doc}");
            }
            let _ = writeln!(out, "  docs: {program} explain {}", finding.code);
        }
        if let Some(next) = &self.next {
            let word = if matches!(next, Next::Resume(_)) { "resume:" } else { "next:" };
            let _ = writeln!(out, "{} {}", paint("1", word), next.command());
        }
        out
    }

    /// In one line, for what reads no more than that.
    pub(crate) fn line(&self) -> String {
        let Some(first) = self.findings.first() else { return "the configuration cannot be used".to_owned() };
        let mut out = format!("{} [{}]", first.message.lines().next().unwrap_or_default(), first.code);
        if let Some(hint) = first.hint.as_ref().and_then(|hint| hint.lines().next()) {
            let _ = write!(out, ": {hint}");
        }
        match self.findings.len() {
            1 => {}
            number => {
                let _ = write!(out, "; and {} more", number.saturating_sub(1));
            }
        }
        out
    }

    /// For programs.
    pub(crate) fn json(&self, program: &str) -> Value {
        let error = |finding: &Finding| {
            let hints: Vec<&String> = finding.hint.iter().collect();
            let causes: Vec<&String> = finding.evidence.iter().collect();
            json!({
                "code": finding.code,
                "message": finding.message,
                "subject": finding.subject,
                "causes": causes,
                "hints": hints,
                "docs": format!("{program} explain {}", finding.code),
            })
        };
        let errors: Vec<Value> = self.findings.iter().map(error).collect();
        let mut value = json!({
            "schema_version": ERROR_SCHEMA_VERSION,
            "error": errors.first(),
            "errors": errors,
            "exit_code": self.exit.code(),
            "next_command": self.next.as_ref().map(Next::command),
        });
        if let Some(members) = value.as_object_mut() {
            if let Some(invalid) = &self.invalid {
                members.insert("validation".to_owned(), json!(invalid.result));
            }
            if let Some(report) = &self.report {
                members.insert("report".to_owned(), json!(report));
            }
        }
        value
    }
}

/// Everything that a run's end has to say.
pub(crate) fn findings_of_run(error: &RunError) -> Vec<Finding> {
    match error {
        RunError::Steps(failed) => failed
            .iter()
            // What stopped because the operator asked is not worth a line beside what failed.
            .filter(|(_, error)| {
                !matches!(error, StepError::Cancelled)
                    || failed.iter().all(|(_, error)| matches!(error, StepError::Cancelled))
            })
            .map(|(step, error)| advice::of_step(*step, error))
            .collect(),
        RunError::Cancelled => {
            vec![Finding::new(codes::CANCELLED, Severity::Error, "run", error.to_string())]
        }
        RunError::Look(StepError::Call(call)) => vec![advice::of_call("account", call)],
        RunError::Look(StepError::Journal(journal)) | RunError::Journal(journal) => {
            vec![advice::of_journal(journal)]
        }
        RunError::Look(StepError::Blocked(finding)) => vec![finding.as_ref().clone()],
        RunError::Look(cause @ StepError::TimedOut { .. }) => {
            vec![Finding::new("SRE-RUN-003", Severity::Error, "account", cause.to_string())]
        }
        RunError::Look(cause @ (StepError::NotReached { .. } | StepError::Bug(_))) => {
            vec![Finding::new(codes::BUG, Severity::Error, "account", cause.to_string())]
        }
        RunError::Look(StepError::Cancelled) => findings_of_run(&RunError::Cancelled),
        RunError::Refused(findings) => findings.clone(),
    }
}

/// A text whose further lines stand below its first.
fn indented(text: &str, columns: usize) -> String {
    text.replace('\n', &format!("\n{:columns$}", ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_what_why_and_what_next() {
        let failure = Failure::new("SRE-AWS-001", "iam.role", "AWS refused iam:CreateRole on *")
            .evidence("iam:CreateRole failed with AccessDenied")
            .hint("add this statement, then resume:\n{}")
            .or_next(Some(Next::Resume("sre-agent-deploy --resume".to_owned())));
        insta::assert_snapshot!(failure.text("sre-agent-deploy", false), @r"
        error[SRE-AWS-001]: AWS refused iam:CreateRole on *
          cause: iam:CreateRole failed with AccessDenied
          help: add this statement, then resume:
                {}
          docs: sre-agent-deploy explain SRE-AWS-001
        resume: sre-agent-deploy --resume
        ");
        assert_eq!(failure.exit, Exit::Cloud);
        let json = failure.json("sre-agent-deploy");
        assert_eq!(json["error"]["code"], "SRE-AWS-001");
        assert_eq!(
            (&json["exit_code"], &json["next_command"]),
            (&json!(4), &json!("sre-agent-deploy --resume"))
        );
    }
}
