//! Verdicts on certificates: what is known of them, held against a policy as of a moment. Nothing here reads, waits or
//! looks at a clock; each family of questions has a file of its own.

mod acm;
mod advice;
mod chain;
mod expiry;
mod issuance;
mod key;
mod names;
mod path;
pub mod policy;
mod roots;
mod served;
mod signatures;
mod trust;
mod usage;
mod words;

use std::ops::Deref;

use model::{Finding, Severity};

pub use names::is_good_for;
pub use policy::{Policy, PolicyError, Threshold};
pub use roots::Roots;

use crate::catalogue::Entry;
use crate::cert::facts::{Certificate, Item, Material};
use crate::cert::read;
use crate::engine::skipped;
use crate::report::CertificateSummary;
use crate::{CheckResult, Moment, Status, SubjectKind};
use path::{Path, Trust};

const ENDS: Entry = Entry::pure("SRE-TLS-002", "no certificate on the way is about to expire");

/// The checks of this area.
pub const CHECKS: &[Entry] = &[
    Entry::pure("SRE-TLS-001", "no certificate on the way has expired"),
    ENDS,
    Entry::pure("SRE-TLS-003", "every certificate on the way is valid already"),
    Entry::pure("SRE-TLS-004", "the dates can be read"),
    Entry::pure("SRE-TLS-005", "no expired certificate is sent along"),
    Entry::pure("SRE-TLS-006", "the lifetime is within the CA/Browser Forum's limit"),
    Entry::pure("SRE-TLS-010", "there is a certificate"),
    Entry::pure("SRE-TLS-011", "the server's certificate comes first"),
    Entry::pure("SRE-TLS-012", "there is one server's certificate"),
    Entry::pure("SRE-TLS-013", "the root is not sent along"),
    Entry::pure("SRE-TLS-014", "no intermediate certificate is missing"),
    Entry::pure("SRE-TLS-015", "each certificate is followed by its issuer"),
    Entry::pure("SRE-TLS-016", "no certificate is there twice"),
    Entry::pure("SRE-TLS-017", "the certificate leads to a trusted root"),
    Entry::pure("SRE-TLS-018", "the path to the root can be verified"),
    Entry::pure("SRE-TLS-019", "every certificate can be read"),
    Entry::pure("SRE-TLS-020", "the certificate is good for the name"),
    Entry::pure("SRE-TLS-021", "the names are in subjectAltName"),
    Entry::pure("SRE-TLS-022", "the names are well-formed"),
    Entry::pure("SRE-TLS-023", "no wildcard covers a whole public suffix"),
    Entry::pure("SRE-TLS-024", "the private key belongs to the certificate"),
    Entry::pure("SRE-TLS-025", "only who needs it may read the private key"),
    Entry::pure("SRE-TLS-026", "the private key can be used"),
    Entry::pure("SRE-TLS-027", "the keys are strong"),
    Entry::pure("SRE-TLS-028", "the signatures are strong"),
    Entry::pure("SRE-TLS-029", "the server's certificate is no CA"),
    Entry::pure("SRE-TLS-030", "the certificate may be used by servers"),
    Entry::pure("SRE-TLS-031", "the key usages fit"),
    Entry::pure("SRE-TLS-032", "the serial number is in order"),
    Entry::pure("SRE-TLS-033", "the encoding is in order"),
    Entry::pure("SRE-TLS-034", "the certificate is in public logs"),
    Entry::pure("SRE-TLS-035", "CAA records allow the CA"),
    Entry::pure("SRE-TLS-036", "the CA does not ask for renewal"),
    Entry::pure("SRE-TLS-037", "what is served is what lies on disk"),
    Entry::pure("SRE-TLS-038", "the root has not expired"),
    Entry::pure("SRE-TLS-039", "no unrelated certificate is sent along"),
    Entry::pure("SRE-ACM-003", "ACM has issued the certificate"),
    Entry::pure("SRE-ACM-004", "ACM renews the certificate"),
    Entry::pure("SRE-ACM-005", "somebody imports the next certificate"),
    Entry::pure("SRE-ACM-006", "somebody exports the next certificate"),
    Entry::pure("SRE-ACM-007", "the certificate is attached to something"),
    Entry::pure("SRE-ACM-008", "the certificate is eligible for renewal"),
    Entry::pure("SRE-ACM-009", "ACM hands out the certificate"),
];

