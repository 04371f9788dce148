//! The verification report: what was deployed, what was observed, what to do next.
//!
//! Its fields are the seed's `VerificationReport` and `SetupResult`; `schema_version` and `findings` come on top.
//! Nothing is in it that was not observed: a test that did not run is no entry of `connectivity_tests` but a finding
//! with severity `skipped`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Finding, Severity};

/// Version of the report's JSON form.
pub const REPORT_SCHEMA_VERSION: u32 = 1;

/// The report on a deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerificationReport {
    /// [`REPORT_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// When it was written, UTC.
    pub timestamp: Timestamp,
    /// The deployment, its account and Region.
    pub deployment: Subject,
    /// The worst of everything below.
    pub overall_status: Status,
    /// One entry a component.
    pub component_results: Vec<SetupResult>,
    /// Tests that ran, and whether they passed.
    pub connectivity_tests: BTreeMap<String, bool>,
    /// What to do next, most urgent first.
    pub recommendations: Vec<String>,
    /// Everything there is to say, with codes.
    pub findings: Vec<Finding>,
    /// What the run reported that deployed, where the same run went on and verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deploy: Option<Box<VerificationReport>>,
}

/// What a report is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// The deployment id.
    pub id: String,
    /// The account, 12 digits.
    pub account_id: String,
    /// The Region.
    pub region: String,
    /// `production`, `staging` or `rehearsal`.
    pub mode: String,
}

/// How a deployment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Everything wanted is there.
    Complete,
    /// Everything wanted is there, and something should be done.
    CompleteWithWarnings,
    /// Not everything wanted is there; a run can go on.
    Incomplete,
    /// Nothing of it is left.
    Removed,
}

impl Status {
    /// As in the JSON form.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::CompleteWithWarnings => "complete-with-warnings",
            Self::Incomplete => "incomplete",
            Self::Removed => "removed",
        }
    }
}

/// The result of one component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetupResult {
    /// Whether it is there as wanted.
    pub success: bool,
    /// The step's name.
    pub component: String,
    /// One line.
    pub message: String,
    /// Ids, addresses, ARNs.
    pub details: BTreeMap<String, String>,
    /// What to do about it.
    pub next_steps: Vec<String>,
}

impl VerificationReport {
    /// For a terminal or a log.
    pub fn text(&self) -> String {
        let mut out = String::new();
        let _ = writeln!(
            out,
            "Deployment {} ({}, account {}, {}): {}",
            self.deployment.id,
            self.deployment.mode,
            self.deployment.account_id,
            self.deployment.region,
            self.overall_status.as_str()
        );
        let width = self.component_results.iter().map(|c| c.component.len()).max().unwrap_or(0);
        for component in &self.component_results {
            let mark = if component.success { "ok  " } else { "FAIL" };
            let _ = writeln!(out, "  {mark}  {:width$}  {}", component.component, component.message);
        }
        for (test, passed) in &self.connectivity_tests {
            let _ = writeln!(out, "  {}  {test}", if *passed { "ok  " } else { "FAIL" });
        }
        for finding in
            self.findings.iter().filter(|f| f.severity > Severity::Info || f.severity == Severity::Skipped)
        {
            let _ =
                writeln!(out, "  {}  {}  {}", severity_word(finding.severity), finding.code, finding.message);
        }
        if !self.recommendations.is_empty() {
            let _ = writeln!(out, "Next:");
            for recommendation in &self.recommendations {
                let _ = writeln!(out, "  - {}", recommendation.replace('\n', "\n    "));
            }
        }
        out
    }

    /// For a ticket or a wiki.
    pub fn markdown(&self) -> String {
        let mut out = String::new();
        let _ = writeln!(out, "# Deployment `{}`: {}\n", self.deployment.id, self.overall_status.as_str());
        let _ = writeln!(
            out,
            "Account {}, Region {}, mode {}, {}.\n",
            self.deployment.account_id, self.deployment.region, self.deployment.mode, self.timestamp
        );
        let _ = writeln!(out, "| component | result | details |\n|---|---|---|");
        for component in &self.component_results {
            let details: Vec<String> =
                component.details.iter().map(|(key, value)| format!("{key} `{}`", cell(value))).collect();
            let _ = writeln!(
                out,
                "| {} | {} {} | {} |",
                cell(&component.component),
                if component.success { "✓" } else { "✗" },
                cell(&component.message),
                details.join("<br>")
            );
        }
        if !self.connectivity_tests.is_empty() {
            let _ = writeln!(out, "\n## Connectivity\n");
            for (test, passed) in &self.connectivity_tests {
                let _ = writeln!(out, "- {} {test}", if *passed { "✓" } else { "✗" });
            }
        }
        findings_in_markdown(&mut out, "Findings", &self.findings);
        next_in_markdown(&mut out, "Next", &self.recommendations);
        if let Some(deploy) = &self.deploy {
            let status = deploy.overall_status.as_str();
            let _ = writeln!(out, "\n## The deploy before that: {status}, {}", deploy.timestamp);
            findings_in_markdown(&mut out, "Findings of the deploy", &deploy.findings);
            next_in_markdown(&mut out, "Next, by the deploy", &deploy.recommendations);
        }
        out
    }
}

fn findings_in_markdown(out: &mut String, title: &str, findings: &[Finding]) {
    if findings.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n## {title}\n\n| code | severity | about | message |\n|---|---|---|---|");
    for finding in findings {
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} |",
            finding.code,
            severity_word(finding.severity).trim(),
            cell(&finding.subject),
            cell(&finding.message)
        );
    }
}

fn next_in_markdown(out: &mut String, title: &str, recommendations: &[String]) {
    if recommendations.is_empty() {
        return;
    }
    let _ = writeln!(out, "\n## {title}\n");
    for recommendation in recommendations {
        let _ = writeln!(out, "- {}", recommendation.replace('\n', "\n  "));
    }
}

/// A severity in four columns.
fn severity_word(severity: Severity) -> &'static str {
    match severity {
        Severity::Ok => "ok  ",
        Severity::Info => "info",
        Severity::Skipped => "skip",
        Severity::Warning => "WARN",
        Severity::Unknown => "????",
        Severity::Error => "FAIL",
    }
}

/// A text that cannot break out of its table cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace(['\n', '\r'], " ")
}
