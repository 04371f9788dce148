//! Killed anywhere, resumed anywhere.
//!
//! Feature: aws-ec2-production-deployment, Property 5: Error Handling and Recovery

use std::sync::Arc;

use cloud::Access;
use cloud::fault::{Gate, Matching, Recorder, When};
use cloud::port::ec2::{InstanceQuery, TerminationProtection};
use model::plan::StepId;

use crate::support::{Bench, usual};

/// The launch that succeeds: those before it meet an instance profile that has not propagated.
const LAUNCHES: u32 = 3;

/// How many calls a deployment makes that change something.
async fn writes_of_a_deployment() -> u32 {
    let mut bench = Bench::new();
    let recorder = Arc::new(Recorder::default());
    bench.hooks.push(recorder.clone());
    bench.deploy(&usual()).await.unwrap();
    u32::try_from(recorder.count(Access::Write)).unwrap()
}

/// Runs a deployment until its n-th changing call, and drops everything there, as kill -9 would.
async fn killed_at(n: u32, when: When) -> Bench {
    let mut bench = Bench::new();
    let (gate, mut reached) = Gate::at(n, Matching::Access(Access::Write), when);
    bench.hooks.push(gate);
    let config = usual();
    tokio::select! {
        ended = bench.deploy(&config) => panic!("call {n} was never reached: {ended:?}"),
        changed = reached.wait_for(|reached| *reached) => drop(changed.unwrap()),
    }
    bench.hooks.clear();
    bench
}

#[tokio::test(start_paused = true)]
async fn killed_before_or_after_any_call_a_resume_ends_in_the_same_account_and_a_cleanup_in_an_empty_one() {
    let whole = Bench::new();
    let empty = whole.practice.inventory();
    whole.deploy(&usual()).await.unwrap();
    let whole = whole.practice.inventory();
    let writes = writes_of_a_deployment().await;
    assert!(writes >= 15, "only {writes} calls");
    for when in [When::Before, When::After] {
        for n in 1..=writes {
            let bench = killed_at(n, when).await;
            bench
                .deploy(&usual())
                .await
                .unwrap_or_else(|error| panic!("resume after {when:?} {n}: {error:?}"));
            assert_eq!(bench.practice.inventory(), whole, "{when:?} call {n}");
            assert!(bench.state().unwrap().is_finished(), "{when:?} call {n}");
            let removal = bench.cleanup(&usual(), true).await.unwrap();
            assert!(removal.left.is_empty(), "{when:?} call {n}: {removal:#?}");
            assert_eq!(bench.practice.inventory(), empty, "{when:?} call {n}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn killed_anywhere_and_the_state_file_lost_a_cleanup_leaves_nothing() {
    let empty = Bench::new().practice.inventory();
    let writes = writes_of_a_deployment().await;
    for when in [When::Before, When::After] {
        for n in 1..=writes {
            let bench = killed_at(n, when).await;
            std::fs::remove_file(bench.state_file()).unwrap();
            // What was made a moment ago is not listed at once; an operator who sees something left runs it again.
            for _ in 0..4 {
                bench.cleanup(&usual(), false).await.unwrap();
            }
            assert_eq!(bench.practice.inventory(), empty, "{when:?} call {n}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_cleanup_killed_at_any_call_is_ended_by_the_next() {
    let empty = Bench::new().practice.inventory();
    let bench = Bench::new();
    bench.deploy(&usual()).await.unwrap();
    let mut bench = bench;
    let recorder = Arc::new(Recorder::default());
    bench.hooks.push(recorder.clone());
    bench.cleanup(&usual(), true).await.unwrap();
    let writes = u32::try_from(recorder.count(Access::Write)).unwrap();
    for when in [When::Before, When::After] {
        for n in 1..=writes {
            let mut bench = Bench::new();
            bench.deploy(&usual()).await.unwrap();
            let (gate, mut reached) = Gate::at(n, Matching::Access(Access::Write), when);
            bench.hooks.push(gate);
            let config = usual();
            tokio::select! {
                ended = bench.cleanup(&config, true) => panic!("call {n} was never reached: {ended:?}"),
                changed = reached.wait_for(|reached| *reached) => drop(changed.unwrap()),
            }
            bench.hooks.clear();
            assert!(bench.state().unwrap().is_resumable());
            let removal = bench.cleanup(&usual(), true).await.unwrap();
            assert!(removal.left.is_empty(), "{when:?} call {n}: {removal:#?}");
            assert_eq!(bench.practice.inventory(), empty, "{when:?} call {n}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_was_made_unrecorded_and_terminated_by_hand_is_made_again_under_another_token() {
    let mut bench = Bench::new();
    let (gate, mut reached) = Gate::at(LAUNCHES, Matching::Operation("RunInstances"), When::After);
    bench.hooks.push(gate);
    let config = usual();
    tokio::select! {
        ended = bench.deploy(&config) => panic!("no instance was launched: {ended:?}"),
        changed = reached.wait_for(|reached| *reached) => drop(changed.unwrap()),
    }
    bench.hooks.clear();
    let ec2 = bench.practice.cloud().ec2;
    let mut ids = Vec::new();
    for _ in 0..5 {
        let query = InstanceQuery::Deployment("sre-test".to_owned());
        ids = ec2.describe_instances(query).await.unwrap().into_iter().map(|one| one.id).collect();
    }
    let [id] = ids.as_slice() else { panic!("{ids:?}") };
    let unprotected = TerminationProtection { instance_id: id.clone(), enabled: false };
    ec2.set_termination_protection(unprotected).await.unwrap();
    ec2.terminate_instance(id.clone()).await.unwrap();
    for _ in 0..5 {
        ec2.describe_instances(InstanceQuery::Id(id.clone())).await.unwrap();
    }
    bench.deploy(&config).await.unwrap();
    let state = bench.state().unwrap();
    assert!(state.is_finished());
    assert_eq!(state.step(StepId::Instance).attempt(), 2);
    assert_ne!(state.step(StepId::Instance).id.as_ref(), Some(id));
}
