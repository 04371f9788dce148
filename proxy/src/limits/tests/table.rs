//! Two tables to test against: one of a few lines in memory, and moto's over HTTP.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use serde_json::{Value, json};
use test_support::Moto;

use crate::{
    dynamo::{DynamoCalls, DynamoError},
    upstream,
};

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
    async fn call(&self, operation: &str, body: Value) -> Result<Value, DynamoError> {
        if *self.down.lock().unwrap() {
            return Err(DynamoError::Transient("connection refused".to_owned()));
        }
        self.calls.lock().unwrap().push(operation.to_owned());
        // Lets others in between, as the network would.
        tokio::task::yield_now().await;
        let mut items = self.items.lock().unwrap();
        if operation == "GetItem" {
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
            return Err(DynamoError::ConditionFailed { item: current.cloned() });
        }
        items.insert(caller.to_owned(), body["Item"].clone());
        Ok(json!({}))
    }
}

/// A new table of an emulated account.
pub(super) async fn of_moto(moto: &Moto) -> Arc<impl DynamoCalls + 'static> {
    let calls = upstream::table::at(&moto.endpoint()).await;
    let table = json!({
        "TableName": TABLE,
        "KeySchema": [{"AttributeName": "caller", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "caller", "AttributeType": "S"}],
        "BillingMode": "PAY_PER_REQUEST",
    });
    calls.call("CreateTable", table).await.unwrap();
    calls
}
