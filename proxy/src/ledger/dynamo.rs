//! The ledger of several hosts: a DynamoDB table with the keys `pk` and `sk`, both strings.
//!
//! `pk` is `user#CALLER`, `sk` is `ts#TIME#REQUEST#NUMBER`. An item that is written again after a lost answer has the
//! same key and replaces itself, so retries count nothing twice.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{
    Outcome, Priced, ReadError,
    report::{By, Item, Range, Row, Sums},
    writer::{Store, Unstored},
};
use crate::{
    Usage,
    dynamo::{DynamoCalls, DynamoError},
};

/// What `BatchWriteItem` takes at most.
const CHUNK: usize = 25;
/// Calls for one chunk or page before it is given up.
const ATTEMPTS: u32 = 6;
/// Before the second call; doubled for each further one.
const FIRST_WAIT: Duration = Duration::from_millis(50);

/// The table, open for writing.
pub(super) struct DynamoStore {
    calls: Arc<dyn DynamoCalls>,
    table: String,
    /// Tells apart what one caller does in the same nanosecond under the same request id, which clients may choose.
    number: u64,
}

impl DynamoStore {
    /// Nothing is asked of the table before the first entry.
    pub(super) fn new(calls: Arc<dyn DynamoCalls>, table: String) -> Self {
        Self { calls, table, number: 0 }
    }

    /// Writes the items, and what DynamoDB leaves of them again; gives back what it left in the end.
    async fn write(&self, mut requests: Vec<Value>) -> Result<(), (Vec<Value>, String)> {
        let mut wait = FIRST_WAIT;
        let mut why = String::new();
        for attempt in 1..=ATTEMPTS {
            let body = json!({"RequestItems": {self.table.as_str(): requests}});
            match self.calls.call("BatchWriteItem", body).await {
                Ok(mut answer) => {
                    requests = match answer.pointer_mut("/UnprocessedItems").map(Value::take) {
                        Some(Value::Object(mut tables)) => match tables.remove(&self.table) {
                            Some(Value::Array(left)) => left,
                            _ => Vec::new(),
                        },
                        _ => Vec::new(),
                    };
                    "the table left items unprocessed".clone_into(&mut why);
                }
                Err(error) => {
                    why = error.to_string();
                    if !error.is_transient() {
                        return Err((requests, why));
                    }
                }
            }
            if requests.is_empty() {
                return Ok(());
            }
            if attempt < ATTEMPTS {
                pause(&mut wait).await;
            }
        }
        Err((requests, why))
    }
}

impl Store for DynamoStore {
    async fn append<'a>(&mut self, batch: &'a [Priced]) -> Result<(), Unstored<'a>> {
        let mut chunks = batch.chunks(CHUNK);
        while let Some(chunk) = chunks.next() {
            let mut keys = Vec::with_capacity(chunk.len());
            let mut requests = Vec::with_capacity(chunk.len());
            for priced in chunk {
                self.number = self.number.wrapping_add(1);
                let key = sort_key(priced, self.number);
                requests.push(json!({"PutRequest": {"Item": item(&key, priced)}}));
                keys.push(key);
            }
            if let Err((left, why)) = self.write(requests).await {
                let left: Vec<&str> = left
                    .iter()
                    .filter_map(|request| request.pointer("/PutRequest/Item/sk/S")?.as_str())
                    .collect();
                let refused = keys.iter().zip(chunk).filter(|(key, _)| left.contains(&key.as_str()));
                // What refuses this much refuses the rest too; nobody has to wait for that.
                let entries = refused.map(|(_, priced)| priced).chain(chunks.flatten()).collect();
                return Err(Unstored { entries, why });
            }
        }
        Ok(())
    }
}

/// Waits, with chance in it so that several hosts do not come back together.
async fn pause(wait: &mut Duration) {
    tokio::time::sleep(wait.mul_f64(fastrand::f64() / 2.0 + 0.5)).await;
    *wait = wait.saturating_mul(2);
}

/// Sorts by time: nine decimals always.
fn sort_key(priced: &Priced, number: u64) -> String {
    format!("ts#{:.9}#{}#{number}", priced.entry.at, priced.entry.request_id)
}

