//! `check`: the parts that all checks share; each kind has a file of its own.

mod account;
mod acm;
mod certs;
mod cognito;
mod endpoint;
mod finish;
mod gateway;
mod host;
mod lock;
mod network;
mod on_disk;
mod timer;
mod unattended;
mod vpc;

use std::cell::RefCell;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use checks::cert::read::LARGEST_FILE;
use checks::endpoint::Manner;
use checks::remote::target::{Host, Target as Server};
use checks::{CheckResult, Moment, Subject, SubjectKind};
use model::config::{Config, Mode};
use model::{Finding, Severity};
use provision::clock::Clock as _;
use provision::journal::State;

use crate::app::{App, Ended};
use crate::args::{CheckVerb, ConfigArgs, StateArgs};
use crate::compose::SystemClock;
use crate::exit::Exit;
use crate::failure::{Failure, codes};
use crate::running::{self, Seen};
use crate::session::{self, Session};
use crate::{settings, storage};

pub(crate) use account::{Place, reach, results as account};
pub(crate) use certs::results as certs;
pub(crate) use cognito::{Known, no_token, run as cognito, token};
pub(crate) use endpoint::{named_token, not_there, results_as as endpoint_as};
pub(crate) use finish::{exit, finish, finish_with, page, put, selection, selection_among};
pub(crate) use gateway::account as gateway_account;
pub(crate) use gateway::{Deployed as DeployedGateway, results_as as gateway_as};
pub(crate) use host::results as host;
pub(crate) use network::{instance_metadata, results as network};

/// `check`
pub(crate) fn command(app: &App, verb: &CheckVerb) -> Ended {
    match verb {
        CheckVerb::Certs(args) => certs::command(app, args),
        CheckVerb::Network(args) => network::command(app, args),
        CheckVerb::Account(args) => account::command(app, args),
        CheckVerb::Endpoint(args) => endpoint::command(app, args),
        CheckVerb::Gateway(args) => gateway::command(app, args),
        CheckVerb::Host(args) => host::command(app, args),
        CheckVerb::All(args) => super::verify::all(app, args),
    }
}

/// The deployment that a check is about, as far as it is known.
pub(crate) struct Target {
    /// Its configuration: of `--config`, or else of the state file.
    pub(crate) config: Option<Config>,
    /// What the state file says, where there is one.
    pub(crate) state: Option<State>,
    /// Where the state file is, or would be.
    pub(crate) state_file: PathBuf,
    /// Whether the rehearsal of that state file runs, and where; nothing where it is none of a rehearsal.
    pub(crate) running: Seen,
}

impl Target {
    /// Whether it is a rehearsal.
    pub(crate) fn is_rehearsal(&self) -> bool {
        let is_rehearsal = |mode: &Mode| *mode == Mode::Rehearsal;
        self.config.as_ref().map(|config| &config.mode).is_some_and(is_rehearsal)
            || self.state.as_ref().map(|state| &state.header.mode).is_some_and(is_rehearsal)
    }

    /// The server that clients of the deployment talk to: under its name on port 443, or where the rehearsal serves.
    pub(crate) fn server(&self) -> Option<Server> {
        let named = |name: &str| Host::parse(name).ok().map(|host| Server::tls(host, 443));
        let server = self.config.as_ref()?.tls.domain.as_deref().and_then(named);
        match self.running.place() {
            None => server,
            Some(place) => {
                let url = place.endpoint()?;
                Some(Server { address: Some(place.address), ..Server::tls(url.host, url.port) })
            }
        }
    }

    /// The roots to trust: the flag's, or those of the rehearsal that runs.
    pub(crate) fn ca_file<'a>(&'a self, flag: Option<&'a Path>) -> Option<&'a Path> {
        flag.or_else(|| self.running.place().map(|place| place.ca_file.as_path()))
    }

    /// The same deployment where nothing serves its domain: what is asked of it leaves the domain out.
    pub(crate) fn without_endpoint(&self) -> Self {
        let mut config = self.config.clone();
        if let Some(config) = &mut config {
            config.tls.domain = None;
        }
        Self {
            config,
            state: self.state.clone(),
            state_file: self.state_file.clone(),
            running: Seen::Nothing,
        }
    }
}

