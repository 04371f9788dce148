//! A value with its place: what every source of settings is brought into before it is judged.

use super::problem::Span;

/// A value and where it stands; values that come from no file have no span.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// What it holds.
    pub value: Value,
    /// Its place in the file.
    pub span: Option<Span>,
}

/// What a node holds.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A text, a number and the like.
    Scalar(Scalar),
    /// Values in their order.
    List(Vec<Node>),
    /// Keys with values, in the order of the file; no key twice.
    Mapping(Vec<Entry>),
    /// Something that was already reported; whoever meets it stays silent.
    Reported,
}

/// One key of a mapping with its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The key as it was written.
    pub key: String,
    /// Its place.
    pub key_span: Option<Span>,
    /// What it is set to.
    pub value: Node,
}

/// A scalar as it was written; its type follows from the text and the notation.
#[derive(Debug, Clone, PartialEq)]
pub struct Scalar {
    /// The text without quotes.
    pub text: String,
    /// How it was written.
    pub notation: Notation,
}

/// How a scalar was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notation {
    /// Without quotes: the text decides the type.
    Plain,
    /// In quotes or as a block: text.
    Quoted,
    /// From a flag or an environment variable, where everything is text and any type may be meant.
    Loose,
}

/// The types of YAML's core schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// Nothing.
    Null,
    /// `true` or `false`.
    Boolean,
    /// Digits.
    Integer,
    /// Digits with a point or an exponent.
    Number,
    /// Anything else.
    Text,
}

impl Scalar {
    /// The type by YAML 1.2's core schema. Loose text is null or text.
    pub fn kind(&self) -> Type {
        let text = self.text.as_str();
        match self.notation {
            Notation::Loose if text == "null" => Type::Null,
            Notation::Quoted | Notation::Loose => Type::Text,
            Notation::Plain => match text {
                "" | "~" | "null" | "Null" | "NULL" => Type::Null,
                "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => Type::Boolean,
                _ if is_integer(text) => Type::Integer,
                _ if is_number(text) => Type::Number,
                _ => Type::Text,
            },
        }
    }
}

fn unsigned(text: &str) -> &str {
    text.strip_prefix(['-', '+']).unwrap_or(text)
}

fn is_integer(text: &str) -> bool {
    let digits = |text: &str, radix: u32| !text.is_empty() && text.chars().all(|c| c.is_digit(radix));
    digits(unsigned(text), 10)
        || text.strip_prefix("0o").is_some_and(|rest| digits(rest, 8))
        || text.strip_prefix("0x").is_some_and(|rest| digits(rest, 16))
}

fn is_number(text: &str) -> bool {
    let rest = unsigned(text);
    matches!(text, ".nan" | ".NaN" | ".NAN")
        || matches!(rest, ".inf" | ".Inf" | ".INF")
        || (rest.bytes().any(|b| b.is_ascii_digit())
            && rest.starts_with(|c: char| c.is_ascii_digit() || c == '.')
            && rest.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'))
            && rest.parse::<f64>().is_ok())
}

impl Node {
    /// A value of this text and notation that stands in no file.
    pub fn scalar(text: impl Into<String>, notation: Notation) -> Self {
        Self { value: Value::Scalar(Scalar { text: text.into(), notation }), span: None }
    }

    /// Nothing.
    pub fn null() -> Self {
        Self::scalar("null", Notation::Plain)
    }

    /// Whether there is nothing.
    pub fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar(scalar) if scalar.kind() == Type::Null)
    }

    /// What this is, for "found ...". Shows no text, since the reader may have put anything there.
    pub fn describe(&self) -> &'static str {
        match &self.value {
            Value::List(_) => "a list",
            Value::Mapping(_) => "a mapping",
            Value::Reported => "something unreadable",
            Value::Scalar(scalar) => match scalar.kind() {
                Type::Null => "nothing",
                Type::Boolean => "true or false",
                Type::Integer => "a whole number",
                Type::Number => "a number",
                Type::Text => "text",
            },
        }
    }

    /// The same value as if it came from a flag: no place, and scalars of any type.
    #[must_use]
    pub fn loosened(self) -> Self {
        let value = match self.value {
            Value::Scalar(scalar) => Value::Scalar(Scalar { notation: Notation::Loose, ..scalar }),
            Value::List(items) => Value::List(items.into_iter().map(Self::loosened).collect()),
            Value::Mapping(entries) => Value::Mapping(
                entries
                    .into_iter()
                    .map(|entry| Entry { key_span: None, value: entry.value.loosened(), ..entry })
                    .collect(),
            ),
            Value::Reported => Value::Reported,
        };
        Self { value, span: None }
    }

    /// The node of a JSON value, or nothing where it is nested beyond `depth`.
    pub fn from_json(json: &serde_json::Value, depth: usize) -> Option<Self> {
        let depth = depth.checked_sub(1)?;
        Some(match json {
            serde_json::Value::Null => Self::null(),
            serde_json::Value::Bool(value) => Self::scalar(value.to_string(), Notation::Plain),
            serde_json::Value::Number(number) => Self::scalar(number.to_string(), Notation::Plain),
            serde_json::Value::String(text) => Self::scalar(text.clone(), Notation::Quoted),
            serde_json::Value::Array(items) => {
                let items = items.iter().map(|item| Self::from_json(item, depth)).collect::<Option<_>>()?;
                Self { value: Value::List(items), span: None }
            }
            serde_json::Value::Object(members) => {
                let entries = members
                    .iter()
                    .map(|(key, value)| {
                        let value = Self::from_json(value, depth)?;
                        Some(Entry { key: key.clone(), key_span: None, value })
                    })
                    .collect::<Option<_>>()?;
                Self { value: Value::Mapping(entries), span: None }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_have_the_types_of_the_core_schema() {
        for (text, kind) in [
            ("", Type::Null),
            ("~", Type::Null),
            ("true", Type::Boolean),
            ("off", Type::Text),
            ("yes", Type::Text),
            ("012", Type::Integer),
            ("-3", Type::Integer),
            ("0xff", Type::Integer),
            ("1.5", Type::Number),
            ("1e3", Type::Number),
            (".inf", Type::Number),
            ("1.2.3", Type::Text),
            ("infinity", Type::Text),
            ("ubuntu-22.04", Type::Text),
            ("10.0.0.0/8", Type::Text),
        ] {
            assert_eq!(Scalar { text: text.into(), notation: Notation::Plain }.kind(), kind, "{text}");
        }
    }
}
