//! The words of `rehearse`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use model::plan::StepId;

use super::values::{assignment, duration};
use crate::guided::Guided;

/// `rehearse`
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct RehearseArgs {
    /// Go on with a rehearsal that did not end
    #[arg(long, conflicts_with = "cleanup")]
    pub(crate) resume: bool,
    /// Remove what the rehearsal made
    #[arg(long)]
    pub(crate) cleanup: bool,
    /// Leave the proxy running once it is verified, until Ctrl-C
    #[arg(long, conflicts_with = "cleanup")]
    pub(crate) keep: bool,
    /// Let the practice account answer at once
    #[arg(long)]
    pub(crate) fast: bool,
    /// The configuration file; a sample without it
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Set one key, such as instance.type=m6i.2xlarge
    #[arg(long, value_parser = assignment, value_name = "PATH=VALUE")]
    pub(crate) set: Vec<(String, String)>,
    #[arg(
        long,
        value_name = "FILE",
        help = "The state file [default: .rehearsal/.deployment_state]; the account is in account.json beside it"
    )]
    pub(crate) state_file: Option<PathBuf>,
    #[arg(
        long,
        value_name = "FILE",
        help = "The program bedrock-nova-proxy [env: SRE_AGENT_DEPLOY_PROXY] [default: the one beside this program]"
    )]
    pub(crate) proxy_program: Option<PathBuf>,
    /// The port of 127.0.0.1 that the proxy serves on [default: any free one]
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) port: Option<u16>,
    /// How long the proxy may take until it is ready [default: 30s]
    #[arg(long, value_parser = duration, value_name = "TIME")]
    pub(crate) ready_within: Option<Duration>,
    /// What is used as it is; only the wizard says so.
    #[arg(skip)]
    pub(crate) adopt: Vec<(StepId, String)>,
    /// What the operator does by hand; only the wizard says so.
    #[arg(skip)]
    pub(crate) guided: Vec<Guided>,
}

/// `with-parent`, which `rehearse` calls by itself.
#[derive(Debug, Clone, Args)]
pub(crate) struct WithParentArgs {
    /// The process whose end is to be the program's end
    #[arg(value_name = "PID")]
    pub(crate) parent: u32,
    /// The program
    #[arg(value_name = "PROGRAM")]
    pub(crate) program: PathBuf,
    /// Its arguments
    #[arg(value_name = "ARGUMENT", trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) arguments: Vec<OsString>,
}
