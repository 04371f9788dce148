//! The keys of one issuer: fetched when they are needed, kept, and fetched again when they are old or a token names one
//! that is not among them.
//!
//! At most one fetch is under way, everybody who needs it waits for it, and it goes on when they leave. Two fetches are
//! 30 s apart, whatever callers send; after a failure it is 1 s, then twice as long each time up to 30 s. Keys that an
//! issuer published once stay good while it cannot be reached.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwapOption;
use jiff::Timestamp;
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, timeout},
};

use super::{
    FetchDocument,
    key_set::{self, DocumentError, Key},
};

/// Between two fetches. It also bounds how long a key that the issuer has just published may go unknown.
const SPACING: Duration = Duration::from_secs(30);

/// After a first failure.
const FIRST_RETRY: Duration = Duration::from_secs(1);

/// Keys of this age are fetched again at the next use; nobody waits for that.
const MAX_AGE: Duration = Duration::from_hours(1);

/// Both documents together; the port should be faster.
const FETCH_LIMIT: Duration = Duration::from_secs(10);

/// Why there is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Miss {
    /// The issuer has no key of that name.
    Unknown,
    /// The issuer could not be asked; so long until it is asked again.
    Unavailable(Duration),
}

/// The keys of one issuer.
pub(super) struct KeyCache {
    shared: Arc<Shared>,
    /// The fetch under way. It ends with this value.
    tasks: Mutex<JoinSet<()>>,
}

struct Shared {
    issuer: String,
    jwks_uri: Option<String>,
    fetch: Arc<dyn FetchDocument>,
    set: ArcSwapOption<KeySet>,
    flight: Mutex<Flight>,
}

/// What the issuer published.
struct KeySet {
    keys: Vec<Key>,
    /// Differs from that of every other set of this issuer.
    generation: u64,
    fetched_at: Timestamp,
}

/// About fetching.
#[derive(Default)]
struct Flight {
    /// Closed when the fetch under way has ended.
    running: Option<watch::Receiver<()>>,
    /// Not before.
    next: Option<Timestamp>,
    /// In a row.
    failures: u32,
    /// Of the last fetch.
    error: Option<DocumentError>,
}

impl KeyCache {
    pub(super) fn new(issuer: &str, jwks_uri: Option<&str>, fetch: Arc<dyn FetchDocument>) -> Self {
        let shared = Shared {
            issuer: issuer.to_owned(),
            jwks_uri: jwks_uri.map(str::to_owned),
            fetch,
            set: ArcSwapOption::empty(),
            flight: Mutex::default(),
        };
        Self { shared: Arc::new(shared), tasks: Mutex::default() }
    }

    /// Whether this is the cache for these settings, and can be taken over by a new configuration.
    pub(super) fn is_of(&self, issuer: &str, jwks_uri: Option<&str>) -> bool {
        self.shared.issuer == issuer && self.shared.jwks_uri.as_deref() == jwks_uri
    }

    /// The key of this name, and the generation of the set it is in. Waits for a fetch only where it is not known.
    pub(super) async fn key(&self, kid: &str, now: Timestamp) -> Result<(Key, u64), Miss> {
        if let Some(found) = self.known(kid) {
            self.renew_if_old(now);
            return Ok(found);
        }
        self.fetched(now).await;
        self.known(kid).ok_or_else(|| self.miss(now))
    }

    /// Whether a set of this generation is still the current one.
    pub(super) fn is_current(&self, generation: u64, now: Timestamp) -> bool {
        self.renew_if_old(now);
        self.shared.set.load().as_ref().is_some_and(|set| set.generation == generation)
    }

    /// Whether the issuer's keys are known; tries to fetch them if not.
    pub(super) async fn ready(&self, now: Timestamp) -> Result<(), DocumentError> {
        if self.shared.set.load().is_some() {
            return Ok(());
        }
        self.fetched(now).await;
        if self.shared.set.load().is_some() {
            return Ok(());
        }
        let error = self.shared.flight().error.clone();
        Err(error.unwrap_or_else(|| DocumentError::Fetch {
            url: self.shared.issuer.clone(),
            why: "it has not been tried yet".to_owned(),
        }))
    }

    /// Starts a fetch without waiting for it, if one is allowed.
    pub(super) fn warm(&self, now: Timestamp) {
        if self.shared.set.load().is_none() {
            self.begin(now);
        }
    }

    fn known(&self, kid: &str) -> Option<(Key, u64)> {
        let set = self.shared.set.load();
        let set = set.as_ref()?;
        let key = set.keys.iter().find(|key| key.kid == kid)?;
        Some((key.clone(), set.generation))
    }

