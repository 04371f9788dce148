//! Words that several forms share: which certificate stands for a subject, how long it has, how many of what there are.

use std::fmt::Write as _;

use model::Severity;

use super::escape::plain;
use crate::moment::{Unit, whole};
use crate::report::CertificateSummary;
use crate::{CheckReport, CheckResult, Moment, Status, SubjectKind};

const DAY: i64 = Unit::Day.seconds();

/// The moment that validity was judged as of.
pub(super) fn now(report: &CheckReport) -> Moment {
    Moment::from(report.judged_as_of.unwrap_or(report.checked_at))
}

/// What the report is about, as a title.
pub(super) fn title(report: &CheckReport) -> &'static str {
    let area = |kind: SubjectKind| match kind {
        SubjectKind::File | SubjectKind::Endpoint | SubjectKind::Acm => "Certificates",
        SubjectKind::Network => "Network",
        SubjectKind::Account => "Account",
        SubjectKind::Host => "Host",
        SubjectKind::Deployment => "Deployment",
    };
    let has_certificates = report.results.iter().any(|result| !result.certificates.is_empty());
    let mut areas = report.results.iter().map(|result| match result.subject.kind {
        SubjectKind::Endpoint if !has_certificates => "Endpoint",
        kind => area(kind),
    });
    let first = areas.next().unwrap_or("Checks");
    if areas.all(|area| area == first) { first } else { "Deployment" }
}

/// The certificate that stands for a subject, which is the one that was judged: the first that issued no other one
/// there. Of roots only, the one that ends first.
pub(super) fn main(result: &CheckResult) -> Option<&CertificateSummary> {
    let all = &result.certificates;
    let issued_another = |certificate: &CertificateSummary| {
        all.iter().any(|other| {
            other.position != certificate.position
                && certificate.issuer != other.issuer
                && certificate.names == [other.issuer.as_str()]
        })
    };
    // A root has issued itself and others; it is not what others are judged by where there is anything else.
    let is_root = |certificate: &CertificateSummary| certificate.names == [certificate.issuer.as_str()];
    let leaves = || all.iter().filter(|certificate| !issued_another(certificate));
    leaves()
        .find(|certificate| !is_root(certificate))
        .or_else(|| leaves().min_by_key(|certificate| certificate.not_after))
        .or_else(|| all.first())
}

/// `23 days`, `61 hours`, `5 minutes`, `1 second`; never more than there is.
pub(super) fn amount(seconds: i64) -> String {
    let (number, unit) = whole(seconds);
    format!("{number} {}{}", unit.name(), if number == 1 { "" } else { "s" })
}

/// The date, with the time where that matters: near to now.
fn date(moment: Moment, distance: i64) -> String {
    let text = moment.to_string();
    let (day, time) = text.split_once('T').unwrap_or((&text, ""));
    if distance.saturating_abs() < DAY.saturating_mul(3) && !time.is_empty() {
        format!("{day} {time}")
    } else {
        day.to_owned()
    }
}

/// How long a certificate has: `ends in 23 days (2026-12-14)`.
pub(super) fn remaining(certificate: &CertificateSummary, now: Moment) -> String {
    let Some(not_after) = certificate.not_after else {
        return "the end of its validity cannot be read".to_owned();
    };
    if let Some(not_before) = certificate.not_before
        && not_before > now
    {
        let wait = not_before.since(now);
        return format!("not valid for another {} ({})", amount(wait), date(not_before, wait));
    }
    if not_after == Moment::NO_EXPIRY {
        return "does not end (9999-12-31)".to_owned();
    }
    let left = certificate.remaining_seconds.unwrap_or_else(|| not_after.since(now));
    if left < 0 {
        format!("expired {} ago ({})", amount(left), date(not_after, left))
    } else {
        format!("ends in {} ({})", amount(left), date(not_after, left))
    }
}

/// Names, of many only the first few.
pub(super) fn names(names: &[String], at_most: usize) -> String {
    let mut shown: Vec<String> = names.iter().take(at_most.max(1)).map(|name| plain(name)).collect();
    let more = names.len().saturating_sub(shown.len());
    if more > 0 {
        shown.push(format!("{more} more"));
    }
    shown.join(", ")
}

/// How many subjects stand how, worst first: `1 critical, 2 ok`.
pub(super) fn counts(report: &CheckReport) -> String {
    let parts: Vec<String> = [Status::Critical, Status::Unknown, Status::Warning, Status::Ok]
        .into_iter()
        .filter_map(|status| match count(report, status) {
            0 => None,
            number => Some(format!("{number} {}", status.as_str())),
        })
        .collect();
    if parts.is_empty() { "nothing was checked".to_owned() } else { parts.join(", ") }
}

/// How many subjects stand so.
pub(super) fn count(report: &CheckReport, status: Status) -> usize {
    report.results.iter().filter(|result| result.status == status).count()
}

/// The results, most urgent first; of equals, what ends first.
pub(super) fn by_urgency(report: &CheckReport) -> Vec<&CheckResult> {
    let mut results: Vec<&CheckResult> = report.results.iter().collect();
    results.sort_by_key(|result| {
        let end = main(result).and_then(|certificate| certificate.not_after);
        (std::cmp::Reverse(result.status), end.is_none(), end)
    });
    results
}

