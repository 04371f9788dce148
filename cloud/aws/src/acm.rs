//! AWS Certificate Manager: public certificates that can be exported.

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_acm::Client;
use aws_sdk_acm::types::{
    CertificateDetail, CertificateExport, CertificateOptions, DomainStatus, DomainValidation, Filters,
    KeyAlgorithm, RenewalSummary, Tag, ValidationMethod,
};
use aws_smithy_types::{Blob, DateTime};
use cloud::port::acm::{
    self as port, Acm, Certificate, DnsRecord, ExportedCertificate, IssuedCertificate, NewCertificate,
};
use cloud::{CallError, ErrorKind};
use jiff::Timestamp;
use model::Secret;
use model::tags::Tags;

use crate::error::{absent, failed, found};
use crate::tags::from_pairs;

const SERVICE: &str = "acm";

/// The port over `aws-sdk-acm`.
pub(crate) struct AwsAcm(Client);

impl AwsAcm {
    pub(crate) fn new(config: &SdkConfig) -> Self {
        Self(Client::new(config))
    }
}

#[async_trait]
impl Acm for AwsAcm {
    async fn request_certificate(&self, new: NewCertificate) -> Result<String, CallError> {
        const OPERATION: &str = "RequestCertificate";
        let answer = self
            .0
            .request_certificate()
            .domain_name(new.domain)
            .validation_method(ValidationMethod::Dns)
            .idempotency_token(new.idempotency_token)
            .options(CertificateOptions::builder().export(CertificateExport::Enabled).build())
            .set_tags(to_tags(new.tags)?)
            .send()
            .await
            .map_err(failed(SERVICE, OPERATION))?;
        answer.certificate_arn.ok_or_else(|| absent(SERVICE, OPERATION, "CertificateArn"))
    }

    async fn describe_certificate(&self, arn: String) -> Result<Option<Certificate>, CallError> {
        const OPERATION: &str = "DescribeCertificate";
        let answer = self
            .0
            .describe_certificate()
            .certificate_arn(&arn)
            .send()
            .await
            .map_err(failed(SERVICE, OPERATION));
        let Some(answer) = found(answer)? else { return Ok(None) };
        let detail = answer.certificate.ok_or_else(|| absent(SERVICE, OPERATION, "Certificate"))?;
        let tags = self
            .0
            .list_tags_for_certificate()
            .certificate_arn(&arn)
            .send()
            .await
            .map_err(failed(SERVICE, "ListTagsForCertificate"));
        // Deleted between the two calls: it does not exist.
        let Some(tags) = found(tags)? else { return Ok(None) };
        let tags = from_pairs(tags.tags().iter().map(|tag| (Some(tag.key()), tag.value())));
        Ok(Some(certificate(arn, &detail, tags)))
    }

    async fn list_certificates(&self, domain: String) -> Result<Vec<String>, CallError> {
        let found = list(&self.0).await?.into_iter();
        let arns = found.filter(|(_, name)| name.as_ref().is_some_and(|name| *name == domain));
        Ok(arns.map(|(arn, _)| arn).collect())
    }

    async fn list_all_certificates(&self, (): ()) -> Result<Vec<String>, CallError> {
        Ok(list(&self.0).await?.into_iter().map(|(arn, _)| arn).collect())
    }

    async fn describe_in_full(&self, arn: String) -> Result<Option<port::CertificateDetail>, CallError> {
        const OPERATION: &str = "DescribeCertificate";
        let answer = self.0.describe_certificate().certificate_arn(&arn).send().await;
        let Some(answer) = found(answer.map_err(failed(SERVICE, OPERATION)))? else { return Ok(None) };
        let detail = answer.certificate.ok_or_else(|| absent(SERVICE, OPERATION, "Certificate"))?;
        Ok(Some(in_full(arn, &detail)))
    }

