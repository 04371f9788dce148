//! Certificates with every peculiarity.
