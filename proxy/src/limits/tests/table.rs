//! Two tables to test against: one of a few lines in memory, and moto's over HTTP.

use std::{collections::BTreeMap, sync::Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::{Value, json};

use crate::limits::dynamo::{DynamoCalls, DynamoError};

pub(super) const TABLE: &str = "limits";

/// The part of DynamoDB that is used.
#[derive(Default)]
pub(super) struct Fake {
    items: Mutex<BTreeMap<String, Value>>,
    calls: Mutex<Vec<String>>,
    down: Mutex<bool>,
}

impl Fake {
    pub(super) fn set_down(&self, down: bool) {
        *self.down.lock().unwrap() = down;
    }

    pub(super) fn expire(&self) {
        self.items.lock().unwrap().clear();
    }

    pub(super) fn item(&self, caller: &str) -> Value {
        self.items.lock().unwrap()[caller].clone()
    }

    /// The operations since the last time.
    pub(super) fn calls(&self) -> Vec<String> {
        std::mem::take(&mut self.calls.lock().unwrap())
    }
}

#[async_trait]
impl DynamoCalls for Fake {
    async fn call(&self, target: &str, body: Value) -> Result<Value, DynamoError> {
        if *self.down.lock().unwrap() {
            return Err(DynamoError::Unreachable("connection refused".to_owned()));
        }
        self.calls.lock().unwrap().push(target.strip_prefix("DynamoDB_20120810.").unwrap().to_owned());
        // Lets others in between, as the network would.
        tokio::task::yield_now().await;
        let mut items = self.items.lock().unwrap();
        if target.ends_with(".GetItem") {
            let item = items.get(body["Key"]["caller"]["S"].as_str().unwrap());
            return Ok(item.map_or_else(|| json!({}), |item| json!({"Item": item})));
        }
        let caller = body["Item"]["caller"]["S"].as_str().unwrap();
        let current = items.get(caller);
        let holds = match body["ConditionExpression"].as_str().unwrap() {
            "attribute_not_exists(#caller)" => current.is_none(),
            "#version = :version" => {
                current.is_some_and(|item| item["version"] == body["ExpressionAttributeValues"][":version"])
            }
            other => panic!("{other}"),
        };
        if !holds {
            let item = current.cloned();
            return Err(DynamoError::Refused {
                name: "ConditionalCheckFailedException".to_owned(),
                message: "The conditional request failed".to_owned(),
                body: item.map_or_else(|| json!({}), |item| json!({"Item": item})),
            });
        }
        items.insert(caller.to_owned(), body["Item"].clone());
        Ok(json!({}))
    }
}

/// A table of an emulated account, which checks no signatures.
pub(super) struct Http {
    endpoint: String,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Http {
    /// With a new table.
    pub(super) async fn new(endpoint: String) -> Self {
        let http = Self { endpoint, client: Client::builder(TokioExecutor::new()).build_http() };
        let table = json!({
            "TableName": TABLE,
            "KeySchema": [{"AttributeName": "caller", "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": "caller", "AttributeType": "S"}],
            "BillingMode": "PAY_PER_REQUEST",
        });
        http.call("DynamoDB_20120810.CreateTable", table).await.unwrap();
        http
    }
}

#[async_trait]
impl DynamoCalls for Http {
    async fn call(&self, target: &str, body: Value) -> Result<Value, DynamoError> {
        let request = Request::post(&self.endpoint)
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-target", target)
            .header(
                "authorization",
                "AWS4-HMAC-SHA256 Credential=test/20261121/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0",
            )
            .body(Full::from(body.to_string()))
            .unwrap();
        let unreachable = |error: String| DynamoError::Unreachable(error);
        let answer = self.client.request(request).await.map_err(|error| unreachable(error.to_string()))?;
        let good = answer.status().is_success();
        let body = answer.into_body().collect().await.map_err(|error| unreachable(error.to_string()))?;
        let body: Value =
            serde_json::from_slice(&body.to_bytes()).map_err(|error| unreachable(error.to_string()))?;
        if good {
            return Ok(body);
        }
        let name = body["__type"].as_str().unwrap_or_default();
        let name = name.rsplit('#').next().unwrap_or_default().to_owned();
        Err(DynamoError::Refused { name, message: body["message"].to_string(), body })
    }
}
