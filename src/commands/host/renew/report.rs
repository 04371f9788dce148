//! What came of a renewal, for people and for programs.

use std::fmt::Write as _;

use model::Severity;
use renewal::pair::Leaf;
use renewal::run::{Outcome, Report};
use serde_json::{Value, json};

/// Version of the JSON form. A field may be added without raising it.
const SCHEMA_VERSION: u32 = 1;

/// For people.
pub(super) fn text(report: &Report) -> String {
    let mut out = format!("certificate: {}\n", report.outcome);
    if let Some(leaf) = report.live.as_ref().filter(|_| !matches!(report.outcome, Outcome::Renewed { .. })) {
        let _ = writeln!(out, "live: {leaf}");
    }
    for finding in &report.findings {
        let word = match finding.severity {
            Severity::Ok | Severity::Info | Severity::Skipped => "note",
            Severity::Warning | Severity::Unknown => "warning",
            Severity::Error => "error",
        };
        let _ = writeln!(out, "{word}[{}]: {}", finding.code, finding.message);
        for line in [&finding.evidence, &finding.hint].into_iter().flatten() {
            let _ = writeln!(out, "  {line}");
        }
    }
    out
}

/// For programs.
pub(super) fn json(report: &Report) -> Value {
    let (word, reason, due) = match &report.outcome {
        Outcome::Renewed { reason, .. } => ("renewed", reason.map(|reason| reason.to_string()), None),
        Outcome::Due(reason) => ("due", reason.map(|reason| reason.to_string()), None),
        Outcome::Fresh { due, .. } => ("fresh", None, *due),
        Outcome::Waiting { reason, until } => ("waiting", Some(reason.to_string()), Some(*until)),
        Outcome::Failed => ("failed", None, None),
    };
    json!({
        "schema_version": SCHEMA_VERSION,
        "outcome": word,
        "reason": reason,
        "next": due,
        "certificate": report.live.as_deref().map(certificate),
        "findings": report.findings,
    })
}

fn certificate(leaf: &Leaf) -> Value {
    json!({
        "names": leaf.names,
        "serial": leaf.serial,
        "issuer": leaf.issuer,
        "not_before": leaf.not_before,
        "not_after": leaf.not_after,
        "is_placeholder": leaf.is_placeholder,
    })
}
