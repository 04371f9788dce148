//! Takes over a changed configuration and a renewed certificate while the server runs.
//!
//! There is one path for SIGHUP and for changed files: read and check everything first, then exchange one immutable
//! snapshot. Requests go on with the snapshot that they began with. On any error the old one stays and the log says why.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use arc_swap::ArcSwap;
use model::document::{Problem, SourceText};
use tokio::sync::{Mutex, Notify};
use tokio_util::sync::CancellationToken;

use super::{FileWatch, Notifier};
use crate::{
    clock::Clock,
    config::{self, Changes, Config, Facts, Loaded, codes},
    tls::{self, CertificateWatch, ExpiryWatch, Look},
};

/// What a request is answered with: the configuration and what was built from it.
#[derive(Debug)]
pub struct Snapshot<T> {
    /// The configuration in effect. Where a change needs a restart, the value of the start.
    pub config: Config,
    /// SHA-256 of the file.
    pub digest: String,
    /// Counts up from 1 with every configuration that took effect.
    pub version: u64,
    /// What was built from the configuration.
    pub parts: T,
}

/// How a reload ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The file is as it was.
    Same,
    /// The file is in effect, apart from the keys that need a restart.
    Applied {
        /// Version of the new snapshot.
        version: u64,
        /// The keys that differ.
        changes: Changes,
    },
    /// The file is wrong; the old configuration goes on.
    Refused(Vec<Problem>),
}

/// Where the configuration comes from.
#[derive(Debug, Clone)]
pub struct Origin {
    /// The file.
    pub path: PathBuf,
    /// systemd's `STATE_DIRECTORY`.
    pub state_directory: Option<PathBuf>,
    /// `AWS_REGION` or `AWS_DEFAULT_REGION`.
    pub region: Option<String>,
}

impl Origin {
    /// Reads and checks the configuration without looking at the files that it names.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, and the text where there is one.
    pub fn load(&self) -> Result<Loaded, (Vec<Problem>, Option<Vec<u8>>)> {
        let bytes = config::read_file(&self.path).map_err(|problem| (vec![*problem], None))?;
        self.parse(&bytes).map_err(|problems| (problems, Some(bytes)))
    }

    fn parse(&self, bytes: &[u8]) -> Result<Loaded, Vec<Problem>> {
        let name = self.path.to_string_lossy();
        let folder = match self.path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let facts = Facts {
            folder,
            state_directory: self.state_directory.as_deref(),
            region: self.region.as_deref(),
        };
        config::load(SourceText { name: &name, bytes }, &facts)
    }
}

/// Builds what requests are answered with. The snapshot before is there so that parts can be kept.
type Build<T> = Box<dyn Fn(&Config, Option<&Snapshot<T>>) -> Result<T, Vec<Problem>> + Send + Sync>;

