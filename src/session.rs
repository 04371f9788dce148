//! A command at work: the runtime, the signals, the view, and everything the engine needs from outside.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use cloud::Cloud;
use cloud::port::sts::Identity;
use cloud::practice::Door;
use model::config::Config;
use model::event::EventSink;
use model::plan::StepId;
use model::{AccountId, Finding};
use provision::clock::{Clock as _, Entropy};
use provision::engine::{Engine, Prepared};
use provision::error::RunError;
use provision::guided::Operator;
use provision::journal::State;
use provision::patience::Limits;
use provision::survey::Adoptions;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::args::{Format, ProgramsArgs, StateArgs};
use crate::compose::{self, SystemClock};
use crate::failure::{Failure, Next, codes};
use crate::guided::{AtTerminal, InPractice};
use crate::next;
use crate::payload::Payload;
use crate::progress::View;
use crate::signals::Signals;

/// The wizard does several things at a time, and a practice account takes one after the other.
pub(crate) const OWN_LOCKS: Duration = Duration::from_secs(20);

/// A command at work.
pub(crate) struct Session<'a> {
    /// The program around it.
    pub(crate) app: &'a App,
    /// Set when the operator asks to stop.
    pub(crate) cancel: CancellationToken,
    /// Bounds on waiting.
    pub(crate) limits: Limits,
    /// How long to wait for another run to let go.
    pub(crate) lock_timeout: Duration,
    clock: SystemClock,
    entropy: Entropy,
    view: View,
    events: Box<dyn EventSink>,
    /// How to go on, as soon as there is something to go on with.
    resume: RefCell<Option<Next>>,
    /// The profile that is used, for hints.
    profile: RefCell<Option<String>>,
    /// What is brought onto the instance.
    payload: RefCell<Payload>,
    /// The steps that the operator does in the Console.
    guided: RefCell<BTreeSet<StepId>>,
    /// The way into the account for others, where it is a practice account.
    door: RefCell<Option<Door>>,
}

