//! Changes of the configuration while the server runs.

use std::path::Path;

use tokio_util::sync::CancellationToken;

use super::*;
use crate::{
    clock::Clock,
    config::{Changes, Config, codes, smallest},
    tls::testing::{Authority, Folder, Pair, now, replace},
};

/// A clock that stands still.
struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> jiff::Timestamp {
        now()
    }
}

fn origin(folder: &Path) -> Origin {
    Origin { path: folder.join("proxy.yaml"), state_directory: None, region: None }
}

/// What is built is the number of requests a minute, so that the tests see which configuration it was built from.
fn reloader(folder: &Path) -> Reloader<u32> {
    let origin = origin(folder);
    let loaded = origin.load().unwrap();
    let build = |config: &Config, _: Option<&Snapshot<u32>>| Ok(config.limits.default.requests_per_minute);
    Reloader::start(origin, loaded, Arc::new(Fixed), build).unwrap()
}

fn write(folder: &Path, more: &str) {
    replace(&folder.join("proxy.yaml"), &format!("{}{more}", smallest()));
}

#[tokio::test]
async fn a_changed_file_is_taken_over_as_far_as_it_can_be() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "");
    let reloader = reloader(folder.path());
    let current = reloader.current();
    assert_eq!((current.load().version, current.load().parts), (1, 100));
    assert_eq!(reloader.reload().await, Outcome::Same);
    write(folder.path(), "limits: {requests_per_minute: 7}\nledger: {store: off}\n");
    let Outcome::Applied { version: 2, changes } = reloader.reload().await else { panic!() };
    assert_eq!((changes.applied, changes.needs_restart), (vec!["limits"], vec!["ledger.store"]));
    assert_eq!((current.load().version, current.load().parts), (2, 7));
    assert_ne!(current.load().config.ledger.store, crate::config::LedgerStore::Off);
}

#[tokio::test]
async fn a_wrong_file_changes_nothing_until_it_is_repaired() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "");
    let reloader = reloader(folder.path());
    let current = reloader.current();
    let before = current.load_full();
    for more in ["limits: {requests_per_minute: none}\n", "ledger: {prices_path: missing.yaml}\n", "{"] {
        write(folder.path(), more);
        assert!(
            matches!(reloader.reload().await, Outcome::Refused(problems) if !problems.is_empty()),
            "{more}"
        );
        assert!(Arc::ptr_eq(&before, &current.load_full()));
    }
    std::fs::remove_file(folder.path().join("proxy.yaml")).unwrap();
    let Outcome::Refused(problems) = reloader.reload().await else { panic!() };
    assert_eq!(problems[0].code, codes::UNREADABLE_CONFIGURATION);
    write(folder.path(), "limits: {requests_per_minute: 8}\n");
    assert!(matches!(reloader.reload().await, Outcome::Applied { version: 2, .. }));
    assert_eq!(current.load().parts, 8);
}

#[tokio::test]
async fn what_cannot_be_built_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "");
    let origin = origin(folder.path());
    let loaded = origin.load().unwrap();
    let build = |config: &Config, old: Option<&Snapshot<u64>>| match old {
        Some(_) if config.limits.default.tokens_per_hour == 13 => Err(Vec::new()),
        _ => Ok(config.limits.default.tokens_per_hour),
    };
    let reloader = Reloader::start(origin, loaded, Arc::new(Fixed), build).unwrap();
    write(folder.path(), "limits: {tokens_per_hour: 13}\n");
    assert_eq!(reloader.reload().await, Outcome::Refused(Vec::new()));
    assert_eq!(reloader.current().load().parts, 10_000);
}

#[tokio::test]
async fn a_file_behind_the_configuration_is_taken_over_as_well() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("prices.yaml"), "1").unwrap();
    write(folder.path(), "ledger: {prices_path: prices.yaml}\n");
    let reloader = reloader(folder.path());
    assert_eq!(reloader.reload().await, Outcome::Same);
    replace(&folder.path().join("prices.yaml"), "2");
    assert_eq!(reloader.reload().await, Outcome::Applied { version: 2, changes: Changes::default() });
    assert_eq!(reloader.reload().await, Outcome::Same);
}

