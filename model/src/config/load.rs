//! Loads a configuration: gathers the layers, parses them, and says everything that is wrong at once.

use std::collections::BTreeMap;

use super::{
    Config, Mode, Setting, SourceText, ValidationResult,
    fields::Fields,
    layers::{self, Found},
    node::{Node, Notation},
    parse,
    problem::{Origin, Problem},
};

/// Where settings come from, from the weakest to the strongest.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    /// The configuration file, where there is one.
    pub file: Option<SourceText<'a>>,
    /// The environment of the process; only names that are known are looked at.
    pub environment: &'a BTreeMap<String, String>,
    /// Path of a key → its text, from `--set` and the flags that stand for one key.
    pub flags: &'a BTreeMap<String, String>,
    /// The mode that was asked for on the command line; wins over every other source.
    pub mode: Option<Mode>,
}

/// What came out.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The configuration; none where any problem is an error.
    pub config: Option<Config>,
    /// Every problem: errors before warnings, each in the order of the file.
    pub problems: Vec<Problem>,
    /// The values that are well-formed, each with the source that won, in the order of the schema. Nothing secret is
    /// ever among them.
    pub settings: Vec<Setting>,
}

/// Loads a configuration from all its sources.
pub fn load(inputs: &Inputs<'_>) -> Loaded {
    let mut layers = layers::gather(inputs);
    if let Some(mode) = inputs.mode {
        let node = Node::scalar(mode.name(), Notation::Loose);
        layers.found.insert("mode", Found { node, origin: Origin::Flag });
    }
    if layers.unreadable {
        // What the file would have said is not known, so nothing can be called missing.
        return Loaded { config: None, problems: sorted(layers.problems), settings: Vec::new() };
    }
    let mut fields = Fields::new(layers, true);
    let config = parse::config(&mut fields);
    let problems = sorted(fields.problems);
    let is_valid = !problems.iter().any(Problem::is_error);
    Loaded { config: config.filter(|_| is_valid), problems, settings: fields.settings }
}

/// Errors first, then by place; what has no place keeps its order behind what has one.
fn sorted(mut problems: Vec<Problem>) -> Vec<Problem> {
    problems.sort_by_key(|problem| {
        (!problem.is_error(), problem.span.is_none(), problem.span.map_or(0, |span| span.start))
    });
    problems
}

impl Loaded {
    /// The outcome in the shape that `--validate-only --format json` prints.
    pub fn result(&self) -> ValidationResult {
        ValidationResult::new(&self.problems)
    }
}

impl Mode {
    /// The word for it in the file and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Production => "production",
            Self::Staging => "staging",
            Self::Rehearsal => "rehearsal",
        }
    }
}
