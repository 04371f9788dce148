//! What is installed on a machine, the proxy or the services of the SRE agent (`product`): what is wanted, what is there,
//! what lies between the two, and the way back.
//!
//! The laws are those of a deployment. Each thing (`thing`) is a step with an intent on disk before its effect; the state
//! is a fold over the lines of the host's journal (`record`, `state`); the plan (`plan`) is a pure function of what is
//! wanted (`wanted`, `backends`), what was seen (`sight`) and the state. `engine` carries it out, and `back` takes it back: all of it,
//! or only what the last run did. `recover` finds what is ours where the journal is lost.

mod act;
mod advice;
mod back;
pub mod backends;
mod drift;
mod engine;
mod error;
mod kept;
mod places;
mod plan;
pub mod preflight;
mod probe;
mod product;
mod record;
mod recover;
mod removal;
mod sight;
mod state;
mod thing;
pub mod tools;
mod wanted;

use std::path::Path;

use crate::journal::{JournalError, JournalOf, LockedOf, peek_at};

pub use advice::{advice, of_journal};
pub use drift::drift;
pub use engine::{Engine, Outcome};
pub use error::HostRunError;
pub use plan::{Action, HostPlan, PlannedThing, plan};
pub use probe::{Probe, Unwell};
pub use product::Product;
pub use record::{Before, HostHeader, HostRecord, HostTopic, RunKind};
pub use recover::{header, is_marked, recover};
pub use removal::Removal;
pub use sight::{Seen, Sight, see};
pub use state::{Held, HostRun, HostState};
pub use thing::{Role, Step, Thing};
pub use wanted::{PairText, Wanted, previous_settings, steps};

/// Version of the form of a host's journal. Raising it takes a migration and a golden file that stays in the tests.
pub const HOST_JOURNAL_VERSION: u32 = 1;

/// The journal of a host.
pub type HostJournal = JournalOf<HostState>;
/// The journal of a host, locked.
pub type HostLocked = LockedOf<HostState>;

/// What the journal of a host says, without locking or changing it.
///
/// # Errors
///
/// Where it cannot be read or is damaged.
pub fn peek(path: &Path) -> Result<Option<HostState>, JournalError> {
    peek_at(path)
}
