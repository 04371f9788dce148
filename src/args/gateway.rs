//! The words of `gateway`.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use super::values::duration;
use super::{ConfigArgs, JudgeArgs, StateArgs};

/// `gateway`
#[derive(Debug, Subcommand)]
pub(crate) enum GatewayVerb {
    /// Say what is wrong with a directory of the SRE agent, also one that its scripts left half-way
    Doctor(GatewayDoctorArgs),
    /// Write the files of the SRE agent from a finished deployment
    Files(GatewayFilesArgs),
    /// Fetch a token and put it where the SRE agent looks for it; for a timer
    Token(GatewayTokenArgs),
    /// Install the SRE agent's four backends as services, and a timer that keeps its token fresh
    Install(GatewayInstallArgs),
    /// Remove these services, and put back what was there before; the SRE agent's files stay
    Uninstall(GatewayUninstallArgs),
    /// Show which of these services run and answer
    Status(GatewayStatusArgs),
    /// Have the credential provider give another key, made here, and put it where the backends' scripts look for it
    RotateKey(GatewayRotateKeyArgs),
}

/// What becomes of a value that is there and differs from what is wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnConflict {
    /// It stays
    Keep,
    /// It is replaced; a copy of the file stays
    Replace,
    /// You are asked
    #[default]
    Ask,
}

/// `gateway doctor`
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct GatewayDoctorArgs {
    /// The folder that the SRE agent, or the repository with it, was cloned to
    #[arg(long, value_name = "DIR", help_heading = "What to check")]
    pub(crate) dir: PathBuf,
    #[command(flatten)]
    pub(crate) judge: JudgeArgs,
}

/// `gateway files`
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct GatewayFilesArgs {
    /// The folder that the SRE agent, or the repository with it, was cloned to
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// What becomes of values that differ
    #[arg(long, value_enum, default_value_t, value_name = "keep|replace|ask")]
    pub(crate) on_conflict: OnConflict,
    /// Show what would be written, and write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    #[command(flatten)]
    pub(crate) state: StateArgs,
}

/// `gateway token`
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct GatewayTokenArgs {
    /// The folder that the SRE agent, or the repository with it, was cloned to
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// Trust these roots instead of Mozilla's
    #[arg(long, value_name = "PEM")]
    pub(crate) ca_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    #[command(flatten)]
    pub(crate) state: StateArgs,
}

/// `gateway install`
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct GatewayInstallArgs {
    /// The folder that the SRE agent, or the repository with it, was cloned to
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// Where the backends listen [default: the address that this machine has towards others]
    #[arg(long, value_name = "IP")]
    pub(crate) address: Option<IpAddr>,
    /// How long the backends may take until they answer [default: 60s]
    #[arg(long, value_parser = duration, value_name = "TIME")]
    pub(crate) wait: Option<Duration>,
    /// Show what would be done, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Do not ask
    #[arg(long, short)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) state: StateArgs,
}

/// `gateway uninstall`
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct GatewayUninstallArgs {
    /// Do not ask
    #[arg(long, short)]
    pub(crate) yes: bool,
}

/// `gateway status`
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct GatewayStatusArgs {}
/// `gateway rotate-key`
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct GatewayRotateKeyArgs {
    /// The folder that the SRE agent, or the repository with it, was cloned to; its gateway/.env gets the key
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// Do it without asking
    #[arg(long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    #[command(flatten)]
    pub(crate) state: StateArgs,
}
