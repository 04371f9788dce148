//! Accounts in a DynamoDB table, for several hosts.
//!
//! One item a caller holds the whole account, a few hundred bytes; every change is one `PutItem` on the condition that
//! nobody else has written since, and a failed condition brings back what others wrote. A condition of DynamoDB cannot
//! add up the pieces of a sliding window, so counting inside the table would have to give up a law; this way the same
//! pure account decides as in memory. A change takes one call as long as a caller's requests come to one host, two
//! after they came to another.
//!
//! The table has the partition key `caller` (text) and expires items by `expires_at`. A request counts as in flight for
//! 15 minutes at most, so that a host that dies does not hold it for ever.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use futures::stream::{self, StreamExt as _};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::{
    sync::{Mutex as AsyncMutex, mpsc, watch},
    task::JoinSet,
    time::sleep,
};

use super::{
    Admission, Limiter, Refused, Reservation, Standing,
    account::{Account, Over, Taken},
    millis, refusal, timestamp,
};
use crate::{
    ApiError,
    config::Quota,
    dynamo::{DynamoCalls, DynamoError},
};

/// A request of a host that died counts as in flight for so long; so does a longer one of a host that lives.
const LEASE: Duration = Duration::from_mins(15);

/// A refusal may rest on what was read so long ago. A flood of requests over the limit costs one read a second.
const FRESH_MS: u64 = 1_000;

/// Others write the same account between our reading and our writing; so often in a row is no coincidence.
const ATTEMPTS: u32 = 10;

/// Accounts whose last state is kept, so that a change needs no reading.
const MAX_KNOWN: usize = 10_000;

/// Settlements that wait for the table.
const MAX_QUEUED: usize = 4_096;

/// Settlements written at the same time.
const WRITERS: usize = 16;

/// Pauses before a settlement is tried again.
const PATIENCE: [Duration; 3] = [Duration::from_millis(200), Duration::from_secs(1), Duration::from_secs(5)];

/// Counts in a table.
pub struct DynamoLimiter {
    store: Arc<Store>,
    queue: mpsc::Sender<Settlement>,
    /// Settlements that wait or are being written.
    pending: watch::Sender<usize>,
    /// Writes settlements until this value ends.
    _worker: JoinSet<()>,
}

struct Settlement {
    reservation: Reservation,
    used: u64,
    now: Timestamp,
}

/// The table and what is known of it.
struct Store {
    calls: Arc<dyn DynamoCalls>,
    table: String,
    known: Mutex<HashMap<String, Arc<AsyncMutex<Known>>>>,
}

/// An item as it was read or written last.
#[derive(Debug, Clone, Default)]
struct Known {
    /// 0 where there is no item.
    version: u64,
    account: Account,
    /// Absent where it was never read.
    read_at_ms: Option<u64>,
}

impl Known {
    fn is_fresh(&self, now_ms: u64) -> bool {
        self.read_at_ms.is_some_and(|read_at_ms| now_ms.abs_diff(read_at_ms) < FRESH_MS)
    }
}

/// Why a change was not made.
enum Unchanged {
    Over(Over),
    Failed(String),
}

impl DynamoLimiter {
    /// Starts the task that writes settlements; so it has to be called within a runtime.
    pub fn new(calls: Arc<dyn DynamoCalls>, table: &str) -> Self {
        let store = Arc::new(Store { calls, table: table.to_owned(), known: Mutex::default() });
        let (queue, settlements) = mpsc::channel(MAX_QUEUED);
        let (pending, _) = watch::channel(0_usize);
        let mut worker = JoinSet::new();
        worker.spawn(write_settlements(Arc::clone(&store), settlements, pending.clone()));
        Self { store, queue, pending, _worker: worker }
    }
}

async fn write_settlements(
    store: Arc<Store>,
    mut settlements: mpsc::Receiver<Settlement>,
    pending: watch::Sender<usize>,
) {
    let (store, pending) = (&store, &pending);
    stream::poll_fn(move |context| settlements.poll_recv(context))
        .for_each_concurrent(WRITERS, |settlement| async move {
            store.settle_at_last(&settlement).await;
            pending.send_modify(|count| *count = count.saturating_sub(1));
        })
        .await;
}

