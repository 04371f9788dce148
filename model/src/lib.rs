//! The words of the domain: validated configuration, identifiers, findings, the plan and the events.
//!
//! Nothing here does IO, waits, or reads a clock or the environment; everything is a value or a function of values.

pub mod agent;
pub mod bedrock;
pub mod config;
pub mod document;
pub mod event;
pub mod finding;
pub mod first_boot;
pub mod guide;
pub mod hex;
pub mod host;
pub mod ids;
pub mod plan;
pub mod price;
pub mod report;
pub mod secret;
pub mod security;
pub mod tags;

pub use config::Config;
pub use finding::{Finding, Severity};
pub use ids::{AccountId, DeploymentId, Region};
pub use secret::Secret;
