//! Calls that fail: ridden out where that heals, told where it does not, and nothing made twice or lost.
//!
//! Feature: aws-ec2-production-deployment, Property 5: Error Handling and Recovery

use std::sync::Arc;

use async_trait::async_trait;
use cloud::fault::{FailNth, Failure, Matching, Recorder, When};
use cloud::{Access, Call, CallError, ErrorKind, Hook};
use model::event::What;
use provision::error::{RunError, StepError};
use provision::journal::peek;

use crate::support::{Bench, usual};

const WRITES: Matching = Matching::Access(Access::Write);

async fn calls_of_a_deployment(access: Access) -> u32 {
    let mut bench = Bench::new();
    let recorder = Arc::new(Recorder::default());
    bench.hooks.push(recorder.clone());
    bench.deploy(&usual()).await.unwrap();
    u32::try_from(recorder.count(access)).unwrap()
}

async fn whole_account() -> Vec<serde_json::Value> {
    let bench = Bench::new();
    bench.deploy(&usual()).await.unwrap();
    bench.practice.inventory()
}

fn failing(n: u32, matching: Matching, when: When, failure: Failure) -> Bench {
    let mut bench = Bench::new();
    bench.hooks.push(Arc::new(FailNth::new(n, matching, when, failure)));
    bench
}

