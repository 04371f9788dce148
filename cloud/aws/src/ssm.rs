//! AWS Systems Manager: public parameters.

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_ssm::Client;
use cloud::CallError;
use cloud::port::ssm::Ssm;

use crate::error::{absent, failed, found};

const SERVICE: &str = "ssm";

/// The port over `aws-sdk-ssm`.
pub(crate) struct AwsSsm(Client);

impl AwsSsm {
    pub(crate) fn new(config: &SdkConfig) -> Self {
        Self(Client::new(config))
    }
}

#[async_trait]
impl Ssm for AwsSsm {
    async fn get_parameter(&self, name: String) -> Result<Option<String>, CallError> {
        const OPERATION: &str = "GetParameter";
        let answer = self.0.get_parameter().name(name).send().await.map_err(failed(SERVICE, OPERATION));
        let Some(answer) = found(answer)? else { return Ok(None) };
        let value = answer.parameter().and_then(|parameter| parameter.value());
        Ok(Some(value.ok_or_else(|| absent(SERVICE, OPERATION, "Parameter.Value"))?.to_owned()))
    }
}
