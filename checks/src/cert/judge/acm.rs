//! What AWS Certificate Manager says of a certificate: its state, whether it will be renewed, and by whom.
//! <https://docs.aws.amazon.com/acm/latest/APIReference/API_CertificateDetail.html>

use model::{Finding, Severity};

use super::advice::{region_and_arn, renew};
use super::expiry::{Dates, complaint};
use super::policy::{DAY, Policy};
use super::words;
use crate::Moment;
use crate::cert::facts::{AcmFacts, Material};

/// ACM starts to renew, and to remind, this long before the end.
const RENEWS_BEFORE: i64 = 45 * DAY;
const RENEWAL_PAGE: &str = "https://docs.aws.amazon.com/acm/latest/userguide/managed-renewal.html";

/// Judges dates by the description, where the certificate itself was not handed out.
pub(super) fn by_description(material: &Material, policy: &Policy, at: Moment, findings: &mut Vec<Finding>) {
    let Some(acm) = &material.acm else { return };
    // Before it is issued there is nothing to hand out.
    if acm.status == "ISSUED" || acm.not_after.is_some() {
        findings.push(finding(
            material,
            "SRE-ACM-009",
            Severity::Info,
            "ACM did not hand out the certificate itself; dates and names are from its description, chain and key were not judged",
        ));
        let dates = Dates::of(acm.not_before, acm.not_after, policy, at);
        match complaint(&material.subject.name, "the certificate", dates, acm.not_after) {
            Some(complaint) if complaint.hint.is_some() => findings.push(complaint),
            Some(complaint) => findings.push(complaint.hint(renew(material, None, at))),
            None => findings.push(finding(
                material,
                "SRE-TLS-002",
                Severity::Ok,
                acm.not_after.map_or_else(
                    || "the certificate does not expire".to_owned(),
                    |last| format!("the certificate expires in {}, on {last}", words::span(last.since(at))),
                ),
            )),
        }
    }
}

fn finding(material: &Material, code: &str, severity: Severity, message: impl Into<String>) -> Finding {
    Finding::new(code, severity, &material.subject.name, message)
}

pub(super) fn judge(material: &Material, policy: &Policy, at: Moment, findings: &mut Vec<Finding>) {
    let Some(acm) = &material.acm else { return };
    state(material, acm, at, findings);
    if acm.status != "ISSUED" {
        return;
    }
    if acm.kind == "IMPORTED" {
        imported(material, acm, at, findings);
    } else {
        renewal(material, acm, policy, at, findings);
        if acm.exportable {
            exported(material, findings);
        }
    }
    if acm.in_use_by.is_empty() && !acm.exportable {
        findings.push(
            finding(material, "SRE-ACM-007", Severity::Info, "the certificate is attached to nothing").hint(
                "attach it, or delete it if nobody needs it; ACM renews a certificate only while something uses it",
            ),
        );
    }
}

fn describe(material: &Material) -> String {
    let (region, arn) = region_and_arn(&material.subject.name);
    format!("`aws acm describe-certificate --region {region} --certificate-arn {arn}`")
}

/// The record that is waited for, as a sentence.
fn record(acm: &AcmFacts, otherwise: &str) -> String {
    match &acm.validation_record {
        Some(record) => format!("create this DNS record and leave it there: `{}`", words::cut(record)),
        None => otherwise.to_owned(),
    }
}

fn state(material: &Material, acm: &AcmFacts, at: Moment, findings: &mut Vec<Finding>) {
    let reason = acm.failure_reason.as_deref().map(|reason| format!("ACM says: {}", words::cut(reason)));
    let again = "request it again: `aws acm request-certificate --domain-name NAME --validation-method DNS`";
    let (severity, message, hint) = match acm.status.as_str() {
        "ISSUED" => {
            findings.push(finding(material, "SRE-ACM-003", Severity::Ok, "ACM has issued the certificate"));
            return;
        }
        "PENDING_VALIDATION" => (
            Severity::Error,
            "ACM waits for a proof that the name is yours; there is no certificate yet".to_owned(),
            record(acm, &format!("see which: {}", describe(material))),
        ),
        "VALIDATION_TIMED_OUT" => (
            Severity::Error,
            "ACM gave up after 72 hours of waiting for a proof that the name is yours".to_owned(),
            format!("{again}, and create its DNS record at once"),
        ),
        "FAILED" => (Severity::Error, "ACM could not issue the certificate".to_owned(), again.to_owned()),
        "REVOKED" => {
            (Severity::Error, "the certificate is revoked; clients refuse it".to_owned(), again.to_owned())
        }
        "EXPIRED" => (
            Severity::Error,
            "the certificate has expired, as ACM says".to_owned(),
            renew(material, None, at),
        ),
        "INACTIVE" => (
            Severity::Error,
            "the certificate is inactive".to_owned(),
            format!("see why: {}", describe(material)),
        ),
        other => (
            Severity::Unknown,
            format!("ACM gives the certificate a state that is not known here: {}", words::cut(other)),
            format!("see for yourself: {}", describe(material)),
        ),
    };
    let finding = finding(material, "SRE-ACM-003", severity, message).hint(hint);
    findings.push(match reason {
        Some(reason) => finding.evidence(reason),
        None => finding,
    });
}

