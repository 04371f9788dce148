//! The words of `check` and `verify`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use super::{ConfigArgs, StateArgs, duration};

/// `check`
#[derive(Debug, Subcommand)]
pub(crate) enum CheckVerb {
    /// Check certificates in files, served by endpoints, and in ACM
    Certs(CertsArgs),
    /// Check names, routes, ports, TLS, clocks and rules on the way
    Network(NetworkArgs),
    /// Check identity, permissions, quotas, Bedrock, Cognito and drift
    Account(AccountArgs),
    /// Check the running proxy from outside
    Endpoint(EndpointArgs),
    /// Check the AgentCore gateway by calling its tools, and the backends behind it
    Gateway(GatewayArgs),
    /// Check the machine that this runs on
    Host(HostArgs),
    /// Check everything that concerns a deployment
    All(VerifyArgs),
}

/// From what on a check fails.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailOn {
    /// Warnings are exit 6
    Warn,
    /// Warnings are exit 0
    #[default]
    Fail,
}

/// What counts, and where the result goes.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Verdict")]
pub(crate) struct JudgeArgs {
    /// Report on this code only; what cannot be judged is reported all the same
    #[arg(long, value_name = "CODE")]
    pub(crate) only: Vec<String>,
    /// Leave out what has this code
    #[arg(long, value_name = "CODE")]
    pub(crate) ignore: Vec<String>,
    /// From what on the exit is not 0
    #[arg(long, value_enum, default_value_t, value_name = "warn|fail")]
    pub(crate) fail_on: FailOn,
    /// Write the result here instead of stdout; whole or not at all
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

/// What every check takes: which deployment, and what becomes of the verdict.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct UsualArgs {
    #[command(flatten)]
    pub(crate) judge: JudgeArgs,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    #[command(flatten)]
    pub(crate) state: StateArgs,
}

/// `check certs`
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct CertsArgs {
    /// A file (PEM, DER, PKCS#12), a folder with all folders in it, or a pattern such as '/etc/ssl/*.pem'
    #[arg(long, value_name = "PATH", help_heading = "What to check")]
    pub(crate) file: Vec<String>,
    /// A server: HOST:PORT, [V6]:PORT, smtp://HOST:PORT; append ,sni=NAME or ,address=IP
    #[arg(long, value_name = "HOST:PORT", help_heading = "What to check")]
    pub(crate) endpoint: Vec<String>,
    /// Certificates in ACM
    #[arg(long, value_name = "all|ARN", help_heading = "What to check")]
    pub(crate) acm: Vec<String>,
    /// Trust these roots instead of Mozilla's
    #[arg(long, value_name = "PEM", help_heading = "Verdict")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Warn when less is left: a share of the lifetime or a time; never moves what is critical [default: the lesser of
    /// 30% and 30d]
    #[arg(long, value_name = "30%|20d", help_heading = "Verdict")]
    pub(crate) warn: Option<String>,
    /// Critical when less is left [default: the lesser of 15% and 14d]
    #[arg(long, value_name = "15%|7d", help_heading = "Verdict")]
    pub(crate) critical: Option<String>,
    /// Judge as of another moment, such as 2026-12-24T00:00:00Z
    #[arg(long, value_name = "TIME", help_heading = "Verdict")]
    pub(crate) at: Option<String>,
    /// Also ask CAs when they suggest to renew (ACME renewal information); a request to the CA for each certificate
    #[arg(long, help_heading = "What to check")]
    pub(crate) renewal_info: bool,
    /// Install a systemd timer that runs this check every six hours
    #[arg(long, help_heading = "Unattended")]
    pub(crate) install_timer: bool,
    /// With --install-timer: write the units here, and start nothing [default: /etc/systemd/system]
    #[arg(long, value_name = "FOLDER", requires = "install_timer", help_heading = "Unattended")]
    pub(crate) unit_dir: Option<PathBuf>,
    /// Print a line for cron that runs this check and stays silent while all is well
    #[arg(long, conflicts_with = "install_timer", help_heading = "Unattended")]
    pub(crate) print_cron: bool,
    /// Wait first, for a random time up to this; with --print-cron: let the line do so [there: 10m]
    #[arg(long, value_parser = duration, value_name = "TIME", help_heading = "Unattended")]
    pub(crate) splay: Option<Duration>,
    /// End with exit 10 while another run with --lock is under way
    #[arg(long, help_heading = "Unattended")]
    pub(crate) lock: bool,
    #[command(flatten)]
    pub(crate) usual: UsualArgs,
}

