//! Looks whether what was installed serves: units, the program that runs, and an answer over TLS.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use async_trait::async_trait;
use checks::remote::http::{Options, Request, StatusCode, fetch};
use provision::host::{Probe, Unwell};
use systemd::host::{Entry, Host, LocalHost};
use systemd::units::{PROXY_SERVICE, PROXY_SOCKET};
use systemd::{Layout, Program};
use tokio::time::{Instant, sleep};

/// How long a service may take until it is well.
const WITHIN: Duration = Duration::from_secs(30);
/// How often it is looked at.
const EVERY: Duration = Duration::from_millis(50);
/// The path that answers as soon as the process does.
const LIVE: &str = "https://127.0.0.1/health/live";

/// The service on this machine.
pub(super) struct Serving<'a> {
    pub(super) host: &'a LocalHost,
    pub(super) layout: &'a Layout,
}

#[async_trait(?Send)]
impl Probe for Serving<'_> {
    async fn look(&self) -> Result<String, Unwell> {
        let started = Instant::now();
        loop {
            match self.once().await {
                Ok(seen) => return Ok(seen),
                Err(reason) if started.elapsed() >= WITHIN => return Err(reason.into()),
                Err(_) => sleep(EVERY).await,
            }
        }
    }
}

impl Serving<'_> {
    async fn once(&self) -> Result<String, String> {
        let unit = |name: &str| self.host.unit(name).map_err(|error| error.to_string());
        for name in [PROXY_SOCKET, PROXY_SERVICE] {
            let facts = unit(name)?;
            if !facts.is_active() {
                return Err(format!("{name} is {} ({}), and should be active", facts.active, facts.result));
            }
        }
        let link = self.layout.program(Program::Proxy);
        let wanted = match self.host.look(&link) {
            Ok(Entry::Link(target)) => self.layout.programs().join(target),
            _ => return Err(format!("{} is no link to a program", link.display())),
        };
        match unit(PROXY_SERVICE)?.program {
            Some(program) if program == wanted => {}
            Some(program) => {
                return Err(format!("{} runs, and should be {}", program.display(), wanted.display()));
            }
            None => return Err("the service has no main process".to_owned()),
        }
        let url = LIVE.parse()?;
        let options = Options { address: Some(IpAddr::V4(Ipv4Addr::LOCALHOST)), ..Options::default() };
        let answer = fetch(&Request::get(url), &options).await.map_err(|error| error.to_string())?;
        if answer.status != StatusCode::OK {
            return Err(format!("{LIVE} answers {}", answer.status));
        }
        let version = answer.handshake.map_or("TLS", |handshake| handshake.version);
        Ok(format!("{PROXY_SERVICE} runs {} and answers over {version}", wanted.display()))
    }
}
