//! Certificates from a real ACME authority: pebble, with a small server that answers as the proxy does.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on stops"
)]

mod accounts;
mod bench;
mod challenges;
mod deaths;
mod records;
mod schedules;
mod suggestions;
