//! Takes connections: rustls with certificates that can be exchanged while it runs.
//!
//! [`load_pair`] reads a certificate with its key and finds out whether it may be shown to anybody. [`Server`] speaks
//! TLS with whatever pair it was given last, and answers challenges of ACME. [`CertificateWatch`] notices new files and
//! gives them to the server once they are whole and right.

mod challenge;
mod error;
mod expiry;
mod pair;
mod server;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod watch;

pub use error::TlsError;
pub use expiry::{Ending, ExpiryWatch};
pub use pair::{Shown, is_weak, load_pair};
pub use server::{Peer, Server, check_client_auth};
pub use watch::{CertificateWatch, Look};
