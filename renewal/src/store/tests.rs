//! The store: what it keeps, what it refuses, and that it can die at every operation on a file.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::testing::{Made, moment};

/// A disk that stops at one operation, and from then on does nothing more, as a process that was killed.
struct Dying {
    real: RealDisk,
    left: AtomicUsize,
    /// Whether the operation at which it stops leaves something behind.
    is_torn: bool,
    /// Whether it goes on after the one failure.
    is_forgiving: bool,
}

impl Dying {
    fn at(point: usize, is_torn: bool) -> Arc<Self> {
        Arc::new(Self { real: RealDisk, left: AtomicUsize::new(point), is_torn, is_forgiving: false })
    }

    fn once(point: usize) -> Arc<Self> {
        Arc::new(Self { real: RealDisk, left: AtomicUsize::new(point), is_torn: true, is_forgiving: true })
    }

    /// Runs the operation; `torn` is what may be left of it where the end comes in its middle.
    fn run(&self, whole: impl FnOnce() -> io::Result<()>, torn: impl FnOnce()) -> io::Result<()> {
        match self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)) {
            Err(_) if self.is_forgiving => whole(),
            Err(_) => Err(io::Error::other("the process is gone")),
            Ok(1) => {
                if self.is_torn {
                    torn();
                }
                Err(io::Error::other("killed here"))
            }
            Ok(_) => whole(),
        }
    }
}

impl Disk for Dying {
    fn make_folder(&self, path: &Path) -> io::Result<()> {
        self.run(|| self.real.make_folder(path), || drop(self.real.make_folder(path)))
    }
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let half = &bytes[..bytes.len() / 2];
        self.run(|| self.real.write(path, bytes), || drop(self.real.write(path, half)))
    }
    fn hand_over(&self, path: &Path, mode: u32, owner: Option<(u32, u32)>) -> io::Result<()> {
        self.run(|| self.real.hand_over(path, mode, owner), || ())
    }
    fn settle(&self, folder: &Path) -> io::Result<()> {
        self.run(|| self.real.settle(folder), || ())
    }
    fn link(&self, target: &Path, path: &Path) -> io::Result<()> {
        self.run(|| self.real.link(target, path), || drop(self.real.link(target, path)))
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.run(|| self.real.rename(from, to), || drop(self.real.rename(from, to)))
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        self.run(|| self.real.remove(path), || drop(self.real.remove(path)))
    }
    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        self.run(|| self.real.remove_folder(path), || drop(self.real.remove_folder(path)))
    }
}

/// More than any call makes.
const ENDLESS: usize = 1000;

fn scratch() -> TempDir {
    tempfile::Builder::new().prefix("sre-store-").tempdir().expect("a scratch folder")
}

fn real(folder: &TempDir) -> Store {
    Store::new(folder.path(), Owner::Writer)
}

fn names() -> Vec<String> {
    vec!["api.example.com".to_owned()]
}

fn serial(store: &Store) -> String {
    store.live().expect("a usable store").expect("a pair").leaf().serial.clone()
}

/// The names in a folder of pairs.
fn listing(folder: &TempDir) -> Vec<String> {
    let entries = fs::read_dir(folder.path().join(PAIRS)).expect("a folder of pairs");
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn an_empty_store_gets_a_placeholder_that_says_so() {
    let folder = scratch();
    let store = real(&folder);
    assert!(store.live().unwrap().is_none());
    assert_eq!(store.ensure_placeholder(&names(), moment(0)).unwrap(), Ensured::Made);
    let pair = store.live().unwrap().expect("a pair");
    assert!(pair.leaf().is_placeholder && pair.leaf().is_self_signed);
    assert!(pair.leaf().covers("api.example.com"));
    // Once is enough.
    let before = serial(&store);
    assert_eq!(store.ensure_placeholder(&names(), moment(60)).unwrap(), Ensured::Present);
    assert_eq!(serial(&store), before);
    // Whatever a wrong clock says at the first start.
    for year in [-5, 0, 20] {
        pair.fits(&names(), moment(year * 366 * 86_400)).unwrap();
    }
}

#[test]
fn a_placeholder_can_be_made_for_no_name_and_for_a_long_one() {
    let long = format!("{}.example.com", ["a".repeat(60).as_str(), &"b".repeat(60)].join("."));
    for names in [vec![], vec![long]] {
        let folder = scratch();
        assert_eq!(real(&folder).ensure_placeholder(&names, moment(0)).unwrap(), Ensured::Made);
        assert!(real(&folder).live().unwrap().unwrap().leaf().is_placeholder);
    }
}

#[test]
fn a_placeholder_takes_the_place_of_a_broken_pair() {
    let folder = scratch();
    let store = real(&folder);
    let made = Made::of(&names(), moment(0), 90 * 86_400);
    made.put(&store, &names(), moment(0)).unwrap();
    fs::write(folder.path().join(LIVE).join(KEY), "").unwrap();
    assert!(matches!(store.live(), Err(StoreError::Broken { .. })));
    assert_eq!(store.ensure_placeholder(&names(), moment(1)).unwrap(), Ensured::Made);
    assert!(store.live().unwrap().unwrap().leaf().is_placeholder);
}

#[test]
fn files_are_for_the_owner_and_a_group_and_the_link_is_relative() {
    let folder = scratch();
    let is_root = rustix::process::geteuid().is_root();
    let store = Store::new(folder.path(), Owner::Group(12_345));
    store.ensure_placeholder(&names(), moment(0)).unwrap();
    let pair = folder.path().join(LIVE);
    assert!(fs::read_link(&pair).unwrap().is_relative());
    for (path, mode) in [
        (folder.path().join(PAIRS), 0o750),
        (fs::canonicalize(&pair).unwrap(), 0o750),
        (pair.join(KEY), 0o640),
        (pair.join(CHAIN), 0o640),
    ] {
        let metadata = fs::metadata(&path).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o7777, mode, "{}", path.display());
        if is_root {
            assert_eq!((metadata.uid(), metadata.gid()), (0, 12_345), "{}", path.display());
        }
    }
}

