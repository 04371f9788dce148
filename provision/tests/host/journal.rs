//! The host's journal: the same form and the same guards as that of a deployment.

use std::path::Path;

use proptest::prelude::*;
use provision::host::{self, HostHeader, HostRecord, HostState, Thing};
use provision::journal::{Damage, Fold, JournalError};
use systemd::Layout;
use systemd::host::Host;

use crate::support::{Bench, wanted};

fn life() -> Vec<u8> {
    let bench = Bench::new();
    bench.install(&wanted("one", "a: 1")).unwrap();
    bench.install(&wanted("two", "a: 1")).unwrap();
    bench.uninstall(true).unwrap();
    bench.host.read(&Layout::default().journal()).unwrap()
}

fn peeked(bytes: &[u8]) -> Result<Option<HostState>, JournalError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("host.journal");
    std::fs::write(&path, bytes).unwrap();
    host::peek(&path)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn any_changed_byte_is_noticed(place in any::<prop::sample::Index>(), by in 1..=255u8) {
        static LIFE: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
        let mut bytes = LIFE.get_or_init(life).clone();
        let place = place.index(bytes.len());
        bytes[place] = bytes[place].wrapping_add(by);
        match peeked(&bytes) {
            Err(JournalError::Damaged { .. } | JournalError::Contradiction { .. }) => {}
            Ok(state) => prop_assert!(place == bytes.len() - 1, "byte {} gave {:?}", place, state.is_some()),
            Err(other) => prop_assert!(false, "{:?}", other),
        }
    }
}

#[test]
fn a_journal_of_a_deployment_is_none_of_a_host_and_damage_names_its_line() {
    let text = String::from_utf8(life()).unwrap();
    let foreign = text.replacen("sre-agent-deploy/host-journal", "sre-agent-deploy/journal", 1);
    let error = peeked(foreign.as_bytes()).unwrap_err();
    assert!(matches!(error, JournalError::Damaged { damage: Damage::NotAJournal("host"), .. }), "{error:?}");
    let second = text.lines().nth(1).unwrap();
    let changed = text.replacen(second, &second.replace("install", "upgrade"), 1);
    let error = peeked(changed.as_bytes()).unwrap_err();
    let finding = host::of_journal(&error, host::Product::Proxy);
    assert!(finding.evidence.unwrap().starts_with("line 2 is damaged"));
    assert!(finding.message.starts_with("the host's journal `"), "{}", finding.message);
}

#[test]
fn lines_that_cannot_follow_are_refused() {
    let begun = || {
        HostState::begin(HostHeader {
            version: 1,
            deployment_id: None,
            lineage: String::new(),
            tool_version: String::new(),
        })
    };
    let thing = Thing::Group { name: "g".to_owned() };
    let step = thing.id();
    let intent = HostRecord::Intent {
        step: step.clone(),
        thing: thing.clone(),
        before: host::Before::Absent,
        previous: None,
    };
    assert!(begun().apply(&intent).is_err());
    assert!(begun().apply(&HostRecord::Done { step: step.clone() }).is_err());
    assert!(begun().apply(&HostRecord::Committed).is_err());
    let planned =
        HostRecord::Planned { run: host::RunKind::Install, version: "1".to_owned(), changes: Vec::new() };
    let open = begun().apply(&planned).unwrap().apply(&intent).unwrap();
    assert!(open.clone().apply(&HostRecord::Committed).is_err());
    let adopted = HostRecord::Adopted { step: step.clone(), thing };
    assert!(open.clone().apply(&adopted).is_err());
    let theirs = begun().apply(&adopted).unwrap();
    assert!(theirs.apply(&HostRecord::UndoIntent { step: step.clone(), previous: false }).is_err());
    let undone = HostRecord::Undone { step, previous: false };
    assert!(open.apply(&undone).is_err());
    assert!(host::peek(Path::new("/nonexistent/journal")).unwrap().is_none());
}
