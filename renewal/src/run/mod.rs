//! One run: looks, decides, makes at most one try, and leaves word for the next.

mod acme;
mod exported;
mod files;
mod remembered;

use std::fmt;
use std::net::{Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use model::config::AcmeChallenge;
use model::host::{CertificateSource, HostSettings};
use model::{Finding, Severity};

pub use exported::{Answer, Exported, Exporter, Unexported};

use crate::acme::remove_answers;
use crate::pair::{Leaf, Pair};
use crate::records::TxtRecords;
use crate::schedule::{self, Decision, Reason};
use crate::state::RenewalState;
use crate::store::{Ensured, Store, StoreError};
use crate::trouble::{Trouble, codes};

/// What a run works on.
pub struct Host<'a> {
    /// The pairs.
    pub store: &'a Store,
    /// What the host was told.
    pub settings: &'a HostSettings,
    /// `renewal.json` and the accounts, mode 0700.
    pub state: &'a Path,
    /// Where the proxy looks for answers to TLS-ALPN-01.
    pub answers: &'a Path,
    /// Where HTTP-01 is answered.
    pub http: SocketAddr,
    /// ACM, where this program reaches it.
    pub exporter: Option<&'a dyn Exporter>,
    /// The DNS of the names, where this program reaches it.
    pub records: Option<&'a dyn TxtRecords>,
    /// The clock.
    pub now: &'a (dyn Fn() -> Timestamp + Sync),
    /// A number from 0 up to 1, by chance.
    pub chance: f64,
    /// Whether the operator wants it whatever the schedule says.
    pub is_forced: bool,
    /// Whether to look only.
    pub is_dry: bool,
}

impl Host<'_> {
    /// The names that have to be covered: those that are configured, or else those that are served.
    fn names(&self, live: Option<&Pair>) -> Vec<String> {
        if !self.settings.domains.is_empty() {
            return self.settings.domains.clone();
        }
        let live = live.filter(|pair| !pair.leaf().is_self_signed && !pair.leaf().is_placeholder);
        live.map(|pair| pair.leaf().names.clone()).unwrap_or_default()
    }
}

/// Every address of this host, at the port of HTTP-01.
pub const HTTP: SocketAddr = SocketAddr::new(std::net::IpAddr::V6(Ipv6Addr::UNSPECIFIED), 80);

/// What came of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// A new pair is live.
    Renewed {
        /// Why, where the schedule said so.
        reason: Option<Reason>,
        /// The certificate.
        leaf: Box<Leaf>,
    },
    /// It would be renewed now; but this was a look only.
    Due(Option<Reason>),
    /// It is good until then.
    Fresh {
        /// When it will be due, where a schedule says so.
        due: Option<Timestamp>,
        /// Whether the authority suggested that.
        is_suggested: bool,
    },
    /// It is due, but a failure is waited out.
    Waiting {
        /// Why it is due.
        reason: Reason,
        /// The next try.
        until: Timestamp,
    },
    /// There is no new certificate; the findings say why. What was served still is.
    Failed,
}

/// What came of a run, and what is to be said about it.
#[derive(Debug, Clone)]
pub struct Report {
    /// What came of it.
    pub outcome: Outcome,
    /// Worth knowing; in a failure with its cause.
    pub findings: Vec<Finding>,
    /// The certificate that is live now.
    pub live: Option<Box<Leaf>>,
}

/// Runs once. The caller holds the lock that lets nobody else run.
pub async fn run(host: &Host<'_>) -> Report {
    let mut findings = Vec::new();
    let outcome = match attempt(host, &mut findings).await {
        Ok(outcome) => outcome,
        Err(trouble) => {
            findings.push(*trouble.finding);
            Outcome::Failed
        }
    };
    let live = host.store.live().ok().flatten().map(|pair| Box::new(pair.leaf().clone()));
    Report { outcome, findings, live }
}

async fn attempt(host: &Host<'_>, findings: &mut Vec<Finding>) -> Result<Outcome, Trouble> {
    let now = (host.now)();
    if !host.is_dry {
        host.store.recover(now).map_err(|error| Trouble::of_store(&error))?;
        let disk = host.store.disk();
        if matches!(host.settings.certificate, CertificateSource::Acme { .. }) {
            remove_answers(disk, host.answers)?;
        }
        remembered::tidy(host, findings).await;
    }
    let live = live(host, findings, now)?;
    match &host.settings.certificate {
        CertificateSource::Acme { .. } => acme::attempt(host, live.as_ref(), findings, now).await,
        CertificateSource::Files { cert_path, key_path } => {
            files::attempt(host, live.as_ref(), Path::new(cert_path), Path::new(key_path), now)
        }
        CertificateSource::AcmExportable { certificate_arn } => {
            exported::attempt(host, live.as_ref(), certificate_arn, now).await
        }
    }
}

