//! Does: plans, applies, resumes, rolls back and cleans up a deployment.

pub mod journal;
pub mod key;
pub mod clock;
pub mod error;
pub mod events;
pub mod patience;
pub mod policy;
pub mod steps;
pub mod graph;
pub mod plan;
pub mod survey;
pub mod advice;
pub mod apply;
pub mod recorder;
pub mod undo;
pub mod engine;
pub mod preflight;
