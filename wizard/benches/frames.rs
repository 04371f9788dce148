//! What a frame costs, and what a burst of keys costs until it is on the screen.
//!
//! Run with `cargo bench -p wizard --bench frames`, and for a build without optimisation with `--profile dev`. Goals: a
//! frame of the largest screen at 200x60 in less than 2 ms; a key on the screen within 16 ms while a hundred arrive in a
//! second, in either build.
#![expect(clippy::unwrap_used, reason = "a bench may stop")]

use std::collections::BTreeMap;
use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use jiff::Timestamp;
use model::event::{Event, Outcome, Run, StepLine, What};
use model::plan::StepId;
use model::{DeploymentId, Finding, Severity};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use wizard::discovery::Discovery;
use wizard::draft::Draft;
use wizard::exchange::{Effect, Input, Trouble};
use wizard::form::{Answers, Page};
use wizard::tui::{Colour, Theme, screens};
use wizard::walk::{Cmd, Msg, State, settle, step, take};

const THEME: Theme = Theme { colour: Colour::Full, ascii: false };

fn state(page: Page) -> State {
    let answers = Answers::of(&[
        ("aws.region", "eu-central-1"),
        ("deployment.id", "sre-agent-prod"),
        ("tls.domain", "api.example.com"),
        ("tls.acme.email", "ops@example.net"),
    ]);
    let draft =
        Draft { page, reached: page, answers, ways: BTreeMap::new(), shows_advanced: true, ..Draft::empty() };
    State::new(draft, Discovery::nothing())
}

/// A run of every step that failed at the last one, with a long log for each: both panes are full.
fn failed() -> State {
    let mut state = state(Page::Apply);
    step(&mut state, Msg::Cmd(Cmd::Retry));
    let steps = StepId::ALL.iter().map(|step| StepLine {
        step: *step,
        verb: "create".to_owned(),
        name: format!("sre-agent-prod-{step}"),
    });
    let deployment_id = DeploymentId::parse("sre-agent-prod").unwrap();
    let mut whats = vec![What::RunStarted { run: Run::Deploy, deployment_id, steps: steps.collect() }];
    for step in StepId::ALL {
        whats.push(What::StepStarted { step: *step });
        let acting =
            |index| What::Acting { step: *step, action: format!("call number {index} of this step") };
        whats.extend((0..100).map(acting));
        whats.push(What::StepFinished {
            step: *step,
            outcome: Outcome::Failed,
            message: "refused".to_owned(),
        });
    }
    let at = Timestamp::UNIX_EPOCH;
    for (index, what) in (0..).zip(whats) {
        step(&mut state, Msg::Input(Input::Event(Box::new(Event { index, at, what }))));
    }
    let finding =
        Finding::new("SRE-AWS-004", Severity::Error, "ec2.instance", "Refused, and why at some length.")
            .evidence("what was answered")
            .hint("what to do about it");
    let trouble = Trouble { findings: vec![finding; 20], next: None, resumable: true, about: Vec::new() };
    step(&mut state, Msg::Input(Input::Applied(Err(trouble))));
    state
}

fn frames(criterion: &mut Criterion) {
    let mut terminal = Terminal::new(TestBackend::new(200, 60)).unwrap();
    // What the library takes for a frame with nothing in it.
    criterion.bench_function("frame 200x60, nothing", |bencher| {
        bencher.iter(|| {
            terminal
                .draw(|frame| {
                    black_box(frame.area());
                })
                .unwrap();
        });
    });
    for (name, state) in [("questions", state(Page::Tls)), ("trouble", failed())] {
        criterion.bench_function(&format!("frame 200x60, {name}"), |bencher| {
            bencher.iter(|| {
                terminal.draw(|frame| screens::draw(frame, black_box(&state), &THEME)).unwrap();
            });
        });
    }
}

fn keys(criterion: &mut Criterion) {
    let mut terminal = Terminal::new(TestBackend::new(200, 60)).unwrap();
    let mut bench = |name: &str, count: usize, tell: fn(&mut State, Msg) -> Vec<Effect>| {
        criterion.bench_function(name, |bencher| {
            bencher.iter_batched(
                || {
                    let mut state = state(Page::Environment);
                    // From the button to the last question.
                    step(&mut state, Msg::Cmd(Cmd::Up));
                    state
                },
                |mut state| {
                    for character in "sre-agent-".chars().cycle().take(count) {
                        tell(&mut state, Msg::Cmd(Cmd::Type(character)));
                    }
                    settle(&mut state);
                    terminal.draw(|frame| screens::draw(frame, &state, &THEME)).unwrap();
                },
                criterion::BatchSize::SmallInput,
            );
        });
    };
    bench("a key and a frame", 1, take);
    bench("100 keys and a frame", 100, take);
    bench("100 keys, each judged, and a frame", 100, step);
}

criterion_group!(benches, frames, keys);
criterion_main!(benches);
