//! What a real account serves over the network, on loopback: a Cognito issuer, a small Bedrock, an AgentCore gateway
//! with its backends, and the authority that makes the certificates.
//!
//! All answer real HTTP on `127.0.0.1`, each on a thread of its own, and end with the value that started them, so
//! that tests, the rehearsal and a benchmark use them alike. [`Bedrock`] speaks Converse, `ConverseStream` and
//! `InvokeModel` in true event-stream frames and answers the same to the same question; a [`Script`] makes it slow or
//! makes it fail in one of the ways that the real one fails. [`Issuer`] signs tokens in the shape of Cognito's, and on
//! demand the ones that have to be refused. [`McpGateway`] speaks MCP to whoever has such a token, and calls [`DemoBackend`]s
//! with the key that its credential provider gives. [`Authority`] stands for the one that a deployment has its certificate from.

mod authority;
mod bedrock;
mod issuer;
mod json;
mod mcp;
mod server;
mod tls;

pub use authority::{Authority, AuthorityError, CERTIFICATE_LIFETIME, Pair};
pub use bedrock::script::{Fault, Refusal, Script};
pub use bedrock::{Bedrock, BedrockOptions, Fast, Recorded};
pub use issuer::token::Forgery;
pub use issuer::{Algorithm, Client, Issuer, IssuerOptions};
pub use mcp::{
    DemoBackend, GatewayFault, GatewayStage, GatewayStageOptions, McpGateway, McpGatewayOptions, Reached,
};
pub use server::StartError;
