//! Whatever goes wrong around Route 53, values of others stay, and ours is gone after the next try.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use cloud::fault::{FailNth, Failure, Gate, Matching, When};
use cloud::practice::{Practice, PracticeOptions};
use cloud::{Call, Hook};
use proptest::prelude::*;

use super::*;

const NAME: &str = "_acme-challenge.api.corp.io";
const OURS: &str = "LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ";

fn account(options: PracticeOptions, foreign: &[&str]) -> (Practice, String) {
    let practice = Practice::in_memory(options);
    let zone = practice.seed(|seed| {
        seed.hosted_zone("corp.io", true);
        let zone = seed.hosted_zone("corp.io", false);
        seed.txt(&zone, NAME, foreign);
        zone
    });
    (practice, zone.unwrap())
}

fn paused<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap().block_on(work)
}

/// The text records of the account.
fn values(practice: &Practice) -> Vec<String> {
    let all = practice.inventory();
    let set = all.iter().find(|thing| thing["type"] == "text-record");
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    set.map(|set| set["values"].as_array().unwrap().iter().map(text).collect()).unwrap_or_default()
}

fn zones(cloud: &Cloud) -> Zones<'_> {
    Zones { cloud, say: &|_| {} }
}

#[test]
fn every_call_that_fails_leaves_values_of_others_and_is_made_good_by_the_next_try() {
    let failures = [
        Failure::on_the_way(ErrorKind::Unreachable),
        Failure::on_the_way(ErrorKind::TimedOut),
        Failure::answered("Throttling", "Rate exceeded"),
        Failure::answered("PriorRequestNotComplete", "The request was rejected"),
        Failure::answered("AccessDenied", "User: x is not authorized to perform: route53:GetChange"),
        Failure::answered("NoSuchHostedZone", "No hosted zone found"),
    ];
    for failure in failures {
        for when in [When::Before, When::After] {
            for times in [1, 100] {
                for nth in 0.. {
                    let (practice, _) = account(PracticeOptions::default(), &["\"theirs\""]);
                    let hook = Arc::new(FailNth::new(nth, Matching::Any, when, failure.clone()).times(times));
                    let faulty = practice.cloud().hooked(&(hook.clone() as Arc<dyn Hook>));
                    paused(async {
                        let published = zones(&faulty).publish(NAME, OURS).await;
                        assert!(
                            values(&practice).contains(&"\"theirs\"".to_owned()),
                            "{failure:?} {when:?} {nth}"
                        );
                        if published.is_ok() {
                            assert!(values(&practice).contains(&quoted(OURS)), "{failure:?} {when:?} {nth}");
                        }
                        let taken = zones(&faulty).withdraw(NAME, OURS).await;
                        if let Err(finding) = &taken {
                            assert_eq!(finding.code, codes::RECORD_LEFT);
                            assert!(finding.hint.is_some() && finding.evidence.is_some(), "{finding:?}");
                        }
                        // The next run.
                        zones(&practice.cloud()).withdraw(NAME, OURS).await.unwrap();
                        assert_eq!(values(&practice), ["\"theirs\""], "{failure:?} {when:?} {nth}");
                    });
                    if nth > 0 && !hook.happened() {
                        break;
                    }
                }
            }
        }
    }
}

#[test]
fn a_death_at_any_call_is_made_good_by_the_next_run() {
    for when in [When::Before, When::After] {
        for nth in 1.. {
            let (practice, _) = account(PracticeOptions::default(), &["\"theirs\""]);
            let (gate, mut reached) = Gate::at(nth, Matching::Any, when);
            let dying = practice.cloud().hooked(&(gate as Arc<dyn Hook>));
            let is_dead = paused(async {
                let zones = zones(&dying);
                tokio::select! {
                    done = async { zones.publish(NAME, OURS).await?; zones.withdraw(NAME, OURS).await } => {
                        done.unwrap();
                        false
                    }
                    _ = reached.wait_for(|reached| *reached) => true,
                }
            });
            paused(async { self::zones(&practice.cloud()).withdraw(NAME, OURS).await.unwrap() });
            assert_eq!(values(&practice), ["\"theirs\""], "{when:?} {nth}");
            if !is_dead {
                break;
            }
        }
    }
}

