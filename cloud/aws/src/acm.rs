//! AWS Certificate Manager: public certificates that can be exported.

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_acm::Client;
use aws_sdk_acm::types::{
    CertificateDetail, CertificateExport, CertificateOptions, Filters, KeyAlgorithm, Tag, ValidationMethod,
};
use cloud::port::acm::{Acm, Certificate, DnsRecord, NewCertificate};
use cloud::{CallError, ErrorKind};
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
        let mut items = self.0.list_certificates().includes(all_keys).into_paginator().items().send();
        let mut arns = Vec::new();
        while let Some(item) = items.next().await {
            let item = item.map_err(failed(SERVICE, OPERATION))?;
            if item.domain_name().is_some_and(|name| name == domain) {
                arns.push(item.certificate_arn.ok_or_else(|| absent(SERVICE, OPERATION, "CertificateArn"))?);
            }
        }
        Ok(arns)
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
    let validation = detail.domain_validation_options().iter().find_map(|option| {
        let record = option.resource_record()?;
        Some(DnsRecord {
            name: record.name().to_owned(),
            record_type: record.r#type().as_str().to_owned(),
            value: record.value().to_owned(),
        })
    });
    Certificate {
        arn,
        domain: detail.domain_name().unwrap_or_default().to_owned(),
        status: detail.status().map(|status| status.as_str().to_owned()).unwrap_or_default(),
        exportable: detail
            .options()
            .and_then(|options| options.export())
            .is_some_and(|export| *export == CertificateExport::Enabled),
        in_use_by: detail.in_use_by().to_vec(),
        validation,
        tags,
    }
}
