//! Where everything lies on a host. Nobody else spells these paths.

use std::path::{Path, PathBuf};

/// The system user and group that the proxy runs as.
pub const USER: &str = "bedrock-nova-proxy";

/// A program that is installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Program {
    /// `bedrock-nova-proxy`, which serves.
    Proxy,
    /// `sre-agent-deploy`, which renews and checks on timers.
    Deploy,
}

impl Program {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Proxy, Self::Deploy];

    /// The name of its file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Proxy => "bedrock-nova-proxy",
            Self::Deploy => "sre-agent-deploy",
        }
    }
}

/// The places, below a root that is `/` on a host and a scratch folder in tests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    root: PathBuf,
}

impl Default for Layout {
    fn default() -> Self {
        Self::below("/")
    }
}

impl Layout {
    /// The places below this folder.
    pub fn below(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The root.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The programs. The policy of `SELinux` takes what lies below `/opt/*/bin` for programs.
    pub fn programs(&self) -> PathBuf {
        self.root.join("opt/sre-agent/bin")
    }

    /// The name that units use: a symbolic link to [`Layout::program_file`].
    pub fn program(&self, program: Program) -> PathBuf {
        self.programs().join(program.name())
    }

    /// One build of a program, by the beginning of its SHA-256 in hex, so that two lie side by side in an upgrade.
    pub fn program_file(&self, program: Program, sha256: &str) -> PathBuf {
        self.programs().join(build(program, sha256))
    }

    /// What the operator may edit: root's, readable by the proxy's group.
    pub fn settings(&self) -> PathBuf {
        self.root.join("etc/sre-agent")
    }

    /// The proxy's configuration.
    pub fn proxy_config(&self) -> PathBuf {
        self.settings().join("proxy.yaml")
    }

    /// The operator's program for failed units, where there is one.
    pub fn failure_hook(&self) -> PathBuf {
        self.settings().join("on-failure")
    }

    /// What the timers are told: [`model::host::HostSettings`] as JSON.
    pub fn host_settings(&self) -> PathBuf {
        self.settings().join("host.json")
    }

    /// Certificates with their keys: `pairs/NAME/{fullchain,privkey}.pem` and the link [`Layout::live_pair`].
    pub fn tls(&self) -> PathBuf {
        self.settings().join("tls")
    }

    /// The pair that is served: a symbolic link to one in `pairs`, exchanged as a whole.
    pub fn live_pair(&self) -> PathBuf {
        self.tls().join("live")
    }

    /// Certificates that answer ACME's TLS-ALPN-01: `NAME.pem`, certificate and key, while an order is open.
    pub fn challenges(&self) -> PathBuf {
        self.tls().join("challenges")
    }

    /// What the programs keep: the host's journal, what was kept aside, the ACME account, the state of renewals.
    /// Mode 0700, root's.
    pub fn state(&self) -> PathBuf {
        self.root.join("var/lib/sre-agent")
    }

    /// The journal of the installation.
    pub fn journal(&self) -> PathBuf {
        self.state().join("host.journal")
    }

    /// The journal of the SRE agent's services, which are installed and removed on their own.
    pub fn agent_journal(&self) -> PathBuf {
        self.state().join("agent.journal")
    }

    /// The program of the SRE agent's services: a copy of its own, since the other goes with the proxy.
    pub fn agent_programs(&self) -> PathBuf {
        self.root.join("opt/sre-agent-gateway/bin")
    }

    /// The name that their units use: a symbolic link to [`Layout::agent_program_file`].
    pub fn agent_program(&self) -> PathBuf {
        self.agent_programs().join(Program::Deploy.name())
    }

    /// One build of it, by the beginning of its SHA-256 in hex.
    pub fn agent_program_file(&self, sha256: &str) -> PathBuf {
        self.agent_programs().join(build(Program::Deploy, sha256))
    }

    /// Where the SRE agent's own start script looks for a certificate with its key.
    pub fn sample_pair(&self) -> PathBuf {
        self.root.join("opt/ssl")
    }

    /// The proxy's own state, `StateDirectory=` of its unit.
    pub fn proxy_state(&self) -> PathBuf {
        self.root.join("var/lib/bedrock-nova-proxy")
    }

    /// Copies of the usage ledger: the proxy's user's, made by systemd (`StateDirectory=` of the backup's unit) and
    /// read-only for the proxy itself.
    pub fn backups(&self) -> PathBuf {
        self.root.join("var/lib/bedrock-nova-proxy-backups")
    }

    /// An administrator's units.
    pub fn units(&self) -> PathBuf {
        self.root.join("etc/systemd/system")
    }
}

/// The name of a build's file.
fn build(program: Program, sha256: &str) -> String {
    format!("{}-{}", program.name(), sha256.get(..12).unwrap_or(sha256))
}