/// The pair that is served. A placeholder where there is none; what is damaged is said, and is as good as none.
fn live(host: &Host<'_>, findings: &mut Vec<Finding>, now: Timestamp) -> Result<Option<Pair>, Trouble> {
    match host.store.live() {
        Ok(None) if host.is_dry => Ok(None),
        Ok(None) => {
            let made = host.store.ensure_placeholder(&host.settings.domains, now);
            match made.map_err(|error| Trouble::of_store(&error))? {
                Ensured::Present | Ensured::Made => {
                    host.store.live().map_err(|error| Trouble::of_store(&error))
                }
            }
        }
        Ok(Some(pair)) => Ok(Some(pair)),
        // The proxy goes on with the pair that it has loaded; a placeholder would be worse than that.
        Err(error @ StoreError::Broken { .. }) => {
            findings.push(warning(Trouble::of_store(&error)));
            Ok(None)
        }
        Err(error) => Err(Trouble::of_store(&error)),
    }
}

/// Something that does not stop a run.
fn warning(trouble: Trouble) -> Finding {
    Finding { severity: Severity::Warning, ..*trouble.finding }
}

/// The file of the state.
pub fn state_file(folder: &Path) -> PathBuf {
    folder.join("renewal.json")
}

/// Whether a run needs the DNS of the names: to answer there, or to take an answer back.
pub fn needs_records(settings: &HostSettings, folder: &Path) -> bool {
    let answers =
        matches!(settings.certificate, CertificateSource::Acme { challenge: AcmeChallenge::Dns01, .. });
    let has_left = || {
        let known = RenewalState::read(&state_file(folder));
        known.ok().flatten().is_some_and(|known| !known.published.is_empty())
    };
    answers || has_left()
}

/// Writes what the next run has to know.
fn keep(host: &Host<'_>, known: &RenewalState) -> Result<(), Trouble> {
    if host.is_dry {
        return Ok(());
    }
    let path = state_file(host.state);
    known.write(host.store.disk(), &path).map_err(|error| Trouble::of_file("write", &path, &error))
}

/// What earlier runs left. What cannot be used is said, and is as good as nothing.
fn state(host: &Host<'_>, findings: &mut Vec<Finding>, now: Timestamp) -> RenewalState {
    let path = state_file(host.state);
    let state = match RenewalState::read(&path) {
        Ok(state) => state.unwrap_or_default(),
        Err(error) => {
            findings.push(
                Finding::new(
                    codes::STATE,
                    Severity::Warning,
                    path.display().to_string(),
                    "what earlier runs left cannot be used; it begins anew",
                )
                .evidence(error.to_string()),
            );
            RenewalState::default()
        }
    };
    if let Some(last) = schedule::went_back(&state, now) {
        findings.push(clock(
            Severity::Warning,
            format!("the clock says {now}, but the last run was at {last}: it was set back, or was wrong"),
        ));
    }
    state
}

fn clock(severity: Severity, message: String) -> Finding {
    Finding::new(codes::CLOCK, severity, "clock", message)
        .hint("compare it: timedatectl status; chronyc tracking")
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Renewed { reason: Some(reason), leaf } => write!(f, "renewed, since {reason}: {leaf}"),
            Self::Renewed { reason: None, leaf } => write!(f, "taken over: {leaf}"),
            Self::Due(Some(reason)) => write!(f, "due now: {reason}"),
            Self::Due(None) => write!(f, "there is another certificate to take over"),
            Self::Fresh { due: Some(due), is_suggested: false } => write!(f, "not due before {due}"),
            Self::Fresh { due: Some(due), is_suggested: true } => {
                write!(f, "not due before {due}, as the authority suggests")
            }
            Self::Fresh { due: None, .. } => write!(f, "nothing newer to take over"),
            Self::Waiting { reason, until } => {
                write!(
                    f,
                    "due, since {reason}; but not tried before {until}, since the last try was not long ago"
                )
            }
            Self::Failed => write!(f, "not renewed; what was served still is"),
        }
    }
}

/// A decision that needs no try.
fn outcome(decision: Decision) -> Result<Outcome, Trouble> {
    match decision {
        Decision::Due(reason) => Ok(Outcome::Due(Some(reason))),
        Decision::Wait { reason, until } => Ok(Outcome::Waiting { reason, until }),
        Decision::Fresh { due, is_suggested } => Ok(Outcome::Fresh { due: Some(due), is_suggested }),
        Decision::NotYet { not_before } => {
            let message = format!(
                "the certificate is not valid before {not_before}, so the clock of this host is behind"
            );
            Err(Trouble { finding: Box::new(clock(Severity::Error, message)), retry_after: None })
        }
    }
}
