//! The installation of a host on a machine in memory: what it makes, and what it holds against kills and failures.

mod faults;
mod going_back;
mod journal;
mod runs;
mod support;
