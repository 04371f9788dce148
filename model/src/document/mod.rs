//! A configuration file as text: read into values that know their place, and shown again with what is wrong in it.
//!
//! Every program of this workspace reads its file with [`read`], judges the [`Node`]s in its own words, notes each
//! fault as a [`Problem`], and shows all of them at once with [`render`] or [`render_masked`].

pub mod codes;
mod flaw;
pub(crate) mod mask;
pub(crate) mod node;
pub(crate) mod problem;
pub(crate) mod render;
pub(crate) mod secret_names;
pub(crate) mod source;
pub(crate) mod suggest;
pub(crate) mod yaml;

pub use flaw::{Flaw, shown};
pub use mask::IsSecret;
pub use node::{Entry, Node, Notation, Scalar, Type, Value};
pub use problem::{Origin, Place, Problem, Span};
pub use render::{RenderStyle, render, render_masked};
pub use secret_names::is_secret;
pub use source::SourceText;
pub use suggest::nearest;
pub use yaml::{Read, read};
