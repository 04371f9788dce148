//! Copies in a folder: where, how many, and what is left alone.

use std::{collections::BTreeMap, os::unix::fs::PermissionsExt as _};

use listenfd::ListenFd;

use super::*;
use crate::ledger::{
    Ledger as _,
    writer::tests::{entry, open},
};

const KEEP: NonZeroUsize = NonZeroUsize::new(3).unwrap();

struct Desk {
    folder: tempfile::TempDir,
}

impl Desk {
    /// With a ledger of so many requests, as the proxy writes it.
    fn new(requests: u64) -> Self {
        let desk = Self { folder: tempfile::tempdir().unwrap() };
        desk.record(requests);
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn record(&self, requests: u64) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let books = open(&self.path("usage.db"));
            for number in 0..requests {
                books.record(entry(number));
            }
            assert!(books.close(std::time::Duration::from_mins(1)).await);
        });
    }

    fn backup(&self, at: &str) -> Result<Done, BackupError> {
        backup(&self.path("usage.db"), &self.path("copies"), KEEP, at.parse().unwrap())
    }

    fn copies(&self) -> Vec<String> {
        let mut names = names(&self.path("copies")).unwrap();
        names.sort_unstable();
        names
    }

    /// The program with a configuration whose `ledger` is this.
    fn program(&self, ledger: &str) -> (Exit, String, String) {
        let config = format!("{}ledger: {ledger}\n", include_str!("../../config/smallest.yaml"));
        fs::write(self.path("proxy.yaml"), config).unwrap();
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let world = World {
            environment: BTreeMap::from([(
                "STATE_DIRECTORY".to_owned(),
                format!("{}:/var/lib/other", self.folder.path().display()),
            )]),
            sockets: ListenFd::empty(),
            process_id: 1,
            is_terminal: false,
            stdout: &mut stdout,
            stderr: &mut stderr,
        };
        let (config, to) = (self.path("proxy.yaml"), self.path("copies"));
        let words = ["bedrock-nova-proxy", "backup", "--config"].map(std::ffi::OsString::from);
        let words = words.into_iter().chain([config.into(), "--to".into(), to.into()]);
        let exit = super::super::run(words, world);
        (exit, String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
    }
}

#[test]
fn a_copy_is_named_by_its_time_and_for_the_owner_only() {
    let desk = Desk::new(5);
    let done = desk.backup("2026-11-21T03:00:07Z").unwrap();
    assert_eq!(done.copy, desk.path("copies/usage-20261121T030007Z.db"));
    assert_eq!((done.entries, done.kept, done.removed), (5, 1, 0));
    for (path, mode) in [(done.copy, 0o600), (desk.path("copies"), 0o700)] {
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, mode, "{}", path.display());
    }
    assert_eq!(desk.copies(), [".lock", "usage-20261121T030007Z.db"]);
}

#[test]
fn the_oldest_go_once_there_is_a_new_one_and_nothing_else_does() {
    let desk = Desk::new(1);
    for day in 1..=5 {
        desk.backup(&format!("2026-11-0{day}T03:00:00Z")).unwrap();
        fs::write(desk.path("copies/usage-before-the-move.db"), "somebody's").unwrap();
    }
    let copies =
        [".lock", "usage-20261103T030000Z.db", "usage-20261104T030000Z.db", "usage-20261105T030000Z.db"];
    assert_eq!(desk.copies(), [&copies[..], &["usage-before-the-move.db"]].concat());
    // A clock that was set back: the new copy stays although its name is the oldest.
    let done = desk.backup("2026-01-01T00:00:00Z").unwrap();
    assert!(done.copy.exists());
    assert_eq!((done.kept, done.removed), (3, 1));
}

#[test]
fn no_copy_goes_for_one_that_failed() {
    let desk = Desk::new(1);
    for day in 1..=3 {
        desk.backup(&format!("2026-11-0{day}T03:00:00Z")).unwrap();
    }
    let before = desk.copies();
    fs::write(desk.path("usage.db"), "a".repeat(4096)).unwrap();
    let error = desk.backup("2026-11-04T03:00:00Z").err().unwrap();
    assert_eq!(error.finding().code, "SRE-HOST-060");
    assert_eq!(desk.copies(), before);
}

#[test]
fn what_a_killed_run_left_is_taken_away() {
    let desk = Desk::new(1);
    desk.backup("2026-11-01T03:00:00Z").unwrap();
    for name in ["usage-20261101T040000Z.db.part", "usage-20261101T040000Z.db.part-journal"] {
        fs::write(desk.path("copies").join(name), "half").unwrap();
    }
    desk.backup("2026-11-02T03:00:00Z").unwrap();
    assert_eq!(desk.copies(), [".lock", "usage-20261101T030000Z.db", "usage-20261102T030000Z.db"]);
}

#[test]
fn one_run_at_a_time() {
    let desk = Desk::new(1);
    desk.backup("2026-11-01T03:00:00Z").unwrap();
    let held = File::open(desk.path("copies/.lock")).unwrap();
    held.lock().unwrap();
    assert!(matches!(desk.backup("2026-11-02T03:00:00Z"), Err(BackupError::Busy(_))));
    held.unlock().unwrap();
    assert!(desk.backup("2026-11-02T03:00:00Z").is_ok());
}

#[test]
fn a_folder_that_cannot_be_is_a_finding() {
    let desk = Desk::new(1);
    fs::write(desk.path("copies"), "a file").unwrap();
    let error = desk.backup("2026-11-01T03:00:00Z").err().unwrap();
    assert_eq!(error.finding().code, "SRE-HOST-061");
}

#[test]
fn the_program_says_where_the_copy_is() {
    let desk = Desk::new(2);
    // The default: the file in the first of systemd's folders.
    let (exit, stdout, stderr) = desk.program("{}");
    assert_eq!(exit, Exit::Done, "{stderr}");
    assert!(Path::new(stdout.trim()).starts_with(desk.path("copies")), "{stdout}");
    assert!(stderr.contains("2 entries copied"), "{stderr}");
    let (exit, _, stderr) = desk.program("{store: {sqlite: {path: /nowhere/usage.db}}}");
    assert_eq!(exit, Exit::Failed);
    assert!(stderr.contains("SRE-HOST-060") && stderr.contains("no ledger at /nowhere"), "{stderr}");
    for (ledger, says) in [
        ("{store: off}", "keeps no ledger"),
        ("{store: {dynamodb: {table: usage, region: us-east-1}}}", "table usage"),
    ] {
        let (exit, stdout, stderr) = desk.program(ledger);
        assert_eq!((exit, stdout.as_str()), (Exit::Done, ""), "{stderr}");
        assert!(stderr.contains("nothing to copy") && stderr.contains(says), "{stderr}");
    }
}
