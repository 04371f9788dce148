//! Requests become Converse requests.
