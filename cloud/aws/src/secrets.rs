//! AWS Secrets Manager: the value of one secret.

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_secretsmanager::Client;
use cloud::CallError;
use cloud::port::secrets::Secrets;
use model::Secret;

use crate::error::{absent, failed, found};

const SERVICE: &str = "secretsmanager";

/// The port over `aws-sdk-secretsmanager`.
pub(crate) struct AwsSecrets(Client);

impl AwsSecrets {
    pub(crate) fn new(config: &SdkConfig) -> Self {
        Self(Client::new(config))
    }
}

#[async_trait]
impl Secrets for AwsSecrets {
    async fn get_secret_value(&self, arn: String) -> Result<Option<Secret<String>>, CallError> {
        const OPERATION: &str = "GetSecretValue";
        let answer = self.0.get_secret_value().secret_id(arn).send().await;
        let Some(answer) = found(answer.map_err(failed(SERVICE, OPERATION)))? else { return Ok(None) };
        let text = answer.secret_string.ok_or_else(|| absent(SERVICE, OPERATION, "SecretString"))?;
        Ok(Some(Secret::new(text)))
    }
}
