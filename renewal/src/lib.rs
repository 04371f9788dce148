//! Keeps a host's certificate fresh: when it is due, how it is obtained, and how the new pair takes the place of the old.
//!
//! - [`run`]: one run, from the look to the word for the next.
//! - [`pair`]: a certificate chain with its key, and what is known of it.
//! - [`store`]: the pairs of a host, exchanged as a whole by one rename.
//! - [`schedule`]: when one is asked for; [`state`]: what one run leaves for the next.
//! - [`acme`]: a certificate from an authority; [`records`]: the DNS that it may look at; [`trouble`]: what can go wrong, with its code.
//! - [`disk`]: the few operations on files that everything here is made of, so that a test can stop at each.
//!
//! Nothing here reads the environment or the wall clock: both come in as values.

pub mod acme;
pub mod disk;
pub mod pair;
pub mod records;
pub mod run;
pub mod schedule;
pub mod state;
pub mod store;
#[cfg(test)]
mod testing;
pub mod trouble;