    async fn get_certificate(&self, arn: String) -> Result<Option<IssuedCertificate>, CallError> {
        let answer = self.0.get_certificate().certificate_arn(arn).send().await;
        match answer.map_err(failed(SERVICE, "GetCertificate")) {
            Ok(answer) => Ok(answer.certificate.map(|certificate| IssuedCertificate {
                certificate,
                chain: answer.certificate_chain.unwrap_or_default(),
            })),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
            // Not issued yet.
            Err(error) if error.code.as_deref() == Some("RequestInProgressException") => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn export_certificate(
        &self,
        export: port::CertificateExport,
    ) -> Result<ExportedCertificate, CallError> {
        const OPERATION: &str = "ExportCertificate";
        let answer = self
            .0
            .export_certificate()
            .certificate_arn(export.arn)
            .passphrase(Blob::new(export.passphrase.expose().as_bytes()))
            .send()
            .await
            .map_err(failed(SERVICE, OPERATION))?;
        Ok(ExportedCertificate {
            certificate: answer.certificate.ok_or_else(|| absent(SERVICE, OPERATION, "Certificate"))?,
            chain: answer.certificate_chain.unwrap_or_default(),
            key: Secret::new(answer.private_key.ok_or_else(|| absent(SERVICE, OPERATION, "PrivateKey"))?),
        })
    }

    async fn delete_certificate(&self, arn: String) -> Result<(), CallError> {
        self.0
            .delete_certificate()
            .certificate_arn(arn)
            .send()
            .await
            .map_err(failed(SERVICE, "DeleteCertificate"))?;
        Ok(())
    }
}

/// ARN and first name of every certificate.
async fn list(client: &Client) -> Result<Vec<(String, Option<String>)>, CallError> {
    const OPERATION: &str = "ListCertificates";
    // Without a filter ACM leaves out every certificate whose key is not RSA.
    let all_keys = Filters::builder()
        .key_types(KeyAlgorithm::Rsa1024)
        .key_types(KeyAlgorithm::Rsa2048)
        .key_types(KeyAlgorithm::Rsa3072)
        .key_types(KeyAlgorithm::Rsa4096)
        .key_types(KeyAlgorithm::EcPrime256v1)
        .key_types(KeyAlgorithm::EcSecp384r1)
        .key_types(KeyAlgorithm::EcSecp521r1)
        .build();
    let mut items = client.list_certificates().includes(all_keys).into_paginator().items().send();
    let mut all = Vec::new();
    while let Some(item) = items.next().await {
        let item = item.map_err(failed(SERVICE, OPERATION))?;
        let arn = item.certificate_arn.ok_or_else(|| absent(SERVICE, OPERATION, "CertificateArn"))?;
        all.push((arn, item.domain_name));
    }
    Ok(all)
}

fn in_full(arn: String, detail: &CertificateDetail) -> port::CertificateDetail {
    let renewal = detail.renewal_summary();
    let reason =
        renewal.and_then(|renewal| renewal.renewal_status_reason()).or_else(|| detail.failure_reason());
    // During a renewal the records that ACM waits for are those of the renewal.
    let awaited = renewal
        .map(RenewalSummary::domain_validation_options)
        .unwrap_or_default()
        .iter()
        .chain(detail.domain_validation_options())
        .filter(|option| option.validation_status() == Some(&DomainStatus::PendingValidation))
        .find_map(record);
    let time = |time: Option<&DateTime>| time.and_then(|time| Timestamp::from_second(time.secs()).ok());
    let mut names: Vec<String> = detail.domain_name().map(str::to_owned).into_iter().collect();
    for name in detail.subject_alternative_names() {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    port::CertificateDetail {
        arn,
        status: detail.status().map(|status| status.as_str().to_owned()).unwrap_or_default(),
        kind: detail.r#type().map(|kind| kind.as_str().to_owned()).unwrap_or_default(),
        renewal_eligibility: detail.renewal_eligibility().map(|one| one.as_str().to_owned()),
        renewal_status: renewal.map(|renewal| renewal.renewal_status().as_str().to_owned()),
        failure_reason: reason.map(|reason| reason.as_str().to_owned()),
        exportable: is_exportable(detail),
        in_use_by: detail.in_use_by().to_vec(),
        validation: awaited,
        not_before: time(detail.not_before()),
        not_after: time(detail.not_after()),
        names,
        issuer: detail.issuer().unwrap_or_default().to_owned(),
        serial: detail.serial().unwrap_or_default().to_owned(),
    }
}

fn is_exportable(detail: &CertificateDetail) -> bool {
    let export = detail.options().and_then(|options| options.export());
    export.is_some_and(|export| *export == CertificateExport::Enabled)
}

fn record(option: &DomainValidation) -> Option<DnsRecord> {
    let record = option.resource_record()?;
    Some(DnsRecord {
        name: record.name().to_owned(),
        record_type: record.r#type().as_str().to_owned(),
        value: record.value().to_owned(),
    })
}

fn to_tags(tags: Tags) -> Result<Option<Vec<Tag>>, CallError> {
    let tags = tags
        .into_iter()
        .map(|(key, value)| Tag::builder().key(key).value(value).build())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| {
            CallError::new(SERVICE, "RequestCertificate", ErrorKind::Invalid, error.to_string())
        })?;
    Ok(Some(tags).filter(|tags| !tags.is_empty()))
}

fn certificate(arn: String, detail: &CertificateDetail, tags: Tags) -> Certificate {
    // Freshly requested certificates have no record for some seconds.
    let validation = detail.domain_validation_options().iter().find_map(record);
    Certificate {
        arn,
        domain: detail.domain_name().unwrap_or_default().to_owned(),
        status: detail.status().map(|status| status.as_str().to_owned()).unwrap_or_default(),
        exportable: is_exportable(detail),
        in_use_by: detail.in_use_by().to_vec(),
        validation,
        tags,
    }
}
