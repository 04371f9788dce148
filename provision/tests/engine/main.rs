//! The engine from outside: whole runs on the practice account, killed, failed and repeated everywhere.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test that cannot go on stops"
)]

mod by_hand;
mod by_hand_gateway;
mod faults;
mod first_boot;
mod gateway;
mod gateway_of_others;
mod journal;
mod kill;
mod laws;
mod memory;
mod ownership;
mod player;
mod rotation;
mod runs;
mod runtime;
mod snapshots;
mod support;
