//! The installation of a host on a machine in memory: what it makes, and what it holds against kills and failures.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test that cannot go on stops"
)]

mod agent;
mod faults;
mod going_back;
mod journal;
mod runs;
mod support;
