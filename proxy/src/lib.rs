//! Serves: `bedrock-nova-proxy`, an OpenAI-compatible endpoint behind rustls in front of Amazon Bedrock Nova.
//!
//! A request goes through it from the top of this list to the bottom and back:
//!
//! - [`tls`] takes the connection, [`serve`] the request;
//! - [`auth`] says who calls, [`limits`] whether that caller may;
//! - [`openai`] is what the client said, [`mapping`] turns it into what Bedrock understands and back, without IO;
//! - [`upstream`] asks Bedrock or OpenAI, with retries, fallbacks and a circuit breaker;
//! - [`ledger`] writes down who used how much, [`telemetry`] how it went.
//!
//! Limits and ledger may be kept in tables, which [`dynamo`] is the way to. [`config`] is what all of it is built from;
//! [`cli`] is the program around it.

pub mod auth;
mod body;
mod chain;
pub mod cli;
pub mod clock;
pub mod config;
pub mod dynamo;
pub mod error;
pub mod ledger;
pub mod limits;
pub mod mapping;
pub mod openai;
pub mod program;
pub mod serve;
pub mod telemetry;
pub mod tls;
pub mod upstream;
pub mod usage;

pub use error::{ApiError, ErrorType};
pub use usage::Usage;
