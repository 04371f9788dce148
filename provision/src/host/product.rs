//! What can be installed on a machine, each with a journal, places and marks of its own: neither touches the other's.

use std::path::PathBuf;

use systemd::units::{self, PROXY_SERVICE, agent};
use systemd::{Layout, Program};

/// What is installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Product {
    /// The proxy, with `host install`.
    Proxy,
    /// The services of the SRE agent, with `gateway install`.
    Agent,
}

/// What the places of the agent begin with, in the folder that both have.
const AGENT: &str = "agent.";

impl Product {
    /// The word of the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Proxy => "host",
            Self::Agent => "gateway",
        }
    }

    /// What is named where no unit is known to be the one.
    pub fn unit(self) -> &'static str {
        match self {
            Self::Proxy => PROXY_SERVICE,
            Self::Agent => agent::TARGET,
        }
    }

    /// The first line of its units.
    pub(super) fn mark(self) -> &'static str {
        match self {
            Self::Proxy => units::MARK,
            Self::Agent => agent::MARK,
        }
    }

    /// Every unit that any version installed, in the order in which they were made.
    pub(super) fn units(self) -> &'static [&'static str] {
        match self {
            Self::Proxy => &super::recover::PROXY_UNITS,
            Self::Agent => &agent::UNITS,
        }
    }

    /// Those that are enabled.
    pub(super) fn enabled(self) -> &'static [&'static str] {
        match self {
            Self::Proxy => &super::recover::PROXY_ENABLED,
            Self::Agent => &agent::ENABLED,
        }
    }

    /// The programs that it brings.
    pub(super) fn programs(self) -> &'static [Program] {
        match self {
            Self::Proxy => &Program::ALL,
            Self::Agent => &[Program::Deploy],
        }
    }

    /// The folder of its programs.
    pub(super) fn program_folder(self, layout: &Layout) -> PathBuf {
        match self {
            Self::Proxy => layout.programs(),
            Self::Agent => layout.agent_programs(),
        }
    }

    /// Its journal.
    pub fn journal(self, layout: &Layout) -> PathBuf {
        match self {
            Self::Proxy => layout.journal(),
            Self::Agent => layout.agent_journal(),
        }
    }

    /// One of its places beside the journal.
    pub(super) fn place(self, layout: &Layout, name: &str) -> PathBuf {
        match self {
            Self::Proxy => layout.state().join(name),
            Self::Agent => layout.state().join(format!("{AGENT}{name}")),
        }
    }

    /// Whether something in the folder of the journals is its own.
    pub(super) fn has(self, name: &str) -> bool {
        name.starts_with(AGENT) == (self == Self::Agent)
    }
}
