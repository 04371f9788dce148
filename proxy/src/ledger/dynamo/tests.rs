//! The table: against an emulated account over HTTP, and against answers that AWS gives on bad days.

use std::sync::Mutex;

use async_trait::async_trait;
use test_support::Moto;

use super::*;
use crate::{
    config,
    ledger::{
        Books, Ledger as _,
        report::total,
        writer::tests::{entry, everything},
    },
    upstream,
};

const TABLE: &str = "usage";

async fn table() -> (Moto, Arc<dyn DynamoCalls>) {
    let moto = Moto::start();
    let calls = upstream::table::at(&moto.endpoint()).await;
    let schema = json!({
        "TableName": TABLE,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
        ],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    });
    calls.call("CreateTable", schema).await.unwrap();
    (moto, calls)
}

fn open(calls: Arc<dyn DynamoCalls>) -> Books {
    let table = config::Table {
        name: TABLE.to_owned(),
        region: model::Region::parse("us-east-1").unwrap(),
        endpoint_url: None,
    };
    let config = config::Ledger { store: config::LedgerStore::DynamoDb(table), prices_path: None };
    Books::open(&config, |_| calls, Arc::default()).unwrap()
}

#[tokio::test]
async fn a_table_holds_what_was_recorded() {
    let (_moto, calls) = table().await;
    let books = open(Arc::clone(&calls));
    // More than a chunk, and one caller at the same time under the same request id.
    for number in 0..60 {
        books.record(entry(number));
    }
    books.record(entry(0));
    assert!(books.close(Duration::from_mins(1)).await);
    assert_eq!((books.counts().stored(), books.counts().unstored()), (61, 0));
    for by in [By::User, By::Model, By::Day] {
        let rows = query(calls.as_ref(), TABLE, by, everything()).await.unwrap();
        let sum = total(&rows);
        assert_eq!((sum.requests, sum.usage.input_tokens, sum.not_priced), (61, 1770, 0), "{by:?}");
        assert_eq!(sum.nano_usd, 1770 * 35 + 61 * 140);
    }
    let range = Range { from: entry(10).at, to: entry(20).at };
    let rows = query(calls.as_ref(), TABLE, By::User, range).await.unwrap();
    assert_eq!(total(&rows).requests, 10);
    assert_eq!(
        rows.iter().map(|row| row.key.as_str()).collect::<Vec<_>>(),
        ["caller-0", "caller-1", "caller-2"]
    );
}

#[tokio::test]
async fn a_table_that_does_not_exist_refuses_each_entry_once() {
    let (_moto, calls) = table().await;
    let mut store = DynamoStore::new(calls.clone(), "missing".to_owned());
    let batch: Vec<Priced> = (0..30).map(priced).collect();
    let unstored = store.append(&batch).await.unwrap_err();
    assert_eq!(unstored.entries, batch.iter().collect::<Vec<_>>());
    assert!(unstored.why.contains("ResourceNotFoundException"), "{}", unstored.why);
    let error = query(calls.as_ref(), "missing", By::Day, everything()).await.unwrap_err();
    assert_eq!(
        (error.code(), error.to_string().as_str()),
        ("SRE-PROXY-044", "the table `missing` cannot be read")
    );
}

fn priced(number: u64) -> Priced {
    Priced { entry: entry(number), nano_usd: Some(number) }
}

/// Answers from a list, the last one for ever; remembers what it was sent.
struct Scripted {
    answers: Mutex<Vec<Answer>>,
    calls: Mutex<Vec<Value>>,
}

#[derive(Clone)]
enum Answer {
    Take,
    /// Leaves the first items unprocessed.
    Leave(usize),
    /// For now.
    Fail,
    Give(Value),
}

impl Scripted {
    fn new(answers: &[Answer]) -> Arc<Self> {
        Arc::new(Self { answers: Mutex::new(answers.to_vec()), calls: Mutex::default() })
    }

    fn sent(&self) -> Vec<Vec<String>> {
        let keys = |call: &Value| {
            let items = call["RequestItems"][TABLE].as_array().unwrap().clone();
            items
                .iter()
                .map(|item| item["PutRequest"]["Item"]["sk"]["S"].as_str().unwrap().to_owned())
                .collect()
        };
        self.calls.lock().unwrap().iter().map(keys).collect()
    }
}

