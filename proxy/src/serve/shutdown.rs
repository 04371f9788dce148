//! Signals, and the two stages in which the server ends.

use std::io;

use tokio::signal::unix::{self, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// What the outside asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGHUP: read configuration and certificates again.
    Reload,
    /// SIGTERM or SIGINT: accept no more and let the open answers end.
    Drain,
    /// The same once more: end now.
    Cut,
}

/// The signals of this process as a stream.
#[derive(Debug)]
pub struct Signals {
    hangup: unix::Signal,
    terminate: unix::Signal,
    interrupt: unix::Signal,
    is_draining: bool,
}

impl Signals {
    /// Listens from now on. Has to be called inside the runtime.
    ///
    /// # Errors
    ///
    /// Where the system allows no handler.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            is_draining: false,
        })
    }

    /// The next one. Nothing is lost where this is dropped before it is ready.
    pub async fn next(&mut self) -> Signal {
        tokio::select! {
            biased;
            _ = self.terminate.recv() => self.end(),
            _ = self.interrupt.recv() => self.end(),
            _ = self.hangup.recv() => Signal::Reload,
        }
    }

    fn end(&mut self) -> Signal {
        if std::mem::replace(&mut self.is_draining, true) { Signal::Cut } else { Signal::Drain }
    }
}

/// The two stages of the end. Whoever holds a stream open watches [`Ending::cut`] to say in the stream that it is cut.
#[derive(Debug, Clone, Default)]
pub struct Ending {
    /// No new connections and requests; the open ones may end.
    pub stop: CancellationToken,
    /// What is still open ends now.
    pub cut: CancellationToken,
}

impl Ending {
    /// Obeys a signal; nothing for [`Signal::Reload`].
    pub fn obey(&self, signal: Signal) {
        match signal {
            Signal::Reload => {}
            Signal::Drain => self.stop.cancel(),
            Signal::Cut => {
                self.stop.cancel();
                self.cut.cancel();
            }
        }
    }
}
