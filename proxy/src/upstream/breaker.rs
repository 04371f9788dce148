//! A circuit breaker for one target: an upstream that is unwell is left alone for a while.
//!
//! [`Circuit`] is the state machine, told the time; [`Breaker`] is what requests share.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// Failures in a row that open the circuit. Fewer would punish bad luck; more would make clients wait for long.
const FAILURES: u32 = 5;

/// The failures have to spread over this time: one lost HTTP/2 connection fails everything on it in one moment,
/// which says nothing about the next request.
const SPREAD: Duration = Duration::from_secs(1);

/// How long the circuit stays open the first time. A deployment or fail-over at the other end takes about that long.
const FIRST_PAUSE: Duration = Duration::from_secs(5);

/// The pause doubles with every failed probe up to this; then one request a minute finds out.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);

/// How a permitted call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was answered, be it with a refusal that is the caller's own fault.
    Well,
    /// It failed in a way that says the upstream is unwell.
    Unwell,
    /// Nothing was learnt: the client left.
    Unknown,
}

/// The leave to make one call. Has to be given back with [`Circuit::finish`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leave {
    /// Which period of the circuit it belongs to; what happened in an earlier one no longer counts.
    period: u64,
}

/// The state machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Circuit {
    state: State,
    period: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed { failures: u32, first: Option<Instant> },
    Open { until: Instant, pause: Duration },
    HalfOpen { pause: Duration, probe: Option<Instant> },
}

impl Default for Circuit {
    fn default() -> Self {
        Self { state: State::Closed { failures: 0, first: None }, period: 0 }
    }
}

impl Circuit {
    /// Leave to call, or how long to stay away. After a pause, one call after the other may find out.
    pub fn enter(&mut self, now: Instant) -> Result<Leave, Duration> {
        if let State::Open { until, pause } = self.state {
            let left = until.saturating_duration_since(now);
            if !left.is_zero() {
                return Err(left);
            }
            self.go(State::HalfOpen { pause, probe: None });
        }
        match &mut self.state {
            State::HalfOpen { probe, .. } => {
                // Whole answers may take minutes. A probe that takes long is not waited for, another one is sent.
                let since = probe.map(|sent| now.saturating_duration_since(sent));
                if let Some(left) = since.and_then(|since| FIRST_PAUSE.checked_sub(since))
                    && !left.is_zero()
                {
                    return Err(left);
                }
                *probe = Some(now);
                Ok(Leave { period: self.period })
            }
            State::Closed { .. } | State::Open { .. } => Ok(Leave { period: self.period }),
        }
    }

    /// How the call ended. Returns for how long the circuit opened, if it did.
    pub fn finish(&mut self, leave: Leave, outcome: Outcome, now: Instant) -> Option<Duration> {
        if leave.period != self.period {
            return None;
        }
        match (&mut self.state, outcome) {
            (State::Closed { failures, first }, Outcome::Unwell) => {
                *failures = failures.saturating_add(1);
                let since = *first.get_or_insert(now);
                if *failures >= FAILURES && now.saturating_duration_since(since) >= SPREAD {
                    return Some(self.open(now, FIRST_PAUSE));
                }
            }
            (State::Closed { failures, first }, Outcome::Well) => (*failures, *first) = (0, None),
            (State::HalfOpen { pause, .. }, Outcome::Unwell) => {
                let pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
                return Some(self.open(now, pause));
            }
            (State::HalfOpen { .. }, Outcome::Well) => {
                self.go(State::Closed { failures: 0, first: None });
            }
            (State::HalfOpen { probe, .. }, Outcome::Unknown) => *probe = None,
            (State::Closed { .. }, Outcome::Unknown) | (State::Open { .. }, _) => {}
        }
        None
    }

    /// Whether calls are refused at this time.
    pub fn is_open(&self, now: Instant) -> bool {
        matches!(self.state, State::Open { until, .. } if until > now)
    }

    fn open(&mut self, now: Instant, pause: Duration) -> Duration {
        // A pause is a minute at most, so the sum exists.
        self.go(State::Open { until: now.checked_add(pause).unwrap_or(now), pause });
        pause
    }

    fn go(&mut self, state: State) {
        self.state = state;
        self.period = self.period.wrapping_add(1);
    }
}

/// A circuit that requests share. Its lock is held for a few instructions, never across an await.
#[derive(Debug, Default)]
pub struct Breaker(Mutex<Circuit>);

impl Breaker {
    /// Leave to call, or how long to stay away.
    pub fn enter(&self, now: Instant) -> Result<Permit<'_>, Duration> {
        let leave = self.circuit().enter(now)?;
        Ok(Permit { breaker: self, leave: Some(leave) })
    }

    /// Whether calls are refused at this time.
    pub fn is_open(&self, now: Instant) -> bool {
        self.circuit().is_open(now)
    }

    fn circuit(&self) -> MutexGuard<'_, Circuit> {
        // The state is valid between any two statements, so a panic elsewhere does not spoil it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The leave to make one call; dropped without a result, it gives the place back.
#[derive(Debug)]
pub struct Permit<'a> {
    breaker: &'a Breaker,
    leave: Option<Leave>,
}

