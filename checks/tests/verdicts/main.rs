//! Verdicts on files that nobody here wrote: the certificates of `cryptography-vectors`, read and judged as by
//! `check certs --file`.
#![expect(clippy::expect_used, reason = "a test that cannot go on stops")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use checks::cert::judge::{Policy, Roots, judge};
use checks::cert::read::material;
use checks::{CheckResult, Moment, Status};
use model::Severity;

/// 2026-06-01, and a moment at which most of these certificates were valid.
const MOMENTS: [Moment; 2] = [Moment::from_second(1_780_272_000), Moment::from_second(1_420_070_400)];
/// What a file's mode says depends on where it lies.
const OF_THE_PLACE: [&str; 2] = ["SRE-TLS-025", "SRE-TLS-026"];

static ROOT: LazyLock<PathBuf> = LazyLock::new(|| {
    let script = "import cryptography_vectors, json, os\nprint(json.dumps(os.path.dirname(cryptography_vectors.__file__)))\n";
    let found = test_support::python("cryptography_vectors", script, &[], &[]);
    PathBuf::from(found.as_str().expect("the script prints a folder"))
});

/// All files below a folder of the corpus.
fn files(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![ROOT.join(folder)];
    while let Some(folder) = open.pop() {
        for entry in folder.read_dir().expect("a folder of the corpus").flatten() {
            let path = entry.path();
            if path.is_dir() { open.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

fn result(path: &Path, policy: &Policy, at: Moment) -> CheckResult {
    judge(&material(path), policy, at)
}

#[test]
fn every_file_has_a_verdict_and_only_the_trusted_are_ok() {
    let policy = Policy::new(Roots::mozilla());
    let mut judged = 0_usize;
    for path in ["x509", "pkcs12"].iter().flat_map(|folder| files(folder)) {
        let known = material(&path);
        for at in MOMENTS {
            let result = judge(&known, &policy, at);
            judged = judged.saturating_add(1);
            let shown = path.display();
            assert!(!result.findings.is_empty(), "{shown}");
            let is_trusted = result
                .findings
                .iter()
                .any(|finding| finding.code == "SRE-TLS-017" && finding.severity == Severity::Ok);
            assert!(is_trusted || result.status != Status::Ok, "{shown}: {:?}", result.findings);
            assert_eq!(result.certificates.len(), known.certificates().count(), "{shown}");
            // Something is to be done about everything that is not in order, and it is said what.
            for finding in &result.findings {
                let is_fault =
                    matches!(finding.severity, Severity::Warning | Severity::Error | Severity::Unknown);
                assert!(!is_fault || finding.hint.is_some(), "{shown}: {finding:?}");
            }
        }
    }
    assert!(judged > 3_000, "only {judged}");
}

/// What each peculiar file comes to, so that a change of a verdict is seen.
#[test]
fn verdicts_on_peculiar_files_stay() {
    let policy = Policy::new(Roots::mozilla());
    let mut lines = String::new();
    let mut by_code: BTreeMap<String, usize> = BTreeMap::new();
    for path in files("x509/custom") {
        let result = result(&path, &policy, MOMENTS[0]);
        let codes: BTreeSet<&str> = result
            .findings
            .iter()
            .filter(|finding| !matches!(finding.severity, Severity::Ok))
            .map(|finding| finding.code.as_str())
            .filter(|code| !OF_THE_PLACE.contains(code))
            .collect();
        for code in &codes {
            let count = by_code.entry((*code).to_owned()).or_default();
            *count = count.saturating_add(1);
        }
        let name = path.strip_prefix(ROOT.join("x509/custom")).expect("it is below").display();
        let codes: Vec<&str> = codes.into_iter().map(|code| code.trim_start_matches("SRE-")).collect();
        writeln!(lines, "{name}: {} {}", result.status.as_str(), codes.join(" "))
            .expect("a string can be written");
    }
    assert!(by_code.len() > 15, "{by_code:?}");
    insta::assert_snapshot!(lines);
}
