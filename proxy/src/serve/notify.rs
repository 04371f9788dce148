//! Talks to the service manager: `sd_notify(3)`.

use std::{collections::BTreeMap, os::unix::net::UnixDatagram, path::PathBuf, time::Duration};

use sd_notify::NotifyState;

/// Nobody restarts a service as often as this.
const SHORTEST_WATCHDOG: Duration = Duration::from_millis(1);

/// Tells systemd how the service is; silent where nobody listens.
#[derive(Debug, Default)]
pub struct Notifier {
    socket: Option<UnixDatagram>,
    watchdog: Option<Duration>,
}

impl Notifier {
    /// The service manager that the environment names in `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID`.
    pub fn from_environment(environment: &BTreeMap<String, String>, process_id: u32) -> Self {
        let socket = environment.get("NOTIFY_SOCKET").and_then(|name| connect(name));
        let is_ours = environment.get("WATCHDOG_PID").is_none_or(|id| *id == process_id.to_string());
        let watchdog = environment
            .get("WATCHDOG_USEC")
            .filter(|_| is_ours)
            .and_then(|text| text.parse().ok())
            .filter(|microseconds| *microseconds > 0)
            .map(Duration::from_micros);
        Self { socket, watchdog }
    }

    /// How often [`Notifier::alive`] has to be called: twice in the time after which systemd restarts the service.
    pub fn watchdog_interval(&self) -> Option<Duration> {
        self.watchdog.and_then(|period| period.checked_div(2)).filter(|period| *period >= SHORTEST_WATCHDOG)
    }

    /// Requests can be answered.
    pub fn ready(&self, status: &str) {
        self.send(&[NotifyState::Ready, NotifyState::Status(status)]);
    }

    /// The configuration is being read again; [`Notifier::ready`] has to follow.
    pub fn reloading(&self) {
        match NotifyState::monotonic_usec_now() {
            Ok(now) => self.send(&[NotifyState::Reloading, now]),
            Err(_) => self.send(&[NotifyState::Reloading]),
        }
    }

    /// The end has begun.
    pub fn stopping(&self, status: &str) {
        self.send(&[NotifyState::Stopping, NotifyState::Status(status)]);
    }

    /// The service still turns.
    pub fn alive(&self) {
        self.send(&[NotifyState::Watchdog]);
    }

    /// One datagram. Nothing depends on its arrival, so an error is not worth more than a line.
    fn send(&self, states: &[NotifyState<'_>]) {
        let Some(socket) = &self.socket else { return };
        let message: String =
            states.iter().flat_map(|state| [one_line(&state.to_string()), "\n".to_owned()]).collect();
        if let Err(error) = socket.send(message.as_bytes()) {
            tracing::debug!(%error, "the service manager does not listen");
        }
    }
}

/// A status of several lines would be read as several variables.
fn one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}

/// Connects to a socket of the file system, or of Linux's abstract names where it begins with `@`.
fn connect(name: &str) -> Option<UnixDatagram> {
    use std::os::{linux::net::SocketAddrExt, unix::net::SocketAddr};

    let address = match name.strip_prefix('@') {
        Some(rest) => SocketAddr::from_abstract_name(rest),
        None => SocketAddr::from_pathname(PathBuf::from(name)),
    };
    let socket = UnixDatagram::unbound().ok()?;
    // A manager that does not read must not stop the service.
    socket.set_nonblocking(true).ok()?;
    match address.and_then(|address| socket.connect_addr(&address)) {
        Ok(()) => Some(socket),
        Err(error) => {
            tracing::warn!(%error, "the service manager cannot be reached");
            None
        }
    }
}
