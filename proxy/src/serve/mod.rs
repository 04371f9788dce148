//! Takes requests: routes, the order of the gates, the answer, and the end of the process.

mod activity;
mod ask;
mod chat;
mod connection;
mod connections;
mod context;
mod cors;
mod embeddings;
mod files;
mod health;
mod ids;
mod listener;
mod models;
mod notify;
mod reload;
mod reply;
mod request_body;
mod route;
mod service;
mod shutdown;
mod sse;
#[cfg(test)]
mod tests;
mod ticket;

pub use activity::Answer;
pub use connections::{Limits, Served, serve};
pub use context::{Parts, Serving, Shared};
pub use files::FileWatch;
pub use ids::Ids;
pub use listener::{ListenError, Listener, inherited_sockets};
pub use notify::Notifier;
pub use reload::{Origin, Outcome, Reloaded, Reloader, Snapshot};
pub use reply::{Reply, ReplyBody};
pub use service::Service;
pub use shutdown::{Ending, Signal, Signals};
