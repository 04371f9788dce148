//! What `Converse` and `ConverseStream` answer, as serde types: the members that are used, borrowed from the bytes.
//!
//! Members that are not listed (traces, metrics, the padding `p`) are skipped, and so are members that Bedrock may
//! add. Source: the service model `bedrock-runtime`, operations `Converse` and `ConverseStream`.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::Usage;

/// A string that is borrowed unless it has escapes, also inside an `Option`.
#[derive(Debug, Deserialize)]
pub struct Text<'a>(#[serde(borrow)] pub Cow<'a, str>);

/// The body of a Converse response.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reply<'a> {
    /// The message.
    #[serde(borrow)]
    pub output: Option<Output<'a>>,
    /// Why the model stopped.
    #[serde(borrow)]
    pub stop_reason: Option<Text<'a>>,
    /// What it cost.
    pub usage: Option<TokenUsage>,
    /// Who served it.
    #[serde(borrow)]
    pub service_tier: Option<ServiceTier<'a>>,
}

/// `output`
#[derive(Debug, Deserialize)]
pub struct Output<'a> {
    /// `message`
    #[serde(borrow)]
    pub message: Option<Message<'a>>,
}

/// `output.message`
#[derive(Debug, Deserialize)]
pub struct Message<'a> {
    /// The blocks; a block of a kind that is not listed has no member set.
    #[serde(borrow, default)]
    pub content: Vec<Block<'a>>,
}

/// One content block: a union, so one member is set.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Block<'a> {
    /// Text.
    #[serde(borrow)]
    pub text: Option<Text<'a>>,
    /// A tool call.
    #[serde(borrow)]
    pub tool_use: Option<ToolUse<'a>>,
    /// What the model thought before it answered.
    #[serde(borrow)]
    pub reasoning_content: Option<Reasoning<'a>>,
    /// Text with its sources.
    #[serde(borrow)]
    pub citations_content: Option<Citations<'a>>,
}

/// `toolUse`
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ToolUse<'a> {
    /// The id that the tool's result has to name.
    #[serde(borrow)]
    pub tool_use_id: Cow<'a, str>,
    /// The name as it was in the request.
    #[serde(borrow)]
    pub name: Cow<'a, str>,
    /// The arguments; may be missing where there are none.
    #[serde(borrow)]
    pub input: Option<&'a RawValue>,
}

/// `reasoningContent`
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reasoning<'a> {
    /// Absent where the provider encrypted it.
    #[serde(borrow)]
    pub reasoning_text: Option<ReasoningText<'a>>,
}

/// `reasoningContent.reasoningText`
#[derive(Debug, Deserialize)]
pub struct ReasoningText<'a> {
    /// The text.
    #[serde(borrow)]
    pub text: Cow<'a, str>,
}

/// `citationsContent`
#[derive(Debug, Deserialize)]
pub struct Citations<'a> {
    /// The text in pieces.
    #[serde(borrow, default)]
    pub content: Vec<CitedText<'a>>,
}

/// `citationsContent.content[]`
#[derive(Debug, Deserialize)]
pub struct CitedText<'a> {
    /// The text.
    #[serde(borrow)]
    pub text: Option<Text<'a>>,
}

/// `usage`
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(clippy::struct_field_names, reason = "the names are Bedrock's")]
pub struct TokenUsage {
    input_tokens: u64,
    output_tokens: u64,
    cache_read_input_tokens: Option<u64>,
    cache_write_input_tokens: Option<u64>,
}

impl From<TokenUsage> for Usage {
    fn from(usage: TokenUsage) -> Self {
        Self {
            input_tokens: usage.input_tokens,
            output_tokens: usage.output_tokens,
            cache_read_tokens: usage.cache_read_input_tokens.unwrap_or_default(),
            cache_write_tokens: usage.cache_write_input_tokens.unwrap_or_default(),
        }
    }
}

/// `serviceTier`
#[derive(Debug, Deserialize)]
pub struct ServiceTier<'a> {
    /// `default`, `priority`, `flex`, `reserved`.
    #[serde(borrow, rename = "type")]
    pub kind: Cow<'a, str>,
}

impl ServiceTier<'_> {
    /// What OpenAI calls it; it knows nothing like `reserved`.
    pub fn name(&self) -> Option<&'static str> {
        match &*self.kind {
            "default" => Some("default"),
            "priority" => Some("priority"),
            "flex" => Some("flex"),
            _ => None,
        }
    }
}

/// The event `contentBlockStart`. Bedrock leaves it out for text.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BlockStart<'a> {
    /// Which block.
    pub content_block_index: u32,
    /// What kind of block, if it needs saying.
    #[serde(borrow)]
    pub start: Option<Start<'a>>,
}

/// `start`
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Start<'a> {
    /// A tool call.
    #[serde(borrow)]
    pub tool_use: Option<ToolUse<'a>>,
}

/// The event `contentBlockDelta`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BlockDelta<'a> {
    /// Which block.
    pub content_block_index: u32,
    /// A piece of it.
    #[serde(borrow)]
    pub delta: Delta<'a>,
}

/// `delta`: a union, so one member is set.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Delta<'a> {
    /// A piece of text.
    #[serde(borrow)]
    pub text: Option<Text<'a>>,
    /// A piece of a tool call's arguments.
    #[serde(borrow)]
    pub tool_use: Option<ToolInput<'a>>,
    /// A piece of reasoning.
    #[serde(borrow)]
    pub reasoning_content: Option<ReasoningDelta<'a>>,
}

/// `delta.toolUse`
#[derive(Debug, Deserialize)]
pub struct ToolInput<'a> {
    /// JSON text, cut anywhere.
    #[serde(borrow)]
    pub input: Cow<'a, str>,
}

/// `delta.reasoningContent`; a signature or encrypted reasoning is not listed.
#[derive(Debug, Deserialize)]
pub struct ReasoningDelta<'a> {
    /// A piece of the text.
    #[serde(borrow)]
    pub text: Option<Text<'a>>,
}

/// The event `contentBlockStop`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BlockStop {
    /// Which block.
    pub content_block_index: u32,
}

/// The event `messageStop`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MessageStop<'a> {
    /// Why the model stopped.
    #[serde(borrow)]
    pub stop_reason: Cow<'a, str>,
}

/// The event `metadata`, the last one.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata<'a> {
    /// What it cost.
    pub usage: Option<TokenUsage>,
    /// Who served it.
    #[serde(borrow)]
    pub service_tier: Option<ServiceTier<'a>>,
}
