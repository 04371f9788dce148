//! The words of the command line: verbs, flags, and the four flag forms that stand for verbs.

mod check;
mod gateway;
mod host;
mod rehearse;
mod values;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use model::config::Mode;
use model::plan::StepId;
use model::{DeploymentId, Region};

use crate::guided::Guided;

pub(crate) use check::{
    AccountArgs, CertsArgs, CheckVerb, EndpointArgs, FailOn, GatewayArgs, HostArgs, JudgeArgs, NetworkArgs,
    UsualArgs, VerifyArgs,
};
pub(crate) use gateway::{
    GatewayDoctorArgs, GatewayFilesArgs, GatewayInstallArgs, GatewayRotateKeyArgs, GatewayStatusArgs,
    GatewayTokenArgs, GatewayUninstallArgs, GatewayVerb, OnConflict,
};
pub(crate) use host::{
    HostFailedArgs, HostInstallArgs, HostRenewArgs, HostStatusArgs, HostUninstallArgs, HostUpgradeArgs,
    HostVerb,
};
pub(crate) use rehearse::{RehearseArgs, WithParentArgs};
pub(crate) use values::duration;
use values::{adoption, assignment, call_timeout, deployment_id, guided, mode, region};

/// Everything that can be typed.
#[derive(Debug, Parser)]
#[command(
    name = "sre-agent-deploy",
    version,
    about = "Deploys an SRE agent endpoint into an AWS account, and survives being killed anywhere.",
    after_help = "Without an AWS account: sre-agent-deploy rehearse\n\n\
                  Exit codes: 0 done, 1 failed, 2 usage or configuration, 3 credentials,\n\
                  4 an AWS call failed, 5 checks failed, 6 warnings, 7 changes pending, 8 cancelled,\n\
                  9 timed out, 10 state file locked, 11 state file unusable, 70 a bug.",
    disable_help_subcommand = true,
    max_term_width = 110
)]
pub(crate) struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    form: Form,
    #[command(subcommand)]
    verb: Option<Verb>,
}

/// Flags that every command has.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Common {
    /// How results and errors are written to stdout
    #[arg(long, global = true, value_enum, default_value_t, value_name = "FORMAT", help_heading = "Output")]
    pub(crate) format: OutputFormat,
    #[arg(
        long,
        global = true,
        help_heading = "Output",
        help = "No colours; so does a NO_COLOR in the environment"
    )]
    pub(crate) no_color: bool,
    /// Log what happens to stderr; twice for more
    #[arg(short, long, global = true, action = clap::ArgAction::Count, help_heading = "Output")]
    pub(crate) verbose: u8,
    /// No progress, only results and errors
    #[arg(short, long, global = true, help_heading = "Output")]
    pub(crate) quiet: bool,
    /// Ask a line at a time instead of filling the screen; ACCESSIBLE=1 asks without moving the cursor
    #[arg(long, global = true, help_heading = "Output")]
    pub(crate) simple: bool,
}

/// How results are written. All but the first two are for `check` and `verify`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputFormat {
    /// For people
    #[default]
    Text,
    /// For programs
    Json,
    /// One line and exit 0 to 3, as monitoring plugins (check, verify)
    Nagios,
    /// A textfile for the node exporter (check, verify)
    Prometheus,
    /// XML for pipelines (check, verify)
    Junit,
    /// For tickets (check, verify)
    Markdown,
    /// One page without links to elsewhere (check, verify)
    Html,
}

/// How errors, and the results of everything but checks, are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

impl OutputFormat {
    /// How everything beside the results of checks is written.
    pub(crate) fn simple(self) -> Format {
        if self == Self::Json { Format::Json } else { Format::Text }
    }
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Show a plan, ask, and carry it out [same as: --config FILE --mode MODE]
    Deploy(DeployArgs),
    /// Check a configuration without touching anything [same as: --validate-only]
    Validate(ValidateArgs),
    /// Go on with a deployment or cleanup that did not end [same as: --resume]
    Resume(ResumeArgs),
    /// Remove everything that a deployment made [same as: --cleanup]
    Cleanup(CleanupArgs),
    /// Take back what the last plan created; what was there before stays
    Rollback(RollbackArgs),
    /// Show what a deploy would change
    Plan(PlanArgs),
    /// Show what the state file says; needs no account
    Status(StatusArgs),
    /// Go all the way on an embedded practice account: deploy, serve, verify; costs nothing
    Rehearse(RehearseArgs),
    /// Check certificates, network, account, endpoint or host
    #[command(subcommand)]
    Check(CheckVerb),
    /// Run every check that concerns a deployment, and write the report
    Verify(VerifyArgs),
    /// Install, renew, upgrade or remove the proxy on the machine that this runs on
    #[command(subcommand)]
    Host(HostVerb),
    /// Check, write and refresh the files of the SRE agent that uses the gateway
    #[command(subcommand)]
    Gateway(GatewayVerb),
    /// Answer questions until everything is deployed and verified [same as: no arguments, on a terminal]
    Wizard(WizardArgs),
    /// Explain a code such as SRE-AWS-001
    Explain(ExplainArgs),
    /// Make, show or describe a configuration file
    #[command(subcommand)]
    Config(ConfigVerb),
    /// Print completions for a shell
    Completions(CompletionsArgs),
    /// Become another program that ends with its parent
    #[command(hide = true)]
    WithParent(WithParentArgs),
}