#[test]
fn the_last_few_pairs_are_kept_and_the_live_one_always() {
    let folder = scratch();
    let store = real(&folder);
    let mut live = String::new();
    for day in 0..6 {
        let made = Made::of(&names(), moment(day * 86_400), 90 * 86_400);
        live = made.put(&store, &names(), moment(day * 86_400)).unwrap().leaf().serial.clone();
    }
    assert_eq!(serial(&store), live);
    assert_eq!(listing(&folder).len(), KEPT);
    assert!(listing(&folder).iter().all(|name| name >= &listing(&folder)[0]), "{:?}", listing(&folder));
    // Somebody went back by hand, with a clock that went back as well: what is served stays.
    let oldest = listing(&folder)[0].clone();
    fs::remove_file(folder.path().join(LIVE)).unwrap();
    std::os::unix::fs::symlink(format!("{PAIRS}/{oldest}"), folder.path().join(LIVE)).unwrap();
    store.prune().unwrap();
    assert!(listing(&folder).contains(&oldest));
    // The same certificate in the same second is one more pair, and harms nothing.
    let made = Made::of(&names(), moment(0), 90 * 86_400);
    made.put(&store, &names(), moment(0)).unwrap();
    made.put(&store, &names(), moment(0)).unwrap();
    assert_eq!(listing(&folder).len(), KEPT);
    store.live().unwrap().unwrap();
}

#[test]
fn what_may_not_be_served_is_refused_and_changes_nothing() {
    let folder = scratch();
    let store = real(&folder);
    let now = moment(0);
    let good = Made::of(&names(), now, 90 * 86_400);
    good.put(&store, &names(), now).unwrap();
    let before = (serial(&store), listing(&folder));
    let other = Made::of(&names(), now, 90 * 86_400);
    let put = |chain: &str, key: &str, names: &[String], now| {
        store.put(chain.as_bytes(), &Secret::new(key.as_bytes().to_vec()), names, now)
    };
    let two = vec!["api.example.com".to_owned(), "www.example.com".to_owned()];
    for (what, result) in [
        ("another key", put(&good.chain, &other.key, &names(), now)),
        ("no key", put(&good.chain, "", &names(), now)),
        ("no chain", put("", &good.key, &names(), now)),
        ("half a chain", put(&good.chain[..good.chain.len() / 2], &good.key, &names(), now)),
        ("half a key", put(&good.chain, &good.key[..good.key.len() / 2], &names(), now)),
        (
            "noise",
            put("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", &good.key, &names(), now),
        ),
        ("one name too few", put(&good.chain, &good.key, &two, now)),
        ("ended", put(&good.chain, &good.key, &names(), moment(91 * 86_400))),
        ("not begun", put(&good.chain, &good.key, &names(), moment(-90 * 86_400))),
    ] {
        let error = result.expect_err(what);
        assert!(matches!(error, StoreError::Unfit(_)), "{what}: {error}");
        assert!(!error.to_string().contains(good.key.lines().nth(1).unwrap()), "{what}: {error}");
        assert_eq!((serial(&store), listing(&folder)), before, "{what}");
    }
}

/// How many operations it takes to put a second pair beside a first.
fn length_of_a_put() -> usize {
    let folder = scratch();
    Made::of(&names(), moment(0), 90 * 86_400).put(&real(&folder), &names(), moment(0)).unwrap();
    let disk = Dying::at(ENDLESS, false);
    let store = Store::on(disk.clone(), folder.path(), Owner::Writer);
    Made::of(&names(), moment(60), 90 * 86_400).put(&store, &names(), moment(60)).unwrap();
    ENDLESS.saturating_sub(disk.left.load(Ordering::SeqCst))
}

