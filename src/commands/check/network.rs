//! `check network`

use std::time::Duration;

use checks::network::metadata;
use checks::network::services::{Service, ServiceFacts, services};
use checks::network::suite::{self, Options, Question};
use checks::remote::dns::NameServers;
use checks::remote::http::Url;
use checks::remote::target::Target as Server;
use model::Finding;
use model::config::{Config, Mode, TlsSource};
use provision::clock::Clock as _;

use super::vpc::vpc_results;
use super::{Target, finish, manner, or_unknown, target, wait_simply};
use crate::app::{App, Ended};
use crate::args::NetworkArgs;
use crate::compose::SystemClock;
use crate::failure::{Failure, codes};

/// How long a look-up, a connection or a handshake may take.
const STEP: Duration = Duration::from_secs(5);
/// How long an answer over HTTP may take.
const ANSWER: Duration = Duration::from_secs(15);
/// Where the instance metadata is, if not where every instance has it; the AWS SDKs read the same variable.
const METADATA: &str = "AWS_EC2_METADATA_SERVICE_ENDPOINT";
/// Whether the AWS SDKs may ask for instance metadata.
const NO_METADATA: &str = "AWS_EC2_METADATA_DISABLED";
/// What the firmware of an instance says in these files: on Nitro, and on the older Xen.
const MAKERS: [(&str, &str); 2] =
    [("/sys/class/dmi/id/sys_vendor", "Amazon EC2"), ("/sys/class/dmi/id/bios_version", "amazon")];
/// The proxy says there that it lives, to anybody.
const LIVE: &str = "/health/live";

/// `check network`
pub(crate) fn command(app: &App, args: &NetworkArgs) -> Ended {
    let target = target(app, &args.usual.config, &args.usual.state)?;
    let mut results = results(app, args, &target)?;
    if args.endpoint.is_empty() && target.state.is_some() {
        let path = vpc_results(app, &args.usual.state, args.usual.config.profile.as_deref(), &target);
        results.extend(or_unknown("the path through the VPC", path)?);
    }
    finish(app, &args.usual.judge, None, results)
}

/// What there is to say that needs no credentials, for this command and for `verify`.
pub(crate) fn results(app: &App, args: &NetworkArgs, target: &Target) -> super::Results {
    let roots = manner(target.ca_file(args.ca_file.as_deref()))?.roots;
    let questions = questions(args, target)?;
    let services = if args.endpoint.is_empty() { needed(app, target.config.as_ref()) } else { Vec::new() };
    let metadata = if args.endpoint.is_empty() { instance_metadata(app)? } else { None };
    if questions.is_empty() && services.is_empty() && metadata.is_none() {
        let finding = Finding::new(codes::NOTHING_TO_CHECK, model::Severity::Error, "network", "nobody says what to reach")
            .hint("name a server with `--endpoint HOST:PORT`, or a deployment with `--config FILE` or `--state-file FILE`");
        return Err(Failure::of_findings(vec![finding]));
    }
    wait_simply(async || {
        let options = Options {
            step: STEP,
            answer: ANSWER,
            roots,
            now: &|| SystemClock.now(),
            name_servers: NameServers::of_system(STEP),
            hosts_file: std::fs::read_to_string("/etc/hosts").unwrap_or_default(),
        };
        Ok(suite::run(&questions, &services, metadata.as_ref(), &options).await)
    })
}

/// The servers that are meant: those of the flags, or else the one of the deployment.
fn questions(args: &NetworkArgs, target: &Target) -> Result<Vec<Question>, Box<Failure>> {
    if !args.endpoint.is_empty() {
        let parsed = args.endpoint.iter().map(|text| text.parse::<Server>().map(Question::about));
        return parsed
            .collect::<Result<_, _>>()
            .map_err(|error| Failure::new(codes::USAGE, "--endpoint", error.to_string()));
    }
    let question = |target| Question { target, path: Some(LIVE.to_owned()), status: Some(200) };
    Ok(target.server().map(question).into_iter().collect())
}

/// The endpoints of AWS that a deployment needs; none where it does not reach AWS.
fn needed(app: &App, config: Option<&Config>) -> Vec<Service> {
    let Some(config) = config else { return Vec::new() };
    let is_elsewhere = ["SRE_AGENT_DEPLOY_PRACTICE_ACCOUNT", "AWS_ENDPOINT_URL"]
        .iter()
        .any(|name| app.variable(name).is_some());
    if config.mode == Mode::Rehearsal || is_elsewhere {
        return Vec::new();
    }
    services(&ServiceFacts {
        region: config.aws.region.to_string(),
        cognito: true,
        acm: config.tls.source == TlsSource::AcmExportable,
        bedrock: !config.proxy.models.is_empty(),
    })
}

/// Where instance metadata is to be asked: on an instance, or where the environment names a place.
pub(crate) fn instance_metadata(app: &App) -> Result<Option<Url>, Box<Failure>> {
    if app.variable(NO_METADATA).is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        return Ok(None);
    }
    let named = app.variable(METADATA);
    let is_instance = || {
        MAKERS.iter().any(|(file, mark)| std::fs::read_to_string(file).is_ok_and(|text| text.contains(mark)))
    };
    let place = match named {
        Some(place) => place,
        None if is_instance() => metadata::USUAL,
        None => return Ok(None),
    };
    place.parse().map(Some).map_err(|why: String| Failure::new(codes::USAGE, METADATA, why))
}
