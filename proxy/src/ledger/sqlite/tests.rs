//! The file: who may open it, what it survives, and reading while it is written.
#![expect(clippy::arithmetic_side_effects, reason = "counts of a test")]

use std::{
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
};

use super::*;
use crate::ledger::{
    Books, Ledger as _, Prices,
    report::total,
    writer::tests::{entry, everything, open},
};

fn priced(number: u64) -> Priced {
    let entry = entry(number);
    let nano_usd = Prices::embedded().unwrap().nano_usd(&entry.upstream_model, entry.usage);
    Priced { entry, nano_usd }
}

fn requests(path: &Path) -> u64 {
    total(&query(path, By::Day, everything()).unwrap()).requests
}

#[test]
fn only_the_owner_can_read_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("usage.db");
    // Made by somebody else before, too open.
    fs::write(&path, "").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let mut store = SqliteStore::open(&path).unwrap();
    store.insert(&[priced(1)]).unwrap();
    for file in fs::read_dir(folder.path()).unwrap() {
        let file = file.unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", file.file_name());
    }
}

#[test]
fn what_is_stored_can_be_read_back_by_any_grouping() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("usage.db");
    let mut store = SqliteStore::open(&path).unwrap();
    store.insert(&(0..30).map(priced).collect::<Vec<_>>()).unwrap();
    for by in [By::User, By::Model, By::Day] {
        let sum = total(&query(&path, by, everything()).unwrap());
        assert_eq!((sum.requests, sum.usage.input_tokens), (30, 435), "{by:?}");
    }
    let from = priced(10).entry.at;
    let range = Range { from, to: priced(20).entry.at };
    assert_eq!(total(&query(&path, By::User, range).unwrap()).requests, 10);
}

#[test]
fn a_file_that_is_no_ledger_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.db");
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE mine (x)").unwrap();
    let error = SqliteStore::open(&path).err().unwrap();
    assert!(matches!(error, OpenError::Foreign { .. }), "{error}");
    assert_eq!(error.finding().code, "SRE-PROXY-040");
    let text = folder.path().join("notes.txt");
    fs::write(&text, "not a database at all, but long enough to have a header of a hundred bytes.".repeat(3))
        .unwrap();
    assert!(matches!(SqliteStore::open(&text).err().unwrap(), OpenError::Database { .. }));
    assert!(matches!(
        query(&folder.path().join("missing.db"), By::Day, everything()),
        Err(ReadError::Open(_))
    ));
}

#[test]
fn a_newer_ledger_is_refused_and_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("usage.db");
    let store = SqliteStore::open(&path).unwrap();
    store.connection().pragma_update(None, "user_version", 99).unwrap();
    drop(store);
    let error = SqliteStore::open(&path).err().unwrap();
    assert_eq!(error.code(), "SRE-PROXY-041");
    assert!(error.to_string().contains("schema 99; this program knows schemas up to 1"), "{error}");
    assert_eq!(query(&path, By::Day, everything()).unwrap_err().code(), "SRE-PROXY-041");
}

#[test]
fn opening_again_migrates_nothing_and_keeps_everything() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("usage.db");
    for round in 1..=3 {
        let mut store = SqliteStore::open(&path).unwrap();
        store.insert(&[priced(round)]).unwrap();
        drop(store);
        assert_eq!(requests(&path), round);
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_an_error_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    // Root may write everywhere but below a file and in the kernel's own folders.
    for path in [folder.path().join("file/usage.db"), PathBuf::from("/proc/usage.db")] {
        let error = SqliteStore::open(&path).err().unwrap();
        assert!(matches!(error, OpenError::File { .. }), "{error}");
        assert!(error.to_string().contains(&path.display().to_string()));
    }
}

#[test]
fn a_full_disk_gives_every_entry_back_and_what_was_stored_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("usage.db");
    let mut store = SqliteStore::open(&path).unwrap();
    store.insert(&[priced(1)]).unwrap();
    store.connection().pragma_update(None, "max_page_count", 5).unwrap();
    let batch: Vec<Priced> = (0..2000).map(priced).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let unstored = runtime.block_on(store.append(&batch)).unwrap_err();
    assert_eq!(unstored.entries, batch.iter().collect::<Vec<_>>());
    assert!(unstored.why.contains("full"), "{}", unstored.why);
    assert_eq!(requests(&path), 1);
    // Somebody made room.
    store.connection().pragma_update(None, "max_page_count", 100_000).unwrap();
    runtime.block_on(store.append(&batch)).unwrap();
    assert_eq!(requests(&path), 2001);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reports_and_writing_do_not_disturb_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("usage.db");
    let books = open(&path);
    let done = AtomicBool::new(false);
    let seen = std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut seen = vec![0];
            while !done.load(Ordering::Relaxed) {
                seen.push(requests(&path));
            }
            seen
        });
        for number in 0..6000 {
            books.record(entry(number));
            if number % 1000 == 0 {
                std::thread::yield_now();
            }
        }
        let closed = tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(books.close(std::time::Duration::from_secs(20)))
        });
        done.store(true, Ordering::Relaxed);
        assert!(closed);
        reader.join().unwrap()
    });
    assert!(seen.is_sorted(), "a report saw less than the one before: {seen:?}");
    assert_eq!((requests(&path), books.counts().unstored()), (6000, 0));
}

const CHILD: &str = "SRE_LEDGER_CHILD";

/// Kill -9 in the middle of writing: what was committed is there, and the file opens.
#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the same test is the process that is killed, told by its environment"
)]
fn a_killed_process_loses_nothing_that_was_committed() {
    if let Some(path) = std::env::var_os(CHILD) {
        write_until_killed(Path::new(&path));
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("usage.db");
    let name = "ledger::sqlite::tests::a_killed_process_loses_nothing_that_was_committed";
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(CHILD, &path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let committed = lines
        .filter_map(|line| line.strip_prefix("committed ")?.parse::<u64>().ok())
        .find(|committed| *committed > 500)
        .expect("the child writes");
    child.kill().unwrap();
    child.wait().unwrap();
    let found = requests(&path);
    assert!(found >= committed, "{committed} were committed, {found} are there");
    let connection = Connection::open(&path).unwrap();
    let health: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(health, "ok");
    drop(SqliteStore::open(&path).unwrap());
}

fn write_until_killed(path: &Path) -> ! {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let books: Books = open(path);
        let mut number = 0;
        loop {
            for _ in 0..100 {
                books.record(entry(number));
                number += 1;
            }
            println!("committed {}", books.counts().stored());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
}