#[tokio::test]
async fn a_signal_says_again_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "");
    let reloader = reloader(folder.path());
    write(folder.path(), "nonsense: 1\n");
    for _ in 0..2 {
        assert!(matches!(reloader.reload_loudly().await, Outcome::Refused(_)));
    }
    write(folder.path(), "");
    assert!(matches!(reloader.reload_loudly().await, Outcome::Applied { .. }));
    assert_eq!(reloader.reload_loudly().await, Outcome::Same);
}

/// Runs the reloader until a condition holds.
async fn until(reloader: &Reloader<u32>, hangup: &Notify, holds: impl Fn() -> bool) {
    let stop = CancellationToken::new();
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        stop.cancel();
    };
    let notifier = Notifier::default();
    let running = reloader.run(hangup, &notifier, &stop);
    tokio::time::timeout(PATIENCE, async { tokio::join!(running, waiting) }).await.unwrap();
}

#[tokio::test]
async fn files_are_watched_and_signals_are_obeyed() {
    let authority = Authority::new();
    let folder = Folder::with(&authority.issue());
    let tls = "tls: {cert_path: cert.pem, key_path: key.pem}\n";
    write(folder.folder.path(), tls);
    let reloader = reloader(folder.folder.path());
    let (server, current, hangup) = (reloader.tls().unwrap(), reloader.current(), Notify::new());
    // A signal is obeyed at once.
    write(folder.folder.path(), &format!("{tls}limits: {{requests_per_minute: 3}}\n"));
    hangup.notify_one();
    until(&reloader, &hangup, || current.load().parts == 3).await;
    // A renewed certificate needs none.
    let renewed = authority.issue();
    let put = std::cell::Cell::new(false);
    until(&reloader, &hangup, || {
        if !put.replace(true) {
            folder.put(&renewed);
        }
        server.pair().cert[0] == renewed.leaf()
    })
    .await;
    // Nor does the configuration.
    put.set(false);
    until(&reloader, &hangup, || {
        if !put.replace(true) {
            write(folder.folder.path(), &format!("{tls}limits: {{requests_per_minute: 4}}\n"));
        }
        current.load().parts == 4
    })
    .await;
}

#[tokio::test]
async fn a_server_that_cannot_start_says_why() {
    let authority = Authority::new();
    let folder = Folder::with(&authority.issue());
    write(folder.folder.path(), "tls: {cert_path: cert.pem, key_path: missing.pem}\n");
    let origin = origin(folder.folder.path());
    let loaded = origin.load().unwrap();
    let problems = Reloader::start(origin, loaded, Arc::new(Fixed), |_, _| Ok(())).unwrap_err();
    assert_eq!(problems[0].code, codes::UNREADABLE_KEY);
    assert_eq!(problems[0].path, "tls.key_path");
    assert!(problems[0].span.is_some());
}

/// A host's certificates as a renewal leaves them: a folder for each pair, and a link to the one that counts.
struct Store {
    root: tempfile::TempDir,
    reloader: Reloader<u32>,
}

impl Store {
    fn with(pair: &Pair) -> Self {
        let root = tempfile::tempdir().unwrap();
        put(root.path(), "a", pair);
        std::os::unix::fs::symlink("pairs/a", root.path().join("live")).unwrap();
        write(root.path(), "tls: {cert_path: live/fullchain.pem, key_path: live/privkey.pem}\n");
        let reloader = reloader(root.path());
        Self { root, reloader }
    }

    /// Puts a pair beside the others, and switches the link in one step.
    fn switch(&self, name: &str, pair: &Pair) {
        put(self.root.path(), name, pair);
        let (link, new) = (self.root.path().join("live"), self.root.path().join("live.new"));
        std::os::unix::fs::symlink(Path::new("pairs").join(name), &new).unwrap();
        std::fs::rename(new, link).unwrap();
    }

    /// What clients are shown after a look.
    async fn shown(&self) -> rustls_pki_types::CertificateDer<'static> {
        self.reloader.reload().await;
        self.reloader.tls().unwrap().pair().cert[0].clone()
    }
}

