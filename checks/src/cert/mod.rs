//! Certificates: what is known of them ([`facts`]), how it is read ([`read`]), and how it is judged.

pub mod facts;
pub mod read;
