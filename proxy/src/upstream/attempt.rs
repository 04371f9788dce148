//! Gets the first answer from a list of candidates: the one place that retries and falls back.
//!
//! A request is repeated only before the first byte of an answer, [`MAX_RETRIES`] times at most however many
//! candidates there are, and all under one deadline: the client retries too, and the tries multiply.

use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use tokio::time::Instant;

use super::{
    Call, Operation, Refusal, Reply, Upstream,
    breaker::{Breaker, Outcome, Permit},
};
use crate::{
    ApiError,
    config::Target,
    mapping::rescue::{self, TransportFailure},
    telemetry::Observe,
};

/// Repetitions on the same candidate, in all. OpenAI's clients try three times themselves.
const MAX_RETRIES: u32 = 2;

/// The first wait is up to this, the next up to twice as long (full jitter, as AWS advises).
const FIRST_BACKOFF: Duration = Duration::from_millis(100);

/// While there are others to ask, nobody waits longer than this for the one that has refused.
const LONGEST_WAIT_BEFORE_OTHERS: Duration = Duration::from_millis(500);

/// Who had less time than this, because others had used it up, is not called unwell for being late.
const FAIR_WAIT: Duration = Duration::from_secs(10);

/// What the log says when a circuit opens.
const OPENED: &str = "SRE-PROXY-054";

/// Somebody to ask.
#[derive(Clone, Copy)]
pub struct Candidate<'a> {
    /// Which model.
    pub target: &'a Target,
    /// Who serves it.
    pub upstream: &'a dyn Upstream,
    /// Whether they are well.
    pub breaker: &'a Breaker,
}

/// What does not change between the tries of one request.
pub struct Attempt<'a> {
    /// What is asked.
    pub operation: Operation,
    /// When the first byte has to be there.
    pub deadline: Instant,
    /// Who counts refusals.
    pub observe: &'a dyn Observe,
}

/// Asks one candidate after the other until somebody answers.
///
/// `prepare` makes the body for a target and is called once for each that is asked. If nobody answers, the most
/// telling refusal is returned: one that an upstream gave rather than one of ours, and the first of those.
pub async fn first_answer<'a, P>(
    candidates: &[Candidate<'a>],
    attempt: &Attempt<'_>,
    random: &mut fastrand::Rng,
    mut prepare: impl FnMut(&Target) -> Result<(Bytes, P), ApiError>,
) -> Result<(Reply, P, &'a Target), ApiError> {
    let mut told: Option<Told> = None;
    let mut retries_left = MAX_RETRIES;
    for (index, candidate) in candidates.iter().enumerate() {
        let permit = match candidate.breaker.enter(Instant::now()) {
            Ok(permit) => permit,
            Err(wait) => {
                attempt.observe.upstream_refused(&candidate.target.upstream, "circuit_open");
                Told::keep(&mut told, Told::open(wait));
                continue;
            }
        };
        let (body, prepared) = match prepare(candidate.target) {
            Ok(ready) => ready,
            // What the first candidate cannot be asked is the client's mistake. What only a fallback cannot be asked
            // is no reason to hide why it was needed.
            Err(error) => return Err(told.map_or(error, |told| told.error)),
        };
        let others = candidates.len().saturating_sub(index).saturating_sub(1);
        let mut tries = Tries { candidate, attempt, others, limit: limit(attempt.deadline, others), body };
        match tries.make(permit, &mut retries_left, random).await {
            Ok(reply) => return Ok((reply, prepared, candidate.target)),
            Err(refusal) => {
                let elsewhere = refusal.retryable;
                Told::keep(&mut told, Told::by(refusal));
                if !elsewhere {
                    break;
                }
            }
        }
        if Instant::now() >= attempt.deadline {
            break;
        }
    }
    Err(told.map_or_else(nobody, |told| told.error))
}

/// Until when a candidate may take: half of what is left while there are others, so that a silent one does not use up
/// the time of those who would have answered.
fn limit(deadline: Instant, others: usize) -> Instant {
    let now = Instant::now();
    let left = deadline.saturating_duration_since(now);
    let share = if others == 0 { left } else { left.div_f32(2.0) };
    now.checked_add(share).unwrap_or(deadline)
}

/// The tries with one candidate.
struct Tries<'a, 'b> {
    candidate: &'b Candidate<'a>,
    attempt: &'b Attempt<'b>,
    /// How many could be asked after this one.
    others: usize,
    limit: Instant,
    body: Bytes,
}

