//! The journal: what it holds against crashes, full disks and editors.
//!
//! Feature: aws-ec2-production-deployment, Property 5: Error Handling and Recovery

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use cloud::Access;
use cloud::fault::{Matching, Recorder};
use model::event::Run;
use proptest::prelude::*;
use provision::error::RunError;
use provision::journal::{Damage, Journal, JournalError, Locked, Medium, NoteTopic, Record, State, peek};
use provision::survey::Adoptions;

use crate::support::{Bench, usual};

/// The bytes of a journal of a whole life: deployed, changed, cleaned up.
async fn a_life() -> Vec<u8> {
    let bench = Bench::new();
    bench.deploy(&usual()).await.unwrap();
    bench.cleanup(&usual(), true).await.unwrap();
    std::fs::read(bench.state_file()).unwrap()
}

fn life() -> &'static [u8] {
    static LIFE: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
    LIFE.get_or_init(|| {
        std::thread::spawn(|| {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
            runtime.unwrap().block_on(a_life())
        })
        .join()
        .unwrap()
    })
}

fn peeked(bytes: &[u8]) -> Result<Option<State>, JournalError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    std::fs::write(&path, bytes).unwrap();
    peek(&path)
}

fn lines(bytes: &[u8]) -> Vec<Vec<u8>> {
    bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Feature: aws-ec2-production-deployment, Property 5: a journal that was changed is noticed.
    #[test]
    fn any_changed_byte_is_noticed(place in any::<prop::sample::Index>(), by in 1..=255u8) {
        let mut bytes = life().to_vec();
        let place = place.index(bytes.len());
        bytes[place] = bytes[place].wrapping_add(by);
        match peeked(&bytes) {
            Err(JournalError::Damaged { .. } | JournalError::Contradiction { .. }) => {}
            // The newline of the last line: then that line counts as torn, which loses nothing that was promised.
            Ok(state) => prop_assert!(place == bytes.len() - 1, "byte {} gave {:?}", place, state.is_some()),
            Err(other) => prop_assert!(false, "{:?}", other),
        }
    }

    #[test]
    fn any_line_that_is_missing_doubled_or_moved_is_noticed(one in any::<prop::sample::Index>(), two in any::<prop::sample::Index>(), how in 0..3u8) {
        let all = lines(life());
        let (one, two) = (one.index(all.len() - 1), two.index(all.len() - 1));
        let mut changed = all.clone();
        match how {
            0 => { changed.remove(one); }
            1 => changed.insert(two, all[one].clone()),
            _ if one == two => return Ok(()),
            _ => changed.swap(one, two),
        }
        prop_assert!(peeked(&changed.concat()).is_err());
    }

    #[test]
    fn a_file_cut_anywhere_is_a_shorter_journal_and_never_an_error(place in any::<prop::sample::Index>()) {
        let bytes = life();
        let cut = &bytes[..place.index(bytes.len())];
        prop_assert!(peeked(cut).is_ok());
    }

    #[test]
    fn any_bytes_at_all_are_answered_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = peeked(&bytes);
    }
}

