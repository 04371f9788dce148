//! The exportable ACM certificate, for `tls.source: acm-exportable`. It is requested, and the DNS record that ACM wants
//! to see is shown; issuing takes as long as somebody takes to make that record.

use async_trait::async_trait;
use cloud::CallError;
use cloud::port::acm::{Certificate, NewCertificate};
use cloud::port::tagging::TagQuery;
use model::config::{Config, TlsSource};
use model::plan::{FieldDiff, StepId};
use model::{Finding, Severity, tags};
use serde_json::json;

use super::{
    ByHand, CREATE, Context, Found, OnChange, Op, Step, Want, fields, outputs, unknown_op, unknown_undo,
};
use crate::error::StepError;
use crate::guide::{self, Guide, Handmade};
use crate::key::IntentKey;

const STEP: StepId = StepId::Certificate;

pub(super) struct CertificateStep;

fn found(certificate: &Certificate) -> Found {
    let mut outputs =
        outputs([("id", &certificate.arn), ("arn", &certificate.arn), ("status", &certificate.status)]);
    if let Some(record) = &certificate.validation {
        outputs.insert("validation_name".to_owned(), record.name.clone());
        outputs.insert("validation_type".to_owned(), record.record_type.clone());
        outputs.insert("validation_value".to_owned(), record.value.clone());
    }
    Found {
        id: certificate.arn.clone(),
        fields: fields([
            ("domain", json!(certificate.domain)),
            ("exportable", json!(certificate.exportable)),
        ]),
        outputs,
    }
}

/// The name to certify, where ACM is to certify one.
fn domain(config: &Config) -> Option<String> {
    match config.tls.source {
        TlsSource::AcmExportable => config.tls.domain.clone(),
        TlsSource::Acme { .. } | TlsSource::Files { .. } => None,
    }
}

/// The certificates that carry the deployment's tag, and those of the wanted name.
async fn near(cx: &Context<'_>) -> Result<Vec<Certificate>, StepError> {
    let query = TagQuery {
        key: tags::DEPLOYMENT.to_owned(),
        value: cx.deployment.to_string(),
        resource_types: vec!["acm:certificate".to_owned()],
    };
    let tagged = cx.patience.read(STEP, || cx.cloud.tagging.get_resources(query.clone())).await?;
    let mut arns: Vec<String> = tagged.into_iter().map(|resource| resource.arn).collect();
    if let Some(domain) = cx.config.and_then(domain) {
        // The tagging API lags behind; the certificates of our own name are few.
        arns.extend(cx.patience.read(STEP, || cx.cloud.acm.list_certificates(domain.clone())).await?);
    }
    arns.sort();
    arns.dedup();
    let mut all = Vec::new();
    for arn in arns {
        all.extend(cx.patience.read(STEP, || cx.cloud.acm.describe_certificate(arn.clone())).await?);
    }
    Ok(all)
}

#[async_trait]
impl Step for CertificateStep {
    fn id(&self) -> StepId {
        STEP
    }

