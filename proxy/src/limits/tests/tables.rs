//! Accounts in a table: the same answers as in memory, several hosts, and what happens when the table is gone.

use std::sync::Arc;

use futures::future::join_all;
use proptest::strategy::ValueTree as _;
use serde_json::Value;
use test_support::Moto;

use super::{
    table::{Fake, TABLE, of_moto},
    *,
};
use crate::{
    dynamo::DynamoCalls,
    limits::{DynamoLimiter, MemoryLimiter},
};

const QUOTA: Quota = Quota { requests_per_minute: 100, tokens_per_hour: 10_000, concurrent_requests: 1 };

fn limiter(calls: &Arc<impl DynamoCalls + 'static>) -> DynamoLimiter {
    DynamoLimiter::new(Arc::clone(calls) as Arc<dyn DynamoCalls>, TABLE)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_table_answers_like_memory(quota in quotas(), steps in steps(60)) {
        // A request counts as in flight for 15 minutes in a table and longer in memory; so no time passes for long.
        let steps: Vec<Step> = steps.into_iter().filter(|step| !matches!(step, Step::Pass { ms } if *ms > 10_000)).collect();
        let (expected, answered) = run(async {
            let expected = play(&MemoryLimiter::new(), quota, &steps).await.0;
            (expected, play(&limiter(&Arc::new(Fake::default())), quota, &steps).await.0)
        });
        prop_assert_eq!(answered, expected);
    }
}

#[test]
fn a_table_of_moto_answers_like_memory_and_like_ours() {
    let moto = Moto::start();
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let steps: Vec<Step> = steps(120)
        .prop_map(|steps| {
            steps.into_iter().filter(|step| !matches!(step, Step::Pass { ms } if *ms > 10_000)).collect()
        })
        .prop_filter("long enough", |steps: &Vec<Step>| steps.len() > 60)
        .new_tree(&mut runner)
        .unwrap()
        .current();
    let quota = Quota { requests_per_minute: 6, tokens_per_hour: 9_000, concurrent_requests: 3 };
    run(async {
        let table = of_moto(&moto).await;
        let door = limiter(&table);
        assert_eq!(door.ready().await, Ok(()));
        let answered = play(&door, quota, &steps).await.0;
        assert_eq!(answered, play(&MemoryLimiter::new(), quota, &steps).await.0);
        assert_eq!(answered, play(&limiter(&Arc::new(Fake::default())), quota, &steps).await.0);
        two_hosts(&table).await;
    });
}

#[tokio::test]
async fn several_hosts_together_pass_no_limit() {
    two_hosts(&Arc::new(Fake::default())).await;
}

/// Two hosts admit for one caller at the same time.
async fn two_hosts(table: &Arc<impl DynamoCalls + 'static>) {
    let quota = Quota { requests_per_minute: 10, tokens_per_hour: 1_000, concurrent_requests: 10 };
    let hosts = [limiter(table), limiter(table)];
    let admit = |index: usize| hosts[index % 2].admit("sub:burst", quota, 150, at_ms(0));
    let admitted: Vec<Admission> =
        join_all((0..16).map(admit)).await.into_iter().filter_map(Result::ok).collect();
    assert_eq!(admitted.len(), 6, "six times 150 is all that 1,000 hold");
    // What one host has admitted the other may settle.
    for admission in admitted {
        hosts[0].settle_detached(admission.reservation, 0, at_ms(1));
    }
    hosts[0].close().await;
    let standing = hosts[1].admit("sub:burst", quota, 1_000, at_ms(2_000)).await.unwrap().standing;
    assert_eq!((standing.requests.remaining, standing.tokens.remaining), (3, 0));
}