#[tokio::test(start_paused = true)]
async fn a_torn_last_line_is_dropped_and_the_run_goes_on() {
    let whole = Bench::new();
    whole.deploy(&usual()).await.unwrap();
    let bench = Bench::new();
    bench.practice.seed(|account| account.deny("ec2:AssociateAddress")).unwrap();
    assert!(bench.deploy(&usual()).await.is_err());
    let mut bytes = std::fs::read(bench.state_file()).unwrap();
    let complete = bytes.len();
    bytes.extend_from_slice(br#"{"seq":99,"at":"2026-11-21T10:0"#);
    std::fs::write(bench.state_file(), &bytes).unwrap();
    let loaded = Locked::acquire(&bench.state_file(), Duration::ZERO).await.unwrap().load().unwrap();
    assert!(loaded.torn && loaded.journal.is_ok());
    drop(loaded);
    assert_eq!(std::fs::read(bench.state_file()).unwrap().len(), complete);
    bench.practice.seed(|account| account.allow("ec2:AssociateAddress")).unwrap();
    bench.deploy(&usual()).await.unwrap();
    assert_eq!(bench.practice.inventory(), whole.practice.inventory());
}

#[tokio::test]
async fn a_file_without_a_complete_line_counts_as_absent() {
    for bytes in [&b""[..], br#"{"seq":0,"at":"2026"#] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        std::fs::write(&path, bytes).unwrap();
        assert_eq!(peek(&path).unwrap(), None);
        let loaded = Locked::acquire(&path, Duration::ZERO).await.unwrap().load().unwrap();
        assert!(loaded.journal.is_err());
    }
}

#[test]
fn a_newer_version_and_a_foreign_file_are_told_apart_from_damage() {
    let newer = br#"{"seq":0,"event":"header","format":"sre-agent-deploy/journal","version":2,"sings":true}"#;
    let mut newer = newer.to_vec();
    newer.push(b'\n');
    let Err(JournalError::Damaged { damage, .. }) = peeked(&newer) else { panic!("read") };
    assert_eq!(damage, Damage::Newer { found: 2, known: 1 });
    let Err(JournalError::Damaged { damage, .. }) = peeked(b"hello\n") else { panic!("read") };
    assert_eq!(damage, Damage::NotAJournal("deployment"));
}

#[test]
fn the_first_version_is_read_for_ever() {
    let bytes = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/journal-v1.jsonl")).unwrap();
    let state = peeked(&bytes).unwrap().unwrap();
    assert_eq!(state.header.deployment_id.as_str(), "sre-test");
    assert!(state.cleaned_up);
    assert_eq!(state.steps.len(), 12);
}

#[tokio::test(start_paused = true)]
async fn two_runs_on_one_state_file_do_not_meet_and_a_dead_one_leaves_no_lock() {
    let bench = Bench::new();
    let first = Locked::acquire(&bench.state_file(), Duration::ZERO).await.unwrap();
    let second = Locked::acquire(&bench.state_file(), Duration::from_secs(5)).await;
    assert!(matches!(second, Err(JournalError::Locked { .. })));
    drop(first);
    Locked::acquire(&bench.state_file(), Duration::ZERO).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_state_file_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let bench = Bench::new();
    bench.deploy(&usual()).await.unwrap();
    let mode = std::fs::metadata(bench.state_file()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

/// A disk that is full from the k-th line on.
struct Full {
    left: u32,
    lines: Arc<std::sync::Mutex<Vec<u8>>>,
}

impl Medium for Full {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(left) = self.left.checked_sub(1) else { return Err(io::ErrorKind::StorageFull.into()) };
        self.left = left;
        self.lines.lock().unwrap().extend_from_slice(bytes);
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn with_the_disk_full_at_any_line_nothing_happens_that_is_not_on_it_and_the_run_goes_on_later() {
    let whole = Bench::new();
    whole.deploy(&usual()).await.unwrap();
    let written = lines(&std::fs::read(whole.state_file()).unwrap()).len();
    let whole = whole.practice.inventory();
    for room in 1..u32::try_from(written).unwrap() {
        let mut bench = Bench::new();
        let recorder = Arc::new(Recorder::default());
        bench.hooks.push(recorder.clone());
        let config = usual();
        let bytes = Arc::new(std::sync::Mutex::new(Vec::new()));
        {
            let engine = bench.engine();
            let prepared = engine.prepare(&config, &Bench::account(), None, &Adoptions::new()).await.unwrap();
            let header = bench.header(&config);
            let medium = Full { left: room, lines: bytes.clone() };
            let path = PathBuf::from("state");
            let journal = Journal::begin_on(path, Box::new(medium), header, engine.now()).unwrap();
            let (state, ended) =
                engine.apply(&config, &Bench::account(), &prepared, journal, Run::Deploy).await;
            assert!(ended.is_err(), "{room} of {written} lines: {ended:?}");
            // Every call that changed something had its intent on the disk; a retried call is one call.
            let intents = count(&bytes.lock().unwrap(), b"\"event\":\"intent\"");
            let calls: BTreeSet<String> =
                recorder.actions(Matching::Access(Access::Write)).into_iter().collect();
            assert!(calls.len() <= intents, "{room} of {written} lines: {calls:?}");
            assert!(!state.is_finished(), "{room} of {written} lines");
        }
        std::fs::write(bench.state_file(), bytes.lock().unwrap().as_slice()).unwrap();
        bench.deploy(&config).await.unwrap();
        assert_eq!(bench.practice.inventory(), whole, "{room} lines");
    }
}

fn count(bytes: &[u8], word: &[u8]) -> usize {
    bytes.windows(word.len()).filter(|window| *window == word).count()
}

#[tokio::test(start_paused = true)]
async fn an_impossible_line_is_refused_unwritten() {
    let bench = Bench::new();
    let engine = bench.engine();
    let locked = bench.locked().await.err().unwrap();
    let mut journal = locked.begin(bench.header(&usual()), engine.now()).unwrap();
    let before = std::fs::read(bench.state_file()).unwrap();
    let impossible = Record::Undone {
        step: model::plan::StepId::Instance,
        op: "terminate".to_owned(),
        id: "i-0".to_owned(),
    };
    assert!(matches!(journal.append(engine.now(), &impossible), Err(JournalError::Impossible(_))));
    assert_eq!(std::fs::read(bench.state_file()).unwrap(), before);
    let note = Record::Note { topic: NoteTopic::Other, text: "still well".to_owned() };
    journal.append(engine.now(), &note).unwrap();
    assert_eq!(lines(&std::fs::read(bench.state_file()).unwrap()).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_resume_under_another_account_or_region_is_refused() {
    let bench = Bench::new();
    bench.deploy(&usual()).await.unwrap();
    let identity = bench.engine().identity().await.unwrap();
    let mut state = bench.state().unwrap();
    let region = usual().aws.region;
    let check = |state: &State, region| {
        provision::engine::Engine::check_account(&identity, region, None, Some(state))
    };
    assert!(check(&state, &region).is_ok());
    let elsewhere = model::Region::parse("eu-central-1").unwrap();
    let Err(RunError::Refused(findings)) = check(&state, &elsewhere) else { panic!("accepted") };
    assert_eq!(findings[0].code, "SRE-ACC-002");
    state.header.account_id = model::AccountId::parse("999999999999").unwrap();
    let Err(RunError::Refused(findings)) = check(&state, &region) else { panic!("accepted") };
    assert_eq!(findings[0].code, "SRE-ACC-001");
}
