//! The machine as the commands that install have it at hand: its places, its port, and its journal.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use model::{Finding, Severity};
use provision::clock::Clock as _;
use provision::host::{self, Engine, HostJournal, HostLocked, HostRunError, HostState, Product};
use systemd::Layout;
use systemd::host::{Host as _, LocalHost};

use crate::app::App;
use crate::args::Format;
use crate::compose::{self, SystemClock};
use crate::failure::{Failure, Next};
use crate::session::Session;

/// A folder in place of `/`, for tests.
pub(in crate::commands) const ROOT: &str = "SRE_AGENT_DEPLOY_HOST_ROOT";
/// The version of this program, for journals.
pub(in crate::commands) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The machine that this runs on.
pub(in crate::commands) struct Machine {
    pub(in crate::commands) layout: Layout,
    pub(in crate::commands) host: LocalHost,
    /// What is installed on it.
    pub(in crate::commands) product: Product,
    clock: SystemClock,
}

impl Machine {
    /// As the proxy is installed on it.
    pub(in crate::commands) fn new(app: &App) -> Self {
        Self::with(app, Product::Proxy)
    }

    pub(in crate::commands) fn with(app: &App, product: Product) -> Self {
        Self {
            product,
            layout: Layout::below(app.variable(ROOT).unwrap_or("/")),
            host: LocalHost::default(),
            clock: SystemClock,
        }
    }

    fn journal(&self) -> PathBuf {
        self.product.journal(&self.layout)
    }

    /// What the journal says, without a lock.
    pub(in crate::commands) fn peek(&self) -> Result<Option<HostState>, Box<Failure>> {
        host::peek(&self.journal())
            .map_err(|error| Failure::of_findings(vec![host::of_journal(&error, self.product)]))
    }

    /// Whether something was installed here, by the journal or by its marks.
    pub(in crate::commands) fn is_installed(&self, state: Option<&HostState>) -> Result<bool, Box<Failure>> {
        match state {
            Some(state) => Ok(!state.is_empty()),
            None => host::is_marked(&self.host, &self.layout, self.product)
                .map_err(|error| self.refused(&HostRunError::Look(error))),
        }
    }

    /// Removes what a removal left that was killed at its very end.
    pub(in crate::commands) fn forget(&self) {
        let _ = self.host.remove(&self.journal());
        let _ = self.host.remove(&self.layout.state());
    }

    /// Works with the engine and the journal, which is locked meanwhile. Where it was lost, what is ours is found.
    pub(in crate::commands) async fn work<T>(
        &self,
        session: &Session<'_>,
        wait: Duration,
        deployment: Option<&model::DeploymentId>,
        work: impl AsyncFnOnce(&Engine<'_>, HostJournal) -> Result<T, HostRunError>,
    ) -> Result<T, Box<Failure>> {
        let said = |text: &str| session.say(text);
        let is_stopped = || session.cancel.is_cancelled();
        let engine = Engine {
            host: &self.host,
            layout: &self.layout,
            product: self.product,
            clock: &self.clock,
            say: &said,
            is_stopped: &is_stopped,
        };
        let run = async {
            // Before the journal is made: what is found is what was there without one.
            let found = match self.peek_for_run()? {
                None if host::is_marked(&self.host, &self.layout, self.product)
                    .map_err(HostRunError::Look)? =>
                {
                    host::recover(&self.host, &self.layout, self.product).map_err(HostRunError::Look)?
                }
                _ => Vec::new(),
            };
            engine.prepare().map_err(HostRunError::Look)?;
            let locked = HostLocked::acquire(&self.journal(), wait).await?;
            let loaded = locked.load()?;
            if loaded.torn {
                session.say("warning: the last line of the host's journal was torn by a crash; it was dropped, and nothing is lost");
            }
            let journal = match loaded.journal {
                Ok(journal) => journal,
                Err(locked) => {
                    let lineage = compose::entropy().lineage();
                    let header = host::header(lineage, deployment.cloned(), VERSION);
                    let mut journal = locked.begin(header, self.clock.now())?;
                    if !found.is_empty() {
                        session.say(
                            "the host's journal is lost; what was installed is found by its places and marks",
                        );
                    }
                    engine.take_over(&mut journal, &found)?;
                    journal
                }
            };
            work(&engine, journal).await
        };
        run.await.map_err(|error| self.refused(&error))
    }

    fn peek_for_run(&self) -> Result<Option<HostState>, HostRunError> {
        Ok(host::peek(&self.journal())?)
    }

    /// A run that did not reach its end.
    pub(in crate::commands) fn refused(&self, error: &HostRunError) -> Box<Failure> {
        match error {
            HostRunError::Refused(findings) => Failure::of_findings(errors(findings)),
            error => Failure::of_findings(vec![host::advice(error, self.product)]),
        }
    }
}

/// The errors among findings.
pub(in crate::commands) fn errors(findings: &[Finding]) -> Vec<Finding> {
    findings.iter().filter(|finding| finding.severity == Severity::Error).cloned().collect()
}

/// Says what is no error.
pub(in crate::commands) fn tell(app: &App, findings: &[Finding]) {
    for finding in findings {
        let word = match finding.severity {
            Severity::Warning => "warning",
            Severity::Unknown => "unknown",
            Severity::Info => "note",
            _ => continue,
        };
        let mut text = format!("{word}[{}]: {}", finding.code, finding.message);
        if let Some(hint) = &finding.hint {
            let _ = write!(text, "\n  help: {hint}");
        }
        app.say(&text);
    }
}

/// How to go on with what stopped.
pub(in crate::commands) fn again(app: &App, words: &[String]) -> Next {
    let words: Vec<String> = words.iter().map(|word| crate::next::quoted(word)).collect();
    Next::Resume(format!("{} {}", app.program, words.join(" ")))
}

/// Whether JSON is wanted.
pub(in crate::commands) fn is_json(app: &App) -> bool {
    app.format == Format::Json
}
