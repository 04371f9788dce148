//! Ids of requests and answers: unique, not secret.

use std::sync::atomic::{AtomicU64, Ordering};

use http::HeaderValue;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Longer ids of clients are not taken over: they end in logs and tables.
const LONGEST_CLIENT_ID_CHARS: usize = 128;
/// The increment of `SplitMix64`: odd, so that the state takes every value once.
const GOLDEN_GAMMA: u64 = 0x9E37_79B9_7F4A_7C15;

/// Makes ids from a seed. Two runs with the same seed make the same ids, which is what tests want; a program seeds it
/// from the system.
#[derive(Debug)]
pub struct Ids {
    state: AtomicU64,
}

impl Ids {
    /// Ids from this seed.
    pub fn new(seed: u64) -> Self {
        Self { state: AtomicU64::new(seed) }
    }

    /// The next number (`SplitMix64`).
    pub fn number(&self) -> u64 {
        let mut z = self.state.fetch_add(GOLDEN_GAMMA, Ordering::Relaxed).wrapping_add(GOLDEN_GAMMA);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// `PREFIX` and 24 letters and digits.
    pub fn with_prefix(&self, prefix: &str) -> String {
        let mut id = String::with_capacity(prefix.len().saturating_add(24));
        id.push_str(prefix);
        for _ in 0..3 {
            let mut number = self.number();
            for _ in 0..8 {
                // The remainder is smaller than the length of the alphabet.
                let letter = usize::try_from(number % 62).ok().and_then(|at| ALPHABET.get(at));
                id.push(char::from(letter.copied().unwrap_or(b'0')));
                number /= 62;
            }
        }
        id
    }

    /// The id of a request: the client's own where it is harmless, else a new one.
    pub fn of_request(&self, sent: Option<&HeaderValue>) -> String {
        sent.and_then(|value| value.to_str().ok())
            .filter(|id| is_harmless(id))
            .map_or_else(|| self.with_prefix("req_"), str::to_owned)
    }
}

/// Whether it can stand in a log line and in a table as it is.
fn is_harmless(id: &str) -> bool {
    (1..=LONGEST_CLIENT_ID_CHARS).contains(&id.len())
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':'))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ids_do_not_repeat() {
        let ids = Ids::new(7);
        let made: BTreeSet<String> = (0..10_000).map(|_| ids.with_prefix("chatcmpl-")).collect();
        assert_eq!(made.len(), 10_000);
        assert!(made.iter().all(|id| id.len() == "chatcmpl-".len() + 24), "{:?}", made.first());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn whatever_a_client_sends_the_id_is_harmless(sent in "\\PC{0,200}") {
            let id = Ids::new(1).of_request(HeaderValue::from_str(&sent).ok().as_ref());
            prop_assert!(is_harmless(&id), "{id}");
        }

        #[test]
        fn a_harmless_id_comes_back(sent in "[A-Za-z0-9._:-]{1,128}") {
            prop_assert_eq!(Ids::new(1).of_request(HeaderValue::from_str(&sent).ok().as_ref()), sent);
        }
    }
}
