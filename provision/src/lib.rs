//! Does: plans, applies, resumes, rolls back and cleans up a deployment.

pub mod advice;
pub mod apply;
pub mod bundle;
pub mod clock;
pub mod engine;
pub mod error;
pub mod events;
pub mod first_boot;
pub mod graph;
pub mod guide;
pub mod guided;
mod held;
pub mod host;
pub mod journal;
pub mod key;
pub mod patience;
pub mod plan;
pub mod policy;
pub mod preflight;
pub mod recorder;
pub mod steps;
pub mod survey;
pub mod undo;
pub mod user_data;
