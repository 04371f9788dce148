//! `check account` against the practice account.
