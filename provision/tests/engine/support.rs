//! A workbench for whole runs: an account, a state file, a clock that never goes wrong.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use cloud::practice::{Practice, PracticeOptions};
use cloud::{Cloud, Hook};
use jiff::Timestamp;
use model::config::{Config, Inputs, SourceText, load};
use model::event::{Event, EventSink, Run};
use model::plan::StepId;
use model::{AccountId, Finding};
use provision::bundle::Programs;
use provision::clock::{Clock, Entropy};
use provision::engine::{Engine, Intention, Prepared};
use provision::error::RunError;
use provision::guided::Operator;
use provision::journal::{Header, Journal, Locked, State, peek};
use provision::patience::Limits;
use provision::survey::Adoptions;
use provision::undo::Removal;
use tokio_util::sync::CancellationToken;

/// A clock that ticks a millisecond a look.
pub(crate) struct Ticking(Mutex<Timestamp>);

impl Ticking {
    pub(crate) fn new() -> Self {
        Self(Mutex::new("2026-11-21T10:00:00Z".parse().unwrap()))
    }
}

impl Clock for Ticking {
    fn now(&self) -> Timestamp {
        let mut now = self.0.lock().unwrap();
        *now += Duration::from_millis(1);
        *now
    }
}

/// Keeps every event.
#[derive(Default)]
pub(crate) struct Events(Mutex<Vec<Event>>);

impl Events {
    pub(crate) fn all(&self) -> Vec<Event> {
        self.0.lock().unwrap().clone()
    }
}

impl EventSink for Events {
    fn emit(&self, event: Event) {
        self.0.lock().unwrap().push(event);
    }
}

/// A configuration from YAML, with a valid beginning.
pub(crate) fn config(more: &str) -> Config {
    let text = format!(
        "version: 1\ndeployment: {{id: sre-test, environment: prod}}\n\
         aws: {{region: us-east-1, account_id: \"123456789012\"}}\n{more}"
    );
    let environment = std::collections::BTreeMap::new();
    let loaded = load(&Inputs {
        file: Some(SourceText { name: "config.yaml", bytes: text.as_bytes() }),
        environment: &environment,
        flags: &std::collections::BTreeMap::new(),
        mode: None,
    });
    loaded.config.unwrap_or_else(|| panic!("{:#?}", loaded.problems))
}

/// What the runtime runs, as a part of the section `gateway`.
pub(crate) const RUNTIME: &str = ", runtime: \"123456789012.dkr.ecr.us-east-1.amazonaws.com/sre-agent:v1\"";

/// What most tests deploy: everything, certificate, gateway, memory and runtime included.
pub(crate) fn usual() -> Config {
    usual_and("")
}

/// The same with something more.
pub(crate) fn usual_and(more: &str) -> Config {
    config(&format!(
        "tls: {{domain: api.example.com, source: acm-exportable}}\nhost: {{install: user-data}}\n\
         gateway: {{name: sre-gateway, memory_days: 90{RUNTIME}}}\n{more}"
    ))
}

/// The same up to the instance, which stays empty.
pub(crate) fn nothing_installed() -> Config {
    config("tls: {domain: api.example.com, source: acm-exportable}\nhost: {install: none}\n")
}

/// Programs for such an instance that do nothing.
pub(crate) fn programs() -> Programs {
    let mut elf = b"\x7fELF\x02\x01\x01".to_vec();
    elf.resize(18, 0);
    elf.extend([62, 0]);
    Programs::new([&elf[..], b"proxy"].concat(), [&elf[..], b"deploy"].concat())
}

