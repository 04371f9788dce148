//! The laws of the limits, whatever the order of events and whoever keeps the accounts.
#![expect(clippy::arithmetic_side_effects, reason = "small numbers")]

use jiff::Timestamp;
use proptest::prelude::*;

use super::{Admission, Limiter, Refused, Reservation};
use crate::config::Quota;

mod laws;
mod table;
mod tables;

const CALLERS: [&str; 3] = ["sub:alice", "sub:bob", "key:ci"];

fn at_ms(ms: u64) -> Timestamp {
    Timestamp::from_millisecond(1_800_000_000_000 + i64::try_from(ms).unwrap()).unwrap()
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// One thing that happens.
#[derive(Debug, Clone)]
enum Step {
    Pass {
        ms: u64,
    },
    Admit {
        caller: usize,
        tokens: u64,
    },
    /// Settles one of the pending with this many thousandths of what was asked for.
    Settle {
        which: prop::sample::Index,
        used: u64,
    },
}

fn steps(longest: usize) -> impl Strategy<Value = Vec<Step>> {
    let pass = prop_oneof![4 => 0_u64..5_000, 1 => 0_u64..120_000, 1 => 0_u64..2_400_000];
    let step = prop_oneof![
        2 => pass.prop_map(|ms| Step::Pass { ms }),
        4 => (0..CALLERS.len(), 1_u64..4_000).prop_map(|(caller, tokens)| Step::Admit { caller, tokens }),
        3 => (any::<prop::sample::Index>(), 0_u64..=1_000)
            .prop_map(|(which, used)| Step::Settle { which, used }),
    ];
    prop::collection::vec(step, 1..longest)
}

fn quotas() -> impl Strategy<Value = Quota> {
    (1_u32..8, 1_u64..12_000, 1_u32..5).prop_map(
        |(requests_per_minute, tokens_per_hour, concurrent_requests)| Quota {
            requests_per_minute,
            tokens_per_hour,
            concurrent_requests,
        },
    )
}

/// A request that was admitted.
#[derive(Debug)]
struct Request {
    caller: usize,
    admitted_ms: u64,
    asked: u64,
    reserved: u64,
    settled: Option<(u64, u64)>,
}

/// Plays steps against a limiter: what it answered, and all that was admitted.
async fn play(limiter: &dyn Limiter, quota: Quota, steps: &[Step]) -> (Vec<String>, Vec<Request>) {
    let (mut now, mut answers, mut requests) = (0, Vec::new(), Vec::<Request>::new());
    let mut pending: Vec<(usize, Reservation)> = Vec::new();
    for step in steps {
        match step {
            Step::Pass { ms } => now += ms,
            Step::Admit { caller, tokens } => {
                let answer = limiter.admit(CALLERS[*caller], quota, *tokens, at_ms(now)).await;
                answers.push(summary(&answer));
                if let Ok(Admission { reservation, .. }) = answer {
                    requests.push(Request {
                        caller: *caller,
                        admitted_ms: now,
                        asked: *tokens,
                        reserved: reservation.tokens,
                        settled: None,
                    });
                    pending.push((requests.len() - 1, reservation));
                }
            }
            Step::Settle { which, used } if !pending.is_empty() => {
                let (request, reservation) = pending.swap_remove(which.index(pending.len()));
                let used = requests[request].asked * used / 1_000;
                let standing = limiter.settle(reservation, used, at_ms(now)).await;
                answers.push(format!("{standing:?}"));
                requests[request].settled = Some((now, used));
            }
            Step::Settle { .. } => {}
        }
    }
    (answers, requests)
}

fn summary(answer: &Result<Admission, Refused>) -> String {
    match answer {
        Ok(admission) => format!("{:?} {:?}", admission.standing, admission.reservation.tokens),
        Err(Refused { error, standing }) => {
            format!("{} {:?} {:?} {standing:?}", error.message, error.retry_after, error.should_retry)
        }
    }
}
