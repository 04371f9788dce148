//! Runs checks: concurrently, each after what it depends on, none for longer than its deadline.
//!
//! What depends on something that failed is not asked: its finding is `skipped`, and says because of what. What did not
//! answer in time could not be judged, and says that. What may heal by itself is asked again, a little later.

use std::cell::RefCell;
use std::time::Duration;

use futures::future::LocalBoxFuture;
use futures::stream::{FuturesUnordered, StreamExt as _};
use model::{Finding, Severity};
use tokio::sync::{Notify, Semaphore};

use crate::catalogue::Entry;

/// How long to wait before something that may heal is asked again.
const HEALING: Duration = Duration::from_millis(500);

/// What an attempt of a check came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// This is how it is.
    Final(Vec<Finding>),
    /// This is how it is now; asked again it may be better.
    MayHeal(Vec<Finding>),
}

/// A place in a [`Suite`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CheckId(usize);

/// One question about one subject.
struct Check<'a> {
    entry: &'static Entry,
    subject: String,
    after: Vec<CheckId>,
    work: Box<dyn FnMut() -> LocalBoxFuture<'a, Verdict> + 'a>,
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Which check.
    pub entry: &'static Entry,
    /// About what.
    pub subject: String,
    /// What it said; never empty.
    pub findings: Vec<Finding>,
}

impl Outcome {
    /// Whether what depends on it can be asked.
    pub fn carries(&self) -> bool {
        self.findings
            .iter()
            .all(|finding| matches!(finding.severity, Severity::Ok | Severity::Info | Severity::Warning))
    }
}

/// Checks to run together.
#[derive(Default)]
pub struct Suite<'a> {
    checks: Vec<Check<'a>>,
}

impl<'a> Suite<'a> {
    /// No checks yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a check. It waits for the checks of `after`, which were added before it.
    ///
    /// `work` collects facts and judges them; it is called once for each attempt. An empty verdict means that all is
    /// in order, and becomes a finding that says so with the entry's title.
    pub fn add(
        &mut self,
        entry: &'static Entry,
        subject: impl Into<String>,
        after: &[CheckId],
        work: impl FnMut() -> LocalBoxFuture<'a, Verdict> + 'a,
    ) -> CheckId {
        let id = CheckId(self.checks.len());
        // Only what was added before can be waited for, so there is never a circle.
        let after = after.iter().copied().filter(|before| *before < id).collect();
        self.checks.push(Check { entry, subject: subject.into(), after, work: Box::new(work) });
        id
    }

    /// Runs all checks, at most `at_once` at a time, and gives their outcomes in the order in which they were added.
    pub async fn run(self, at_once: usize) -> Vec<Outcome> {
        let board = Board {
            outcomes: RefCell::new(vec![None; self.checks.len()]),
            changed: Notify::new(),
            seats: Semaphore::new(at_once.max(1)),
        };
        let mut running: FuturesUnordered<_> =
            self.checks.into_iter().enumerate().map(|(index, check)| board.settle(index, check)).collect();
        while running.next().await.is_some() {}
        drop(running);
        board.outcomes.into_inner().into_iter().flatten().collect()
    }
}

/// What is known so far.
struct Board {
    outcomes: RefCell<Vec<Option<Outcome>>>,
    changed: Notify,
    seats: Semaphore,
}

impl Board {
    async fn settle(&self, index: usize, mut check: Check<'_>) {
        let findings = match self.obstacle(&check.after).await {
            Some(code) => vec![skipped(check.entry, &check.subject, &code)],
            None => match self.seats.acquire().await {
                Ok(_seat) => attempt(&mut check).await,
                // The semaphore is never closed; were it, nothing could be asked.
                Err(_) => Vec::new(),
            },
        };
        let findings = if findings.is_empty() { vec![passed(check.entry, &check.subject)] } else { findings };
        let outcome = Outcome { entry: check.entry, subject: check.subject, findings };
        if let Some(slot) = self.outcomes.borrow_mut().get_mut(index) {
            *slot = Some(outcome);
        }
        self.changed.notify_waiters();
    }

    /// Waits for all of these; the code of the one that stands in the way, if one does.
    async fn obstacle(&self, after: &[CheckId]) -> Option<String> {
        for before in after {
            loop {
                let changed = self.changed.notified();
                let state = self.outcomes.borrow().get(before.0).and_then(Option::as_ref).map(|outcome| {
                    (outcome.carries(), outcome.entry.code.to_owned(), root(&outcome.findings))
                });
                match state {
                    Some((true, ..)) => break,
                    // What was skipped itself passes on the first cause: that is what the operator has to mend.
                    Some((false, code, cause)) => return Some(cause.unwrap_or(code)),
                    None => changed.await,
                }
            }
        }
        None
    }
}

/// The cause that a skipped check names.
fn root(findings: &[Finding]) -> Option<String> {
    findings
        .iter()
        .find(|finding| finding.severity == Severity::Skipped)
        .and_then(|finding| finding.evidence.clone())
}

