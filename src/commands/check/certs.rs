//! `check certs`: from flags to a policy, to what there is to look at, to results.

use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use checks::cert::facts::Material;
use checks::cert::judge::{Policy, Roots, Threshold, judge};
use checks::cert::read::{check_files, expand_all, of_target, with_key};
use checks::remote::collect::{self, Options};
use checks::remote::dns::NameServers;
use checks::remote::{ari, http, target as remote, tls};
use checks::{CheckResult, Moment};
use jiff::Timestamp;
use model::config::{HostInstall, TlsSource};
use model::plan::StepId;
use provision::clock::Clock as _;

use super::on_disk::Leaves;
use super::{
    Target, acm, finish_with, lock, manner, roots_file, selection, target, timer, unattended, wait_simply,
};
use crate::app::{App, Ended};
use crate::args::CertsArgs;
use crate::compose::{self, SystemClock};
use crate::exit::Exit;
use crate::failure::{Failure, codes};
use crate::running::Seen;
use crate::security;

/// How much later than its time a cron line may run.
const SPLAY: Duration = Duration::from_mins(10);

/// `check certs`
pub(crate) fn command(app: &App, args: &CertsArgs) -> Ended {
    let target = deployment(app, args)?;
    let scope = Scope::of(app, args, &target)?;
    let policy = policy(args, &target)?;
    let at = args.at.as_deref().map(moment).transpose()?;
    selection(&args.usual.judge)?;
    if args.print_cron {
        return print_cron(app, args);
    }
    if args.install_timer {
        return install_timer(app, args, &scope);
    }
    if let Some(splay) = args.splay {
        thread::sleep(chance_of(splay));
    }
    let wait = args.usual.state.lock_timeout.unwrap_or_default();
    let held = if args.lock { Some(lock::hold(&lock::path(app), wait)?) } else { None };
    let now = SystemClock.now();
    let results = judged(app, args, &target, &scope, &policy, at.unwrap_or(now))?;
    security::certificates(app, &results);
    let ended = finish_with(app, &args.usual.judge, now, at, results, Some(policy));
    drop(held);
    ended
}

/// What there is to say, for `verify`.
pub(crate) fn results(app: &App, args: &CertsArgs, target: &Target) -> super::Results {
    let scope = Scope::of(app, args, target)?;
    let at = args.at.as_deref().map(moment).transpose()?;
    judged(app, args, target, &scope, &policy(args, target)?, at.unwrap_or_else(|| SystemClock.now()))
}

/// The deployment, where it matters.
fn deployment(app: &App, args: &CertsArgs) -> Result<Target, Box<Failure>> {
    if args.is_of_deployment() {
        return target(app, &args.usual.config, &args.usual.state);
    }
    Ok(Target { config: None, state: None, state_file: PathBuf::new(), running: Seen::Nothing })
}

/// What is looked at.
struct Scope {
    /// Paths, folders and patterns.
    files: Vec<String>,
    /// Servers.
    endpoints: Vec<remote::Target>,
    /// ARNs, or `all`.
    acm: Vec<String>,
    /// The certificate of the deployment.
    own: Option<Own>,
    /// Where the deployment's authority has its ACME directory, if that is not one that everybody knows.
    directory: Option<http::Url>,
}

/// The certificate of the deployment.
struct Own {
    certificate: PathBuf,
    key: PathBuf,
    /// The name that it has to be good for, if the deployment has one.
    domain: Option<String>,
}

