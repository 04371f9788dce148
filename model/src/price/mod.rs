//! What the resources of a plan cost a month, line by line.
//!
//! [`bill`] is one more projection of a [`Plan`](crate::plan::Plan), beside the preview and the progress: what is priced
//! are its steps, and there is no list of resources here. The prices are data, [`Book`], with source and date each; what
//! has no price there is "not priced" and never a guess. How much the deployment is going to be used nobody knows, so
//! [`Usage`] says what it assumes, three times.

mod bill;
mod book;
mod money;
mod steps;
#[cfg(test)]
mod tests;
mod usage;

pub use bill::{Amount, Basis, Bill, Line, bill};
pub use book::{Book, BookError, Price};
pub use money::{Quantity, Spread, Usd};
pub use steps::month_of_instance;
pub use usage::{Assumption, Usage};
