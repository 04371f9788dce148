//! The certificates that endpoints serve: every address of every endpoint, many at once, each step with a deadline.
//! What went wrong on the way is a remark of its own, so that nothing is passed over in silence.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use futures::future::join_all;
use model::{Finding, Severity};
use rustls_pki_types::CertificateDer;
use tokio::sync::Semaphore;

use super::connect::{self, Failure};
use super::dns::{self, NameServers, Trouble};
use super::starttls::{self, StarttlsError};
use super::target::{Host, Target};
use super::tls::{self, Handshake, TlsError, Trust};
use crate::cert::facts::{Item, Material};
use crate::cert::read;
use crate::network::{HANDSHAKE, findings};
use crate::{Subject, SubjectKind};

/// How many name look-ups run at a time; the system's resolver takes a thread for each.
const LOOK_UPS: usize = 16;

/// How to go about it.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long each step may take: look-up, TCP, STARTTLS, TLS.
    pub step: Duration,
    /// How many sockets are open at a time.
    pub at_once: usize,
    /// Whether to look CAA records up.
    pub caa: bool,
    /// Whom to ask why a name does not resolve, and for CAA records; none cannot say.
    pub name_servers: Option<NameServers>,
}

impl Default for Options {
    /// 5 s a step, 256 sockets, no CAA records.
    fn default() -> Self {
        Self { step: Duration::from_secs(5), at_once: 256, caa: false, name_servers: None }
    }
}

/// What came of one address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look {
    /// No connection.
    Unconnected(Failure),
    /// A connection on which TLS could not begin.
    NotUpgraded(StarttlsError),
    /// No TLS, though perhaps a chain.
    NotSecured(TlsError),
    /// TLS.
    Secured(Handshake),
}

impl Look {
    /// What was sent, whatever came of it.
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        match self {
            Self::Unconnected(_) | Self::NotUpgraded(_) => &[],
            Self::NotSecured(error) => &error.chain,
            Self::Secured(handshake) => &handshake.chain,
        }
    }

    /// What is to be said of it; nothing where all went well.
    pub fn findings(&self, target: &Target, address: SocketAddr, subject: &str) -> Vec<Finding> {
        match self {
            Self::Unconnected(failure) => vec![findings::unconnected(target, address, failure, subject)],
            Self::NotUpgraded(error) => vec![findings::not_upgraded(target, address, error, subject)],
            Self::NotSecured(error) => vec![findings::not_secured(target, address, error, subject)],
            Self::Secured(Handshake { unproven: Some(why), .. }) => {
                let message = "the server's proof that it has the private key could not be checked";
                vec![Finding::new(HANDSHAKE.code, Severity::Warning, subject, message).evidence(why.clone())]
            }
            Self::Secured(_) => Vec::new(),
        }
    }
}

/// Goes through TCP, STARTTLS and TLS at one address, and hangs up.
pub async fn look(target: &Target, address: SocketAddr, step: Duration) -> Look {
    let (mut stream, _) = match connect::tcp(address, step).await {
        Ok(connected) => connected,
        Err(failure) => return Look::Unconnected(failure),
    };
    if let Err(error) = starttls::upgrade(&mut stream, target.protocol, step).await {
        return Look::NotUpgraded(error);
    }
    match tls::handshake(stream, target.server().server_name(), &Trust::Recorded, &[], step).await {
        Ok((_, handshake)) => Look::Secured(handshake),
        Err(error) => Look::NotSecured(error),
    }
}

/// The addresses of a target, as programs on this machine get them; else a finding that says why there are none.
pub async fn locate(
    target: &Target,
    options: &Options,
    subject: &str,
) -> Result<Vec<SocketAddr>, Box<Finding>> {
    let name = match (target.literal(), &target.host) {
        (Some(address), _) => return Ok(vec![address]),
        (None, Host::Address(address)) => return Ok(vec![SocketAddr::new(*address, target.port)]),
        (None, Host::Name { ascii, .. }) => ascii,
    };
    let said = match dns::local(name, options.step).await {
        Ok(found) if !found.is_empty() => {
            return Ok(found.into_iter().map(|address| SocketAddr::new(address, target.port)).collect());
        }
        Ok(_) => "no address".to_owned(),
        Err(said) => said,
    };
    // The system's resolver has one word for everything; name servers can say why.
    let trouble = match &options.name_servers {
        None => Some(Trouble::Other(said.clone())),
        Some(servers) => servers.trouble(name).await,
    };
    let trouble = trouble
        .unwrap_or_else(|| Trouble::Other("name servers know it, this machine's programs do not".to_owned()));
    Err(Box::new(findings::unresolved(name, subject, &trouble).evidence(said)))
}

