//! A machine in memory whose journal lies on it, with a fuse before both.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use provision::clock::Clock;
use provision::host::{
    Engine, HostJournal, HostRunError, HostState, Outcome, PairText, Probe, Product, Removal, RunKind, Step,
    Unwell, Wanted, backends, header, is_marked, recover, steps,
};
use provision::journal::Medium;
use systemd::host::{Entry, FailingHost, Fuse, Host, Meta, PracticeHost, Snapshot, Verdict};
use systemd::units::{PROXY_SERVICE, PROXY_SOCKET, UnitFile, agent};
use systemd::{Layout, Program};

/// Nothing in these tests waits for anything.
fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
}

pub(crate) struct StillClock;

impl Clock for StillClock {
    fn now(&self) -> Timestamp {
        "2026-11-21T10:00:00Z".parse().unwrap()
    }
}

/// The journal as a file of the machine.
struct OnMachine {
    host: PracticeHost,
    path: PathBuf,
    fuse: Arc<Fuse>,
}

impl Medium for OnMachine {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let path = self.path.clone();
        let put = |bytes: &[u8]| {
            let mut all = self.host.read(&path).unwrap_or_default();
            all.extend_from_slice(bytes);
            self.host.write(&path, &all, Meta::root(0o600)).unwrap();
        };
        match self.fuse.next() {
            Verdict::Pass => put(bytes),
            Verdict::DoAndFail => {
                put(bytes);
                return Err(io::Error::other("killed"));
            }
            Verdict::Fail => {
                // A kill leaves half a line, a full disk none.
                if self.fuse.is_dead() && self.fuse.count() > 0 {
                    put(&bytes[..bytes.len() / 2]);
                }
                return Err(io::Error::other("killed"));
            }
        }
        Ok(())
    }
}

/// Whether the service runs the program that the link names.
pub(crate) struct Serving(pub(crate) PracticeHost);

#[async_trait(?Send)]
impl Probe for Serving {
    async fn look(&self) -> Result<String, Unwell> {
        let facts = self.0.unit(PROXY_SERVICE).unwrap();
        let layout = Layout::default();
        let Ok(Entry::Link(target)) = self.0.look(&layout.program(Program::Proxy)) else {
            return Err("there is no program".to_owned().into());
        };
        if !facts.is_active() || facts.program != Some(layout.programs().join(target)) {
            return Err("another program runs".to_owned().into());
        }
        if self.0.read(&layout.live_pair().join("fullchain.pem")).is_err() {
            return Err("there is no certificate".to_owned().into());
        }
        Ok("serves".to_owned())
    }
}

pub(crate) fn unit(name: &str, text: &str, is_enabled: bool) -> UnitFile {
    let text = format!("# {}\n{text}", systemd::units::MARK);
    UnitFile { name: name.to_owned(), text, is_enabled }
}

pub(crate) fn wanted(proxy: &str, config: &str) -> Wanted {
    let exec = "[Service]\nExecStart=/opt/sre-agent/bin/bedrock-nova-proxy serve\n";
    Wanted {
        programs: vec![
            (Program::Proxy, Arc::from(proxy.as_bytes())),
            (Program::Deploy, Arc::from(&b"deployer"[..])),
        ],
        proxy_config: config.to_owned(),
        host_settings: "{}".to_owned(),
        placeholder: PairText { fullchain: "certificate".to_owned(), privkey: "key".to_owned() },
        units: vec![
            unit(PROXY_SOCKET, "[Socket]\n", true),
            unit(PROXY_SERVICE, exec, true),
            unit("sre-agent-check-certs.timer", "[Timer]\n", true),
        ],
    }
}

pub(crate) struct Bench {
    pub(crate) host: PracticeHost,
    pub(crate) fuse: Arc<Fuse>,
    layout: Layout,
    product: Product,
}

/// Whether all units run.
struct Running(PracticeHost);

#[async_trait(?Send)]
impl Probe for Running {
    async fn look(&self) -> Result<String, Unwell> {
        let down: Vec<String> = agent::ENABLED
            .iter()
            .filter(|unit| !self.0.unit(unit).unwrap().is_active())
            .map(|unit| (*unit).to_owned())
            .collect();
        if down.is_empty() {
            Ok("answer".to_owned())
        } else {
            Err(Unwell { reason: "they are down".to_owned(), units: down })
        }
    }
}

