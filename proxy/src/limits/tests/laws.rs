//! What the memory limiter never does.

use std::{sync::Barrier, thread, time::Duration};

use super::*;
use crate::limits::{MemoryLimiter, Meter};

const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 3_600_000;

/// The requests of a caller that began in the window from this time on.
fn within(requests: &[Request], caller: usize, start: u64, length: u64) -> impl Iterator<Item = &Request> {
    requests.iter().filter(move |request| {
        request.caller == caller && (start..start + length).contains(&request.admitted_ms)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_order_of_events_passes_a_limit(quota in quotas(), steps in steps(120)) {
        let (_, requests) = run(play(&MemoryLimiter::new(), quota, &steps));
        for Request { caller, admitted_ms: start, .. } in &requests {
            let in_a_minute = within(&requests, *caller, *start, MINUTE_MS).count();
            prop_assert!(in_a_minute <= usize::try_from(quota.requests_per_minute).unwrap());

            // Counted as the caller used it, an hour holds the limit and what one request used at most.
            let used: Vec<u64> = within(&requests, *caller, *start, HOUR_MS)
                .map(|request| request.settled.map_or(request.reserved, |(_, used)| used))
                .collect();
            let largest = used.iter().max().copied().unwrap_or_default();
            prop_assert!(used.iter().sum::<u64>() < quota.tokens_per_hour + largest.max(1), "{used:?}");
        }
        for (index, request) in requests.iter().enumerate() {
            let now = request.admitted_ms;
            let before = || requests[..index].iter().filter(|earlier| earlier.caller == request.caller);
            let open = |earlier: &&Request| earlier.settled.is_none_or(|(settled_ms, _)| settled_ms > now);
            // Settled at the same millisecond may have been before or after; those are left out.
            let in_flight = before().filter(open).count();
            prop_assert!(in_flight < usize::try_from(quota.concurrent_requests).unwrap());

            let reserved: u64 = before()
                .filter(|earlier| open(earlier) && earlier.admitted_ms + HOUR_MS > now)
                .map(|earlier| earlier.reserved)
                .sum();
            prop_assert!(reserved + request.reserved <= quota.tokens_per_hour);
        }
    }

    #[test]
    fn settling_gives_back_what_was_reserved_and_not_used(
        limit in 1_u64..20_000, asked in 1_u64..20_000, used in 0_u64..30_000,
    ) {
        let quota = Quota { requests_per_minute: 5, tokens_per_hour: limit, concurrent_requests: 5 };
        let limiter = MemoryLimiter::new();
        let admission = run(limiter.admit("sub:a", quota, asked, at_ms(0))).unwrap();
        let reserved = admission.reservation.tokens;
        prop_assert_eq!(reserved, asked.min(limit));
        prop_assert_eq!(admission.standing.tokens.remaining, limit - reserved);
        let standing = run(limiter.settle(admission.reservation, used, at_ms(500)));
        prop_assert_eq!(standing.tokens.remaining, limit.saturating_sub(used));
        prop_assert_eq!(standing.requests.remaining, 4);
        let later = at_ms(61 * 60_000);
        let again = run(limiter.admit("sub:a", quota, 1, later)).unwrap();
        prop_assert_eq!(again.standing.tokens.remaining, limit - 1, "nothing is negative for ever");
    }
}

#[test]
fn a_burst_from_many_threads_passes_no_limit() {
    const THREADS: usize = 8;
    let quota = Quota { requests_per_minute: 100, tokens_per_hour: 10_000, concurrent_requests: 60 };
    let (limiter, barrier) = (MemoryLimiter::new(), Barrier::new(THREADS));
    let burst = |tokens: u64| {
        barrier.wait();
        let admit = |_| run(limiter.admit("sub:a", quota, tokens, at_ms(0))).ok();
        (0..50).filter_map(admit).map(|admission| admission.reservation).collect::<Vec<_>>()
    };
    let (limiter_ref, burst) = (&limiter, &burst);
    let reservations: Vec<Reservation> = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(move || burst(100))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(reservations.len(), 60, "as many as may be answered at the same time");
    assert_eq!(reservations.iter().map(|reservation| reservation.tokens).sum::<u64>(), 6_000);
    for reservation in reservations {
        limiter_ref.settle_detached(reservation, 100, at_ms(1));
    }
    let more: usize = thread::scope(|scope| {
        let settle = move || {
            let mine = burst(100);
            let count = mine.len();
            for taken in mine {
                limiter_ref.settle_detached(taken, 100, at_ms(1));
            }
            count
        };
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(settle)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(more, 40, "a hundred requests of a hundred tokens and no more");
}

#[test]
fn the_default_quota_can_be_used_up_by_clients_that_say_no_max_tokens() {
    let quota = Quota { requests_per_minute: 100, tokens_per_hour: 10_000, concurrent_requests: 20 };
    let limiter = MemoryLimiter::new();
    let mut used = 0;
    for request in 0.. {
        // Some hundred tokens of prompt, and 4096 that are seldom needed.
        let Ok(admission) = run(limiter.admit("sub:a", quota, 4_500, at_ms(request * 1_000))) else { break };
        run(limiter.settle(admission.reservation, 700, at_ms(request * 1_000 + 500)));
        used += 700;
    }
    assert_eq!(used, 10_500);
    // Larger than the limit: it takes the whole hour, and then that is all.
    let admission = run(limiter.admit("sub:b", quota, 50_000, at_ms(0))).unwrap();
    assert_eq!(admission.reservation.tokens, 10_000);
    assert!(run(limiter.admit("sub:b", quota, 1, at_ms(0))).is_err());
}

#[test]
fn who_is_refused_hears_when_it_will_work() {
    let quota = Quota { requests_per_minute: 2, tokens_per_hour: 1_000, concurrent_requests: 2 };
    let limiter = MemoryLimiter::new();
    let admit = |tokens, ms| run(limiter.admit("sub:a", quota, tokens, at_ms(ms)));
    let first = admit(600, 0).unwrap();
    let meter =
        |limit, remaining, reset_ms| Meter { limit, remaining, reset: Duration::from_millis(reset_ms) };
    assert_eq!(first.standing.requests, meter(2, 1, 61_000));
    assert_eq!(first.standing.tokens, meter(1_000, 400, 3_660_000));
    let others = admit(500, 10).unwrap_err().error;
    assert_eq!((others.type_name, others.retry_after), (Some("tokens"), Some(Duration::from_secs(1))));
    run(limiter.settle(first.reservation, 1_200, at_ms(20)));
    let over = admit(1, 30).unwrap_err().error;
    assert_eq!(over.retry_after, Some(Duration::from_millis(3_659_970)));
    assert_eq!(over.should_retry, Some(false));
    let (wait, quota) = (3_660_000, Quota { tokens_per_hour: 5_000, ..quota });
    assert!(run(limiter.admit("sub:a", quota, 1, at_ms(40))).is_ok(), "a larger quota counts at once");
    let requests = run(limiter.admit("sub:a", quota, 1, at_ms(50))).unwrap_err().error;
    assert_eq!(
        (requests.type_name, requests.retry_after),
        (Some("requests"), Some(Duration::from_millis(60_950)))
    );
    assert!(admit(1, wait).is_ok());
}

#[test]
fn idle_callers_are_forgotten() {
    let quota = Quota { requests_per_minute: 1, tokens_per_hour: 10, concurrent_requests: 1 };
    let limiter = MemoryLimiter::new();
    run(async {
        for hour in 0..20 {
            for caller in 0..5_000 {
                let now = at_ms(hour * 2 * HOUR_MS + caller);
                let name = format!("sub:{hour}-{caller}");
                let admission = limiter.admit(&name, quota, 1, now).await.unwrap();
                limiter.settle_detached(admission.reservation, 1, now);
            }
        }
    });
    assert!((5_000..15_000).contains(&limiter.accounts()), "{}", limiter.accounts());
}
