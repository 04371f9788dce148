//! Starts and stops the real parts that tests run against. A dev-dependency only.
//!
//! [`Moto`] and [`Ministack`] are emulated accounts over real HTTP, each on its own free loopback port with its own
//! scratch folder; both end with the test that started them, even when that test is killed. [`Pebble`] is an ACME authority, [`AuthorityFront`]
//! stands before it and suggests when to renew, [`PairServer`] serves what it issued, and [`TextDns`] is a DNS for it to look at. [`KillingProxy`] stands
//! between the program and one of them and stops, spoils or delays chosen calls. [`rerun`] gives a test an
//! environment of its own. [`python()`] runs a script of a client that others wrote, [`OpenAiClient`] one of OpenAI's, [`McpServer`] is a server for our own client.
//! [`Terminal`] is a terminal that a program is driven through.
//! [`Booted`] is a machine with a systemd of its own, [`Neighbour`] a host beside it, [`Load`] many clients of the proxy, [`TlsFront`] takes TLS off for what
//! speaks plain HTTP. What cannot be had is a failure that says how to get it, never a skipped test.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    clippy::disallowed_methods,
    reason = "test support: what cannot be had is a panic, and where the parts are is read from the environment"
)]

mod booted;
mod http;
mod load;
mod mcp;
mod ministack;
mod moto;
mod names;
mod pebble;
mod picture;
mod proxy;
mod python;
mod rerun;
mod server;
mod terminal;
mod tls;
mod venv;

pub use booted::{Booted, Neighbour, Preparation};
pub use load::{Found, Load};
pub use mcp::McpServer;
pub use ministack::Ministack;
pub use moto::Moto;
pub use names::TextDns;
pub use pebble::{AuthorityFront, PairServer, Pebble, PebbleOptions, RenewalAnswer};
pub use picture::Film;
pub use proxy::{Fault, KillingProxy, ProxyPlan, RecordedCall};
pub use python::{OpenAiClient, RunningScript, python};
pub use rerun::{environment, rerun};
pub use terminal::{Terminal, keys};
pub use tls::{TlsFront, certificate};
