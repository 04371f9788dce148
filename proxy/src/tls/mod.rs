//! Takes connections: rustls with certificates that can be exchanged while it runs.
