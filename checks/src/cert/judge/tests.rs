//! Verdicts on certificates.
