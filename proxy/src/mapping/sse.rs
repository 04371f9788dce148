//! Server-sent events in the form of OpenAI's `chat.completion.chunk`.
//!
//! What is the same in all chunks of a stream is rendered once; a delta costs some copies and the escaping of its
//! text.

use serde::Serialize;

use super::{Envelope, finish::Finish};
use crate::{ApiError, Usage};

/// Ends a stream that is complete.
const DONE: &[u8] = b"data: [DONE]\n\n";

/// Writes the chunks of one stream.
#[derive(Debug)]
pub struct Chunks {
    /// From `data: ` to the bracket that opens `choices`.
    prefix: Box<[u8]>,
    /// With `include_usage`, all chunks but the last carry `usage: null`.
    include_usage: bool,
}

impl Chunks {
    /// A writer for a stream with this envelope.
    pub fn new(envelope: &Envelope, include_usage: bool) -> Self {
        let mut prefix = Vec::with_capacity(160);
        prefix.extend_from_slice(b"data: {\"id\":");
        json(&mut prefix, &envelope.id);
        prefix.extend_from_slice(b",\"object\":\"chat.completion.chunk\",\"created\":");
        json(&mut prefix, &envelope.created);
        prefix.extend_from_slice(b",\"model\":");
        json(&mut prefix, &envelope.model);
        prefix.extend_from_slice(b",\"choices\":[");
        Self { prefix: prefix.into_boxed_slice(), include_usage }
    }

    /// The first chunk: who speaks.
    pub fn role(&self, out: &mut Vec<u8>) {
        self.delta(out, |out| out.extend_from_slice(b"\"role\":\"assistant\",\"content\":\"\""));
    }

    /// A piece of the answer.
    pub fn content(&self, out: &mut Vec<u8>, text: &str) {
        self.delta(out, |out| {
            out.extend_from_slice(b"\"content\":");
            json(out, text);
        });
    }

    /// A piece of what the model thought; not OpenAI's own member, but the one that clients of others read.
    pub fn reasoning(&self, out: &mut Vec<u8>, text: &str) {
        self.delta(out, |out| {
            out.extend_from_slice(b"\"reasoning_content\":");
            json(out, text);
        });
    }

    /// The beginning of the tool call number `index`.
    pub fn tool_call(&self, out: &mut Vec<u8>, index: u32, id: &str, name: &str) {
        self.delta(out, |out| {
            out.extend_from_slice(b"\"tool_calls\":[{\"index\":");
            json(out, &index);
            out.extend_from_slice(b",\"id\":");
            json(out, id);
            out.extend_from_slice(b",\"type\":\"function\",\"function\":{\"name\":");
            json(out, name);
            out.extend_from_slice(b",\"arguments\":\"\"}}]");
        });
    }

    /// A piece of the arguments of tool call number `index`.
    pub fn tool_arguments(&self, out: &mut Vec<u8>, index: u32, text: &str) {
        self.delta(out, |out| {
            out.extend_from_slice(b"\"tool_calls\":[{\"index\":");
            json(out, &index);
            out.extend_from_slice(b",\"function\":{\"arguments\":");
            json(out, text);
            out.extend_from_slice(b"}}]");
        });
    }

    /// The beginning of a call in the form for clients that send `functions`.
    pub fn function_call(&self, out: &mut Vec<u8>, name: &str) {
        self.delta(out, |out| {
            out.extend_from_slice(b"\"function_call\":{\"name\":");
            json(out, name);
            out.extend_from_slice(b",\"arguments\":\"\"}");
        });
    }

    /// A piece of its arguments.
    pub fn function_arguments(&self, out: &mut Vec<u8>, text: &str) {
        self.delta(out, |out| {
            out.extend_from_slice(b"\"function_call\":{\"arguments\":");
            json(out, text);
            out.extend_from_slice(b"}");
        });
    }

    /// The chunk that says why the model stopped.
    pub fn finish(&self, out: &mut Vec<u8>, finish: Finish) {
        self.open(out);
        out.extend_from_slice(b"},\"logprobs\":null,\"finish_reason\":");
        json(out, &finish);
        self.close(out);
    }

    /// The last chunk where the client asked for the usage; nothing where it did not.
    pub fn usage(&self, out: &mut Vec<u8>, usage: Usage, service_tier: Option<&str>) {
        if !self.include_usage {
            return;
        }
        out.extend_from_slice(&self.prefix);
        out.extend_from_slice(b"],\"usage\":");
        json(out, &UsageObject::from(usage));
        if let Some(tier) = service_tier {
            out.extend_from_slice(b",\"service_tier\":");
            json(out, tier);
        }
        out.extend_from_slice(b"}\n\n");
    }

    fn delta(&self, out: &mut Vec<u8>, members: impl FnOnce(&mut Vec<u8>)) {
        self.open(out);
        members(out);
        out.extend_from_slice(b"},\"logprobs\":null,\"finish_reason\":null");
        self.close(out);
    }

    fn open(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.prefix);
        out.extend_from_slice(b"{\"index\":0,\"delta\":{");
    }

    fn close(&self, out: &mut Vec<u8>) {
        let end: &[u8] = if self.include_usage { b"}],\"usage\":null}\n\n" } else { b"}]}\n\n" };
        out.extend_from_slice(end);
    }
}

/// Says that the answer is complete.
pub fn done(out: &mut Vec<u8>) {
    out.extend_from_slice(DONE);
}

/// Says that the answer has broken. OpenAI's clients raise on a data object with the member `error`.
pub fn error(out: &mut Vec<u8>, error: &ApiError) {
    out.extend_from_slice(b"data: ");
    out.extend_from_slice(&error.body());
    out.extend_from_slice(b"\n\n");
}

/// `usage` as OpenAI counts: what came from or went into the cache was also sent.
#[derive(Debug, Serialize)]
pub(super) struct UsageObject {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    prompt_tokens_details: PromptTokens,
}

#[derive(Debug, Serialize)]
struct PromptTokens {
    cached_tokens: u64,
    cache_write_tokens: u64,
}

impl From<Usage> for UsageObject {
    fn from(usage: Usage) -> Self {
        Self {
            prompt_tokens: usage.prompt_tokens(),
            completion_tokens: usage.output_tokens,
            total_tokens: usage.total_tokens(),
            prompt_tokens_details: PromptTokens {
                cached_tokens: usage.cache_read_tokens,
                cache_write_tokens: usage.cache_write_tokens,
            },
        }
    }
}

/// Writes a value that cannot fail: into memory, without maps that have other keys than strings.
fn json(out: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) {
    let written = serde_json::to_writer(out, value);
    debug_assert!(written.is_ok(), "writing JSON into memory");
}
