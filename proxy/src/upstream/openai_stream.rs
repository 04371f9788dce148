//! OpenAI's own stream, passed on with the name of the model that the client sent.

use http::StatusCode;
use serde::Deserialize;
use serde_json::value::{RawValue, to_raw_value};

use super::{
    members::{Members, Text},
    openai::{ErrorObject, WireUsage},
};
use crate::{
    ApiError, Usage,
    mapping::{Envelope, Progress, Translate},
};

/// The longest event that is put together from pieces.
const MAX_EVENT_BYTES: usize = 4 * 1024 * 1024;

/// What stays allocated between events.
const KEPT_BYTES: usize = 16 * 1024;

/// Rewrites `model`, takes note of the usage, and makes sure that a stream which breaks does not look complete.
///
/// The upstream has to be asked for `stream_options.include_usage`, whatever the client asked for.
#[derive(Debug)]
pub struct OpenAiTranslator {
    /// The requested name as JSON.
    model: Option<Box<RawValue>>,
    /// Whether the client asked for the usage.
    include_usage: bool,
    /// A line that has begun.
    line: Vec<u8>,
    usage: Option<Usage>,
    characters: u64,
}

/// A chunk as far as it concerns the books.
#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(borrow, default)]
    delta: Option<Delta<'a>>,
}

#[derive(Deserialize)]
struct Delta<'a> {
    #[serde(borrow, default)]
    content: Option<Text<'a>>,
}

impl OpenAiTranslator {
    /// A translator for one answer.
    pub fn new(envelope: &Envelope, include_usage: bool) -> Self {
        // A string always makes a JSON value.
        let model = to_raw_value(&envelope.model).ok();
        Self { model, include_usage, line: Vec::new(), usage: None, characters: 0 }
    }

    /// Reads one line, without its end.
    fn line(&mut self, line: &[u8], out: &mut Vec<u8>) -> Progress {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        // Comments, other fields and the blank lines between events: each of ours is one line of data.
        let Some(data) = line.strip_prefix(b"data:") else { return Progress::Open };
        let data = data.trim_ascii();
        if data == b"[DONE]" {
            out.extend_from_slice(b"data: [DONE]\n\n");
            return Progress::Complete;
        }
        self.chunk(data, out)
            .unwrap_or_else(|| fail(broken("OpenAI sent an event that is no JSON object"), out))
    }

    fn chunk(&mut self, data: &[u8], out: &mut Vec<u8>) -> Option<Progress> {
        let members: Members<'_> = serde_json::from_slice(data).ok()?;
        if let Some(error) = members.get("error").filter(|error| *error != "null") {
            let said: ErrorObject = serde_json::from_str(error).unwrap_or_default();
            return Some(fail(said.into_error(StatusCode::BAD_GATEWAY, |text| text), out));
        }
        let usage =
            members.get("usage").and_then(|usage| serde_json::from_str::<Option<WireUsage>>(usage).ok());
        if let Some(usage) = usage.flatten() {
            self.usage = Some(usage.into());
        }
        let choices = members.get("choices").unwrap_or("[]");
        self.count(choices);
        let only_usage =
            choices.bytes().all(|byte| matches!(byte, b'[' | b']') || byte.is_ascii_whitespace());
        if only_usage && self.usage.is_some() && !self.include_usage {
            return Some(Progress::Open);
        }
        out.extend_from_slice(b"data: ");
        let model = ("model", self.model.as_ref().map(|model| model.get()));
        // In every chunk but the last it is `null`, if it was asked for. The client has not.
        let changes: &[_] = if self.include_usage { &[model] } else { &[model, ("usage", None)] };
        members.write(changes, out);
        out.extend_from_slice(b"\n\n");
        Some(Progress::Open)
    }

    fn count(&mut self, choices: &str) {
        let choices: Vec<Choice<'_>> = serde_json::from_str(choices).unwrap_or_default();
        for text in choices.into_iter().filter_map(|choice| choice.delta?.content) {
            let characters = u64::try_from(text.0.chars().count()).unwrap_or(u64::MAX);
            self.characters = self.characters.saturating_add(characters);
        }
    }
}

impl Translate for OpenAiTranslator {
    fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Progress {
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, after) = rest.split_at_checked(end).unwrap_or((rest, &[]));
            rest = after.get(1..).unwrap_or_default();
            let progress = if self.line.is_empty() {
                self.line(line, out)
            } else {
                let mut whole = std::mem::take(&mut self.line);
                whole.extend_from_slice(line);
                let progress = self.line(&whole, out);
                whole.clear();
                whole.shrink_to(KEPT_BYTES);
                self.line = whole;
                progress
            };
            if progress != Progress::Open {
                return progress;
            }
        }
        if self.line.len().saturating_add(rest.len()) > MAX_EVENT_BYTES {
            return fail(broken("OpenAI sent an event that is too long"), out);
        }
        self.line.extend_from_slice(rest);
        Progress::Open
    }

    fn end(&mut self, out: &mut Vec<u8>) -> Progress {
        fail(broken("OpenAI's stream ended without [DONE]"), out)
    }

    fn usage(&self) -> Option<Usage> {
        self.usage
    }

    fn characters(&self) -> u64 {
        self.characters
    }
}

fn broken(log: &'static str) -> ApiError {
    let message = "The upstream's answer broke off.";
    ApiError::server(StatusCode::BAD_GATEWAY, "stream_error", message).log(log)
}

/// Writes the error event.
fn fail(error: ApiError, out: &mut Vec<u8>) -> Progress {
    out.extend_from_slice(b"data: ");
    out.extend_from_slice(&error.body());
    out.extend_from_slice(b"\n\n");
    Progress::Failed(Box::new(error))
}

#[cfg(test)]
mod tests;