/// Somebody who adds a value between a look and the change that follows it.
struct Rival {
    practice: Practice,
    zone: String,
    left: AtomicU32,
}

#[async_trait]
impl Hook for Rival {
    async fn before(&self, call: Call) -> Result<(), CallError> {
        let is_due = call.operation == "ChangeResourceRecordSets"
            && self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
        if is_due {
            let mut all = values(&self.practice);
            all.push(format!("\"rival {}\"", all.len()));
            let all: Vec<&str> = all.iter().map(String::as_str).collect();
            self.practice.seed(|seed| seed.txt(&self.zone, NAME, &all)).unwrap();
        }
        Ok(())
    }
}

#[test]
fn two_orders_at_once_lose_nothing() {
    for foreign in [&[][..], &["\"theirs\""]] {
        let (practice, zone) = account(PracticeOptions::default(), foreign);
        let rival = Rival { practice: practice.clone(), zone, left: AtomicU32::new(3) };
        let cloud = practice.cloud().hooked(&(Arc::new(rival) as Arc<dyn Hook>));
        paused(async {
            zones(&cloud).publish(NAME, OURS).await.unwrap();
            assert_eq!(values(&practice).len(), foreign.len() + 4, "{:?}", values(&practice));
            zones(&cloud).withdraw(NAME, OURS).await.unwrap();
        });
        let left = values(&practice);
        assert_eq!(left.len(), foreign.len() + 3, "{left:?}");
        assert!(!left.contains(&quoted(OURS)));
    }
}

#[test]
fn what_cannot_be_done_is_said_with_its_code() {
    let code = |practice: &Practice, name: &str| {
        let finding = paused(async { zones(&practice.cloud()).publish(name, OURS).await.unwrap_err() });
        assert!(finding.hint.is_some(), "{finding:?}");
        finding.code
    };
    let (practice, _) = account(PracticeOptions::instant(), &[]);
    assert_eq!(code(&practice, "_acme-challenge.corp.org"), codes::NO_ZONE);
    practice.seed(|seed| seed.deny("route53:ChangeResourceRecordSets")).unwrap();
    assert_eq!(code(&practice, NAME), codes::RECORD);
    practice.seed(|seed| seed.hosted_zone("corp.io", false)).unwrap();
    assert_eq!(code(&practice, NAME), codes::NO_ZONE);
    assert_eq!(values(&practice), [""; 0]);

    let (slow, _) = account(PracticeOptions { settle_reads: 10_000, ..PracticeOptions::instant() }, &[]);
    let said = RefCell::new(Vec::new());
    let cloud = slow.cloud();
    let zones = Zones { cloud: &cloud, say: &|text| said.borrow_mut().push(text.to_owned()) };
    let finding = paused(async { zones.publish(NAME, OURS).await.unwrap_err() });
    assert_eq!(finding.code, codes::NOT_IN_SYNC);
    assert!(matches!(said.borrow().as_slice(), [one] if one.contains("waiting")), "{said:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Values of others, and how long they may be kept, are the same before and after, in the same order.
    #[test]
    fn an_answer_comes_and_goes_and_nothing_else_changes(
        foreign in proptest::collection::btree_set("\"[A-Za-z0-9_ -]{0,43}\"", 0..5),
        lag in 0_u32..4,
    ) {
        let foreign: Vec<&str> = foreign.iter().map(String::as_str).collect();
        let (practice, _) = account(PracticeOptions { settle_reads: lag, ..PracticeOptions::instant() }, &foreign);
        paused(async {
            let cloud = practice.cloud();
            for _ in 0..2 {
                zones(&cloud).publish(NAME, OURS).await.unwrap();
                let mut wanted: Vec<String> = foreign.iter().map(|&value| value.to_owned()).collect();
                wanted.push(quoted(OURS));
                assert_eq!(values(&practice), wanted);
            }
            for _ in 0..2 {
                zones(&cloud).withdraw(NAME, OURS).await.unwrap();
                assert_eq!(values(&practice), foreign);
            }
        });
    }
}
