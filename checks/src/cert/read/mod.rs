//! Reads certificates: from bytes ([`certificate`], [`items`]), from a file ([`material`]), from many ([`check_files`]).
//!
//! Nothing here judges. What cannot be read is said in findings of severity unknown, so that it never passes for good:
//!
//! - a file that cannot be read, or that is no file ([`codes::DENIED`] and others);
//! - a file without certificates. One that has only a private key is unknown where it was named; where a pattern or a
//!   folder brought it up, it lies beside its certificate and is worth a note, unless all of them are keys;
//! - a certificate of which a part cannot be read. All others of the file are read, and so is the rest of this one.
//!
//! A private key is looked for in the certificate's own file first, then beside it; only its public half leaves
//! `key.rs`.

mod algorithm;
pub mod codes;
mod contents;
mod der;
mod expand;
mod extension;
mod file;
mod key;
mod mac;
mod material;
mod name;
mod parse;
mod pem;
mod pkcs12;
mod source;

pub(crate) use algorithm::object_identifier;
pub use codes::CHECKS;
pub use contents::{Contents, Form, Other, items};
pub use expand::{Target, expand, expand_all};
pub use file::LARGEST_FILE;
pub use material::{check_files, material, of_target, with_key};
pub use parse::certificate;
pub(crate) use source::guess;

/// How an oddity begins that stands for something that is not known, although the certificate says it.
pub const UNREADABLE: &str = "unreadable ";
