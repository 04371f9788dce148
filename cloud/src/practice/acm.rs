//! ACM: exportable public certificates.

use async_trait::async_trait;

use crate::CallError;
use crate::hook::Access::{Read, Write};
use crate::port::acm::{
    Acm, Certificate, CertificateDetail, CertificateExport, DnsRecord, ExportedCertificate,
    IssuedCertificate, NewCertificate,
};

use super::desk::Desk;
use super::refusal::{Answer, Refusal, demand, demand_tags};
use super::state::{self, State, sha256, tick};

fn no_certificate(arn: &str) -> Refusal {
    Refusal::new("ResourceNotFoundException", format!("Could not find certificate {arn}."))
}

/// The record that shows control of a name: the same for every certificate of the account with that name.
fn validation_record(account: &str, domain: &str) -> DnsRecord {
    let hash = sha256(&format!("{account} {domain}"));
    let (name, value) = hash.split_at(32);
    DnsRecord {
        name: format!("_{name}.{domain}."),
        record_type: "CNAME".to_owned(),
        value: format!("_{value}.acm-validations.aws."),
    }
}

impl State {
    fn request_certificate(&mut self, new: NewCertificate) -> Answer<String> {
        let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
        let token = &new.idempotency_token;
        demand((1..=32).contains(&token.len()) && token.bytes().all(word), "ValidationException", || {
            "1 validation error detected: Value at 'idempotencyToken' failed to satisfy constraint: Member must \
             satisfy regular expression pattern: \\w+"
                .to_owned()
        })?;
        let label = |part: &str| {
            (1..=63).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        let name = new.domain.strip_prefix("*.").unwrap_or(&new.domain);
        let fits = name.contains('.') && name.len() <= 253 && name.split('.').all(label);
        demand(fits, "ValidationException", || {
            "1 validation error detected: Value at 'domainName' failed to satisfy constraint: Member must satisfy \
             regular expression pattern for domain names"
                .to_owned()
        })?;
        demand_tags(&new.tags, "InvalidTagException")?;
        let same = self.certificates.iter().find(|(_, c)| c.token == *token && c.domain == new.domain);
        if let Some((arn, _)) = same {
            return Ok(arn.clone());
        }
        let hex = self.next_hex();
        let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|range| hex.get(range).unwrap_or_default());
        let arn = self.arn("acm", &format!("certificate/{}", parts.join("-")));
        let certificate = state::Certificate {
            unseen: self.unseen(),
            settle: self.pace.settle,
            domain: new.domain,
            token: new.idempotency_token,
            status: "PENDING_VALIDATION".to_owned(),
            in_use_by: Vec::new(),
            tags: new.tags,
            detail: None,
            issued: None,
        };
        self.certificates.insert(arn.clone(), certificate);
        Ok(arn)
    }

    fn describe_certificate(&mut self, arn: &str) -> Option<Certificate> {
        let certificate = self.certificates.get_mut(arn)?;
        if !certificate.unseen.look() {
            return None;
        }
        let recorded = tick(&mut certificate.settle);
        Some(Certificate {
            arn: arn.to_owned(),
            domain: certificate.domain.clone(),
            status: certificate.status.clone(),
            exportable: true,
            in_use_by: certificate.in_use_by.clone(),
            validation: recorded.then(|| validation_record(self.account.as_str(), &certificate.domain)),
            tags: certificate.tags.clone(),
        })
    }

    fn list_certificates(&mut self, domain: &str) -> Vec<String> {
        self.certificates
            .iter_mut()
            .filter(|(_, certificate)| certificate.domain == domain)
            .filter_map(|(arn, certificate)| certificate.unseen.look().then(|| arn.clone()))
            .collect()
    }

    fn list_all_certificates(&mut self) -> Vec<String> {
        self.certificates
            .iter_mut()
            .filter_map(|(arn, certificate)| certificate.unseen.look().then(|| arn.clone()))
            .collect()
    }

