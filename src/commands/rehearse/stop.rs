//! The operator's wish to stop, between the parts of a rehearsal and in those that have no ears of their own.

use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::failure::{Failure, codes};
use crate::signals::Ears;

/// Listens from its beginning to its end.
pub(super) struct Stop {
    asked: CancellationToken,
    _ears: Ears,
}

impl Stop {
    /// Begins to listen.
    pub(super) fn listen(app: &App) -> Result<Self, Box<Failure>> {
        let asked = app.watcher.as_ref().map(|watcher| watcher.stop.child_token()).unwrap_or_default();
        let tell = asked.clone();
        Ok(Self { asked, _ears: Ears::listen(move || tell.cancel())? })
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
