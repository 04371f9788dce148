//! Service Quotas: limits of the account.

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_servicequotas::Client;
use aws_sdk_servicequotas::types::ServiceQuota;
use cloud::CallError;
use cloud::port::quotas::{QuotaQuery, Quotas};

use crate::error::{failed, found};

const SERVICE: &str = "servicequotas";

/// The port over `aws-sdk-servicequotas`.
pub(crate) struct AwsQuotas(Client);

impl AwsQuotas {
    pub(crate) fn new(config: &SdkConfig) -> Self {
        Self(Client::new(config))
    }
}

#[async_trait]
impl Quotas for AwsQuotas {
    async fn get_service_quota(&self, query: QuotaQuery) -> Result<Option<f64>, CallError> {
        let applied = self
            .0
            .get_service_quota()
            .service_code(&query.service_code)
            .quota_code(&query.quota_code)
            .send()
            .await
            .map_err(failed(SERVICE, "GetServiceQuota"));
        if let Some(answer) = found(applied)? {
            return Ok(answer.quota().and_then(ServiceQuota::value));
        }
        // An account that never asked for more has no value of its own; AWS's default applies.
        let default = self
            .0
            .get_aws_default_service_quota()
            .service_code(query.service_code)
            .quota_code(query.quota_code)
            .send()
            .await
            .map_err(failed(SERVICE, "GetAWSDefaultServiceQuota"));
        Ok(found(default)?.and_then(|answer| answer.quota().and_then(ServiceQuota::value)))
    }
}
