//! A command that runs inside the wizard: what it would show goes to the wizard, and the wizard can stop it.

use std::sync::Arc;

use model::event::Event;
use model::report::VerificationReport;
use provision::guided::Operator;
use tokio_util::sync::CancellationToken;

/// What a command tells.
pub(crate) enum Told {
    /// The engine did something.
    Event(Box<Event>),
    /// The resources of a rehearsal are there; what serves comes next.
    Deployed,
    /// A rehearsal serves and was verified.
    Serves(Box<Serving>),
}

/// What a rehearsal came to.
pub(crate) struct Serving {
    /// Where it serves.
    pub(crate) url: String,
    /// What was found.
    pub(crate) report: Option<VerificationReport>,
    /// What can be pasted: title and text.
    pub(crate) snippets: Vec<(String, String)>,
}

/// Who is told, and who stops the command.
#[derive(Clone)]
pub(crate) struct Watcher {
    tell: Arc<dyn Fn(Told) + Send + Sync>,
    /// Cancelled to stop the command at its next safe point.
    pub(crate) stop: CancellationToken,
    /// Who does guided steps.
    pub(crate) operator: Arc<dyn Operator>,
}

impl Watcher {
    /// A watcher that is told through this function.
    pub(crate) fn new(
        stop: CancellationToken,
        operator: Arc<dyn Operator>,
        tell: impl Fn(Told) + Send + Sync + 'static,
    ) -> Self {
        Self { tell: Arc::new(tell), stop, operator }
    }

    /// Tells it. Must not be kept waiting, so the function behind it only passes on.
    pub(crate) fn tell(&self, told: Told) {
        (self.tell)(told);
    }
}