#[tokio::test(start_paused = true)]
async fn any_changing_call_that_is_throttled_or_lost_is_ridden_out_and_nothing_is_made_twice() {
    let whole = whole_account().await;
    for n in 1..=calls_of_a_deployment(Access::Write).await {
        for (when, failure) in [
            (When::Before, Failure::answered("RequestLimitExceeded", "Request limit exceeded.")),
            (When::Before, Failure::on_the_way(ErrorKind::Unreachable)),
            (When::After, Failure::on_the_way(ErrorKind::Unreachable)),
            (When::After, Failure::answered("ServiceUnavailable", "")),
        ] {
            let bench = failing(n, WRITES, when, failure.clone());
            let ended = bench.deploy(&usual()).await;
            assert!(ended.is_ok(), "call {n}, {when:?} {failure:?}: {ended:?}");
            assert_eq!(bench.practice.inventory(), whole, "call {n}, {when:?} {failure:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn any_look_up_that_is_throttled_or_lost_is_ridden_out() {
    let whole = whole_account().await;
    let failures =
        [Failure::answered("Throttling", "Rate exceeded"), Failure::on_the_way(ErrorKind::TimedOut)];
    // Each call fails once, by turns: they are many, and every kind of call is made more than once.
    for (n, failure) in (1..=calls_of_a_deployment(Access::Read).await).zip(failures.iter().cycle()) {
        let bench = failing(n, Matching::Access(Access::Read), When::Before, failure.clone());
        let ended = bench.deploy(&usual()).await;
        assert!(ended.is_ok(), "call {n} {failure:?}: {ended:?}");
        assert_eq!(bench.practice.inventory(), whole, "call {n} {failure:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn any_changing_call_that_is_denied_leaves_a_state_that_goes_on_once_it_is_allowed() {
    let whole = whole_account().await;
    for n in 1..=calls_of_a_deployment(Access::Write).await {
        let denial =
            Failure::answered("AccessDenied", "User: u is not authorized to perform: x:Y on resource: r");
        let mut bench = failing(n, WRITES, When::Before, denial);
        let Err(RunError::Steps(failed)) = bench.deploy(&usual()).await else {
            panic!("call {n} went through")
        };
        assert_eq!(failed.len(), 1, "call {n}: {failed:?}");
        let state = bench.state().unwrap();
        assert!(state.is_resumable(), "call {n}");
        let (step, error) = &failed[0];
        assert_eq!(state.step(*step).failure.unwrap().0, "SRE-AWS-001", "call {n}: {error}");
        bench.hooks.clear();
        bench.deploy(&usual()).await.unwrap();
        assert_eq!(bench.practice.inventory(), whole, "call {n}");
    }
}

#[tokio::test(start_paused = true)]
async fn failed_at_any_call_a_cleanup_leaves_nothing_and_a_second_finds_nothing() {
    let empty = Bench::new().practice.inventory();
    for n in 1..=calls_of_a_deployment(Access::Write).await {
        let mut bench = failing(n, WRITES, When::Before, Failure::answered("AccessDenied", "no"));
        assert!(bench.deploy(&usual()).await.is_err());
        bench.hooks.clear();
        let removal = bench.cleanup(&usual(), true).await.unwrap();
        assert!(removal.left.is_empty(), "call {n}: {removal:#?}");
        assert_eq!(bench.practice.inventory(), empty, "call {n}");
        let again = bench.cleanup(&usual(), true).await.unwrap();
        assert!(again.removed.is_empty() && again.left.is_empty(), "call {n}: {again:#?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_cleanup_goes_on_past_what_it_may_not_remove_and_names_it() {
    let bench = Bench::new();
    bench.deploy(&usual()).await.unwrap();
    bench.practice.seed(|account| account.deny("iam:DeleteRole")).unwrap();
    let removal = bench.cleanup(&usual(), true).await.unwrap();
    let left: Vec<_> = removal.left.iter().map(|left| left.id.as_str()).collect();
    assert_eq!(
        left,
        ["sre-test-instance", "sre-test-BedrockAgentCoreGateway", "sre-test-BedrockAgentCoreRuntime"]
    );
    assert!(removal.left[0].by_hand.command.contains("aws iam delete-role --role-name sre-test-instance"));
    assert!(bench.state().unwrap().is_resumable());
    bench.practice.seed(|account| account.allow("iam:DeleteRole")).unwrap();
    assert!(bench.cleanup(&usual(), true).await.unwrap().left.is_empty());
    assert!(bench.state().unwrap().cleaned_up);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_never_answers_ends_as_a_timeout_that_can_be_resumed() {
    let mut bench = Bench::new();
    let never = FailNth::new(
        1,
        Matching::Operation("RunInstances"),
        When::Before,
        Failure::on_the_way(ErrorKind::TimedOut),
    );
    bench.hooks.push(Arc::new(never.times(1_000)));
    let Err(RunError::Steps(failed)) = bench.deploy(&usual()).await else { panic!("went through") };
    let kind = failed.iter().find_map(|(_, error)| match error {
        StepError::Call(error) => Some(error.kind),
        _ => None,
    });
    assert_eq!(kind, Some(ErrorKind::TimedOut), "{failed:?}");
    bench.hooks.clear();
    bench.deploy(&usual()).await.unwrap();
    assert_eq!(bench.practice.inventory(), whole_account().await);
}

#[tokio::test(start_paused = true)]
async fn waiting_is_told_with_its_reason() {
    let bench = Bench::new();
    bench.deploy(&usual()).await.unwrap();
    let reasons: std::collections::BTreeSet<String> = bench
        .events
        .all()
        .into_iter()
        .filter_map(|event| match event.what {
            What::Waiting { reason, .. } => Some(reason),
            _ => None,
        })
        .collect();
    assert!(reasons.contains("waiting for IAM propagation (usually 10 to 30 s)"), "{reasons:#?}");
    assert!(reasons.contains("waiting for the instance to run"), "{reasons:#?}");
}

#[tokio::test(start_paused = true)]
async fn events_are_numbered_without_a_gap_within_a_run() {
    let bench = Bench::new();
    bench.deploy(&usual()).await.unwrap();
    let events = bench.events.all();
    let begin = events.iter().position(|event| matches!(event.what, What::RunStarted { .. })).unwrap();
    for (offset, event) in events[begin..].iter().enumerate() {
        assert_eq!(event.index, u64::try_from(offset).unwrap());
        let text = serde_json::to_string(event).unwrap();
        assert_eq!(serde_json::from_str::<model::event::Event>(&text).unwrap(), *event);
    }
}

/// Before each changing call, looks whether its intent is on disk.
struct IntentOnDisk {
    state_file: std::path::PathBuf,
    seen: std::sync::atomic::AtomicU32,
}

#[async_trait]
impl Hook for IntentOnDisk {
    async fn before(&self, call: Call) -> Result<(), CallError> {
        if call.access == Access::Write {
            let state = peek(&self.state_file).unwrap().expect("a journal before the first change");
            let open = state.steps.values().any(|step| step.pending.is_some() || step.undo_pending.is_some());
            assert!(open, "{}:{} without an intent", call.service, call.operation);
            self.seen.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
        Ok(())
    }
}

/// Feature: aws-ec2-production-deployment, Property 5: the intent is on disk before the effect.
#[tokio::test(start_paused = true)]
async fn no_call_that_changes_something_is_made_before_its_intent_is_on_disk() {
    let mut bench = Bench::new();
    let watch = Arc::new(IntentOnDisk { state_file: bench.state_file(), seen: 0.into() });
    bench.hooks.push(watch.clone());
    bench.deploy(&usual()).await.unwrap();
    bench.cleanup(&usual(), true).await.unwrap();
    assert!(watch.seen.load(std::sync::atomic::Ordering::Relaxed) > 25);
}

#[tokio::test(start_paused = true)]
async fn stopped_by_the_operator_at_any_call_it_goes_on_later() {
    let whole = whole_account().await;
    for n in 1..=calls_of_a_deployment(Access::Write).await {
        let mut bench = Bench::new();
        bench.hooks.push(Arc::new(CancelAt { n, count: 0.into(), cancel: bench.cancel.clone() }));
        match bench.deploy(&usual()).await {
            Err(RunError::Cancelled) => {}
            // After the last call there was nothing left to stop.
            Ok(_) => assert!(bench.state().unwrap().is_finished()),
            other => panic!("call {n}: {other:?}"),
        }
        bench.hooks.clear();
        bench.cancel = tokio_util::sync::CancellationToken::new();
        bench.deploy(&usual()).await.unwrap();
        assert_eq!(bench.practice.inventory(), whole, "call {n}");
    }
}

struct CancelAt {
    n: u32,
    count: std::sync::atomic::AtomicU32,
    cancel: tokio_util::sync::CancellationToken,
}

#[async_trait]
impl Hook for CancelAt {
    async fn before(&self, call: Call) -> Result<(), CallError> {
        if call.access == Access::Write
            && self.count.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1 == self.n
        {
            self.cancel.cancel();
        }
        Ok(())
    }
}