#[async_trait]
impl Limiter for DynamoLimiter {
    async fn admit(
        &self,
        caller: &str,
        quota: Quota,
        tokens: u64,
        now: Timestamp,
    ) -> Result<Admission, Refused> {
        let now_ms = millis(now);
        let change = |account: &mut Account| {
            let taken = account.admit(quota, tokens, now_ms, LEASE)?;
            Ok((taken, account.standing(quota, now_ms)))
        };
        match self.store.change(caller, now_ms, change).await {
            Ok((taken, standing)) => {
                let at = timestamp(taken.at_ms);
                let reservation = Reservation { caller: caller.to_owned(), quota, tokens: taken.tokens, at };
                Ok(Admission { reservation, standing })
            }
            Err(Unchanged::Over(over)) => Err(refusal::over(over, quota)),
            Err(Unchanged::Failed(why)) => Err(refusal::unavailable(self.store.complaint(&why))),
        }
    }

    /// One try; what it does not write is written in the background, and the standing is what is known.
    async fn settle(&self, reservation: Reservation, used: u64, now: Timestamp) -> Standing {
        let settlement = Settlement { reservation, used, now };
        if let Ok(standing) = self.store.settle(&settlement).await {
            return standing;
        }
        let standing = self.store.standing(&settlement.reservation, now).await;
        self.settle_detached(settlement.reservation, used, now);
        standing
    }

    fn settle_detached(&self, reservation: Reservation, used: u64, now: Timestamp) {
        self.pending.send_modify(|count| *count = count.saturating_add(1));
        if let Err(refused) = self.queue.try_send(Settlement { reservation, used, now }) {
            self.pending.send_modify(|count| *count = count.saturating_sub(1));
            let Settlement { reservation, used, .. } = refused.into_inner();
            lost(&reservation, used, "too many settlements are waiting for the table");
        }
    }

    async fn ready(&self) -> Result<(), ApiError> {
        // Nobody is called that; what counts is that the table answers.
        match self.store.read("ready", 0).await {
            Ok(_) => Ok(()),
            Err(why) => Err(refusal::out_of_reach(self.store.complaint(&why))),
        }
    }

    async fn close(&self) {
        // An error would mean that the sender is gone, and it is ours.
        let _ = self.pending.subscribe().wait_for(|count| *count == 0).await;
    }
}

/// The reservation stands as it was, until it slides out of the window.
fn lost(reservation: &Reservation, used: u64, why: &str) {
    let Reservation { caller, tokens, .. } = reservation;
    tracing::warn!(
        code = "SRE-PROXY-065",
        caller,
        reserved = tokens,
        used,
        why,
        "a settlement was not stored"
    );
}

impl Store {
    fn complaint(&self, why: &str) -> String {
        format!("SRE-PROXY-064: the limits in table `{}` cannot be kept: {why}", self.table)
    }

    async fn settle(&self, settlement: &Settlement) -> Result<Standing, String> {
        let Settlement { reservation, used, now } = settlement;
        let now_ms = millis(*now);
        let taken = Taken { tokens: reservation.tokens, at_ms: millis(reservation.at) };
        let change = |account: &mut Account| {
            account.settle(taken, *used, now_ms);
            Ok(account.standing(reservation.quota, now_ms))
        };
        self.change(&reservation.caller, now_ms, change).await.map_err(|unchanged| match unchanged {
            Unchanged::Failed(why) => why,
            Unchanged::Over(_) => "a settlement was refused".to_owned(),
        })
    }

    /// Settles, with patience.
    async fn settle_at_last(&self, settlement: &Settlement) {
        let mut pauses = PATIENCE.iter();
        while let Err(why) = self.settle(settlement).await {
            let Some(pause) = pauses.next() else {
                lost(&settlement.reservation, settlement.used, &why);
                return;
            };
            sleep(*pause).await;
        }
    }

    /// Where a caller stands as far as is known.
    async fn standing(&self, reservation: &Reservation, now: Timestamp) -> Standing {
        let mut account = self.known(&reservation.caller).lock().await.account.clone();
        account.standing(reservation.quota, millis(now))
    }

