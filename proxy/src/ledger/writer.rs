//! Takes entries from requests and stores them in batches, behind a bounded queue.
//!
//! A request pays for putting its entry into the queue and for nothing else. The writer takes what has come in, prices
//! it and stores it at least every `PAUSE`, so that a kill costs at most what came in since then. An entry that finds
//! the queue full, or that the store refuses, goes to the log as one line of JSON.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use arc_swap::ArcSwap;
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::JoinSet,
    time::Instant,
};

use super::{Entry, Ledger, OpenError, Priced, Prices, dynamo::DynamoStore, line::line, sqlite::SqliteStore};
use crate::{config, dynamo::DynamoCalls};

/// Entries that may wait. At some 400 bytes each, a few megabytes in the worst case and nothing while idle.
const QUEUE: usize = 8192;
/// Entries of one batch.
const BATCH: usize = 1024;
/// How long the writer lets entries gather. Well below the second that a kill may cost.
const PAUSE: Duration = Duration::from_millis(250);
/// How long after the deadline the writer may take to log what was not stored.
const LOGGING: Duration = Duration::from_secs(1);
/// The target of lines with entries that could not be stored; no level of the configuration silences it.
pub(crate) const UNSTORED: &str = "proxy::ledger::unstored";

/// What became of entries, for metrics.
#[derive(Debug, Default)]
pub struct Counts {
    stored: AtomicU64,
    unstored: AtomicU64,
    unpriced: AtomicU64,
}

impl Counts {
    /// Entries that are in the store.
    pub fn stored(&self) -> u64 {
        self.stored.load(Ordering::Relaxed)
    }

    /// Entries that went to the log instead.
    pub fn unstored(&self) -> u64 {
        self.unstored.load(Ordering::Relaxed)
    }

    /// Entries whose price is not known.
    pub fn unpriced(&self) -> u64 {
        self.unpriced.load(Ordering::Relaxed)
    }
}

/// Where batches go.
pub(super) trait Store: Send + 'static {
    /// Stores all of it, or says what it could not store. May be dropped before it is done.
    fn append<'a>(&mut self, batch: &'a [Priced]) -> impl Future<Output = Result<(), Unstored<'a>>> + Send;
}

/// Entries that a store refused.
#[derive(Debug)]
pub(super) struct Unstored<'a> {
    pub(super) entries: Vec<&'a Priced>,
    pub(super) why: String,
}

/// The ledger of a running proxy. To be closed at the end: what waits in books that are only dropped may
/// be lost.
pub struct Books {
    queue: Option<mpsc::Sender<Entry>>,
    /// By when the writer has to be done, once somebody says so.
    closing: watch::Sender<Option<Instant>>,
    prices: Arc<ArcSwap<Prices>>,
    counts: Arc<Counts>,
    writer: Mutex<Option<Writer>>,
}

struct Writer {
    /// Whether everything was stored in time.
    done: oneshot::Receiver<bool>,
    /// Where the store needs the runtime of the proxy. SQLite has a thread of its own, since it blocks.
    task: JoinSet<()>,
}

impl Books {
    /// Opens the configured ledger. `reach` is asked for a way to the table where the store is DynamoDB.
    ///
    /// Has to be called inside the runtime.
    pub fn open(
        config: &config::Ledger,
        reach: impl FnOnce(&config::Table) -> Arc<dyn DynamoCalls>,
        counts: Arc<Counts>,
    ) -> Result<Self, OpenError> {
        let prices = Arc::new(ArcSwap::from_pointee(Prices::load(config.prices_path.as_deref())?));
        match &config.store {
            config::LedgerStore::Off => Ok(Self {
                queue: None,
                closing: watch::Sender::default(),
                prices,
                counts,
                writer: Mutex::default(),
            }),
            config::LedgerStore::Sqlite(path) => Self::on_thread(SqliteStore::open(path)?, prices, counts),
            config::LedgerStore::DynamoDb(table) => {
                Ok(Self::on_task(DynamoStore::new(reach(table), table.name.clone()), prices, counts))
            }
        }
    }

