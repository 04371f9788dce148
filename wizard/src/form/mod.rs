//! The one form: which questions there are, what was answered, and the configuration that follows.
//!
//! A field is a key of the configuration with what a person needs to answer it. All front ends ask these fields, and all
//! of them end in [`Answers`]; [`configuration`] is the only way from answers to a file. So the same answers give the
//! same file, byte for byte, whoever asked.

mod answers;
mod fields;
mod file;
mod page;
mod picture;
mod render;
mod table;
mod text;
mod value;
mod yaml;

pub(crate) use answers::is_nothing;
pub use answers::{Answers, Defaults, Source, Suggestion};
pub use fields::{Field, GATEWAY, NO, YES, find, is_relevant, relevant};
pub use file::from_file;
pub use page::Page;
pub use picture::{Line, Tone, access_picture, tls_picture};
pub use render::{Judgement, configuration, flags, judge};
pub use table::FIELDS;
pub use text::{Proposal, Question, Remark, Shape, parsed, shape, shown, shown_with, takes_nothing};
pub(crate) use value::PRODUCT_DEFAULTS;

#[cfg(test)]
pub(crate) mod tests;
