//! Verdicts on certificates that are made for the question, as an operator would see them.

#![expect(
    clippy::arithmetic_side_effects,
    reason = "the numbers of these tests are small; an overflow fails the test"
)]

mod account;
mod cases;
mod form;
mod keys;
mod make;
mod never;
mod pkits;
mod thresholds;
