//! The command line of `bedrock-nova-proxy`: what may be said, nothing of what it does.

use std::{num::NonZeroUsize, path::PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum};

/// An OpenAI-compatible endpoint behind rustls in front of Amazon Bedrock Nova.
#[derive(Debug, Parser)]
#[command(name = "bedrock-nova-proxy", version, about, arg_required_else_help = true)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Serve until SIGTERM. SIGHUP reads configuration and certificate again.
    Serve(File),
    /// Report everything that is wrong with a configuration, and the files it names.
    CheckConfig(File),
    /// Print a sample configuration: every key with its default.
    SampleConfig,
    /// Report who used what, from the ledger. Works while the proxy runs.
    Usage(Usage),
    /// Copy the ledger of this host, while the proxy runs, and remove the oldest copies.
    Backup(Backup),
    /// Make an API key. The key goes to stdout and is kept nowhere; its digest is for the configuration.
    ApiKey(ApiKey),
}

/// Which configuration.
#[derive(Debug, Args)]
pub struct File {
    /// The configuration file.
    #[arg(long, value_name = "FILE", env = "BEDROCK_NOVA_PROXY_CONFIG")]
    pub config: PathBuf,
}

/// Arguments of `usage`.
#[derive(Debug, Args)]
pub struct Usage {
    /// The configuration whose ledger is read.
    #[arg(long, value_name = "FILE", env = "BEDROCK_NOVA_PROXY_CONFIG")]
    pub config: PathBuf,
    /// What a row is about.
    #[arg(long, value_enum, default_value_t = By::User)]
    pub by: By,
    /// From this day on (UTC).
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub since: Option<jiff::civil::Date>,
    /// Up to and with this day (UTC).
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub until: Option<jiff::civil::Date>,
    /// In which form.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,
}

/// Arguments of `backup`.
#[derive(Debug, Args)]
pub struct Backup {
    /// The configuration whose ledger is copied.
    #[arg(long, value_name = "FILE", env = "BEDROCK_NOVA_PROXY_CONFIG")]
    pub config: PathBuf,
    /// The folder for copies; made where it is missing.
    #[arg(long, value_name = "DIR")]
    pub to: PathBuf,
    /// How many copies are kept; older ones are removed once there is a new good one.
    #[arg(long, value_name = "N", default_value = "14")]
    pub keep: NonZeroUsize,
}

/// What a row of the usage report is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum By {
    /// A caller.
    User,
    /// A model.
    Model,
    /// A day (UTC).
    Day,
}

/// The form of the usage report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Aligned columns.
    Table,
    /// RFC 4180.
    Csv,
    /// One object with `schema_version`.
    Json,
}

/// Arguments of `api-key`.
#[derive(Debug, Args)]
pub struct ApiKey {
    /// The name of the caller who will use it.
    #[arg(long)]
    pub name: String,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Arguments::command().debug_assert();
    }
}
