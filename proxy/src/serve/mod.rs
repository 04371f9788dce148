//! Takes requests: routes, the order of the gates, the answer, and the end of the process.

mod activity;
mod connections;
mod files;
mod listener;
mod notify;
mod reload;
mod shutdown;

pub use activity::Answer;
pub use connections::{Limits, Served, serve};
pub use files::FileWatch;
pub use listener::{ListenError, Listener, inherited_sockets};
pub use notify::Notifier;
pub use reload::{Origin, Outcome, Reloader, Snapshot};
pub use shutdown::{Ending, Signal, Signals};
