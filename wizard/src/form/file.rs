//! From a configuration file back to answers, so that the questions can begin with what somebody wrote before.

use model::config::{Kind, Problem};
use model::document::{self, Node, Value};

use super::fields::key;
use super::render::judge_text;
use super::value::text_of;
use super::{Answers, Defaults, GATEWAY, NO, YES, is_relevant, judge};

/// The answers that a configuration file gives, and what is wrong in it that no question will show: what cannot be read,
/// unknown keys, values of another shape than the key's.
pub fn from_file(text: &str) -> (Answers, Vec<Problem>) {
    let mut answers = Answers::default();
    if let Some(root) = document::read(text.as_bytes()).root {
        add(&mut answers, "", &root);
    }
    let asked = judge(&answers, &Defaults::default()).problems;
    let is_asked_about = |problem: &Problem| {
        // A key that is missing will be asked for, and one that does not matter is left out.
        problem.code == document::codes::REQUIRED
            || !is_relevant(&problem.path, &answers, &Defaults::default())
            || asked.iter().any(|other| (other.code, &other.path) == (problem.code, &problem.path))
    };
    let mut problems = judge_text(text).problems;
    problems.retain(|problem| !is_asked_about(problem));
    (answers, problems)
}

/// Takes over what stands in a section; the root is the empty path.
fn add(answers: &mut Answers, section: &str, node: &Node) {
    let Value::Mapping(entries) = &node.value else { return };
    for entry in entries {
        let path = if section.is_empty() { entry.key.clone() } else { format!("{section}.{}", entry.key) };
        match key(&path) {
            Some(key) if key.kind == Kind::Version => {}
            Some(key) if key.kind == Kind::Section => {
                let is_wanted = matches!(entry.value.value, Value::Mapping(_));
                answers.set(GATEWAY, if is_wanted { YES } else { NO });
                add(answers, &path, &entry.value);
            }
            // Null is what no entry says, unless it stands against a default.
            Some(key) if entry.value.is_null() && (!key.nullable || is_derived(&path)) => {}
            Some(key) => {
                if let Some(text) = text_of(key, &entry.value) {
                    answers.set(&path, text);
                }
            }
            None => add(answers, &path, &entry.value),
        }
    }
}

fn is_derived(path: &str) -> bool {
    key(path).is_some_and(|key| matches!(key.fallback, model::config::Fallback::Derived(_)))
}
