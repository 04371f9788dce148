//! The configuration as its users see it: text in, values or problems out.

mod diagnostics;
mod loading;
mod precedence;
mod projections;
#[expect(clippy::format_push_string, reason = "files are put together to be read, not to be fast")]
mod properties;
mod rules;

use std::collections::BTreeMap;

use super::{Inputs, Loaded, Mode, SourceText, load};

/// The sample of the documentation: everything is said, nothing is wrong.
const SAMPLE: &str = include_str!("sample.yaml");

/// The least that is a configuration.
const MINIMAL: &str = "version: 1\ndeployment: {id: abc, environment: staging}\naws: {region: us-east-1, account_id: \"123456789012\"}\n\
                       tls: {domain: api.corp.io, acme: {email: ops@corp.io}}\n";

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn load_with(text: &str, environment: &[(&str, &str)], flags: &[(&str, &str)], mode: Option<Mode>) -> Loaded {
    let (environment, flags) = (map(environment), map(flags));
    let file = SourceText { name: "config.yaml", bytes: text.as_bytes() };
    load(&Inputs { file: Some(file), environment: &environment, flags: &flags, mode })
}

fn load_text(text: &str) -> Loaded {
    load_with(text, &[], &[], None)
}

/// The minimal configuration with one more line at the top level, or lines in its place.
fn minimal_with(lines: &str) -> String {
    let top = lines.split(':').next().unwrap_or_default();
    let kept: Vec<&str> = MINIMAL.lines().filter(|line| !line.starts_with(&format!("{top}:"))).collect();
    format!("{}\n{lines}\n", kept.join("\n"))
}

/// Codes and paths of the problems.
fn problems(loaded: &Loaded) -> Vec<(&str, &str)> {
    loaded.problems.iter().map(|problem| (problem.code, problem.path.as_str())).collect()
}
