//! The outcome of a validation as data for scripts.

use std::collections::BTreeSet;

use serde::Serialize;

use super::problem::Problem;

/// Whether a configuration can be used, and what was said about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ValidationResult {
    /// Whether there is no error; warnings do not count.
    pub is_valid: bool,
    /// What must be repaired, one line each.
    pub errors: Vec<String>,
    /// What works but should be looked at, one line each.
    pub warnings: Vec<String>,
    /// What to do about both, one line each.
    pub suggestions: Vec<String>,
    /// Version of this shape.
    pub schema_version: u32,
    /// The same problems with code, path and place.
    pub problems: Vec<Problem>,
}

/// Version of the shape; raised when a field changes its meaning.
const SCHEMA_VERSION: u32 = 1;

impl ValidationResult {
    pub(crate) fn new(problems: &[Problem]) -> Self {
        let lines = |errors: bool| {
            problems
                .iter()
                .filter(|problem| problem.is_error() == errors)
                .map(ToString::to_string)
                .collect::<Vec<_>>()
        };
        let mut suggestions: Vec<String> = Vec::new();
        let mut seen = BTreeSet::new();
        for problem in problems {
            let advice = match (&problem.suggestion, &problem.example) {
                (Some(suggestion), _) => suggestion.clone(),
                (None, Some(example)) => format!("for example: {example}"),
                (None, None) => continue,
            };
            let line = if problem.path.is_empty() { advice } else { format!("{}: {advice}", problem.path) };
            if seen.insert(line.clone()) {
                suggestions.push(line);
            }
        }
        let errors = lines(true);
        Self {
            is_valid: errors.is_empty(),
            errors,
            warnings: lines(false),
            suggestions,
            schema_version: SCHEMA_VERSION,
            problems: problems.to_vec(),
        }
    }
}
