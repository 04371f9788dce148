//! Certificates in ACM, as material to judge.

use checks::cert::facts::{AcmFacts, Material, Source};
use checks::cert::read;
use checks::{Moment, Subject, SubjectKind};
use cloud::port::acm::{CertificateDetail, IssuedCertificate};
use cloud::{CallError, Cloud};
use model::{Finding, Severity};

use super::Target;
use super::account_ask::{Desk, Place, in_account, not_told};
use crate::app::App;
use crate::args::{ConfigArgs, StateArgs};
use crate::failure::Failure;

/// Which certificates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// All of the Region.
    All,
    /// These, by ARN.
    Arns(Vec<String>),
}

impl Wanted {
    /// What `--acm` says: `all` anywhere means all.
    pub(crate) fn of(flags: &[String]) -> Self {
        if flags.iter().any(|flag| flag.eq_ignore_ascii_case("all")) {
            Self::All
        } else {
            Self::Arns(flags.to_vec())
        }
    }
}

/// The certificates of an account and Region, for `check certs --acm`: those of the deployment where there is one, else
/// what flags and environment name.
pub(crate) fn of_account(
    app: &App,
    args: &StateArgs,
    config: &ConfigArgs,
    target: &Target,
    wanted: &Wanted,
) -> Result<Vec<Material>, Box<Failure>> {
    let place = Place {
        config: target.config.as_ref(),
        region: config.region.as_ref(),
        profile: config.profile.as_deref(),
    };
    in_account(app, args, target, &place, async |session, cloud| {
        session.look(Box::pin(materials(cloud, wanted))).await
    })
}

/// Everything that ACM says of these certificates. What it does not say is a remark of the certificate; only
/// credentials that do not work are a failure.
pub(crate) async fn materials(cloud: &Cloud, wanted: &Wanted) -> Result<Vec<Material>, Box<Failure>> {
    materials_at(&Desk::default(), cloud, wanted).await
}

async fn materials_at(desk: &Desk, cloud: &Cloud, wanted: &Wanted) -> Result<Vec<Material>, Box<Failure>> {
    let arns = match wanted {
        Wanted::Arns(arns) => arns.clone(),
        Wanted::All => match desk.ask(async || cloud.acm.list_all_certificates(()).await).await {
            Ok(arns) => arns,
            Err(error) => {
                desk.verdict()?;
                let mut material = Material::new(Subject::new(SubjectKind::Acm, "all"));
                material.remarks.push(unread("all", "the certificates of the Region", &error));
                return Ok(vec![material]);
            }
        },
    };
    let mut materials = Vec::new();
    for arn in arns {
        materials.push(material(desk, cloud, &arn).await);
    }
    desk.verdict()?;
    Ok(materials)
}

async fn material(desk: &Desk, cloud: &Cloud, arn: &str) -> Material {
    let mut material = Material::new(Subject::new(SubjectKind::Acm, arn));
    let detail = match desk.ask(async || cloud.acm.describe_in_full(arn.to_owned()).await).await {
        Ok(Some(detail)) => detail,
        Ok(None) => {
            let message = "there is no such certificate in this account and Region";
            let finding = Finding::new("SRE-PERM-021", Severity::Unknown, arn, message);
            material
                .remarks
                .push(finding.hint("see which there are: aws acm list-certificates --region REGION"));
            return material;
        }
        Err(error) => {
            material.remarks.push(unread(arn, "what ACM says of the certificate", &error));
            return material;
        }
    };
    // What was never issued, or is gone, has no content to get.
    if !matches!(detail.status.as_str(), "PENDING_VALIDATION" | "VALIDATION_TIMED_OUT" | "FAILED") {
        match desk.ask(async || cloud.acm.get_certificate(arn.to_owned()).await).await {
            Ok(Some(issued)) => material.items = read::items(pem(&issued).as_bytes()).items,
            Ok(None) => {}
            Err(error) => material.remarks.push(unread(arn, "the certificate itself", &error)),
        }
    }
    material.source = source(&detail);
    material.is_served = !detail.in_use_by.is_empty();
    material.acm = Some(facts(detail));
    material
}

fn unread(subject: &str, what: &str, error: &CallError) -> Finding {
    let why = not_told(error);
    let hint = if why.is_denied {
        format!("allow the identity {}, and check again", why.action)
    } else {
        "check again in a minute; if it stays so, look at https://health.aws.amazon.com".to_owned()
    };
    Finding::new("SRE-PERM-021", Severity::Unknown, subject, format!("could not read {what}"))
        .evidence(why.reason)
        .hint(hint)
}

/// Certificate and chain as one text.
fn pem(issued: &IssuedCertificate) -> String {
    format!("{}\n{}", issued.certificate, issued.chain)
}

fn source(detail: &CertificateDetail) -> Source {
    match (detail.kind.as_str(), detail.exportable) {
        ("IMPORTED", _) => Source::AcmImported,
        (_, true) => Source::AcmExportable,
        ("PRIVATE", false) => Source::Private,
        ("AMAZON_ISSUED", false) => Source::AcmManaged,
        _ => Source::Unknown,
    }
}