/// One line on a subject: what is wrong with it, or how long it has.
pub(super) fn summary(result: &CheckResult, now: Moment) -> String {
    let worst = result
        .findings
        .iter()
        .find(|finding| Status::of(finding.severity) == result.status && result.status != Status::Ok)
        .or_else(|| result.findings.iter().find(|finding| finding.severity == Severity::Skipped));
    match (worst, main(result)) {
        (Some(finding), _) => format!("{} [{}]", plain(&finding.message), plain(&finding.code)),
        (None, Some(certificate)) => remaining(certificate, now),
        (None, None) if result.status == Status::Ok => "in order".to_owned(),
        (None, None) => "there is nothing that could be judged".to_owned(),
    }
}

/// What is said of all subjects in one sentence: counts, and the most urgent of them, as far as there is room for them.
pub(super) fn headline(report: &CheckReport, bytes: usize) -> String {
    let now = now(report);
    let mut out = counts(report);
    let urgent: Vec<&CheckResult> = by_urgency(report)
        .into_iter()
        .filter(|result| report.overall == Status::Ok || result.status != Status::Ok)
        .collect();
    let shown = if report.overall == Status::Ok { 1 } else { urgent.len() };
    let mut left = urgent.len();
    for (index, result) in urgent.iter().take(shown).enumerate() {
        let separator = if index == 0 { ": " } else { "; " };
        let piece = format!("{separator}{}: {}", plain(&result.subject.name), summary(result, now));
        // Something is said of the first in any case.
        if index > 0 && out.len().saturating_add(piece.len()).saturating_add(24) > bytes {
            let _ = write!(out, "; and {left} more");
            break;
        }
        out.push_str(&piece);
        left = left.saturating_sub(1);
    }
    super::escape::cut(&out, bytes)
}

/// The word for a severity.
pub(super) const fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Ok => "ok",
        Severity::Info => "info",
        Severity::Skipped => "skipped",
        Severity::Warning => "warning",
        Severity::Unknown => "unknown",
        Severity::Error => "critical",
    }
}

/// How many findings are in order.
pub(super) fn passed(report: &CheckReport) -> usize {
    report.findings().filter(|(_, finding)| finding.severity == Severity::Ok).count()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::arithmetic_side_effects, reason = "small numbers")]

    use super::*;

    fn certificate(not_before: i64, not_after: i64, now: i64) -> CertificateSummary {
        CertificateSummary {
            position: 0,
            names: vec!["a.example.com".to_owned()],
            issuer: "CN=CA".to_owned(),
            serial: "01".to_owned(),
            not_before: Some(Moment::from_second(not_before)),
            not_after: Some(Moment::from_second(not_after)),
            remaining_seconds: Some(not_after - now),
            lifetime_seconds: Some(not_after - not_before + 1),
        }
    }

    #[test]
    fn time_is_rounded_down_and_near_its_end_shown_finely() {
        let said = |left: i64| remaining(&certificate(-DAY, left, 0), Moment::from_second(0));
        assert_eq!(said(24 * DAY - 1), "ends in 23 days (1970-01-24)");
        assert_eq!(said(3 * DAY - 1), "ends in 71 hours (1970-01-03 23:59:59Z)");
        assert_eq!(said(Unit::Hour.seconds()), "ends in 60 minutes (1970-01-01 01:00:00Z)");
        assert_eq!(said(1), "ends in 1 second (1970-01-01 00:00:01Z)");
        assert_eq!(said(0), "ends in 0 seconds (1970-01-01 00:00:00Z)");
        assert_eq!(said(-5 * DAY), "expired 5 days ago (1969-12-27)");
        let forever = certificate(0, Moment::NO_EXPIRY.as_second(), 0);
        assert_eq!(remaining(&forever, Moment::from_second(0)), "does not end (9999-12-31)");
        let later = certificate(4 * DAY, 9 * DAY, 0);
        assert_eq!(remaining(&later, Moment::from_second(0)), "not valid for another 4 days (1970-01-05)");
    }

    #[test]
    fn a_leaf_stands_for_its_chain_wherever_it_is() {
        let named = |position: usize, name: &str, issuer: &str, days: i64| CertificateSummary {
            position,
            names: vec![name.to_owned()],
            issuer: issuer.to_owned(),
            ..certificate(0, days * DAY, 0)
        };
        let root = named(0, "CN=Root", "CN=Root", 9);
        let middle = named(1, "CN=CA", "CN=Root", 8);
        let leaf = named(2, "a.example.com", "CN=CA", 90);
        let subject = crate::Subject::new(SubjectKind::File, "x");
        let result = CheckResult::new(subject, vec![root, middle, leaf], Vec::new());
        assert_eq!(main(&result).unwrap().position, 2);
        // Of two servers' certificates the first is judged, whenever the other one ends.
        let two = vec![named(0, "a.example.com", "CN=CA", 90), named(1, "b.example.com", "CN=CA", 5)];
        let subject = crate::Subject::new(SubjectKind::File, "x");
        assert_eq!(main(&CheckResult::new(subject, two, Vec::new())).unwrap().position, 0);
    }
}