impl Tries<'_, '_> {
    async fn make(
        &mut self,
        permit: Permit<'_>,
        retries_left: &mut u32,
        random: &mut fastrand::Rng,
    ) -> Result<Reply, Refusal> {
        let mut permit = permit;
        let mut backoff = FIRST_BACKOFF;
        loop {
            let refusal = match self.once(permit).await {
                Ok(reply) => return Ok(reply),
                Err(refusal) => refusal,
            };
            if *retries_left == 0 || !worth_repeating(&refusal) {
                return Err(refusal);
            }
            let wait = refusal.error.retry_after.unwrap_or_default().max(jittered(backoff, random));
            let patience = self.limit.saturating_duration_since(Instant::now());
            let patience = if self.others == 0 { patience } else { patience.min(LONGEST_WAIT_BEFORE_OTHERS) };
            if wait >= patience {
                return Err(refusal);
            }
            tokio::time::sleep(wait).await;
            let Ok(next) = self.candidate.breaker.enter(Instant::now()) else { return Err(refusal) };
            permit = next;
            *retries_left = retries_left.saturating_sub(1);
            backoff = backoff.saturating_mul(2);
        }
    }

    /// Asks once, counts the refusal and tells the breaker.
    async fn once(&self, permit: Permit<'_>) -> Result<Reply, Refusal> {
        let target = self.candidate.target;
        let call = Call {
            target,
            operation: self.attempt.operation,
            body: self.body.clone(),
            first_byte: self.limit.saturating_duration_since(Instant::now()),
        };
        let sent = tokio::time::timeout_at(self.limit, self.candidate.upstream.send(&call)).await;
        let result = sent.unwrap_or_else(|_| Err(too_late(call.first_byte)));
        let unwell = result.as_ref().is_err_and(|refusal| refusal.unwell);
        let outcome = if unwell { Outcome::Unwell } else { Outcome::Well };
        if let Some(pause) = permit.finish(outcome, Instant::now()) {
            tracing::warn!(code = OPENED, upstream = %target.upstream, model = %target.model, ?pause,
                "the upstream is unwell and is left alone for a while");
        }
        if let Err(refusal) = &result {
            let code = refusal.error.code.as_deref().unwrap_or("none");
            let said = refusal.error.log.as_deref().unwrap_or_default();
            self.attempt.observe.upstream_refused(&target.upstream, code);
            tracing::warn!(upstream = %target.upstream, model = %target.model, error = code, said,
                "an upstream refused");
        }
        result
    }
}

/// Whether the same candidate may answer in a moment. Waiting mends neither a used-up quota nor wrong credentials, and
/// a timeout has used up the time; those may still be answered by somebody else.
fn worth_repeating(refusal: &Refusal) -> bool {
    let error = &refusal.error;
    let in_vain = error.should_retry == Some(false)
        || error.code.as_deref() == Some("upstream_auth_error")
        || error.status == StatusCode::GATEWAY_TIMEOUT;
    refusal.retryable && !in_vain
}

fn jittered(most: Duration, random: &mut fastrand::Rng) -> Duration {
    let most = u64::try_from(most.as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis(random.u64(0..=most))
}

fn too_late(waited: Duration) -> Refusal {
    let refusal = rescue::from_transport(TransportFailure::Timeout(format!("no answer within {waited:?}")));
    Refusal { unwell: refusal.unwell && waited >= FAIR_WAIT, ..refusal }
}

/// A refusal, and how much it says about why nobody answered.
struct Told {
    error: ApiError,
    weight: u8,
}

impl Told {
    fn by(refusal: Refusal) -> Self {
        let weight = match refusal.error.status {
            // The request itself is at fault: nobody would have answered it.
            status if !refusal.retryable && status.is_client_error() => 4,
            // Tells the client when to come again.
            StatusCode::TOO_MANY_REQUESTS => 3,
            _ => 2,
        };
        Self { error: refusal.error, weight }
    }

    /// A circuit is open: nobody was asked, which says least.
    fn open(wait: Duration) -> Self {
        let message = "The upstream has failed repeatedly and is left alone for a moment.";
        let error = ApiError::server(StatusCode::SERVICE_UNAVAILABLE, "upstream_unavailable", message)
            .retry_after(wait);
        Self { error, weight: 1 }
    }

    /// The first of the heaviest.
    fn keep(told: &mut Option<Self>, new: Self) {
        if told.as_ref().is_none_or(|old| new.weight > old.weight) {
            *told = Some(new);
        }
    }
}

/// A route has at least one target, so this is not reached through it.
fn nobody() -> ApiError {
    ApiError::server(StatusCode::BAD_GATEWAY, "upstream_error", "No upstream is configured for this model.")
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "times and counts of tests")]
mod tests;
