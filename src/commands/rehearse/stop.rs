//! The operator's wish to stop, between the parts of a rehearsal and in those that have no ears of their own.

use std::io;
use std::thread::JoinHandle;

use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::failure::{Failure, codes};
use crate::signals::Signals;

/// Listens from its beginning to its end.
pub(super) struct Stop {
    asked: CancellationToken,
    over: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl Stop {
    /// Begins to listen.
    pub(super) fn listen(app: &App) -> Result<Self, Box<Failure>> {
        let asked = app.watcher.as_ref().map(|watcher| watcher.stop.child_token());
        Self::start(asked.unwrap_or_default()).map_err(|error| {
            Failure::new(codes::BUG, "signals", "the system refused what a rehearsal needs")
                .evidence(error.to_string())
        })
    }

    fn start(asked: CancellationToken) -> io::Result<Self> {
        let over = CancellationToken::new();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let mut signals = {
            let _inside = runtime.enter();
            Signals::listen()?
        };
        let (tell, end) = (asked.clone(), over.clone());
        let thread = std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = signals.next() => tell.cancel(),
                    () = end.cancelled() => {}
                }
            });
        })?;
        Ok(Self { asked, over, thread: Some(thread) })
    }

    /// Set when the operator asks to stop.
    pub(super) fn token(&self) -> &CancellationToken {
        &self.asked
    }

    /// Goes on, or ends here as the operator wants it.
    pub(super) fn check(&self) -> Result<(), Box<Failure>> {
        if self.asked.is_cancelled() { Err(cancelled()) } else { Ok(()) }
    }
}

/// The operator stopped the rehearsal.
pub(super) fn cancelled() -> Box<Failure> {
    Failure::new(codes::CANCELLED, "rehearsal", "the operator stopped the rehearsal")
}

impl Drop for Stop {
    fn drop(&mut self) {
        self.over.cancel();
        if let Some(thread) = self.thread.take() {
            // It has nothing to say.
            let _ = thread.join();
        }
    }
}
