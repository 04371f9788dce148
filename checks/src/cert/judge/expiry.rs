//! Dates: expired, about to, not yet, unreadable; and lifetimes that are longer than the CA/Browser Forum allows.

use std::cmp::Ordering;

use model::{Finding, Severity};

use super::policy::{DAY, Policy};
use super::{Case, Placed, advice, served, words};
use crate::Moment;
use crate::cert::facts::Certificate;

/// Most seconds of validity by the first second at which the limit holds (Baseline Requirements, section 6.3.2, as
/// changed by ballots 193, SC-31 and SC-081v3). Newest first.
const LIMITS: [(Moment, i64); 5] = [
    // 2029-03-15
    (Moment::from_second(1_868_227_200), 47),
    // 2027-03-15
    (Moment::from_second(1_805_068_800), 100),
    // 2026-03-15
    (Moment::from_second(1_773_532_800), 200),
    // 2020-09-01
    (Moment::from_second(1_598_918_400), 398),
    // 2018-03-01
    (Moment::from_second(1_519_862_400), 825),
];
/// Below this lifetime renewal is due at half of it, above at a third that is left.
const SHORT: i64 = 10 * DAY;

/// How dates stand at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dates {
    /// A date is missing, or the last is before the first.
    Malformed,
    /// Starts in so many seconds.
    NotYet(i64),
    /// Ended so many seconds ago.
    Expired(i64),
    /// Ends in so many seconds; how urgent that is.
    Ends(i64, Severity),
    /// Never ends (RFC 5280, section 4.1.2.5).
    Never,
}

impl Dates {
    /// Both dates, held against the policy.
    pub(super) fn of(first: Option<Moment>, last: Option<Moment>, policy: &Policy, at: Moment) -> Self {
        let Some((first, last)) = first.zip(last).filter(|(first, last)| first <= last) else {
            return Self::Malformed;
        };
        if at < first {
            return Self::NotYet(first.since(at));
        }
        if last == Moment::NO_EXPIRY {
            return Self::Never;
        }
        let left = last.since(at);
        if left < 0 {
            return Self::Expired(left.saturating_neg());
        }
        let lifetime = last.since(first).saturating_add(1);
        let severity = if left < policy.critical_seconds(lifetime) {
            Severity::Error
        } else if left < policy.warn_seconds(lifetime) {
            Severity::Warning
        } else {
            Severity::Ok
        };
        Self::Ends(left, severity)
    }
}

/// From when on renewal is due: a third of the life is left, or half of one shorter than ten days.
pub(super) fn renewal_due(certificate: &Certificate) -> Option<Moment> {
    let (first, last) = certificate.not_before.zip(certificate.not_after)?;
    let lifetime = last.since(first).saturating_add(1);
    let left = lifetime.div_euclid(if lifetime < SHORT { 2 } else { 3 });
    (last != Moment::NO_EXPIRY && lifetime > 0)
        .then(|| Moment::from_second(last.as_second().saturating_sub(left)))
}

/// The finding about dates, where there is something to say. `name` begins a sentence.
pub(super) fn complaint(subject: &str, name: &str, dates: Dates, last: Option<Moment>) -> Option<Finding> {
    let on = last.map(|last| format!(", on {last}")).unwrap_or_default();
    let finding = |code, severity, message: String| Some(Finding::new(code, severity, subject, message));
    match dates {
        Dates::Malformed => finding("SRE-TLS-004", Severity::Unknown, format!("the dates of {name} are malformed"))
            .map(|finding| finding.hint("have it issued again; `openssl x509 -in FILE -noout -dates` has to print both dates")),
        Dates::Expired(ago) => {
            finding("SRE-TLS-001", Severity::Error, format!("{name} expired {} ago{on}", words::span(ago)))
        }
        Dates::Ends(left, severity @ (Severity::Warning | Severity::Error)) => {
            finding("SRE-TLS-002", severity, format!("{name} expires in {}{on}", words::span(left)))
        }
        Dates::NotYet(wait) => finding(
            "SRE-TLS-003",
            Severity::Error,
            format!("{name} is not valid before another {} have passed", words::span(wait)),
        )
        .map(|finding| {
            finding.hint("compare the clock first, `timedatectl status`; if it is right, go on with the certificate before this one until then")
        }),
        Dates::Ends(..) | Dates::Never => None,
    }
}

