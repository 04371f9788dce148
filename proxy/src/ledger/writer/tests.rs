//! Entries from the request to the store, through every way in which the store may refuse.
#![expect(clippy::arithmetic_side_effects, reason = "counts of a test")]

use std::{path::Path, sync::Mutex};

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::{
    Usage,
    ledger::{
        Outcome,
        report::{By, Range, Row, total},
        sqlite,
    },
    telemetry::testing::captured,
};

pub(crate) fn entry(number: u64) -> Entry {
    Entry {
        at: Timestamp::from_second(1_790_000_000 + i64::try_from(number % 1_000_000).unwrap()).unwrap(),
        request_id: format!("req-{number}"),
        caller: format!("caller-{}", number % 3),
        client_id: number.is_multiple_of(2).then(|| "machine".to_owned()),
        model: format!("model-{}", number % 2),
        upstream_model: "amazon.nova-micro-v1:0".to_owned(),
        upstream: "bedrock".to_owned(),
        usage: Usage { input_tokens: number, output_tokens: 1, ..Usage::default() },
        estimated: false,
        outcome: Outcome::Completed,
        duration_ms: 5,
    }
}

fn config(path: &Path) -> config::Ledger {
    config::Ledger { store: config::LedgerStore::Sqlite(path.to_owned()), prices_path: None }
}

pub(crate) fn open(path: &Path) -> Books {
    Books::open(&config(path), |_| unreachable!("no table is configured"), Arc::default()).unwrap()
}

pub(in crate::ledger) fn everything() -> Range {
    Range::days(None, None)
}

fn read(path: &Path) -> Row {
    total(&sqlite::query(path, By::User, everything()).unwrap())
}

/// Books whose writer is gone.
pub(crate) fn closed() -> Books {
    let (queue, _) = mpsc::channel(1);
    let prices = prices();
    Books {
        queue: Some(queue),
        closing: watch::Sender::default(),
        prices,
        counts: Arc::default(),
        writer: Mutex::default(),
    }
}

const SOON: Duration = Duration::from_secs(20);

/// A store that does what it is told.
#[derive(Clone, Default)]
struct Scripted {
    stored: Arc<Mutex<Vec<Priced>>>,
    refuse: bool,
    /// Held while the store is busy.
    busy: Arc<tokio::sync::Mutex<()>>,
}

impl Store for Scripted {
    async fn append<'a>(&mut self, batch: &'a [Priced]) -> Result<(), Unstored<'a>> {
        let _busy = self.busy.lock().await;
        if self.refuse {
            return Err(Unstored { entries: batch.iter().collect(), why: "the disk is full".to_owned() });
        }
        self.stored.lock().unwrap().extend_from_slice(batch);
        Ok(())
    }
}

fn prices() -> Arc<ArcSwap<Prices>> {
    Arc::new(ArcSwap::from_pointee(Prices::embedded().unwrap()))
}

#[tokio::test]
async fn closing_stores_what_waits() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("usage.db");
    let books = open(&path);
    for number in 0..5000 {
        books.record(entry(number));
    }
    assert!(books.close(SOON).await);
    assert_eq!((books.counts().stored(), books.counts().unstored()), (5000, 0));
    let row = read(&path);
    assert_eq!(
        (row.requests, row.usage.input_tokens, row.usage.output_tokens),
        (5000, 5000 * 4999 / 2, 5000)
    );
    assert_eq!(row.nano_usd, 5000 * 4999 / 2 * 35 + 5000 * 140);
    assert!(books.close(SOON).await, "closing twice is closing");
}

#[tokio::test]
async fn an_entry_after_the_end_goes_to_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let books = open(&folder.path().join("usage.db"));
    assert!(books.close(SOON).await);
    let (lines, ()) = captured("off", || books.record(entry(7)));
    assert!(lines.contains("SRE-PROXY-043") && lines.contains("req-7"), "{lines}");
    assert_eq!(books.counts().unstored(), 1);
}

/// A full disk costs no entry: each is in the log, with everything that the database would have held.
#[test]
fn what_the_store_refuses_is_in_the_log_in_full() {
    let store = Scripted { refuse: true, ..Scripted::default() };
    // The writer runs on this thread, where its lines are captured.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let (lines, books) = captured("error", || {
        runtime.block_on(async {
            let books = Books::on_task(store, prices(), Arc::default());
            for number in 0..3 {
                books.record(entry(number));
            }
            assert!(books.close(SOON).await);
            books
        })
    });
    assert_eq!((books.counts().stored(), books.counts().unstored()), (0, 3));
    let logged: Vec<serde_json::Value> = lines
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .map(|line| serde_json::from_str(line["entry"].as_str().unwrap()).unwrap())
        .collect();
    assert_eq!(logged.len(), 3);
    insta::assert_snapshot!(logged[2].to_string(), @r#"{"at":"2026-09-21T14:13:22Z","cache_read_tokens":0,"cache_write_tokens":0,"caller":"caller-2","client_id":"machine","duration_ms":5,"estimated":false,"input_tokens":2,"model":"model-0","outcome":"completed","output_tokens":1,"price_nano_usd":210,"request_id":"req-2","upstream":"bedrock","upstream_model":"amazon.nova-micro-v1:0"}"#);
}