fn imported(material: &Material, acm: &AcmFacts, at: Moment, findings: &mut Vec<Finding>) {
    let is_due = acm.not_after.is_some_and(|last| last.since(at) < RENEWS_BEFORE);
    let severity = if is_due { Severity::Warning } else { Severity::Info };
    let message = if is_due {
        "the certificate was imported, ACM will not renew it, and it has fewer than 45 days left"
    } else {
        "the certificate was imported: ACM never renews it"
    };
    findings.push(finding(material, "SRE-ACM-005", severity, message).hint(renew(material, None, at)));
}

fn exported(material: &Material, findings: &mut Vec<Finding>) {
    let (region, arn) = region_and_arn(&material.subject.name);
    findings.push(
        finding(
            material,
            "SRE-ACM-006",
            Severity::Info,
            "ACM renews the certificate, but not the copies that were exported: each renewal has to be exported again",
        )
        .hint(format!(
            "after each renewal: `aws acm export-certificate --region {region} --certificate-arn {arn} --passphrase fileb://passphrase.txt`; EventBridge announces it as `ACM Certificate Available`"
        ))
        .doc("https://docs.aws.amazon.com/acm/latest/userguide/acm-exportable-certificates.html"),
    );
}

/// How urgent a renewal that hangs is: as urgent as the end is near, and at least a warning once ACM should be done.
fn urgency(acm: &AcmFacts, policy: &Policy, at: Moment) -> Severity {
    match Dates::of(acm.not_before, acm.not_after, policy, at) {
        Dates::Ends(_, Severity::Error) | Dates::Expired(_) => Severity::Error,
        _ => Severity::Warning,
    }
}

fn renewal(material: &Material, acm: &AcmFacts, policy: &Policy, at: Moment, findings: &mut Vec<Finding>) {
    let reason = acm.failure_reason.as_deref().map(|reason| format!("ACM says: {}", words::cut(reason)));
    let is_ineligible = acm.renewal_eligibility.as_deref() == Some("INELIGIBLE");
    let finding = match acm.renewal_status.as_deref() {
        Some("PENDING_VALIDATION") => finding(
            material,
            "SRE-ACM-004",
            urgency(acm, policy, at),
            "ACM cannot renew the certificate: it waits again for a proof that the name is yours",
        )
        .hint(record(acm, &format!("see which record it waits for: {}", describe(material)))),
        Some("FAILED") => finding(material, "SRE-ACM-004", Severity::Error, "the renewal by ACM has failed")
            .hint(record(acm, &format!("see why: {}", describe(material)))),
        Some("PENDING_AUTO_RENEWAL") => {
            finding(material, "SRE-ACM-004", Severity::Info, "ACM is renewing the certificate")
        }
        _ if is_ineligible => {
            let is_due = acm.not_after.is_some_and(|last| last.since(at) < RENEWS_BEFORE);
            let severity = if is_due { Severity::Warning } else { Severity::Info };
            findings.push(
                finding(
                    material,
                    "SRE-ACM-008",
                    severity,
                    "ACM will not renew the certificate as things are: it is not eligible",
                )
                .hint("ACM renews what is attached to an AWS service or was exported; attach or export it, or request another one when it ends")
                .doc(RENEWAL_PAGE),
            );
            return;
        }
        _ => finding(material, "SRE-ACM-004", Severity::Ok, "ACM renews the certificate by itself"),
    };
    let finding = match reason {
        Some(reason) => finding.evidence(reason),
        None => finding,
    };
    findings.push(finding.doc(RENEWAL_PAGE));
}
