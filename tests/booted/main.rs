//! The real programs under the real units, on a machine that boots its own systemd.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod agent;
mod host;
mod sandbox;
mod serving;
mod timers;
mod words;