impl Scope {
    fn of(app: &App, args: &CertsArgs, target: &Target) -> Result<Self, Box<Failure>> {
        let endpoints: Result<Vec<remote::Target>, Box<Failure>> =
            args.endpoint.iter().map(|text| server(text)).collect();
        let mut scope = Self {
            files: args.file.clone(),
            endpoints: endpoints?,
            acm: args.acm.clone(),
            own: None,
            directory: None,
        };
        let Some(config) = &target.config else {
            return if args.names_nothing() { Err(nothing(app)) } else { Ok(scope) };
        };
        let domain = config.tls.domain.as_deref();
        if let TlsSource::Acme { directory, .. } = &config.tls.source {
            scope.directory = directory.parse().ok();
        }
        if let TlsSource::Files { cert_path, key_path } = &config.tls.source {
            scope.own = Some(Own {
                certificate: PathBuf::from(cert_path),
                key: PathBuf::from(key_path),
                domain: domain.map(str::to_owned),
            });
            // With user-data the files are on the instance, and what it serves is asked over the network.
            let is_elsewhere = config.host.install == HostInstall::UserData && !Path::new(cert_path).exists();
            // The certificate of a rehearsal is its authority's, wherever the real one would come from.
            if args.names_nothing() && !is_elsewhere && !target.is_rehearsal() {
                scope.files.push(cert_path.clone());
            }
        }
        if args.names_nothing() {
            scope.endpoints.extend(target.server());
            let arn = target.state.as_ref().and_then(|state| state.step(StepId::Certificate).id);
            scope.acm.extend(arn);
        }
        if scope.files.is_empty() && scope.endpoints.is_empty() && scope.acm.is_empty() {
            return Err(nothing(app));
        }
        Ok(scope)
    }

    /// The deployment's own certificate, with its key and the name that it has to be good for.
    fn of_own(&self, material: &Material) -> Option<Material> {
        let own = self.own.as_ref()?;
        if Path::new(&material.subject.name) != own.certificate {
            return None;
        }
        let expected_names = own.domain.iter().cloned().collect();
        Some(with_key(Material { expected_names, ..material.clone() }, &own.key))
    }
}

fn nothing(app: &App) -> Box<Failure> {
    Failure::new(codes::NOTHING_TO_CHECK, "command line", "nothing says what to check").hint(format!(
        "give --file PATH, --endpoint HOST:PORT or --acm all, or a deployment with --config FILE or --state-file \
         FILE; such as: {} check certs --endpoint api.example.com:443",
        app.program
    ))
}

fn value(flag: &str, message: impl Into<String>) -> Box<Failure> {
    Failure::new(codes::CHECK_VALUE, flag, format!("{flag}: {}", message.into()))
}

fn server(text: &str) -> Result<remote::Target, Box<Failure>> {
    text.parse::<remote::Target>().map_err(|error| value("--endpoint", error.to_string()))
}

/// RFC 3339 with a time zone: a date alone is a different moment everywhere.
fn moment(text: &str) -> Result<Timestamp, Box<Failure>> {
    text.trim().parse().map_err(|_| {
        value("--at", format!("`{text}` {}", why_no_moment(text.trim())))
            .hint("write it as in RFC 3339: --at 2026-12-24T00:00:00Z, or with an offset: 2026-12-24T00:00:00+01:00")
    })
}

/// What is wrong with a text that is no moment.
fn why_no_moment(text: &str) -> String {
    match jiff::fmt::temporal::Pieces::parse(text) {
        Err(error) => format!("is no date and time: {error}"),
        Ok(pieces) if pieces.time().is_none() => "has no time of day".to_owned(),
        Ok(pieces) if pieces.offset().is_none() => "has no time zone".to_owned(),
        Ok(_) => format!("is out of range: moments are known from {} to {}", Timestamp::MIN, Timestamp::MAX),
    }
}

fn policy(args: &CertsArgs, target: &Target) -> Result<Policy, Box<Failure>> {
    let threshold = |flag: &str, text: &Option<String>| -> Result<Option<Threshold>, Box<Failure>> {
        let parsed = text.as_deref().map(str::parse::<Threshold>).transpose();
        parsed.map_err(|error| value(flag, error.to_string()))
    };
    let roots = match roots_file(target.ca_file(args.ca_file.as_deref()))? {
        Some(pem) => Roots::from_pem(&pem).map_err(|reason| value("--ca-file", reason))?,
        None => Roots::mozilla(),
    };
    Policy::new(roots)
        .thresholds(threshold("--warn", &args.warn)?, threshold("--critical", &args.critical)?)
        .map_err(|error| value("--critical", error.to_string()))
}

