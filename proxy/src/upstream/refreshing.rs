//! A value that is fetched from far away, kept, and fetched again before it is too old, by one request at a time.

use std::{sync::Arc, time::Duration};

use arc_swap::ArcSwapOption;
use tokio::{
    sync::{Mutex, MutexGuard},
    time::Instant,
};

/// After a failure nobody asks again for so long; waiting requests share the failure instead of queueing for their own.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(5);

/// What may be done with a value at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Age {
    /// Use it.
    Fresh,
    /// One request gets a new one, the others use it.
    Ageing,
    /// It must not be used.
    Expired,
}

/// The value at hand; reading it takes no lock.
pub(crate) struct Refreshing<T, E> {
    current: ArcSwapOption<T>,
    /// Whoever holds it is fetching; it keeps the last failure.
    fetching: Mutex<Option<Failure<E>>>,
}

struct Failure<E> {
    at: Instant,
    error: E,
}

impl<T, E: Clone> Refreshing<T, E> {
    pub(crate) fn new() -> Self {
        Self { current: ArcSwapOption::empty(), fetching: Mutex::new(None) }
    }

    /// The value; normally without waiting. A request that goes away while it fetches leaves that to the next one.
    pub(crate) async fn get<F>(&self, age: impl Fn(&T) -> Age, fetch: impl FnOnce() -> F) -> Result<Arc<T>, E>
    where
        F: Future<Output = Result<T, E>>,
    {
        match self.current.load_full().map(|value| (age(&value), value)) {
            Some((Age::Fresh, value)) => Ok(value),
            Some((Age::Ageing, value)) => match self.fetching.try_lock() {
                Ok(turn) => Ok(self.fetch_in_turn(turn, fetch).await.unwrap_or(value)),
                Err(_) => Ok(value),
            },
            Some((Age::Expired, _)) | None => {
                // Held across the await on purpose: it makes one flight of many. Requests wait here only while there
                // is nothing that they could use.
                let turn = self.fetching.lock().await;
                match self.current.load_full() {
                    Some(value) if age(&value) != Age::Expired => Ok(value),
                    _ => self.fetch_in_turn(turn, fetch).await,
                }
            }
        }
    }

    /// Forgets this value, unless there is a newer one already.
    pub(crate) fn discard(&self, value: &Arc<T>) {
        let current = self.current.load();
        if current.as_ref().is_some_and(|current| Arc::ptr_eq(current, value)) {
            self.current.store(None);
        }
    }

    async fn fetch_in_turn<F>(
        &self,
        mut last: MutexGuard<'_, Option<Failure<E>>>,
        fetch: impl FnOnce() -> F,
    ) -> Result<Arc<T>, E>
    where
        F: Future<Output = Result<T, E>>,
    {
        if let Some(failure) = last.as_ref()
            && failure.at.elapsed() < PAUSE_AFTER_FAILURE
        {
            return Err(failure.error.clone());
        }
        match fetch().await {
            Ok(value) => {
                let value = Arc::new(value);
                self.current.store(Some(Arc::clone(&value)));
                *last = None;
                Ok(value)
            }
            Err(error) => {
                *last = Some(Failure { at: Instant::now(), error: error.clone() });
                Err(error)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use futures::future::join_all;

    use super::*;

    async fn slow(calls: &AtomicU32, answer: Result<u32, String>) -> Result<u32, String> {
        calls.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(50)).await;
        answer
    }

    #[tokio::test(start_paused = true)]
    async fn many_who_need_it_make_one_flight() {
        let (value, calls) = (Refreshing::new(), AtomicU32::new(0));
        let all = join_all((0..100).map(|_| value.get(|_| Age::Fresh, || slow(&calls, Ok(7))))).await;
        assert!(all.iter().all(|one| **one.as_ref().unwrap() == 7));
        assert_eq!(calls.load(Ordering::Relaxed), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn many_share_a_failure_and_later_ones_try_again() {
        let (value, calls) = (Refreshing::<u32, String>::new(), AtomicU32::new(0));
        let get = || value.get(|_| Age::Fresh, || slow(&calls, Err("no".to_owned())));
        let all = join_all((0..100).map(|_| get())).await;
        assert!(all.iter().all(|one| one.as_ref().unwrap_err() == "no"));
        assert_eq!(calls.load(Ordering::Relaxed), 1);
        tokio::time::advance(PAUSE_AFTER_FAILURE).await;
        get().await.unwrap_err();
        assert_eq!(calls.load(Ordering::Relaxed), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn while_one_refreshes_the_others_use_what_is_there() {
        let (value, calls) = (Refreshing::new(), AtomicU32::new(0));
        value.get(|_| Age::Fresh, || slow(&calls, Ok(1))).await.unwrap();
        let all = join_all((0..10).map(|_| value.get(|_| Age::Ageing, || slow(&calls, Ok(2))))).await;
        let all: Vec<u32> = all.into_iter().map(|one| *one.unwrap()).collect();
        assert_eq!(all, [2, 1, 1, 1, 1, 1, 1, 1, 1, 1]);
        // A failed refresh is not the end of a value that is still good.
        let kept = value.get(|_| Age::Ageing, || slow(&calls, Err("no".to_owned()))).await;
        assert_eq!(*kept.unwrap(), 2);
    }
}
