//! Looks at what the services are going to stand on: the machine, the sample on it, the deployment.

use std::net::{IpAddr, UdpSocket};
use std::path::{Path, PathBuf};

use model::Finding;
use model::agent::Backend;
use model::plan::StepId;
use provision::host::HostState;
use provision::host::backends::preflight::{BackendFacts, FIXED_REGION, judge};
use systemd::Layout;
use systemd::units::agent::{CERTIFICATE, KEY, Setup};
use systemd::units::{FAILED_SERVICE, UnitFile};
use systemd::words::{ProgramPath, UnitPath};

use super::super::collect::API_KEY_READER;
use super::probe::owners;
use super::sample::{Python, Who, hidden};
use crate::app::App;
use crate::commands::check::Target;
use crate::commands::host::machine::Machine;
use crate::commands::host::preflight;

/// An address that nobody has, towards which the kernel is asked which one it would come from. Nothing is sent.
const ELSEWHERE: &str = "192.0.2.1:9";
/// As the configuration has it where nothing is said.
const TOKEN_MINUTES: u32 = 60;

/// What the deployment says.
pub(super) struct Deployment {
    state_file: PathBuf,
    provider: Result<(), String>,
    region: Option<String>,
    token_minutes: u32,
}

impl Deployment {
    pub(super) fn of(target: &Target) -> Self {
        let state = target.state.as_ref();
        let step = StepId::CredentialProvider;
        let provider = match state {
            None => {
                Err(format!("there is no deployment in the state file `{}`", target.state_file.display()))
            }
            Some(state) if state.step(step).outputs.contains_key("arn") => Ok(()),
            Some(_) => Err(format!("the deployment has not made {step}")),
        };
        let config = target.config.as_ref();
        Self {
            state_file: std::fs::canonicalize(&target.state_file)
                .unwrap_or_else(|_| target.state_file.clone()),
            provider,
            region: state.map(|state| state.header.region.to_string()),
            token_minutes: config.map_or(TOKEN_MINUTES, |config| config.cognito.access_token_minutes),
        }
    }
}

/// What there is to stand on.
pub(super) struct Ground {
    dir: PathBuf,
    owner: Who,
    python: Result<Python, String>,
    pair: Option<PathBuf>,
    watched: PathBuf,
    address: Result<IpAddr, String>,
    has_teller: bool,
    deployment: Deployment,
}

impl Ground {
    pub(super) fn look(
        machine: &Machine,
        dir: &Path,
        deployment: Deployment,
        address: Option<IpAddr>,
    ) -> Self {
        let layout = &machine.layout;
        let dir = std::fs::canonicalize(dir).unwrap_or_else(|_| dir.to_owned());
        let has_pair = |folder: &Path| [CERTIFICATE, KEY].iter().all(|file| folder.join(file).is_file());
        let (pair, watched) = match (layout.live_pair(), layout.sample_pair()) {
            (live, _) if has_pair(&live) => (Some(live), layout.tls()),
            (_, sample) if has_pair(&sample) => (Some(sample.clone()), sample),
            (_, sample) => (None, sample),
        };
        Self {
            owner: Who::owns(&dir),
            python: Python::of(&dir),
            pair,
            watched,
            address: address.map_or_else(own_address, Ok),
            has_teller: layout.units().join(FAILED_SERVICE).exists(),
            deployment,
            dir,
        }
    }

    /// What the units depend on, unless something is missing or cannot be said.
    pub(super) fn setup(&self, layout: &Layout, systemd_version: u32) -> Option<Setup> {
        let python = self.python.as_ref().ok()?;
        let of_homes: Result<_, _> = python.of_homes.iter().map(|path| UnitPath::new(path)).collect();
        Some(Setup {
            layout: layout.clone(),
            systemd_version,
            dir: UnitPath::new(&self.dir).ok()?,
            python: ProgramPath::new(&python.program).ok()?,
            of_homes: of_homes.ok()?,
            pair: UnitPath::new(self.pair.as_ref()?).ok()?,
            watched: UnitPath::new(&self.watched).ok()?,
            address: *self.address.as_ref().ok()?,
            owner: (self.owner.uid, self.owner.gid),
            state_file: UnitPath::new(&self.deployment.state_file).ok()?,
            token_minutes: self.deployment.token_minutes,
            tells: self.has_teller,
        })
    }

