//! A report with something of everything, for the tests of all forms: what ended, what cannot be read, what never ends,
//! and names that mean harm.

#![expect(clippy::arithmetic_side_effects, reason = "small numbers")]

use std::collections::BTreeSet;

use model::{Finding, Severity};

use super::super::Style;
use crate::catalogue::Entry;
use crate::cert::judge::{Policy, Roots};
use crate::engine::skipped;
use crate::report::{CertificateSummary, Selection};
use crate::{CheckReport, CheckResult, Moment, Subject, SubjectKind};

const DAY: i64 = 86_400;
/// 2026-11-21T12:00:00Z.
const NOW: i64 = 1_795_262_400;

/// Was not asked.
const FIFTH: Entry = Entry::pure("SRE-X-005", "the fifth holds");

/// Text that every form has to make harmless.
pub(super) const HOSTILE: &str = "a|b\n\x1b[31mc\"d'e`]]><script>alert(1)</script>=\u{9b}\u{202e}\\&%\0";

pub(super) fn style() -> Style {
    Style {
        program: "sre-agent-deploy".to_owned(),
        by: "sre-agent-deploy 0.1.0 on host-1".to_owned(),
        colour: false,
        width: 80,
        verbose: false,
        fail_on_warning: false,
        policy: Some(Policy::new(Roots::mozilla())),
    }
}

fn certificate(position: usize, names: &[&str], issuer: &str, from: i64, to: i64) -> CertificateSummary {
    let (not_before, not_after) = (NOW + from * DAY, NOW + to * DAY);
    CertificateSummary {
        position,
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        issuer: issuer.to_owned(),
        serial: format!("0{position}a1b2c3"),
        not_before: Some(Moment::from_second(not_before)),
        not_after: Some(Moment::from_second(not_after)),
        remaining_seconds: Some(not_after - NOW),
        lifetime_seconds: Some(not_after - not_before + 1),
    }
}

fn finding(code: &str, severity: Severity, message: &str) -> Finding {
    Finding::new(code, severity, "certificate", message)
}

pub(super) fn report() -> CheckReport {
    let file = |name: &str| Subject::new(SubjectKind::File, name);
    let expired = CheckResult::new(
        file("/etc/ssl/old.pem"),
        vec![
            certificate(0, &["old.example.com", "www.old.example.com", "a", "b"], "CN=Example CA", -95, -5),
            certificate(1, &["CN=Example CA"], "CN=Example Root", -900, 900),
        ],
        vec![
            finding("SRE-X-001", Severity::Error, "the certificate expired 5 days ago")
                .evidence("notAfter 2026-11-16T12:00:00Z")
                .hint("renew it: `certbot renew --cert-name old.example.com`, then look whether the timer that should have done this is enabled:\nsystemctl list-timers certbot.timer")
                .doc("https://docs.aws.amazon.com/acm/latest/userguide/"),
            finding("SRE-X-002", Severity::Ok, "the chain is complete"),
        ],
    );
    let hostile = CheckResult::new(
        file(HOSTILE),
        vec![certificate(0, &[HOSTILE, "xn--bcher-kva.example.com"], HOSTILE, -10, 20)],
        vec![
            finding("SRE-X-003", Severity::Warning, HOSTILE)
                .evidence(HOSTILE)
                .hint(HOSTILE)
                .doc("javascript:alert(1)"),
        ],
    );
    let broken = CertificateSummary {
        not_before: None,
        not_after: None,
        remaining_seconds: None,
        lifetime_seconds: None,
        ..certificate(0, &["CN=odd time"], "CN=odd time", 0, 0)
    };
    let unknown = CheckResult::new(
        file("/etc/ssl/odd.pem"),
        vec![broken],
        vec![
            finding("SRE-X-004", Severity::Unknown, "the time is malformed").evidence("261116120000+0100"),
            skipped(&FIFTH, "certificate", "SRE-X-004"),
        ],
    );
    let unreadable = CheckResult::new(
        file("/etc/ssl/private.pem"),
        Vec::new(),
        vec![
            finding("SRE-X-006", Severity::Unknown, "the file cannot be read")
                .evidence("Permission denied (os error 13)"),
        ],
    );
    let served = |name: &str, names: &[&str], from: i64, to: i64| {
        CheckResult::new(
            Subject::new(SubjectKind::Endpoint, name),
            vec![certificate(0, names, "C=US, O=Example, CN=E7", from, to)],
            vec![finding("SRE-X-002", Severity::Ok, "the chain is complete")],
        )
    };
    let mut forever = served("[2001:db8::1]:443", &["2001:db8::1"], -400, 0);
    if let Some(certificate) = forever.certificates.first_mut() {
        certificate.not_after = Some(Moment::NO_EXPIRY);
        certificate.remaining_seconds = Some(Moment::NO_EXPIRY.as_second() - NOW);
        certificate.lifetime_seconds = Some(Moment::NO_EXPIRY.as_second() - NOW + 400 * DAY);
    }
    let results = vec![
        expired,
        hostile,
        unknown,
        unreadable,
        served("api.example.com:443", &["api.example.com", "bücher.example.com"], -30, 60),
        served("api.example.com:443 (192.0.2.7)", &["api.example.com"], -30, 60),
        served("api.example.com:443 (2001:db8::7)", &["api.example.com"], -30, 60),
        forever,
        CheckResult::new(
            Subject::new(
                SubjectKind::Acm,
                "arn:aws:acm:us-east-1:123456789012:certificate/12345678-1234-1234-1234-123456789012",
            ),
            vec![certificate(0, &["*.example.com", "example.com"], "Amazon", 2, 200)],
            vec![finding("SRE-X-007", Severity::Error, "the certificate is not valid yet")],
        ),
    ];
    let selection = Selection { ignore: BTreeSet::from(["SRE-X-009".to_owned()]), ..Selection::default() };
    CheckReport::new(jiff::Timestamp::from_second(NOW).unwrap(), None, results, &selection)
}
