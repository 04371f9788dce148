//! What can go wrong around a call, on demand: hooks that record, fail, delay or stop calls.
//!
//! They stand around any account, so the same faults are met by the practice account and by the adapters.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;

use crate::error::iam_action;
use crate::hook::{Access, Call, Hook};
use crate::{CallError, ErrorKind};

/// On which side of a call something happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum When {
    /// The call is never made.
    Before,
    /// The call is made, and its answer does not arrive.
    After,
}

/// Which calls count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Matching {
    /// All.
    Any,
    /// Those that look, or those that change.
    Access(Access),
    /// Those of an operation by its name, such as `RunInstances`.
    Operation(&'static str),
}

impl Matching {
    fn includes(self, call: Call) -> bool {
        match self {
            Self::Any => true,
            Self::Access(access) => call.access == access,
            Self::Operation(operation) => call.operation == operation,
        }
    }
}

/// Remembers every call that was about to be made, in order.
#[derive(Debug, Default)]
pub struct Recorder {
    calls: Mutex<Vec<Call>>,
}

impl Recorder {
    fn lock(&self) -> MutexGuard<'_, Vec<Call>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All calls so far.
    pub fn calls(&self) -> Vec<Call> {
        self.lock().clone()
    }

    /// How many calls so far looked, or changed something.
    pub fn count(&self, access: Access) -> usize {
        self.lock().iter().filter(|call| call.access == access).count()
    }

    /// The calls so far that match, as the IAM actions that they need.
    pub fn actions(&self, matching: Matching) -> Vec<String> {
        let calls = self.lock();
        let matching = calls.iter().filter(|&&call| matching.includes(call));
        matching.map(|call| iam_action(call.service, call.operation)).collect()
    }

    /// Forgets the calls so far.
    pub fn clear(&self) {
        self.lock().clear();
    }
}

#[async_trait]
impl Hook for Recorder {
    async fn before(&self, call: Call) -> Result<(), CallError> {
        self.lock().push(call);
        Ok(())
    }
}

/// How a call fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    kind: ErrorKind,
    code: Option<String>,
    message: String,
}

impl Failure {
    /// A failure on the way, such as [`ErrorKind::Unreachable`].
    pub fn on_the_way(kind: ErrorKind) -> Self {
        Self { kind, code: None, message: "failed on demand".to_owned() }
    }

    /// A failure that the service answers, such as `RequestLimitExceeded`; code and message say its kind.
    pub fn answered(code: &str, message: &str) -> Self {
        Self {
            kind: ErrorKind::classify(code, message),
            code: Some(code.to_owned()),
            message: message.to_owned(),
        }
    }

    fn of(&self, call: Call) -> CallError {
        let error = CallError::new(call.service, call.operation, self.kind, self.message.clone());
        CallError { code: self.code.clone(), ..error }
    }
}

/// Counts the matching calls from 1 on; 0 for a call that does not match.
#[derive(Debug)]
struct Counter {
    matching: Matching,
    seen: AtomicU32,
}

impl Counter {
    fn new(matching: Matching) -> Self {
        Self { matching, seen: AtomicU32::new(0) }
    }

    fn count(&self, call: Call) -> u32 {
        if !self.matching.includes(call) {
            return 0;
        }
        self.seen.fetch_add(1, Ordering::SeqCst).saturating_add(1)
    }
}

/// Fails the k-th matching call, or that one and some after it.
#[derive(Debug)]
pub struct FailNth {
    first: u32,
    last: u32,
    when: When,
    failure: Failure,
    counter: Counter,
}

impl FailNth {
    /// Fails the `nth` matching call, counted from 1; 0 fails none.
    pub fn new(nth: u32, matching: Matching, when: When, failure: Failure) -> Self {
        Self { first: nth, last: nth, when, failure, counter: Counter::new(matching) }
    }

    /// Fails so many matching calls in a row, from the n-th on.
    #[must_use]
    pub fn times(self, times: u32) -> Self {
        Self { last: self.first.saturating_add(times).saturating_sub(1), ..self }
    }

    /// Whether the first of the calls to fail has failed.
    pub fn happened(&self) -> bool {
        self.first > 0 && self.counter.seen.load(Ordering::SeqCst) >= self.first
    }

    fn at(&self, when: When, call: Call) -> Result<(), CallError> {
        if when != self.when {
            return Ok(());
        }
        let count = self.counter.count(call);
        let due = count > 0 && (self.first..=self.last).contains(&count);
        if due { Err(self.failure.of(call)) } else { Ok(()) }
    }
}

#[async_trait]
impl Hook for FailNth {
    async fn before(&self, call: Call) -> Result<(), CallError> {
        self.at(When::Before, call)
    }

    async fn after(&self, call: Call, _outcome: Result<(), &CallError>) -> Result<(), CallError> {
        self.at(When::After, call)
    }
}

/// Lets this long pass before each call.
#[derive(Debug, Clone, Copy)]
pub struct Latency(pub Duration);

#[async_trait]
impl Hook for Latency {
    async fn before(&self, _call: Call) -> Result<(), CallError> {
        tokio::time::sleep(self.0).await;
        Ok(())
    }
}

/// Several hooks as one, the first outermost: asked first before a call and last after it. A call that one of them
/// stops reaches those after it neither before nor after.
pub struct Chain(pub Vec<Arc<dyn Hook>>);

#[async_trait]
impl Hook for Chain {
    async fn before(&self, call: Call) -> Result<(), CallError> {
        for hook in &self.0 {
            hook.before(call).await?;
        }
        Ok(())
    }

    async fn after(&self, call: Call, outcome: Result<(), &CallError>) -> Result<(), CallError> {
        // The outer hooks see what the inner ones made of the answer.
        let mut changed: Option<CallError> = None;
        for hook in self.0.iter().rev() {
            let seen = changed.as_ref().map_or(outcome, Err);
            if let Err(error) = hook.after(call, seen).await {
                changed = Some(error);
            }
        }
        changed.map_or(Ok(()), Err)
    }
}

/// Stops everything at the k-th write, for tests that kill a run there.
///
/// The call that reaches the gate never returns. The receiver turns `true`; whoever waits for it drops the run.
#[derive(Debug)]
pub struct Gate {
    nth: u32,
    when: When,
    counter: Counter,
    reached: watch::Sender<bool>,
}

impl Gate {
    /// A gate at the `nth` write, counted from 1, on this side of it; 0 stops nothing.
    pub fn new(nth: u32, when: When) -> (Arc<Self>, watch::Receiver<bool>) {
        Self::at(nth, Matching::Access(Access::Write), when)
    }

    /// A gate at the `nth` matching call.
    pub fn at(nth: u32, matching: Matching, when: When) -> (Arc<Self>, watch::Receiver<bool>) {
        let (reached, receiver) = watch::channel(false);
        (Arc::new(Self { nth, when, counter: Counter::new(matching), reached }), receiver)
    }

    async fn pass(&self, when: When, call: Call) {
        if when == self.when && self.nth > 0 && self.counter.count(call) == self.nth {
            self.reached.send_replace(true);
            std::future::pending::<()>().await;
        }
    }
}

#[async_trait]
impl Hook for Gate {
    async fn before(&self, call: Call) -> Result<(), CallError> {
        self.pass(When::Before, call).await;
        Ok(())
    }

    async fn after(&self, call: Call, _outcome: Result<(), &CallError>) -> Result<(), CallError> {
        self.pass(When::After, call).await;
        Ok(())
    }
}