fn facts(detail: CertificateDetail) -> AcmFacts {
    let record = |record: cloud::port::acm::DnsRecord| {
        format!("{} {} {}", record.name, record.record_type, record.value)
    };
    AcmFacts {
        status: detail.status,
        kind: detail.kind,
        renewal_eligibility: detail.renewal_eligibility,
        renewal_status: detail.renewal_status,
        failure_reason: detail.failure_reason,
        exportable: detail.exportable,
        in_use_by: detail.in_use_by,
        validation_record: detail.validation.map(record),
        not_before: detail.not_before.map(Moment::from),
        not_after: detail.not_after.map(Moment::from),
        names: detail.names,
        issuer: detail.issuer,
        serial: detail.serial,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use cloud::fault::{FailNth, Failure as Fault, Matching, When};
    use cloud::practice::{Practice, PracticeOptions};
    use cloud::{ErrorKind, Hook};

    use super::*;

    fn imported(names: &[&str]) -> (CertificateDetail, IssuedCertificate) {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let made = rcgen::generate_simple_self_signed(names.clone()).unwrap();
        let detail = CertificateDetail {
            status: "ISSUED".to_owned(),
            kind: "IMPORTED".to_owned(),
            renewal_eligibility: Some("INELIGIBLE".to_owned()),
            in_use_by: vec![
                "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/x".to_owned(),
            ],
            not_after: "2027-01-01T00:00:00Z".parse().ok(),
            names,
            ..CertificateDetail::default()
        };
        (detail, IssuedCertificate { certificate: made.cert.pem(), chain: String::new() })
    }

    fn practice() -> (Practice, String) {
        let practice = Practice::in_memory(PracticeOptions::instant());
        let (detail, issued) = imported(&["api.example.com", "www.example.com"]);
        let arn = practice.seed(|account| account.certificate(detail, Some(issued))).unwrap();
        (practice, arn)
    }

    #[tokio::test]
    async fn everything_that_acm_says_comes_with_the_certificate_itself() {
        let (practice, arn) = practice();
        let all =
            materials_at(&Desk::hasty(), &practice.cloud(), &Wanted::of(&["ALL".to_owned()])).await.unwrap();
        let [material] = all.as_slice() else { panic!("one certificate, not {all:?}") };
        assert_eq!((material.subject.kind, material.subject.name.as_str()), (SubjectKind::Acm, arn.as_str()));
        let leaf = material.certificates().next().unwrap().1;
        assert_eq!(leaf.dns_names, ["api.example.com", "www.example.com"]);
        let acm = material.acm.as_ref().unwrap();
        assert_eq!((acm.kind.as_str(), acm.status.as_str()), ("IMPORTED", "ISSUED"));
        assert_eq!(acm.not_after.unwrap().to_string(), "2027-01-01T00:00:00Z");
        assert_eq!((&material.source, material.is_served), (&Source::AcmImported, true));
        assert_eq!(material.remarks, []);
    }

    #[tokio::test]
    async fn what_is_not_there_is_unknown() {
        let (practice, _) = practice();
        let wanted = Wanted::Arns(vec!["arn:aws:acm:us-east-1:123456789012:certificate/none".to_owned()]);
        let all = materials_at(&Desk::hasty(), &practice.cloud(), &wanted).await.unwrap();
        assert_eq!(all[0].remarks[0].severity, Severity::Unknown);
        assert!(all[0].acm.is_none());
    }

    #[tokio::test]
    async fn each_read_that_fails_is_a_remark_and_expired_credentials_are_a_failure() {
        let (practice, arn) = practice();
        for operation in ["ListCertificates", "DescribeCertificate", "GetCertificate"] {
            for fault in [
                Fault::answered("AccessDeniedException", "not authorized"),
                Fault::answered("ThrottlingException", "Rate exceeded"),
                Fault::on_the_way(ErrorKind::TimedOut),
            ] {
                let hook: Arc<dyn Hook> =
                    Arc::new(FailNth::new(1, Matching::Operation(operation), When::Before, fault).times(99));
                let all = materials_at(&Desk::hasty(), &practice.cloud().hooked(&hook), &Wanted::All)
                    .await
                    .unwrap();
                assert_eq!(all.len(), 1);
                let [remark] = all[0].remarks.as_slice() else { panic!("{operation}: {:?}", all[0].remarks) };
                assert_eq!((remark.code.as_str(), remark.severity), ("SRE-PERM-021", Severity::Unknown));
            }
        }
        let expired = Fault::answered("ExpiredTokenException", "expired");
        let hook: Arc<dyn Hook> = Arc::new(FailNth::new(1, Matching::Any, When::Before, expired).times(99));
        let failure = materials_at(&Desk::hasty(), &practice.cloud().hooked(&hook), &Wanted::Arns(vec![arn]))
            .await
            .unwrap_err();
        assert_eq!(failure.exit, crate::exit::Exit::Credentials);
    }
}
