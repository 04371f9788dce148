//! Verdicts on certificates that are made for the question, as an operator would see them.

mod cases;
mod facts;
mod make;
mod pkits;
mod thresholds;
