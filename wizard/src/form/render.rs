//! From answers to a configuration: the file, and what is wrong with it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use model::config::{self, Config, Inputs, KEYS, Key, Kind, Problem, SourceText, VERSION};
use model::document::{Entry, Value};

use super::value::wants;
use super::{Answers, Defaults, GATEWAY, YES, is_relevant, yaml};

/// What the product says about the answers.
#[derive(Debug, Clone)]
pub struct Judgement {
    /// The configuration; none while any problem is an error.
    pub config: Option<Config>,
    /// Every problem, errors first, each with the path of its key.
    pub problems: Vec<Problem>,
}

impl Judgement {
    /// Nothing is wrong, as far as anybody has looked.
    pub fn none() -> Self {
        Self { config: None, problems: Vec::new() }
    }

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

/// The first line of what is written.
const HEADER: &str = "# Written by the guided setup of sre-agent-deploy.\n";

/// YAML allows a longer key only with a question mark in front of it.
const LONGEST_SIMPLE_KEY: usize = 128;

/// The configuration file that the answers make: every relevant key with what holds, in the order of the schema.
pub fn configuration(answers: &Answers, defaults: &Defaults) -> String {
    let mut out = String::from(HEADER);
    let mut open: Vec<&str> = Vec::new();
    for key in written(answers, defaults) {
        let parts: Vec<&str> = key.path.split('.').collect();
        let Some((name, sections)) = parts.split_last() else { continue };
        let shared = sections.iter().zip(&open).take_while(|(new, old)| new == old).count();
        for (depth, section) in sections.iter().enumerate().skip(shared) {
            line(&mut out, depth, &format!("{section}:"));
        }
        open = sections.to_vec();
        write_key(&mut out, key, name, sections.len(), answers.held(key.path, defaults));
    }
    out
}

/// The keys that are written, in the order of the schema.
fn written<'a>(answers: &'a Answers, defaults: &'a Defaults) -> impl Iterator<Item = &'static Key> + 'a {
    let wants_gateway = answers.held(GATEWAY, defaults) == YES;
    KEYS.iter()
        // Where there is a gateway, its section is written by the keys in it.
        .filter(move |key| key.kind != Kind::Section || !wants_gateway)
        .filter(|key| is_relevant(key.path, answers, defaults))
}

fn write_key(out: &mut String, key: &Key, name: &str, depth: usize, text: &str) {
    match key.kind {
        Kind::Version => return line(out, depth, &format!("{name}: {VERSION}")),
        Kind::Section => return line(out, depth, &format!("{name}: null")),
        _ => {}
    }
    let node = key.read(text);
    match &node.value {
        // One line for each entry, so that they can be edited apart.
        Value::Mapping(entries) if !entries.is_empty() => {
            line(out, depth, &format!("{name}:"));
            for entry in entries {
                write_entry(out, key, depth.saturating_add(1), entry);
            }
        }
        _ => line(out, depth, &format!("{name}: {}", yaml::value(&node, wants(key.kind)))),
    }
}

fn write_entry(out: &mut String, key: &Key, depth: usize, entry: &Entry) {
    let (name, value) = (yaml::text(&entry.key), yaml::value(&entry.value, wants(key.kind)));
    if name.len() > LONGEST_SIMPLE_KEY {
        line(out, depth, &format!("? {name}"));
        line(out, depth, &format!(": {value}"));
    } else {
        line(out, depth, &format!("{name}: {value}"));
    }
}

fn line(out: &mut String, depth: usize, text: &str) {
    // Writing into a string cannot fail.
    let _ = writeln!(out, "{:indent$}{text}", "", indent = depth.saturating_mul(2));
}

/// The same settings as flags: key of the configuration → text, as `--set` takes them.
pub fn flags(answers: &Answers, defaults: &Defaults) -> BTreeMap<String, String> {
    written(answers, defaults)
        .filter(|key| !matches!(key.kind, Kind::Version | Kind::Section))
        .map(|key| (key.path.to_owned(), answers.held(key.path, defaults).to_owned()))
        .collect()
}

/// Judges the answers as `--validate-only` judges the file they make: the same code, so never another verdict.
pub fn judge(answers: &Answers, defaults: &Defaults) -> Judgement {
    judge_text(&configuration(answers, defaults))
}

/// Judges a configuration file, and nothing beside it.
pub(super) fn judge_text(text: &str) -> Judgement {
    let file = SourceText { name: "answers", bytes: text.as_bytes() };
    // Whatever the environment says has become a default, which the file states.
    let (environment, flags) = (BTreeMap::new(), BTreeMap::new());
    let loaded =
        config::load(&Inputs { file: Some(file), environment: &environment, flags: &flags, mode: None });
    Judgement { config: loaded.config, problems: loaded.problems }
}
