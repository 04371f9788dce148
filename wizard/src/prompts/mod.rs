//! The same questions a line at a time: with inquire, or as plain numbered prompts for screen readers and simple terminals.
