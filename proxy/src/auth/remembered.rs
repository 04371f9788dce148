//! Tokens that were verified a moment ago, by the SHA-256 of their text: an RSA verification once a token, not once a
//! request.
//!
//! Two tables a shard: new entries go into the young one; when it is full, it becomes the old one and the old one is
//! forgotten. An entry that is used in the old one moves to the young one. So the size is bounded, what is used stays,
//! and nothing ever has to be searched for something to throw out.

use std::{
    collections::HashMap,
    mem,
    sync::{Arc, Mutex, PoisonError},
};

use super::{Caller, api_key::Digest};

/// Callers that arrive at the same time seldom wait for each other.
const SHARDS: usize = 16;

/// What the verdict over a token was.
#[derive(Debug, Clone)]
pub(super) struct Verified {
    pub(super) caller: Arc<Caller>,
    /// `exp`, seconds since 1970.
    pub(super) expires: i64,
    /// Which of the configured issuers.
    pub(super) issuer: usize,
    /// The key set of the issuer at the time.
    pub(super) generation: u64,
}

/// The tokens.
pub(super) struct Remembered {
    shards: Vec<Mutex<Shard>>,
    /// Entries of one table.
    table_size: usize,
}

#[derive(Default)]
struct Shard {
    young: HashMap<Digest, Verified>,
    old: HashMap<Digest, Verified>,
}

impl Remembered {
    /// Room for about this many tokens; never more.
    pub(super) fn new(capacity: usize) -> Self {
        let tables = SHARDS.saturating_mul(2);
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            table_size: capacity.checked_div(tables).unwrap_or_default().max(1),
        }
    }

    /// The verdict over the token with this digest, if it is remembered. The whole digest was compared.
    pub(super) fn find(&self, digest: &Digest) -> Option<Verified> {
        let mut shard = self.shard(digest)?.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(verified) = shard.young.get(digest) {
            return Some(verified.clone());
        }
        let verified = shard.old.remove(digest)?;
        shard.keep(*digest, verified.clone(), self.table_size);
        Some(verified)
    }

    /// Remembers a verdict.
    pub(super) fn keep(&self, digest: Digest, verified: Verified) {
        if let Some(shard) = self.shard(&digest) {
            shard.lock().unwrap_or_else(PoisonError::into_inner).keep(digest, verified, self.table_size);
        }
    }

    /// Forgets a token, because it has expired or its key is gone.
    pub(super) fn forget(&self, digest: &Digest) {
        if let Some(shard) = self.shard(digest) {
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            shard.young.remove(digest);
            shard.old.remove(digest);
        }
    }

    fn shard(&self, digest: &Digest) -> Option<&Mutex<Shard>> {
        let first = usize::from(*digest.first()?);
        self.shards.get(first.checked_rem(SHARDS)?)
    }
}

impl Shard {
    fn keep(&mut self, digest: Digest, verified: Verified, table_size: usize) {
        if self.young.len() >= table_size {
            self.old = mem::take(&mut self.young);
        }
        self.young.insert(digest, verified);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::api_key::digest_of;

    fn verified(id: u32) -> Verified {
        let caller = Caller { id: format!("sub:{id}").into(), client_id: None, groups: Vec::new() };
        Verified { caller: Arc::new(caller), expires: 0, issuer: 0, generation: 0 }
    }

    fn digest(id: u32) -> Digest {
        digest_of(&id.to_be_bytes())
    }

    #[test]
    fn a_token_in_use_is_never_pushed_out_by_others() {
        let tokens = Remembered::new(320);
        tokens.keep(digest(0), verified(0));
        for id in 1..10_000 {
            tokens.keep(digest(id), verified(id));
            assert_eq!(&*tokens.find(&digest(0)).unwrap().caller.id, "sub:0");
        }
    }

    #[test]
    fn there_is_a_limit_to_what_is_remembered() {
        let tokens = Remembered::new(320);
        for id in 0..10_000 {
            tokens.keep(digest(id), verified(id));
        }
        let held: usize = tokens
            .shards
            .iter()
            .map(|shard| {
                let shard = shard.lock().unwrap();
                shard.young.len() + shard.old.len()
            })
            .sum();
        assert!((160..=320).contains(&held), "{held}");
        assert!(tokens.find(&digest(9_999)).is_some());
        tokens.forget(&digest(9_999));
        assert!(tokens.find(&digest(9_999)).is_none());
    }
}
