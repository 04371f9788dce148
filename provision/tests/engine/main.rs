//! The engine from outside: whole runs on the practice account, killed, failed and repeated everywhere.

mod faults;
mod journal;
mod kill;
mod laws;
mod runs;
mod support;
