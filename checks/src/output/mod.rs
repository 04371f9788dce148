//! PLACEHOLDER of the outputs.
