//! Signed calls of a DynamoDB table.

use async_trait::async_trait;
use serde_json::Value;

use super::aws_json::{AwsCallError, AwsJson, AwsService};
use crate::{
    chain::chain,
    config::Table,
    dynamo::{DynamoCalls, DynamoError},
};

/// Calls DynamoDB where the configuration says that a table is.
pub(crate) struct SignedDynamo {
    aws: AwsJson,
    table: Table,
}

impl SignedDynamo {
    pub(super) fn new(aws: AwsJson, table: Table) -> Self {
        Self { aws, table }
    }
}

#[async_trait]
impl DynamoCalls for SignedDynamo {
    async fn call(&self, operation: &str, body: Value) -> Result<Value, DynamoError> {
        let Table { region, endpoint_url, .. } = &self.table;
        let called = self.aws.call(AwsService::DynamoDb, operation, region, endpoint_url.as_ref(), &body);
        Ok(called.await?)
    }
}

impl From<AwsCallError> for DynamoError {
    fn from(error: AwsCallError) -> Self {
        match error {
            AwsCallError::Refused { kind, mut body, .. } if kind == "ConditionalCheckFailedException" => {
                Self::ConditionFailed { item: body.get_mut("Item").map(Value::take) }
            }
            error if error.is_transient() => Self::Transient(chain(&error)),
            error => Self::Permanent(chain(&error)),
        }
    }
}

#[cfg(test)]
pub(crate) mod testing {
    //! Tables of an emulated account.

    use std::{sync::Arc, time::Duration};

    use model::Region;
    use serde_json::json;

    use super::*;
    use crate::{
        clock::SystemClock,
        upstream::{Environment, HttpClient, credentials::Credentials},
    };

    /// A machine under load takes its time to begin with the emulated service, longer than one call may take.
    const TRIES: u32 = 12;

    /// Calls the account at this URL as the program calls AWS, with keys that mean nothing.
    pub(crate) async fn at(endpoint: &str) -> Arc<SignedDynamo> {
        let region = Region::parse("us-east-1").unwrap();
        let clock = Arc::new(SystemClock);
        let credentials = Arc::new(Credentials::of_nobody(region.clone(), clock.clone()));
        let http = HttpClient::new(Duration::from_secs(3)).unwrap();
        let aws = AwsJson::new(http, credentials, clock, Arc::new(Environment::default()));
        let table = Table { name: String::new(), region, endpoint_url: Some(endpoint.parse().unwrap()) };
        let calls = SignedDynamo::new(aws, table);
        for _ in 0..TRIES {
            match calls.call("ListTables", json!({})).await {
                Err(error) if error.is_transient() => {}
                answered => {
                    answered.unwrap();
                    return Arc::new(calls);
                }
            }
        }
        panic!("the emulated account does not answer");
    }
}
