//! Asks an operator for a configuration, shows what will be made from it and what that costs, and shows it happen.
//!
//! - [`form`] is the one model of the questions: fields, answers, what is wrong with them, the configuration they make.
//! - [`discovery`] is what was found out about the place and the account, and the defaults that follow from it.
//! - [`draft`] is what is kept on disk after each answer, so that nothing is lost however the process ends.
//! - [`walk`] is the way through the pages: a reducer from commands and news to effects, without IO.
//! - [`exchange`] is all that goes between the wizard and the program around it.
//! - [`progress`] folds the engine's events into what can be shown.
//! - [`tui`] draws the walk on a terminal; [`prompts`] asks the same questions a line at a time.
//!
//! Nothing here reaches an account, reads a file or knows the time of day: the program does, when an
//! [`Effect`](exchange::Effect) asks for it, and answers with an [`Input`](exchange::Input).

pub mod discovery;
pub mod draft;
pub mod exchange;
pub mod form;
mod known;
pub mod progress;
pub mod prompts;
pub mod tui;
pub mod walk;
