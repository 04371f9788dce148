//! A plan as a person reads it.

use std::fmt::Write as _;

use jiff::Timestamp;
use model::plan::{Change, Plan, PlannedStep};
use model::{Config, Finding, Severity};
use serde_json::Value;

use crate::price_text::cost;

/// The plan and what it costs, with colours where wanted; everything can be read without them.
pub(crate) fn plan_text(plan: &Plan, config: &Config, now: Timestamp, colour: bool) -> String {
    let mut out = String::new();
    let _ = writeln!(
        out,
        "Plan for {} ({}, account {}, {})\n",
        plan.deployment_id,
        plan.mode.name(),
        plan.account_id,
        plan.region
    );
    for step in &plan.steps {
        write_step(&mut out, step, colour);
    }
    let _ = writeln!(out, "\n{}", summary(plan));
    for finding in &plan.findings {
        let _ = writeln!(out, "{}", finding_text(finding));
    }
    let _ = write!(out, "\n{}", cost(plan, config, now).text());
    out
}

fn write_step(out: &mut String, step: &PlannedStep, colour: bool) {
    let (mark, ansi) = match step.change {
        Change::Create => ("+", "32"),
        Change::Update { .. } => ("~", "33"),
        Change::Replace { .. } => ("-/+", "31"),
        Change::Delete { .. } => ("-", "31"),
        Change::Adopt { .. } => ("=", "36"),
        Change::Keep { .. } => ("", "2"),
        Change::Check => ("?", "36"),
    };
    let way = if step.way.is_automatic() { "" } else { "  (by hand, in the Console)" };
    let line = format!("{mark:>3} {:<8} {:<24} {}{way}", step.change.verb(), step.id.title(), step.name);
    let line = line.trim_end();
    let _ = if colour { writeln!(out, "\x1b[{ansi}m{line}\x1b[0m") } else { writeln!(out, "{line}") };
    for diff in step.change.diffs() {
        let _ = writeln!(out, "      {}: {} -> {}", diff.field, value(&diff.have), value(&diff.want));
    }
    if step.change.is_pending()
        && let Some(irreversible) = &step.irreversible
    {
        let _ = writeln!(out, "      cannot be taken back: {irreversible}");
    }
}

fn value(value: &Value) -> String {
    match value {
        Value::Null => "(none)".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// How much there is to do, in one line.
pub(crate) fn summary(plan: &Plan) -> String {
    let verbs = ["create", "update", "replace", "delete", "adopt", "check", "keep"];
    let counts: Vec<String> = verbs
        .iter()
        .filter_map(|verb| {
            let count = plan.steps.iter().filter(|step| step.change.verb() == *verb).count();
            (count > 0).then(|| format!("{count} to {verb}"))
        })
        .collect();
    counts.join(", ")
}

/// A finding with its code and its advice.
pub(crate) fn finding_text(finding: &Finding) -> String {
    let word = match finding.severity {
        Severity::Ok => "ok",
        Severity::Info => "note",
        Severity::Skipped => "skipped",
        Severity::Warning => "warning",
        Severity::Unknown => "unknown",
        Severity::Error => "error",
    };
    let mut text = format!("{word}[{}]: {}", finding.code, finding.message);
    if let Some(hint) = &finding.hint {
        let _ = write!(text, "\n  help: {}", hint.replace('\n', "\n        "));
    }
    text
}
