//! The files of the sample, each read as the sample's own reader reads it and written so that every reader agrees.
//!
//! The readers are grep, cut and sed, a shell that sources, Python's dotenv, and docker's `--env-file`. They differ, so
//! what is written is what all of them take the same way, and anything else is refused instead of mended.

mod agent_config;
mod config;
mod env;
mod line;
#[cfg(test)]
mod tests;

pub use agent_config::AgentConfig;
pub use config::GatewayConfig;
pub use env::{EnvFile, Unclear};
pub use line::{line, read_line, without_mcp};

/// A value that a file of the sample cannot carry. The value itself is not told, since it may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key} cannot be written: {why}")]
pub struct Unwritable {
    /// What should have the value.
    pub key: String,
    /// Why it cannot.
    pub why: &'static str,
}

impl Unwritable {
    fn new(key: &str, why: &'static str) -> Self {
        Self { key: key.to_owned(), why }
    }
}

/// The lines of a text without their ends, and whether any ended as Windows ends them.
fn lines(text: &str) -> (Vec<String>, bool) {
    let is_windows = text.contains("\r\n");
    (text.lines().map(str::to_owned).collect(), is_windows)
}

/// Lines as a file.
fn joined(lines: &[String]) -> String {
    lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect()
}
