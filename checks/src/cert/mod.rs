//! Certificates: what is known of them ([`facts`]), how it is read ([`read`]), and how it is judged ([`judge`]).

pub mod facts;
pub mod judge;
pub mod read;
