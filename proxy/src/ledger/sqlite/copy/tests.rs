//! A copy is the ledger of one moment, also while it is written.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::ledger::{
    Priced, Prices,
    report::{By, total},
    sqlite::{SqliteStore, query},
    writer::tests::{entry, everything},
};

/// Requests of one transaction.
const BATCH: u64 = 7;

fn batch(number: u64) -> Vec<Priced> {
    let from = number.saturating_mul(BATCH);
    (from..from.saturating_add(BATCH))
        .map(|number| {
            let entry = entry(number);
            let nano_usd = Prices::embedded().unwrap().nano_usd(&entry.upstream_model, entry.usage);
            Priced { entry, nano_usd }
        })
        .collect()
}

#[test]
fn a_copy_of_a_ledger_that_is_written_holds_whole_transactions() {
    let folder = tempfile::tempdir().unwrap();
    let from = folder.path().join("usage.db");
    let mut store = SqliteStore::open(&from).unwrap();
    store.insert(&batch(0)).unwrap();
    let is_over = AtomicBool::new(false);
    let (copies, written) = std::thread::scope(|scope| {
        let writing = scope.spawn(|| {
            let mut number = 1;
            while !is_over.load(Ordering::Relaxed) {
                store.insert(&batch(number)).unwrap();
                number = number.saturating_add(1);
            }
            number.saturating_mul(BATCH)
        });
        let copies: Vec<u64> = (0..20)
            .map(|number| {
                let to = folder.path().join(format!("copy-{number}"));
                let copied = copy(&from, &to).unwrap();
                let rows = query(&to, By::Day, everything()).unwrap();
                assert_eq!(total(&rows).requests, copied.entries);
                copied.entries
            })
            .collect();
        is_over.store(true, Ordering::Relaxed);
        (copies, writing.join().unwrap())
    });
    assert!(copies.iter().all(|entries| entries % BATCH == 0), "{copies:?}");
    assert!(copies.is_sorted() && copies.last() <= Some(&written), "{copies:?} of {written}");
    // No log beside a copy: one file is all there is to keep.
    assert!(!folder.path().join("copy-0-wal").exists());
    // The proxy goes on.
    assert_eq!(total(&query(&from, By::Day, everything()).unwrap()).requests, written);
}

#[test]
fn a_log_that_nobody_took_in_is_in_the_copy() {
    let folder = tempfile::tempdir().unwrap();
    let from = folder.path().join("usage.db");
    let mut store = SqliteStore::open(&from).unwrap();
    store.insert(&batch(0)).unwrap();
    // As after a kill: file and log, and nobody who has them open.
    let killed = folder.path().join("killed.db");
    std::fs::copy(&from, &killed).unwrap();
    std::fs::copy(folder.path().join("usage.db-wal"), folder.path().join("killed.db-wal")).unwrap();
    let copied = copy(&killed, &folder.path().join("copy")).unwrap();
    assert_eq!(copied.entries, BATCH);
}

#[test]
fn what_is_no_ledger_is_not_copied() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("text"), "a".repeat(8192)).unwrap();
    for (from, code) in [("text", "SRE-PROXY-044"), ("absent", "SRE-PROXY-044")] {
        let error = copy(&at(from), &at("copy")).unwrap_err();
        assert_eq!(error.code(), code, "{error:?}");
    }
    let other = Connection::open(at("other")).unwrap();
    other.execute_batch("CREATE TABLE t (x)").unwrap();
    let error = copy(&at("other"), &at("copy")).unwrap_err();
    assert!(matches!(error, ReadError::Open(OpenError::Foreign { .. })), "{error:?}");
}

#[test]
fn a_damaged_copy_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let from = folder.path().join("usage.db");
    let mut store = SqliteStore::open(&from).unwrap();
    for number in 0..40 {
        store.insert(&batch(number)).unwrap();
    }
    let to = folder.path().join("copy");
    copy(&from, &to).unwrap();
    let mut bytes = std::fs::read(&to).unwrap();
    let middle = bytes.len() / 2;
    for byte in bytes.iter_mut().skip(middle).take(2048) {
        *byte = !*byte;
    }
    std::fs::write(&to, bytes).unwrap();
    assert!(matches!(check(&to), Err(ReadError::Damaged { .. } | ReadError::Copy { .. })));
}
