//! The one form: which questions there are, what was answered, and the configuration that follows.
//!
//! A field is a key of the configuration with what a person needs to answer it. All front ends ask these fields, and all
//! of them end in [`Answers`]; [`configuration`] is the only way from answers to a file. So the same answers give the
//! same file, byte for byte, whoever asked.

mod answers;
mod fields;
mod render;

pub use answers::{Answers, Defaults, Source, Suggestion};
pub use fields::{FIELDS, Field, Page, find, relevant};
pub use render::{Judgement, configuration, judge};
