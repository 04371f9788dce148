//! The journal (`.deployment_state`): intent before effect, one line an event, nothing ever rewritten.
//!
//! `record` says what a line can say, `codec` how it is written and how damage is noticed, `state` what all
//! lines together mean and which line may follow which, `file` how they get onto the disk and who may write.

mod codec;
mod file;
mod record;
mod state;

pub(crate) use record::SETTLE;

pub use codec::Damage;
pub use file::{Journal, JournalError, Loaded, Locked, Medium, peek};
pub use record::{Header, NoteTopic, Record};
pub use state::{IllegalRecord, Ownership, Pending, State, StepState};

/// Version of the journal's form. Raising it takes a migration and a golden file that stays in the tests.
pub const JOURNAL_VERSION: u32 = 1;