/// A certificate where it was found.
#[derive(Debug, Clone, Copy)]
struct Placed<'a> {
    /// 0 for the first.
    position: usize,
    certificate: &'a Certificate,
}

impl Deref for Placed<'_> {
    type Target = Certificate;

    fn deref(&self) -> &Certificate {
        self.certificate
    }
}

impl Placed<'_> {
    /// Seconds of validity, first and last included. `None` where it ends before it begins.
    fn lifetime(&self) -> Option<i64> {
        let (first, last) = self.not_before.zip(self.not_after)?;
        (last >= first).then(|| last.since(first).saturating_add(1))
    }

    /// What it is called among others: `certificate 2 (CN=R11)`.
    fn label(&self) -> String {
        let name = match &self.common_name {
            Some(name) => format!("CN={name}"),
            None => words::cut(&self.subject),
        };
        format!("certificate {} ({})", self.position.saturating_add(1), words::cut(&name))
    }
}

/// What the families judge.
struct Case<'a> {
    material: &'a Material,
    policy: &'a Policy,
    at: Moment,
    all: Vec<Placed<'a>>,
    leaf: Placed<'a>,
    path: Path<'a>,
}

impl Case<'_> {
    fn finding(&self, code: &str, severity: Severity, message: impl Into<String>) -> Finding {
        Finding::new(code, severity, &self.material.subject.name, message)
    }

    /// How much it matters that clients would turn this down: of a file nobody knows yet which clients there will be.
    fn gravity(&self) -> Severity {
        if self.material.is_served { Severity::Error } else { Severity::Warning }
    }

    /// Whether it leads to a root that browsers trust.
    fn is_publicly_trusted(&self) -> bool {
        self.policy.roots.is_public() && matches!(self.path.trust, Trust::Verified(_) | Trust::OutOfTime(_))
    }

    fn is_leaf(&self, placed: &Placed<'_>) -> bool {
        placed.der == self.leaf.der
    }

    fn is_on_path(&self, placed: &Placed<'_>) -> bool {
        self.path.certificates.iter().any(|other| other.der == placed.der)
    }

    /// How to speak of it in a sentence.
    fn name(&self, placed: &Placed<'_>) -> String {
        if self.is_leaf(placed) { "the certificate".to_owned() } else { placed.label() }
    }
}

/// Judges what is known of certificates as of the moment `at`. Dates and names are in the result whatever the verdict.
pub fn judge(material: &Material, policy: &Policy, at: Moment) -> CheckResult {
    let mut findings = material.remarks.clone();
    unreadable(material, &mut findings);
    let all: Vec<Placed<'_>> =
        material.certificates().map(|(position, certificate)| Placed { position, certificate }).collect();
    match chain::subject(&all, material) {
        chain::Found::Nothing if material.acm.is_some() => {
            acm::by_description(material, policy, at, &mut findings);
        }
        chain::Found::Nothing => nothing(material, &mut findings),
        chain::Found::Authorities => chain::authorities(material, policy, at, &all, &mut findings),
        chain::Found::Server(leaf) => {
            let path = path::best(leaf, &all, &policy.roots, at);
            let case = Case { material, policy, at, all, leaf, path };
            for family in FAMILIES {
                family(&case, &mut findings);
            }
            doubted(&case, &mut findings);
        }
    }
    acm::judge(material, policy, at, &mut findings);
    CheckResult::new(material.subject.clone(), summaries(material, at), findings)
}

