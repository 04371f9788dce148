//! Which credentials there are: one set for each identity, however many upstreams and targets use it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use model::Region;

use super::credentials::{Credentials, Identity};
use crate::{clock::Clock, config::Role};

/// Hands out the same [`Credentials`] to everybody with the same identity.
pub(crate) struct CredentialsBook {
    clock: Arc<dyn Clock>,
    entries: Mutex<Entries>,
}

type Entries = Vec<(Identity, Arc<Credentials>)>;

impl CredentialsBook {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, entries: Mutex::default() }
    }

    /// The credentials of an identity, made if there are none. Nothing is loaded yet.
    pub(crate) fn of(&self, profile: Option<&str>, role: Option<&Role>, region: &Region) -> Arc<Credentials> {
        let identity =
            Identity { profile: profile.map(str::to_owned), role: role.cloned(), region: region.clone() };
        let mut entries = self.entries();
        if let Some((_, known)) = entries.iter().find(|(known, _)| *known == identity) {
            return Arc::clone(known);
        }
        let new = Arc::new(Credentials::of(identity.clone(), Arc::clone(&self.clock)));
        entries.push((identity, Arc::clone(&new)));
        new
    }

    /// Forgets identities that nobody uses any more.
    pub(crate) fn prune(&self) {
        self.entries().retain(|(_, credentials)| Arc::strong_count(credentials) > 1);
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
