//! Certificates are read from files that others wrote, that nobody should have written, and that are no certificates.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::print_stdout,
    reason = "a test that cannot go on stops, and a child says what it found"
)]

mod bad_input;
mod corpus;
mod keys;
mod layouts;
mod mutation;
mod support;