/// What a reload has done, for whoever counts it.
pub enum Reloaded<'a, T> {
    /// This configuration is in effect.
    Configuration(&'a Snapshot<T>),
    /// The old configuration goes on.
    ConfigurationRefused,
    /// A new certificate is shown.
    Certificate,
    /// The old certificate goes on, for this reason.
    CertificateRefused(&'a tls::TlsError),
    /// Nothing was exchanged, and the certificate that is shown should have been by now.
    CertificateEnding(&'a tls::Shown, tls::Ending),
}

type Tell<T> = Box<dyn Fn(Reloaded<'_, T>) + Send + Sync>;

/// Holds the snapshot in effect and exchanges it.
pub struct Reloader<T> {
    origin: Origin,
    build: Build<T>,
    tell: Tell<T>,
    clock: Arc<dyn Clock>,
    current: Arc<ArcSwap<Snapshot<T>>>,
    tls: Option<Arc<tls::Server>>,
    /// Held while a reload goes on, so that there is one at a time.
    state: Mutex<State>,
}

struct State {
    certificate: Option<CertificateWatch>,
    expiry: ExpiryWatch,
    /// The problems that were logged last and still hold.
    reported: Vec<Problem>,
    /// What the files held that were looked at last.
    looked_at: Fingerprint,
}

impl<T> fmt::Debug for Reloader<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reloader").field("origin", &self.origin).finish_non_exhaustive()
    }
}

impl<T: Send + Sync + 'static> Reloader<T> {
    /// Begins with a configuration that has been loaded.
    ///
    /// # Errors
    ///
    /// Why the server cannot start with it.
    pub fn start(
        origin: Origin,
        loaded: Loaded,
        clock: Arc<dyn Clock>,
        build: impl Fn(&Config, Option<&Snapshot<T>>) -> Result<T, Vec<Problem>> + Send + Sync + 'static,
    ) -> Result<Self, Vec<Problem>> {
        let problems = config::check_files(&loaded, clock.now());
        if problems.iter().any(Problem::is_error) {
            return Err(problems);
        }
        let tls = match &loaded.config.tls {
            Some(settings) => Some(
                tls::Server::new(settings, clock.now())
                    .map(Arc::new)
                    .map_err(|error| vec![error.problem(&loaded.place(error.key()))])?,
            ),
            None => None,
        };
        let parts = build(&loaded.config, None)?;
        let certificate = tls.as_ref().zip(loaded.config.tls.as_ref());
        let state = State {
            certificate: certificate
                .map(|(server, settings)| CertificateWatch::new(Arc::clone(server), settings)),
            expiry: ExpiryWatch::default(),
            reported: Vec::new(),
            looked_at: fingerprint(&loaded.digest, &loaded.config),
        };
        let snapshot = Snapshot { config: loaded.config, digest: loaded.digest, version: 1, parts };
        Ok(Self {
            origin,
            build: Box::new(build),
            tell: Box::new(|_| ()),
            clock,
            current: Arc::new(ArcSwap::from_pointee(snapshot)),
            tls,
            state: Mutex::new(state),
        })
    }

    /// The same, telling somebody of every reload.
    #[must_use]
    pub fn telling(mut self, tell: impl Fn(Reloaded<'_, T>) + Send + Sync + 'static) -> Self {
        self.tell = Box::new(tell);
        self
    }

    /// The snapshot in effect, for each request anew.
    pub fn current(&self) -> Arc<ArcSwap<Snapshot<T>>> {
        Arc::clone(&self.current)
    }

    /// The server's side of TLS, for [`serve`](super::serve).
    pub fn tls(&self) -> Option<Arc<tls::Server>> {
        self.tls.clone()
    }

    /// Reads the file again, and the certificate; one at a time.
    pub async fn reload(&self) -> Outcome {
        let mut state = self.state.lock().await;
        let outcome = self.reload_configuration(&mut state);
        self.look_at_certificate(&mut state);
        outcome
    }

    /// The same, and says again what is wrong: somebody asks for it.
    pub(super) async fn reload_loudly(&self) -> Outcome {
        let mut state = self.state.lock().await;
        if !std::mem::take(&mut state.reported).is_empty() {
            state.looked_at = Fingerprint::default();
        }
        drop(state);
        self.reload().await
    }

    /// Reloads on `hangup` and when files change, until `stop` is cancelled.
    pub async fn run(&self, hangup: &Notify, notifier: &Notifier, stop: &CancellationToken) {
        let mut watch = FileWatch::new();
        loop {
            let snapshot = self.current.load_full();
            watch.files(files(&self.origin.path, &snapshot.config));
            drop(snapshot);
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = hangup.notified() => {
                    notifier.reloading();
                    let outcome = self.reload_loudly().await;
                    notifier.ready(&status(&outcome, self.current.load().version));
                }
                () = watch.changed() => drop(self.reload().await),
            }
        }
    }

    fn reload_configuration(&self, state: &mut State) -> Outcome {
        let outcome = self.exchange(state);
        match &outcome {
            Outcome::Same => {}
            Outcome::Applied { version, changes } => {
                (self.tell)(Reloaded::Configuration(&self.current.load()));
                state.reported.clear();
                tracing::info!(version, applied = ?changes.applied, "configuration reloaded");
                if !changes.needs_restart.is_empty() {
                    tracing::warn!(code = codes::NEEDS_RESTART, keys = ?changes.needs_restart, "changes need a restart");
                }
            }
            Outcome::Refused(problems) => {
                if state.reported != *problems {
                    (self.tell)(Reloaded::ConfigurationRefused);
                    for problem in problems {
                        let code = codes::RELOAD_REFUSED;
                        tracing::error!(code, problem = %problem, "the old configuration goes on");
                    }
                    state.reported.clone_from(problems);
                }
            }
        }
        outcome
    }

    fn exchange(&self, state: &mut State) -> Outcome {
        let bytes = match config::read_file(&self.origin.path) {
            Ok(bytes) => bytes,
            Err(problem) => return Outcome::Refused(vec![*problem]),
        };
        let old = self.current.load_full();
        let looked_at = fingerprint(&config::digest(&bytes), &old.config);
        if looked_at == state.looked_at && state.reported.is_empty() {
            return Outcome::Same;
        }
        state.looked_at = looked_at;
        match self.next(&bytes, &old) {
            Ok((snapshot, changes)) => {
                let version = snapshot.version;
                self.current.store(Arc::new(snapshot));
                Outcome::Applied { version, changes }
            }
            Err(problems) => Outcome::Refused(problems),
        }
    }

    /// The snapshot of a text, with nothing exchanged yet but what cannot fail any more.
    fn next(&self, bytes: &[u8], old: &Snapshot<T>) -> Result<(Snapshot<T>, Changes), Vec<Problem>> {
        let loaded = self.origin.parse(bytes)?;
        let problems = config::check_files(&loaded, self.clock.now());
        if problems.iter().any(Problem::is_error) {
            return Err(problems);
        }
        let changes = config::changes(&old.config, &loaded.config);
        let effective = loaded.config.clone().after_reload(&old.config);
        let parts = (self.build)(&effective, Some(old))?;
        if let (Some(server), Some(settings)) = (&self.tls, &effective.tls) {
            server
                .reload(settings, self.clock.now())
                .map_err(|error| vec![error.problem(&loaded.place(error.key()))])?;
        }
        let version = old.version.saturating_add(1);
        Ok((Snapshot { config: effective, digest: loaded.digest, version, parts }, changes))
    }

    fn look_at_certificate(&self, state: &mut State) {
        let snapshot = self.current.load();
        let (Some(watch), Some(settings)) = (&mut state.certificate, &snapshot.config.tls) else { return };
        match watch.look(settings, self.clock.now()) {
            Look::Same | Look::Waiting => {}
            Look::Exchanged => {
                (self.tell)(Reloaded::Certificate);
                tracing::info!("a new certificate is shown");
            }
            Look::Refused(error) => {
                (self.tell)(Reloaded::CertificateRefused(&error));
                let (cause, problem) = (error.code(), error.with_cause());
                tracing::error!(code = codes::PAIR_REFUSED, cause, problem, "the old certificate goes on");
            }
        }
        let shown = self.tls.as_ref().and_then(|server| tls::Shown::of(&server.pair()));
        if let Some(shown) = shown
            && let Some(ending) = state.expiry.look(&shown, self.clock.now())
        {
            (self.tell)(Reloaded::CertificateEnding(&shown, ending));
        }
    }
}

