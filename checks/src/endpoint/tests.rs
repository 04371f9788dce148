//! The checks of an endpoint against servers that do as they should and servers that lie.
