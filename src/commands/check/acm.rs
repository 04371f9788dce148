//! Certificates in ACM, each looked for in the Region of its ARN, as material to judge.

use std::collections::BTreeMap;

use checks::cert::facts::{AcmFacts, Material, Source};
use checks::cert::read;
use checks::{Moment, Subject, SubjectKind};
use cloud::port::acm::{CertificateDetail, IssuedCertificate};
use cloud::{CallError, Cloud};
use model::{Finding, Region, Severity};

use super::Target;
use super::account::ask::{Desk, Place, in_account, not_told};
use crate::app::App;
use crate::args::CertsArgs;
use crate::failure::Failure;

/// Which certificates.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Wanted {
    /// All of the Region.
    All,
    /// These, by ARN.
    Arns(Vec<String>),
}

impl Wanted {
    /// What `--acm` says: `all` anywhere means all.
    fn of(flags: &[String]) -> Self {
        if flags.iter().any(|flag| flag.eq_ignore_ascii_case("all")) {
            Self::All
        } else {
            Self::Arns(flags.to_vec())
        }
    }
}

/// What ACM says of these: ARNs, or `all` of the Region that flags, deployment or environment name.
pub(crate) fn materials(
    app: &App,
    args: &CertsArgs,
    target: &Target,
    names: &[String],
) -> Result<Vec<Material>, Box<Failure>> {
    let config = target.config.as_ref();
    let usual = args.usual.config.region.clone().or_else(|| config.map(|config| config.aws.region.clone()));
    let mut found = Vec::new();
    for (region, wanted) in by_region(names, usual.as_ref()) {
        let place = Place { config, region: region.as_ref(), profile: args.usual.config.profile.as_deref() };
        found.extend(in_account(app, &args.usual.state, target, &place, async |session, cloud| {
            session.look(Box::pin(of_account(&Desk::default(), cloud, &wanted))).await
        })?);
    }
    Ok(found)
}

/// The names, by the Region that is in an ARN; `all` is of the usual one.
fn by_region(names: &[String], usual: Option<&Region>) -> Vec<(Option<Region>, Wanted)> {
    let (all, arns): (Vec<&String>, Vec<&String>) =
        names.iter().partition(|name| name.eq_ignore_ascii_case("all"));
    let mut regions: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for arn in arns {
        // arn:aws:acm:us-east-1:123456789012:certificate/ID
        let region = arn.split(':').nth(3).unwrap_or_default();
        let arns = regions.entry(region.to_owned()).or_default();
        if !arns.contains(arn) {
            arns.push(arn.clone());
        }
    }
    let mut wanted: Vec<(Option<Region>, Wanted)> = Vec::new();
    if !all.is_empty() {
        // What is among all need not be asked for again.
        regions.retain(|region, _| usual.is_none_or(|usual| usual.as_str() != region));
        wanted.push((usual.cloned(), Wanted::All));
    }
    wanted.extend(
        regions.into_iter().map(|(region, arns)| {
            (Region::parse(&region).ok().or_else(|| usual.cloned()), Wanted::of(&arns))
        }),
    );
    wanted
}

/// Everything that ACM says of these certificates. What it does not say is a remark of the certificate; only
/// credentials that do not work are a failure.
async fn of_account(desk: &Desk, cloud: &Cloud, wanted: &Wanted) -> Result<Vec<Material>, Box<Failure>> {
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

    #[test]
    fn a_certificate_is_looked_for_in_the_region_of_its_arn() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let usual = Region::parse("us-east-1").unwrap();
        let here = "arn:aws:acm:us-east-1:123456789012:certificate/a";
        let there = "arn:aws:acm:eu-west-1:123456789012:certificate/b";
        let all = names(&[here, "all", there, there]);
        assert_eq!(
            by_region(&all, Some(&usual)),
            [
                (Some(usual.clone()), Wanted::All),
                (Region::parse("eu-west-1").ok(), Wanted::Arns(names(&[there])))
            ]
        );
        assert_eq!(
            by_region(&names(&["what"]), Some(&usual)),
            [(Some(usual.clone()), Wanted::Arns(names(&["what"])))]
        );
    }

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
            of_account(&Desk::hasty(), &practice.cloud(), &Wanted::of(&["ALL".to_owned()])).await.unwrap();
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
        let all = of_account(&Desk::hasty(), &practice.cloud(), &wanted).await.unwrap();
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
                let all =
                    of_account(&Desk::hasty(), &practice.cloud().hooked(&hook), &Wanted::All).await.unwrap();
                assert_eq!(all.len(), 1);
                let [remark] = all[0].remarks.as_slice() else { panic!("{operation}: {:?}", all[0].remarks) };
                assert_eq!((remark.code.as_str(), remark.severity), ("SRE-PERM-021", Severity::Unknown));
            }
        }
        let expired = Fault::answered("ExpiredTokenException", "expired");
        let hook: Arc<dyn Hook> = Arc::new(FailNth::new(1, Matching::Any, When::Before, expired).times(99));
        let failure = of_account(&Desk::hasty(), &practice.cloud().hooked(&hook), &Wanted::Arns(vec![arn]))
            .await
            .unwrap_err();
        assert_eq!(failure.exit, crate::exit::Exit::Credentials);
    }
}
