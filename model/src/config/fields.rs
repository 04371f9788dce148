//! Takes typed values out of the layers, noting every problem instead of stopping at the first.
//!
//! Each method returns nothing where a problem was noted, so that the caller can go on with the other keys.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::json;

use super::{
    Mode, codes,
    keys::{self, Fallback, Kind},
    layers::{Found, Layers},
    node::{Node, Notation, Scalar, Type, Value},
    problem::{Origin, Place, Problem},
    suggest, yaml,
};
use crate::Severity;
pub(crate) use crate::document::{Flaw, shown};

/// One key with its value and the source that decided it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Setting {
    /// Path of the key.
    pub path: &'static str,
    /// The value as JSON.
    pub value: serde_json::Value,
    /// Which source won.
    pub origin: Origin,
}

/// An item of a list with its place.
pub(crate) struct Item<T> {
    pub(crate) value: T,
    pub(crate) place: Place,
}

/// The layers while they are being read.
pub(crate) struct Fields {
    found: BTreeMap<&'static str, Found>,
    pub(crate) problems: Vec<Problem>,
    pub(crate) settings: Vec<Setting>,
    pub(crate) has_file: bool,
    pub(crate) has_gateway: bool,
    /// Whether risky settings are judged; not so when reading back what was judged before.
    pub(crate) judges: bool,
    /// How strictly.
    pub(crate) mode: Mode,
}

impl Fields {
    pub(crate) fn new(layers: Layers, judges: bool) -> Self {
        Self {
            found: layers.found,
            problems: layers.problems,
            settings: Vec::new(),
            has_file: layers.has_file,
            has_gateway: layers.has_gateway,
            judges,
            mode: Mode::Production,
        }
    }

    /// Severity of a risk: an error in production only.
    pub(crate) fn risk(&self) -> Severity {
        if self.mode == Mode::Production { Severity::Error } else { Severity::Warning }
    }

