//! PLACEHOLDER of remote.