#[tokio::test]
async fn a_change_is_one_call_and_two_after_another_host() {
    let table = Arc::new(Fake::default());
    let hosts = [limiter(&table), limiter(&table)];
    let first = hosts[0].admit("sub:a", QUOTA, 100, at_ms(0)).await.unwrap();
    assert_eq!(table.calls(), ["PutItem"]);
    hosts[0].settle(first.reservation, 10, at_ms(1)).await;
    assert_eq!(table.calls(), ["PutItem"]);
    let second = hosts[1].admit("sub:a", QUOTA, 100, at_ms(2)).await.unwrap();
    assert_eq!(table.calls(), ["PutItem", "PutItem"]);
    hosts[1].settle(second.reservation, 10, at_ms(3)).await;
    assert_eq!(table.calls(), ["PutItem"]);
}

#[tokio::test]
async fn refusing_a_flood_costs_one_read_a_second() {
    let table = Arc::new(Fake::default());
    let door = limiter(&table);
    let quota = Quota { requests_per_minute: 1, ..QUOTA };
    let first = door.admit("sub:a", quota, 1, at_ms(0)).await.unwrap();
    door.settle(first.reservation, 1, at_ms(0)).await;
    table.calls();
    for ms in 0..3_000 {
        assert!(door.admit("sub:a", quota, 1, at_ms(ms)).await.is_err());
    }
    assert_eq!(table.calls(), ["GetItem", "GetItem"]);
    let nothing = Quota { requests_per_minute: 0, ..QUOTA };
    assert_eq!(door.admit("sub:b", nothing, 1, at_ms(0)).await.unwrap_err().error.status.as_u16(), 429);
}

#[tokio::test]
async fn a_host_that_dies_does_not_hold_a_request_for_ever() {
    let table = Arc::new(Fake::default());
    limiter(&table).admit("sub:a", QUOTA, 100, at_ms(0)).await.unwrap();
    let other = limiter(&table);
    let minutes = |minutes: u64| at_ms(minutes * 60_000);
    assert!(other.admit("sub:a", QUOTA, 100, minutes(14)).await.is_err());
    assert!(other.admit("sub:a", QUOTA, 100, minutes(15)).await.is_ok());
}

#[tokio::test]
async fn an_item_says_when_it_may_go_and_is_not_missed() {
    let table = Arc::new(Fake::default());
    let door = limiter(&table);
    let first = door.admit("sub:a", QUOTA, 100, at_ms(0)).await.unwrap();
    door.settle(first.reservation, 50, at_ms(0)).await;
    let item: Value = table.item("sub:a");
    assert_eq!(item["expires_at"]["N"], "1800003660");
    table.expire();
    assert!(door.admit("sub:a", QUOTA, 100, at_ms(4_000_000)).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn without_the_table_nobody_is_admitted_and_nothing_hangs() {
    let table = Arc::new(Fake::default());
    let door = limiter(&table);
    let first = door.admit("sub:a", QUOTA, 100, at_ms(0)).await.unwrap();
    table.set_down(true);
    let refused = door.admit("sub:b", QUOTA, 100, at_ms(0)).await.unwrap_err().error;
    assert_eq!((refused.status.as_u16(), refused.code.as_deref()), (503, Some("limits_unavailable")));
    assert_eq!(
        refused.log.as_deref(),
        Some("SRE-PROXY-064: the limits in table `limits` cannot be kept: connection refused")
    );
    assert!(door.ready().await.is_err());
    // Nobody waits for a settlement that cannot be written; it is written once the table is back.
    let standing = door.settle(first.reservation, 10, at_ms(1)).await;
    assert_eq!(standing.tokens.remaining, 9_900);
    table.set_down(false);
    door.close().await;
    let second = door.admit("sub:a", QUOTA, 100, at_ms(10)).await.unwrap();
    assert_eq!(second.standing.tokens.remaining, 9_890);
    // If it does not come back for seconds, the reservation stands.
    table.set_down(true);
    door.settle_detached(second.reservation, 10, at_ms(20));
    door.close().await;
    table.set_down(false);
    let two = Quota { concurrent_requests: 2, ..QUOTA };
    assert_eq!(door.admit("sub:a", two, 100, at_ms(30)).await.unwrap().standing.tokens.remaining, 9_790);
}