    fn describe_in_full(&mut self, arn: &str) -> Option<CertificateDetail> {
        let seen = self.describe_certificate(arn)?;
        let detail = self.certificates.get(arn).and_then(|one| one.detail.clone());
        let detail = detail.unwrap_or_else(|| CertificateDetail {
            kind: "AMAZON_ISSUED".to_owned(),
            renewal_eligibility: Some("INELIGIBLE".to_owned()),
            exportable: seen.exportable,
            names: vec![seen.domain],
            issuer: "Amazon".to_owned(),
            ..CertificateDetail::default()
        });
        let is_waiting = seen.status == "PENDING_VALIDATION";
        Some(CertificateDetail {
            arn: seen.arn,
            status: seen.status,
            in_use_by: seen.in_use_by,
            validation: seen.validation.filter(|_| is_waiting),
            ..detail
        })
    }

    fn get_certificate(&mut self, arn: &str) -> Option<IssuedCertificate> {
        self.certificates.get(arn).and_then(|one| one.issued.clone())
    }

    /// Nothing is issued here with a key, so there is none to give out: either it is not issued yet, or it came into
    /// the account without its key.
    fn export_certificate(&mut self, arn: &str) -> Answer<ExportedCertificate> {
        let certificate = self.certificates.get(arn).ok_or_else(|| no_certificate(arn))?;
        if certificate.issued.is_none() {
            return Err(Refusal::new(
                "RequestInProgressException",
                format!("Certificate {arn} is in progress and cannot be exported."),
            ));
        }
        Err(Refusal::new("ValidationException", format!("Certificate ARN: {arn} is not exportable")))
    }

    fn delete_certificate(&mut self, arn: &str) -> Answer<()> {
        let certificate = self.certificates.get(arn).ok_or_else(|| no_certificate(arn))?;
        demand(certificate.in_use_by.is_empty(), "ResourceInUseException", || {
            format!("Certificate {arn} is in use.")
        })?;
        self.certificates.remove(arn);
        Ok(())
    }
}

#[async_trait]
impl Acm for Desk {
    async fn request_certificate(&self, new: NewCertificate) -> Result<String, CallError> {
        let resource = self.look(|state| state.arn("acm", "certificate/*"));
        self.call("acm", "RequestCertificate", Write, &resource, |state| state.request_certificate(new))
    }

    async fn describe_certificate(&self, arn: String) -> Result<Option<Certificate>, CallError> {
        self.call("acm", "DescribeCertificate", Read, &arn, |state| Ok(state.describe_certificate(&arn)))
    }

    async fn list_certificates(&self, domain: String) -> Result<Vec<String>, CallError> {
        self.call("acm", "ListCertificates", Read, "*", |state| Ok(state.list_certificates(&domain)))
    }

    async fn list_all_certificates(&self, (): ()) -> Result<Vec<String>, CallError> {
        self.call("acm", "ListCertificates", Read, "*", |state| Ok(state.list_all_certificates()))
    }

    async fn describe_in_full(&self, arn: String) -> Result<Option<CertificateDetail>, CallError> {
        self.call("acm", "DescribeCertificate", Read, &arn, |state| Ok(state.describe_in_full(&arn)))
    }

    async fn get_certificate(&self, arn: String) -> Result<Option<IssuedCertificate>, CallError> {
        self.call("acm", "GetCertificate", Read, &arn, |state| Ok(state.get_certificate(&arn)))
    }

    async fn export_certificate(&self, export: CertificateExport) -> Result<ExportedCertificate, CallError> {
        let arn = export.arn;
        self.call("acm", "ExportCertificate", Read, &arn, |state| state.export_certificate(&arn))
    }

    async fn delete_certificate(&self, arn: String) -> Result<(), CallError> {
        self.call("acm", "DeleteCertificate", Write, &arn, |state| state.delete_certificate(&arn))
    }
}
