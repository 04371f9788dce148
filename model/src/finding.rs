//! One type for everything the tool has to say about the user's input, account or deployment.

use serde::{Deserialize, Serialize};

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Looked at and in order.
    Ok,
    /// Worth knowing, nothing to do.
    Info,
    /// Not looked at; the message says because of what.
    Skipped,
    /// Works, but somebody should act.
    Warning,
    /// Could not be judged; the message says why. Never to be taken for "in order".
    Unknown,
    /// Does not work, or must not be done.
    Error,
}

/// A statement with a stable code, what it is about, and what to do next.
///
/// Codes (`SRE-CONF-001`) are never reused; each has a page in `runbooks/`, printed by `explain CODE`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The stable code.
    pub code: String,
    /// How much it matters.
    pub severity: Severity,
    /// What it is about: a configuration path, a step, a resource id.
    pub subject: String,
    /// What was found, as one sentence.
    pub message: String,
    /// What was observed, if showing it helps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
    /// What to do next, with the exact command where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// A page that explains more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doc: Option<String>,
}

impl Finding {
    /// A finding with neither evidence, hint nor page.
    pub fn new(
        code: &str,
        severity: Severity,
        subject: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            code: code.to_owned(),
            severity,
            subject: subject.into(),
            message: message.into(),
            evidence: None,
            hint: None,
            doc: None,
        }
    }

    /// The same finding with what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same finding with what was observed.
    #[must_use]
    pub fn evidence(mut self, evidence: impl Into<String>) -> Self {
        self.evidence = Some(evidence.into());
        self
    }

    /// The same finding with a page that explains more.
    #[must_use]
    pub fn doc(mut self, url: impl Into<String>) -> Self {
        self.doc = Some(url.into());
        self
    }
}
