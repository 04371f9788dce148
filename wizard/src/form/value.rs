//! The values of answers: what a text stands for, and the text that stands for a value.

use std::sync::LazyLock;

use model::config::{Fallback, KEYS, Key, Kind};
use model::document::{self, Node, Type, Value};

use super::yaml::{self, Wants};

/// Whether a key takes numbers.
pub(super) fn wants(kind: Kind) -> Wants {
    match kind {
        Kind::Integer { .. } | Kind::Ports | Kind::Version => Wants::Numbers,
        _ => Wants::Texts,
    }
}

/// The text that stands for a value of the file, as in [`super::Answers`]; none where the value has not the shape that
/// the key wants, so that no text stands for it.
pub(super) fn text_of(key: &Key, node: &Node) -> Option<String> {
    match (key.kind, &node.value) {
        (_, Value::Scalar(scalar)) if scalar.kind() == Type::Null => Some(String::new()),
        (Kind::Cidrs | Kind::Ports | Kind::Texts(_), Value::List(items)) => Some(
            joined(items.iter().map(|item| item_text(item).map(str::to_owned)))
                .filter(|text| !text.trim_start().starts_with('['))
                .unwrap_or_else(|| yaml::value(node, wants(key.kind))),
        ),
        (Kind::Models, Value::Mapping(entries)) => Some(
            joined(entries.iter().map(|entry| {
                let is_name = !entry.key.contains('=') && entry.key.trim() == entry.key;
                let model = item_text(&entry.value)?;
                is_name.then(|| format!("{}={model}", entry.key))
            }))
            .filter(|text| !text.trim_start().starts_with('{'))
            .unwrap_or_else(|| yaml::value(node, wants(key.kind))),
        ),
        (Kind::Models, _) | (_, Value::List(_) | Value::Mapping(_) | Value::Reported) => None,
        (_, Value::Scalar(scalar)) => Some(scalar.text.clone()),
    }
}

/// Items with commas between them; none where one of them would not come back as it is.
fn joined(items: impl Iterator<Item = Option<String>>) -> Option<String> {
    items.collect::<Option<Vec<String>>>().map(|items| items.join(","))
}

fn item_text(item: &Node) -> Option<&str> {
    match &item.value {
        Value::Scalar(scalar) => {
            let text = scalar.text.as_str();
            let comes_back = !text.is_empty() && text.trim() == text && !text.contains(',');
            comes_back.then_some(text)
        }
        _ => None,
    }
}

/// What the product recommends: key, answer, reason.
pub(crate) static PRODUCT_DEFAULTS: LazyLock<Vec<(&'static str, String, &'static str)>> =
    LazyLock::new(|| {
        let default = |key: &'static Key| {
            let Fallback::Value { yaml, reason } = key.fallback else { return None };
            let node = document::read(yaml.as_bytes()).root?;
            Some((key.path, text_of(key, &node)?, reason))
        };
        KEYS.iter().filter_map(default).collect()
    });
