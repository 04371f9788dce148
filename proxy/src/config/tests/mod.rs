//! What an operator sees of a configuration.