impl CertsArgs {
    /// Whether it is left to the deployment what is checked.
    pub(crate) fn names_nothing(&self) -> bool {
        self.file.is_empty() && self.endpoint.is_empty() && self.acm.is_empty()
    }

    /// Whether the deployment is looked at: where a flag names it, where it says what is checked, or which Region `all`
    /// certificates are of. What is named in full has nothing to do with a state file or a configuration that happens
    /// to be around.
    pub(crate) fn is_of_deployment(&self) -> bool {
        let is_named = self.usual.config.config.is_some() || self.usual.state.state_file.is_some();
        let wants_region = || self.acm.iter().any(|name| name.eq_ignore_ascii_case("all"));
        self.names_nothing() || is_named || wants_region()
    }
}

/// `check network`
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct NetworkArgs {
    /// A server to reach; without it, the one of the deployment
    #[arg(long, value_name = "HOST:PORT", help_heading = "What to check")]
    pub(crate) endpoint: Vec<String>,
    /// Trust these roots instead of Mozilla's
    #[arg(long, value_name = "PEM", help_heading = "Verdict")]
    pub(crate) ca_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) usual: UsualArgs,
}

/// `check account`
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct AccountArgs {
    /// Also ask each model for one token: a real call, which costs a fraction of a cent
    #[arg(long, help_heading = "What to check")]
    pub(crate) converse: bool,
    /// Trust these roots instead of Mozilla's
    #[arg(long, value_name = "PEM", help_heading = "Verdict")]
    pub(crate) ca_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) usual: UsualArgs,
}

/// `check endpoint`
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct EndpointArgs {
    /// Where the proxy is, such as `https://api.example.com`; without it, that of the deployment
    #[arg(long, value_name = "URL", help_heading = "What to check")]
    pub(crate) url: Option<String>,
    /// Connect to this address instead of looking the name up
    #[arg(long, value_name = "IP", help_heading = "What to check")]
    pub(crate) address: Option<std::net::IpAddr>,
    /// A file with a token or key that the proxy accepts (or in the environment: `SRE_AGENT_DEPLOY_TOKEN`)
    #[arg(long, value_name = "FILE", help_heading = "What to check")]
    pub(crate) token_file: Option<PathBuf>,
    /// The model to ask; without it, the first that the proxy lists
    #[arg(long, value_name = "NAME", help_heading = "What to check")]
    pub(crate) model: Option<String>,
    /// The proxy's security log, where this runs beside it: the wrong token must appear there
    #[arg(long, value_name = "FILE", help_heading = "What to check")]
    pub(crate) security_log: Option<PathBuf>,
    /// Trust these roots instead of Mozilla's
    #[arg(long, value_name = "PEM", help_heading = "Verdict")]
    pub(crate) ca_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) usual: UsualArgs,
}

/// `check gateway`
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct GatewayArgs {
    /// Where MCP is spoken to it, such as `https://ID.gateway.bedrock-agentcore.us-east-1.amazonaws.com/mcp`; without
    /// it, that of the deployment
    #[arg(long, value_name = "URL", help_heading = "What to check")]
    pub(crate) url: Option<String>,
    /// Connect to this address instead of looking the name up
    #[arg(long, value_name = "IP", help_heading = "What to check")]
    pub(crate) address: Option<std::net::IpAddr>,
    /// A file with a token that the gateway accepts (or in the environment: `SRE_AGENT_DEPLOY_TOKEN`)
    #[arg(long, value_name = "FILE", help_heading = "What to check")]
    pub(crate) token_file: Option<PathBuf>,
    /// Trust these roots instead of Mozilla's
    #[arg(long, value_name = "PEM", help_heading = "Verdict")]
    pub(crate) ca_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) usual: UsualArgs,
}

/// `check host`
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct HostArgs {
    #[command(flatten)]
    pub(crate) usual: UsualArgs,
}

/// `verify` and `check all`
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct VerifyArgs {
    /// Also ask each model for one token: a real call, which costs a fraction of a cent
    #[arg(long, help_heading = "What to check")]
    pub(crate) converse: bool,
    /// A file with a token or key that the proxy accepts (or in the environment: `SRE_AGENT_DEPLOY_TOKEN`)
    #[arg(long, value_name = "FILE", help_heading = "What to check")]
    pub(crate) token_file: Option<PathBuf>,
    /// Trust these roots instead of Mozilla's
    #[arg(long, value_name = "PEM", help_heading = "Verdict")]
    pub(crate) ca_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) usual: UsualArgs,
}
