//! The checks of a user pool against a real issuer and against ones that lie.
