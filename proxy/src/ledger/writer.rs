//! Takes entries from requests and stores them in batches, behind a bounded queue.
//!
//! A request pays for putting its entry into the queue and for nothing else. The writer takes what has come in, prices
//! it and stores it at least every [`PAUSE`], so that a kill costs at most what came in since then. An entry that finds
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
    sync::{Notify, mpsc, oneshot},
    task::JoinSet,
};

use super::{
    Entry, Ledger, OpenError, Priced, Prices, dynamo::DynamoCalls, dynamo::DynamoStore, line::line,
    sqlite::SqliteStore,
};
use crate::config;

/// Entries that may wait. At some 400 bytes each, a few megabytes in the worst case and nothing while idle.
const QUEUE: usize = 8192;
/// Entries of one batch.
const BATCH: usize = 1024;
/// How long the writer lets entries gather. Well below the second that a kill may cost.
const PAUSE: Duration = Duration::from_millis(250);
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
    /// Stores all of it, or gives back what it could not store.
    fn append(&mut self, batch: Vec<Priced>) -> impl Future<Output = Result<(), Unstored>> + Send;
}

/// Entries that a store refused.
#[derive(Debug)]
pub(super) struct Unstored {
    pub(super) entries: Vec<Priced>,
    pub(super) why: String,
}

/// The ledger of a running proxy. Closing it stores what waits; dropping it does too, but nobody waits for that.
pub struct Books {
    queue: Option<mpsc::Sender<Entry>>,
    closing: Arc<Notify>,
    prices: Arc<ArcSwap<Prices>>,
    counts: Arc<Counts>,
    writer: Mutex<Option<Writer>>,
}

struct Writer {
    done: oneshot::Receiver<()>,
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
            config::LedgerStore::Off => {
                Ok(Self { queue: None, closing: Arc::default(), prices, counts, writer: Mutex::default() })
            }
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
        let closing = Arc::new(Notify::new());
        let desk = Desk {
            store,
            entries,
            closing: Arc::clone(&closing),
            prices: Arc::clone(&prices),
            counts: Arc::clone(&counts),
        };
        let run = async move {
            desk.run().await;
            // Nobody waits for it where the books were dropped.
            let _ = finished.send(());
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

    /// Stores what waits and ends the writer; `false` where `deadline` was not enough. Entries that come after it go to
    /// the log.
    pub async fn close(&self, deadline: Duration) -> bool {
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(writer) = writer else { return true };
        self.closing.notify_one();
        // An error means that the writer is gone, having logged what it had.
        let in_time = tokio::time::timeout(deadline, writer.done).await.is_ok();
        if !in_time {
            let waiting = self.queue.as_ref().map_or(0, |queue| QUEUE.saturating_sub(queue.capacity()));
            tracing::error!(
                target: UNSTORED,
                code = "SRE-PROXY-043",
                waiting,
                "the usage ledger was not stored completely before the deadline"
            );
        }
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
            log_unstored(&self.counts, &[priced], why);
        }
    }
}

/// The writer's end.
struct Desk<S> {
    store: S,
    entries: mpsc::Receiver<Entry>,
    closing: Arc<Notify>,
    prices: Arc<ArcSwap<Prices>>,
    counts: Arc<Counts>,
}

impl<S: Store> Desk<S> {
    async fn run(mut self) {
        let mut batch = Vec::new();
        loop {
            let open = tokio::select! {
                count = self.entries.recv_many(&mut batch, BATCH) => count > 0,
                () = self.closing.notified() => { self.entries.close(); true }
            };
            if !open {
                return;
            }
            if !self.entries.is_closed() && batch.len() < BATCH {
                self.gather(&mut batch).await;
            }
            // Without its capacity: a burst must not be paid for in memory ever after.
            self.store(std::mem::take(&mut batch)).await;
        }
    }

    /// Lets entries gather, undisturbed: a queue that nobody waits at costs a request the least.
    async fn gather(&mut self, batch: &mut Vec<Entry>) {
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            () = self.closing.notified() => self.entries.close(),
        }
        while batch.len() < BATCH
            && let Ok(entry) = self.entries.try_recv()
        {
            batch.push(entry);
        }
    }

    async fn store(&mut self, batch: Vec<Entry>) {
        if batch.is_empty() {
            return;
        }
        let prices = self.prices.load_full();
        let all = batch.len();
        let batch = batch.into_iter().map(|entry| price(entry, &prices, &self.counts)).collect();
        let lost = match self.store.append(batch).await {
            Ok(()) => 0,
            Err(unstored) => {
                log_unstored(&self.counts, &unstored.entries, &unstored.why);
                unstored.entries.len()
            }
        };
        let stored = u64::try_from(all.saturating_sub(lost)).unwrap_or(u64::MAX);
        self.counts.stored.fetch_add(stored, Ordering::Relaxed);
    }
}

fn price(entry: Entry, prices: &Prices, counts: &Counts) -> Priced {
    let nano_usd = prices.nano_usd(&entry.upstream_model, entry.usage);
    if nano_usd.is_none() {
        counts.unpriced.fetch_add(1, Ordering::Relaxed);
    }
    Priced { entry, nano_usd }
}

fn log_unstored(counts: &Counts, entries: &[Priced], why: &str) {
    counts.unstored.fetch_add(u64::try_from(entries.len()).unwrap_or(u64::MAX), Ordering::Relaxed);
    for priced in entries {
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
