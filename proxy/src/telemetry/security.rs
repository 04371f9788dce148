//! Security events on their way out: into the journal with fields of their own, to a syslog server, or as a line of the
//! log.
//!
//! The journal gets an event once: as a record where journald takes it, and as a line of the log where it does not. No
//! outlet is waited for.

use std::{
    fmt, io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    os::unix::net::UnixDatagram,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use model::security::{Event, Priority, Sender, journal, rfc5424};

use super::redact::redact;
use crate::{
    clock::Clock,
    config::{Journal, Security, Syslog, codes},
};

/// `SYSLOG_IDENTIFIER` and APP-NAME.
const PROGRAM: &str = "bedrock-nova-proxy";
/// Where journald listens: <https://systemd.io/JOURNAL_NATIVE_PROTOCOL/>.
const JOURNALD: &str = "/run/systemd/journal/socket";

/// The process that tells.
#[derive(Debug, Clone, Default)]
pub struct Teller {
    /// systemd's `JOURNAL_STREAM`.
    pub journal_stream: Option<String>,
    /// The process.
    pub process_id: u32,
}

/// Where security events go beside the log.
pub(super) struct Outlets {
    journal: Option<Outlet>,
    syslog: Option<Outlet>,
    sender: Sender,
    clock: Arc<dyn Clock>,
    /// Whether it was said that the syslog server cannot be reached.
    complained: AtomicBool,
}

impl fmt::Debug for Outlets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outlets")
            .field("journal", &self.journal)
            .field("syslog", &self.syslog)
            .finish_non_exhaustive()
    }
}

impl Outlets {
    /// Opens what the configuration names. What cannot be opened is said and done without.
    pub(super) fn open(config: &Security, teller: &Teller, clock: Arc<dyn Clock>) -> Self {
        let socket = match &config.journal {
            Journal::Auto if logs_to_journal(teller) => Some(Path::new(JOURNALD)),
            Journal::Auto | Journal::Off => None,
            Journal::Socket(path) => Some(path.as_path()),
        };
        let syslog = config.syslog.as_ref().map(|syslog| match syslog {
            Syslog::Udp(address) => Outlet::udp(*address),
            Syslog::Unix(path) => Outlet::unix(path),
        });
        // No file of the machine is worth failing for.
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        Self {
            journal: socket.and_then(|path| opened(Outlet::unix(path))),
            syslog: syslog.and_then(opened),
            sender: Sender { program: PROGRAM, host: host.trim().to_owned(), process_id: teller.process_id },
            clock,
            complained: AtomicBool::new(false),
        }
    }

    /// Sends the event to wherever it goes; whether the journal has it.
    fn send(&self, event: &Event) -> bool {
        if let Some(syslog) = &self.syslog {
            let message = rfc5424(event, self.clock.now(), &self.sender);
            match syslog.send(&redact(message.as_bytes())) {
                Ok(()) => self.complained.store(false, Ordering::Relaxed),
                Err(error) if !self.complained.swap(true, Ordering::Relaxed) => {
                    tracing::warn!(code = codes::NO_OUTLET, %error, "security events do not reach the syslog server");
                }
                Err(_) => {}
            }
        }
        self.journal.as_ref().is_some_and(|socket| socket.send(&redact(&journal(event, PROGRAM))).is_ok())
    }
}

fn opened(outlet: io::Result<Outlet>) -> Option<Outlet> {
    outlet
        .map_err(
            |error| tracing::warn!(code = codes::NO_OUTLET, %error, "security events go to the log only"),
        )
        .ok()
}

/// Whether stderr is connected to the journal: systemd names its device and inode, and both are compared, since the
/// variable is inherited also where stderr is something else by now (systemd.exec(5)).
fn logs_to_journal(teller: &Teller) -> bool {
    let Some((device, inode)) = teller.journal_stream.as_deref().and_then(|stream| stream.split_once(':'))
    else {
        return false;
    };
    rustix::fs::fstat(io::stderr())
        .is_ok_and(|status| device == status.st_dev.to_string() && inode == status.st_ino.to_string())
}

/// Tells of an event: to the outlets, and in the log where the journal does not have it already.
pub(super) fn tell(event: &Event, outlets: Option<&Outlets>) {
    if !outlets.is_some_and(|outlets| outlets.send(event)) {
        line(event);
    }
}

/// The event as a line of the log: target `security`, a message that log readers such as fail2ban can match, and what
/// most of them ask for again as members.
fn line(event: &Event) {
    let of = |word: &str| event.fields().find(|(known, _)| *known == word).map(|(_, value)| value);
    macro_rules! write {
        ($level:ident) => {
            tracing::$level!(
                target: "security",
                event = event.kind().name(),
                reason = of("reason"),
                request_id = of("request"),
                source = of("peer"),
                "{}",
                event.line()
            )
        };
    }
    match event.kind().priority() {
        Priority::Error => write!(error),
        Priority::Warning => write!(warn),
        Priority::Notice => write!(info),
        // Scanners of the internet would fill the log.
        Priority::Info => write!(debug),
    }
}

/// A socket for datagrams, on which nothing waits.
#[derive(Debug)]
enum Outlet {
    Unix(UnixDatagram, PathBuf),
    Udp(UdpSocket, SocketAddr),
}

impl Outlet {
    /// Not connected, so that whoever listens may be restarted.
    fn unix(path: &Path) -> io::Result<Self> {
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        Ok(Self::Unix(socket, path.to_owned()))
    }

    fn udp(address: SocketAddr) -> io::Result<Self> {
        let any = match address {
            SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
            SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
        };
        let socket = UdpSocket::bind(any)?;
        socket.set_nonblocking(true)?;
        Ok(Self::Udp(socket, address))
    }

    fn send(&self, datagram: &[u8]) -> io::Result<()> {
        match self {
            Self::Unix(socket, path) => socket.send_to(datagram, path).map(|_| ()),
            Self::Udp(socket, address) => socket.send_to(datagram, address).map(|_| ()),
        }
    }
}

#[cfg(test)]
mod tests;
