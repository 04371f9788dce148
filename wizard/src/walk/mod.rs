//! The way through the pages: a reducer from what the person meant and what became known to effects, without IO.
//!
//! - [`Cmd`] is what the person meant, whatever key it was.
//! - [`State`] is everything there is: answers, selection, scroll, what is being typed. A front end keeps nothing itself.
//! - [`step`] is the only way from one state to the next; [`take`] is the same for many keys before a frame. There is a
//!   file for each family of pages.
//!
//! No answer is lost but by erasing it, and every change of the draft is the first effect of the step that made it.

mod apply;
mod checks;
mod cmd;
mod editor;
mod ending;
mod fields;
mod inputs;
mod overlay;
mod policy;
mod record;
mod review;
mod settle;
mod state;
mod trouble;
mod update;

pub use checks::{Check, CheckStage};
pub use cmd::{Cmd, Mode};
pub use editor::Editor;
pub use fields::{Asking, Option as Answer, asking};
pub use policy::Policy;
pub use record::Watch;
pub use review::{Item as ReviewItem, Node, tree};
pub use state::{Overlay, Phase, Question, Review, Running, State};
pub use trouble::{Way, adopted, ways};
pub use update::{Msg, settle, step, take};

pub use apply::HandItem;

#[cfg(test)]
pub(crate) mod fixtures;
#[cfg(test)]
mod laws;
#[cfg(test)]
mod tests;
