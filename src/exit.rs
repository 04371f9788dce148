//! What the exit code of the program says, and the one function from a finding's code to it.

use std::process::ExitCode;

use checks::Status;
use model::Finding;

/// How the program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done, all good.
    Done,
    /// Failed, and cannot be resumed.
    Failed,
    /// Usage, configuration or missing input.
    Usage,
    /// Credentials are missing, expired or refused.
    Credentials,
    /// An AWS call or a step on a host failed, or something is in the way; the run can be resumed.
    Cloud,
    /// Checks failed.
    Checks,
    /// Warnings, where they were asked to count.
    Warnings,
    /// Changes are pending, or something drifted (`plan --detailed-exitcode`).
    Pending,
    /// Stopped by the operator; the run can be resumed.
    Cancelled,
    /// Timed out; the run can be resumed.
    TimedOut,
    /// Another run holds the state file.
    Locked,
    /// The state file is unreadable, newer, tampered with, or belongs to another account, Region or deployment.
    State,
    /// A mistake in this program.
    Bug,
    /// As monitoring plugins end: 0 ok, 1 warning, 2 critical, 3 unknown (`--format nagios`).
    Plugin(Status),
}

/// Which failure names the exit where several came together: what needs the operator most comes first.
const MOST_TELLING: &[Exit] = &[
    Exit::Bug,
    Exit::State,
    Exit::Locked,
    Exit::Credentials,
    Exit::Usage,
    Exit::Cloud,
    Exit::TimedOut,
    Exit::Cancelled,
];

impl Exit {
    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Credentials => 3,
            Self::Cloud => 4,
            Self::Checks => 5,
            Self::Warnings => 6,
            Self::Pending => 7,
            Self::Cancelled => 8,
            Self::TimedOut => 9,
            Self::Locked => 10,
            Self::State => 11,
            Self::Bug => 70,
            Self::Plugin(status) => checks::output::nagios_exit(status),
        }
    }

    /// The exit that a finding's code stands for when the finding stopped a run.
    pub fn of_code(code: &str) -> Self {
        let area = code.strip_prefix("SRE-").and_then(|rest| rest.split('-').next()).unwrap_or_default();
        match (area, code) {
            ("BUG", _) => Self::Bug,
            (_, "SRE-AWS-002" | "SRE-AWS-003" | "SRE-AWS-004") => Self::Credentials,
            (_, "SRE-AWS-008" | "SRE-RUN-003" | "SRE-RUN-014" | "SRE-CERT-019" | "SRE-CERT-036") => {
                Self::TimedOut
            }
            (_, "SRE-RUN-001" | "SRE-RUN-002") => Self::Cancelled,
            (_, "SRE-STATE-001" | "SRE-CLI-010" | "SRE-RUN-011" | "SRE-CERT-008") => Self::Locked,
            (_, "SRE-CLI-011" | "SRE-CLI-012" | "SRE-RUN-013" | "SRE-RUN-015") => Self::Failed,
            // Of the state files nothing is wrong with the file: it is not there, or it is not what was meant.
            ("CONF" | "CLI", _)
            | (
                _,
                "SRE-STATE-005" | "SRE-STATE-007" | "SRE-RUN-010" | "SRE-RUN-012" | "SRE-CERT-028"
                | "SRE-CERT-033" | "SRE-AGENT-001" | "SRE-AGENT-020" | "SRE-AGENT-021" | "SRE-AGENT-022"
                | "SRE-AGENT-024",
            ) => Self::Usage,
            ("STATE" | "ACC", _) => Self::State,
            (
                _,
                "SRE-HOST-013" | "SRE-HOST-015" | "SRE-HOST-016" | "SRE-HOST-019" | "SRE-HOST-030"
                | "SRE-HOST-032",
            ) => Self::Usage,
            // The instance said nothing in time; what it said went wrong can be mended and gone on from.
            (_, "SRE-HOST-076") => Self::TimedOut,
            (_, code) if code.starts_with("SRE-HOST-07") => Self::Cloud,
            // Of the former ones, what was done stays, and the same command goes on.
            (
                _,
                "SRE-HOST-020" | "SRE-HOST-021" | "SRE-HOST-024" | "SRE-HOST-034" | "SRE-AGENT-023"
                | "SRE-AGENT-035",
            )
            | ("AWS" | "PLAN" | "ACM" | "RUN", _) => Self::Cloud,
            _ => Self::Failed,
        }
    }

    /// The exit of a run that these findings stopped.
    pub fn of_findings(findings: &[Finding]) -> Self {
        let all: Vec<Self> = findings.iter().map(|finding| Self::of_code(&finding.code)).collect();
        MOST_TELLING.iter().copied().find(|exit| all.contains(exit)).unwrap_or(Self::Failed)
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use model::Severity;

    use super::*;

    #[test]
    fn each_code_has_its_exit() {
        let expected = [
            ("SRE-CONF-010", 2),
            ("SRE-CLI-001", 2),
            ("SRE-STATE-005", 2),
            ("SRE-STATE-007", 2),
            ("SRE-AWS-002", 3),
            ("SRE-AWS-003", 3),
            ("SRE-AWS-004", 3),
            ("SRE-AWS-001", 4),
            ("SRE-AWS-006", 4),
            ("SRE-PLAN-001", 4),
            ("SRE-RUN-004", 4),
            ("SRE-HOST-072", 4),
            ("SRE-HOST-076", 9),
            ("SRE-RUN-001", 8),
            ("SRE-RUN-003", 9),
            ("SRE-AWS-008", 9),
            ("SRE-RUN-010", 2),
            ("SRE-RUN-011", 10),
            ("SRE-RUN-012", 2),
            ("SRE-RUN-013", 1),
            ("SRE-RUN-014", 9),
            ("SRE-RUN-015", 1),
            ("SRE-STATE-001", 10),
            ("SRE-CLI-010", 10),
            ("SRE-CERT-008", 10),
            ("SRE-CERT-010", 1),
            ("SRE-CERT-019", 9),
            ("SRE-CERT-033", 2),
            ("SRE-CERT-034", 1),
            ("SRE-CERT-036", 9),
            ("SRE-CLI-011", 1),
            ("SRE-STATE-002", 11),
            ("SRE-STATE-003", 11),
            ("SRE-STATE-004", 11),
            ("SRE-STATE-006", 11),
            ("SRE-ACC-001", 11),
            ("SRE-HOST-010", 1),
            ("SRE-HOST-015", 2),
            ("SRE-HOST-020", 4),
            ("SRE-HOST-022", 1),
            ("SRE-BUG-001", 70),
            ("", 1),
        ];
        for (code, exit) in expected {
            assert_eq!(Exit::of_code(code).code(), exit, "{code}");
        }
    }

    #[test]
    fn of_several_failures_the_most_telling_names_the_exit() {
        let findings = |codes: &[&str]| {
            codes.iter().map(|code| Finding::new(code, Severity::Error, "", "")).collect::<Vec<_>>()
        };
        assert_eq!(Exit::of_findings(&findings(&["SRE-RUN-001", "SRE-AWS-001"])), Exit::Cloud);
        assert_eq!(Exit::of_findings(&findings(&["SRE-AWS-001", "SRE-AWS-003"])), Exit::Credentials);
        assert_eq!(Exit::of_findings(&findings(&["SRE-RUN-003", "SRE-STATE-006"])), Exit::State);
        assert_eq!(Exit::of_findings(&[]), Exit::Failed);
    }
}