#[async_trait]
impl DynamoCalls for Scripted {
    async fn call(&self, _: &str, body: Value) -> Result<Value, DynamoError> {
        let answer = {
            let mut answers = self.answers.lock().unwrap();
            if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() }
        };
        self.calls.lock().unwrap().push(body.clone());
        match answer {
            Answer::Take => Ok(json!({"UnprocessedItems": {}})),
            Answer::Leave(count) => {
                let items = body["RequestItems"][TABLE].as_array().unwrap();
                Ok(json!({"UnprocessedItems": {TABLE: items[..count.min(items.len())]}}))
            }
            Answer::Fail => Err(DynamoError::Transient("ThrottlingException: slow down".to_owned())),
            Answer::Give(value) => Ok(value),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_left_unprocessed_is_sent_again_and_nothing_else_is() {
    let calls = Scripted::new(&[Answer::Leave(3), Answer::Fail, Answer::Leave(1), Answer::Take]);
    let mut store = DynamoStore::new(calls.clone(), TABLE.to_owned());
    store.append(&(0..5).map(priced).collect::<Vec<_>>()).await.unwrap();
    let sent = calls.sent();
    assert_eq!(sent.iter().map(Vec::len).collect::<Vec<_>>(), [5, 3, 3, 1]);
    assert_eq!((&sent[1], &sent[3][..]), (&sent[0][..3].to_vec(), &sent[0][..1]));
}

#[tokio::test(start_paused = true)]
async fn what_is_given_up_is_given_back() {
    for answer in [Answer::Fail, Answer::Leave(25)] {
        let calls = Scripted::new(&[answer]);
        let mut store = DynamoStore::new(calls.clone(), TABLE.to_owned());
        let batch: Vec<Priced> = (0..60).map(priced).collect();
        let unstored = store.append(&batch).await.unwrap_err();
        assert_eq!(unstored.entries, batch.iter().collect::<Vec<_>>());
        assert_eq!(calls.sent().len(), 6, "the rest is not tried one chunk after the other");
    }
    let calls = Scripted::new(&[Answer::Take, Answer::Leave(2)]);
    let mut store = DynamoStore::new(calls, TABLE.to_owned());
    let batch: Vec<Priced> = (0..30).map(priced).collect();
    let unstored = store.append(&batch).await.unwrap_err();
    assert_eq!(unstored.entries, [&priced(25), &priced(26)]);
}

#[tokio::test(start_paused = true)]
async fn a_report_reads_every_page_and_comes_back_after_throttling() {
    let page = |number: u64, last: bool| {
        let mut page = json!({"Items": [item("ts#1", &priced(number))]});
        if !last {
            page["LastEvaluatedKey"] = json!({"pk": {"S": "a"}, "sk": {"S": number.to_string()}});
        }
        Answer::Give(page)
    };
    let calls = Scripted::new(&[page(1, false), Answer::Fail, page(2, false), page(3, true)]);
    let sum = total(&query(calls.as_ref(), TABLE, By::User, everything()).await.unwrap());
    assert_eq!((sum.requests, sum.usage.input_tokens, sum.nano_usd), (3, 6, 6));
    let sent = calls.calls.lock().unwrap();
    assert_eq!(sent[1]["ExclusiveStartKey"]["sk"]["S"], "1");
    assert_eq!(sent[1], sent[2]);
    assert_eq!(sent[3]["ExclusiveStartKey"]["sk"]["S"], "2");
}

#[test]
fn keys_sort_by_time() {
    let at = |text: &str| {
        let mut priced = priced(1);
        priced.entry.at = text.parse().unwrap();
        sort_key(&priced, 1)
    };
    let keys =
        [at("2026-11-21T00:00:00Z"), at("2026-11-21T00:00:00.000000001Z"), at("2026-11-21T00:00:00.5Z")];
    assert!(keys.is_sorted(), "{keys:?}");
    assert_eq!(keys[0], "ts#2026-11-21T00:00:00.000000000Z#req-1#1");
}
