//! What came out of checks: results by subject, each with a status, and the worst of all.

use std::collections::BTreeSet;

use jiff::Timestamp;
use model::{Finding, Severity};
use serde::{Deserialize, Serialize};

use crate::Moment;

/// Version of the JSON form. A member may be added without raising it.
pub const CHECK_SCHEMA_VERSION: u32 = 1;

/// The result of a run of checks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckReport {
    /// [`CHECK_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// When facts were collected, UTC.
    pub checked_at: Timestamp,
    /// The moment that validity was judged as of, where that is another one (`--at`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judged_as_of: Option<Timestamp>,
    /// The worst status of all results; unknown where there are none.
    pub overall: Status,
    /// One entry a subject, in the order in which they were asked for.
    pub results: Vec<CheckResult>,
    /// Codes whose findings the operator asked to ignore, of those that were found.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub ignored: BTreeSet<String>,
}

/// How something stands. The order is of urgency: the worst of several is the maximum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Looked at, and in order.
    Ok,
    /// Works, but somebody should act.
    Warning,
    /// Could not be judged.
    Unknown,
    /// Does not work, or soon will not.
    Critical,
}

impl Status {
    /// As in the JSON form.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Unknown => "unknown",
            Self::Critical => "critical",
        }
    }

    /// What a finding says about its subject. What was skipped is not known, and never passed; what it was skipped
    /// because of has its own finding.
    pub const fn of(severity: Severity) -> Self {
        match severity {
            Severity::Ok | Severity::Info | Severity::Skipped => Self::Ok,
            Severity::Warning => Self::Warning,
            Severity::Unknown => Self::Unknown,
            Severity::Error => Self::Critical,
        }
    }
}

/// What a result is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Subject {
    /// What kind of thing.
    pub kind: SubjectKind,
    /// Its path, `host:port`, ARN or id.
    pub name: String,
}

impl Subject {
    /// A subject.
    pub fn new(kind: SubjectKind, name: impl Into<String>) -> Self {
        Self { kind, name: name.into() }
    }
}

/// What kind of thing is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SubjectKind {
    /// A certificate file.
    File,
    /// A host and port.
    Endpoint,
    /// A certificate in AWS Certificate Manager.
    Acm,
    /// A name, route or service on the way.
    Network,
    /// An account in a Region.
    Account,
    /// The machine that the program runs on.
    Host,
    /// A deployment.
    Deployment,
}

impl SubjectKind {
    /// As in the JSON form.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Endpoint => "endpoint",
            Self::Acm => "acm",
            Self::Network => "network",
            Self::Account => "account",
            Self::Host => "host",
            Self::Deployment => "deployment",
        }
    }
}

/// How one subject stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckResult {
    /// What it is about.
    pub subject: Subject,
    /// The worst of its findings.
    pub status: Status,
    /// The certificates that were found, in the order of the file or of the handshake.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub certificates: Vec<CertificateSummary>,
    /// Everything there is to say, most urgent first.
    pub findings: Vec<Finding>,
}

impl CheckResult {
    /// A result whose status follows from its findings.
    pub fn new(subject: Subject, certificates: Vec<CertificateSummary>, mut findings: Vec<Finding>) -> Self {
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        let status = status(&findings);
        Self { subject, status, certificates, findings }
    }
}

/// `SRE-TLS` of `SRE-TLS-001`.
fn area(code: &str) -> &str {
    code.rsplit_once('-').map_or(code, |(area, _)| area)
}

/// The worst of these. Nothing but skipped findings, or none at all, is not known to be in order.
fn status(findings: &[Finding]) -> Status {
    let is_judged = findings.iter().any(|finding| finding.severity != Severity::Skipped);
    let worst = findings.iter().map(|finding| Status::of(finding.severity)).max();
    if is_judged { worst.unwrap_or(Status::Unknown) } else { Status::Unknown }
}

/// A certificate in a few words. Dates and names are there even where nothing else about it is in order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateSummary {
    /// 0 for the first of the file or of the handshake.
    pub position: usize,
    /// DNS names and addresses of `subjectAltName`; its subject where there are none.
    pub names: Vec<String>,
    /// The issuer's distinguished name.
    pub issuer: String,
    /// Hexadecimal, two digits a byte, no separators.
    pub serial: String,
    /// First second of validity.
    pub not_before: Option<Moment>,
    /// Last second of validity.
    pub not_after: Option<Moment>,
    /// Seconds until `not_after`; negative when it has passed.
    pub remaining_seconds: Option<i64>,
    /// Seconds of validity in all, first and last included (RFC 5280, section 4.1.2.5).
    pub lifetime_seconds: Option<i64>,
}

/// Which findings count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Codes to report on; empty means all. What could not be judged is reported all the same.
    pub only: BTreeSet<String>,
    /// Codes to leave out.
    pub ignore: BTreeSet<String>,
}

