//! ACM behind the renewal's own words.

use cloud::port::acm::CertificateExport;
use cloud::{CallError, Cloud};
use model::Secret;
use provision::advice;
use renewal::run::{Answer, Exported, Exporter, Unexported};

/// What ACM says of a certificate that it has not issued yet.
const IN_PROGRESS: &str = "RequestInProgressException";

/// ACM of an account.
pub(super) struct Acm<'c>(pub(super) &'c Cloud);

impl Acm<'_> {
    /// Why a certificate that is not issued is not.
    async fn waiting(&self, arn: &str) -> Unexported {
        match self.0.acm.describe_in_full(arn.to_owned()).await {
            Err(error) => failed(arn, &error),
            Ok(None) => Unexported::NotIssued { status: "not there".to_owned(), record: None },
            Ok(Some(detail)) => Unexported::NotIssued {
                status: detail.status,
                record: detail
                    .validation
                    .map(|record| format!("{} {} {}", record.name, record.record_type, record.value)),
            },
        }
    }
}

fn failed(arn: &str, error: &CallError) -> Unexported {
    Unexported::Failed(Box::new(advice::of_call(arn, error)))
}

impl Exporter for Acm<'_> {
    fn issued<'a>(&'a self, arn: &'a str) -> Answer<'a, String> {
        Box::pin(async move {
            match self.0.acm.get_certificate(arn.to_owned()).await {
                Ok(Some(issued)) => Ok(issued.certificate),
                Ok(None) => Err(self.waiting(arn).await),
                Err(error) => Err(failed(arn, &error)),
            }
        })
    }

    fn export<'a>(&'a self, arn: &'a str, passphrase: &'a Secret<String>) -> Answer<'a, Exported> {
        Box::pin(async move {
            let export = CertificateExport { arn: arn.to_owned(), passphrase: passphrase.clone() };
            match self.0.acm.export_certificate(export).await {
                Ok(exported) => {
                    let (leaf, above) = (exported.certificate.trim_end(), exported.chain.trim_end());
                    Ok(Exported { chain: format!("{leaf}\n{above}\n"), key: exported.key })
                }
                Err(error) if error.code.as_deref() == Some(IN_PROGRESS) => Err(self.waiting(arn).await),
                Err(error) => Err(failed(arn, &error)),
            }
        })
    }
}