impl Verb {
    /// Whether it judges, and so writes in any format.
    pub(crate) fn is_check(&self) -> bool {
        matches!(self, Self::Check(_) | Self::Verify(_) | Self::Gateway(GatewayVerb::Doctor(_)))
    }
}

/// The four forms without a verb. Each is the verb of the same meaning.
#[derive(Debug, Args)]
#[command(next_help_heading = "Without a command")]
struct Form {
    /// Check the configuration and stop; offline
    #[arg(long, conflicts_with_all = ["resume", "cleanup"])]
    validate_only: bool,
    /// Go on with what the state file says did not end
    #[arg(long, conflicts_with = "cleanup")]
    resume: bool,
    /// Remove everything that the deployment made
    #[arg(long)]
    cleanup: bool,
    #[command(flatten)]
    deploy: DeployArgs,
    /// With --validate-only: also check against the account
    #[arg(long, requires = "validate_only", help_heading = "Without a command")]
    online: bool,
}

/// Where the configuration comes from.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Configuration")]
pub(crate) struct ConfigArgs {
    #[arg(long, value_name = "FILE", help = "The configuration file [env: SRE_AGENT_DEPLOY_CONFIG]")]
    pub(crate) config: Option<PathBuf>,
    /// How strictly risky settings are judged [default: production for environment prod, else staging]
    #[arg(long, value_parser = mode, value_name = "production|staging|rehearsal")]
    pub(crate) mode: Option<Mode>,
    #[arg(long, value_parser = assignment, value_name = "PATH=VALUE", help = "Set one key, such as network.https_cidrs=10.0.0.0/8; wins over environment and file")]
    pub(crate) set: Vec<(String, String)>,
    /// The AWS Region
    #[arg(long, value_parser = region, value_name = "REGION")]
    pub(crate) region: Option<Region>,
    /// The AWS profile
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// The deployment
    #[arg(long, value_parser = deployment_id, value_name = "ID")]
    pub(crate) deployment_id: Option<DeploymentId>,
}

/// Where the state is, and how long to wait.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "State and time")]
pub(crate) struct StateArgs {
    #[arg(
        long,
        value_name = "FILE",
        help = "The state file [env: SRE_AGENT_DEPLOY_STATE_FILE] [default: .deployment_state]"
    )]
    pub(crate) state_file: Option<PathBuf>,
    /// How long to wait for another run to let go of the state file [default: 0s]
    #[arg(long, value_parser = duration, value_name = "TIME")]
    pub(crate) lock_timeout: Option<Duration>,
    /// How long one AWS operation may take with its retries [default: 120s]
    #[arg(long, value_parser = call_timeout, value_name = "TIME")]
    pub(crate) call_timeout: Option<Duration>,
}

/// What is brought onto the instance.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "What to install")]
pub(crate) struct ProgramsArgs {
    /// The folder with bedrock-nova-proxy and sre-agent-deploy for the instance [default: the one of this program]
    #[arg(long, value_name = "DIR")]
    pub(crate) programs: Option<PathBuf>,
}

/// What would otherwise be asked.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Approval")]
pub(crate) struct ApprovalArgs {
    /// Approve without being asked
    #[arg(long)]
    pub(crate) yes: bool,
    /// The deployment id once more, where something is destroyed
    #[arg(long, value_name = "ID")]
    pub(crate) confirm_deployment_id: Option<String>,
}