/// Runs a command that talks to an account, until it ends or the operator insists on stopping.
pub(crate) fn run<T>(
    app: &App,
    state: &StateArgs,
    work: impl AsyncFnOnce(&Session<'_>) -> Result<T, Box<Failure>>,
) -> Result<T, Box<Failure>> {
    let view = View::start(app);
    let events = Box::new(view.sink());
    run_with(app, state, view, events, work)
}

/// The same with another listener to what the engine does. What is said in between goes to the view all the same.
pub(crate) fn run_with<T>(
    app: &App,
    state: &StateArgs,
    view: View,
    events: Box<dyn EventSink>,
    work: impl AsyncFnOnce(&Session<'_>) -> Result<T, Box<Failure>>,
) -> Result<T, Box<Failure>> {
    let system = |error: std::io::Error| {
        Failure::new(codes::BUG, "runtime", "the system refused what a run needs").evidence(error.to_string())
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(system)?;
    let session = Session {
        app,
        cancel: app.watcher.as_ref().map(|watcher| watcher.stop.child_token()).unwrap_or_default(),
        limits: limits(state.call_timeout),
        lock_timeout: state.lock_timeout.unwrap_or(if app.watcher.is_some() {
            OWN_LOCKS
        } else {
            Duration::ZERO
        }),
        clock: SystemClock,
        entropy: compose::entropy(),
        view,
        events,
        resume: RefCell::new(None),
        profile: RefCell::new(None),
        payload: RefCell::new(Payload::default()),
        guided: RefCell::new(BTreeSet::new()),
        door: RefCell::new(None),
    };
    let ended = runtime.block_on(async {
        let mut signals = Signals::listen().map_err(system)?;
        let mut work = std::pin::pin!(work(&session));
        loop {
            tokio::select! {
                biased;
                ended = &mut work => return ended,
                () = signals.next() => {
                    if session.cancel.is_cancelled() {
                        return Err(Failure::new(codes::CANCELLED, "run", "stopped at once by the operator"));
                    }
                    session.cancel.cancel();
                    session.say("stopping at a safe point; once more stops at once");
                }
            }
        }
    });
    let Session { view, events, resume, profile, .. } = session;
    drop(events);
    view.finish();
    let (resume, profile) = (resume.into_inner(), profile.into_inner());
    ended.map_err(|mut failure| {
        for finding in &mut failure.findings {
            name_profile(finding, profile.as_deref());
        }
        failure.or_next(resume)
    })
}

/// `--call-timeout` bounds the whole operation; one attempt must not be longer than that.
fn limits(call_timeout: Option<Duration>) -> Limits {
    let usual = Limits::default();
    match call_timeout {
        Some(operation) => Limits { operation, attempt: usual.attempt.min(operation), ..usual },
        None => usual,
    }
}

impl Session<'_> {
    /// The engine on an account.
    pub(crate) fn engine(&self, cloud: &Cloud) -> Engine<'_> {
        Engine {
            cloud: cloud.clone(),
            clock: &self.clock,
            entropy: &self.entropy,
            events: self.events.as_ref(),
            cancel: self.cancel.clone(),
            limits: self.limits,
            programs: self.payload.borrow().programs(),
            operator: self.operator(),
            guided: self.guided.borrow().clone(),
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    /// The operator, where one can be asked.
    fn operator(&self) -> Option<Arc<dyn Operator>> {
        let operator = self.anybody()?;
        Some(match self.door.borrow().clone() {
            Some(door) => Arc::new(InPractice::new(door, operator)),
            None => operator,
        })
    }

    fn anybody(&self) -> Option<Arc<dyn Operator>> {
        if let Some(watcher) = &self.app.watcher {
            return Some(Arc::clone(&watcher.operator));
        }
        if !self.app.can_ask() {
            return None;
        }
        Some(Arc::new(AtTerminal::new(self.app.io.clone(), self.view.voice())))
    }

    /// The account is a practice account, and this is the way into it for others.
    pub(crate) fn has_door(&self, door: Door) {
        *self.door.borrow_mut() = Some(door);
    }

    /// Has these steps done by the operator.
    pub(crate) fn guides(&self, steps: BTreeSet<StepId>) {
        *self.guided.borrow_mut() = steps;
    }

    /// Now.
    pub(crate) fn now(&self) -> jiff::Timestamp {
        self.clock.now()
    }

    /// Says something in order with the progress.
    pub(crate) fn say(&self, text: &str) {
        self.view.say(text);
    }

    /// Returns when all progress so far is on the screen.
    pub(crate) fn settle(&self) {
        self.view.settle();
    }

    /// Writes a result for people, after all progress so far.
    pub(crate) fn result(&self, text: &str) {
        self.settle();
        if self.app.format == Format::Text {
            self.app.result(text);
        }
    }

    /// The same for programs; of the two, the one that was asked for is written.
    pub(crate) fn result_json(&self, value: &serde_json::Value) {
        self.settle();
        if self.app.format == Format::Json {
            self.app.result_json(value);
        }
    }

    /// From here on there is something to go on with.
    pub(crate) fn can_resume(&self, state_file: &Path, rehearsal: bool, profile: Option<&str>) {
        let next = next::resume(self.app, state_file, rehearsal, profile);
        self.goes_on_with(self.payload.borrow().kept_in(next));
    }

    /// Where the programs for the instance are, by the command line.
    pub(crate) fn programs_in(&self, args: &ProgramsArgs) {
        self.payload.borrow_mut().folder.clone_from(&args.programs);
    }

    /// Reads the programs for the instance, where the configuration brings them onto it.
    pub(crate) fn read_programs(&self, config: &Config) {
        self.payload.borrow_mut().read(config);
    }

    /// From here on there is something to go on with in this way.
    pub(crate) fn goes_on_with(&self, next: Next) {
        *self.resume.borrow_mut() = Some(next);
    }

    /// How to go on, where there is something to go on with.
    pub(crate) fn resume_command(&self) -> Option<String> {
        self.resume.borrow().as_ref().map(|next| next.command().to_owned())
    }

    /// There is nothing to go on with any more.
    pub(crate) fn is_over(&self) {
        *self.resume.borrow_mut() = None;
    }

    /// Who the credentials belong to.
    pub(crate) async fn identity(
        &self,
        cloud: &Cloud,
        profile: Option<&str>,
    ) -> Result<Identity, Box<Failure>> {
        *self.profile.borrow_mut() = profile.map(str::to_owned);
        let engine = self.engine(cloud);
        self.look(async { engine.identity().await.map_err(Failure::of_look) }).await
    }

    /// Does what changes nothing, and so may be dropped anywhere: until its end, or until the operator stops it.
    pub(crate) async fn look<T>(
        &self,
        work: impl Future<Output = Result<T, Box<Failure>>>,
    ) -> Result<T, Box<Failure>> {
        tokio::select! {
            biased;
            answer = work => answer,
            () = self.cancel.cancelled() => Err(Failure::of_run(&RunError::Cancelled)),
        }
    }

    /// Plans; changes nothing.
    pub(crate) async fn prepare(
        &self,
        cloud: &Cloud,
        config: &Config,
        account: &AccountId,
        state: Option<&State>,
        adoptions: &Adoptions,
    ) -> Result<Prepared, Box<Failure>> {
        let engine = self.engine(cloud);
        let prepared = Box::pin(engine.prepare(config, account, state, adoptions));
        let prepared = self.look(async { prepared.await.map_err(|error| Failure::of_run(&error)) }).await?;
        self.payload.borrow().check(&prepared.plan)?;
        if prepared.plan.guided().next().is_some() {
            // The operator is going to type, and a list that changes in place reads the terminal as well.
            self.view.voice().lines_from_here();
        }
        Ok(prepared)
    }
}

/// Puts the profile that is used into a hint that speaks of profiles in general.
fn name_profile(finding: &mut Finding, profile: Option<&str>) {
    if let (Some(hint), Some(profile)) = (&mut finding.hint, profile)
        && finding.code.starts_with("SRE-AWS-00")
    {
        *hint = hint.replace("--profile NAME", &format!("--profile {}", next::quoted(profile)));
    }
}
