//! `host renew`: renews the certificate of this host if it is due. What the timer runs, and certbot's hook.

mod export;
mod look;
mod report;
mod zones;

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use model::Severity;
use model::config::Mode;
use model::host::{CertificateSource, HOST_SETTINGS_VERSION, HostSettings};
use provision::clock::Clock as _;
use renewal::run::{Host, Outcome, Report};
use renewal::store::{Owner, Store};
use renewal::trouble::codes as certificate;
use systemd::layout::Layout;

use super::machine::ROOT;
use crate::app::{App, Ended};
use crate::args::{Format, HostRenewArgs, StateArgs};
use crate::compose::{self, SystemClock};
use crate::exit::Exit;
use crate::failure::{Failure, codes};
use crate::security;
use crate::session;
use crate::signals::Signals;

/// Where the proxy serves on this machine, for tests.
const HTTPS: &str = "SRE_AGENT_DEPLOY_HOST_HTTPS";
/// Where HTTP-01 is answered, for tests.
const HTTP: &str = "SRE_AGENT_DEPLOY_HOST_HTTP";
/// Where the proxy serves on a host.
const SERVED_AT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 443);
/// How long the proxy may take to serve a new pair: it looks at the latest after a minute.
const TAKEN_WITHIN: Duration = Duration::from_secs(75);
/// Settings have a few hundred bytes.
const LARGEST_SETTINGS: u64 = 1 << 20;

/// `host renew`
pub(crate) fn command(app: &App, args: &HostRenewArgs) -> Ended {
    let layout = Layout::below(app.variable(ROOT).unwrap_or("/"));
    let settings = settings(app, &layout)?;
    let owner = Owner::of_folder(&layout.tls())
        .map_err(|error| not_installed(app, &layout.tls(), &error.to_string()))?;
    let store = Store::new(layout.tls(), owner);
    // Who only looks, disturbs nobody.
    let _held = if args.dry_run { None } else { Some(hold(&layout.state())?) };
    let state = layout.state();
    let answers = layout.challenges();
    let host = Host {
        store: &store,
        settings: &settings,
        state: &state,
        answers: &answers,
        http: address(app, HTTP)?.unwrap_or(renewal::run::HTTP),
        exporter: None,
        records: None,
        now: &|| SystemClock.now(),
        chance: chance(),
        is_forced: args.force,
        is_dry: args.dry_run,
    };
    let served_at = address(app, HTTPS)?.unwrap_or(SERVED_AT);
    let whole = async |host: &Host<'_>| {
        let mut report = renewal::run::run(host).await;
        if let Outcome::Renewed { leaf, .. } = &report.outcome {
            let leaf = leaf.clone();
            reload(app, &layout);
            report.findings.extend(look::served(served_at, &settings, &leaf).await);
        }
        report
    };
    let report = match &settings.certificate {
        CertificateSource::AcmExportable { .. } => with_account(app, &settings, &host, whole)?,
        _ if !args.dry_run && renewal::run::needs_records(&settings, &state) => {
            with_account(app, &settings, &host, whole)?
        }
        _ => run(whole(&host))?,
    };
    security::renewal(app, &report);
    finish(app, report)
}

