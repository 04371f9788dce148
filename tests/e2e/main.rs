//! The built program against an emulated account over real HTTP: deployed, killed with SIGKILL, resumed, cleaned up.
//!
//! Feature: aws-ec2-production-deployment, Property 5: Error Handling and Recovery
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod booted;
mod certificates;
mod faults;
mod first_boot;
mod kill;
mod runs;
mod workbench;
