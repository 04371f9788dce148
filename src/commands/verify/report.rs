//! The verification report: a pure function of the journal and of what the checks found.

use std::collections::{BTreeMap, BTreeSet};

use checks::report::Selection;
use checks::{CheckReport, Status as Checked, catalogue};
use model::plan::StepId;
use model::report::{REPORT_SCHEMA_VERSION, SetupResult, Status, VerificationReport};
use model::{Finding, Severity};
use provision::journal::State;

use crate::failure::codes;
use crate::report::{components, subject};

/// Puts the report together. It says `complete` only where everything that was to be checked was, and passed.
pub(super) fn verification(state: &State, checks: &CheckReport, selection: &Selection) -> VerificationReport {
    let findings: Vec<Finding> = checks.findings().map(|(_, finding)| finding.clone()).collect();
    let component_results = observed(components(state, &[]), &findings);
    let is_there = state.is_finished() && component_results.iter().all(|component| component.success);
    let is_whole = selection.only.is_empty() && checks.ignored.is_empty();
    VerificationReport {
        schema_version: REPORT_SCHEMA_VERSION,
        timestamp: checks.checked_at,
        deployment: subject(state),
        overall_status: match state.cleaned_up {
            true => Status::Removed,
            false if is_there => overall(checks.overall, &findings, is_whole),
            false => Status::Incomplete,
        },
        component_results,
        connectivity_tests: tests(&findings),
        recommendations: recommendations(&findings),
        findings,
        deploy: None,
    }
}

/// The components by the journal, unless something else was seen of one: what is there counts, not what was made.
fn observed(mut components: Vec<SetupResult>, findings: &[Finding]) -> Vec<SetupResult> {
    for component in &mut components {
        let instead = findings.iter().find(|finding| {
            finding.severity >= Severity::Unknown
                && finding.code.starts_with("SRE-DRIFT-")
                && (finding.subject == component.component
                    || component.component == StepId::Readiness.as_str() && finding.code == WELL)
        });
        if let Some(finding) = instead {
            component.success = false;
            component.message = format!("{}: {}", finding.code, finding.message);
            component.next_steps = finding.hint.iter().cloned().collect();
        }
    }
    components
}

/// Says whether the instance runs; what its readiness was when it was made is past.
const WELL: &str = "SRE-DRIFT-003";

/// How a deployment stands whose resources are all there.
fn overall(checked: Checked, findings: &[Finding], is_whole: bool) -> Status {
    let any = |severity| findings.iter().any(|finding| finding.severity == severity);
    // What was not to be installed is not missing; everything else that was skipped is.
    let is_skipped =
        |finding: &Finding| finding.severity == Severity::Skipped && finding.code != codes::HOST_SKIPPED;
    if checked >= Checked::Unknown || any(Severity::Error) || any(Severity::Unknown) {
        Status::Incomplete
    } else if any(Severity::Warning) || findings.iter().any(is_skipped) || !is_whole {
        Status::CompleteWithWarnings
    } else {
        Status::Complete
    }
}

/// Each check that ran, and whether it passed. What could not be judged did not pass.
fn tests(findings: &[Finding]) -> BTreeMap<String, bool> {
    let mut tests = BTreeMap::new();
    for finding in findings.iter().filter(|finding| finding.severity != Severity::Skipped) {
        let Some(entry) = catalogue::find(&finding.code) else { continue };
        let name = format!("{} {} ({})", entry.code, entry.title, finding.subject);
        let passed = finding.severity < Severity::Unknown;
        tests.entry(name).and_modify(|all| *all &= passed).or_insert(passed);
    }
    tests
}

/// What to do next, most urgent first, each once. What was skipped comes last.
fn recommendations(findings: &[Finding]) -> Vec<String> {
    let urgency = |severity| match severity {
        Severity::Error => 0,
        Severity::Unknown => 1,
        Severity::Warning => 2,
        Severity::Skipped => 3,
        Severity::Info | Severity::Ok => 4,
    };
    let mut hints: Vec<(u8, String)> = findings
        .iter()
        .filter(|finding| urgency(finding.severity) < 4)
        .filter_map(|finding| {
            Some((urgency(finding.severity), format!("{}: {}", finding.code, finding.hint.as_ref()?)))
        })
        .collect();
    // Stable: within one urgency in the order in which they were found.
    hints.sort_by_key(|(urgency, _)| *urgency);
    let mut seen = BTreeSet::new();
    hints.into_iter().map(|(_, hint)| hint).filter(|hint| seen.insert(hint.clone())).collect()
}

