//! For an operator at a terminal.

use std::fmt::Write as _;

use model::{Finding, Severity};

use super::escape::{self, plain};
use super::{Style, words};
use crate::{CheckReport, CheckResult, Moment, Status};

/// Columns of the status, with the space behind it.
const STATUS: usize = 10;

/// The report, a line a subject, with what is worth acting on below it.
pub fn text(report: &CheckReport, style: &Style) -> String {
    let now = words::now(report);
    let mut out = String::new();
    for result in &report.results {
        subject(&mut out, result, now, style);
    }
    let paint = |text: &str| painted(style, report.overall, text);
    let mut last = format!("{}: {}", paint(report.overall.as_str()), words::counts(report));
    match words::passed(report) {
        0 => {}
        1 => last.push_str("; 1 check passed"),
        number => {
            let _ = write!(last, "; {number} checks passed");
        }
    }
    if let Some(moment) = report.judged_as_of {
        let _ = write!(last, "; judged as of {}", Moment::from(moment));
    }
    if !report.ignored.is_empty() {
        let codes: Vec<&str> = report.ignored.iter().map(String::as_str).collect();
        let _ = write!(last, "; ignored: {}", plain(&codes.join(", ")));
    }
    out.push_str(&last);
    out.push('\n');
    out
}

/// The one line of a run that only speaks up when something is not in order. It has no newline; empty where all is well.
pub fn line(report: &CheckReport, style: &Style) -> String {
    /// More is cut: mails and logs show a line.
    const LONGEST: usize = 1000;
    if report.overall == Status::Ok {
        return String::new();
    }
    format!("{} {}: {}", plain(&style.program), report.overall.as_str(), words::headline(report, LONGEST))
}

fn subject(out: &mut String, result: &CheckResult, now: Moment, style: &Style) {
    let status = format!("{:STATUS$}", result.status.as_str());
    let name = plain(&result.subject.name);
    let _ = write!(out, "{}{}", painted(style, result.status, &status), bold(style, &name));
    let mut column = STATUS.saturating_add(name.chars().count());
    if let Some(certificate) = words::main(result) {
        let time = words::remaining(certificate, now);
        // As many names as there is room for; at least one.
        let room = |column: usize, names: &str| {
            let gaps = 4_usize;
            column
                .saturating_add(names.chars().count())
                .saturating_add(time.chars().count())
                .saturating_add(gaps)
                <= style.width
        };
        let most = [3, 2, 1].into_iter().find(|most| room(column, &words::names(&certificate.names, *most)));
        let names = words::names(&certificate.names, most.unwrap_or(1));
        if most.is_none() {
            let _ = write!(out, "\n{:STATUS$}", "");
            column = STATUS;
            if room(column, &names) {
                let _ = write!(out, "{names}  {time}");
            } else {
                let names = escape::cut(&names, style.width.saturating_sub(STATUS).max(20));
                let _ = write!(out, "{names}\n{:STATUS$}{time}", "");
            }
        } else {
            let _ = write!(out, "  {names}  {time}");
        }
    }
    out.push('\n');
    // Where nothing was looked at at all, the reason is what to act on.
    let is_skipped = result.findings.iter().all(|finding| finding.severity == Severity::Skipped);
    for finding in &result.findings {
        if finding.severity != Severity::Ok || style.verbose {
            write_finding(out, finding, is_skipped, style);
        }
    }
    if result.findings.is_empty() && result.status != Status::Ok {
        let _ = writeln!(out, "  there is nothing that could be judged");
    }
}

fn write_finding(out: &mut String, finding: &Finding, is_hinted: bool, style: &Style) {
    let word = words::severity(finding.severity);
    let head = format!("{word}[{}]:", plain(&finding.code));
    let paint = |text: &str| painted(style, Status::of(finding.severity), text);
    let message = wrapped(&format!("{head} {}", escape::lines(&finding.message)), 2, 4, style.width);
    // Painted after it was measured.
    let message = match message.strip_prefix(&head) {
        Some(rest) if finding.severity >= Severity::Warning => format!("{}{rest}", paint(&head)),
        _ => message,
    };
    let _ = writeln!(out, "  {message}");
    if let Some(evidence) = &finding.evidence
        && finding.severity != Severity::Skipped
        && !finding.message.contains(evidence.as_str())
    {
        let evidence = escape::lines(evidence);
        let _ = writeln!(out, "    seen: {}", wrapped(&evidence, 10, 10, style.width));
    }
    let is_to_act_on = finding.severity >= Severity::Warning;
    if let Some(hint) = finding.hint.as_ref().filter(|_| is_to_act_on || is_hinted || style.verbose) {
        let hint = wrapped(&escape::lines(hint), 10, 10, style.width);
        let _ = writeln!(out, "    {} {hint}", bold(style, "help:"));
    }
    if let Some(doc) = finding.doc.as_ref().filter(|_| is_to_act_on || style.verbose) {
        let _ = writeln!(out, "    see: {}", plain(doc));
    }
    if is_to_act_on {
        let _ = writeln!(out, "    docs: {} explain {}", plain(&style.program), plain(&finding.code));
    }
}

/// Broken between words, so that no line is wider than there are columns, unless a word is. A command in backticks
/// stays whole, so that it can be copied.
fn wrapped(text: &str, first: usize, indent: usize, width: usize) -> String {
    let mut out = String::new();
    for (index, line) in text.split('\n').enumerate() {
        if index > 0 {
            let _ = write!(out, "\n{:indent$}", "");
        }
        let mut column = if index == 0 { first } else { indent };
        let mut is_begin = true;
        for word in pieces(line) {
            let length = word.chars().count();
            if !is_begin && column.saturating_add(length).saturating_add(1) > width {
                let _ = write!(out, "\n{:indent$}", "");
                column = indent;
            } else if !is_begin {
                out.push(' ');
                column = column.saturating_add(1);
            }
            out.push_str(word);
            column = column.saturating_add(length);
            is_begin = false;
        }
    }
    out
}

/// The words of a line; what stands in backticks is one.
fn pieces(line: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let (mut start, mut is_quoted) = (0_usize, false);
    for (at, c) in line.char_indices() {
        match c {
            '`' => is_quoted = !is_quoted,
            ' ' if !is_quoted => {
                pieces.extend(line.get(start..at).filter(|word| !word.is_empty()));
                start = at.saturating_add(1);
            }
            _ => {}
        }
    }
    pieces.extend(line.get(start..).filter(|word| !word.is_empty()));
    pieces
}

fn painted(style: &Style, status: Status, text: &str) -> String {
    let code = match status {
        Status::Ok => "32",
        Status::Warning => "33",
        Status::Unknown => "35",
        Status::Critical => "1;31",
    };
    paint(style, code, text)
}

fn bold(style: &Style, text: &str) -> String {
    paint(style, "1", text)
}

fn paint(style: &Style, code: &str, text: &str) -> String {
    if style.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words_but_not_in_commands() {
        assert_eq!(wrapped("one two `three four` five", 0, 2, 12), "one two\n  `three four`\n  five");
        assert_eq!(wrapped("one\n  two", 4, 2, 80), "one\n  two");
        assert_eq!(wrapped("", 0, 2, 12), "");
    }
}