/// What `gateway install` wants, of this build of the program.
pub(crate) fn agents(program: &str, address: &str) -> backends::Wanted {
    let unit = |name: &&str| {
        let section = if name.ends_with(".service") {
            "[Service]\nExecStart=/srv/python x --host "
        } else {
            "[Unit]\n# "
        };
        let text = format!("# {}\n{section}{address}\n", agent::MARK);
        UnitFile { name: (*name).to_owned(), text, is_enabled: agent::ENABLED.contains(name) }
    };
    backends::Wanted {
        program: Arc::from(program.as_bytes()),
        units: agent::UNITS.iter().map(unit).collect(),
    }
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::on(PracticeHost::default(), Fuse::never())
    }

    pub(crate) fn on(host: PracticeHost, fuse: Arc<Fuse>) -> Self {
        Self { host, fuse, layout: Layout::default(), product: Product::Proxy }
    }

    /// For the services of the SRE agent, on the same machine.
    pub(crate) fn of_agent(host: PracticeHost, fuse: Arc<Fuse>) -> Self {
        Self { product: Product::Agent, ..Self::on(host, fuse) }
    }

    /// The same machine after a kill.
    pub(crate) fn again(&self) -> Self {
        Self { product: self.product, ..Self::on(self.host.clone(), Fuse::never()) }
    }

    fn with<T>(
        &self,
        work: impl FnOnce(&Engine<'_>, HostJournal) -> Result<T, HostRunError>,
    ) -> Result<T, HostRunError> {
        let host = FailingHost::new(self.host.clone(), Arc::clone(&self.fuse));
        let engine = Engine {
            host: &host,
            layout: &self.layout,
            product: self.product,
            clock: &StillClock,
            say: &|_| {},
            is_stopped: &|| false,
        };
        let path = self.product.journal(&self.layout);
        let medium = || {
            let (host, fuse) = (self.host.clone(), Arc::clone(&self.fuse));
            Box::new(OnMachine { host, path: path.clone(), fuse })
        };
        engine.prepare().map_err(HostRunError::Look)?;
        let mut bytes = self.host.read(&path).unwrap_or_default();
        let complete = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        if complete < bytes.len() {
            bytes.truncate(complete);
            self.host.write(&path, &bytes, Meta::root(0o600)).unwrap();
        }
        let resumed = HostJournal::resume_on(path.clone(), &bytes, medium())?;
        let journal = if let Some(journal) = resumed {
            journal
        } else {
            let found = if is_marked(&host, &self.layout, self.product).unwrap() {
                recover(&host, &self.layout, self.product).unwrap()
            } else {
                Vec::new()
            };
            let first = header("0".repeat(32), None, "0.1.0");
            let mut journal = HostJournal::begin_on(path.clone(), medium(), first, StillClock.now())?;
            engine.take_over(&mut journal, &found)?;
            journal
        };
        work(&engine, journal)
    }

    pub(crate) fn install(&self, wanted: &Wanted) -> Result<Outcome, HostRunError> {
        let wanted: Vec<Step> = steps(wanted, &self.layout);
        let probe = Serving(self.host.clone());
        self.with(|engine, mut journal| {
            block_on(engine.install(&mut journal, &wanted, RunKind::Install, "0.1.0", &probe))
        })
    }

    pub(crate) fn install_agent(&self, wanted: &backends::Wanted) -> Result<Outcome, HostRunError> {
        let wanted = backends::steps(wanted, &self.layout);
        let probe = Running(self.host.clone());
        self.with(|engine, mut journal| {
            block_on(engine.install(&mut journal, &wanted, RunKind::Install, "0.1.0", &probe))
        })
    }

    pub(crate) fn uninstall(&self, keep_data: bool) -> Result<Removal, HostRunError> {
        self.with(|engine, journal| engine.remove(journal, keep_data))
    }

    pub(crate) fn state(&self) -> Option<HostState> {
        let path = self.product.journal(&self.layout);
        let bytes = self.host.read(&path).ok()?;
        let medium = Box::new(OnMachine { host: self.host.clone(), path, fuse: Fuse::never() });
        HostJournal::resume_on("j".into(), &bytes, medium).unwrap().map(|journal| journal.state().clone())
    }

    /// The machine without what a run keeps for itself.
    pub(crate) fn machine(&self) -> Snapshot {
        let copy = self.host.fork();
        copy.remove_tree(&self.layout.state()).unwrap();
        copy.snapshot()
    }

    pub(crate) fn read(&self, path: &str) -> String {
        String::from_utf8(self.host.read(Path::new(path)).unwrap()).unwrap()
    }
}
