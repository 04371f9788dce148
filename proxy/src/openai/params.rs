//! Parameters that are more than a number.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{self, Error as _},
};

use super::{few::Few, raw::Raw, text::Text, words::words};

/// Upstreams take fewer, and say so.
const MAX_STOPS: usize = 64;

words! {
    /// `reasoning_effort`
    pub enum Effort {
        /// `none`
        None = "none",
        /// `minimal`
        Minimal = "minimal",
        /// `low`
        Low = "low",
        /// `medium`
        Medium = "medium",
        /// `high`
        High = "high",
        /// `xhigh`
        XHigh = "xhigh",
        /// `max`
        Max = "max",
    }
}

/// `response_format`
#[derive(Debug, Clone, PartialEq, Default)]
pub enum ResponseFormat<'a> {
    /// `text`
    #[default]
    Text,
    /// `json_object`
    JsonObject,
    /// `json_schema`
    JsonSchema(JsonSchema<'a>),
}

/// `response_format.json_schema`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(expecting = "an object")]
pub struct JsonSchema<'a> {
    /// `name`
    #[serde(borrow)]
    pub name: Text<'a>,
    /// `description`
    #[serde(borrow)]
    pub description: Option<Text<'a>>,
    /// `schema`
    #[serde(borrow)]
    pub schema: Option<Raw<'a>>,
}

/// `stream_options`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(expecting = "an object")]
pub struct StreamOptions {
    /// `include_usage`
    pub include_usage: Option<bool>,
}

/// `stop`: nothing, one or several.
#[derive(Default)]
pub(super) struct Stop<'a>(pub(super) Vec<Text<'a>>);

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct RawFormat<'a> {
    #[serde(rename = "type")]
    kind: FormatKind,
    #[serde(borrow)]
    json_schema: Option<JsonSchema<'a>>,
}

words! {
    enum FormatKind {
        Text = "text",
        JsonObject = "json_object",
        JsonSchema = "json_schema",
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for ResponseFormat<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = RawFormat::deserialize(deserializer)?;
        Ok(match raw.kind {
            FormatKind::Text => Self::Text,
            FormatKind::JsonObject => Self::JsonObject,
            FormatKind::JsonSchema => {
                Self::JsonSchema(raw.json_schema.ok_or_else(|| D::Error::missing_field("json_schema"))?)
            }
        })
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Stop<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Stop<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or an array of strings")
            }

            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Stop<'de>, E> {
                Ok(Stop(vec![Text::from(text)]))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Stop<'de>, E> {
                Ok(Stop(vec![Text::from(text.to_owned())]))
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, texts: A) -> Result<Stop<'de>, A::Error> {
                let texts = Few::<_, MAX_STOPS>::deserialize(de::value::SeqAccessDeserializer::new(texts))?;
                Ok(Stop(texts.0))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}
