//! Candidates made of scripts, under a clock that stands still until somebody waits.

use std::{
    collections::VecDeque,
    sync::{
        Mutex,
        atomic::{AtomicI64, Ordering},
    },
};

use async_trait::async_trait;
use http::HeaderMap;
use http_body_util::{BodyExt as _, Full};

use super::*;
use crate::{ErrorType, telemetry::Observed};

/// Says these things one after the other, then `last` for ever.
struct Script {
    target: Target,
    lines: Mutex<VecDeque<Line>>,
    last: Line,
    asked: Mutex<Vec<Instant>>,
    breaker: Breaker,
}

#[derive(Debug, Clone)]
enum Line {
    Answer,
    Refuse(Refusal),
    Silence,
}

impl Script {
    fn new(name: &str, lines: impl IntoIterator<Item = Line>, last: Line) -> Self {
        let target = crate::config::testing::target(name, "amazon.nova-lite-v1:0");
        let lines = Mutex::new(lines.into_iter().collect());
        Self { target, lines, last, asked: Mutex::default(), breaker: Breaker::default() }
    }

    fn candidate(&self) -> Candidate<'_> {
        Candidate { target: &self.target, upstream: self, breaker: &self.breaker }
    }

    fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

#[async_trait]
impl Upstream for Script {
    async fn send(&self, call: &Call<'_>) -> Result<Reply, Refusal> {
        assert_eq!(call.target, &self.target);
        self.asked.lock().unwrap().push(Instant::now());
        let line = self.lines.lock().unwrap().pop_front().unwrap_or_else(|| self.last.clone());
        match line {
            Line::Answer => Ok(Reply {
                headers: HeaderMap::new(),
                body: Full::default().map_err(|never| match never {}).boxed_unsync(),
                request_id: None,
            }),
            Line::Refuse(refusal) => Err(refusal),
            Line::Silence => std::future::pending().await,
        }
    }
}

#[derive(Default)]
struct Counted(AtomicI64);