#[cfg(test)]
mod tests {
    use checks::{CheckResult, Subject, SubjectKind};
    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::*;

    const SEVERITIES: [Severity; 6] = [
        Severity::Ok,
        Severity::Info,
        Severity::Skipped,
        Severity::Warning,
        Severity::Unknown,
        Severity::Error,
    ];

    fn findings() -> impl Strategy<Value = Vec<Finding>> {
        let codes: Vec<&'static str> =
            catalogue::all().map(|entry| entry.code).chain([codes::HOST_SKIPPED, "SRE-AWS-001"]).collect();
        let finding = (
            proptest::sample::select(codes),
            proptest::sample::select(SEVERITIES.to_vec()),
            "[ab]",
            proptest::option::of("[a-c]"),
        )
            .prop_map(|(code, severity, subject, hint)| {
                let finding = Finding::new(code, severity, subject, "said");
                match hint {
                    Some(hint) => finding.hint(hint),
                    None => finding,
                }
            });
        proptest::collection::vec(finding, 0..12)
    }

    fn checked(findings: Vec<Finding>, selection: &Selection) -> CheckReport {
        let result = CheckResult::new(Subject::new(SubjectKind::Endpoint, "a"), Vec::new(), findings);
        CheckReport::new(Timestamp::UNIX_EPOCH, None, vec![result], selection)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]

        /// Feature: aws-ec2-production-deployment, Property 4: a deployment is complete only when every test passed,
        /// and a test is in the report exactly if it ran.
        #[test]
        fn complete_means_that_everything_ran_and_passed(found in findings(), ignore in proptest::option::of(0_usize..12)) {
            let mut selection = Selection::default();
            if let Some(finding) = ignore.and_then(|at| found.get(at)) {
                selection.ignore.insert(finding.code.clone());
            }
            let report = checked(found.clone(), &selection);
            let said: Vec<Finding> = report.findings().map(|(_, finding)| finding.clone()).collect();
            let status = overall(report.overall, &said, report.ignored.is_empty());
            let tests = tests(&said);
            let all_good = found.iter().all(|finding| match finding.severity {
                Severity::Ok | Severity::Info => true,
                Severity::Skipped => finding.code == codes::HOST_SKIPPED,
                Severity::Warning | Severity::Unknown | Severity::Error => false,
            });
            let looked = found.iter().any(|finding| finding.severity != Severity::Skipped);
            let is_ignored = !report.ignored.is_empty();
            prop_assert_eq!(status == Status::Complete, all_good && looked && !is_ignored, "{:?}", status);
            let is_failed = said.iter().any(|finding| finding.severity >= Severity::Unknown);
            prop_assert!(!is_failed || status == Status::Incomplete);
            // Every test that ran is there, none that did not, and it passed only if nothing spoke against it.
            for (name, passed) in &tests {
                let about: Vec<&Finding> = said
                    .iter()
                    .filter(|finding| {
                        name.starts_with(&format!("{} ", finding.code))
                            && name.ends_with(&format!("({})", finding.subject))
                            && finding.severity != Severity::Skipped
                    })
                    .collect();
                prop_assert!(!about.is_empty());
                prop_assert_eq!(*passed, about.iter().all(|finding| finding.severity < Severity::Unknown));
            }
            let ran: BTreeSet<(&str, &str)> = said
                .iter()
                .filter(|finding| finding.severity != Severity::Skipped && catalogue::find(&finding.code).is_some())
                .map(|finding| (finding.code.as_str(), finding.subject.as_str()))
                .collect();
            prop_assert_eq!(tests.len(), ran.len());
        }

        #[test]
        fn recommendations_are_most_urgent_first_and_each_is_there_once(found in findings()) {
            let all = recommendations(&found);
            let unique: BTreeSet<&String> = all.iter().collect();
            prop_assert_eq!(unique.len(), all.len());
            for finding in &found {
                let Some(hint) = &finding.hint else { continue };
                let is_due = !matches!(finding.severity, Severity::Ok | Severity::Info);
                let line = format!("{}: {hint}", finding.code);
                prop_assert!(!is_due || all.contains(&line));
            }
            let first_error = found.iter().find(|finding| finding.severity == Severity::Error && finding.hint.is_some());
            if let Some(error) = first_error {
                prop_assert_eq!(&all[0], &format!("{}: {}", error.code, error.hint.clone().unwrap()));
            }
        }
    }
}
