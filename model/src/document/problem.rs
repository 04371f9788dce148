//! One problem of a configuration, and where the offending value came from.

use std::fmt;

use serde::Serialize;

use crate::Severity;

/// A place in the configuration file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Span {
    /// First byte, counted from the beginning of the file.
    pub start: usize,
    /// The byte after the last one.
    pub end: usize,
    /// Line of the first byte, from 1.
    pub line: usize,
    /// Column of the first byte in characters, from 1.
    pub column: usize,
}

/// Which source a value came from, from the strongest to the weakest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "source", rename_all = "lowercase")]
pub enum Origin {
    /// A flag of the command line.
    Flag,
    /// An environment variable.
    Environment {
        /// Its name.
        variable: String,
    },
    /// The configuration file.
    File {
        /// The line, from 1; 0 where the value was not read from text.
        line: usize,
    },
    /// Nobody said anything.
    Default {
        /// Why this value, or that there is none.
        reason: &'static str,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag => f.write_str("command line"),
            Self::Environment { variable } => write!(f, "environment variable {variable}"),
            Self::File { line } => write!(f, "line {line}"),
            Self::Default { reason } => write!(f, "default: {reason}"),
        }
    }
}

/// What is wrong with one value, or risky about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The stable code, one of [`CODES`](super::codes::CODES) or of the program that reads the file.
    pub code: &'static str,
    /// [`Severity::Error`] or [`Severity::Warning`].
    pub severity: Severity,
    /// Path of the key such as `network.https_cidrs[1]`; empty where the file as a whole is meant.
    pub path: String,
    /// What is wrong, as a lower-case fragment. Never holds a secret.
    pub message: String,
    /// What would have been accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub example: Option<String>,
    /// What to do or to write instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suggestion: Option<String>,
    /// Where the value came from.
    pub origin: Origin,
    /// The place in the file, for what came from the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub span: Option<Span>,
}

impl Problem {
    /// A problem with neither example nor suggestion.
    pub fn new(code: &'static str, severity: Severity, place: &Place, message: impl Into<String>) -> Self {
        Self {
            code,
            severity,
            path: place.path.clone(),
            message: message.into(),
            example: None,
            suggestion: None,
            origin: place.origin.clone(),
            span: place.span,
        }
    }

    /// An error with neither example nor suggestion.
    pub fn error(code: &'static str, place: &Place, message: impl Into<String>) -> Self {
        Self::new(code, Severity::Error, place, message)
    }

    /// A warning with neither example nor suggestion.
    pub fn warning(code: &'static str, place: &Place, message: impl Into<String>) -> Self {
        Self::new(code, Severity::Warning, place, message)
    }

    /// The same problem with what would have been accepted.
    #[must_use]
    pub fn example(mut self, example: impl Into<String>) -> Self {
        self.example = Some(example.into());
        self
    }

    /// The same problem with what to do instead.
    #[must_use]
    pub fn suggestion(mut self, suggestion: impl Into<String>) -> Self {
        self.suggestion = Some(suggestion.into());
        self
    }

    /// Whether no configuration can be had before this is repaired.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl fmt::Display for Problem {
    /// One line: code, path, message and place.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.code)?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)?;
        match (&self.origin, self.span) {
            (_, Some(span)) => write!(f, " (line {}, column {})", span.line, span.column),
            (Origin::Flag | Origin::Environment { .. }, None) => write!(f, " ({})", self.origin),
            (Origin::File { .. } | Origin::Default { .. }, None) => Ok(()),
        }
    }
}

/// A path with where its value came from; what a problem points at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Path of the key such as `network.https_cidrs[1]`.
    pub path: String,
    /// Which source the value came from.
    pub origin: Origin,
    /// Where it stands in the file.
    pub span: Option<Span>,
}

impl Place {
    /// The file as a whole, or a part of it that has no path.
    pub fn file(span: Option<Span>) -> Self {
        Self { path: String::new(), origin: Origin::File { line: span.map_or(0, |span| span.line) }, span }
    }

    /// An item of this list or an entry of this mapping.
    #[must_use]
    pub fn child(&self, path: String, span: Option<Span>) -> Self {
        let origin = match (&self.origin, span) {
            (Origin::File { .. }, Some(span)) => Origin::File { line: span.line },
            (origin, _) => origin.clone(),
        };
        Self { path, origin, span: span.or(self.span) }
    }
}
