//! JSON: the report as it is. Its form is in `docs/check-report.schema.json`.

use std::fmt::Write as _;

use super::escape::is_control;
use crate::CheckReport;

/// The report as a JSON document with a newline at its end.
pub fn json(report: &CheckReport) -> String {
    // A report has neither maps with other keys than text nor numbers that JSON lacks, so it can always be written.
    let text = serde_json::to_string_pretty(report).unwrap_or_default();
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        // Characters that JSON allows in strings, and terminals should not see. Outside of strings there are none.
        if is_control(c) && c != '\n' {
            let _ = write!(out, "\\u{:04x}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out.push('\n');
    out
}
