//! `POST /v1/embeddings`: the request.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeSeed, IgnoredAny, MapAccess},
};

use super::{
    chat::{MAX_UNKNOWN, once},
    estimate, explain,
    few::too_many,
    text::Text,
    words::words,
};
use crate::{ApiError, config::Requests};

/// Vectors that a client asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct EmbeddingsRequest<'a> {
    /// `model`, never empty.
    pub model: Text<'a>,
    /// `input`
    pub input: Input<'a>,
    /// `dimensions`
    pub dimensions: Option<u32>,
    /// `encoding_format`
    pub encoding: Encoding,
    /// Names of members that nobody knows.
    pub unknown: Vec<Text<'a>>,
}

/// `input`
#[derive(Debug, Clone, PartialEq)]
pub enum Input<'a> {
    /// A string.
    One(Text<'a>),
    /// An array of strings.
    Many(Vec<Text<'a>>),
    /// Numbers of tokens, which mean something to OpenAI's tokenizer only: how many there are.
    Tokens(u64),
}

words! {
    /// `encoding_format`
    #[derive(Default, Hash)]
    pub enum Encoding {
        /// An array of numbers.
        #[default]
        Float = "float",
        /// Little-endian 32-bit floats in Base64, which OpenAI's own clients ask for.
        Base64 = "base64",
    }
}

impl<'a> EmbeddingsRequest<'a> {
    /// Reads the body of a request. `limits.max_messages` bounds the number of inputs.
    ///
    /// Errors: as [`super::ChatRequest::parse`].
    pub fn parse(body: &'a [u8], limits: &Requests) -> Result<Self, ApiError> {
        let raw = explain::read(body, EmbeddingsSeed { max_inputs: limits.max_messages })?;
        let required = |name: &'static str| {
            ApiError::invalid(name, format!("`{name}` is required.")).code("missing_required_parameter")
        };
        let model = raw.model.ok_or_else(|| required("model"))?;
        let input = raw.input.ok_or_else(|| required("input"))?;
        if model.is_blank() {
            return Err(ApiError::invalid("model", "`model` is empty.").code("invalid_value"));
        }
        if matches!(&input, Input::Many(texts) if texts.is_empty()) {
            return Err(ApiError::invalid("input", "`input` is empty.").code("invalid_value"));
        }
        Ok(Self {
            model,
            input,
            dimensions: raw.dimensions,
            encoding: raw.encoding_format.unwrap_or_default(),
            unknown: raw.unknown,
        })
    }

    /// Tokens of the input, estimated: what the limits reserve.
    pub fn estimate(&self) -> u64 {
        match &self.input {
            Input::One(text) => estimate::text(text.len()),
            Input::Many(texts) => {
                texts.iter().map(|text| estimate::text(text.len())).fold(0, u64::saturating_add)
            }
            Input::Tokens(count) => *count,
        }
    }
}

#[derive(Default)]
struct RawEmbeddings<'a> {
    model: Option<Text<'a>>,
    input: Option<Input<'a>>,
    dimensions: Option<u32>,
    encoding_format: Option<Encoding>,
    user: Option<Text<'a>>,
    unknown: Vec<Text<'a>>,
}

#[derive(Clone, Copy)]
struct EmbeddingsSeed {
    max_inputs: usize,
}

impl<'de> DeserializeSeed<'de> for EmbeddingsSeed {
    type Value = RawEmbeddings<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> de::Visitor<'de> for EmbeddingsSeed {
    type Value = RawEmbeddings<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut raw = RawEmbeddings::default();
        while let Some(key) = map.next_key::<Text<'de>>()? {
            let map = &mut map;
            match key.as_str() {
                "model" => once(&mut raw.model, "model", map)?,
                "input" => {
                    let input = map.next_value_seed(InputSeed { max: self.max_inputs })?;
                    if raw.input.replace(input).is_some() {
                        return Err(de::Error::duplicate_field("input"));
                    }
                }
                "dimensions" => once(&mut raw.dimensions, "dimensions", map)?,
                "encoding_format" => once(&mut raw.encoding_format, "encoding_format", map)?,
                "user" => once(&mut raw.user, "user", map)?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    if raw.unknown.len() >= MAX_UNKNOWN {
                        return Err(too_many(MAX_UNKNOWN));
                    }
                    raw.unknown.push(key);
                }
            }
        }
        Ok(raw)
    }
}

#[derive(Clone, Copy)]
struct InputSeed {
    max: usize,
}

impl<'de> DeserializeSeed<'de> for InputSeed {
    type Value = Input<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Input<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> de::Visitor<'de> for InputSeed {
    type Value = Input<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string, an array of strings or an array of tokens")
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Input<'de>, E> {
        Ok(Input::One(Text::from(text)))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Input<'de>, E> {
        Ok(Input::One(Text::from(text.to_owned())))
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<Input<'de>, A::Error> {
        let (mut texts, mut tokens) = (Vec::new(), 0_u64);
        while let Some(item) = seq.next_element()? {
            match item {
                Item::Text(text) if tokens == 0 => texts.push(text),
                Item::Tokens(count) if texts.is_empty() => tokens = tokens.saturating_add(count),
                _ => return Err(de::Error::custom("holds both strings and tokens")),
            }
            if texts.len() > self.max {
                return Err(too_many(self.max));
            }
        }
        Ok(if tokens > 0 { Input::Tokens(tokens) } else { Input::Many(texts) })
    }
}

/// One entry of an array: a text, a token, or an array of tokens.
enum Item<'a> {
    Text(Text<'a>),
    Tokens(u64),
}

impl<'de: 'a, 'a> Deserialize<'de> for Item<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Item<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or a token")
            }

            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Item<'de>, E> {
                Ok(Item::Text(Text::from(text)))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Item<'de>, E> {
                Ok(Item::Text(Text::from(text.to_owned())))
            }

            fn visit_u64<E: de::Error>(self, _token: u64) -> Result<Item<'de>, E> {
                Ok(Item::Tokens(1))
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<Item<'de>, A::Error> {
                let mut count = 0_u64;
                while seq.next_element::<u64>()?.is_some() {
                    count = count.saturating_add(1);
                }
                Ok(Item::Tokens(count))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}