    /// A writer with a thread of its own, for a store that blocks.
    fn on_thread<S: Store>(
        store: S,
        prices: Arc<ArcSwap<Prices>>,
        counts: Arc<Counts>,
    ) -> Result<Self, OpenError> {
        let failed = |source| OpenError::Writer { source };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().map_err(failed)?;
        let (books, run) = Self::parts(store, prices, counts, JoinSet::new());
        thread::Builder::new()
            .name("ledger".to_owned())
            // Neither SQLite nor the loop recurses.
            .stack_size(512 * 1024)
            .spawn(move || runtime.block_on(run))
            .map_err(failed)?;
        Ok(books)
    }

    /// A writer among the tasks of the runtime, for a store that waits for the network.
    fn on_task<S: Store>(store: S, prices: Arc<ArcSwap<Prices>>, counts: Arc<Counts>) -> Self {
        let (mut books, run) = Self::parts(store, prices, counts, JoinSet::new());
        if let Some(writer) = books.writer.get_mut().unwrap_or_else(PoisonError::into_inner) {
            writer.task.spawn(run);
        }
        books
    }

    fn parts<S: Store>(
        store: S,
        prices: Arc<ArcSwap<Prices>>,
        counts: Arc<Counts>,
        task: JoinSet<()>,
    ) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (queue, entries) = mpsc::channel(QUEUE);
        let (finished, done) = oneshot::channel();
        let closing = watch::Sender::new(None);
        let desk = Desk {
            store,
            entries,
            closing: closing.subscribe(),
            prices: Arc::clone(&prices),
            counts: Arc::clone(&counts),
        };
        let run = async move {
            let in_time = desk.run().await;
            // Nobody waits for it where the books were dropped.
            let _ = finished.send(in_time);
        };
        let writer = Mutex::new(Some(Writer { done, task }));
        (Self { queue: Some(queue), closing, prices, counts, writer }, run)
    }

    /// From now on entries are priced by this list; what is stored keeps its price.
    pub fn set_prices(&self, prices: Prices) {
        self.prices.store(Arc::new(prices));
    }

    /// What became of the entries.
    pub fn counts(&self) -> &Arc<Counts> {
        &self.counts
    }

    /// Stores what waits and ends the writer; `false` where `deadline` was not enough. What is not stored by then, and
    /// entries that come later, go to the log.
    pub async fn close(&self, deadline: Duration) -> bool {
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Writer { done, task }) = writer else { return true };
        let now = Instant::now();
        let by = now.checked_add(deadline).unwrap_or(now);
        self.closing.send_replace(Some(by));
        let last = by.checked_add(LOGGING).unwrap_or(by);
        let in_time = if let Ok(in_time) = tokio::time::timeout_at(last, done).await {
            in_time.unwrap_or(false)
        } else {
            // Only a disk that hangs in the middle of a call comes here: the rest cannot even be logged.
            let waiting = self.queue.as_ref().map_or(0, |queue| QUEUE.saturating_sub(queue.capacity()));
            tracing::error!(
                target: UNSTORED,
                code = "SRE-PROXY-043",
                waiting,
                "the store of the usage ledger does not answer"
            );
            false
        };
        drop(task);
        in_time
    }
}

impl Ledger for Books {
    fn record(&self, entry: Entry) {
        let Some(queue) = &self.queue else { return };
        if let Err(refused) = queue.try_send(entry) {
            let (entry, why) = match refused {
                mpsc::error::TrySendError::Full(entry) => (entry, "the queue is full"),
                mpsc::error::TrySendError::Closed(entry) => (entry, "the ledger is closed"),
            };
            let priced = price(entry, &self.prices.load(), &self.counts);
            log_unstored(&self.counts, [&priced], why);
        }
    }
}