    pub(crate) fn report(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    /// Notes something about a value that is well-formed.
    pub(crate) fn judge(&mut self, problem: impl FnOnce(&Self) -> Problem) {
        if self.judges {
            let problem = problem(self);
            self.problems.push(problem);
        }
    }

    /// Notes a value for `config show`.
    pub(crate) fn record(&mut self, path: &'static str, value: serde_json::Value) {
        let origin = self.place(path).origin;
        self.settings.push(Setting { path, value, origin });
    }

    /// Where the value of a key comes from.
    pub(crate) fn place(&self, path: &'static str) -> Place {
        let (origin, span) = match self.found.get(path) {
            Some(found) => (found.origin.clone(), found.node.span),
            None => (default_origin(path), None),
        };
        Place { path: path.to_owned(), origin, span }
    }

    /// Whether a source other than the default gives a value.
    pub(crate) fn is_given(&self, path: &str) -> bool {
        !self.is_missing(path)
    }

    /// Takes a value out, or its default.
    fn take(&mut self, path: &'static str) -> (Node, Place) {
        let place = self.place(path);
        let node = match self.found.get_mut(path) {
            Some(found) => {
                std::mem::replace(&mut found.node, Node { value: Value::Reported, span: place.span })
            }
            None => default_node(path),
        };
        (node, place)
    }

    /// Takes out a value that must be there.
    fn value(&mut self, path: &'static str) -> Option<(Node, Place)> {
        if keys::find(path).is_some_and(|key| key.fallback == Fallback::Required) && self.is_missing(path) {
            self.missing(path);
            return None;
        }
        let (node, place) = self.take(path);
        if node.is_null() {
            self.null(path, &place);
            return None;
        }
        Some((node, place))
    }

    /// Whether no source says anything, not even something wrong.
    fn is_missing(&self, path: &str) -> bool {
        self.found.get(path).is_none_or(|found| found.node.is_null())
    }

    /// A text that may be absent. A key without a value is recorded as null.
    #[expect(
        clippy::option_option,
        reason = "the outer says whether it is well-formed, the inner whether it is given"
    )]
    pub(crate) fn optional<T>(
        &mut self,
        path: &'static str,
        parse: impl FnOnce(&str) -> Result<T, Flaw>,
    ) -> Option<Option<T>> {
        let (node, place) = self.take(path);
        if node.is_null() {
            self.record(path, serde_json::Value::Null);
            return Some(None);
        }
        let text = self.text_of(node, &place, path)?;
        let value = self.parsed(&text, &place, parse)?;
        self.record(path, json!(text));
        Some(Some(value))
    }

    /// A text that must be there.
    pub(crate) fn text<T>(
        &mut self,
        path: &'static str,
        parse: impl FnOnce(&str) -> Result<T, Flaw>,
    ) -> Option<T> {
        let (node, place) = self.value(path)?;
        let text = self.text_of(node, &place, path)?;
        let value = self.parsed(&text, &place, parse)?;
        self.record(path, json!(text));
        Some(value)
    }

    /// One of the words that the table lists for this key.
    pub(crate) fn choice<T: Copy>(&mut self, path: &'static str, choices: &[(&'static str, T)]) -> Option<T> {
        self.text(path, |text| {
            choices.iter().find(|(name, _)| *name == text).map(|(_, value)| *value).ok_or_else(|| {
                let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
                let flaw = Flaw::new(
                    codes::NOT_A_CHOICE,
                    format!("{} is none of {}", shown(text), names.join(", ")),
                );
                match suggest::nearest(text, names.iter().copied()) {
                    Some(nearest) => flaw.suggestion(format!("did you mean `{nearest}`?")),
                    None => flaw.example(names.first().copied().unwrap_or_default()),
                }
            })
        })
    }

    /// A whole number within the bounds that the table gives for this key.
    pub(crate) fn number(&mut self, path: &'static str) -> Option<u64> {
        let (node, place) = self.value(path)?;
        let (min, max) = match keys::find(path).map(|key| key.kind) {
            Some(Kind::Integer { min, max }) => (min, max),
            _ => (0, u64::MAX),
        };
        let number = self.number_of(&node, &place, min, max)?;
        self.record(path, json!(number));
        Some(number)
    }

    /// A whole number as [`Fields::number`], which may be absent. A key without a value is recorded as null.
    #[expect(
        clippy::option_option,
        reason = "the outer says whether it is well-formed, the inner whether it is given"
    )]
    pub(crate) fn optional_number(&mut self, path: &'static str) -> Option<Option<u64>> {
        if self.is_missing(path) {
            self.record(path, serde_json::Value::Null);
            return Some(None);
        }
        self.number(path).map(Some)
    }

    /// A number between two bounds.
    pub(crate) fn number_of(&mut self, node: &Node, place: &Place, min: u64, max: u64) -> Option<u64> {
        let scalar = match &node.value {
            Value::Scalar(scalar) => scalar,
            Value::Reported => return None,
            _ => return self.wrong_type(node, place, "a whole number", &min.to_string()),
        };
        let text = scalar.text.strip_prefix('+').unwrap_or(&scalar.text);
        let decimal = {
            let digits = text.strip_prefix('-').unwrap_or(text);
            !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
        };
        if !decimal || scalar.notation == Notation::Quoted {
            let problem = Problem::error(
                codes::WRONG_TYPE,
                place,
                format!("wants a whole number, found {}", node.describe()),
            );
            self.report(if decimal {
                problem.suggestion(format!("write it without quotes: {text}"))
            } else {
                problem.example(min.max(1).to_string())
            });
            return None;
        }
        match text.parse::<u64>() {
            Ok(number) if (min..=max).contains(&number) => Some(number),
            _ => {
                let message = format!("{} is not between {min} and {max}", shown(text));
                self.report(Problem::error(codes::OUT_OF_RANGE, place, message));
                None
            }
        }
    }

    /// The items of a list that are well-formed, and whether all of them were.
    pub(crate) fn list<T>(
        &mut self,
        path: &'static str,
        mut parse: impl FnMut(&mut Self, Node, &Place) -> Option<T>,
    ) -> Option<(Vec<Item<T>>, bool)> {
        let (node, place) = self.take(path);
        let example = keys::find(path).map_or("[]", |key| key.example);
        let items = match node.value {
            Value::List(items) => items,
            Value::Reported => return None,
            Value::Scalar(_) if node.is_null() => {
                self.null(path, &place);
                return None;
            }
            _ => return self.wrong_type(&node, &place, "a list", example),
        };
        let count = items.len();
        let mut parsed = Vec::with_capacity(count);
        for (index, item) in items.into_iter().enumerate() {
            let place = place.child(format!("{path}[{index}]"), item.span);
            if let Some(value) = parse(self, item, &place) {
                parsed.push(Item { value, place });
            }
        }
        let complete = parsed.len() == count;
        Some((parsed, complete))
    }

    /// The entries of a mapping with free names.
    pub(crate) fn entries(&mut self, path: &'static str) -> Option<Vec<super::node::Entry>> {
        let (node, place) = self.take(path);
        match node.value {
            Value::Mapping(entries) => Some(entries),
            Value::Reported => None,
            Value::Scalar(_) if node.is_null() => {
                self.null(path, &place);
                None
            }
            _ => {
                let example = keys::find(path).map_or("{}", |key| key.example);
                self.wrong_type(&node, &place, "a mapping", example)
            }
        }
    }

    /// The text of a scalar that must be text.
    pub(crate) fn text_of(&mut self, node: Node, place: &Place, path: &str) -> Option<String> {
        let example = keys::find(path).map_or("", |key| key.example);
        match node.value {
            Value::Scalar(Scalar { ref text, .. }) => {
                let kind = match &node.value {
                    Value::Scalar(scalar) => scalar.kind(),
                    _ => Type::Null,
                };
                match kind {
                    Type::Text => {}
                    Type::Null => return self.wrong_type(&node, place, "text", example),
                    Type::Boolean | Type::Integer | Type::Number => {
                        let message = format!("wants text, found {}", node.describe());
                        self.report(
                            Problem::error(codes::WRONG_TYPE, place, message)
                                .suggestion(format!("put it into quotes: \"{text}\"")),
                        );
                        return None;
                    }
                }
            }
            Value::Reported => return None,
            _ => return self.wrong_type(&node, place, "text", example),
        }
        match node.value {
            Value::Scalar(scalar) => Some(scalar.text),
            _ => None,
        }
    }

    /// Applies a grammar.
    pub(crate) fn parsed<T>(
        &mut self,
        text: &str,
        place: &Place,
        parse: impl FnOnce(&str) -> Result<T, Flaw>,
    ) -> Option<T> {
        match parse(text) {
            Ok(value) => Some(value),
            Err(flaw) => {
                let flaw = match flaw.code {
                    codes::INVALID_IDENTIFIER => {
                        Flaw { message: format!("{} {}", shown(text), flaw.message), ..flaw }
                    }
                    _ => flaw,
                };
                self.report(flaw.at(place));
                None
            }
        }
    }

    fn wrong_type<T>(&mut self, node: &Node, place: &Place, wanted: &str, example: &str) -> Option<T> {
        let message = format!("wants {wanted}, found {}", node.describe());
        self.report(Problem::error(codes::WRONG_TYPE, place, message).example(example));
        None
    }

    /// A key that is there without a value although null means nothing for it.
    fn null(&mut self, path: &'static str, place: &Place) {
        let problem = Problem::error(codes::WRONG_TYPE, place, "there is no value");
        let key = keys::find(path);
        self.report(match key.map(|key| key.fallback) {
            Some(Fallback::Value { yaml, .. }) => {
                problem.suggestion(format!("give one, or remove the key for the default {yaml}"))
            }
            _ => problem.example(key.map_or("", |key| key.example)),
        });
    }

    /// A required key that no source gives, with every way to give it.
    fn missing(&mut self, path: &'static str) {
        let Some(key) = keys::find(path) else { return };
        let place = Place {
            path: path.to_owned(),
            origin: Origin::Default { reason: "nothing gives it" },
            span: None,
        };
        let flag = if path == "aws.region" {
            "--region REGION".to_owned()
        } else {
            format!("--set {path}={}", key.example)
        };
        let variables: Vec<String> = key
            .variable()
            .into_iter()
            .chain(key.fallback_variables().iter().map(|name| (*name).to_owned()))
            .collect();
        let suggestion =
            format!("give `{path}` in the file, {flag}, or the variable {}", variables.join(" or "));
        self.report(
            Problem::error(codes::REQUIRED, &place, "this is required")
                .suggestion(suggestion)
                .example(key.example),
        );
    }

    /// Warns about keys that say something which nothing asks for.
    pub(crate) fn without_effect(&mut self, paths: &[&'static str], why: &str) {
        for path in paths {
            let Some(key) = keys::find(path) else { continue };
            let is_default = match (key.fallback, self.found.get(path).map(|found| &found.node.value)) {
                (Fallback::Value { yaml, .. }, Some(Value::Scalar(scalar))) => scalar.text == yaml,
                _ => false,
            };
            if self.is_given(path) && !is_default {
                let place = self.place(path);
                self.judge(|_| {
                    Problem::warning(codes::NO_EFFECT, &place, format!("this has no effect {why}"))
                        .suggestion("remove it, or change what makes it ineffective")
                });
            }
        }
    }
}

fn default_origin(path: &str) -> Origin {
    let reason = match keys::find(path).map(|key| key.fallback) {
        Some(Fallback::Value { reason, .. }) => reason,
        Some(Fallback::Nothing(meaning)) => meaning,
        Some(Fallback::Derived(rule)) => rule,
        Some(Fallback::Required) | None => "nothing gives it",
    };
    Origin::Default { reason }
}

/// The default as it would be read from the file.
pub(crate) fn default_node(path: &str) -> Node {
    match keys::find(path).map(|key| key.fallback) {
        Some(Fallback::Value { yaml, .. }) => {
            let read = yaml::read(yaml.as_bytes());
            let root = read.root.unwrap_or_else(Node::null);
            // Defaults have no place; the types stay as they were read.
            strip_places(root)
        }
        _ => Node::null(),
    }
}

fn strip_places(node: Node) -> Node {
    let value = match node.value {
        Value::List(items) => Value::List(items.into_iter().map(strip_places).collect()),
        Value::Mapping(entries) => Value::Mapping(
            entries
                .into_iter()
                .map(|entry| super::node::Entry { key_span: None, value: strip_places(entry.value), ..entry })
                .collect(),
        ),
        other => other,
    };
    Node { value, span: None }
}