    fn kind(&self) -> &'static str {
        "AWS::CertificateManager::Certificate"
    }

    fn want(&self, _cx: &Context<'_>, config: &Config) -> Option<Want> {
        let domain = domain(config)?;
        Some(Want {
            fields: fields([("domain", json!(domain)), ("exportable", json!(true))]),
            name: domain,
            why: vec![
                "exportable public certificates are charged for when issued and when renewed".to_owned(),
            ],
            irreversible: None,
        })
    }

    async fn find(&self, cx: &Context<'_>) -> Result<Vec<Found>, StepError> {
        let all = near(cx).await?;
        Ok(all.iter().filter(|one| cx.owns(&one.tags, STEP)).map(found).collect())
    }

    async fn fetch(&self, cx: &Context<'_>, id: &str) -> Result<Option<Found>, StepError> {
        let certificate = cx.patience.read(STEP, || cx.cloud.acm.describe_certificate(id.to_owned())).await?;
        Ok(certificate.as_ref().map(found))
    }

    fn guide(&self, cx: &Context<'_>, want: &Want) -> Option<Guide> {
        Some(guide::certificate(cx, want))
    }

    async fn made_by_hand(&self, cx: &Context<'_>) -> Result<Vec<Handmade>, StepError> {
        let all = near(cx).await?;
        let strange = all.iter().filter(|one| !cx.owns(&one.tags, STEP));
        let handmade =
            strange.map(|one| Handmade { found: found(one), tagged: cx.is_handmade(&one.tags, STEP) });
        // A name may have many certificates; those without export are not what is looked for.
        Ok(handmade
            .filter(|one| one.tagged || one.found.fields.get("exportable") == Some(&json!(true)))
            .collect())
    }

    fn on_change(&self, _difference: &FieldDiff) -> OnChange {
        OnChange::Replace
    }

    fn ops(&self, _cx: &Context<'_>, want: &Want, have: Option<&Found>) -> Vec<Op> {
        match have {
            None => vec![Op::new(CREATE, format!("request an exportable ACM certificate for {}", want.name))],
            Some(_) => Vec::new(),
        }
    }

    fn repeats_safely(&self, _op: &str) -> bool {
        // The token holds for about an hour only; after that a second request is a second certificate.
        false
    }

    async fn perform(
        &self,
        cx: &Context<'_>,
        op: &Op,
        _have: Option<&Found>,
        key: &IntentKey,
    ) -> Result<Option<String>, StepError> {
        let Some(domain) = cx.config.and_then(domain).filter(|_| op.name == CREATE) else {
            return Err(unknown_op(STEP, op));
        };
        let certificate = NewCertificate {
            tags: cx.tags(STEP, key, &domain),
            domain,
            idempotency_token: key.short().to_owned(),
        };
        let arn =
            cx.patience.write(STEP, false, || cx.cloud.acm.request_certificate(certificate.clone())).await?;
        Ok(Some(arn))
    }

    async fn settle(&self, cx: &Context<'_>, found: Found) -> Result<Found, StepError> {
        let ready = |found: &Found| {
            found.outputs.contains_key("validation_name")
                || found.outputs.get("status").is_some_and(|status| status != "PENDING_VALIDATION")
        };
        if ready(&found) {
            return Ok(found);
        }
        let reason = "waiting for ACM to name the DNS record it wants to see";
        cx.patience
            .until(STEP, reason, cx.patience.limits.operation, || async {
                Ok(self.fetch(cx, &found.id).await?.filter(ready))
            })
            .await
    }

    fn remarks(&self, _cx: &Context<'_>, found: &Found) -> Vec<Finding> {
        let output = |name: &str| found.outputs.get(name).map_or("?", String::as_str);
        match output("status") {
            "ISSUED" => Vec::new(),
            "PENDING_VALIDATION" => vec![
                Finding::new(
                    "SRE-ACM-001",
                    Severity::Warning,
                    STEP.as_str(),
                    "the certificate waits for a DNS record that shows control of the name",
                )
                .evidence(found.id.clone())
                .hint(format!(
                    "create this record at your DNS provider:\n{} {} {}",
                    output("validation_name"),
                    output("validation_type"),
                    output("validation_value")
                )),
            ],
            status => vec![
                Finding::new(
                    "SRE-ACM-002",
                    Severity::Error,
                    STEP.as_str(),
                    format!("the certificate was not issued: ACM says {status}"),
                )
                .evidence(found.id.clone()),
            ],
        }
    }

    async fn undo_ops(&self, _cx: &Context<'_>, have: &Found) -> Result<Vec<Op>, StepError> {
        Ok(vec![Op::new("delete", format!("delete certificate {}", have.id))])
    }

    async fn undo(&self, cx: &Context<'_>, op: &Op, have: &Found) -> Result<(), CallError> {
        match op.name {
            "delete" => cx.cloud.acm.delete_certificate(have.id.clone()).await,
            _ => Err(unknown_undo(STEP, op)),
        }
    }

    fn by_hand(&self, cx: &Context<'_>, id: &str) -> ByHand {
        let name = id.rsplit_once('/').map_or(id, |(_, name)| name);
        ByHand {
            console: guide::page(cx.region, &format!("acm/home?region={}#/certificates/{name}", cx.region)),
            command: format!("aws acm delete-certificate --region {} --certificate-arn {id}", cx.region),
        }
    }
}
