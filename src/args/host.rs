//! The words of `host`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{ConfigArgs, StateArgs};

/// `host`
#[derive(Debug, Subcommand)]
pub(crate) enum HostVerb {
    /// Install the proxy as a service, or bring what is installed to what is wanted
    Install(Box<HostInstallArgs>),
    /// Remove what was installed, and put back what was there before
    Uninstall(HostUninstallArgs),
    /// Show what is installed, what runs, and when the certificate is renewed
    Status(HostStatusArgs),
    /// Exchange the programs while clients stay connected; goes back by itself if the new ones are not well
    Upgrade(HostUpgradeArgs),
    /// Renew the certificate if it is due; what the timer runs
    Renew(HostRenewArgs),
    /// Say aloud that a unit has failed, and call the hook; what `sre-agent-failed@UNIT` runs
    #[command(hide = true)]
    Failed(HostFailedArgs),
}

/// `host install`
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct HostInstallArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    #[command(flatten)]
    pub(crate) state: StateArgs,
    /// Install what this folder holds: programs, host.json, proxy.yaml and SHA256SUMS
    #[arg(long, value_name = "DIR", help_heading = "What to install", conflicts_with = "config")]
    pub(crate) bundle: Option<PathBuf>,
    /// The proxy's configuration, instead of one that is made from the deployment's
    #[arg(long, value_name = "FILE", help_heading = "What to install")]
    pub(crate) proxy_config: Option<PathBuf>,
    /// The program bedrock-nova-proxy [default: the one beside this program]
    #[arg(long, value_name = "FILE", help_heading = "What to install")]
    pub(crate) proxy_program: Option<PathBuf>,
    /// A folder with bedrock-nova-proxy and sre-agent-deploy, instead of this program's own
    #[arg(long, value_name = "DIR", help_heading = "What to install", conflicts_with_all = ["bundle", "proxy_program"])]
    pub(crate) programs: Option<PathBuf>,
    /// Install what the SRE agent needs as well, with the system's package manager: Python 3.12, uv, Docker, AWS CLI
    #[arg(long, help_heading = "What to install")]
    pub(crate) with_agent_tools: bool,
    /// Show what would be done, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Do not ask
    #[arg(long, short)]
    pub(crate) yes: bool,
}

/// `host uninstall`
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct HostUninstallArgs {
    /// Leave certificates, keys, ledger and backups
    #[arg(long)]
    pub(crate) keep_data: bool,
    /// Do not ask
    #[arg(long, short)]
    pub(crate) yes: bool,
}

/// `host status`
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct HostStatusArgs {}

/// `host upgrade`
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct HostUpgradeArgs {
    /// A folder as for `host install --bundle`; its configuration is not taken over
    #[arg(long, value_name = "DIR", help_heading = "What to install")]
    pub(crate) bundle: Option<PathBuf>,
    /// The program bedrock-nova-proxy [default: the one beside this program]
    #[arg(long, value_name = "FILE", help_heading = "What to install", conflicts_with = "bundle")]
    pub(crate) proxy_program: Option<PathBuf>,
    /// Do not ask
    #[arg(long, short)]
    pub(crate) yes: bool,
}

/// `host renew`
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct HostRenewArgs {
    /// Renew now, due or not
    #[arg(long)]
    pub(crate) force: bool,
    /// Say whether it is due, and do nothing
    #[arg(long, conflicts_with = "force")]
    pub(crate) dry_run: bool,
}

/// `host failed`
#[derive(Debug, Clone, Args)]
pub(crate) struct HostFailedArgs {
    /// The unit
    #[arg(value_name = "UNIT")]
    pub(crate) unit: String,
}
