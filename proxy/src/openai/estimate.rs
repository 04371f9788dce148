//! How many tokens a request will cost, before anybody has counted them: what the limits reserve.

use super::{
    chat::ChatRequest,
    message::{Content, Message, Part, ToolCall},
    tool::Tool,
};

/// Bytes of text that make a token, on the average of the languages that are mostly written in Latin letters.
const BYTES_PER_TOKEN: u64 = 4;
/// What a chat costs around the text of each message.
const MESSAGE_TOKENS: u64 = 4;
/// An image of usual size.
const IMAGE_TOKENS: u64 = 1_300;
/// A document of a few pages.
const DOCUMENT_TOKENS: u64 = 3_000;
/// Half a minute of video.
const VIDEO_TOKENS: u64 = 9_000;

/// Tokens that a request may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Estimate {
    /// Tokens of the prompt, estimated.
    pub input_tokens: u64,
    /// The most tokens that the answer may have, where the client says so.
    pub max_output_tokens: Option<u32>,
}

impl ChatRequest<'_> {
    /// What this request may cost. Settled by what it did cost.
    pub fn estimate(&self) -> Estimate {
        let messages = self.messages.iter().map(message).fold(0, u64::saturating_add);
        let tools = self.tools.iter().map(tool).fold(0, u64::saturating_add);
        Estimate { input_tokens: messages.saturating_add(tools), max_output_tokens: self.max_tokens }
    }
}

/// Tokens of some text.
pub(super) fn text(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX).div_ceil(BYTES_PER_TOKEN)
}

fn message(message: &Message<'_>) -> u64 {
    let said = match message {
        Message::System(of)
        | Message::User(of)
        | Message::Tool { content: of, .. }
        | Message::Function { content: of, .. } => content(of),
        Message::Assistant(assistant) => {
            let calls = assistant.tool_calls.iter().filter_map(|call| match call {
                ToolCall::Function { function, .. } => Some(function),
                ToolCall::Other(_) => None,
            });
            let calls = calls.chain(&assistant.function_call).map(|call| {
                let arguments = call.arguments.as_ref().map_or(0, |arguments| arguments.len());
                text(call.name.len().saturating_add(arguments))
            });
            calls.fold(assistant.content.as_ref().map_or(0, content), u64::saturating_add)
        }
    };
    said.saturating_add(MESSAGE_TOKENS)
}

fn content(content: &Content<'_>) -> u64 {
    match content {
        Content::Text(said) => text(said.len()),
        Content::Parts(parts) => parts.iter().map(part).fold(0, u64::saturating_add),
    }
}

fn part(part: &Part<'_>) -> u64 {
    match part {
        Part::Text { text: said, .. } | Part::Refusal(said) => text(said.len()),
        Part::Image { .. } => IMAGE_TOKENS,
        Part::File { .. } => DOCUMENT_TOKENS,
        Part::Video { .. } => VIDEO_TOKENS,
        Part::Other(_) => 0,
    }
}

fn tool(tool: &Tool<'_>) -> u64 {
    match tool {
        Tool::Function(function) => {
            let description = function.description.as_ref().map_or(0, |description| description.len());
            let schema = function.parameters.map_or(0, |schema| schema.text().len());
            text(function.name.len().saturating_add(description).saturating_add(schema))
        }
        Tool::Other(_) => 0,
    }
}
