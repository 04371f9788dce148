//! How another host is reached: names, addresses, TCP, STARTTLS, TLS, HTTP.
//!
//! Each step is a function with a deadline that says what it saw, failures included, as a value. What that means for
//! a deployment is judged elsewhere.
//!
//! - [`target`]: where to, as an operator writes it.
//! - [`dns`]: what name servers and the machine's own resolver say of a name.
//! - [`connect`]: TCP to one address; refused, silent, reset and unroutable told apart.
//! - [`starttls`]: the few lines of other protocols before TLS.
//! - [`tls`]: the handshake, the chain recorded whatever comes of it.
//! - [`http`]: one request over either.
//! - [`collect`]: all of it for many endpoints at once, and what they serve.
//! - [`ari`]: when the authority of a certificate suggests to renew it.

pub mod ari;
pub mod collect;
pub mod connect;
pub mod dns;
pub mod http;
mod recorder;
pub mod starttls;
pub mod target;
pub mod tls;
mod url;
