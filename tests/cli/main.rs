//! The program from outside: what an operator types, on a practice account, and what comes of it.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on stops"
)]

mod account;
mod agent_directory;
mod certificates;
mod checks;
mod configuration;
mod endpoint;
mod exits;
mod forms;
mod gateway;
mod gateway_steps;
mod guided;
mod half_done;
mod host;
mod outputs;
mod proxy;
mod rehearsal;
mod rehearsal_faults;
mod renew;
mod rotate_key;
mod runs;
mod state_file;
mod support;
mod terminal;
mod unattended;
mod verify;
mod wizard;
mod wizard_pages;
