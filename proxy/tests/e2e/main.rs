//! The proxy from outside: the program itself, over TLS, with an issuer and a small Bedrock on loopback, and clients
//! that others wrote.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::print_stderr,
    reason = "a test that cannot go on stops"
)]

mod access;
mod booted;
mod chat;
mod curl;
mod documentation;
mod errors;
mod http;
mod ledger;
mod life;
mod limits;
mod ministack;
mod pki;
mod rig;
mod security;
mod service_model;
mod stream;