    fn renew_if_old(&self, now: Timestamp) {
        let old = self.shared.set.load().as_ref().is_some_and(|set| {
            let age = now.duration_since(set.fetched_at).unsigned_abs();
            age >= MAX_AGE
        });
        if old {
            self.begin(now);
        }
    }

    /// Waits for the fetch that is under way, or starts one and waits, or returns because none is allowed yet.
    async fn fetched(&self, now: Timestamp) {
        if let Some(mut running) = self.begin(now) {
            // Nothing is ever sent: the channel closes when the fetch ends.
            let _ = running.changed().await;
        }
    }

    fn begin(&self, now: Timestamp) -> Option<watch::Receiver<()>> {
        let mut flight = self.shared.flight();
        if let Some(running) = &flight.running
            && running.has_changed().is_ok()
        {
            return Some(running.clone());
        }
        if flight.wait(now).is_some() {
            return None;
        }
        let (done, running) = watch::channel(());
        flight.running = Some(running.clone());
        // If the fetch is cut off, the next one is no sooner for it.
        flight.next = now.checked_add(SPACING).ok();
        drop(flight);
        let shared = Arc::clone(&self.shared);
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(async move {
            shared.renew(now).await;
            drop(done);
        });
        Some(running)
    }

    fn miss(&self, now: Timestamp) -> Miss {
        let flight = self.shared.flight();
        if flight.error.is_some() || self.shared.set.load().is_none() {
            return Miss::Unavailable(flight.wait(now).unwrap_or_default().max(FIRST_RETRY));
        }
        Miss::Unknown
    }
}

impl Flight {
    /// How long until a fetch is allowed, unless it is. A clock that was set back does not make anybody wait longer.
    fn wait(&self, now: Timestamp) -> Option<Duration> {
        let wait = self.next?.duration_since(now);
        let longest = SPACING.saturating_add(FETCH_LIMIT);
        if wait.is_positive() && wait.unsigned_abs() <= longest { Some(wait.unsigned_abs()) } else { None }
    }
}

impl Shared {
    fn flight(&self) -> std::sync::MutexGuard<'_, Flight> {
        self.flight.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fetches and takes note of how it went.
    async fn renew(&self, now: Timestamp) {
        let began = Instant::now();
        let outcome = match timeout(FETCH_LIMIT, self.load()).await {
            Ok(outcome) => outcome,
            Err(_) => Err(DocumentError::Fetch {
                url: self.issuer.clone(),
                why: format!("no answer within {} s", FETCH_LIMIT.as_secs()),
            }),
        };
        let mut flight = self.flight();
        let spacing = match outcome {
            Ok(keys) => {
                self.replace(keys, now);
                flight.failures = 0;
                flight.error = None;
                SPACING
            }
            Err(error) => {
                let issuer = &self.issuer;
                tracing::warn!(code = error.code(), issuer, %error, "the keys of an issuer could not be fetched");
                let doubled = 2_u32.saturating_pow(flight.failures);
                flight.failures = flight.failures.saturating_add(1);
                flight.error = Some(error);
                FIRST_RETRY.saturating_mul(doubled).min(SPACING)
            }
        };
        flight.next = now.checked_add(began.elapsed().saturating_add(spacing)).ok();
        flight.running = None;
    }

    async fn load(&self) -> Result<Vec<Key>, DocumentError> {
        let jwks_uri = if let Some(uri) = &self.jwks_uri {
            uri.clone()
        } else {
            let url = key_set::discovery_url(&self.issuer);
            key_set::jwks_uri(&self.issuer, &url, &self.get(&url).await?)?
        };
        key_set::keys(&jwks_uri, &self.get(&jwks_uri).await?)
    }

    async fn get(&self, url: &str) -> Result<bytes::Bytes, DocumentError> {
        let fetched = self.fetch.fetch(url).await;
        fetched.map_err(|why| DocumentError::Fetch { url: url.to_owned(), why: why.to_string() })
    }

    /// The new set, under the generation of the old one where they are the same.
    fn replace(&self, keys: Vec<Key>, fetched_at: Timestamp) {
        let old = self.set.load();
        let generation = match old.as_ref() {
            Some(old) if old.keys == keys => old.generation,
            Some(old) => old.generation.wrapping_add(1),
            None => 0,
        };
        self.set.store(Some(Arc::new(KeySet { keys, generation, fetched_at })));
    }
}
