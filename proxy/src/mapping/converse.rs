//! The body of a Converse request, as it is serialised; members as in the API reference of `bedrock-runtime`.

use std::borrow::Cow;

use indexmap::IndexMap;
use serde::{Serialize, Serializer, ser::SerializeMap as _};
use serde_json::value::RawValue;

use crate::openai::Raw;

/// The body of Converse and of `ConverseStream`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Converse<'a> {
    pub(crate) messages: Vec<Turn<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) system: Vec<SystemBlock<'a>>,
    #[serde(skip_serializing_if = "InferenceConfig::is_empty")]
    pub(crate) inference_config: InferenceConfig<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tool_config: Option<ToolConfig<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) guardrail_config: Option<GuardrailConfig<'a>>,
    #[serde(skip_serializing_if = "AdditionalFields::is_empty")]
    pub(crate) additional_model_request_fields: AdditionalFields<'a>,
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub(crate) request_metadata: IndexMap<Cow<'a, str>, Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) service_tier: Option<ServiceTier>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) output_config: Option<OutputConfig<'a>>,
}

/// A member of `messages`.
#[derive(Debug, Serialize)]
pub(crate) struct Turn<'a> {
    pub(crate) role: Role,
    pub(crate) content: Vec<ContentBlock<'a>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    User,
    Assistant,
}

/// A union of the API: an object with exactly one member.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum ContentBlock<'a> {
    Text(&'a str),
    Image(Media<'a>),
    Document(Document<'a>),
    Video(Media<'a>),
    ToolUse(ToolUse<'a>),
    ToolResult(ToolResult<'a>),
    CachePoint(CachePoint),
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum SystemBlock<'a> {
    Text(Cow<'a, str>),
    CachePoint(CachePoint),
}

/// An image or a video.
#[derive(Debug, Serialize)]
pub(crate) struct Media<'a> {
    pub(crate) format: &'static str,
    pub(crate) source: Source<'a>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Document<'a> {
    pub(crate) format: &'static str,
    pub(crate) name: String,
    pub(crate) source: Source<'a>,
}

/// Where the bytes are.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Source<'a> {
    /// Base64, which is what a blob is in JSON.
    Bytes(Cow<'a, str>),
    S3Location {
        uri: &'a str,
    },
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ToolUse<'a> {
    #[serde(rename = "toolUseId")]
    pub(crate) id: Cow<'a, str>,
    pub(crate) name: Cow<'a, str>,
    pub(crate) input: Json<'a>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ToolResult<'a> {
    #[serde(rename = "toolUseId")]
    pub(crate) id: Cow<'a, str>,
    pub(crate) content: Vec<ResultBlock<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum ResultBlock<'a> {
    Text(&'a str),
    Image(Media<'a>),
}

#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct CachePoint {
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ttl: Option<&'static str>,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct InferenceConfig<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) top_p: Option<f64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) stop_sequences: Vec<&'a str>,
}

impl InferenceConfig<'_> {
    fn is_empty(&self) -> bool {
        self.max_tokens.is_none()
            && self.temperature.is_none()
            && self.top_p.is_none()
            && self.stop_sequences.is_empty()
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ToolConfig<'a> {
    pub(crate) tools: Vec<Tool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tool_choice: Option<ToolChoice<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Tool<'a> {
    ToolSpec(ToolSpec<'a>),
    CachePoint(CachePoint),
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ToolSpec<'a> {
    pub(crate) name: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<&'a str>,
    pub(crate) input_schema: InputSchema<'a>,
}

#[derive(Debug, Serialize)]
pub(crate) struct InputSchema<'a> {
    pub(crate) json: Json<'a>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum ToolChoice<'a> {
    Auto {},
    Any {},
    Tool { name: Cow<'a, str> },
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GuardrailConfig<'a> {
    pub(crate) guardrail_identifier: &'a str,
    pub(crate) guardrail_version: &'a str,
}

/// What a family of models understands beyond Converse.
#[derive(Debug, Default, Serialize)]
pub(crate) struct AdditionalFields<'a> {
    /// Nova 2.
    #[serde(rename = "reasoningConfig", skip_serializing_if = "Option::is_none")]
    pub(crate) reasoning_config: Option<ReasoningConfig>,
    /// Nova.
    #[serde(rename = "inferenceConfig", skip_serializing_if = "Option::is_none")]
    pub(crate) inference_config: Option<NovaInferenceConfig>,
    /// Claude.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) thinking: Option<Thinking>,
    /// Claude.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) top_k: Option<u32>,
    /// Claude.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tool_choice: Option<ClaudeToolChoice<'a>>,
}

impl AdditionalFields<'_> {
    fn is_empty(&self) -> bool {
        self.reasoning_config.is_none()
            && self.inference_config.is_none()
            && self.thinking.is_none()
            && self.top_k.is_none()
            && self.tool_choice.is_none()
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReasoningConfig {
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_reasoning_effort: Option<&'static str>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NovaInferenceConfig {
    pub(crate) top_k: u32,
}

#[derive(Debug, Serialize)]
pub(crate) struct Thinking {
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) budget_tokens: Option<u32>,
}

#[derive(Debug, Serialize)]
pub(crate) struct ClaudeToolChoice<'a> {
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<Cow<'a, str>>,
    pub(crate) disable_parallel_tool_use: bool,
}

#[derive(Debug, Serialize)]
pub(crate) struct ServiceTier {
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OutputConfig<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) text_format: Option<TextFormat<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) effort: Option<&'static str>,
}

#[derive(Debug, Serialize)]
pub(crate) struct TextFormat<'a> {
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    pub(crate) structure: Structure<'a>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Structure<'a> {
    pub(crate) json_schema: JsonSchema<'a>,
}

#[derive(Debug, Serialize)]
pub(crate) struct JsonSchema<'a> {
    /// The schema as text, not as JSON.
    pub(crate) schema: &'a str,
    pub(crate) name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<&'a str>,
}

/// A document of the API: any JSON.
#[derive(Debug)]
pub(crate) enum Json<'a> {
    /// As the client wrote it.
    Written(Raw<'a>),
    /// As it was rewritten.
    Rewritten(Box<RawValue>),
    /// `{}`
    EmptyObject,
    /// The schema of any object.
    AnyObject,
}

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Written(raw) => raw.serialize(serializer),
            Self::Rewritten(raw) => raw.serialize(serializer),
            Self::EmptyObject => serializer.serialize_map(Some(0))?.end(),
            Self::AnyObject => {
                let mut schema = serializer.serialize_map(Some(2))?;
                schema.serialize_entry("type", "object")?;
                schema.serialize_entry("properties", &Json::EmptyObject)?;
                schema.end()
            }
        }
    }
}