pub(crate) struct Bench {
    pub(crate) practice: Practice,
    pub(crate) hooks: Vec<Arc<dyn Hook>>,
    pub(crate) clock: Ticking,
    pub(crate) entropy: Entropy,
    pub(crate) events: Events,
    pub(crate) cancel: CancellationToken,
    pub(crate) programs: Option<Arc<Programs>>,
    pub(crate) operator: Option<Arc<dyn Operator>>,
    pub(crate) guided: BTreeSet<StepId>,
    folder: tempfile::TempDir,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::with(PracticeOptions::default())
    }

    pub(crate) fn with(options: PracticeOptions) -> Self {
        Self {
            practice: Practice::in_memory(options),
            hooks: Vec::new(),
            clock: Ticking::new(),
            entropy: Entropy::seeded(7),
            events: Events::default(),
            cancel: CancellationToken::new(),
            programs: Some(Arc::new(programs())),
            operator: None,
            guided: BTreeSet::new(),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn account() -> AccountId {
        AccountId::parse("123456789012").unwrap()
    }

    pub(crate) fn state_file(&self) -> PathBuf {
        self.folder.path().join(".deployment_state")
    }

    pub(crate) fn state(&self) -> Option<State> {
        peek(&self.state_file()).unwrap()
    }

    pub(crate) fn cloud(&self) -> Cloud {
        self.hooks.iter().fold(self.practice.cloud(), |cloud, hook| cloud.hooked(hook))
    }

    pub(crate) fn engine(&self) -> Engine<'_> {
        Engine {
            cloud: self.cloud(),
            clock: &self.clock,
            entropy: &self.entropy,
            events: &self.events,
            cancel: self.cancel.clone(),
            programs: self.programs.clone(),
            operator: self.operator.clone(),
            guided: self.guided.clone(),
            limits: Limits::default(),
            tool_version: "0.0.0-test".to_owned(),
        }
    }

    pub(crate) async fn locked(&self) -> Result<Journal, Locked> {
        Locked::acquire(&self.state_file(), Duration::ZERO).await.unwrap().load().unwrap().journal
    }

    /// The same lineage in every test, so that keys and accounts can be compared.
    pub(crate) fn header(&self, config: &Config) -> Header {
        let lineage = format!("{:0>32}", config.deployment.id.as_str());
        Header { lineage, ..self.engine().header(config, &Self::account()) }
    }

    pub(crate) async fn prepare(&self, config: &Config) -> Result<Prepared, RunError> {
        let state = self.state();
        self.engine().prepare(config, &Self::account(), state.as_ref(), &Adoptions::new()).await
    }

    /// What `deploy` does, and `resume` where there is something to go on with.
    pub(crate) async fn deploy(&self, config: &Config) -> Result<Vec<Finding>, RunError> {
        self.deploy_adopting(config, &Adoptions::new()).await
    }

    pub(crate) async fn deploy_adopting(
        &self,
        config: &Config,
        adoptions: &Adoptions,
    ) -> Result<Vec<Finding>, RunError> {
        let engine = self.engine();
        let journal = self.locked().await;
        let state = journal.as_ref().ok().map(|journal| journal.state().clone());
        let run = match Intention::of(state.as_ref(), &config.digest()) {
            Intention::GoOn => Run::Resume,
            Intention::Begin | Intention::Difference => Run::Deploy,
        };
        let prepared = engine.prepare(config, &Self::account(), state.as_ref(), adoptions).await?;
        if run == Run::Deploy && !prepared.has_work() && state.is_some_and(|state| state.is_finished()) {
            return Ok(prepared.plan.findings);
        }
        let journal = match journal {
            Ok(journal) => journal,
            Err(locked) => locked.begin(self.header(config), engine.now()).unwrap(),
        };
        engine.apply(config, &Self::account(), &prepared, journal, run).await.1
    }

    /// What `cleanup` does; `with_journal: false` stands for a lost state file.
    pub(crate) async fn cleanup(&self, config: &Config, with_journal: bool) -> Result<Removal, RunError> {
        let engine = self.engine();
        let journal = if with_journal { self.locked().await.ok() } else { None };
        let state = journal.as_ref().map(|journal| journal.state().clone());
        let (id, region) = (&config.deployment.id, &config.aws.region);
        let known = with_journal.then_some(config);
        let targets = engine.find(id, region, &Self::account(), known, state.as_ref()).await?;
        engine.cleanup(id, region, &Self::account(), known, &targets, journal).await
    }
}
