//! The journal (`.deployment_state`): intent before effect, one line an event, nothing ever rewritten.
//!
//! `record` says what a line can say, `codec` how it is written and how damage is noticed, `state` what all
//! lines together mean and which line may follow which, `file` how they get onto the disk and who may write. `codec` and
//! `file` serve any [`Fold`]: the journal of a host ([`crate::host`]) is one as well.

mod codec;
mod file;
mod fold;
mod record;
mod state;

pub(crate) use record::SETTLE;

pub use codec::Damage;
pub use file::{JournalError, Medium};
pub use fold::{Fold, IllegalRecord};
pub use record::{Header, NoteTopic, Record};
pub use state::{Ownership, Pending, State, StepState};

/// The journal of a deployment.
pub type Journal = file::Journal<State>;
/// The state file of a deployment, locked.
pub type Locked = file::Locked<State>;
/// What a state file holds when a run begins.
pub type Loaded = file::Loaded<State>;

/// What a state file says, without locking or changing it: for looking while a run writes.
pub fn peek(path: &std::path::Path) -> Result<Option<State>, JournalError> {
    file::peek(path)
}

/// A journal of any kind.
pub(crate) use file::{Journal as JournalOf, Locked as LockedOf, peek as peek_at};

/// Version of the journal's form. Raising it takes a migration and a golden file that stays in the tests.
pub const JOURNAL_VERSION: u32 = 1;