/// Any time up to this.
fn chance_of(splay: Duration) -> Duration {
    let most = u64::try_from(splay.as_millis()).unwrap_or(u64::MAX);
    Duration::from_millis(compose::chance(most.saturating_add(1)))
}

fn judged(
    app: &App,
    args: &CertsArgs,
    target: &Target,
    scope: &Scope,
    policy: &Policy,
    at: Timestamp,
) -> Result<Vec<CheckResult>, Box<Failure>> {
    let now = Moment::from(at);
    let threads = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let is_only_files = scope.endpoints.is_empty() && scope.acm.is_empty() && !args.renewal_info;
    if is_only_files {
        // Read and judged without a runtime, which would cost more than they do, and without keeping any of them.
        return Ok(check_files(&scope.files, threads, &|material| match scope.of_own(material) {
            Some(own) => judge(&own, policy, now),
            None => judge(material, policy, now),
        }));
    }
    let mut materials: Vec<Material> = expand_all(&scope.files)
        .iter()
        .map(of_target)
        .map(|material| scope.of_own(&material).unwrap_or(material))
        .collect();
    // It has a runtime of its own, beside the operator's wish to stop.
    let certificates = acm::materials(app, args, target, &scope.acm)?;
    let mut leaves = Leaves::default();
    for material in &materials {
        leaves.add(material);
    }
    wait_simply(async || {
        for material in collect::endpoints(&scope.endpoints, &options(args, target)).await {
            let on_disk = leaves.covering(&material.expected_names);
            materials.push(Material { on_disk, ..material });
        }
        materials.extend(certificates);
        if args.renewal_info {
            renewal_info(args, scope, &mut materials).await?;
        }
        Ok(materials.iter().map(|material| judge(material, policy, now)).collect())
    })
}

/// How servers are asked.
fn options(args: &CertsArgs, target: &Target) -> Options {
    let usual = Options::default();
    Options {
        // Who may issue for a name matters where anybody's roots are trusted.
        caa: target.ca_file(args.ca_file.as_deref()).is_none(),
        // Without them it cannot be said why a name does not resolve; that it does not is said all the same.
        name_servers: NameServers::of_system(usual.step).ok(),
        ..usual
    }
}

/// Asks the authorities when they suggest to renew.
async fn renewal_info(
    args: &CertsArgs,
    scope: &Scope,
    materials: &mut [Material],
) -> Result<(), Box<Failure>> {
    let manner = manner(args.ca_file.as_deref())?;
    let trust = tls::Trust::Roots { roots: manner.roots, now: tls::moment(manner.now) };
    let options = http::Options { trust, ..http::Options::default() };
    ari::enrich(materials, scope.directory.as_ref(), &options).await;
    Ok(())
}

fn print_cron(app: &App, args: &CertsArgs) -> Ended {
    let command = unattended::command(app, args)?;
    let slot = compose::chance(u64::MAX);
    let splay = args.splay.unwrap_or(SPLAY).as_secs();
    app.result(&unattended::cron_line(&command, slot, &format!("{splay}s"))?);
    app.say(
        "put it into your crontab: crontab -e; it says nothing while all is well, and one line otherwise",
    );
    Ok(Exit::Done)
}

fn install_timer(app: &App, args: &CertsArgs, scope: &Scope) -> Ended {
    let command = unattended::command(app, args)?;
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let named =
        [&args.ca_file, &args.usual.config.config, &args.usual.state.state_file].into_iter().flatten();
    let reads = scope.files.iter().map(Path::new).chain(named.map(PathBuf::as_path)).map(absolute).collect();
    let wanted = timer::Wanted {
        command: &command,
        reads,
        writes: args.usual.judge.output.as_deref().map(absolute),
        has_network: !scope.endpoints.is_empty() || !scope.acm.is_empty() || args.renewal_info,
    };
    timer::install(app, &wanted, args.unit_dir.as_deref())
}