/// Finds out which deployment is meant. None is no failure: a check of a file needs no deployment.
pub(crate) fn target(app: &App, config: &ConfigArgs, state: &StateArgs) -> Result<Target, Box<Failure>> {
    let is_rehearsal = config.mode == Some(model::config::Mode::Rehearsal);
    let state_file = storage::state_file(app, state.state_file.as_ref(), is_rehearsal);
    let known = storage::peek(&state_file)?;
    let is_named = config.config.is_some() || app.variable("SRE_AGENT_DEPLOY_CONFIG").is_some();
    let config = if is_named {
        Some(settings::read(app, config, None, None)?.valid(app)?)
    } else {
        known
            .as_ref()
            .and_then(|state| state.config.as_ref())
            .and_then(|resolved| Config::from_resolved(resolved).ok())
    };
    let mut target = Target { config, state: known, state_file, running: Seen::Nothing };
    if target.is_rehearsal() {
        target.running = running::look(&target.state_file);
    }
    Ok(target)
}

/// Results of one kind of check, to be put together with those of others.
pub(crate) type Results = Result<Vec<CheckResult>, Box<Failure>>;

/// Results, or what kept them from being collected as something that is not known. An operator who stops is obeyed.
pub(crate) fn or_unknown(subject: &str, results: Results) -> Results {
    results.or_else(|failure| {
        if failure.exit == Exit::Cancelled {
            return Err(failure);
        }
        let findings: Vec<Finding> = failure
            .findings
            .into_iter()
            .map(|finding| Finding { severity: Severity::Unknown, ..finding })
            .collect();
        let subject = Subject::new(SubjectKind::Deployment, subject);
        Ok(vec![CheckResult::new(subject, Vec::new(), findings)])
    })
}

/// Reads PEM roots that a flag names.
pub(crate) fn roots_file(path: Option<&Path>) -> Result<Option<Vec<u8>>, Box<Failure>> {
    path.map(|path| {
        regular(path).map_err(|error| {
            Failure::of_file("read the roots", path, &error)
                .hint("name a PEM file with the certificate of the authority: --ca-file ca.pem")
        })
    })
    .transpose()
}

/// Reads a regular file of a size that roots have. A pipe would be waited for, perhaps for ever.
fn regular(path: &Path) -> io::Result<Vec<u8>> {
    let too_large = || io::Error::other(format!("it has more than {LARGEST_FILE} bytes"));
    // Looked at before it is opened, since opening a pipe waits already.
    let metadata = std::fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is no regular file"));
    }
    if metadata.len() > LARGEST_FILE {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    let limit = LARGEST_FILE.saturating_add(1);
    std::fs::File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    // It grew meanwhile, or is one of those that have no length, as below /proc.
    if u64::try_from(bytes.len()).is_ok_and(|length| length > LARGEST_FILE) {
        return Err(too_large());
    }
    Ok(bytes)
}

/// Waits for something beside the operator's wish to stop.
pub(crate) fn wait<T>(
    app: &App,
    state: &StateArgs,
    work: impl AsyncFnOnce(&Session<'_>) -> Result<T, Box<Failure>>,
) -> Result<T, Box<Failure>> {
    let done = RefCell::new(None);
    session::run(app, state, async |session| {
        done.replace(Some(work(session).await?));
        Ok(Exit::Done)
    })?;
    done.into_inner().ok_or_else(|| Failure::new(codes::BUG, "check", "a check ended without an answer"))
}

/// Waits for something that nobody needs to stop at a safe point.
pub(crate) fn wait_simply<T>(work: impl AsyncFnOnce() -> Result<T, Box<Failure>>) -> Result<T, Box<Failure>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| {
        Failure::new(codes::BUG, "runtime", "the system refused what a check needs")
            .evidence(error.to_string())
    })?;
    let done = runtime.block_on(work());
    // The system's resolver cannot be told to stop; nobody waits for it.
    runtime.shutdown_background();
    done
}

/// How others are asked: whom to believe, and now.
pub(crate) fn manner(ca_file: Option<&Path>) -> Result<Manner, Box<Failure>> {
    let pem = roots_file(ca_file)?;
    let roots = checks::remote::tls::roots(pem.as_deref()).map_err(|why| {
        let path = ca_file.map(|path| path.display().to_string()).unwrap_or_default();
        Failure::new(codes::NO_ROOTS, &path, format!("`{path}` holds no roots to trust: {why}"))
            .hint("name a PEM file with the certificate of the authority: --ca-file ca.pem")
    })?;
    Ok(Manner::new(roots, Moment::from(SystemClock.now())))
}

/// Whether the deployment is in a practice account, which nothing but this program can reach.
pub(crate) fn is_practice(app: &App, target: &Target) -> bool {
    app.variable("SRE_AGENT_DEPLOY_PRACTICE_ACCOUNT").is_some() || target.is_rehearsal()
}
