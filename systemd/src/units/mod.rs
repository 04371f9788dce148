//! The units of a host.

pub mod agent;
mod backup;
pub mod certificates;
mod failed;
mod hardening;
mod proxy;
mod renewal;

use std::time::Duration;

use crate::layout::Layout;
use crate::unit::{Directive, Names, Unit};
use crate::words::UnitPath;

pub use backup::KEPT as BACKUPS_KEPT;

/// The service that serves.
pub const PROXY_SERVICE: &str = "bedrock-nova-proxy.service";
/// The socket that clients connect to.
pub const PROXY_SOCKET: &str = "bedrock-nova-proxy.socket";
/// Renews the certificate if it is due.
pub const RENEW_SERVICE: &str = "sre-agent-renew.service";
/// Starts [`RENEW_SERVICE`].
pub const RENEW_TIMER: &str = "sre-agent-renew.timer";
/// Checks certificates.
pub const CHECK_SERVICE: &str = "sre-agent-check-certs.service";
/// Starts [`CHECK_SERVICE`].
pub const CHECK_TIMER: &str = "sre-agent-check-certs.timer";
/// Copies the usage ledger.
pub const BACKUP_SERVICE: &str = "sre-agent-ledger-backup.service";
/// Starts [`BACKUP_SERVICE`].
pub const BACKUP_TIMER: &str = "sre-agent-ledger-backup.timer";
/// Says aloud that a unit has failed; the unit's name stands behind the `@`.
pub const FAILED_SERVICE: &str = "sre-agent-failed@.service";

/// The first line of every file that is written here; what begins otherwise is somebody else's.
pub const MARK: &str =
    "Written by `sre-agent-deploy host install`, which writes it again: changes belong into a drop-in,";

/// How often renewal is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RenewalInterval {
    /// For certificates of 45 days and more.
    #[default]
    TwiceADay,
    /// For those that live for days.
    Hourly,
}

/// What the units of a host depend on.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Where everything lies.
    pub layout: Layout,
    /// As `systemctl --version` says, such as 252. Below [`crate::unit::OLDEST`] nobody has tried.
    pub systemd_version: u32,
    /// Where clients connect; 443 on a host.
    pub https_port: u16,
    /// Whether there is a certificate to renew: without, no renewal units.
    pub has_renewal: bool,
    /// How often renewal is looked at.
    pub renewal_interval: RenewalInterval,
    /// Whether renewal itself listens on port 80, for ACME's HTTP-01.
    pub answers_http: bool,
    /// Files that renewal reads, apart from settings and state: those of `tls.source: files`, the roots of an ACME
    /// server, the key of an external account.
    pub renewal_reads: Vec<UnitPath>,
    /// Whether one of them is somebody else's than root's and not for all to read: renewal then gets the right to read
    /// any file.
    pub reads_of_others: bool,
    /// Whether the usage ledger is a file of this host: without, no backup units.
    pub has_ledger: bool,
    /// How long open answers may go on after a stop: `listen.drain` of the proxy.
    pub drain: Duration,
}

impl Setup {
    /// A host as it usually is: port 443, renewal twice a day, a ledger, 30 s for open answers.
    pub fn new(layout: Layout, systemd_version: u32) -> Self {
        Self {
            layout,
            systemd_version,
            https_port: 443,
            has_renewal: true,
            renewal_interval: RenewalInterval::default(),
            answers_http: false,
            renewal_reads: Vec::new(),
            reads_of_others: false,
            has_ledger: true,
            drain: Duration::from_secs(30),
        }
    }
}

/// A unit as it is installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitFile {
    /// Its file name below [`Layout::units`].
    pub name: String,
    /// The text of the file; mode 0644.
    pub text: String,
    /// Whether it is enabled and started (`systemctl enable --now`); the rest is started by these.
    pub is_enabled: bool,
}

/// All units of a host, in an order in which they can be written, enabled and started.
pub fn all(setup: &Setup) -> Vec<UnitFile> {
    let mut files = vec![
        file(setup, FAILED_SERVICE, &failed::service(setup), false),
        // The socket is first: a service that runs already would keep it from listening.
        file(setup, PROXY_SOCKET, &proxy::socket(setup), true),
        file(setup, PROXY_SERVICE, &proxy::service(setup), true),
        file(setup, CHECK_SERVICE, &certificates::of_host(setup), false),
        file(setup, CHECK_TIMER, &certificates::timer(&head(setup)), true),
    ];
    if setup.has_renewal {
        files.push(file(setup, RENEW_SERVICE, &renewal::service(setup), false));
        files.push(file(setup, RENEW_TIMER, &renewal::timer(setup), true));
    }
    if setup.has_ledger {
        files.push(file(setup, BACKUP_SERVICE, &backup::service(setup), false));
        files.push(file(setup, BACKUP_TIMER, &backup::timer(setup), true));
    }
    files
}

fn file(setup: &Setup, name: &str, unit: &Unit, is_enabled: bool) -> UnitFile {
    UnitFile { name: name.to_owned(), text: unit.render(setup.systemd_version), is_enabled }
}

/// The comments that a file begins with.
fn head(setup: &Setup) -> [String; 2] {
    [
        MARK.to_owned(),
        format!("which survives: `systemctl edit UNIT`. For systemd {}.", setup.systemd_version),
    ]
}

/// A unit with the usual comments.
fn begun(setup: &Setup) -> Unit {
    let head = head(setup);
    Unit::new(&[&head[0], &head[1]])
}

/// What every unit but the one that tells does on failure.
fn tells() -> Directive {
    Directive::OnFailure(Names(vec!["sre-agent-failed@%n.service"]))
}
