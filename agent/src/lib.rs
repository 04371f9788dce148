//! The SRE agent's side of a gateway: the OpenAPI schemas of its backends, and the files that its scripts share.
//!
//! Nothing here touches a disk: what is there comes in as text, and what is to be written goes out as text.

pub mod doctor;
pub mod formats;
pub mod layout;
pub mod merge;
pub mod openapi;
mod placeholder;
mod wanted;

pub use wanted::Wanted;
