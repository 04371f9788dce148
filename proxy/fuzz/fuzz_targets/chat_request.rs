//! The body of a request: a chat request or a refusal, never a panic.

#![no_main]

use libfuzzer_sys::fuzz_target;
use proxy::{
    config::{Requests, Thinking},
    openai::ChatRequest,
};

fuzz_target!(|body: &[u8]| {
    let limits = Requests {
        max_body_bytes: 1024 * 1024,
        max_messages: 64,
        max_tools: 16,
        default_max_tokens: 4096,
        strict_params: false,
        thinking: Thinking::Keep,
        allow_raw_models: false,
    };
    let _judged = ChatRequest::parse(body, &limits);
});