#[tokio::test]
async fn a_full_queue_never_makes_a_request_wait() {
    let store = Scripted::default();
    let busy = store.busy.clone().lock_owned().await;
    let books = Books::on_task(store.clone(), prices(), Arc::default());
    let room = u64::try_from(QUEUE).unwrap();
    // Nothing else runs on this thread until the next await, so the queue takes exactly what it has room for.
    let (lines, ()) = captured("error", || (0..room + 2).for_each(|number| books.record(entry(number))));
    assert_eq!(lines.lines().filter(|line| line.contains("the queue is full")).count(), 2, "{lines}");
    drop(busy);
    assert!(books.close(SOON).await);
    assert_eq!(books.counts().stored() + books.counts().unstored(), room + 2);
    assert_eq!(store.stored.lock().unwrap().len(), QUEUE);
}

/// A store that hangs holds up the end no longer than it may, and what it did not take is in the log.
#[test]
fn what_is_not_stored_by_the_deadline_is_logged() {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let store = Scripted::default();
    let (lines, took) = captured("error", || {
        runtime.block_on(async {
            let _busy = store.busy.clone().lock_owned().await;
            let books = Books::on_task(store.clone(), prices(), Arc::default());
            for number in 0..1500 {
                books.record(entry(number));
            }
            // The first batch is on its way.
            tokio::time::sleep(Duration::from_secs(1)).await;
            let began = Instant::now();
            assert!(!books.close(Duration::from_secs(5)).await);
            assert_eq!((books.counts().stored(), books.counts().unstored()), (0, 1500));
            began.elapsed()
        })
    });
    assert!(took < Duration::from_secs(6), "{took:?}");
    assert_eq!(lines.lines().count(), 1500);
    assert!(lines.contains("req-0") && lines.contains("req-1499"));
}

#[tokio::test]
async fn new_prices_count_from_now_on() {
    let store = Scripted::default();
    let books = Books::on_task(store.clone(), prices(), Arc::default());
    let dear = r#"{"schema_version": 1, "as_of": "2026-11-21", "currency": "USD", "source": "contract",
        "models": {"amazon.nova-micro-v1:0": {"input": 1, "output": 2}}}"#;
    books.set_prices(Prices::parse("test", dear).unwrap());
    books.record(entry(10));
    books.record(Entry { upstream_model: "amazon.unknown-v1:0".to_owned(), ..entry(11) });
    assert!(books.close(SOON).await);
    let priced: Vec<Option<u64>> =
        store.stored.lock().unwrap().iter().map(|priced| priced.nano_usd).collect();
    assert_eq!(priced, [Some(10 * 1000 + 2000), None]);
    assert_eq!(books.counts().unpriced(), 1);
}

#[tokio::test]
async fn off_keeps_nothing() {
    let config = config::Ledger { store: config::LedgerStore::Off, prices_path: None };
    let books = Books::open(&config, |_| unreachable!("no table is configured"), Arc::default()).unwrap();
    books.record(entry(1));
    assert!(books.close(SOON).await);
    assert_eq!((books.counts().stored(), books.counts().unstored()), (0, 0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Every entry is in the store or in the log, however the queue and the store behave.
    #[test]
    fn no_entry_is_lost_in_silence(count in 0_u64..2000, refuse in any::<bool>(), pause_every in 1_u64..500) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let store = Scripted { refuse, ..Scripted::default() };
        let kept = Arc::clone(&store.stored);
        let (lines, books) = captured("error", || runtime.block_on(async {
            let books = Books::on_task(store, prices(), Arc::default());
            for number in 0..count {
                books.record(entry(number));
                if number % pause_every == 0 {
                    tokio::task::yield_now().await;
                }
            }
            books.close(SOON).await;
            books
        }));
        let logged = u64::try_from(lines.lines().count()).unwrap();
        let stored = u64::try_from(kept.lock().unwrap().len()).unwrap();
        prop_assert_eq!(stored + logged, count);
        prop_assert_eq!((books.counts().stored(), books.counts().unstored()), (stored, logged));
    }
}
