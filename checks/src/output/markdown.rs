//! Markdown, for a ticket or the page of a change.

use std::fmt::Write as _;

use model::{Finding, Severity};

use super::escape::{self, markdown as marked, plain};
use super::{Style, words};
use crate::{CheckReport, CheckResult, Moment, Status};

/// The page.
pub fn markdown(report: &CheckReport, style: &Style) -> String {
    let now = words::now(report);
    let mut out = String::new();
    let _ = writeln!(out, "# {}: {}\n", words::title(report), report.overall.as_str());
    let _ =
        write!(out, "{}. Looked at on {}", capital(&words::counts(report)), Moment::from(report.checked_at));
    if let Some(moment) = report.judged_as_of {
        let _ = write!(out, " and judged as of {}", Moment::from(moment));
    }
    let _ = writeln!(out, " by {}.", marked(&style.by));
    if !report.ignored.is_empty() {
        let codes: Vec<&str> = report.ignored.iter().map(String::as_str).collect();
        let _ = writeln!(out, "Ignored, as asked: {}.", marked(&codes.join(", ")));
    }
    if !report.results.is_empty() {
        out.push_str("\n| status | subject | names | validity |\n|---|---|---|---|\n");
    }
    for result in &report.results {
        let (names, time) = words::main(result).map_or_else(
            || (String::new(), String::new()),
            |certificate| (words::names(&certificate.names, 5), words::remaining(certificate, now)),
        );
        let _ = writeln!(
            out,
            "| {} | {} {} | {} | {} |",
            result.status.as_str(),
            result.subject.kind.as_str(),
            marked(&result.subject.name),
            marked(&names),
            marked(&time)
        );
    }
    for result in &report.results {
        section(&mut out, result, style);
    }
    let passed = words::passed(report);
    if passed > 0 {
        let _ = writeln!(out, "\nChecks that passed: {passed}.");
    }
    out
}

fn section(out: &mut String, result: &CheckResult, style: &Style) {
    let told: Vec<&Finding> =
        result.findings.iter().filter(|finding| style.verbose || finding.severity != Severity::Ok).collect();
    if told.is_empty() && result.status == Status::Ok {
        return;
    }
    let _ = writeln!(out, "\n## {} {}\n", result.subject.kind.as_str(), marked(&result.subject.name));
    if result.findings.is_empty() {
        let _ = writeln!(out, "- **{}**: there is nothing that could be judged", result.status.as_str());
    }
    for finding in told {
        let severity = words::severity(finding.severity);
        let _ = writeln!(out, "- **{severity}** {}: {}", marked(&finding.code), marked(&finding.message));
        // What a check was skipped because of is in its message.
        let evidence = finding.evidence.as_ref().filter(|_| finding.severity != Severity::Skipped);
        for (word, part) in [("Seen", evidence), ("Help", finding.hint.as_ref())] {
            if let Some(part) = part {
                block(out, word, part);
            }
        }
        if let Some(doc) = &finding.doc {
            let _ = writeln!(out, "\n  See {}", marked(doc));
        }
        if finding.severity >= Severity::Warning {
            let _ = writeln!(out, "\n  Docs: `{} explain {}`", code(&style.program), code(&finding.code));
        }
    }
}

/// A code block, fenced with more backticks than are in it.
fn block(out: &mut String, word: &str, text: &str) {
    let text = escape::lines(text);
    let longest = text.split(|c: char| c != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest.saturating_add(1).max(3));
    let _ = writeln!(out, "\n  {word}:\n\n  {fence}text");
    for line in text.lines() {
        let _ = writeln!(out, "  {line}");
    }
    let _ = writeln!(out, "  {fence}");
}

/// Text between backticks.
fn code(text: &str) -> String {
    plain(text).replace('`', "'")
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
