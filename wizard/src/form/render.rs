//! From answers to a configuration: the file, and what is wrong with it.

use std::collections::BTreeMap;

use model::config::{self, Config, Inputs, Problem, SourceText};

use super::{Answers, Defaults};

/// What the product says about the answers.
#[derive(Debug, Clone)]
pub struct Judgement {
    /// The configuration; none while any problem is an error.
    pub config: Option<Config>,
    /// Every problem, errors first, each with the path of its key.
    pub problems: Vec<Problem>,
}

impl Judgement {
    /// The problems of a key and of what stands in it (`network.https_cidrs[1]`).
    pub fn of<'a>(&'a self, path: &'a str) -> impl Iterator<Item = &'a Problem> {
        self.problems.iter().filter(move |problem| {
            problem
                .path
                .strip_prefix(path)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['[', '.']))
        })
    }
}

/// The configuration file that the answers make: every relevant key with what holds, in the order of the schema.
pub fn configuration(answers: &Answers, defaults: &Defaults) -> String {
    let _ = (answers, defaults);
    String::new()
}

/// Judges the answers as `--validate-only` judges the file they make: the same code, so never another verdict.
pub fn judge(answers: &Answers, defaults: &Defaults) -> Judgement {
    let text = configuration(answers, defaults);
    let file = SourceText { name: "answers", bytes: text.as_bytes() };
    // Whatever the environment says has become a default, which the file states.
    let (environment, flags) = (BTreeMap::new(), BTreeMap::new());
    let loaded =
        config::load(&Inputs { file: Some(file), environment: &environment, flags: &flags, mode: None });
    Judgement { config: loaded.config, problems: loaded.problems }
}
