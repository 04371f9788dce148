//! What clients say: the requests of OpenAI's API, parsed once, every wrong member named by its path.
//!
//! The types borrow from the body, so that a picture of some megabytes is never copied. Schemas of tools stay the
//! JSON text that they are. What an upstream cannot do is no matter of this module: `n: 3` is a fine request.

mod chat;
mod embeddings;
mod estimate;
mod explain;
mod few;
mod message;
mod params;
mod raw;
mod rewrite;
mod text;
mod tool;
mod words;

#[cfg(test)]
mod tests;

#[cfg(test)]
pub(crate) use self::tests::limits;
pub use chat::ChatRequest;
pub use embeddings::{EmbeddingsRequest, Encoding, Input};
pub use estimate::Estimate;
pub use message::{Assistant, CacheControl, Content, FunctionCall, Message, Part, ToolCall};
pub use params::{Effort, JsonSchema, ResponseFormat, StreamOptions};
pub use raw::Raw;
pub use rewrite::with_model;
pub use text::Text;
pub use tool::{AllowedMode, Function, Tool, ToolChoice};
