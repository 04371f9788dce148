//! One line for Nagios, Icinga and what else runs monitoring plugins.
//!
//! <https://www.monitoring-plugins.org/doc/guidelines.html>: `SERVICE STATUS - text | 'label'=value;warn;crit`, exit 0
//! to 3, no newline or pipe in the text, and at most 4 kB.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::{Style, escape, words};
use crate::cert::judge::Policy;
use crate::{CheckReport, CheckResult, Status};

/// Longest line in bytes, its newline included: more is cut by some readers.
pub const LONGEST: usize = 4096;
/// Longest text before the performance data.
const LONGEST_TEXT: usize = 1500;

/// The exit code of a plugin.
pub const fn exit(status: Status) -> u8 {
    match status {
        Status::Ok => 0,
        Status::Warning => 1,
        Status::Critical => 2,
        Status::Unknown => 3,
    }
}

/// The line, with its newline.
pub fn nagios(report: &CheckReport, style: &Style) -> String {
    let word = report.overall.as_str().to_ascii_uppercase();
    let mut headline = words::headline(report, LONGEST_TEXT);
    if let Some(moment) = report.judged_as_of {
        let _ = write!(headline, ", judged as of {}", crate::Moment::from(moment));
    }
    if !report.ignored.is_empty() {
        let codes: Vec<&str> = report.ignored.iter().map(String::as_str).collect();
        let _ = write!(headline, ", ignored: {}", codes.join(" "));
    }
    let mut out = format!("SRE {word} - {}", harmless(&headline));
    let mut labels = BTreeSet::new();
    let mut separator = " | ";
    for result in words::by_urgency(report) {
        let Some(data) = performance(result, style, &mut labels) else { continue };
        // What does not fit is left out whole; half a value would be a wrong one.
        if out.len().saturating_add(separator.len()).saturating_add(data.len()) >= LONGEST {
            break;
        }
        out.push_str(separator);
        out.push_str(&data);
        separator = " ";
    }
    out.push('\n');
    out
}

/// The line of a run that came to no result.
pub fn refusal(message: &str) -> String {
    format!("SRE UNKNOWN - {}\n", escape::cut(&harmless(&escape::plain(message)), LONGEST_TEXT))
}

/// A pipe begins the performance data.
fn harmless(text: &str) -> String {
    text.replace('|', "/")
}

/// Seconds of life left, with the ranges that are no reason to worry: `s:` is "not less than s". Each label once.
fn performance(result: &CheckResult, style: &Style, labels: &mut BTreeSet<String>) -> Option<String> {
    let certificate = words::main(result)?;
    let label = escape::cut(&label(&result.subject.name), 200);
    if !labels.insert(label.clone()) {
        return None;
    }
    let value = certificate.remaining_seconds.map_or_else(|| "U".to_owned(), |seconds| format!("{seconds}s"));
    let range = |seconds: fn(&Policy, i64) -> i64| {
        let policy = style.policy.as_ref().zip(certificate.lifetime_seconds);
        policy.map_or_else(String::new, |(policy, lifetime)| format!("{}:", seconds(policy, lifetime)))
    };
    let (warn, critical) = (range(Policy::warn_seconds), range(Policy::critical_seconds));
    Some(format!("'{label}'={value};{warn};{critical}"))
}

/// A label has neither quotes nor equals signs, which the readers of performance data do not agree on.
fn label(name: &str) -> String {
    let name = harmless(&escape::plain(name));
    name.replace(['\'', '='], "_")
}