fn put(root: &Path, name: &str, pair: &Pair) {
    let folder = root.join("pairs").join(name);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("fullchain.pem"), &pair.certificate).unwrap();
    std::fs::write(folder.join("privkey.pem"), &pair.key).unwrap();
}

#[tokio::test]
async fn a_switched_link_shows_the_new_pair_if_it_is_one() {
    let authority = Authority::new();
    let (first, second, third) = (authority.issue(), authority.issue(), authority.issue());
    let store = Store::with(&first);
    assert_eq!(store.shown().await, first.leaf());
    store.switch("b", &second);
    assert_eq!(store.shown().await, second.leaf());
    // Torn, and of two issuances: waited for, and then refused.
    let torn =
        Pair { certificate: third.certificate[..third.certificate.len() / 2].to_owned(), ..third.clone() };
    let mixed = Pair { key: first.key.clone(), ..third.clone() };
    for (name, wrong) in [("c", torn), ("d", mixed)] {
        store.switch(name, &wrong);
        for _ in 0..3 {
            assert_eq!(store.shown().await, second.leaf(), "{name}");
        }
    }
    store.switch("e", &third);
    assert_eq!(store.shown().await, third.leaf());
    // A renewal with the key that was there before.
    let key = rcgen::KeyPair::from_pem(&third.key).unwrap();
    let renewed = Pair { certificate: authority.sign(&key), key: third.key.clone() };
    store.switch("f", &renewed);
    assert_eq!(store.shown().await, renewed.leaf());
}

#[tokio::test]
async fn a_switched_link_needs_no_signal() {
    let authority = Authority::new();
    let (first, second) = (authority.issue(), authority.issue());
    let store = Store::with(&first);
    let server = store.reloader.tls().unwrap();
    let switched = std::cell::Cell::new(false);
    until(&store.reloader, &Notify::new(), || {
        if !switched.replace(true) {
            store.switch("b", &second);
        }
        server.pair().cert[0] == second.leaf()
    })
    .await;
}

/// A clock that is put forward.
struct Moving(std::sync::Mutex<jiff::Timestamp>);

impl Clock for Moving {
    fn now(&self) -> jiff::Timestamp {
        *self.0.lock().unwrap()
    }
}

#[tokio::test]
async fn a_certificate_that_should_have_been_renewed_is_told_of_once_a_day() {
    let root = tempfile::tempdir().unwrap();
    let pair = Authority::new().issue_with(|params| {
        params.not_before = rcgen::date_time_ymd(2026, 6, 1);
        params.not_after = rcgen::date_time_ymd(2026, 8, 30);
    });
    put(root.path(), "a", &pair);
    write(root.path(), "tls: {cert_path: pairs/a/fullchain.pem, key_path: pairs/a/privkey.pem}\n");
    let clock = Arc::new(Moving(std::sync::Mutex::new(now())));
    let told: Arc<std::sync::Mutex<Vec<crate::tls::Ending>>> = Arc::default();
    let (origin, hears) = (origin(root.path()), Arc::clone(&told));
    let loaded = origin.load().unwrap();
    let reloader =
        Reloader::start(origin, loaded, clock.clone(), |_, _| Ok(())).unwrap().telling(move |reloaded| {
            if let crate::serve::Reloaded::CertificateEnding(_, ending) = reloaded {
                hears.lock().unwrap().push(ending);
            }
        });
    let moments = [
        (now().to_string(), 0),
        ("2026-08-04T00:00:00Z".to_owned(), 1),
        ("2026-08-04T23:59:00Z".to_owned(), 1),
        ("2026-08-05T00:00:00Z".to_owned(), 2),
        ("2026-08-30T00:00:01Z".to_owned(), 3),
    ];
    for (moment, so_many) in moments {
        *clock.0.lock().unwrap() = moment.parse().unwrap();
        for _ in 0..2 {
            reloader.reload().await;
            assert_eq!(told.lock().unwrap().len(), so_many, "{moment}");
        }
    }
    let (soon, past) = (crate::tls::Ending::Soon, crate::tls::Ending::Past);
    assert_eq!(*told.lock().unwrap(), [soon, soon, past]);
}