impl CheckReport {
    /// Puts results together. What the selection leaves out has no say in any status: what was judged of something else
    /// than was asked for is left out whole, unless there is nothing else.
    pub fn new(
        checked_at: Timestamp,
        judged_as_of: Option<Timestamp>,
        results: Vec<CheckResult>,
        selection: &Selection,
    ) -> Self {
        let mut ignored = BTreeSet::new();
        let (results, others): (Vec<CheckResult>, Vec<CheckResult>) =
            results.into_iter().partition(|result| concerns(result, selection));
        let results = if results.is_empty() { others } else { results };
        let results: Vec<CheckResult> = results
            .into_iter()
            .map(|result| {
                let CheckResult { subject, certificates, findings, .. } = result;
                let is_judged = status(&findings) != Status::Unknown;
                // Where something of its kind was skipped, so may the code itself have been.
                let is_asked = selection.only.iter().any(|code| {
                    let mut kin =
                        findings.iter().filter(|finding| area(&finding.code) == area(code)).peekable();
                    kin.peek().is_some() && kin.all(|finding| finding.severity != Severity::Skipped)
                });
                let findings: Vec<Finding> = findings
                    .into_iter()
                    .filter(|finding| {
                        if selection.ignore.contains(&finding.code) {
                            ignored.insert(finding.code.clone());
                            return false;
                        }
                        selection.only.is_empty()
                            || selection.only.contains(&finding.code)
                            || finding.severity == Severity::Unknown
                    })
                    .collect();
                let mut result = CheckResult::new(subject, certificates, findings);
                // Nothing is left to say of something that was judged: the operator knows of what was ignored, and of
                // what was asked for nothing was found. What could not be judged stays unknown, ignored or not.
                let is_selected = selection.only.is_empty() || is_asked;
                if result.findings.is_empty() && is_judged && is_selected {
                    result.status = Status::Ok;
                }
                result
            })
            .collect();
        let overall = results.iter().map(|result| result.status).max().unwrap_or(Status::Unknown);
        Self { schema_version: CHECK_SCHEMA_VERSION, checked_at, judged_as_of, overall, results, ignored }
    }

    /// All findings with what they are about.
    pub fn findings(&self) -> impl Iterator<Item = (&Subject, &Finding)> {
        self.results
            .iter()
            .flat_map(|result| result.findings.iter().map(|finding| (&result.subject, finding)))
    }
}

/// Whether a result has to do with what was asked for. What could not be judged always has.
fn concerns(result: &CheckResult, selection: &Selection) -> bool {
    selection.only.is_empty()
        || status(&result.findings) == Status::Unknown
        || result
            .findings
            .iter()
            .any(|finding| selection.only.iter().any(|code| area(&finding.code) == area(code)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(code: &str, severity: Severity) -> Finding {
        Finding::new(code, severity, "x", "y")
    }

    fn report(findings: Vec<Finding>, selection: &Selection) -> CheckReport {
        let result = CheckResult::new(Subject::new(SubjectKind::File, "x"), Vec::new(), findings);
        CheckReport::new(Timestamp::UNIX_EPOCH, None, vec![result], selection)
    }

    #[test]
    fn nothing_looked_at_is_unknown() {
        let all = Selection::default();
        assert_eq!(CheckReport::new(Timestamp::UNIX_EPOCH, None, Vec::new(), &all).overall, Status::Unknown);
        assert_eq!(report(Vec::new(), &all).overall, Status::Unknown);
        assert_eq!(report(vec![finding("SRE-X-001", Severity::Skipped)], &all).overall, Status::Unknown);
        assert_eq!(report(vec![finding("SRE-X-001", Severity::Ok)], &all).overall, Status::Ok);
    }

    #[test]
    fn a_selection_never_hides_what_could_not_be_judged() {
        let only = Selection { only: BTreeSet::from(["SRE-X-001".to_owned()]), ..Selection::default() };
        let found = vec![finding("SRE-X-001", Severity::Ok), finding("SRE-X-002", Severity::Error)];
        assert_eq!(report(found, &only).overall, Status::Ok);
        assert_eq!(report(vec![finding("SRE-X-002", Severity::Unknown)], &only).overall, Status::Unknown);
        let found = vec![finding("SRE-X-002", Severity::Skipped), finding("SRE-Y-001", Severity::Error)];
        assert_eq!(report(found, &only).overall, Status::Unknown);
    }

    #[test]
    fn what_was_not_asked_for_says_nothing_beside_what_was() {
        let result = |code: &str, severity| {
            CheckResult::new(Subject::new(SubjectKind::File, code), Vec::new(), vec![finding(code, severity)])
        };
        let only = Selection { only: BTreeSet::from(["SRE-X-001".to_owned()]), ..Selection::default() };
        let of = |others: Vec<CheckResult>| {
            let results = [vec![result("SRE-X-001", Severity::Ok)], others].concat();
            let report = CheckReport::new(Timestamp::UNIX_EPOCH, None, results, &only);
            (report.overall, report.results.len())
        };
        assert_eq!(of(vec![result("SRE-Y-001", Severity::Ok)]), (Status::Ok, 1));
        assert_eq!(of(vec![result("SRE-Y-001", Severity::Error)]), (Status::Ok, 1));
        assert_eq!(of(vec![result("SRE-Y-001", Severity::Unknown)]), (Status::Unknown, 2));
    }

    #[test]
    fn what_is_ignored_is_named() {
        let ignore = Selection { ignore: BTreeSet::from(["SRE-X-002".to_owned()]), ..Selection::default() };
        let report = report(vec![finding("SRE-X-002", Severity::Error)], &ignore);
        assert_eq!(report.overall, Status::Ok);
        assert_eq!(report.ignored, BTreeSet::from(["SRE-X-002".to_owned()]));
    }

    #[test]
    fn ignoring_why_something_is_unknown_does_not_make_it_known() {
        let ignore = Selection { ignore: BTreeSet::from(["SRE-X-002".to_owned()]), ..Selection::default() };
        assert_eq!(report(vec![finding("SRE-X-002", Severity::Unknown)], &ignore).overall, Status::Unknown);
    }

    #[test]
    fn a_check_that_found_nothing_is_in_order_where_its_kind_was_judged() {
        let only = |code: &str| Selection { only: BTreeSet::from([code.to_owned()]), ..Selection::default() };
        let found = || vec![finding("SRE-X-002", Severity::Ok)];
        assert_eq!(report(found(), &only("SRE-X-001")).overall, Status::Ok);
        assert_eq!(report(found(), &only("SRE-Y-001")).overall, Status::Unknown);
    }
}
