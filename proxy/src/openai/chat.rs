//! `POST /v1/chat/completions`: the request.

use std::{fmt, marker::PhantomData};

use indexmap::IndexMap;
use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeSeed, IgnoredAny, MapAccess},
};

use super::{
    explain,
    few::{AtMost, Few, FewMembers, too_many},
    message::Message,
    params::{Effort, ResponseFormat, Stop, StreamOptions},
    raw::Raw,
    text::Text,
    tool::{Function, FunctionChoice, Tool, ToolChoice},
};
use crate::{ApiError, config::Requests};

/// A chat completion that a client asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct ChatRequest<'a> {
    /// `model`, never empty.
    pub model: Text<'a>,
    /// `messages`, at least one.
    pub messages: Vec<Message<'a>>,
    /// `stream`
    pub stream: bool,
    /// `stream_options.include_usage`
    pub include_usage: bool,
    /// `max_completion_tokens`, else `max_tokens`.
    pub max_tokens: Option<u32>,
    /// Which of the two it was.
    pub max_tokens_name: &'static str,
    /// `temperature`
    pub temperature: Option<f64>,
    /// `top_p`
    pub top_p: Option<f64>,
    /// `top_k`, an extension.
    pub top_k: Option<u32>,
    /// `stop`
    pub stop: Vec<Text<'a>>,
    /// `tools`, or `functions`.
    pub tools: Vec<Tool<'a>>,
    /// `tool_choice`, or `function_call`.
    pub tool_choice: Option<ToolChoice<'a>>,
    /// The request said `functions` or `function_call`.
    pub legacy_functions: bool,
    /// `parallel_tool_calls`
    pub parallel_tool_calls: Option<bool>,
    /// `response_format`
    pub response_format: ResponseFormat<'a>,
    /// `reasoning_effort`
    pub reasoning_effort: Option<Effort>,
    /// `metadata`
    pub metadata: IndexMap<Text<'a>, Text<'a>>,
    /// `user`
    pub user: Option<Text<'a>>,
    /// `safety_identifier`
    pub safety_identifier: Option<Text<'a>>,
    /// `service_tier`
    pub service_tier: Option<Text<'a>>,
    /// `prompt_cache_key`
    pub prompt_cache_key: Option<Text<'a>>,
    /// `n`
    pub n: Option<u32>,
    /// `logprobs`, or `top_logprobs` above 0.
    pub logprobs: bool,
    /// `modalities` with `audio`.
    pub audio_output: bool,
    /// Names of known members that ask for something that Converse cannot say, such as `seed`.
    pub unmapped: Vec<&'static str>,
    /// Names of members that nobody knows.
    pub unknown: Vec<Text<'a>>,
}

impl<'a> ChatRequest<'a> {
    /// Reads the body of a request.
    ///
    /// Errors: 400 with `code: invalid_json` and a place in the text where it is no JSON, and with the path of the
    /// member in `param` where it is no chat request.
    pub fn parse(body: &'a [u8], limits: &Requests) -> Result<Self, ApiError> {
        let seed = ChatSeed { max_messages: limits.max_messages, max_tools: limits.max_tools };
        explain::read(body, seed)?.finish()
    }
}

/// The members as they are, `null` like absent.
#[derive(Default)]
struct RawChat<'a> {
    model: Option<Text<'a>>,
    messages: Option<Vec<Message<'a>>>,
    stream: Option<bool>,
    stream_options: Option<StreamOptions>,
    max_completion_tokens: Option<u32>,
    max_tokens: Option<u32>,
    temperature: Option<f64>,
    top_p: Option<f64>,
    top_k: Option<u32>,
    stop: Option<Stop<'a>>,
    tools: Option<Vec<Tool<'a>>>,
    tool_choice: Option<ToolChoice<'a>>,
    functions: Option<Vec<Function<'a>>>,
    function_call: Option<FunctionChoice<'a>>,
    parallel_tool_calls: Option<bool>,
    response_format: Option<ResponseFormat<'a>>,
    reasoning_effort: Option<Effort>,
    metadata: Option<FewMembers<Text<'a>, Text<'a>, MAX_METADATA>>,
    user: Option<Text<'a>>,
    safety_identifier: Option<Text<'a>>,
    service_tier: Option<Text<'a>>,
    prompt_cache_key: Option<Text<'a>>,
    n: Option<u32>,
    logprobs: Option<bool>,
    top_logprobs: Option<u32>,
    modalities: Option<Few<Text<'a>, MAX_MODALITIES>>,
    audio: Option<IgnoredAny>,
    frequency_penalty: Option<f64>,
    presence_penalty: Option<f64>,
    logit_bias: Option<Raw<'a>>,
    seed: Option<i64>,
    prediction: Option<IgnoredAny>,
    store: Option<bool>,
    verbosity: Option<Text<'a>>,
    web_search_options: Option<IgnoredAny>,
    prompt_cache_retention: Option<Text<'a>>,
    unknown: Vec<Text<'a>>,
}

