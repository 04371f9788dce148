//! The messages of a chat.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{self, Error as _},
};

use super::{few::Few, text::Text, words::words};

/// Parts of a content, and calls of a message.
const MAX_PARTS: usize = 512;

/// One message.
#[derive(Debug, Clone, PartialEq)]
pub enum Message<'a> {
    /// `system` and `developer`.
    System(Content<'a>),
    /// `user`.
    User(Content<'a>),
    /// `assistant`.
    Assistant(Assistant<'a>),
    /// `tool`: the result of a call.
    Tool {
        /// `tool_call_id`
        id: Text<'a>,
        /// `content`
        content: Content<'a>,
    },
    /// `function`: the result of a call, before there were ids.
    Function {
        /// `name`
        name: Text<'a>,
        /// `content`
        content: Content<'a>,
    },
}

/// What the model said earlier. Reasoning is not kept: it would only be accepted with its signature, which OpenAI's
/// dialect has no member for.
#[derive(Debug, Clone, PartialEq)]
pub struct Assistant<'a> {
    /// `content`
    pub content: Option<Content<'a>>,
    /// `refusal`
    pub refusal: Option<Text<'a>>,
    /// `tool_calls`
    pub tool_calls: Vec<ToolCall<'a>>,
    /// `function_call`, before there were several.
    pub function_call: Option<FunctionCall<'a>>,
}

/// `content`: text, or parts of several kinds.
#[derive(Debug, Clone, PartialEq)]
pub enum Content<'a> {
    /// A string.
    Text(Text<'a>),
    /// An array.
    Parts(Vec<Part<'a>>),
}

/// One part of a content.
#[derive(Debug, Clone, PartialEq)]
pub enum Part<'a> {
    /// `text`
    Text {
        /// `text`
        text: Text<'a>,
        /// `cache_control`
        cache: Option<CacheControl<'a>>,
    },
    /// `refusal`
    Refusal(Text<'a>),
    /// `image_url`
    Image {
        /// `image_url.url`
        url: Text<'a>,
        /// `cache_control`
        cache: Option<CacheControl<'a>>,
    },
    /// `file`
    File {
        /// `file.file_data`: a data URL, or Base64 alone.
        data: Option<Text<'a>>,
        /// `file.filename`
        filename: Option<Text<'a>>,
        /// `cache_control`
        cache: Option<CacheControl<'a>>,
    },
    /// `video_url`, an extension.
    Video {
        /// `video_url.url`
        url: Text<'a>,
        /// `cache_control`
        cache: Option<CacheControl<'a>>,
    },
    /// Any other type, by its name.
    Other(Text<'a>),
}

/// `cache_control: {type: ephemeral, ttl}`, an extension.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(expecting = "an object")]
pub struct CacheControl<'a> {
    /// `ttl`: `5m` or `1h`.
    #[serde(borrow)]
    pub ttl: Option<Text<'a>>,
}

/// A call that the model made.
#[derive(Debug, Clone, PartialEq)]
pub enum ToolCall<'a> {
    /// `function`
    Function {
        /// `id`
        id: Text<'a>,
        /// `function`
        function: FunctionCall<'a>,
    },
    /// Any other type, by its name.
    Other(Text<'a>),
}

/// The function that is called.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(expecting = "an object")]
pub struct FunctionCall<'a> {
    /// `name`
    #[serde(borrow)]
    pub name: Text<'a>,
    /// `arguments`: JSON in a string; models leave it empty where a function has no parameters.
    #[serde(borrow)]
    pub arguments: Option<Text<'a>>,
}

impl Content<'_> {
    /// Its parts; a string is one part.
    pub fn len(&self) -> usize {
        match self {
            Self::Text(_) => 1,
            Self::Parts(parts) => parts.len(),
        }
    }

    /// Whether it has no parts.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

words! {
    /// `role`
    enum Role {
        System = "system",
        Developer = "developer",
        User = "user",
        Assistant = "assistant",
        Tool = "tool",
        Function = "function",
    }
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct RawMessage<'a> {
    role: Role,
    #[serde(borrow)]
    content: Option<Content<'a>>,
    #[serde(borrow)]
    refusal: Option<Text<'a>>,
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(borrow)]
    tool_calls: Option<Few<ToolCall<'a>, MAX_PARTS>>,
    #[serde(borrow)]
    tool_call_id: Option<Text<'a>>,
    #[serde(borrow)]
    function_call: Option<FunctionCall<'a>>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Message<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = RawMessage::deserialize(deserializer)?;
        let content = || D::Error::missing_field("content");
        Ok(match raw.role {
            Role::System | Role::Developer => Self::System(raw.content.ok_or_else(content)?),
            Role::User => Self::User(raw.content.ok_or_else(content)?),
            Role::Assistant => Self::Assistant(Assistant {
                content: raw.content,
                refusal: raw.refusal,
                tool_calls: raw.tool_calls.map(|calls| calls.0).unwrap_or_default(),
                function_call: raw.function_call,
            }),
            Role::Tool => Self::Tool {
                id: raw.tool_call_id.ok_or_else(|| D::Error::missing_field("tool_call_id"))?,
                // A tool that returns nothing says null.
                content: raw.content.unwrap_or(Content::Parts(Vec::new())),
            },
            Role::Function => Self::Function {
                name: raw.name.ok_or_else(|| D::Error::missing_field("name"))?,
                content: raw.content.unwrap_or(Content::Parts(Vec::new())),
            },
        })
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Content<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Content<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or an array of content parts")
            }

            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Content<'de>, E> {
                Ok(Content::Text(Text::from(text)))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Content<'de>, E> {
                Ok(Content::Text(Text::from(text.to_owned())))
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, parts: A) -> Result<Content<'de>, A::Error> {
                let parts = Few::<_, MAX_PARTS>::deserialize(de::value::SeqAccessDeserializer::new(parts))?;
                Ok(Content::Parts(parts.0))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct RawPart<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow)]
    text: Option<Text<'a>>,
    #[serde(borrow)]
    refusal: Option<Text<'a>>,
    #[serde(borrow)]
    image_url: Option<RawUrl<'a>>,
    #[serde(borrow)]
    video_url: Option<RawUrl<'a>>,
    #[serde(borrow)]
    file: Option<RawFile<'a>>,
    #[serde(borrow)]
    cache_control: Option<CacheControl<'a>>,
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct RawUrl<'a> {
    #[serde(borrow)]
    url: Text<'a>,
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct RawFile<'a> {
    #[serde(borrow)]
    file_data: Option<Text<'a>>,
    #[serde(borrow)]
    filename: Option<Text<'a>>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Part<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = RawPart::deserialize(deserializer)?;
        let cache = raw.cache_control;
        Ok(match raw.kind.as_str() {
            "text" => Self::Text { text: raw.text.ok_or_else(|| D::Error::missing_field("text"))?, cache },
            "refusal" => Self::Refusal(raw.refusal.ok_or_else(|| D::Error::missing_field("refusal"))?),
            "image_url" => {
                let image = raw.image_url.ok_or_else(|| D::Error::missing_field("image_url"))?;
                Self::Image { url: image.url, cache }
            }
            "video_url" => {
                let video = raw.video_url.ok_or_else(|| D::Error::missing_field("video_url"))?;
                Self::Video { url: video.url, cache }
            }
            "file" => {
                let file = raw.file.ok_or_else(|| D::Error::missing_field("file"))?;
                Self::File { data: file.file_data, filename: file.filename, cache }
            }
            _ => Self::Other(raw.kind),
        })
    }
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct RawToolCall<'a> {
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(borrow, rename = "type")]
    kind: Option<Text<'a>>,
    #[serde(borrow)]
    function: Option<FunctionCall<'a>>,
}

impl<'de: 'a, 'a> Deserialize<'de> for ToolCall<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = RawToolCall::deserialize(deserializer)?;
        match raw.kind {
            Some(kind) if kind.as_str() != "function" => Ok(Self::Other(kind)),
            _ => Ok(Self::Function {
                id: raw.id.ok_or_else(|| D::Error::missing_field("id"))?,
                function: raw.function.ok_or_else(|| D::Error::missing_field("function"))?,
            }),
        }
    }
}
