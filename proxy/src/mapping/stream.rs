//! The events of `ConverseStream` as OpenAI's chunks: a state machine that is given bytes and writes bytes.

use std::ops::ControlFlow;

use serde::Deserialize;

use super::{
    Envelope, Progress, ReplyShape, Translate,
    calls::{Call, Calls, client_name},
    converse_reply::{BlockDelta, BlockStart, BlockStop, MessageStop, Metadata, ServiceTier, Start, ToolUse},
    finish::{Finish, finish},
    frame::{Decoder, Frame},
    rescue,
    sse::{self, Chunks},
    thinking::{Part, Redactions, Splitter},
};
use crate::{ApiError, Usage};

/// How many tool calls may be open at once. Bedrock sends one block after the other.
const MAX_OPEN_CALLS: usize = 128;
/// How much text is kept back while a forced JSON document may still follow, bytes. No model may say as much.
const MAX_HELD_BYTES: usize = 4 * 1024 * 1024;

/// Translates one stream.
#[derive(Debug)]
pub struct ConverseTranslator {
    decoder: Decoder,
    answer: Answer,
    progress: Progress,
}

impl ConverseTranslator {
    /// A translator that has seen nothing.
    pub fn new(shape: ReplyShape, envelope: &Envelope) -> Self {
        Self { decoder: Decoder::default(), answer: Answer::new(shape, envelope), progress: Progress::Open }
    }

    fn fail(&mut self, error: ApiError, out: &mut Vec<u8>) {
        sse::error(out, &error);
        self.progress = Progress::Failed(Box::new(error));
    }

    fn complete(&mut self, out: &mut Vec<u8>) {
        self.answer.write_usage(out);
        sse::done(out);
        self.progress = Progress::Complete;
    }
}

impl Translate for ConverseTranslator {
    fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Progress {
        if self.progress == Progress::Open {
            let answer = &mut self.answer;
            let flow = self.decoder.push(bytes, |frame| match answer.on_frame(frame, out) {
                Ok(()) if answer.complete() => ControlFlow::Break(Ok(())),
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => ControlFlow::Break(Err(error)),
            });
            match flow {
                Ok(ControlFlow::Continue(())) => {}
                Ok(ControlFlow::Break(Ok(()))) => self.complete(out),
                Ok(ControlFlow::Break(Err(error))) => self.fail(error, out),
                Err(error) => self.fail(rescue::from_broken_frame(error).error, out),
            }
        }
        self.progress.clone()
    }

    /// A stream that ends behind `messageStop` is complete, whether or not the usage came.
    fn end(&mut self, out: &mut Vec<u8>) -> Progress {
        if self.progress == Progress::Open {
            if self.answer.finish.is_some() {
                self.complete(out);
            } else {
                let error =
                    rescue::stream_error("The upstream ended the stream before the answer was complete.");
                self.fail(error, out);
            }
        }
        self.progress.clone()
    }

    fn usage(&self) -> Option<Usage> {
        self.answer.usage
    }

    fn characters(&self) -> u64 {
        self.answer.writer.characters
    }
}

/// The answer as far as it is known.
#[derive(Debug)]
struct Answer {
    shape: ReplyShape,
    writer: Writer,
    calls: Calls,
    /// The tool calls that have begun and not ended.
    open: Vec<OpenCall>,
    splitter: Splitter,
    redactions: Redactions,
    /// Where JSON is forced: text that is the content only if no JSON follows.
    held: String,
    finish: Option<Finish>,
    usage: Option<Usage>,
    service_tier: Option<&'static str>,
    metadata_seen: bool,
}

/// A tool call between its start and its stop.
#[derive(Debug)]
struct OpenCall {
    block: u32,
    call: Call,
    /// Whether there was anything but blanks: no input at all means no arguments, which is `{}` in JSON.
    has_input: bool,
}

impl Answer {
    fn new(shape: ReplyShape, envelope: &Envelope) -> Self {
        Self {
            writer: Writer::new(&shape, envelope),
            splitter: Splitter::new(shape.thinking),
            shape,
            calls: Calls::default(),
            open: Vec::new(),
            redactions: Redactions::default(),
            held: String::new(),
            finish: None,
            usage: None,
            service_tier: None,
            metadata_seen: false,
        }
    }

    fn complete(&self) -> bool {
        self.finish.is_some() && self.metadata_seen
    }

