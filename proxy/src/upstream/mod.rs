//! Asks Bedrock, OpenAI or the practice upstream; knows HTTP and signatures, and nothing of chats.
//!
//! - `set` holds all upstreams of a configuration; `attempt` gets the first answer from those of a route, with retries,
//!   fallbacks and the circuit breakers of `breaker`;
//! - `bedrock`, `openai` and `practice` answer; `openai_stream` passes OpenAI's stream on;
//! - `client` is HTTP; [`sign`] and `credentials` are how AWS knows us; `aws_json` calls its other services, such as the
//!   tables of `dynamo`;
//! - `refusal` is what clients hear where nobody answers;
//! - `refreshing` keeps what is fetched from far away: credentials, and the secret of `openai_secret`.

mod attempt;
mod aws_json;
mod bedrock;
mod breaker;
mod client;
mod credentials;
mod credentials_book;
mod dynamo;
mod endpoint;
mod environment;
mod members;
mod openai;
mod openai_secret;
mod openai_stream;
mod practice;
mod refreshing;
mod refusal;
mod set;
pub mod sign;
#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "times and counts of tests")]
mod stub;
#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "times and counts of tests")]
mod wire;

use std::{pin::Pin, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use http::HeaderMap;
use http_body_util::combinators::UnsyncBoxBody;

use crate::{ApiError, config::Target};

#[cfg(test)]
pub(crate) use dynamo::testing as table;

pub use crate::body::BoxError;
pub use attempt::{Attempt, Candidate, first_answer};
pub use breaker::{Breaker, Circuit, Leave, Outcome, Permit};
pub use client::{HttpClient, NoRoots};
pub use environment::{Environment, InvalidVariable};
pub use openai::completion as openai_completion;
pub use openai_stream::OpenAiTranslator;
pub use practice::Practice;
pub use set::UpstreamSet;

/// The body of an upstream's answer.
pub type Body = UnsyncBoxBody<Bytes, BoxError>;

/// What is asked of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Bedrock: Converse. OpenAI: chat completions.
    Chat,
    /// Bedrock: ConverseStream. OpenAI: chat completions with `stream`.
    ChatStream,
    /// Bedrock: InvokeModel with the body of an embedding model. OpenAI: embeddings.
    Embeddings,
}

/// One call of one target.
#[derive(Debug, Clone)]
pub struct Call<'a> {
    /// Whom to ask.
    pub target: &'a Target,
    /// What.
    pub operation: Operation,
    /// The body, in the upstream's dialect.
    pub body: Bytes,
    /// How long until the first byte of the answer.
    pub first_byte: Duration,
}

/// An answer that has begun. For [`Operation::ChatStream`] of Bedrock, the first frame was seen and is no exception.
pub struct Reply {
    /// The headers of the answer.
    pub headers: HeaderMap,
    /// The whole answer, or the stream.
    pub body: Body,
    /// The upstream's id of the request, for the log.
    pub request_id: Option<String>,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What the client gets if nobody else answers.
    pub error: ApiError,
    /// Whether the same call may work in a moment or elsewhere: throttling, 5xx, no connection.
    pub retryable: bool,
    /// Whether it says that the upstream is unwell (counts for the circuit breaker): 5xx and no connection, not throttling.
    pub unwell: bool,
}

/// Somebody who answers. Implementations neither retry nor fall back; `attempt` does.
#[async_trait]
pub trait Upstream: Send + Sync {
    /// Makes the call once.
    async fn send(&self, call: &Call<'_>) -> Result<Reply, Refusal>;

    /// Whether a call could be made at all: there is something to sign it with. Asks no model.
    async fn ready(&self) -> Result<(), NotReady> {
        Ok(())
    }
}

/// Why no call could be made. Lower-case fragment, for the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotReady(pub String);

/// A future that a hook returns.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