/// What the endpoints serve: one [`Material`] for each address, in the order of the targets.
///
/// An address of a kind that this machine has no route to, such as IPv6 where there is none, is a remark at the other
/// addresses of its endpoint; it has a material of its own only where there are no others.
pub async fn endpoints(targets: &[Target], options: &Options) -> Vec<Material> {
    let limits = Limits {
        seats: Semaphore::new(options.at_once.max(1)),
        look_ups: Semaphore::new(LOOK_UPS.min(options.at_once.max(1))),
    };
    join_all(targets.iter().map(|target| endpoint(target, options, &limits)))
        .await
        .into_iter()
        .flatten()
        .collect()
}

struct Limits {
    seats: Semaphore,
    look_ups: Semaphore,
}

async fn endpoint(target: &Target, options: &Options, limits: &Limits) -> Vec<Material> {
    let name = target.to_string();
    let located = {
        let _seats = if target.literal().is_none() {
            Some((limits.look_ups.acquire().await, limits.seats.acquire().await))
        } else {
            None
        };
        locate(target, options, &name).await
    };
    let addresses = match located {
        Ok(addresses) => addresses,
        Err(finding) => {
            let mut material = empty(target, name);
            material.remarks.push(*finding);
            return vec![material];
        }
    };
    let looks = join_all(addresses.iter().map(async |address| {
        // The semaphores are never closed; were they, there would be no bound.
        let _seat = limits.seats.acquire().await;
        look(target, *address, options.step).await
    }))
    .await;
    let (caa, caa_remark) = caa(target, options, limits, &name).await;
    let is_single = addresses.len() == 1;
    let is_reached = looks.iter().any(|look| !matches!(look, Look::Unconnected(_)));
    let (mut materials, mut passed_over) = (Vec::new(), Vec::new());
    for (address, look) in addresses.into_iter().zip(looks) {
        if is_reached && address.is_ipv6() && look == Look::Unconnected(Failure::NoRoute) {
            passed_over.push(findings::passed_over(target, address.ip(), &name));
            continue;
        }
        let name = if is_single { name.clone() } else { format!("{name} [{}]", address.ip()) };
        let mut material = empty(target, name.clone());
        material.remarks = look.findings(target, address, &name);
        material.remarks.extend(caa_remark.clone());
        material.caa.clone_from(&caa);
        material.items = look.chain().iter().map(|der| item(der)).collect();
        let leaf = material.certificates().next().map(|(_, leaf)| leaf);
        material.source = read::guess(Path::new(""), None, leaf);
        materials.push(material);
    }
    if let Some(first) = materials.first_mut() {
        first.remarks.extend(passed_over);
    }
    materials
}

/// The CAA records of a target's name, where they were asked for, and what stood in the way.
async fn caa(
    target: &Target,
    options: &Options,
    limits: &Limits,
    subject: &str,
) -> (Option<Vec<String>>, Option<Finding>) {
    let server = target.server();
    let (true, Some(servers), Some(name)) = (options.caa, &options.name_servers, server.name()) else {
        return (None, None);
    };
    let _seat = limits.seats.acquire().await;
    match servers.caa(name).await {
        Ok(records) => (Some(records), None),
        Err(trouble) => (None, Some(findings::caa_unknown(name, &trouble, subject))),
    }
}

/// A certificate as it was sent.
fn item(der: &CertificateDer<'_>) -> Item {
    match read::certificate(der) {
        Ok(certificate) => Item::Certificate(Box::new(certificate)),
        Err(reason) => Item::Malformed { reason },
    }
}

fn empty(target: &Target, name: String) -> Material {
    let mut material = Material::new(Subject::new(SubjectKind::Endpoint, name));
    material.expected_names = vec![match target.server() {
        Host::Name { written, .. } => written,
        Host::Address(address) => address.to_string(),
    }];
    material.is_served = true;
    material
}