impl Permit<'_> {
    /// How the call ended. Returns for how long the circuit opened, if it did.
    pub fn finish(mut self, outcome: Outcome, now: Instant) -> Option<Duration> {
        self.leave.take().and_then(|leave| self.breaker.circuit().finish(leave, outcome, now))
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if let Some(leave) = self.leave.take() {
            // `Unknown` changes nothing that depends on the time.
            self.breaker.circuit().finish(leave, Outcome::Unknown, Instant::now());
        }
    }
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "times and counts of tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    /// Fails a call per second until the circuit opens; returns when it did.
    fn opened(circuit: &mut Circuit, start: Instant) -> Instant {
        for second in 0.. {
            let now = start + seconds(second);
            let leave = circuit.enter(now).unwrap();
            if circuit.finish(leave, Outcome::Unwell, now).is_some() {
                return now;
            }
        }
        unreachable!()
    }

    #[test]
    fn it_opens_after_failures_that_spread_and_closes_after_a_good_probe() {
        let (mut circuit, start) = (Circuit::default(), Instant::now());
        let at = opened(&mut circuit, start);
        assert_eq!(at, start + seconds(4));
        assert_eq!(circuit.enter(at), Err(seconds(5)));
        let probe = circuit.enter(at + seconds(5)).unwrap();
        assert!(circuit.enter(at + seconds(5)).is_err(), "one probe at a time");
        assert_eq!(circuit.finish(probe, Outcome::Well, at + seconds(6)), None);
        assert!(circuit.enter(at + seconds(6)).is_ok());
        assert!(circuit.enter(at + seconds(6)).is_ok());
    }

    #[test]
    fn one_lost_connection_with_many_calls_on_it_does_not_open_it() {
        let (mut circuit, now) = (Circuit::default(), Instant::now());
        let leaves: Vec<Leave> = (0..100).map(|_| circuit.enter(now).unwrap()).collect();
        for leave in leaves {
            assert_eq!(circuit.finish(leave, Outcome::Unwell, now), None);
        }
        assert!(!circuit.is_open(now));
    }

    #[test]
    fn a_success_in_between_starts_the_count_again() {
        let (mut circuit, start) = (Circuit::default(), Instant::now());
        for second in 0..50 {
            let now = start + seconds(second);
            let leave = circuit.enter(now).unwrap();
            let outcome = if second % 5 == 4 { Outcome::Well } else { Outcome::Unwell };
            assert_eq!(circuit.finish(leave, outcome, now), None);
        }
    }

    #[test]
    fn failed_probes_double_the_pause_up_to_a_minute_and_abandoned_ones_make_room() {
        let (mut circuit, start) = (Circuit::default(), Instant::now());
        let mut now = opened(&mut circuit, start);
        let mut pause = FIRST_PAUSE;
        for _ in 0..6 {
            now += pause;
            let abandoned = circuit.enter(now).unwrap();
            circuit.finish(abandoned, Outcome::Unknown, now);
            let probe = circuit.enter(now).unwrap();
            pause = circuit.finish(probe, Outcome::Unwell, now).unwrap();
        }
        assert_eq!(pause, LONGEST_PAUSE);
    }

    #[test]
    fn a_dropped_permit_gives_its_probe_back() {
        let (breaker, start) = (Breaker::default(), Instant::now());
        for second in 0..5 {
            let now = start + seconds(second);
            breaker.enter(now).unwrap().finish(Outcome::Unwell, now);
        }
        let later = start + seconds(9);
        drop(breaker.enter(later).unwrap());
        assert!(breaker.enter(later).is_ok());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        /// Whatever happens: while it is open nobody enters, after its pause somebody does; it never opens without
        /// enough failures in a row.
        #[test]
        fn it_keeps_its_promises(steps in prop::collection::vec((0_u8..4, 0_u64..4_000, any::<prop::sample::Index>()), 1..200)) {
            let (mut circuit, mut now) = (Circuit::default(), Instant::now());
            let (mut under_way, mut in_a_row): (Vec<Leave>, u32) = (Vec::new(), 0);
            for (kind, milliseconds, which) in steps {
                now += Duration::from_millis(milliseconds);
                if kind == 0 || under_way.is_empty() {
                    let was_open = circuit.is_open(now);
                    match circuit.enter(now) {
                        Ok(leave) => {
                            prop_assert!(!was_open);
                            under_way.push(leave);
                        }
                        Err(wait) => prop_assert!(wait <= LONGEST_PAUSE),
                    }
                    continue;
                }
                let leave = under_way.swap_remove(which.index(under_way.len()));
                let outcome = [Outcome::Well, Outcome::Unwell, Outcome::Unknown][usize::from(kind - 1)];
                let (counts, was_closed) = (leave.period == circuit.period, matches!(circuit.state, State::Closed { .. }));
                if counts {
                    match outcome {
                        Outcome::Well => in_a_row = 0,
                        Outcome::Unwell => in_a_row += 1,
                        Outcome::Unknown => {}
                    }
                }
                let opened = circuit.finish(leave, outcome, now);
                prop_assert_eq!(opened.is_some(), circuit.is_open(now) && counts && outcome == Outcome::Unwell);
                if opened.is_some() && was_closed {
                    prop_assert!(in_a_row >= FAILURES);
                }
                if opened.is_some() {
                    in_a_row = 0;
                }
            }
            prop_assert!(circuit.enter(now + LONGEST_PAUSE).is_ok());
        }
    }
}
