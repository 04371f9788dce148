//! All forms of the same report.

#![expect(clippy::arithmetic_side_effects, reason = "small numbers")]

mod sample;

use std::collections::BTreeSet;

use model::{Finding, Severity};
use proptest::prelude::*;

use super::*;
use crate::report::{CertificateSummary, Selection};
use crate::{CheckReport, CheckResult, Moment, Status, Subject, SubjectKind};
use sample::{HOSTILE, report, style};

#[test]
fn for_people() {
    insta::assert_snapshot!(text(&report(), &style()));
}

#[test]
fn for_people_who_want_everything() {
    let style = Style { colour: true, width: 60, verbose: true, ..style() };
    insta::assert_snapshot!(text(&report(), &style).replace('\x1b', "ESC"));
}

#[test]
fn for_programs() {
    insta::assert_snapshot!(json(&report()));
}

#[test]
fn for_monitoring() {
    insta::assert_snapshot!(nagios(&report(), &style()));
}

#[test]
fn for_metrics() {
    insta::assert_snapshot!(prometheus(&report()));
}

#[test]
fn for_pipelines() {
    insta::assert_snapshot!(junit(&report(), &style()));
}

#[test]
fn for_tickets() {
    insta::assert_snapshot!(markdown(&report(), &style()));
}

#[test]
fn for_auditors() {
    insta::assert_snapshot!(html(&report(), &style()));
}

#[test]
fn a_quiet_run_says_one_line_or_nothing() {
    let said = line(&report(), &style());
    assert!(
        said.starts_with("sre-agent-deploy critical: 2 critical, 2 unknown, 1 warning, 4 ok: "),
        "{said}"
    );
    assert!(!said.contains('\n') && !said.contains('\x1b'), "{said}");
    let fine = CheckReport::new(
        report().checked_at,
        None,
        report().results.split_off(7)[..1].to_vec(),
        &Selection::default(),
    );
    assert_eq!((fine.overall, line(&fine, &style())), (Status::Ok, String::new()));
    assert_eq!(
        nagios(&fine, &style()),
        "SRE OK - 1 ok: [2001:db8::1]:443: does not end (9999-12-31) \
         | '[2001:db8::1]:443'=251607038399s;2592000:;1209600:\n"
    );
}

#[test]
fn nothing_checked_is_said_in_every_form() {
    let report = CheckReport::new(report().checked_at, None, Vec::new(), &Selection::default());
    let style = style();
    assert_eq!(text(&report, &style), "unknown: nothing was checked\n");
    assert_eq!(nagios(&report, &style), "SRE UNKNOWN - nothing was checked\n");
    assert!(html(&report, &style).contains("Nothing was checked."));
    assert!(markdown(&report, &style).contains("Nothing was checked."));
}

#[test]
fn a_refusal_is_a_line_of_a_plugin() {
    assert_eq!(nagios_refusal("a|b\nc\x1b"), "SRE UNKNOWN - a/b\\nc\\u{1b}\n");
    assert!(nagios_refusal(&"x".repeat(9000)).len() < NAGIOS_LONGEST);
}

#[test]
fn the_page_needs_nothing_from_elsewhere() {
    let page = html(&report(), &style());
    for loader in ["src=", "<link", "<script", "@import", "url(", "<iframe", "href=\"javascript:"] {
        assert!(!page.contains(loader), "{loader} is in the page");
    }
}

/// What a reader of the form takes for the status of the whole.
fn statuses(report: &CheckReport) -> Vec<String> {
    let style = style();
    let word = |text: &str, before: &str, after: char| {
        let rest = text.split(before).nth(1).unwrap_or_default();
        rest.split(after).next().unwrap_or_default().to_ascii_lowercase()
    };
    let text = text(report, &style);
    let json: serde_json::Value = serde_json::from_str(&json(report)).unwrap();
    let metrics = prometheus(report);
    let number = word(&metrics, "\nsre_check_overall_status ", '\n');
    let number = [Status::Ok, Status::Warning, Status::Critical, Status::Unknown]
        .into_iter()
        .find(|status| nagios_exit(*status).to_string() == number);
    vec![
        text.lines().last().unwrap().split(':').next().unwrap().to_owned(),
        json["overall"].as_str().unwrap().to_owned(),
        word(&nagios(report, &style), "SRE ", ' '),
        number.unwrap().as_str().to_owned(),
        word(&junit(report, &style), "<testsuites name=\"", '"').split(' ').next_back().unwrap().to_owned(),
        word(&markdown(report, &style), ": ", '\n'),
        word(&html(report, &style), "<span class=\"badge ", '"'),
    ]
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![Just(HOSTILE.to_owned()), ".{0,30}", "[a-z]{1,8}\\.example\\.com"]
}

