//! What clients see of a stream: transcripts of what happens, laws about what may not.

mod laws;
mod transcripts;