/// Names the content of the configuration and of the files behind it that are not watched on their own.
type Fingerprint = Vec<String>;

/// The fingerprint of a configuration file with this digest.
fn fingerprint(digest: &str, config: &Config) -> Fingerprint {
    let authorities = config.tls.iter().flat_map(|tls| &tls.client_auth).map(|auth| &auth.ca_path);
    let content =
        |path: &PathBuf| std::fs::read(path).map_or_else(|_| String::new(), |bytes| config::digest(&bytes));
    let others = authorities.chain(&config.ledger.prices_path).map(content);
    std::iter::once(digest.to_owned()).chain(others).collect()
}

/// The files whose changes matter.
fn files<'a>(path: &'a Path, config: &'a Config) -> Vec<&'a Path> {
    let tls = config.tls.iter().flat_map(|tls| {
        let authorities = tls.client_auth.iter().map(|client_auth| client_auth.ca_path.as_path());
        [tls.cert_path.as_path(), tls.key_path.as_path()].into_iter().chain(authorities)
    });
    std::iter::once(path).chain(tls).chain(config.ledger.prices_path.as_deref()).collect()
}

/// A line for `systemctl status`.
fn status(outcome: &Outcome, version: u64) -> String {
    match outcome {
        Outcome::Same => format!("serving configuration {version}"),
        Outcome::Applied { changes, .. } if changes.needs_restart.is_empty() => {
            format!("serving configuration {version}")
        }
        Outcome::Applied { changes, .. } => {
            format!("serving configuration {version}; after a restart: {}", changes.needs_restart.join(", "))
        }
        Outcome::Refused(problems) => {
            let errors = problems.iter().filter(|problem| problem.is_error()).count();
            format!("serving configuration {version}; the changed file is refused: {errors} errors")
        }
    }
}
