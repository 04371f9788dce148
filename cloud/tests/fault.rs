//! The hooks that make calls fail do what they say, around any account.

use std::sync::Arc;
use std::time::Duration;

use cloud::fault::{Chain, FailNth, Failure, Gate, Latency, Matching, Recorder, When};
use cloud::practice::{Practice, PracticeOptions};
use cloud::{Access, Cloud, ErrorKind, Hook};
use model::tags::Tags;
use tokio::time::Instant;

fn account(hook: impl Hook + 'static) -> (Practice, Cloud) {
    let hook: Arc<dyn Hook> = Arc::new(hook);
    hooked(&hook)
}

fn hooked(hook: &Arc<dyn Hook>) -> (Practice, Cloud) {
    let practice = Practice::in_memory(PracticeOptions::instant());
    let cloud = practice.cloud().hooked(hook);
    (practice, cloud)
}

/// Takes an address and looks at the caller, three times over.
async fn work(cloud: &Cloud) -> Result<(), cloud::CallError> {
    for _ in 0..3 {
        cloud.sts.get_caller_identity(()).await?;
        cloud.ec2.allocate_address(Tags::new()).await?;
    }
    Ok(())
}

#[tokio::test]
async fn the_recorder_remembers_calls_in_order() {
    let recorder = Arc::new(Recorder::default());
    let (_practice, cloud) = hooked(&(Arc::clone(&recorder) as _));
    work(&cloud).await.unwrap();
    assert_eq!((recorder.count(Access::Read), recorder.count(Access::Write)), (3, 3));
    assert_eq!(recorder.calls().len(), 6);
    assert_eq!(
        recorder.actions(Matching::Operation("AllocateAddress")),
        ["ec2:AllocateAddress", "ec2:AllocateAddress", "ec2:AllocateAddress"]
    );
    recorder.clear();
    assert_eq!(recorder.actions(Matching::Any), [""; 0]);
}

#[tokio::test]
async fn the_nth_call_fails_before_or_after_it_is_made() {
    let lost = Failure::on_the_way(ErrorKind::Unreachable);
    for (when, made) in [(When::Before, 1), (When::After, 2)] {
        let hook = Arc::new(FailNth::new(2, Matching::Access(Access::Write), when, lost.clone()));
        let (practice, cloud) = hooked(&(Arc::clone(&hook) as _));
        let error = work(&cloud).await.unwrap_err();
        assert_eq!((error.action().as_str(), error.kind), ("ec2:AllocateAddress", ErrorKind::Unreachable));
        assert!(error.may_have_happened());
        assert!(hook.happened());
        assert_eq!(practice.inventory().len(), made, "{when:?}");
        work(&cloud).await.unwrap();
    }
}

#[tokio::test]
async fn a_failure_can_have_a_code_and_repeat() {
    let throttled = Failure::answered("RequestLimitExceeded", "Request limit exceeded.");
    let hook = FailNth::new(1, Matching::Operation("AllocateAddress"), When::Before, throttled).times(2);
    let (_practice, cloud) = account(hook);
    for _ in 0..2 {
        let error = cloud.ec2.allocate_address(Tags::new()).await.unwrap_err();
        assert_eq!((error.kind, error.code.as_deref()), (ErrorKind::Throttled, Some("RequestLimitExceeded")));
    }
    cloud.ec2.allocate_address(Tags::new()).await.unwrap();
    let none = FailNth::new(0, Matching::Any, When::Before, Failure::on_the_way(ErrorKind::TimedOut));
    let (_practice, cloud) = account(none);
    work(&cloud).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn latency_passes_before_each_call() {
    let (_practice, cloud) = account(Latency(Duration::from_millis(250)));
    let start = Instant::now();
    work(&cloud).await.unwrap();
    assert_eq!(start.elapsed(), Duration::from_millis(1500));
}

#[tokio::test]
async fn in_a_chain_the_outer_sees_what_the_inner_made_of_a_call() {
    let (outer, inner) = (Arc::new(Recorder::default()), Arc::new(Recorder::default()));
    let lost = Failure::on_the_way(ErrorKind::TimedOut);
    let fail = FailNth::new(2, Matching::Any, When::Before, lost);
    let chain = Chain(vec![Arc::clone(&outer) as _, Arc::new(fail), Arc::clone(&inner) as _]);
    let (practice, cloud) = account(chain);
    work(&cloud).await.unwrap_err();
    assert_eq!((outer.calls().len(), inner.calls().len()), (2, 1));
    assert_eq!(practice.inventory(), [""; 0]);

    let lost = Failure::on_the_way(ErrorKind::TimedOut);
    let after = FailNth::new(1, Matching::Access(Access::Write), When::After, lost);
    let (practice, cloud) = account(Chain(vec![Arc::new(Recorder::default()), Arc::new(after)]));
    assert_eq!(work(&cloud).await.unwrap_err().kind, ErrorKind::TimedOut);
    assert_eq!(practice.inventory().len(), 1);
}

#[tokio::test]
async fn a_gate_stops_a_run_on_either_side_of_a_write() {
    for (when, made) in [(When::Before, 1), (When::After, 2)] {
        let (gate, mut reached) = Gate::new(2, when);
        let (practice, cloud) = hooked(&(gate as _));
        tokio::select! {
            _ = work(&cloud) => unreachable!("nothing passes the gate"),
            stopped = reached.wait_for(|reached| *reached) => assert!(*stopped.unwrap()),
        }
        assert_eq!(practice.inventory().len(), made, "{when:?}");
        // The next run, by another process, meets no gate.
        work(&practice.cloud()).await.unwrap();
    }
}

#[tokio::test]
async fn a_gate_that_is_never_reached_stops_nothing() {
    let (gate, reached) = Gate::new(9, When::Before);
    let (_practice, cloud) = hooked(&(gate as _));
    work(&cloud).await.unwrap();
    assert!(!*reached.borrow());
}