    /// Everything that there is to say.
    pub(super) fn findings(
        &self,
        app: &App,
        machine: &Machine,
        units: &[UnitFile],
        state: Option<&HostState>,
    ) -> Vec<Finding> {
        let layout = &machine.layout;
        let reader = std::fs::read_to_string(self.dir.join(API_KEY_READER)).unwrap_or_default();
        let facts = BackendFacts {
            uid: preflight::uid(),
            dir: self.dir.display().to_string(),
            unusable: self.unusable(),
            python: self.python.as_ref().map(|python| python.version).map_err(Clone::clone),
            has_pair: self.pair.is_some(),
            provider: self.deployment.provider.clone(),
            ports: Backend::ALL.map(|backend| (backend, self.port(backend))).into(),
            taken: Backend::ALL.into_iter().filter_map(taken).collect(),
            address: self.address.clone(),
            is_here: self.address.as_ref().is_ok_and(|address| UdpSocket::bind((*address, 0)).is_ok()),
            is_region_fixed: reader.contains(FIXED_REGION),
            region: self.deployment.region.clone(),
            hidden_state: match self.deployment.provider {
                Ok(()) => hidden(&self.deployment.state_file, None, self.owner),
                Err(_) => None,
            },
            unwritable: preflight::unwritable(&[layout.units(), layout.state(), layout.agent_programs()]),
            masked: preflight::masked(&machine.host, units),
            is_unfinished: state.is_some_and(|state| state.run.is_some() || state.is_removing),
        };
        judge(&facts, &app.program)
    }

    /// The port that the backend's schema names.
    fn port(&self, backend: Backend) -> Result<u16, String> {
        let path = self.dir.join("backend/openapi_specs").join(backend.schema_file());
        let text = std::fs::read_to_string(path).map_err(|error| format!("it cannot be read: {error}"))?;
        agent::openapi::own_port(&text)
    }

    /// What the services' own user could not use, and what systemd does not take.
    fn unusable(&self) -> Vec<(String, String)> {
        let mut found = Vec::new();
        let mut say = |path: &Path, reason: String| found.push((path.display().to_string(), reason));
        let of_homes = self.python.iter().flat_map(|python| &python.of_homes);
        for path in std::iter::once(&self.dir).chain(of_homes) {
            match UnitPath::new(path) {
                Err(error) => say(path, error.to_string()),
                // It stands between two paths that belong together.
                Ok(_) if path.as_os_str().as_encoded_bytes().contains(&b':') => {
                    say(path, "systemd takes no colon in such a path".to_owned());
                }
                Ok(_) => {}
            }
        }
        let servers = Backend::ALL.iter().flat_map(|backend| {
            [
                format!("backend/servers/{}_server.py", backend.name()),
                format!("backend/openapi_specs/{}", backend.schema_file()),
            ]
        });
        let mut files: Vec<PathBuf> = servers.map(|file| self.dir.join(file)).collect();
        if let Ok(python) = &self.python {
            files.extend([python.program.clone(), self.dir.join(".venv/lib")]);
            if let Err(error) = ProgramPath::new(&python.program) {
                say(&python.program, error.to_string());
            }
        }
        for file in files {
            let real = std::fs::canonicalize(&file).unwrap_or_else(|_| file.clone());
            let within = self.seen().find(|seen| real.starts_with(seen)).map(PathBuf::as_path);
            if let Some(reason) = hidden(&real, within, Who::NOBODY) {
                say(&file, reason);
            }
        }
        found
    }

    /// Folders that the services see whatever lies around them.
    fn seen(&self) -> impl Iterator<Item = &PathBuf> {
        std::iter::once(&self.dir).chain(self.python.iter().flat_map(|python| &python.of_homes))
    }
}

/// The address that this machine has towards others.
fn own_address() -> Result<IpAddr, String> {
    let ask = || -> std::io::Result<IpAddr> {
        let socket = UdpSocket::bind(("0.0.0.0", 0))?;
        socket.connect(ELSEWHERE)?;
        Ok(socket.local_addr()?.ip())
    };
    ask().map_err(|error| format!("there is no way out of this machine: {error}"))
}

/// Who has the port of a backend, if somebody else than its service.
fn taken(backend: Backend) -> Option<(Backend, Vec<String>)> {
    let owners = owners(backend)?;
    let of_others: Vec<String> = owners
        .iter()
        .filter(|(_, is_ours)| !is_ours)
        .map(|(listener, _)| format!("{} (process {})", listener.name, listener.process))
        .collect();
    (owners.is_empty() || !of_others.is_empty()).then_some((backend, of_others))
}
