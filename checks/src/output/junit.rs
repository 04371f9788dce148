//! The XML of `JUnit`, as pipelines read it: a suite a subject, a case a finding.
//!
//! `failure` is a finding that is critical (and, where a pipeline should fail on them, a warning), `error` one that
//! could not be judged. A suite's property `status` has the status itself.

use std::fmt::Write as _;

use model::{Finding, Severity};

use super::escape::{self, markup, markup_line};
use super::{Style, words};
use crate::{CheckReport, CheckResult, Moment, Status};

/// What becomes of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Case {
    Passed,
    Failure,
    Error,
    Skipped,
}

fn case(status: Status, is_skipped: bool, style: &Style) -> Case {
    match status {
        _ if is_skipped => Case::Skipped,
        Status::Critical => Case::Failure,
        Status::Unknown => Case::Error,
        Status::Warning if style.fail_on_warning => Case::Failure,
        Status::Warning | Status::Ok => Case::Passed,
    }
}

fn case_of(finding: &Finding, style: &Style) -> Case {
    case(Status::of(finding.severity), finding.severity == Severity::Skipped, style)
}

/// The cases of a result; one without findings has a case of its own.
fn cases(result: &CheckResult, style: &Style) -> Vec<Case> {
    let mut cases: Vec<Case> = result.findings.iter().map(|finding| case_of(finding, style)).collect();
    if has_own_case(result) {
        cases.push(case(result.status, false, style));
    }
    cases
}

/// Whether no finding says what the status is: there are none, or all were skipped.
fn has_own_case(result: &CheckResult) -> bool {
    result.findings.iter().all(|finding| finding.severity == Severity::Skipped)
}

fn count(cases: &[Case], wanted: Case) -> usize {
    cases.iter().filter(|case| **case == wanted).count()
}

/// The document.
pub fn junit(report: &CheckReport, style: &Style) -> String {
    let all: Vec<Case> = report.results.iter().flat_map(|result| cases(result, style)).collect();
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(
        out,
        "<testsuites name=\"{} {}\" tests=\"{}\" failures=\"{}\" errors=\"{}\">",
        words::title(report),
        report.overall.as_str(),
        all.len(),
        count(&all, Case::Failure),
        count(&all, Case::Error)
    );
    let at = Moment::from(report.checked_at).to_string();
    let at = at.trim_end_matches('Z');
    for (index, result) in report.results.iter().enumerate() {
        suite(&mut out, report, result, index, at, style);
    }
    out.push_str("</testsuites>\n");
    out
}

fn suite(
    out: &mut String,
    report: &CheckReport,
    result: &CheckResult,
    index: usize,
    at: &str,
    style: &Style,
) {
    let cases = cases(result, style);
    let name = format!("{} {}", result.subject.kind.as_str(), markup_line(&result.subject.name));
    let _ = writeln!(
        out,
        "  <testsuite id=\"{index}\" name=\"{name}\" timestamp=\"{at}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" \
         skipped=\"{}\">\n    <properties>",
        cases.len(),
        count(&cases, Case::Failure),
        count(&cases, Case::Error),
        count(&cases, Case::Skipped)
    );
    let mut property = |name: &str, value: &str| {
        let _ = writeln!(out, "      <property name=\"{name}\" value=\"{}\"/>", markup_line(value));
    };
    property("status", result.status.as_str());
    if let Some(moment) = report.judged_as_of {
        property("judged_as_of", &Moment::from(moment).to_string());
    }
    for code in &report.ignored {
        property("ignored", code);
    }
    for certificate in &result.certificates {
        let position = certificate.position;
        property(&format!("certificate.{position}.names"), &words::names(&certificate.names, 20));
        property(
            &format!("certificate.{position}.validity"),
            &words::remaining(certificate, words::now(report)),
        );
    }
    out.push_str("    </properties>\n");
    for finding in &result.findings {
        let title = format!("{}: {}", finding.code, finding.message);
        let text = body(finding, style);
        write_case(out, &name, &title, case_of(finding, style), finding, &text);
    }
    if has_own_case(result) {
        let summary = words::summary(result, words::now(report));
        let own = Finding::new(result.status.as_str(), Severity::Ok, "", summary);
        write_case(out, &name, &own.message, case(result.status, false, style), &own, "");
    }
    out.push_str("  </testsuite>\n");
}

/// `class` is markup already.
fn write_case(out: &mut String, class: &str, title: &str, case: Case, finding: &Finding, text: &str) {
    let title = markup_line(&escape::cut(title, 300));
    let _ = write!(out, "    <testcase classname=\"{class}\" name=\"{title}\" time=\"0\"");
    let message = markup_line(&finding.message);
    let (kind, text) = (words::severity(finding.severity), markup(text));
    let _ = match case {
        Case::Passed if finding.severity == Severity::Warning => {
            writeln!(out, "><system-out>{text}</system-out></testcase>")
        }
        Case::Passed => writeln!(out, "/>"),
        Case::Failure => {
            writeln!(out, "><failure type=\"{kind}\" message=\"{message}\">{text}</failure></testcase>")
        }
        Case::Error => {
            writeln!(out, "><error type=\"{kind}\" message=\"{message}\">{text}</error></testcase>")
        }
        Case::Skipped => writeln!(out, "><skipped message=\"{message}\"/></testcase>"),
    };
}

/// What a pipeline shows of a case that did not pass.
fn body(finding: &Finding, style: &Style) -> String {
    let mut text = format!("{}: {}", words::severity(finding.severity), finding.message);
    for (word, part) in [("seen", &finding.evidence), ("help", &finding.hint), ("see", &finding.doc)] {
        if let Some(part) = part {
            let _ = write!(text, "\n{word}: {part}");
        }
    }
    let _ = write!(text, "\ndocs: {} explain {}", style.program, finding.code);
    text
}
