//! How close a deployment comes to the critical path of its step graph when every call takes 200 ms.
//!
//! Time is the runtime's paused clock, so the figures are exact and the bench takes no time. The critical path is the
//! longest chain of steps along their dependencies, each as long as its own calls and waits took.
//!
//! Run with `cargo bench -p provision --bench critical_path`.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a bench prints and may stop"
)]
#![expect(clippy::arithmetic_side_effects, reason = "durations of a bench")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cloud::Hook;
use cloud::fault::{Latency, Matching, Recorder};
use cloud::practice::{Practice, PracticeOptions};
use jiff::Timestamp;
use model::Config;
use model::config::{Inputs, SourceText, load};
use model::event::{Event, EventSink, Run, What};
use model::plan::StepId;
use provision::clock::{Clock, Entropy};
use provision::engine::Engine;
use provision::journal::{Journal, Locked, peek};
use provision::patience::Limits;
use provision::survey::Adoptions;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

const CALL: Duration = Duration::from_millis(200);

struct Virtual(Instant);

impl Clock for Virtual {
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH + self.0.elapsed()
    }
}

/// When a step began and ended.
type Span = (Option<Timestamp>, Option<Timestamp>);

#[derive(Default)]
struct Spans(Mutex<BTreeMap<StepId, Span>>);

impl EventSink for Spans {
    fn emit(&self, event: Event) {
        let mut spans = self.0.lock().unwrap();
        match event.what {
            What::StepStarted { step } => spans.entry(step).or_default().0 = Some(event.at),
            What::StepFinished { step, .. } => spans.entry(step).or_default().1 = Some(event.at),
            _ => {}
        }
    }
}

fn config() -> Config {
    let text = "version: 1\ndeployment: {id: sre-bench, environment: prod}\naws: {region: us-east-1}\n\
                tls: {domain: api.sre-bench.net, source: acm-exportable}\nhost: {install: none}\n";
    let nothing = BTreeMap::new();
    let file = SourceText { name: "config.yaml", bytes: text.as_bytes() };
    load(&Inputs { file: Some(file), environment: &nothing, flags: &nothing, mode: None }).config.unwrap()
}

fn main() {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(measure());
}

async fn measure() {
    let practice = Practice::in_memory(PracticeOptions::instant());
    let (latency, recorder): (Arc<dyn Hook>, Arc<Recorder>) = (Arc::new(Latency(CALL)), Arc::default());
    let as_hook: Arc<dyn Hook> = recorder.clone();
    let (clock, entropy, spans) = (Virtual(Instant::now()), Entropy::seeded(1), Spans::default());
    let engine = Engine {
        cloud: practice.cloud().hooked(&latency).hooked(&as_hook),
        clock: &clock,
        entropy: &entropy,
        events: &spans,
        cancel: CancellationToken::new(),
        programs: None,
        operator: None,
        guided: std::collections::BTreeSet::new(),
        limits: Limits::default(),
        tool_version: "bench".to_owned(),
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    let config = config();

    let started = Instant::now();
    let account = engine.identity().await.unwrap().account;
    let prepared = engine.prepare(&config, &account, None, &Adoptions::new()).await.unwrap();
    let looked = started.elapsed();
    let looks = recorder.calls().len();
    let journal = begin(&path, &engine, &config, &account).await;
    let (_, ended) = engine.apply(&config, &account, &prepared, journal, Run::Deploy).await;
    ended.unwrap();
    let wall = started.elapsed();
    let longest = critical_path(&spans.0.lock().unwrap());
    let applied = wall.saturating_sub(looked);
    println!(
        "first deploy  looking {} ms ({looks} calls), applying {} ms, critical path {} ms, ratio {:.3}",
        looked.as_millis(),
        applied.as_millis(),
        longest.as_millis(),
        applied.as_secs_f64() / longest.as_secs_f64()
    );
    println!(
        "              whole run {} ms, {} calls, one after another {} ms",
        wall.as_millis(),
        recorder.calls().len(),
        (CALL * u32::try_from(recorder.calls().len()).unwrap()).as_millis()
    );

    recorder.clear();
    let started = Instant::now();
    engine.identity().await.unwrap();
    let again =
        engine.prepare(&config, &account, peek(&path).unwrap().as_ref(), &Adoptions::new()).await.unwrap();
    println!(
        "second deploy {} ms, {} reads, {} changes pending",
        started.elapsed().as_millis(),
        recorder.actions(Matching::Any).len(),
        again.plan.pending().count()
    );
}

async fn begin(
    path: &std::path::Path,
    engine: &Engine<'_>,
    config: &Config,
    account: &model::AccountId,
) -> Journal {
    let Err(locked) = Locked::acquire(path, Duration::ZERO).await.unwrap().load().unwrap().journal else {
        unreachable!("the folder is new")
    };
    locked.begin(engine.header(config, account), engine.now()).unwrap()
}

/// The longest chain of steps.
fn critical_path(spans: &BTreeMap<StepId, Span>) -> Duration {
    let mut ends: BTreeMap<StepId, Duration> = BTreeMap::new();
    for (step, (begin, end)) in spans {
        let own = Duration::try_from(end.unwrap() - begin.unwrap()).unwrap();
        let before = step.dependencies().iter().map(|other| ends[other]).max().unwrap_or_default();
        ends.insert(*step, before + own);
    }
    ends.into_values().max().unwrap_or_default()
}