impl Observe for Counted {
    fn request(&self, _: &Observed<'_>) {}
    fn denied(&self, _: &'static str) {}
    fn limited(&self, _: &'static str) {}
    fn upstream_refused(&self, _: &str, _: &str) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
    fn streams(&self, _: i64) {}
    fn reloaded(&self, _: &'static str, _: bool) {}
}

fn throttled(wait: Option<Duration>) -> Line {
    let mut error = ApiError::new(StatusCode::TOO_MANY_REQUESTS, ErrorType::RateLimit, "slow down")
        .code("rate_limit_exceeded");
    error.retry_after = wait;
    Line::Refuse(Refusal { error, retryable: true, unwell: false })
}

fn failed() -> Line {
    let error = ApiError::server(StatusCode::BAD_GATEWAY, "upstream_error", "it failed");
    Line::Refuse(Refusal { error, retryable: true, unwell: true })
}

fn invalid() -> Line {
    let error = ApiError::invalid("messages", "no");
    Line::Refuse(Refusal { error, retryable: false, unwell: false })
}

const FIRST_BYTE: Duration = Duration::from_mins(5);

/// A server moves its requests between threads.
fn sendable<F: Future + Send>(future: F) -> F {
    future
}

/// Who answered, or the status of the refusal; and how often something was counted as refused.
async fn ask(scripts: &[&Script]) -> (Result<String, ApiError>, i64) {
    let candidates: Vec<_> = scripts.iter().map(|script| script.candidate()).collect();
    let observe = Counted::default();
    let deadline = Instant::now() + FIRST_BYTE;
    let attempt = Attempt { operation: Operation::Chat, deadline, observe: &observe };
    let mut random = fastrand::Rng::with_seed(7);
    let prepare = |target: &Target| Ok((Bytes::new(), target.upstream.clone()));
    let answer = sendable(first_answer(&candidates, &attempt, &mut random, prepare)).await;
    let answer = answer.map(|(_, prepared, target)| {
        assert_eq!(prepared, target.upstream);
        prepared
    });
    (answer, observe.0.into_inner())
}

#[tokio::test(start_paused = true)]
async fn a_throttled_request_is_repeated_and_answered() {
    let a = Script::new("a", [throttled(Some(Duration::from_secs(2)))], Line::Answer);
    let start = Instant::now();
    let (answer, refused) = ask(&[&a]).await;
    assert_eq!((answer.unwrap().as_str(), refused, a.asked()), ("a", 1, 2));
    assert!(start.elapsed() >= Duration::from_secs(2), "the upstream's waiting time is kept");
}

#[tokio::test(start_paused = true)]
async fn three_refusals_are_enough() {
    let a = Script::new("a", [], throttled(None));
    let (answer, refused) = ask(&[&a]).await;
    assert_eq!(answer.unwrap_err().status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!((refused, a.asked()), (3, 3));
}

#[tokio::test(start_paused = true)]
async fn repetitions_count_over_all_candidates() {
    let scripts =
        [Script::new("a", [], failed()), Script::new("b", [], failed()), Script::new("c", [], failed())];
    let (answer, _) = ask(&[&scripts[0], &scripts[1], &scripts[2]]).await;
    assert_eq!(answer.unwrap_err().code.as_deref(), Some("upstream_error"));
    let asked: Vec<_> = scripts.iter().map(Script::asked).collect();
    assert_eq!(asked, [3, 1, 1]);
}

#[tokio::test(start_paused = true)]
async fn fallbacks_are_asked_in_their_order() {
    let a = Script::new("a", [], failed());
    let b = Script::new("b", [], Line::Answer);
    let c = Script::new("c", [], Line::Answer);
    assert_eq!(ask(&[&a, &b, &c]).await.0.unwrap(), "b");
    assert_eq!(c.asked(), 0);
}

#[tokio::test(start_paused = true)]
async fn nobody_else_is_asked_what_was_wrong_to_ask() {
    let a = Script::new("a", [], invalid());
    let b = Script::new("b", [], Line::Answer);
    let (answer, _) = ask(&[&a, &b]).await;
    assert_eq!(answer.unwrap_err().status, StatusCode::BAD_REQUEST);
    assert_eq!((a.asked(), b.asked()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_waiting_time_beyond_the_deadline_is_not_waited_for() {
    let a = Script::new("a", [], throttled(Some(Duration::from_hours(1))));
    let start = Instant::now();
    let (answer, _) = ask(&[&a]).await;
    let error = answer.unwrap_err();
    assert_eq!(
        (error.status, error.retry_after),
        (StatusCode::TOO_MANY_REQUESTS, Some(Duration::from_hours(1)))
    );
    assert_eq!((a.asked(), start.elapsed()), (1, Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_a_throttled_one_while_there_are_others() {
    let a = Script::new("a", [], throttled(Some(Duration::from_secs(2))));
    let b = Script::new("b", [], Line::Answer);
    let start = Instant::now();
    assert_eq!(ask(&[&a, &b]).await.0.unwrap(), "b");
    assert_eq!((a.asked(), start.elapsed()), (1, Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn silence_is_a_timeout_and_is_not_repeated() {
    let a = Script::new("a", [], Line::Silence);
    let start = Instant::now();
    let (answer, _) = ask(&[&a]).await;
    assert_eq!(answer.unwrap_err().status, StatusCode::GATEWAY_TIMEOUT);
    // The timer of tokio counts whole milliseconds.
    assert!(start.elapsed() <= FIRST_BYTE + Duration::from_millis(1), "{:?}", start.elapsed());
    assert_eq!(a.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_silent_one_leaves_time_for_the_others() {
    let a = Script::new("a", [], Line::Silence);
    let b = Script::new("b", [], Line::Answer);
    assert_eq!(ask(&[&a, &b]).await.0.unwrap(), "b");
}

#[tokio::test(start_paused = true)]
async fn the_most_telling_refusal_is_the_one_that_is_told() {
    let statuses = async |lines: [Line; 2]| {
        let [first, second] = lines;
        let (a, b) = (Script::new("a", [], first), Script::new("b", [], second));
        ask(&[&a, &b]).await.0.unwrap_err().status.as_u16()
    };
    assert_eq!(statuses([failed(), throttled(None)]).await, 429);
    assert_eq!(statuses([throttled(None), failed()]).await, 429);
    assert_eq!(statuses([failed(), invalid()]).await, 400);
}

#[tokio::test(start_paused = true)]
async fn an_open_circuit_is_passed_over_until_a_probe_succeeds() {
    let a = Script::new("a", [], failed());
    while !a.breaker.is_open(Instant::now()) {
        ask(&[&a]).await.0.unwrap_err();
        tokio::time::advance(Duration::from_millis(200)).await;
    }
    let before = a.asked();
    let (answer, refused) = ask(&[&a]).await;
    let error = answer.unwrap_err();
    assert_eq!(
        (error.status, error.code.as_deref()),
        (StatusCode::SERVICE_UNAVAILABLE, Some("upstream_unavailable"))
    );
    assert!(error.retry_after.is_some());
    assert_eq!((a.asked(), refused), (before, 1));

    let b = Script::new("b", [], Line::Answer);
    assert_eq!(ask(&[&a, &b]).await.0.unwrap(), "b");
    assert_eq!(a.asked(), before);

    tokio::time::advance(Duration::from_mins(1)).await;
    a.lines.lock().unwrap().push_back(Line::Answer);
    assert_eq!(ask(&[&a]).await.0.unwrap(), "a");
    assert!(a.breaker.enter(Instant::now()).is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_request_that_cannot_be_prepared_is_the_clients_mistake() {
    let a = Script::new("a", [], Line::Answer);
    let observe = Counted::default();
    let attempt =
        Attempt { operation: Operation::Chat, deadline: Instant::now() + FIRST_BYTE, observe: &observe };
    let prepare = |_: &Target| Err::<(Bytes, ()), _>(ApiError::invalid("messages", "no"));
    let answer = first_answer(&[a.candidate()], &attempt, &mut fastrand::Rng::with_seed(1), prepare).await;
    assert_eq!(answer.err().unwrap().status, StatusCode::BAD_REQUEST);
    assert_eq!(a.asked(), 0);
    let nobody = first_answer(&[], &attempt, &mut fastrand::Rng::with_seed(1), prepare).await;
    assert_eq!(nobody.err().unwrap().status, StatusCode::BAD_GATEWAY);
}