/// `deploy`
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct DeployArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    #[command(flatten)]
    pub(crate) state: StateArgs,
    #[command(flatten)]
    pub(crate) programs: ProgramsArgs,
    #[command(flatten)]
    pub(crate) approval: ApprovalArgs,
    /// Use something that exists and never change or delete it, such as cognito.user-pool=us-east-1_AbCdEfGhI
    #[arg(long, value_parser = adoption, value_name = "STEP=ID", help_heading = "Configuration")]
    pub(crate) adopt: Vec<(StepId, String)>,
    /// Make it yourself in the AWS Console, step by step and checked, such as ec2.security-group; or all
    #[arg(long, value_parser = guided, value_name = "STEP", help_heading = "Configuration")]
    pub(crate) guided: Vec<Guided>,
}

/// `validate`
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ValidateArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// Also check against the account
    #[arg(long, help_heading = "Options")]
    pub(crate) online: bool,
}

/// `resume`
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ResumeArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    #[command(flatten)]
    pub(crate) state: StateArgs,
    #[command(flatten)]
    pub(crate) programs: ProgramsArgs,
    /// Accepted for pipelines: a resume asks nothing, since the plan was approved
    #[arg(long, help_heading = "Options")]
    pub(crate) yes: bool,
}

/// `cleanup`
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct CleanupArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    #[command(flatten)]
    pub(crate) state: StateArgs,
    #[command(flatten)]
    pub(crate) approval: ApprovalArgs,
}

/// `rollback`
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct RollbackArgs {
    /// With `rehearsal`: the state file of the rehearsal
    #[arg(long, value_parser = mode, value_name = "production|staging|rehearsal")]
    pub(crate) mode: Option<Mode>,
    /// The AWS profile
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    #[command(flatten)]
    pub(crate) state: StateArgs,
    #[command(flatten)]
    pub(crate) approval: ApprovalArgs,
}

/// `plan`
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    #[command(flatten)]
    pub(crate) state: StateArgs,
    #[command(flatten)]
    pub(crate) programs: ProgramsArgs,
    /// Use something that exists and never change or delete it
    #[arg(long, value_parser = adoption, value_name = "STEP=ID", help_heading = "Configuration")]
    pub(crate) adopt: Vec<(StepId, String)>,
    /// Exit 7 where something would change
    #[arg(long, help_heading = "Options")]
    pub(crate) detailed_exitcode: bool,
}

/// `status`
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct StatusArgs {
    #[arg(
        long,
        value_name = "FILE",
        help = "The state file [env: SRE_AGENT_DEPLOY_STATE_FILE] [default: .deployment_state]"
    )]
    pub(crate) state_file: Option<PathBuf>,
}

/// `wizard`
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct WizardArgs {
    /// Begin with the answers of this configuration file
    #[arg(long, value_name = "FILE", help_heading = "Configuration")]
    pub(crate) config: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) state: StateArgs,
    /// Forget the answers that an earlier run kept
    #[arg(long, help_heading = "Options")]
    pub(crate) fresh: bool,
}

/// `explain`
#[derive(Debug, Clone, Args)]
pub(crate) struct ExplainArgs {
    /// The code, such as SRE-AWS-001
    pub(crate) code: String,
}

/// `config`
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigVerb {
    /// Print a commented configuration with what could be found out
    Init(InitArgs),
    /// Print every value with where it comes from
    Show(ConfigArgs),
    /// Print the JSON Schema of the configuration file
    Schema,
}

/// `config init`
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct InitArgs {
    /// Write it here instead of stdout; an existing file is left alone
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Ask the account for its number, VPC and subnet
    #[arg(long)]
    pub(crate) online: bool,
    /// The AWS Region
    #[arg(long, value_parser = region, value_name = "REGION")]
    pub(crate) region: Option<Region>,
    /// The AWS profile
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// The deployment
    #[arg(long, value_parser = deployment_id, value_name = "ID")]
    pub(crate) deployment_id: Option<DeploymentId>,
}

/// `completions`
#[derive(Debug, Clone, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    pub(crate) shell: Shell,
}

/// Parses the command line; a form without a verb becomes the verb. `None` where nothing was asked for.
pub(crate) fn parse(args: Vec<OsString>) -> Result<(Common, Option<Verb>), clap::Error> {
    let matches = command().try_get_matches_from(args)?;
    let cli = Cli::from_arg_matches(&matches)?;
    let common = cli.common.clone();
    Ok((common, verb(cli, &matches)?))
}

/// The command line as clap knows it.
pub(crate) fn command() -> clap::Command {
    Cli::command()
}