/// The finding of a check that was not asked, because the check with `cause` failed; the cause is its evidence.
pub fn skipped(entry: &Entry, subject: &str, cause: &str) -> Finding {
    skipped_because(entry, subject, &format!("{cause} failed")).evidence(cause)
}

/// The finding of a check that was not asked: what would have been, and why it was not.
pub fn skipped_because(entry: &Entry, subject: &str, because: &str) -> Finding {
    let message = format!("{}: skipped because {because}", entry.title);
    Finding::new(entry.code, Severity::Skipped, subject, message)
}

/// The finding of a check that passed.
pub fn passed(entry: &Entry, subject: &str) -> Finding {
    Finding::new(entry.code, Severity::Ok, subject, entry.title)
}

/// The finding of a check that got no answer in time.
fn timed_out(entry: &Entry, subject: &str) -> Finding {
    let seconds = entry.deadline.as_secs_f64();
    Finding::new(entry.code, Severity::Unknown, subject, format!("no answer within {seconds} s"))
}

async fn attempt(check: &mut Check<'_>) -> Vec<Finding> {
    let Check { entry, subject, work, .. } = check;
    let mut left = entry.attempts.max(1);
    loop {
        left = left.saturating_sub(1);
        let work = work();
        let verdict = if entry.deadline.is_zero() {
            work.await
        } else {
            match tokio::time::timeout(entry.deadline, work).await {
                Ok(verdict) => verdict,
                Err(_) => Verdict::MayHeal(vec![timed_out(entry, subject)]),
            }
        };
        match verdict {
            Verdict::MayHeal(_) if left > 0 => tokio::time::sleep(HEALING).await,
            Verdict::Final(findings) | Verdict::MayHeal(findings) => return findings,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    const FIRST: Entry = Entry::waiting("SRE-X-001", "the first holds", &[], 1);
    const SECOND: Entry = Entry::waiting("SRE-X-002", "the second holds", &["SRE-X-001"], 1).attempts(3);
    const THIRD: Entry = Entry::waiting("SRE-X-003", "the third holds", &["SRE-X-002"], 1);

    fn says(severity: Severity) -> impl FnMut() -> LocalBoxFuture<'static, Verdict> {
        move || {
            Box::pin(async move { Verdict::Final(vec![Finding::new("SRE-X-001", severity, "x", "said")]) })
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_stands_on_a_failure_names_the_first_cause() {
        let mut suite = Suite::new();
        let first = suite.add(&FIRST, "x", &[], says(Severity::Error));
        let second = suite.add(&SECOND, "x", &[first], || panic!("must not be asked"));
        suite.add(&THIRD, "x", &[second], || panic!("must not be asked"));
        let outcomes = suite.run(8).await;
        let messages: Vec<&str> = outcomes.iter().map(|o| o.findings[0].message.as_str()).collect();
        assert_eq!(
            messages,
            [
                "said",
                "the second holds: skipped because SRE-X-001 failed",
                "the third holds: skipped because SRE-X-001 failed"
            ]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_timeout_is_a_timeout_and_not_a_failure() {
        let mut suite = Suite::new();
        suite.add(&FIRST, "x", &[], || Box::pin(std::future::pending()));
        let outcomes = suite.run(8).await;
        assert_eq!(outcomes[0].findings[0].severity, Severity::Unknown);
        assert_eq!(outcomes[0].findings[0].message, "no answer within 1 s");
    }

    #[tokio::test(start_paused = true)]
    async fn only_what_may_heal_is_asked_again() {
        let (healing, lasting) = (Cell::new(0), Cell::new(0));
        let mut suite = Suite::new();
        suite.add(&SECOND, "heals", &[], || {
            healing.set(healing.get() + 1);
            let now = healing.get();
            Box::pin(async move {
                if now < 3 {
                    Verdict::MayHeal(vec![Finding::new("SRE-X-002", Severity::Error, "x", "not yet")])
                } else {
                    Verdict::Final(Vec::new())
                }
            })
        });
        suite.add(&SECOND, "lasts", &[], || {
            lasting.set(lasting.get() + 1);
            says(Severity::Error)()
        });
        let outcomes = suite.run(8).await;
        assert_eq!(outcomes[0].findings[0].message, "the second holds");
        assert_eq!((healing.get(), lasting.get()), (3, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_run_at_once_than_there_are_seats() {
        let (now, most) = (Cell::new(0_usize), Cell::new(0_usize));
        let mut suite = Suite::new();
        for _ in 0..20 {
            suite.add(&FIRST, "x", &[], || {
                Box::pin(async {
                    now.set(now.get() + 1);
                    most.set(most.get().max(now.get()));
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    now.set(now.get() - 1);
                    Verdict::Final(Vec::new())
                })
            });
        }
        assert_eq!(suite.run(3).await.len(), 20);
        assert_eq!(most.get(), 3);
    }
}