/// The same with the account that the deployment is in, by the instance's role or whatever else AWS's standard chain
/// finds.
fn with_account(
    app: &App,
    settings: &HostSettings,
    host: &Host<'_>,
    work: impl AsyncFnOnce(&Host<'_>) -> Report,
) -> Result<Report, Box<Failure>> {
    let region = Some(&settings.region);
    // A practice account is one only where a variable names its file.
    let account = compose::account(app, Mode::Production, Path::new(""), region, None, None, false);
    let mut done = None;
    session::run(app, &StateArgs::default(), async |session| {
        let cloud = compose::reach(session, &account).await?;
        let acm = export::Acm(&cloud);
        let say = |text: &str| session.say(text);
        let zones = zones::Zones { cloud: &cloud, say: &say };
        let host = Host { exporter: Some(&acm), records: Some(&zones), ..*host };
        tokio::select! {
            report = work(&host) => done = Some(report),
            () = session.cancel.cancelled() => {}
        }
        Ok(Exit::Done)
    })?;
    done.ok_or_else(stopped)
}

fn stopped() -> Box<Failure> {
    Failure::new(
        codes::CANCELLED,
        "host renew",
        "stopped; what was served still is, and the next run goes on",
    )
}

/// Waits for the work, or for the wish to stop: what was begun ends tidily then, as far as that takes no time.
fn run(work: impl Future<Output = Report>) -> Result<Report, Box<Failure>> {
    let system = |error: io::Error| {
        Failure::new(codes::BUG, "runtime", "the system refused what a run needs").evidence(error.to_string())
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(system)?;
    let ended = runtime.block_on(async {
        let mut signals = Signals::listen().map_err(system)?;
        tokio::select! {
            report = work => Ok(report),
            () = signals.next() => Err(stopped()),
        }
    });
    // The system's resolver cannot be told to stop; nobody waits for it.
    runtime.shutdown_background();
    ended
}

/// Says what came of it. A failure is one; so is a new certificate that nobody sees.
fn finish(app: &App, report: Report) -> Ended {
    let is_failure = matches!(report.outcome, Outcome::Failed)
        || report.findings.iter().any(|finding| finding.severity == Severity::Error);
    if is_failure {
        let mut findings = report.findings;
        findings.sort_by_key(|finding| finding.severity != Severity::Error);
        return Err(Failure::of_findings(findings));
    }
    match app.format {
        Format::Text => app.result(&report::text(&report)),
        Format::Json => app.result_json(&report::json(&report)),
    }
    let serves =
        report.live.as_ref().is_some_and(|leaf| !leaf.is_placeholder && leaf.not_after > SystemClock.now());
    match report.outcome {
        // A try is waited out, and meanwhile clients get nothing that they could trust.
        Outcome::Waiting { .. } if !serves => Ok(Exit::Failed),
        _ => Ok(Exit::Done),
    }
}

fn settings(app: &App, layout: &Layout) -> Result<HostSettings, Box<Failure>> {
    let path = layout.host_settings();
    let read = || -> io::Result<String> {
        use io::Read as _;
        let mut text = String::new();
        File::open(&path)?.take(LARGEST_SETTINGS).read_to_string(&mut text)?;
        Ok(text)
    };
    let text = read().map_err(|error| not_installed(app, &path, &error.to_string()))?;
    let settings: HostSettings =
        serde_json::from_str(&text).map_err(|error| not_installed(app, &path, &error.to_string()))?;
    if settings.version > HOST_SETTINGS_VERSION {
        let why =
            format!("it is of version {}, this program knows {HOST_SETTINGS_VERSION}", settings.version);
        return Err(not_installed(app, &path, &why));
    }
    Ok(settings)
}

fn not_installed(app: &App, path: &Path, why: &str) -> Box<Failure> {
    Failure::new(
        certificate::SETTINGS,
        &path.display().to_string(),
        format!("`{}`, which `host install` writes, cannot be used", path.display()),
    )
    .evidence(why)
    .hint(format!("install, as root: {} host install --config config.yaml", app.program))
}

/// One run at a time: an advisory lock, which a dead process cannot keep.
fn hold(state: &Path) -> Result<File, Box<Failure>> {
    let path = state.join("renewal.lock");
    let failed = |error: &io::Error| {
        Failure::of_file("take the lock", &path, error)
            .hint("run it as root, on a host that `host install` installed")
    };
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(|error| failed(&error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Failure::new(
            certificate::LOCKED,
            &path.display().to_string(),
            "another run of `host renew` is under way",
        )
        .hint("wait for it; the timer's: systemctl status sre-agent-renew.service")),
        Err(TryLockError::Error(error)) => Err(failed(&error)),
    }
}

/// The proxy watches its pair; where systemd runs, it is told as well. That it cannot be told changes nothing: what
/// is served is looked at afterwards.
fn reload(app: &App, layout: &Layout) {
    if layout.root() != Path::new("/") || !Path::new("/run/systemd/system").is_dir() {
        return;
    }
    let told = std::process::Command::new("systemctl")
        .args(["--no-block", "--quiet", "reload", "bedrock-nova-proxy.service"])
        .stdin(std::process::Stdio::null())
        .output();
    match told {
        Ok(output) if output.status.success() => {}
        _ => app.say("systemctl could not tell the proxy to reload; it looks for itself"),
    }
}

fn address(app: &App, name: &str) -> Result<Option<SocketAddr>, Box<Failure>> {
    let Some(text) = app.variable(name) else { return Ok(None) };
    text.parse()
        .map(Some)
        .map_err(|_| Failure::new(codes::USAGE, name, format!("`{text}` is not an address with a port")))
}

/// A number from 0 up to 1.
fn chance() -> f64 {
    const PARTS: u32 = 1 << 30;
    let part = u32::try_from(compose::chance(u64::from(PARTS))).unwrap_or_default();
    f64::from(part) / f64::from(PARTS)
}