#[test]
fn a_run_that_dies_anywhere_leaves_a_serving_pair_and_the_next_one_cleans_up() {
    let length = length_of_a_put();
    assert!((12..60).contains(&length), "{length} operations");
    for point in 1..=length {
        for is_torn in [false, true] {
            let folder = scratch();
            let old = Made::of(&names(), moment(0), 90 * 86_400);
            let old = old.put(&real(&folder), &names(), moment(0)).unwrap().leaf().serial.clone();
            let new = Made::of(&names(), moment(60), 90 * 86_400);
            let dying = Store::on(Dying::at(point, is_torn), folder.path(), Owner::Writer);
            let error = new.put(&dying, &names(), moment(60)).expect_err("it was killed");
            assert!(matches!(error, StoreError::Disk { .. }), "{point}: {error}");
            // Somebody looks in between: there is a pair, and it is one of the two.
            let store = real(&folder);
            let at_once = serial(&store);
            assert!(at_once == old || at_once == new.serial(), "{point} {is_torn}");
            store.recover(moment(120)).unwrap();
            let settled = serial(&store);
            assert!(settled == new.serial() || settled == at_once, "{point} {is_torn}: went back");
            assert!(folder.path().join(NEXT).symlink_metadata().is_err(), "{point} {is_torn}");
            assert!(listing(&folder).iter().all(|name| !name.starts_with('.')), "{:?}", listing(&folder));
            // And the next run succeeds as if nothing had been.
            let third = Made::of(&names(), moment(180), 90 * 86_400);
            third.put(&store, &names(), moment(180)).unwrap();
            assert_eq!(serial(&store), third.serial());
        }
    }
}

#[test]
fn the_first_pair_may_die_anywhere_as_well() {
    for point in 1..ENDLESS {
        let folder = scratch();
        let dying = Store::on(Dying::at(point, true), folder.path(), Owner::Writer);
        let is_done = dying.ensure_placeholder(&names(), moment(0)).is_ok();
        let store = real(&folder);
        assert!(store.live().is_ok(), "half a pair is live after {point} operations");
        store.ensure_placeholder(&names(), moment(60)).unwrap();
        assert!(store.live().unwrap().is_some());
        if is_done {
            return;
        }
    }
}

#[test]
fn a_disk_that_fails_once_leaves_the_old_pair_and_nothing_torn_for_long() {
    for point in 1..=length_of_a_put() {
        let folder = scratch();
        let old = Made::of(&names(), moment(0), 90 * 86_400);
        old.put(&real(&folder), &names(), moment(0)).unwrap();
        let failing = Store::on(Dying::once(point), folder.path(), Owner::Writer);
        let new = Made::of(&names(), moment(60), 90 * 86_400);
        new.put(&failing, &names(), moment(60)).expect_err("the disk was full");
        let seen = serial(&failing);
        assert!(seen == old.serial() || seen == new.serial(), "{point}");
        new.put(&failing, &names(), moment(61)).unwrap();
        assert_eq!(serial(&failing), new.serial(), "{point}");
    }
}

#[test]
fn an_interrupted_exchange_to_a_pair_that_has_ended_meanwhile_is_not_finished() {
    let folder = scratch();
    let store = real(&folder);
    let long = Made::of(&names(), moment(0), 90 * 86_400);
    let short = Made::of(&names(), moment(0), 3_600);
    short.put(&store, &names(), moment(0)).unwrap();
    let name = listing(&folder)[0].clone();
    long.put(&store, &names(), moment(60)).unwrap();
    std::os::unix::fs::symlink(format!("{PAIRS}/{name}"), folder.path().join(NEXT)).unwrap();
    store.recover(moment(86_400)).unwrap();
    assert_eq!(serial(&store), long.serial());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever sequence of runs dies wherever: a pair is served from the first success on, and never an older one
    /// than before.
    #[test]
    fn any_sequence_of_deaths_leaves_a_serving_pair(deaths in proptest::collection::vec((1_usize..40, any::<bool>()), 1..6)) {
        let folder = scratch();
        let mut known = vec![Made::of(&names(), moment(0), 90 * 86_400)];
        known[0].put(&real(&folder), &names(), moment(0)).unwrap();
        let mut newest = 0;
        for (run, (point, is_torn)) in (1..).zip(deaths) {
            let now = moment(run);
            let made = Made::of(&names(), now, 90 * 86_400);
            let dying = Store::on(Dying::at(point, is_torn), folder.path(), Owner::Writer);
            let _ = made.put(&dying, &names(), now);
            known.push(made);
            let seen = serial(&real(&folder));
            let at = known.iter().position(|made| made.serial() == seen);
            prop_assert!(at.is_some_and(|at| at >= newest), "{:?} after {}", at, newest);
            newest = at.unwrap_or(newest);
            prop_assert!(listing(&folder).iter().filter(|name| !name.starts_with('.')).count() <= KEPT + 1);
        }
    }
}