fn any_finding() -> impl Strategy<Value = Finding> {
    let severity = prop::sample::select(vec![
        Severity::Ok,
        Severity::Info,
        Severity::Skipped,
        Severity::Warning,
        Severity::Unknown,
        Severity::Error,
    ]);
    (severity, any_text(), prop::option::of(any_text()), prop::option::of(any_text())).prop_map(
        |(severity, message, evidence, hint)| Finding {
            evidence,
            hint,
            ..Finding::new("SRE-X-001", severity, "x", message)
        },
    )
}

fn any_certificate() -> impl Strategy<Value = CertificateSummary> {
    let moment = || prop::option::of((i64::MIN..i64::MAX).prop_map(Moment::from_second));
    let names = prop::collection::vec(any_text(), 0..4);
    (names, any_text(), moment(), moment(), any::<Option<i64>>(), any::<Option<i64>>()).prop_map(
        |(names, issuer, not_before, not_after, remaining_seconds, lifetime_seconds)| CertificateSummary {
            position: 0,
            names,
            issuer,
            serial: "01".to_owned(),
            not_before,
            not_after,
            remaining_seconds,
            lifetime_seconds,
        },
    )
}

fn any_report() -> impl Strategy<Value = CheckReport> {
    let kind = prop::sample::select(vec![
        SubjectKind::File,
        SubjectKind::Endpoint,
        SubjectKind::Acm,
        SubjectKind::Host,
    ]);
    let result = (
        kind,
        any_text(),
        prop::collection::vec(any_certificate(), 0..3),
        prop::collection::vec(any_finding(), 0..4),
    )
        .prop_map(|(kind, name, certificates, findings)| {
            CheckResult::new(Subject::new(kind, name), certificates, findings)
        });
    (prop::collection::vec(result, 0..6), prop::option::of(0_i64..4_000_000_000)).prop_map(|(results, at)| {
        let at = at.map(|second| jiff::Timestamp::from_second(second).unwrap());
        CheckReport::new(report().checked_at, at, results, &Selection::default())
    })
}

proptest! {
    /// Feature: aws-ec2-production-deployment, Property 7: certificate monitoring. What is reported is the same in
    /// every form.
    #[test]
    fn the_status_is_the_same_in_every_form(report in any_report()) {
        let seen: BTreeSet<String> = statuses(&report).into_iter().collect();
        prop_assert_eq!(seen, BTreeSet::from([report.overall.as_str().to_owned()]));
    }

    #[test]
    fn no_form_passes_a_control_character_on(report in any_report()) {
        let style = style();
        let forms = [
            text(&report, &style), json(&report), nagios(&report, &style), prometheus(&report),
            junit(&report, &style), markdown(&report, &style), html(&report, &style), line(&report, &style),
        ];
        for form in forms {
            prop_assert!(!form.chars().any(|c| escape::is_control(c) && c != '\n'), "{form:?}");
        }
    }

    #[test]
    fn a_plugin_says_one_short_line_with_one_pipe(report in any_report()) {
        let said = nagios(&report, &style());
        prop_assert!(said.len() <= NAGIOS_LONGEST);
        prop_assert_eq!(said.matches('\n').count(), 1);
        prop_assert!(said.ends_with('\n'));
        let (text, data) = said.trim_end().split_once(" | ").unwrap_or((said.trim_end(), ""));
        prop_assert!(!text.contains('|') && !data.contains('|'));
        // `'label'=value;warn;crit`, and the label has no quote of its own.
        for item in data.split("' ").filter(|item| !item.is_empty()) {
            prop_assert!(item.matches('=').count() <= data.matches("'=").count());
        }
        prop_assert_eq!(data.matches('\'').count() % 2, 0);
        prop_assert_eq!(data.matches('=').count() * 2, data.matches('\'').count());
    }

    #[test]
    fn what_json_says_is_what_was_found(report in any_report()) {
        // Moments outside of the calendar can be written and not read; certificates have none.
        let is_civil = |moment: Option<Moment>| {
            moment.is_none_or(|moment| (-2_208_988_800..=253_402_300_799).contains(&moment.as_second()))
        };
        let all = report.results.iter().flat_map(|result| &result.certificates);
        if all.into_iter().all(|certificate| is_civil(certificate.not_before) && is_civil(certificate.not_after)) {
            let read: CheckReport = serde_json::from_str(&json(&report)).unwrap();
            prop_assert_eq!(read, report);
        }
    }
}
