//! Numbers and dates what the engine tells its views.

use std::sync::atomic::{AtomicU64, Ordering};

use model::event::{Event, EventSink, What};

use crate::clock::Clock;

/// Emits events with a strictly rising index.
pub struct Emitter<'a> {
    sink: &'a dyn EventSink,
    clock: &'a dyn Clock,
    next: AtomicU64,
}

impl<'a> Emitter<'a> {
    /// Begins at 0.
    pub fn new(sink: &'a dyn EventSink, clock: &'a dyn Clock) -> Self {
        Self { sink, clock, next: AtomicU64::new(0) }
    }

    /// Tells the views.
    pub fn emit(&self, what: What) {
        let index = self.next.fetch_add(1, Ordering::Relaxed);
        self.sink.emit(Event { index, at: self.clock.now(), what });
    }
}