fn item(key: &str, Priced { entry, nano_usd }: &Priced) -> Value {
    let mut item = Map::new();
    let mut text = |name: &str, value: &str| item.insert(name.to_owned(), json!({"S": value}));
    text("pk", &format!("user#{}", entry.caller));
    text("sk", key);
    text("request_id", &entry.request_id);
    text("caller", &entry.caller);
    text("model", &entry.model);
    text("upstream_model", &entry.upstream_model);
    text("upstream", &entry.upstream);
    text("outcome", entry.outcome.as_str());
    if let Some(client_id) = &entry.client_id {
        text("client_id", client_id);
    }
    let mut number = |name: &str, value: String| item.insert(name.to_owned(), json!({"N": value}));
    number("at_us", entry.at.as_microsecond().to_string());
    number("input_tokens", entry.usage.input_tokens.to_string());
    number("output_tokens", entry.usage.output_tokens.to_string());
    number("cache_read_tokens", entry.usage.cache_read_tokens.to_string());
    number("cache_write_tokens", entry.usage.cache_write_tokens.to_string());
    number("duration_ms", entry.duration_ms.to_string());
    if let Some(nano_usd) = nano_usd {
        number("price_nano_usd", nano_usd.to_string());
    }
    item.insert("estimated".to_owned(), json!({"BOOL": entry.estimated}));
    Value::Object(item)
}

/// Adds up the entries of a table, page by page.
pub async fn query(
    calls: &dyn DynamoCalls,
    table: &str,
    by: By,
    range: Range,
) -> Result<Vec<Row>, ReadError> {
    let mut sums = Sums::new(by);
    let mut start = None;
    loop {
        let mut body = json!({
            "TableName": table,
            "FilterExpression": "at_us >= :from AND at_us < :to",
            "ExpressionAttributeValues": {
                ":from": {"N": range.from.as_microsecond().to_string()},
                ":to": {"N": range.to.as_microsecond().to_string()},
            },
        });
        if let (Some(start), Some(body)) = (start.take(), body.as_object_mut()) {
            body.insert("ExclusiveStartKey".to_owned(), start);
        }
        let mut page =
            scan(calls, body).await.map_err(|source| ReadError::Table { table: table.to_owned(), source })?;
        let items = page.get("Items").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        for item in items {
            add(&mut sums, item);
        }
        match page.pointer_mut("/LastEvaluatedKey").map(Value::take) {
            Some(key @ Value::Object(_)) => start = Some(key),
            _ => return Ok(sums.rows()),
        }
    }
}

async fn scan(calls: &dyn DynamoCalls, body: Value) -> Result<Value, DynamoError> {
    let mut wait = FIRST_WAIT;
    for _ in 1..ATTEMPTS {
        match calls.call("Scan", body.clone()).await {
            Err(error) if error.is_transient() => pause(&mut wait).await,
            decided => return decided,
        }
    }
    calls.call("Scan", body).await
}

fn add(sums: &mut Sums, item: &Value) {
    let text = |name: &str| item.get(name).and_then(|value| value.get("S")?.as_str()).unwrap_or_default();
    let number = |name: &str| item.get(name).and_then(|value| value.get("N")?.as_str());
    let tokens = |name: &str| number(name).and_then(|digits| digits.parse().ok()).unwrap_or(0);
    let at = number("at_us").and_then(|digits| digits.parse().ok());
    sums.add(&Item {
        at: at.and_then(|at| Timestamp::from_microsecond(at).ok()).unwrap_or_default(),
        caller: text("caller"),
        model: text("model"),
        usage: Usage {
            input_tokens: tokens("input_tokens"),
            output_tokens: tokens("output_tokens"),
            cache_read_tokens: tokens("cache_read_tokens"),
            cache_write_tokens: tokens("cache_write_tokens"),
        },
        estimated: item.pointer("/estimated/BOOL").and_then(Value::as_bool).unwrap_or_default(),
        outcome: Outcome::from_text(text("outcome")),
        nano_usd: number("price_nano_usd").and_then(|digits| digits.parse().ok()),
    });
}

#[cfg(test)]
mod tests;
