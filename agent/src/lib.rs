//! The SRE agent's side of a gateway: the OpenAPI schemas of its backends, and the files that its scripts share.

pub mod openapi;
