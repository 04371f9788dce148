//! The operator's wish to stop, in whatever form it arrives.

use std::io;
use std::thread::JoinHandle;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::failure::{Failure, codes};

/// Ctrl-C, a polite kill, a terminal that went away.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    /// From now on these signals no longer end the process.
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// The next of them.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hangup.recv() => {}
        }
    }
}

/// Listens for the first of them on a thread of its own, from its beginning to its end.
pub(crate) struct Ears {
    over: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl Ears {
    /// Does this at the first signal.
    pub(crate) fn listen(then: impl FnOnce() + Send + 'static) -> Result<Self, Box<Failure>> {
        Self::start(then).map_err(|error| {
            Failure::new(codes::BUG, "signals", "the system refused what a run needs")
                .evidence(error.to_string())
        })
    }

    fn start(then: impl FnOnce() + Send + 'static) -> io::Result<Self> {
        let over = CancellationToken::new();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let mut signals = {
            let _inside = runtime.enter();
            Signals::listen()?
        };
        let end = over.clone();
        let thread = std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = signals.next() => then(),
                    () = end.cancelled() => {}
                }
            });
        })?;
        Ok(Self { over, thread: Some(thread) })
    }
}

impl Drop for Ears {
    fn drop(&mut self) {
        self.over.cancel();
        if let Some(thread) = self.thread.take() {
            // It has nothing to say.
            let _ = thread.join();
        }
    }
}
