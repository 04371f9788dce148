//! Draws the walk on a terminal and reads its keys.
//!
//! Keys become commands ([`keymap`]), commands and news become states and effects ([`walk::step`](crate::walk::step)),
//! states become frames ([`screens`]). Only [`run()`] touches the terminal, through a [`Guard`] that gives it back
//! however the program ends.

mod guard;
pub mod keymap;
pub mod keys;
mod links;
mod run;
pub mod screens;
pub mod theme;

pub use guard::Guard;
pub use links::can as can_link;
pub use run::{Options, Program, run};
pub use theme::{Colour, Theme};
