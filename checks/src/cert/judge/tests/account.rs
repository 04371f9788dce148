//! Certificates in ACM.

use model::Severity::{Error, Info, Ok as Good, Unknown, Warning};

use super::super::policy::DAY;
use super::super::{Policy, Roots, judge};
use super::make::{NOW, at, complaints, severity, with_code};
use crate::cert::facts::{AcmFacts, Material, Source};
use crate::{CheckResult, Status, Subject, SubjectKind};

const ARN: &str = "arn:aws:acm:eu-central-1:123456789012:certificate/0f0f";
const RECORD: &str = "_0123.api.example.com. CNAME _4567.acm-validations.aws.";

/// An issued one, attached, with this many days of 198 left.
fn issued(left: i64) -> AcmFacts {
    AcmFacts {
        status: "ISSUED".to_owned(),
        kind: "AMAZON_ISSUED".to_owned(),
        renewal_eligibility: Some("ELIGIBLE".to_owned()),
        in_use_by: vec![
            "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/x".to_owned(),
        ],
        not_before: Some(at(NOW - (198 - left) * DAY)),
        not_after: Some(at(NOW + left * DAY - 1)),
        names: vec!["api.example.com".to_owned()],
        issuer: "Amazon".to_owned(),
        serial: "0a:1b:2c".to_owned(),
        ..AcmFacts::default()
    }
}

fn verdict(acm: AcmFacts) -> CheckResult {
    let mut material = Material::new(Subject::new(SubjectKind::Acm, ARN));
    material.source = match acm.kind.as_str() {
        "IMPORTED" => Source::AcmImported,
        _ if acm.exportable => Source::AcmExportable,
        _ => Source::AcmManaged,
    };
    material.acm = Some(acm);
    judge(&material, &Policy::new(Roots::mozilla()), at(NOW))
}

#[test]
fn a_managed_certificate_is_judged_by_its_description() {
    let result = verdict(issued(150));
    assert_eq!(result.status, Status::Ok, "{:?}", result.findings);
    let summary = &result.certificates[0];
    assert_eq!((summary.names[0].as_str(), summary.serial.as_str()), ("api.example.com", "0a1b2c"));
    assert_eq!(summary.lifetime_seconds, Some(198 * DAY));
    assert_eq!(severity(&result, "SRE-ACM-009"), Some(Info));
    assert_eq!(severity(&result, "SRE-ACM-004"), Some(Good));
    assert_eq!(complaints(&verdict(issued(20))), [("SRE-TLS-002", Warning)]);
    assert_eq!(complaints(&verdict(issued(5))), [("SRE-TLS-002", Error)]);
    assert_eq!(complaints(&verdict(issued(-1))), [("SRE-TLS-001", Error)]);
}

#[test]
fn each_state_has_its_verdict() {
    for (status, expected) in [
        ("PENDING_VALIDATION", Error),
        ("VALIDATION_TIMED_OUT", Error),
        ("FAILED", Error),
        ("REVOKED", Error),
        ("EXPIRED", Error),
        ("INACTIVE", Error),
        ("SOMETHING_NEW", Unknown),
    ] {
        let acm = AcmFacts { not_before: None, not_after: None, ..issued(150) };
        let result = verdict(AcmFacts { status: status.to_owned(), ..acm });
        assert_eq!(complaints(&result), [("SRE-ACM-003", expected)], "{status}");
    }
    let waiting = AcmFacts {
        status: "PENDING_VALIDATION".to_owned(),
        validation_record: Some(RECORD.to_owned()),
        ..issued(150)
    };
    assert!(with_code(&verdict(waiting), "SRE-ACM-003").unwrap().hint.as_ref().unwrap().contains(RECORD));
}

#[test]
fn a_renewal_that_hangs_shows_the_record_and_grows_urgent() {
    let hanging = |left: i64| AcmFacts {
        renewal_status: Some("PENDING_VALIDATION".to_owned()),
        validation_record: Some(RECORD.to_owned()),
        ..issued(left)
    };
    for (left, expected) in [(44, Warning), (20, Warning), (10, Error)] {
        let result = verdict(hanging(left));
        let finding = with_code(&result, "SRE-ACM-004").unwrap();
        assert_eq!(finding.severity, expected, "{left}");
        assert!(finding.hint.as_ref().unwrap().contains(RECORD));
    }
    // The finding about the end says the same.
    let result = verdict(hanging(10));
    assert!(with_code(&result, "SRE-TLS-002").unwrap().hint.as_ref().unwrap().contains(RECORD));

    let failed = AcmFacts {
        renewal_status: Some("FAILED".to_owned()),
        failure_reason: Some("CAA_ERROR".to_owned()),
        ..issued(40)
    };
    let result = verdict(failed);
    let finding = with_code(&result, "SRE-ACM-004").unwrap();
    assert_eq!((finding.severity, finding.evidence.as_deref()), (Error, Some("ACM says: CAA_ERROR")));
    let renewing = AcmFacts { renewal_status: Some("PENDING_AUTO_RENEWAL".to_owned()), ..issued(44) };
    assert_eq!(severity(&verdict(renewing), "SRE-ACM-004"), Some(Info));
}

#[test]
fn what_acm_does_not_renew_is_said_before_it_is_too_late() {
    let imported = |left| AcmFacts { kind: "IMPORTED".to_owned(), ..issued(left) };
    for (left, expected) in [(150, Info), (44, Warning)] {
        let result = verdict(imported(left));
        let finding = with_code(&result, "SRE-ACM-005").unwrap();
        assert_eq!(finding.severity, expected);
        let command = format!("aws acm import-certificate --region eu-central-1 --certificate-arn {ARN}");
        assert!(finding.hint.as_ref().unwrap().contains(&command));
    }
    let alone = |left| AcmFacts {
        renewal_eligibility: Some("INELIGIBLE".to_owned()),
        in_use_by: Vec::new(),
        ..issued(left)
    };
    for (left, expected) in [(150, Info), (44, Warning)] {
        let result = verdict(alone(left));
        assert_eq!(severity(&result, "SRE-ACM-008"), Some(expected));
        assert_eq!(severity(&result, "SRE-ACM-007"), Some(Info));
    }
    let exportable = AcmFacts { exportable: true, in_use_by: Vec::new(), ..issued(150) };
    let result = verdict(exportable);
    assert_eq!(result.status, Status::Ok, "{:?}", result.findings);
    let hint = with_code(&result, "SRE-ACM-006").unwrap().hint.clone().unwrap();
    assert!(
        hint.contains(&format!("aws acm export-certificate --region eu-central-1 --certificate-arn {ARN}")),
        "{hint}"
    );
}