/// The writer's end.
struct Desk<S> {
    store: S,
    entries: mpsc::Receiver<Entry>,
    closing: watch::Receiver<Option<Instant>>,
    prices: Arc<ArcSwap<Prices>>,
    counts: Arc<Counts>,
}

impl<S: Store> Desk<S> {
    /// Works until the books are closed or dropped, and then stores the rest; whether all of that was stored in time.
    async fn run(mut self) -> bool {
        let mut batch = Vec::new();
        let mut in_time = true;
        loop {
            let more = tokio::select! {
                count = self.entries.recv_many(&mut batch, BATCH) => count > 0,
                _ = closed(&mut self.closing), if !self.entries.is_closed() => { self.entries.close(); true }
            };
            if !more {
                return in_time;
            }
            if !self.entries.is_closed() && batch.len() < BATCH {
                self.gather(&mut batch).await;
            }
            // Without its capacity: a burst must not be paid for in memory ever after.
            in_time &= self.store(std::mem::take(&mut batch)).await;
        }
    }

    /// Lets entries gather, undisturbed: a queue that nobody waits at costs a request the least.
    async fn gather(&mut self, batch: &mut Vec<Entry>) {
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            _ = closed(&mut self.closing) => self.entries.close(),
        }
        while batch.len() < BATCH
            && let Ok(entry) = self.entries.try_recv()
        {
            batch.push(entry);
        }
    }

    /// Stores a batch, or logs what the store does not take or not in time; `false` for the latter.
    async fn store(&mut self, batch: Vec<Entry>) -> bool {
        if batch.is_empty() {
            return true;
        }
        let prices = self.prices.load_full();
        let batch: Vec<Priced> = batch.into_iter().map(|entry| price(entry, &prices, &self.counts)).collect();
        let (result, in_time) = tokio::select! {
            // A store that is done by the deadline is in time.
            biased;
            result = self.store.append(&batch) => (result, true),
            () = expired(&mut self.closing) => {
                // Some of them may be stored all the same; twice is better than never.
                let why = "the store did not answer before the proxy had to end".to_owned();
                (Err(Unstored { entries: batch.iter().collect(), why }), false)
            }
        };
        let refused = result.err().map_or(0, |unstored| {
            let count = unstored.entries.len();
            log_unstored(&self.counts, unstored.entries, &unstored.why);
            count
        });
        let stored = u64::try_from(batch.len().saturating_sub(refused)).unwrap_or(u64::MAX);
        self.counts.stored.fetch_add(stored, Ordering::Relaxed);
        in_time
    }
}

/// Returns when the books are closed, with the deadline; dropped books have none.
async fn closed(closing: &mut watch::Receiver<Option<Instant>>) -> Option<Instant> {
    closing.wait_for(Option::is_some).await.ok().and_then(|by| *by)
}

/// Returns when the deadline has passed.
async fn expired(closing: &mut watch::Receiver<Option<Instant>>) {
    match closed(closing).await {
        Some(by) => tokio::time::sleep_until(by).await,
        None => std::future::pending().await,
    }
}

fn price(entry: Entry, prices: &Prices, counts: &Counts) -> Priced {
    let nano_usd = prices.nano_usd(&entry.upstream_model, entry.usage);
    if nano_usd.is_none() {
        counts.unpriced.fetch_add(1, Ordering::Relaxed);
    }
    Priced { entry, nano_usd }
}

fn log_unstored<'a>(counts: &Counts, entries: impl IntoIterator<Item = &'a Priced>, why: &str) {
    for priced in entries {
        counts.unstored.fetch_add(1, Ordering::Relaxed);
        tracing::error!(
            target: UNSTORED,
            code = "SRE-PROXY-043",
            why,
            entry = line(priced),
            "a usage entry could not be stored"
        );
    }
}

#[cfg(test)]
pub(crate) mod tests;
