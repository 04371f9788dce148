//! The laws of the limits, whatever the order of events.
