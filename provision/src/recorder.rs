//! Writes the journal on behalf of steps that run at the same time.

use std::sync::Mutex;

use crate::clock::Clock;
use crate::journal::{Journal, JournalError, Record, State};

/// The journal of a run, or none: a cleanup may have lost it.
pub struct Recorder<'a> {
    journal: Option<Mutex<Journal>>,
    clock: &'a dyn Clock,
}

impl<'a> Recorder<'a> {
    /// Writes to this journal.
    pub fn new(journal: Journal, clock: &'a dyn Clock) -> Self {
        Self { journal: Some(Mutex::new(journal)), clock }
    }

    /// Writes nowhere.
    pub fn absent(clock: &'a dyn Clock) -> Self {
        Self { journal: None, clock }
    }

    /// Appends a line; it is on disk when this returns.
    pub fn record(&self, record: &Record) -> Result<(), JournalError> {
        match &self.journal {
            Some(journal) => {
                let mut journal = journal.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                journal.append(self.clock.now(), record)
            }
            None => Ok(()),
        }
    }

    /// What the lines so far mean.
    pub fn state(&self) -> Option<State> {
        let journal = self.journal.as_ref()?.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        Some(journal.state().clone())
    }
}
