//! How long to wait for AWS, what to try again, and how to say so.
//!
//! Only failures that are known to heal are tried again, with exponential backoff and jitter, within one bound for the
//! whole operation. Every wait is an event, so that an operator sees that it is normal.

use std::future::Future;
use std::time::Duration;

use cloud::{CallError, ErrorKind};
use model::event::What;
use model::plan::StepId;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::clock::Entropy;
use crate::error::StepError;
use crate::events::Emitter;

/// Bounds on waiting.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// One attempt at one call.
    pub attempt: Duration,
    /// One operation with all its attempts (`--call-timeout`).
    pub operation: Duration,
    /// An instance to start, to pass its checks or to terminate.
    pub instance: Duration,
    /// An instance to install itself at its first boot.
    pub first_boot: Duration,
    /// A memory to be active.
    pub memory: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            attempt: Duration::from_secs(30),
            operation: Duration::from_mins(2),
            // Terminating takes minutes on a bad day; the status checks of a new instance two to three.
            instance: Duration::from_mins(10),
            // A minute to boot, a minute to fetch; the script itself waits five for a network that is late.
            first_boot: Duration::from_mins(15),
            // 10 to 12 minutes are usual.
            memory: Duration::from_mins(20),
        }
    }
}

/// An adapter keeps to the bound of an attempt itself and knows which call it was: it goes first.
const GRACE: Duration = Duration::from_secs(2);
/// The first pause; each further one is twice as long, up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// IAM needs 10 to 30 s to propagate: longer pauses would only add to that.
const LONGEST_PAUSE: Duration = Duration::from_secs(8);

/// Waits on behalf of steps.
pub struct Patience<'a> {
    /// The bounds.
    pub limits: Limits,
    /// Set when the operator asked to stop.
    pub cancel: CancellationToken,
    /// Spreads retries.
    pub entropy: &'a Entropy,
    /// Tells the views.
    pub events: &'a Emitter<'a>,
}

/// What a failed call means for trying again.
enum Verdict {
    /// Try again; this is what is waited for.
    Wait(&'static str),
    /// Give up.
    GiveUp,
}

impl Patience<'_> {
    /// Makes a call that only looks, until it succeeds or fails for good.
    pub async fn read<T, F>(
        &self,
        step: impl Into<Option<StepId>>,
        call: impl Fn() -> F,
    ) -> Result<T, StepError>
    where
        F: Future<Output = Result<T, CallError>>,
    {
        self.persist(step, call, |error| match error.kind {
            ErrorKind::TimedOut | ErrorKind::ServerFault | ErrorKind::Unreachable => {
                Verdict::Wait("waiting for the service to answer")
            }
            _ => always_heals(error),
        })
        .await
    }

    /// Makes a call that changes something, until it succeeds, fails for good, or may have happened.
    ///
    /// A failure that leaves open whether the call did its work is only retried if `repeatable`: the call carries a
    /// token or a unique name, so a second one makes no second thing.
    pub async fn write<T, F>(
        &self,
        step: impl Into<Option<StepId>>,
        repeatable: bool,
        call: impl Fn() -> F,
    ) -> Result<T, StepError>
    where
        F: Future<Output = Result<T, CallError>>,
    {
        self.persist(step, call, |error| match error.kind {
            ErrorKind::NotPropagated
                if matches!(
                    error.operation.as_str(),
                    "RunInstances" | "CreateGateway" | "CreateAgentRuntime"
                ) =>
            {
                Verdict::Wait("waiting for IAM propagation (usually 10 to 30 s)")
            }
            ErrorKind::NotPropagated => Verdict::Wait("waiting for an earlier change to take effect"),
            // The engine has just seen the thing: it exists and has not reached every server yet.
            ErrorKind::NotFound => Verdict::Wait("waiting for a new resource to become visible"),
            _ if error.may_have_happened() && repeatable => {
                Verdict::Wait("waiting for the service to answer")
            }
            _ => always_heals(error),
        })
        .await
    }

    /// [`Patience::write`] of something large that may be repeated: an attempt has that much longer.
    pub async fn upload<T, F>(
        &self,
        step: impl Into<Option<StepId>>,
        longer: Duration,
        call: impl Fn() -> F,
    ) -> Result<T, StepError>
    where
        F: Future<Output = Result<T, CallError>>,
    {
        let limits = Limits {
            attempt: self.limits.attempt.saturating_add(longer),
            operation: self.limits.operation.saturating_add(longer.saturating_mul(2)),
            ..self.limits
        };
        let slower =
            Patience { limits, cancel: self.cancel.clone(), entropy: self.entropy, events: self.events };
        slower.write(step, true, call).await
    }

    /// Makes a call that removes something. "Not found" is for the caller to count as done.
    pub async fn remove<T, F>(
        &self,
        step: impl Into<Option<StepId>>,
        call: impl Fn() -> F,
    ) -> Result<T, StepError>
    where
        F: Future<Output = Result<T, CallError>>,
    {
        self.persist(step, call, |error| match error.kind {
            ErrorKind::InUse => Verdict::Wait("waiting for what still uses it to go away"),
            ErrorKind::NotPropagated => Verdict::Wait("waiting for an earlier change to take effect"),
            _ if error.may_have_happened() => Verdict::Wait("waiting for the service to answer"),
            _ => always_heals(error),
        })
        .await
    }

