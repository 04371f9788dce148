//! The one registry of checks: each code with its title, what has to hold before it can be asked, and how long it may
//! take. Each area keeps its own table; this file puts them together.

use std::time::Duration;

use crate::{account, cert, cognito, endpoint, gateway, host, network};

/// What there is to know of a check before it runs.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    /// The code of its findings; each has a page in `runbooks/`.
    pub code: &'static str,
    /// What holds when it passes, as a short statement: "the name resolves".
    pub title: &'static str,
    /// Codes of checks on the same subject without which this one cannot be asked.
    pub after: &'static [&'static str],
    /// How long one attempt may take. Zero where nothing is waited for.
    pub deadline: Duration,
    /// How often it is tried where what it looks at can heal by itself; 1 is once.
    pub attempts: u32,
}

impl Entry {
    /// A check that only judges what is there.
    pub const fn pure(code: &'static str, title: &'static str) -> Self {
        Self { code, title, after: &[], deadline: Duration::ZERO, attempts: 1 }
    }

    /// A check that waits for somebody else.
    pub const fn waiting(
        code: &'static str,
        title: &'static str,
        after: &'static [&'static str],
        seconds: u64,
    ) -> Self {
        Self { code, title, after, deadline: Duration::from_secs(seconds), attempts: 1 }
    }

    /// The same check, tried again while what it looks at may heal.
    #[must_use]
    pub const fn attempts(self, attempts: u32) -> Self {
        Self { attempts, ..self }
    }
}

/// All checks, by area.
pub fn all() -> impl Iterator<Item = &'static Entry> {
    [
        cert::read::CHECKS,
        cert::judge::CHECKS,
        network::CHECKS,
        network::path::CHECKS,
        account::CHECKS,
        cognito::CHECKS,
        endpoint::CHECKS,
        gateway::CHECKS,
        host::CHECKS,
    ]
    .into_iter()
    .flatten()
}

/// The check of a code.
pub fn find(code: &str) -> Option<&'static Entry> {
    all().find(|entry| entry.code == code)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_are_unique_and_what_they_wait_for_exists() {
        let mut seen = BTreeSet::new();
        for entry in all() {
            assert!(seen.insert(entry.code), "{} is there twice", entry.code);
            for before in entry.after {
                assert!(find(before).is_some(), "{} waits for {before}, which is none", entry.code);
            }
        }
    }
}
