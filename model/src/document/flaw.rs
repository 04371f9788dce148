//! Why a text is not the value that was wanted, before anybody knows where it stands.

use super::{
    codes,
    problem::{Place, Problem},
};
use crate::ids::InvalidId;

/// What a grammar has to say about a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// The stable code.
    pub code: &'static str,
    /// What is wrong, as a lower-case fragment.
    pub message: String,
    /// What would have been accepted.
    pub example: Option<String>,
    /// What to write instead.
    pub suggestion: Option<String>,
}

impl Flaw {
    /// A flaw with neither example nor suggestion.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), example: None, suggestion: None }
    }

    /// The same flaw with what would have been accepted.
    #[must_use]
    pub fn example(mut self, example: impl Into<String>) -> Self {
        self.example = Some(example.into());
        self
    }

    /// The same flaw with what to write instead.
    #[must_use]
    pub fn suggestion(mut self, suggestion: impl Into<String>) -> Self {
        self.suggestion = Some(suggestion.into());
        self
    }

    /// The problem that it is at this place.
    pub fn at(self, place: &Place) -> Problem {
        let Self { code, message, example, suggestion } = self;
        Problem { example, suggestion, ..Problem::error(code, place, message) }
    }
}

impl From<InvalidId> for Flaw {
    fn from(error: InvalidId) -> Self {
        Self::new(codes::INVALID_IDENTIFIER, error.rule).example(error.example)
    }
}

/// A text as it is shown in a message: in quotes, short, on one line.
pub fn shown(text: &str) -> String {
    const LONGEST: usize = 72;
    let clean = |c: char| if c.is_control() { '\u{FFFD}' } else { c };
    let mut short: String = text.chars().take(LONGEST).map(clean).collect();
    if text.chars().nth(LONGEST).is_some() {
        short.push('…');
    }
    format!("`{short}`")
}