/// A family of questions.
type Family = fn(&Case<'_>, &mut Vec<Finding>);

const FAMILIES: &[Family] = &[
    expiry::judge,
    trust::judge,
    chain::judge,
    names::judge,
    key::judge,
    usage::judge,
    issuance::judge,
    served::judge,
];

fn unreadable(material: &Material, findings: &mut Vec<Finding>) {
    // Who read a file has said it already.
    if material.remarks.iter().any(|remark| remark.code == read::codes::MALFORMED) {
        return;
    }
    for (position, item) in material.items.iter().enumerate() {
        if let Item::Malformed { reason } = item {
            let number = position.saturating_add(1);
            findings.push(
                Finding::new(
                    "SRE-TLS-019",
                    Severity::Unknown,
                    &material.subject.name,
                    format!("certificate {number} cannot be read"),
                )
                .evidence(reason)
                .hint("replace it by the file that the CA delivered; `openssl x509 -in FILE -noout -text` has to print it"),
            );
        }
    }
}

fn nothing(material: &Material, findings: &mut Vec<Finding>) {
    // A key that a pattern brought up is worth a note, and is no certificate that is missing.
    let explains = |finding: &Finding| {
        Status::of(finding.severity) != Status::Ok || finding.code == read::codes::ONLY_A_KEY
    };
    if !findings.iter().any(explains) {
        findings.push(
            Finding::new(
                "SRE-TLS-010",
                Severity::Unknown,
                &material.subject.name,
                "there is no certificate to judge",
            )
            .hint("name the file that holds the certificate and its intermediates, such as `--file /etc/letsencrypt/live/NAME/fullchain.pem`"),
        );
    }
    // A server that shows no certificate still has one that ends: nobody should take silence for "not expired".
    if material.subject.kind == SubjectKind::Endpoint {
        let worst = findings.iter().rev().max_by_key(|finding| finding.severity);
        let cause = worst.map(|finding| finding.code.clone()).unwrap_or_default();
        findings.push(skipped(&ENDS, &material.subject.name, &cause));
    }
}

/// What no root vouches for is never in order, even where no family found fault.
fn doubted(case: &Case<'_>, findings: &mut Vec<Finding>) {
    let is_trusted = matches!(case.path.trust, Trust::Verified(_));
    let is_in_order = findings.iter().all(|finding| Status::of(finding.severity) == Status::Ok);
    if !is_trusted && is_in_order {
        findings.push(case.finding(
            "SRE-TLS-018",
            Severity::Unknown,
            "no trusted root vouches for the certificate, for a reason that is not known here",
        ));
    }
}

fn summaries(material: &Material, at: Moment) -> Vec<CertificateSummary> {
    let mut summaries: Vec<CertificateSummary> = material
        .certificates()
        .map(|(position, certificate)| CertificateSummary {
            position,
            names: certificate.names(),
            issuer: certificate.issuer.clone(),
            serial: certificate.serial.clone(),
            not_before: certificate.not_before,
            not_after: certificate.not_after,
            remaining_seconds: certificate.not_after.map(|last| last.since(at)),
            lifetime_seconds: lifetime(certificate.not_before, certificate.not_after),
        })
        .collect();
    if let (Some(acm), true) = (&material.acm, summaries.is_empty()) {
        summaries.push(CertificateSummary {
            position: 0,
            names: acm.names.clone(),
            issuer: acm.issuer.clone(),
            serial: acm.serial.replace(':', ""),
            not_before: acm.not_before,
            not_after: acm.not_after,
            remaining_seconds: acm.not_after.map(|last| last.since(at)),
            lifetime_seconds: lifetime(acm.not_before, acm.not_after),
        });
    }
    summaries
}

fn lifetime(first: Option<Moment>, last: Option<Moment>) -> Option<i64> {
    first.zip(last).map(|(first, last)| last.since(first).saturating_add(1))
}

#[cfg(test)]
mod tests;
