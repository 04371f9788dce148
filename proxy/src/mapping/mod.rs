//! OpenAI's dialect into Converse and back: functions of values, without IO, time or chance.
//!
//! `request` makes the Converse request, `response` the completion, `stream` the server-sent events, `embeddings`
//! the vectors; `rescue` turns every refusal of Bedrock into OpenAI's error object. What a model can do comes from
//! [`model::bedrock`]; no other file knows a model by its name.

mod calls;
mod converse;
pub mod converse_reply;
pub mod embeddings;
pub mod finish;
pub mod frame;
mod media;
mod redact;
pub mod request;
pub mod rescue;
pub mod response;
mod schema;
pub mod sse;
pub mod stream;
#[cfg(test)]
mod testing;
pub mod thinking;
mod tools;

use bytes::Bytes;

use crate::{ApiError, Usage, config::Thinking};

/// How requests are mapped; from the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Refuse parameters that cannot be mapped instead of naming them.
    pub strict_params: bool,
    /// Where neither the client nor the target says how many tokens the answer may have.
    pub default_max_tokens: u32,
    /// What becomes of `<thinking>` text.
    pub thinking: Thinking,
    /// Id and version of the guardrail to put into the request.
    pub guardrail: Option<(String, String)>,
}

/// A request ready to be sent, and what is needed to make sense of the answer.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// The body for the upstream.
    pub body: Bytes,
    /// Names of parameters that had no effect, for the header `x-ignored-params`.
    pub ignored: Vec<String>,
    /// How the answer has to be read.
    pub shape: ReplyShape,
}

/// What the reader of an answer must know of its request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReplyShape {
    /// Names that were changed for the upstream → what the client calls them.
    pub tool_names: Vec<(String, String)>,
    /// The tool that was made up to force JSON; its input is the content.
    pub forced_json_tool: Option<String>,
    /// Only the first tool call is passed on (`parallel_tool_calls: false`).
    pub single_tool_call: bool,
    /// Tools were in the request only because the history needs them; calls are not passed on.
    pub hide_tool_calls: bool,
    /// The request used `functions`: answer with `function_call`.
    pub legacy_function_call: bool,
    /// What becomes of `<thinking>` text.
    pub thinking: Thinking,
    /// Streams end with a chunk that carries the usage.
    pub include_usage: bool,
}

/// What every completion and every chunk of one answer carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// `chatcmpl-...`
    pub id: String,
    /// Unix seconds.
    pub created: i64,
    /// The name that the client sent.
    pub model: String,
}

/// A completion or a list of embeddings as the client gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The JSON of the response body.
    pub body: Vec<u8>,
    /// What it cost.
    pub usage: Usage,
}

/// Where a stream stands after some bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// More may come.
    Open,
    /// The answer is complete; `[DONE]` was written.
    Complete,
    /// It broke; the error event was written, `[DONE]` was not. Nothing may follow.
    Failed(Box<ApiError>),
}

/// Turns the bytes of an upstream's stream into the bytes of OpenAI's, whichever way they are cut.
pub trait Translate: Send {
    /// Reads some bytes and appends the events that are complete. After `Complete` or `Failed` it is not called again.
    fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Progress;

    /// The upstream's stream has ended. Before the answer was complete, that is a failure.
    fn end(&mut self, out: &mut Vec<u8>) -> Progress;

    /// The usage that the upstream has reported so far, if it has.
    fn usage(&self) -> Option<Usage>;

    /// Characters of text passed on so far: what an abandoned stream is billed by where no usage was reported.
    fn characters(&self) -> u64;
}
