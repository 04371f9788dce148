//! The forms of a report: pure functions of a [`CheckReport`](crate::CheckReport) and of how it is to look.
//!
//! Every form says the same: the status of each subject and of the whole is in all of them. Whatever comes from a
//! certificate, a server or a file name is data, and is escaped by the rules of the form; no control character of it
//! reaches a terminal.

mod escape;
mod html;
mod json;
mod junit;
mod markdown;
mod nagios;
mod prometheus;
#[cfg(test)]
mod tests;
mod text;
mod timeline;
mod words;

pub use html::html;
pub use json::json;
pub use junit::junit;
pub use markdown::markdown;
pub use nagios::{LONGEST as NAGIOS_LONGEST, exit as nagios_exit, nagios, refusal as nagios_refusal};
pub use prometheus::prometheus;
pub use text::{line, text};

pub use escape::{lines as plain_lines, plain};

use crate::cert::judge::Policy;

/// How a report is to look, and what it says of where it comes from.
#[derive(Debug, Clone)]
pub struct Style {
    /// How the operator calls the program, for the commands that are printed.
    pub program: String,
    /// Who looked: program, version and host, such as `sre-agent-deploy 0.1.0 on host-1`.
    pub by: String,
    /// Whether colours of a terminal may be used.
    pub colour: bool,
    /// Columns of a terminal.
    pub width: usize,
    /// Whether findings that are in order are listed too.
    pub verbose: bool,
    /// Whether a pipeline should fail on warnings.
    pub fail_on_warning: bool,
    /// What certificates were held to, where any were judged.
    pub policy: Option<Policy>,
}