#[derive(Clone, Copy)]
struct ChatSeed {
    max_messages: usize,
    max_tools: usize,
}

impl<'de> DeserializeSeed<'de> for ChatSeed {
    type Value = RawChat<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<RawChat<'de>, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> de::Visitor<'de> for ChatSeed {
    type Value = RawChat<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawChat<'de>, A::Error> {
        let mut raw = RawChat::default();
        let (messages, tools) = (self.max_messages, self.max_tools);
        while let Some(key) = map.next_key::<Text<'de>>()? {
            let map = &mut map;
            match key.as_str() {
                "model" => once(&mut raw.model, "model", map)?,
                "messages" => bounded(&mut raw.messages, "messages", messages, map)?,
                "stream" => once(&mut raw.stream, "stream", map)?,
                "stream_options" => once(&mut raw.stream_options, "stream_options", map)?,
                "max_completion_tokens" => {
                    once(&mut raw.max_completion_tokens, "max_completion_tokens", map)?;
                }
                "max_tokens" => once(&mut raw.max_tokens, "max_tokens", map)?,
                "temperature" => once(&mut raw.temperature, "temperature", map)?,
                "top_p" => once(&mut raw.top_p, "top_p", map)?,
                "top_k" => once(&mut raw.top_k, "top_k", map)?,
                "stop" => once(&mut raw.stop, "stop", map)?,
                "tools" => bounded(&mut raw.tools, "tools", tools, map)?,
                "tool_choice" => once(&mut raw.tool_choice, "tool_choice", map)?,
                "functions" => bounded(&mut raw.functions, "functions", tools, map)?,
                "function_call" => once(&mut raw.function_call, "function_call", map)?,
                "parallel_tool_calls" => once(&mut raw.parallel_tool_calls, "parallel_tool_calls", map)?,
                "response_format" => once(&mut raw.response_format, "response_format", map)?,
                "reasoning_effort" => once(&mut raw.reasoning_effort, "reasoning_effort", map)?,
                "metadata" => once(&mut raw.metadata, "metadata", map)?,
                "user" => once(&mut raw.user, "user", map)?,
                "safety_identifier" => once(&mut raw.safety_identifier, "safety_identifier", map)?,
                "service_tier" => once(&mut raw.service_tier, "service_tier", map)?,
                "prompt_cache_key" => once(&mut raw.prompt_cache_key, "prompt_cache_key", map)?,
                "n" => once(&mut raw.n, "n", map)?,
                "logprobs" => once(&mut raw.logprobs, "logprobs", map)?,
                "top_logprobs" => once(&mut raw.top_logprobs, "top_logprobs", map)?,
                "modalities" => once(&mut raw.modalities, "modalities", map)?,
                "audio" => once(&mut raw.audio, "audio", map)?,
                "frequency_penalty" => once(&mut raw.frequency_penalty, "frequency_penalty", map)?,
                "presence_penalty" => once(&mut raw.presence_penalty, "presence_penalty", map)?,
                "logit_bias" => once(&mut raw.logit_bias, "logit_bias", map)?,
                "seed" => once(&mut raw.seed, "seed", map)?,
                "prediction" => once(&mut raw.prediction, "prediction", map)?,
                "store" => once(&mut raw.store, "store", map)?,
                "verbosity" => once(&mut raw.verbosity, "verbosity", map)?,
                "web_search_options" => once(&mut raw.web_search_options, "web_search_options", map)?,
                "prompt_cache_retention" => {
                    once(&mut raw.prompt_cache_retention, "prompt_cache_retention", map)?;
                }
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

/// More members than there will ever be.
pub(super) const MAX_UNKNOWN: usize = 64;
/// OpenAI's own limit is 16; a few more do no harm.
const MAX_METADATA: usize = 64;
/// There are two.
const MAX_MODALITIES: usize = 8;

/// Reads a member into its slot; a second one is an error, since the two readers of a body may not disagree.
pub(super) fn once<'de, T: Deserialize<'de>, A: MapAccess<'de>>(
    slot: &mut Option<T>,
    name: &'static str,
    map: &mut A,
) -> Result<(), A::Error> {
    let value: Option<T> = map.next_value()?;
    if slot.is_some() {
        return Err(de::Error::duplicate_field(name));
    }
    *slot = value;
    Ok(())
}

/// The same for an array with a limit, which holds while it is read.
fn bounded<'de, T: Deserialize<'de>, A: MapAccess<'de>>(
    slot: &mut Option<Vec<T>>,
    name: &'static str,
    max: usize,
    map: &mut A,
) -> Result<(), A::Error> {
    let value = map.next_value_seed(AtMost { max, of: PhantomData })?;
    if slot.is_some() {
        return Err(de::Error::duplicate_field(name));
    }
    *slot = value;
    Ok(())
}

impl<'a> RawChat<'a> {
    fn finish(self) -> Result<ChatRequest<'a>, ApiError> {
        let unmapped = self.unmapped();
        let required = |name: &'static str| {
            ApiError::invalid(name, format!("`{name}` is required.")).code("missing_required_parameter")
        };
        let model = self.model.ok_or_else(|| required("model"))?;
        let messages = self.messages.ok_or_else(|| required("messages"))?;
        if model.is_blank() {
            return Err(ApiError::invalid("model", "`model` is empty.").code("invalid_value"));
        }
        if messages.is_empty() {
            return Err(
                ApiError::invalid("messages", "At least one message is needed.").code("invalid_value")
            );
        }
        if self.tools.is_some() && self.functions.is_some() {
            return Err(ApiError::invalid(
                "functions",
                "Either `tools` or `functions` can be given, not both.",
            )
            .code("invalid_value"));
        }
        let legacy_functions = self.functions.is_some() || self.function_call.is_some();
        let functions = self.functions.into_iter().flatten().map(Tool::Function);
        let max_tokens_name =
            if self.max_completion_tokens.is_some() { "max_completion_tokens" } else { "max_tokens" };
        Ok(ChatRequest {
            model,
            messages,
            stream: self.stream.unwrap_or_default(),
            include_usage: self.stream_options.unwrap_or_default().include_usage.unwrap_or_default(),
            max_tokens: self.max_completion_tokens.or(self.max_tokens),
            max_tokens_name,
            temperature: self.temperature,
            top_p: self.top_p,
            top_k: self.top_k,
            stop: self.stop.unwrap_or_default().0,
            tools: self.tools.unwrap_or_else(|| functions.collect()),
            tool_choice: self.tool_choice.or(self.function_call.map(|choice| choice.0)),
            legacy_functions,
            parallel_tool_calls: self.parallel_tool_calls,
            response_format: self.response_format.unwrap_or_default(),
            reasoning_effort: self.reasoning_effort,
            metadata: self.metadata.map(|metadata| metadata.0).unwrap_or_default(),
            user: self.user,
            safety_identifier: self.safety_identifier,
            service_tier: self.service_tier,
            prompt_cache_key: self.prompt_cache_key,
            n: self.n,
            logprobs: self.logprobs == Some(true) || self.top_logprobs.is_some_and(|top| top > 0),
            audio_output: self
                .modalities
                .is_some_and(|list| list.0.iter().any(|one| one.as_str() == "audio")),
            unmapped,
            unknown: self.unknown,
        })
    }

    /// Members without a place in Converse; a default that some clients always send asks for nothing.
    fn unmapped(&self) -> Vec<&'static str> {
        let nonzero = |penalty: Option<f64>| penalty.is_some_and(|penalty| penalty != 0.0);
        let biased = |bias: Raw<'_>| bias.is_object() && bias.text().contains(':');
        [
            ("audio", self.audio.is_some()),
            ("frequency_penalty", nonzero(self.frequency_penalty)),
            ("logit_bias", self.logit_bias.is_some_and(biased)),
            ("prediction", self.prediction.is_some()),
            ("presence_penalty", nonzero(self.presence_penalty)),
            ("prompt_cache_retention", self.prompt_cache_retention.is_some()),
            ("seed", self.seed.is_some()),
            ("store", self.store == Some(true)),
            ("verbosity", self.verbosity.is_some()),
            ("web_search_options", self.web_search_options.is_some()),
        ]
        .into_iter()
        .filter_map(|(name, asked)| asked.then_some(name))
        .collect()
    }
}