    fn on_frame(&mut self, frame: Frame<'_>, out: &mut Vec<u8>) -> Result<(), ApiError> {
        match frame {
            Frame::Event { kind, payload } => self.on_event(kind, payload, out),
            Frame::Exception { kind, payload } => Err(rescue::from_exception(kind, payload).error),
            Frame::Error { code, message } => Err(rescue::from_error_frame(code, message).error),
        }
    }

    fn on_event(&mut self, kind: &str, payload: &[u8], out: &mut Vec<u8>) -> Result<(), ApiError> {
        match kind {
            "metadata" => {
                self.on_metadata(&parse(payload)?);
                Ok(())
            }
            // The client has the finish already; nothing can be added to the answer.
            _ if self.finish.is_some() => Ok(()),
            "contentBlockDelta" => self.on_delta(&parse(payload)?, out),
            "contentBlockStart" => self.on_start(&parse(payload)?, out),
            "contentBlockStop" => {
                self.on_stop(&parse(payload)?, out);
                Ok(())
            }
            "messageStart" => {
                self.writer.role(out);
                Ok(())
            }
            "messageStop" => self.on_message_stop(&parse(payload)?, out),
            // Events that Bedrock adds one day are none that an answer depends on.
            _ => Ok(()),
        }
    }

    fn on_start(&mut self, start: &BlockStart<'_>, out: &mut Vec<u8>) -> Result<(), ApiError> {
        let Some(Start { tool_use: Some(tool) }) = &start.start else { return Ok(()) };
        if self.open.len() >= MAX_OPEN_CALLS {
            return Err(rescue::stream_error("The model makes too many tool calls at once."));
        }
        let call = self.calls.next(&self.shape, &tool.name);
        self.open.push(OpenCall { block: start.content_block_index, call, has_input: false });
        self.begin_call(call, tool, out);
        Ok(())
    }

    fn begin_call(&mut self, call: Call, tool: &ToolUse<'_>, out: &mut Vec<u8>) {
        match call {
            Call::Passed(index) => {
                let name = client_name(&self.shape, &tool.name);
                self.writer.call(out, index, &tool.tool_use_id, name);
            }
            // Whatever was said before the document is not part of it.
            Call::Json => self.held = String::new(),
            Call::Hidden => {}
        }
    }

    fn on_delta(&mut self, event: &BlockDelta<'_>, out: &mut Vec<u8>) -> Result<(), ApiError> {
        if let Some(text) = &event.delta.text {
            return self.on_text(&text.0, out);
        }
        if let Some(tool) = &event.delta.tool_use {
            return self.on_input(event.content_block_index, &tool.input, out);
        }
        if let Some(text) =
            event.delta.reasoning_content.as_ref().and_then(|reasoning| reasoning.text.as_ref())
        {
            let writer = &mut self.writer;
            self.redactions.push(&text.0, |text| writer.reasoning(out, text));
        }
        Ok(())
    }

    fn on_text(&mut self, text: &str, out: &mut Vec<u8>) -> Result<(), ApiError> {
        let mut sink = TextSink::new(&self.shape, &self.calls, &mut self.held, &mut self.writer);
        self.splitter.push(text, |part, text| sink.write(out, part, text));
        if self.held.len() > MAX_HELD_BYTES {
            return Err(rescue::stream_error("The model says too much before its JSON."));
        }
        Ok(())
    }

    fn on_input(&mut self, block: u32, input: &str, out: &mut Vec<u8>) -> Result<(), ApiError> {
        let Some(open) = self.open.iter_mut().find(|open| open.block == block) else {
            return Err(rescue::stream_error(
                "The upstream sent arguments of a tool call that has not begun.",
            ));
        };
        open.has_input |= !input.trim_ascii().is_empty();
        self.writer.input(out, open.call, input);
        Ok(())
    }

    fn on_stop(&mut self, stop: &BlockStop, out: &mut Vec<u8>) {
        match self.open.iter().position(|open| open.block == stop.content_block_index) {
            Some(position) => {
                let open = self.open.remove(position);
                self.end_call(&open, out);
            }
            None => self.end_text(out),
        }
    }

    fn end_call(&mut self, open: &OpenCall, out: &mut Vec<u8>) {
        if !open.has_input {
            self.writer.input(out, open.call, "{}");
        }
    }

