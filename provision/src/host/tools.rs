//! stub for tools