/// Whether `--format json`, or another format, is among the arguments, for errors that keep them from being parsed.
pub(crate) fn asks_for(args: &[OsString], format: &str) -> bool {
    let pairs = args.iter().zip(args.iter().skip(1));
    args.iter().any(|arg| arg.to_str().and_then(|arg| arg.strip_prefix("--format=")) == Some(format))
        || pairs.into_iter().any(|(flag, value)| flag == "--format" && value == format)
}

/// Flags of the forms, by which a form is recognised. Output flags go with everything.
const FORM_FLAGS: &[&str] = &[
    "validate_only",
    "resume",
    "cleanup",
    "online",
    "config",
    "mode",
    "set",
    "region",
    "profile",
    "deployment_id",
    "state_file",
    "programs",
    "lock_timeout",
    "call_timeout",
    "yes",
    "confirm_deployment_id",
    "adopt",
];

fn verb(cli: Cli, matches: &ArgMatches) -> Result<Option<Verb>, clap::Error> {
    let given: Vec<&str> = FORM_FLAGS
        .iter()
        .copied()
        .filter(|flag| matches.value_source(flag) == Some(ValueSource::CommandLine))
        .collect();
    let refuse = |flags: &[&str], with: &str| match given.iter().find(|flag| flags.contains(flag)) {
        Some(flag) => {
            let flag = flag.replace('_', "-");
            let message = format!("the argument '--{flag}' cannot be used with {with}");
            Err(command().error(ErrorKind::ArgumentConflict, message))
        }
        None => Ok(()),
    };
    let Form { validate_only, resume, cleanup, deploy, online } = cli.form;
    let DeployArgs { config, state, programs, approval, .. } = deploy.clone();
    match cli.verb {
        Some(verb) => {
            refuse(FORM_FLAGS, "a verb; write it after the verb")?;
            Ok(Some(verb))
        }
        None if validate_only => {
            let foreign = [
                "state_file",
                "lock_timeout",
                "call_timeout",
                "yes",
                "confirm_deployment_id",
                "adopt",
                "programs",
            ];
            refuse(&foreign, "'--validate-only'")?;
            Ok(Some(Verb::Validate(ValidateArgs { config, online })))
        }
        None if resume => {
            refuse(&["confirm_deployment_id", "adopt"], "'--resume'")?;
            Ok(Some(Verb::Resume(ResumeArgs { config, state, programs, yes: approval.yes })))
        }
        None if cleanup => {
            refuse(&["adopt", "programs"], "'--cleanup'")?;
            Ok(Some(Verb::Cleanup(CleanupArgs { config, state, approval })))
        }
        None if given.is_empty() => Ok(None),
        None => Ok(Some(Verb::Deploy(deploy))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Option<Verb>, String> {
        let args = std::iter::once("sre-agent-deploy").chain(line.split_whitespace()).map(OsString::from);
        parse(args.collect()).map(|(_, verb)| verb).map_err(|error| error.to_string())
    }

    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn the_four_forms_are_their_verbs() {
        let deploy = parsed("--config c.yaml --mode production").unwrap().unwrap();
        assert!(
            matches!(&deploy, Verb::Deploy(args) if args.config.mode == Some(Mode::Production)
                && args.config.config == Some(PathBuf::from("c.yaml"))),
            "{deploy:?}"
        );
        assert!(matches!(parsed("--validate-only --config c.yaml").unwrap(), Some(Verb::Validate(_))));
        assert!(matches!(parsed("--resume --state-file s").unwrap(), Some(Verb::Resume(_))));
        let cleanup = parsed("--cleanup --deployment-id abc").unwrap().unwrap();
        assert!(
            matches!(&cleanup, Verb::Cleanup(args) if args.config.deployment_id.as_ref().unwrap().as_str() == "abc")
        );
        assert!(parsed("").unwrap().is_none());
        assert!(parsed("--no-color -v").unwrap().is_none());
    }

    #[test]
    fn forms_that_contradict_each_other_are_refused() {
        for line in [
            "--resume --cleanup",
            "--validate-only --resume",
            "--validate-only --cleanup",
            "--validate-only --yes",
            "--resume --adopt iam.role=x",
            "--online",
            "--config c.yaml deploy",
            "--resume status",
            "deploy --online",
            "rehearse --resume --cleanup",
            "--cleanup --deployment-id UPPER",
            "deploy --adopt nothing=x",
            "deploy --mode loud",
            "deploy --lock-timeout 3x",
            "deploy --call-timeout 0s",
            "magician",
        ] {
            assert!(parsed(line).is_err(), "{line}");
        }
    }
}