pub(super) fn judge(case: &Case<'_>, findings: &mut Vec<Finding>) {
    let mut is_in_order = true;
    for placed in &case.path.certificates {
        let dates = Dates::of(placed.not_before, placed.not_after, case.policy, case.at);
        let subject = &case.material.subject.name;
        if let Some(finding) = complaint(subject, &case.name(placed), dates, placed.not_after) {
            is_in_order = false;
            findings.push(explained(case, placed, dates, finding));
        }
    }
    if is_in_order {
        findings.push(in_order(case));
    }
    for placed in case.all.iter().filter(|placed| !case.is_on_path(placed)) {
        aside(case, placed, findings);
    }
    too_long(case, findings);
}

fn explained(case: &Case<'_>, placed: &Placed<'_>, dates: Dates, finding: Finding) -> Finding {
    let finding = match (dates, placed.not_before.zip(placed.not_after), placed.lifetime()) {
        (Dates::Malformed, Some((first, last)), _) => {
            finding.evidence(format!("it ends on {last}, before it begins on {first}"))
        }
        (Dates::NotYet(_), Some((first, _)), _) => {
            finding.evidence(format!("valid from {first}, judged as of {}", case.at))
        }
        (Dates::Ends(..) | Dates::Expired(_), Some(_), Some(lifetime)) => {
            let (warn, critical) =
                (case.policy.warn_seconds(lifetime), case.policy.critical_seconds(lifetime));
            finding.evidence(format!(
                "of a life of {}; warned of below {}, critical below {}",
                words::span(lifetime),
                words::span(warn),
                words::span(critical)
            ))
        }
        _ => finding,
    };
    if finding.hint.is_some() {
        return finding;
    }
    if !case.is_leaf(placed) {
        return finding.hint(
            "it is the CA's: take the chain that the CA offers now, which comes with a renewal, and replace it in the file",
        );
    }
    if let Some(reload) = served::reload_instead(case) {
        return finding.hint(reload);
    }
    finding.hint(advice::renew(case.material, Some(placed.certificate), case.at))
}

fn in_order(case: &Case<'_>) -> Finding {
    let leaf = &case.leaf;
    let (Some(last), dates) =
        (leaf.not_after, Dates::of(leaf.not_before, leaf.not_after, case.policy, case.at))
    else {
        return case.finding("SRE-TLS-004", Severity::Unknown, "the dates of the certificate are malformed");
    };
    match dates {
        Dates::Ends(left, _) => {
            let message = format!("the certificate expires in {}, on {last}", words::span(left));
            let finding = case.finding("SRE-TLS-002", Severity::Ok, message);
            match renewal_due(leaf) {
                Some(due) => finding.evidence(format!("renewal is due from {due} on")),
                None => finding,
            }
        }
        _ => case.finding("SRE-TLS-002", Severity::Ok, "the certificate never expires, it says so itself"),
    }
}

/// Certificates that no client needs: an expired one does no harm, but one of which nothing is known may.
fn aside(case: &Case<'_>, placed: &Placed<'_>, findings: &mut Vec<Finding>) {
    match Dates::of(placed.not_before, placed.not_after, case.policy, case.at) {
        Dates::Malformed => findings.push(
            case.finding(
                "SRE-TLS-004",
                Severity::Unknown,
                format!("the dates of {} are malformed", placed.label()),
            )
            .hint("take it out of the file; no client needs it"),
        ),
        Dates::Expired(ago) => findings.push(
            case.finding(
                "SRE-TLS-005",
                Severity::Info,
                format!(
                    "{} expired {} ago; the path that is used does not need it",
                    placed.label(),
                    words::span(ago)
                ),
            )
            .hint("take it out of the file: old clients may stumble over it"),
        ),
        Dates::NotYet(_) | Dates::Ends(..) | Dates::Never => {}
    }
}

fn too_long(case: &Case<'_>, findings: &mut Vec<Finding>) {
    if !case.is_publicly_trusted() {
        return;
    }
    let (Some(first), Some(lifetime)) = (case.leaf.not_before, case.leaf.lifetime()) else { return };
    if let Some((since, days)) = LIMITS.into_iter().find(|(since, _)| first >= *since)
        && lifetime.cmp(&days.saturating_mul(DAY)) == Ordering::Greater
    {
        let message = format!(
            "the certificate lives {} and {} s, longer than the {days} d that are allowed for its date of issue",
            words::span(lifetime),
            lifetime.rem_euclid(DAY)
        );
        findings.push(
            case.finding("SRE-TLS-006", Severity::Error, message)
                .evidence(format!(
                    "issued on {first}; the limit of {days} d holds for certificates issued from {since} on"
                ))
                .hint("browsers refuse it: have it issued again with a shorter life")
                .doc("https://cabforum.org/working-groups/server/baseline-requirements/requirements/"),
        );
    }
}