    /// Makes a change to an account. On this host the changes of one caller wait for each other, since each would make
    /// the condition of the other fail.
    async fn change<R>(
        &self,
        caller: &str,
        now_ms: u64,
        change: impl Fn(&mut Account) -> Result<R, Over>,
    ) -> Result<R, Unchanged> {
        let known = self.known(caller);
        let mut known = known.lock().await;
        for _ in 0..ATTEMPTS {
            let mut account = known.account.clone();
            match change(&mut account) {
                Err(over) if known.is_fresh(now_ms) => {
                    return Err(Unchanged::Over(over));
                }
                Err(_) => *known = self.read(caller, now_ms).await.map_err(Unchanged::Failed)?,
                Ok(result) => match self.write(caller, &known, account, now_ms).await {
                    Ok(written) => {
                        *known = written;
                        return Ok(result);
                    }
                    Err(Unwritten::Changed(current)) => *known = current,
                    Err(Unwritten::Failed(why)) => return Err(Unchanged::Failed(why)),
                },
            }
        }
        Err(Unchanged::Failed(format!("other hosts changed the account {ATTEMPTS} times in a row")))
    }

    fn known(&self, caller: &str) -> Arc<AsyncMutex<Known>> {
        let mut all = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = all.get(caller) {
            return Arc::clone(known);
        }
        if all.len() >= MAX_KNOWN {
            // Who comes back costs one call more.
            all.retain(|_, known| Arc::strong_count(known) > 1);
        }
        Arc::clone(all.entry(caller.to_owned()).or_default())
    }

    async fn read(&self, caller: &str, now_ms: u64) -> Result<Known, String> {
        let body = json!({
            "TableName": self.table,
            "Key": {"caller": {"S": caller}},
            "ConsistentRead": true,
        });
        let answer = self.calls.call("GetItem", body).await.map_err(|error| error.to_string())?;
        known_from(answer.get("Item"), now_ms)
    }

    async fn write(
        &self,
        caller: &str,
        before: &Known,
        account: Account,
        now_ms: u64,
    ) -> Result<Known, Unwritten> {
        // Never the version of an item of the same caller that has expired in between.
        let version = before.version.saturating_add(1).max(now_ms);
        let expires_at = now_ms.saturating_add(millis_of(account.idle_in(now_ms))).div_ceil(1_000);
        let text = serde_json::to_string(&account).map_err(|error| Unwritten::Failed(error.to_string()))?;
        let mut body = json!({
            "TableName": self.table,
            "Item": {
                "caller": {"S": caller},
                "version": {"N": version.to_string()},
                "account": {"S": text},
                "expires_at": {"N": expires_at.to_string()},
            },
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        });
        let condition = if before.version == 0 {
            json!({
                "ConditionExpression": "attribute_not_exists(#caller)",
                "ExpressionAttributeNames": {"#caller": "caller"},
            })
        } else {
            json!({
                "ConditionExpression": "#version = :version",
                "ExpressionAttributeNames": {"#version": "version"},
                "ExpressionAttributeValues": {":version": {"N": before.version.to_string()}},
            })
        };
        if let (Some(body), Value::Object(condition)) = (body.as_object_mut(), condition) {
            body.extend(condition);
        }
        match self.calls.call("PutItem", body).await {
            Ok(_) => Ok(Known { version, account, read_at_ms: Some(now_ms) }),
            Err(DynamoError::ConditionFailed { item }) => {
                Err(known_from(item.as_ref(), now_ms).map_or_else(Unwritten::Failed, Unwritten::Changed))
            }
            Err(error) => Err(Unwritten::Failed(error.to_string())),
        }
    }
}

/// Why an item was not written.
enum Unwritten {
    /// Somebody else has written this.
    Changed(Known),
    Failed(String),
}

/// What an item says; without one the account is as good as new.
fn known_from(item: Option<&Value>, now_ms: u64) -> Result<Known, String> {
    let Some(item) = item.filter(|item| !item.is_null()) else {
        return Ok(Known { read_at_ms: Some(now_ms), ..Known::default() });
    };
    let text = |name: &str, kind: &str| item.get(name)?.get(kind)?.as_str();
    let version = text("version", "N").and_then(|version| version.parse().ok());
    let account = text("account", "S").and_then(|account| serde_json::from_str(account).ok());
    match (version, account) {
        (Some(version), Some(account)) => Ok(Known { version, account, read_at_ms: Some(now_ms) }),
        _ => Err("an item of the table is none of this program's".to_owned()),
    }
}

fn millis_of(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
