//! Static API keys. The configuration holds their digests; the key itself is shown once, when it is made.

use std::sync::Arc;

use aws_lc_rs::{constant_time, digest};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use model::Secret;

use super::Caller;
use crate::config::ApiKey;

/// Secret scanners find a key by how it begins.
const PREFIX: &str = "bnp_";

/// SHA-256 of a credential.
pub(super) type Digest = [u8; 32];

/// The digest by which keys are compared and verified tokens are remembered.
pub(super) fn digest_of(credential: &[u8]) -> Digest {
    let mut out = [0; 32];
    for (to, from) in out.iter_mut().zip(digest::digest(&digest::SHA256, credential).as_ref()) {
        *to = *from;
    }
    out
}

/// A new key from 32 bytes of a cryptographic random source, `bnp_` and 43 characters, and the digest for `sha256` of
/// the configuration. A fast digest is enough, since nobody guesses 256 bits.
pub fn generate(random: [u8; 32]) -> (Secret<String>, [u8; 32]) {
    let key = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(random));
    let digest = digest_of(key.as_bytes());
    (Secret::new(key), digest)
}

/// The keys of the configuration.
pub(super) struct ApiKeys(Vec<(Digest, Arc<Caller>)>);

impl ApiKeys {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn new(keys: &[ApiKey]) -> Self {
        let caller = |key: &ApiKey| Caller {
            id: Caller::id_of_key(&key.name).into(),
            client_id: None,
            groups: key.groups.clone(),
        };
        Self(keys.iter().map(|key| (key.sha256, Arc::new(caller(key)))).collect())
    }

    /// Whose key has this digest. Every key is compared, each in constant time, so that the time tells nothing about
    /// how close a guess was nor which key it hit.
    pub(super) fn find(&self, digest: &Digest) -> Option<Arc<Caller>> {
        let mut found = None;
        for (candidate, caller) in &self.0 {
            if constant_time::verify_slices_are_equal(candidate, digest).is_ok() {
                found = Some(caller);
            }
        }
        found.map(Arc::clone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_key_is_recognised_by_its_digest_alone() {
        let (key, sha256) = generate([7; 32]);
        assert_eq!(key.expose(), "bnp_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc");
        let keys = ApiKeys::new(&[
            ApiKey { name: "other".to_owned(), sha256: [0; 32], groups: Vec::new() },
            ApiKey { name: "ci".to_owned(), sha256, groups: vec!["robots".to_owned()] },
        ]);
        let caller = keys.find(&digest_of(key.expose().as_bytes())).unwrap();
        assert_eq!((&*caller.id, caller.groups.as_slice()), ("key:ci", ["robots".to_owned()].as_slice()));
        assert_eq!(keys.find(&digest_of(b"bnp_guess")), None);
    }

    #[test]
    fn the_digest_is_sha_256() {
        let expected = b"\xba\x78\x16\xbf\x8f\x01\xcf\xea\x41\x41\x40\xde\x5d\xae\x22\x23\xb0\x03\x61\xa3\x96\x17\x7a\x9c\xb4\x10\xff\x61\xf2\x00\x15\xad";
        assert_eq!(&digest_of(b"abc"), expected);
    }
}
