//! Looks whether the backends answer: over TLS, by their own process, and to nobody without the key.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use checks::host::collect::{Listener, on_port};
use checks::remote::http::{Options, Request, StatusCode, fetch};
use model::agent::Backend;
use provision::host::{Probe, Unwell};
use systemd::host::{Host as _, LocalHost};
use systemd::units::agent::service;
use tokio::time::{Instant, sleep};

/// How often a backend is looked at.
const EVERY: Duration = Duration::from_millis(200);
/// How long one look may take.
const STEP: Duration = Duration::from_secs(5);

/// The backends on this machine.
pub(super) struct Answering<'a> {
    pub(super) host: &'a LocalHost,
    /// Where they listen.
    pub(super) address: IpAddr,
    /// How long they may take.
    pub(super) within: Duration,
}

#[async_trait(?Send)]
impl Probe for Answering<'_> {
    async fn look(&self) -> Result<String, Unwell> {
        let started = Instant::now();
        let mut open: BTreeMap<Backend, String> = Backend::ALL.map(|one| (one, String::new())).into();
        loop {
            for backend in Backend::ALL {
                match self.once(backend).await {
                    Ok(()) => open.remove(&backend),
                    Err(reason) => open.insert(backend, reason),
                };
            }
            if open.is_empty() {
                let names = Backend::ALL.map(|one| format!("{} on {}", one.name(), one.port()));
                return Ok(format!(
                    "{} answer over TLS at {} and ask for the key",
                    names.join(", "),
                    self.address
                ));
            }
            if started.elapsed() >= self.within {
                let reasons: Vec<String> =
                    open.iter().map(|(one, reason)| format!("{}: {reason}", one.name())).collect();
                return Err(Unwell {
                    reason: reasons.join("; "),
                    units: open.keys().map(|one| service(*one).to_owned()).collect(),
                });
            }
            sleep(EVERY).await;
        }
    }
}

impl Answering<'_> {
    /// Whether one answers now.
    pub(super) async fn once(&self, backend: Backend) -> Result<(), String> {
        let unit = service(backend);
        let facts = self.host.unit(unit).map_err(|error| error.to_string())?;
        if !facts.is_active() {
            return Err(format!("{unit} is {} ({})", facts.active, facts.result));
        }
        match owners(backend) {
            None => return Err(format!("nobody listens on port {}", backend.port())),
            Some(owners) if owners.iter().any(|(_, is_ours)| *is_ours) => {}
            Some(_) => return Err(format!("port {} belongs to somebody else", backend.port())),
        }
        let address = match self.address {
            IpAddr::V4(address) if address.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(address) if address.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            address => address,
        };
        let host = match address {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => format!("[{address}]"),
        };
        let url = format!("https://{host}:{}/", backend.port()).parse()?;
        let options = Options { address: Some(address), step: STEP, answer: STEP, ..Options::default() };
        let answer = fetch(&Request::get(url), &options).await.map_err(|error| error.to_string())?;
        match answer.status {
            StatusCode::UNAUTHORIZED => Ok(()),
            status if status.is_success() => Err("it answers to who has no key".to_owned()),
            status => Err(format!("it answers {status} to who has no key, instead of 401")),
        }
    }
}

/// Who listens on the port of a backend, and whether that is its service; nothing where nobody does.
pub(super) fn owners(backend: Backend) -> Option<Vec<(Listener, bool)>> {
    let listeners = on_port(Path::new("/"), backend.port()).ok().flatten()?;
    let is_ours = |listener: &Listener| {
        let groups = std::fs::read_to_string(format!("/proc/{}/cgroup", listener.process));
        groups
            .is_ok_and(|groups| groups.lines().any(|line| line.ends_with(&format!("/{}", service(backend)))))
    };
    Some(listeners.into_iter().map(|listener| (listener.clone(), is_ours(&listener))).collect())
}
