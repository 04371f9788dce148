//! AWS Security Token Service: who we are.

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_sts::Client;
use cloud::port::sts::{Identity, Sts};
use cloud::{CallError, ErrorKind};
use model::ids::AccountId;

use crate::error::{absent, failed};

const SERVICE: &str = "sts";

/// The port over `aws-sdk-sts`.
pub(crate) struct AwsSts(Client);

impl AwsSts {
    pub(crate) fn new(config: &SdkConfig) -> Self {
        Self(Client::new(config))
    }
}

#[async_trait]
impl Sts for AwsSts {
    async fn get_caller_identity(&self, (): ()) -> Result<Identity, CallError> {
        const OPERATION: &str = "GetCallerIdentity";
        let answer = self.0.get_caller_identity().send().await.map_err(failed(SERVICE, OPERATION))?;
        let account = answer.account().ok_or_else(|| absent(SERVICE, OPERATION, "Account"))?;
        let account = AccountId::parse(account).map_err(|invalid| {
            CallError::new(SERVICE, OPERATION, ErrorKind::Other, format!("`Account` {invalid}"))
        })?;
        let arn = answer.arn().ok_or_else(|| absent(SERVICE, OPERATION, "Arn"))?.to_owned();
        Ok(Identity { account, arn })
    }
}
