//! The built program against an emulated account over real HTTP: deployed, killed with SIGKILL, resumed, cleaned up.
//!
//! Feature: aws-ec2-production-deployment, Property 5: Error Handling and Recovery
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test that cannot go on stops, and says why"
)]

mod booted;
mod certificates;
mod faults;
mod first_boot;
mod gateway;
mod kill;
mod runs;
mod workbench;
