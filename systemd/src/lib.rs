//! What is installed on a host: its units as types that render to text, where everything lies, and the few things that
//! are done to a machine, behind a port.

pub mod host;
pub mod layout;
pub mod unit;
pub mod units;
pub mod words;

pub use layout::{Layout, Program};
