//! The house rules that no compiler checks: who may depend on whom, what may be linked in, and that pages, codes and
//! commands named in the documentation exist.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a rule that cannot be checked is a failed test, not a skipped one"
)]

mod commands;
mod crates;
mod documents;
mod graph;
mod runbooks;
mod sources;
mod tree;
