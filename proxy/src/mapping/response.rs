//! A whole answer of Converse as a chat completion.

use std::borrow::Cow;

use serde::Serialize;

use super::{
    Answer, Envelope, ReplyShape,
    calls::{Call, Calls, client_name},
    converse_reply::{Block, Reply, ServiceTier, ToolUse},
    finish::{Finish, finish},
    rescue,
    sse::UsageObject,
    thinking::{Part, Redactions, Splitter},
};
use crate::{ApiError, Usage};

/// Makes the chat completion.
///
/// # Errors
/// 502 if the body is no answer of Converse, or if the model's output cannot be used.
pub fn to_completion(body: &[u8], shape: &ReplyShape, envelope: &Envelope) -> Result<Answer, ApiError> {
    let reply: Reply<'_> = serde_json::from_slice(body).map_err(|error| rescue::unreadable(&error))?;
    if reply.output.is_none() && reply.stop_reason.is_none() {
        return Err(rescue::no_answer("neither `output` nor `stopReason`"));
    }
    let blocks =
        reply.output.as_ref().and_then(|output| output.message.as_ref()).map_or(&[][..], |m| &m.content);
    let parts = Parts::collect(blocks, shape);
    let stop_reason = reply.stop_reason.as_ref().map_or("end_turn", |reason| &*reason.0);
    let finish = finish(stop_reason, parts.calls.done(shape))?;
    let usage = reply.usage.map(Usage::from).unwrap_or_default();
    let completion = Completion {
        id: &envelope.id,
        object: "chat.completion",
        created: envelope.created,
        model: &envelope.model,
        choices: [Choice { index: 0, message: parts.message(), logprobs: (), finish_reason: finish }],
        usage: usage.into(),
        service_tier: reply.service_tier.as_ref().and_then(ServiceTier::name),
    };
    let body = serde_json::to_vec(&completion).map_err(|error| rescue::unreadable(&error))?;
    Ok(Answer { body, usage })
}

/// What the blocks of a message come to.
struct Parts<'a> {
    text: String,
    reasoning: String,
    json: Option<Cow<'a, str>>,
    tool_calls: Vec<ToolCall<'a>>,
    calls: Calls,
    legacy: bool,
}

impl<'a> Parts<'a> {
    fn collect(blocks: &'a [Block<'a>], shape: &'a ReplyShape) -> Self {
        let mut parts = Self {
            text: String::new(),
            reasoning: String::new(),
            json: None,
            tool_calls: Vec::new(),
            calls: Calls::default(),
            legacy: shape.legacy_function_call,
        };
        let mut splitter = Splitter::new(shape.thinking);
        for block in blocks {
            if let Some(text) = &block.text {
                parts.text_block(&mut splitter, [&*text.0]);
            }
            if let Some(citations) = &block.citations_content {
                parts.text_block(
                    &mut splitter,
                    citations.content.iter().filter_map(|cited| cited.text.as_ref().map(|text| &*text.0)),
                );
            }
            if let Some(text) =
                block.reasoning_content.as_ref().and_then(|block| block.reasoning_text.as_ref())
            {
                let mut redactions = Redactions::default();
                redactions.push(&text.text, |text| parts.reasoning.push_str(text));
                redactions.finish(|text| parts.reasoning.push_str(text));
            }
            if let Some(call) = &block.tool_use {
                parts.tool_use(call, shape);
            }
        }
        parts
    }

    fn text_block<'t>(&mut self, splitter: &mut Splitter, pieces: impl IntoIterator<Item = &'t str>) {
        let (text, reasoning) = (&mut self.text, &mut self.reasoning);
        let mut emit = |part, piece: &str| match part {
            Part::Content => text.push_str(piece),
            Part::Reasoning => reasoning.push_str(piece),
        };
        for piece in pieces {
            splitter.push(piece, &mut emit);
        }
        splitter.finish(&mut emit);
    }

    fn tool_use(&mut self, call: &'a ToolUse<'a>, shape: &'a ReplyShape) {
        let input = call.input.map_or(Cow::Borrowed("{}"), |input| compact(input.get()));
        match self.calls.next(shape, &call.name) {
            Call::Hidden => {}
            Call::Json => self.json = Some(input),
            Call::Passed(_) => self.tool_calls.push(ToolCall {
                id: &call.tool_use_id,
                kind: "function",
                function: Function { name: client_name(shape, &call.name), arguments: input },
            }),
        }
    }

    fn message(self) -> Message<'a> {
        // Text beside forced JSON would make the content unreadable.
        let content = self.json.unwrap_or(Cow::Owned(self.text));
        let mut tool_calls = self.tool_calls;
        let has_calls = !tool_calls.is_empty();
        let function_call = if self.legacy { tool_calls.pop().map(|call| call.function) } else { None };
        Message {
            role: "assistant",
            content: (!content.is_empty() || !has_calls).then_some(content),
            refusal: (),
            reasoning_content: (!self.reasoning.is_empty()).then_some(self.reasoning),
            tool_calls,
            function_call,
        }
    }
}

/// The JSON text without blanks between its tokens. Numbers and the order of members stay as the model wrote them.
fn compact(json: &str) -> Cow<'_, str> {
    let blank = |c: char| matches!(c, ' ' | '\t' | '\n' | '\r');
    if !json.contains(blank) {
        return Cow::Borrowed(json);
    }
    let mut out = String::with_capacity(json.len());
    let (mut in_string, mut escaped) = (false, false);
    for c in json.chars() {
        if in_string {
            in_string = escaped || c != '"';
            escaped = !escaped && c == '\\';
        } else if blank(c) {
            continue;
        } else {
            in_string = c == '"';
        }
        out.push(c);
    }
    Cow::Owned(out)
}

#[derive(Serialize)]
struct Completion<'a> {
    id: &'a str,
    object: &'static str,
    created: i64,
    model: &'a str,
    choices: [Choice<'a>; 1],
    usage: UsageObject,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<&'static str>,
}

#[derive(Serialize)]
struct Choice<'a> {
    index: u32,
    message: Message<'a>,
    logprobs: (),
    finish_reason: Finish,
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'static str,
    content: Option<Cow<'a, str>>,
    refusal: (),
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<ToolCall<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    function_call: Option<Function<'a>>,
}

#[derive(Serialize)]
struct ToolCall<'a> {
    id: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    function: Function<'a>,
}

#[derive(Serialize)]
struct Function<'a> {
    name: &'a str,
    arguments: Cow<'a, str>,
}

#[cfg(test)]
mod tests;
