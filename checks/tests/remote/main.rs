//! How other hosts are reached, against real servers.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on stops")]

mod endpoints;
mod handshakes;
mod names;
mod namespaces;
mod parts;
mod renewal;
mod requests;
mod services;
mod suite;
