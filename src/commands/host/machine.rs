//! The machine as the `host` commands have it at hand: its places, its port, and its journal.

use std::fmt::Write as _;
use std::time::Duration;

use model::{Finding, Severity};
use provision::clock::Clock as _;
use provision::host::{self, Engine, HostJournal, HostLocked, HostRunError, HostState};
use systemd::Layout;
use systemd::host::LocalHost;

use crate::app::App;
use crate::args::Format;
use crate::compose::{self, SystemClock};
use crate::failure::{Failure, Next};
use crate::session::Session;

/// A folder in place of `/`, for tests.
pub(super) const ROOT: &str = "SRE_AGENT_DEPLOY_HOST_ROOT";
/// The version of this program, for journals.
pub(super) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The machine that this runs on.
pub(super) struct Machine {
    pub(super) layout: Layout,
    pub(super) host: LocalHost,
    clock: SystemClock,
}

impl Machine {
    pub(super) fn new(app: &App) -> Self {
        Self {
            layout: Layout::below(app.variable(ROOT).unwrap_or("/")),
            host: LocalHost::default(),
            clock: SystemClock,
        }
    }

    /// What the journal says, without a lock.
    pub(super) fn peek(&self) -> Result<Option<HostState>, Box<Failure>> {
        host::peek(&self.layout.journal())
            .map_err(|error| Failure::of_findings(vec![host::of_journal(&error)]))
    }

    /// Whether something was installed here, by the journal or by its marks.
    pub(super) fn is_installed(&self, state: Option<&HostState>) -> Result<bool, Box<Failure>> {
        match state {
            Some(state) => Ok(!state.is_empty()),
            None => {
                host::is_marked(&self.host, &self.layout).map_err(|error| refused(&HostRunError::Look(error)))
            }
        }
    }

    /// Works with the engine and the journal, which is locked meanwhile. Where it was lost, what is ours is found.
    pub(super) async fn work<T>(
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
            clock: &self.clock,
            say: &said,
            is_stopped: &is_stopped,
        };
        let run = async {
            // Before the journal is made: what is found is what was there without one.
            let found = match self.peek_for_run()? {
                None if host::is_marked(&self.host, &self.layout).map_err(HostRunError::Look)? => {
                    host::recover(&self.host, &self.layout).map_err(HostRunError::Look)?
                }
                _ => Vec::new(),
            };
            engine.prepare().map_err(HostRunError::Look)?;
            let locked = HostLocked::acquire(&self.layout.journal(), wait).await?;
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
        run.await.map_err(|error| refused(&error))
    }

    fn peek_for_run(&self) -> Result<Option<HostState>, HostRunError> {
        Ok(host::peek(&self.layout.journal())?)
    }
}

/// A run that did not reach its end.
pub(super) fn refused(error: &HostRunError) -> Box<Failure> {
    match error {
        HostRunError::Refused(findings) => Failure::of_findings(errors(findings)),
        error => Failure::of_findings(vec![host::advice(error)]),
    }
}

/// The errors among findings.
pub(super) fn errors(findings: &[Finding]) -> Vec<Finding> {
    findings.iter().filter(|finding| finding.severity == Severity::Error).cloned().collect()
}

/// Says what is no error.
pub(super) fn tell(app: &App, findings: &[Finding]) {
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
pub(super) fn again(app: &App, words: &[String]) -> Next {
    let words: Vec<String> = words.iter().map(|word| crate::next::quoted(word)).collect();
    Next::Resume(format!("{} {}", app.program, words.join(" ")))
}

/// Whether JSON is wanted.
pub(super) fn is_json(app: &App) -> bool {
    app.format == Format::Json
}