    /// Looks until there is something, within `bound`.
    pub async fn until<T, F>(
        &self,
        step: impl Into<Option<StepId>>,
        reason: &str,
        bound: Duration,
        look: impl Fn() -> F,
    ) -> Result<T, StepError>
    where
        F: Future<Output = Result<Option<T>, StepError>>,
    {
        let step = step.into();
        let started = Instant::now();
        let mut pace = Pace::new();
        loop {
            if let Some(found) = look().await? {
                return Ok(found);
            }
            let pause = pace.next(self.entropy);
            if started.elapsed().saturating_add(pause) > bound {
                return Err(StepError::TimedOut { reason: reason.to_owned(), waited: bound });
            }
            self.pause(step, reason, pace.attempt, started, pause).await?;
        }
    }

    /// Looks a few times with growing pauses before believing that there is nothing.
    ///
    /// For a create without a token that a killed run may have made: lists of AWS lag behind by seconds.
    pub async fn believe_absent<T, F>(
        &self,
        step: impl Into<Option<StepId>>,
        look: impl Fn() -> F,
    ) -> Result<Option<T>, StepError>
    where
        F: Future<Output = Result<Option<T>, StepError>>,
    {
        self.look_a_few_times(step, "making sure that an earlier call made nothing", look).await
    }

    /// Looks a few times with growing pauses, for what may not be visible yet.
    pub async fn look_a_few_times<T, F>(
        &self,
        step: impl Into<Option<StepId>>,
        reason: &str,
        look: impl Fn() -> F,
    ) -> Result<Option<T>, StepError>
    where
        F: Future<Output = Result<Option<T>, StepError>>,
    {
        let step = step.into();
        let started = Instant::now();
        let mut pace = Pace::new();
        for _ in 0..LOOKS_BEFORE_ABSENT {
            if let Some(found) = look().await? {
                return Ok(Some(found));
            }
            let pause = pace.next(self.entropy);
            self.pause(step, reason, pace.attempt, started, pause).await?;
        }
        look().await
    }

    /// Whether the operator asked to stop.
    pub fn check(&self) -> Result<(), StepError> {
        if self.cancel.is_cancelled() { Err(StepError::Cancelled) } else { Ok(()) }
    }

    async fn persist<T, F>(
        &self,
        step: impl Into<Option<StepId>>,
        call: impl Fn() -> F,
        judge: impl Fn(&CallError) -> Verdict,
    ) -> Result<T, StepError>
    where
        F: Future<Output = Result<T, CallError>>,
    {
        let step = step.into();
        let started = Instant::now();
        let mut pace = Pace::new();
        loop {
            self.check()?;
            let patience = self.limits.attempt.saturating_add(GRACE);
            let error = match tokio::time::timeout(patience, call()).await {
                Ok(Ok(value)) => return Ok(value),
                Ok(Err(error)) => error,
                Err(_) => CallError::new(
                    "aws",
                    "call",
                    ErrorKind::TimedOut,
                    format!("no answer within {} s", self.limits.attempt.as_secs()),
                ),
            };
            let Verdict::Wait(reason) = judge(&error) else { return Err(error.into()) };
            let pause = pace.next(self.entropy);
            if started.elapsed().saturating_add(pause) > self.limits.operation {
                // The last error says more than "timed out" would.
                return Err(error.into());
            }
            self.pause(step, reason, pace.attempt, started, pause).await?;
        }
    }

    async fn pause(
        &self,
        step: impl Into<Option<StepId>>,
        reason: &str,
        attempt: u32,
        started: Instant,
        pause: Duration,
    ) -> Result<(), StepError> {
        self.events.emit(What::Waiting {
            step: step.into(),
            reason: reason.to_owned(),
            attempt,
            elapsed_ms: millis(started.elapsed()),
            next_in_ms: millis(pause),
        });
        tokio::select! {
            () = self.cancel.cancelled() => Err(StepError::Cancelled),
            () = tokio::time::sleep(pause) => Ok(()),
        }
    }
}

/// Four looks after the first, some 7 s with their pauses.
const LOOKS_BEFORE_ABSENT: usize = 4;

/// Failures that heal whatever the call was.
fn always_heals(error: &CallError) -> Verdict {
    match error.kind {
        ErrorKind::Throttled => Verdict::Wait("slowing down: AWS is throttling"),
        _ => Verdict::GiveUp,
    }
}

/// Growing pauses.
struct Pace {
    most: Duration,
    attempt: u32,
}

impl Pace {
    fn new() -> Self {
        Self { most: FIRST_PAUSE, attempt: 0 }
    }

    fn next(&mut self, entropy: &Entropy) -> Duration {
        let pause = entropy.jitter(self.most);
        self.most = self.most.saturating_mul(2).min(LONGEST_PAUSE);
        self.attempt = self.attempt.saturating_add(1);
        pause
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