    /// Writes what was held back because a tag might have begun.
    fn end_text(&mut self, out: &mut Vec<u8>) {
        let mut sink = TextSink::new(&self.shape, &self.calls, &mut self.held, &mut self.writer);
        self.splitter.finish(|part, text| sink.write(out, part, text));
        let writer = &mut self.writer;
        self.redactions.finish(|text| writer.reasoning(out, text));
    }

    fn on_message_stop(&mut self, stop: &MessageStop<'_>, out: &mut Vec<u8>) -> Result<(), ApiError> {
        let finish = finish(&stop.stop_reason, self.calls.done(&self.shape))?;
        self.end_text(out);
        for open in std::mem::take(&mut self.open) {
            self.end_call(&open, out);
        }
        let held = std::mem::take(&mut self.held);
        self.writer.content(out, &held);
        self.writer.finish(out, finish);
        self.finish = Some(finish);
        Ok(())
    }

    fn on_metadata(&mut self, metadata: &Metadata<'_>) {
        self.metadata_seen = true;
        self.usage = metadata.usage.map(Usage::from);
        self.service_tier = metadata.service_tier.as_ref().and_then(ServiceTier::name);
    }

    fn write_usage(&self, out: &mut Vec<u8>) {
        if let Some(usage) = self.usage {
            self.writer.chunks.usage(out, usage, self.service_tier);
        }
    }
}

/// Where text goes: to the client, aside, or nowhere.
struct TextSink<'a> {
    json_forced: bool,
    json_begun: bool,
    held: &'a mut String,
    writer: &'a mut Writer,
}

impl<'a> TextSink<'a> {
    fn new(shape: &ReplyShape, calls: &Calls, held: &'a mut String, writer: &'a mut Writer) -> Self {
        Self { json_forced: shape.forced_json_tool.is_some(), json_begun: calls.json(), held, writer }
    }

    fn write(&mut self, out: &mut Vec<u8>, part: Part, text: &str) {
        match part {
            Part::Reasoning => self.writer.reasoning(out, text),
            Part::Content if !self.json_forced => self.writer.content(out, text),
            Part::Content if self.json_begun => {}
            Part::Content => self.held.push_str(text),
        }
    }
}

/// Writes chunks, the first of them first, none of them empty.
#[derive(Debug)]
struct Writer {
    chunks: Chunks,
    legacy: bool,
    role_written: bool,
    characters: u64,
}

impl Writer {
    fn new(shape: &ReplyShape, envelope: &Envelope) -> Self {
        Self {
            chunks: Chunks::new(envelope, shape.include_usage),
            legacy: shape.legacy_function_call,
            role_written: false,
            characters: 0,
        }
    }

    fn role(&mut self, out: &mut Vec<u8>) {
        if !self.role_written {
            self.role_written = true;
            self.chunks.role(out);
        }
    }

    fn content(&mut self, out: &mut Vec<u8>, text: &str) {
        if self.begin(out, text) {
            self.chunks.content(out, text);
        }
    }

    fn reasoning(&mut self, out: &mut Vec<u8>, text: &str) {
        if self.begin(out, text) {
            self.chunks.reasoning(out, text);
        }
    }

    fn call(&mut self, out: &mut Vec<u8>, index: u32, id: &str, name: &str) {
        self.role(out);
        if self.legacy {
            self.chunks.function_call(out, name);
        } else {
            self.chunks.tool_call(out, index, id, name);
        }
    }

    fn input(&mut self, out: &mut Vec<u8>, call: Call, text: &str) {
        match call {
            Call::Hidden => {}
            Call::Json => self.content(out, text),
            Call::Passed(_) if !self.begin(out, text) => {}
            Call::Passed(_) if self.legacy => self.chunks.function_arguments(out, text),
            Call::Passed(index) => self.chunks.tool_arguments(out, index, text),
        }
    }

    fn finish(&mut self, out: &mut Vec<u8>, finish: Finish) {
        self.role(out);
        self.chunks.finish(out, finish);
    }

    /// Whether there is anything to write; if so, counts it.
    fn begin(&mut self, out: &mut Vec<u8>, text: &str) -> bool {
        if text.is_empty() {
            return false;
        }
        self.role(out);
        let characters = u64::try_from(text.chars().count()).unwrap_or(u64::MAX);
        self.characters = self.characters.saturating_add(characters);
        true
    }
}

fn parse<'a, T: Deserialize<'a>>(payload: &'a [u8]) -> Result<T, ApiError> {
    serde_json::from_slice(payload).map_err(|error| rescue::unreadable_event(&error))
}

#[cfg(test)]
mod tests;
