//! The way through the pages, as a reducer: commands and news in, a new state and effects out. No IO, no clock.
