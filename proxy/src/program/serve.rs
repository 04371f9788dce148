//! `serve`: builds the running proxy from its configuration, and takes it down again.

use std::{
    os::unix::fs::PermissionsExt as _,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use jiff::Timestamp;
use listenfd::ListenFd;
use model::{
    document::Problem,
    security::{Event, Kind},
};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{Exit, World, collector::Collector, metrics};
use crate::{
    auth::Authenticator,
    clock::{Clock, SystemClock},
    config::{self, LimitStore, Loaded, codes},
    ledger::{Books, Counts, Prices},
    limits::{DynamoLimiter, Limiter, MemoryLimiter, Quotas},
    serve::{
        Ending, Ids, Limits, ListenError, Listener, Notifier, Origin, Parts, Reloaded, Reloader, Service,
        Serving, Shared, Signal, Signals, serve,
    },
    telemetry::{Export, Observe as _, Output, Telemetry, Teller},
    tls,
    upstream::{Environment, HttpClient, NoRoots, UpstreamSet},
};

/// How long the ledger may take to store what waits.
const LAST_ENTRIES: Duration = Duration::from_secs(10);

/// Serves until a signal ends it.
pub(super) fn run(path: &Path, mut world: World<'_>) -> Exit {
    let Some((origin, loaded)) = world.load(path) else { return Exit::Usage };
    let runtime = match runtime() {
        Ok(runtime) => runtime,
        Err(error) => {
            world.say(&format!("the runtime cannot be started: {error}"));
            return Exit::Failed;
        }
    };
    let exit = runtime.block_on(start(origin, loaded, &mut world));
    // What still runs has had its time; a name that is being looked up would hold the end for seconds.
    runtime.shutdown_background();
    exit
}

/// One thread for each core that this process may use. With one core, tasks need not be handed between threads.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    if cores == 1 {
        tokio::runtime::Builder::new_current_thread().enable_all().build()
    } else {
        tokio::runtime::Builder::new_multi_thread().worker_threads(cores).enable_all().build()
    }
}

/// What keeps a proxy from starting.
enum Stop {
    /// Said already, or to be said in one line.
    Failed(String),
    /// The configuration.
    Problems(Vec<Problem>),
    /// Something with a code.
    Finding(Box<model::Finding>),
}

async fn start(origin: Origin, loaded: Loaded, world: &mut World<'_>) -> Exit {
    let path = origin.path.clone();
    match serve_until_the_end(origin, loaded, world).await {
        Ok(()) => Exit::Done,
        Err(Stop::Failed(text)) => {
            world.say(&text);
            Exit::Failed
        }
        Err(Stop::Problems(problems)) => {
            let text = config::read_file(&path).ok();
            world.show(&problems, &path, text.as_deref());
            Exit::Usage
        }
        Err(Stop::Finding(finding)) => {
            world.find(&finding);
            Exit::Failed
        }
    }
}

/// The parts that are made once.
struct Running {
    shared: Arc<Shared>,
    books: Arc<Books>,
    reloader: Reloader<Parts>,
    telemetry: Arc<Telemetry>,
    export: Option<Arc<dyn Export>>,
    notifier: Notifier,
}

async fn serve_until_the_end(origin: Origin, loaded: Loaded, world: &mut World<'_>) -> Result<(), Stop> {
    let sockets = std::mem::replace(&mut world.sockets, ListenFd::empty());
    let running = build(origin, loaded, world)?;
    let snapshot = running.reloader.current();
    let config = snapshot.load_full();
    let config = &config.config;
    let listener = Listener::open(&config.listen, config.tls.is_some(), sockets)
        .map_err(|error| Stop::Finding(Box::new(error.finding())))?;
    let metrics =
        match config.telemetry.metrics_address {
            Some(address) => Some(metrics::bind(address).await.map_err(|source| {
                Stop::Finding(Box::new(ListenError::Bind { address, source }.finding()))
            })?),
            None => None,
        };
    let addresses = listener.addresses();
    snapshot.load().parts.authenticator.warm(running.shared.clock.now());
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        ?addresses,
        encrypted = config.tls.is_some(),
        "serving"
    );
    let started = Event::new(Kind::SysStartup).with("version", env!("CARGO_PKG_VERSION"));
    running.telemetry.tell(&started.with_some("address", addresses.first()));
    running.notifier.ready("serving configuration 1");

    let ending = running.shared.ending.clone();
    // Exporters and the metrics' listener go on while streams drain.
    let last = CancellationToken::new();
    let hangup = Notify::new();
    let signals = Signals::new().map_err(|error| Stop::Failed(format!("no signals: {error}")))?;
    let service = Service::new(running.shared.clone(), snapshot);
    let limits = Limits::from(config);
    let serving = async {
        let served =
            serve(listener, running.reloader.tls(), limits, service, &ending, &running.notifier).await;
        tracing::info!(cut = served.cut, "drained");
        running.books.close(LAST_ENTRIES).await;
        running.shared.limiter.close().await;
        last.cancel();
    };
    let clock = Arc::clone(&running.shared.clock);
    tokio::join!(
        serving,
        obey(signals, &ending, &hangup, &running, &last),
        running.reloader.run(&hangup, &running.notifier, &last),
        running.telemetry.run(running.export.clone(), clock, last.clone()),
        async {
            if let Some(listener) = metrics {
                metrics::serve(listener, Arc::clone(&running.telemetry), &last).await;
            }
        },
    );
    Ok(())
}

/// Does what signals ask for, until everything has ended.
async fn obey(
    mut signals: Signals,
    ending: &Ending,
    hangup: &Notify,
    running: &Running,
    last: &CancellationToken,
) {
    loop {
        let signal = tokio::select! {
            () = last.cancelled() => return,
            signal = signals.next() => signal,
        };
        match signal {
            Signal::Reload => hangup.notify_one(),
            Signal::Drain => {
                tracing::info!("draining");
                running.telemetry.tell(&Event::new(Kind::SysShutdown));
                running.notifier.stopping("waiting for open answers");
            }
            Signal::Cut => tracing::warn!("cutting open answers"),
        }
        ending.obey(signal);
    }
}

fn build(origin: Origin, loaded: Loaded, world: &World<'_>) -> Result<Running, Stop> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let started = clock.now();
    let config = &loaded.config;
    let environment = Environment::from_lookup(|name| world.variable(name))
        .map_err(|error| Stop::Failed(error.to_string()))?;
    let counts: Arc<Counts> = Arc::default();
    let telemetry = Telemetry::start(&config.telemetry, Output::Stderr, started, Arc::clone(&counts))
        .map_err(|error| Stop::Finding(Box::new(error.finding())))?;
    let teller = Teller { journal_stream: world.variable("JOURNAL_STREAM"), process_id: world.process_id };
    let telemetry = Arc::new(telemetry.telling(&config.telemetry.security, &teller, Arc::clone(&clock)));
    for problem in &loaded.warnings {
        tracing::warn!(problem = %problem, "configuration");
    }
    for finding in UpstreamSet::findings(config, &environment) {
        tracing::warn!(
            code = finding.code,
            subject = finding.subject,
            hint = finding.hint,
            "{}",
            finding.message
        );
    }
    let http = HttpClient::new(config.timeouts.connect)
        .map_err(|error| Stop::Failed(format!("{}: {error}", NoRoots::CODE)))?;
    let export = config.telemetry.otlp_endpoint.clone().map(|endpoint| {
        let headers = config.telemetry.otlp_headers.clone();
        Arc::new(Collector::new(http.clone(), endpoint, headers)) as Arc<dyn Export>
    });
    // First of all: what `check-config` refuses is refused in the same words, before anything is opened.
    let seeds = UpstreamSet::new(config, environment, http.clone(), Arc::clone(&clock));
    let fetch: Arc<HttpClient> = Arc::new(http);
    let reloader =
        Reloader::start(origin, loaded, Arc::clone(&clock), move |config, old: Option<&Serving>| {
            Ok(match old {
                None => Parts {
                    authenticator: Authenticator::new(&config.auth, fetch.clone()),
                    quotas: Quotas::new(&config.limits, &config.auth),
                    upstreams: seeds.rebuilt(config),
                },
                Some(old) => Parts {
                    authenticator: old.parts.authenticator.renewed(&config.auth),
                    quotas: Quotas::new(&config.limits, &config.auth),
                    upstreams: old.parts.upstreams.rebuilt(config),
                },
            })
        })
        .map_err(Stop::Problems)?;
    let serving = reloader.current().load_full();
    let (config, upstreams) = (&serving.config, &serving.parts.upstreams);
    let books = Books::open(&config.ledger, |table| upstreams.table(table), counts)
        .map_err(|error| Stop::Finding(Box::new(error.finding())))?;
    let books = Arc::new(books);
    let limiter: Arc<dyn Limiter> = match &config.limits.store {
        LimitStore::Memory => Arc::new(MemoryLimiter::new()),
        LimitStore::DynamoDb(table) => Arc::new(DynamoLimiter::new(upstreams.table(table), &table.name)),
    };
    configured(&telemetry, &serving, clock.now());
    if let Some(server) = reloader.tls() {
        shown(&telemetry, &server, &serving.config);
        let (telemetry, clock) = (Arc::clone(&telemetry), Arc::clone(&clock));
        server.telling(move |address, error| telemetry.handshake_failed(address.ip(), error, clock.now()));
    }
    let reloader = telling(reloader, Arc::clone(&telemetry), Arc::clone(&books), Arc::clone(&clock));
    let notifier = Notifier::from_environment(&world.environment, world.process_id);
    let shared = Arc::new(Shared {
        ids: Ids::new(seed(started)),
        random: Mutex::new(fastrand::Rng::new()),
        clock,
        limiter,
        ledger: books.clone(),
        telemetry: Arc::clone(&telemetry),
        ending: Ending::default(),
    });
    Ok(Running { shared, books, reloader, telemetry, export, notifier })
}

/// Passes on what a reload has changed to the parts that outlive it.
fn telling(
    reloader: Reloader<Parts>,
    telemetry: Arc<Telemetry>,
    books: Arc<Books>,
    clock: Arc<dyn Clock>,
) -> Reloader<Parts> {
    let (server, current) = (reloader.tls(), reloader.current());
    reloader.telling(move |reloaded| match reloaded {
        Reloaded::Configuration(snapshot) => {
            telemetry.reloaded("config", true);
            configured(&telemetry, snapshot, clock.now());
            telemetry.tell(&Event::new(Kind::SysReload).with("version", snapshot.version));
            // The list was read once already, to be checked.
            if let Ok(prices) = Prices::load(snapshot.config.ledger.prices_path.as_deref()) {
                books.set_prices(prices);
            }
            // It may name another certificate.
            if let Some(server) = &server {
                shown(&telemetry, server, &snapshot.config);
            }
        }
        Reloaded::ConfigurationRefused => {
            telemetry.reloaded("config", false);
            telemetry.tell(&Event::new(Kind::SysReloadRejected).with("code", codes::RELOAD_REFUSED));
        }
        Reloaded::Certificate => {
            telemetry.reloaded("certificate", true);
            let Some(server) = &server else { return };
            let event = Event::new(Kind::CertRenewed);
            telemetry.tell(&match shown(&telemetry, server, &current.load().config) {
                Some(shown) => event
                    .with("serial", shown.serial)
                    .with("not_after", shown.not_after)
                    .with("names", shown.names.join(",")),
                None => event,
            });
        }
        Reloaded::CertificateRefused(error) => {
            telemetry.reloaded("certificate", false);
            let event = Event::new(Kind::CertReloadRejected)
                .with("code", codes::PAIR_REFUSED)
                .with("cause", error.code())
                .with("problem", error.with_cause());
            telemetry.tell(&event);
        }
        Reloaded::CertificateEnding(shown, ending) => telemetry.tell(&ends(shown, ending)),
    })
}

/// The event of a certificate that should have been renewed. Its codes are those of `check certs`.
fn ends(shown: &tls::Shown, ending: tls::Ending) -> Event {
    let (kind, code) = match ending {
        tls::Ending::Soon => (Kind::CertExpiring, "SRE-TLS-002"),
        tls::Ending::Past => (Kind::CertExpired, "SRE-TLS-001"),
    };
    Event::new(kind)
        .with("code", code)
        .with("serial", &shown.serial)
        .with("not_after", shown.not_after)
        .with("names", shown.names.join(","))
}

/// Notes which certificate is shown, and tells of a key that too many may read.
fn shown(telemetry: &Telemetry, server: &tls::Server, config: &config::Config) -> Option<tls::Shown> {
    if let Some(settings) = &config.tls
        && let Ok(metadata) = std::fs::metadata(&settings.key_path)
        && tls::is_weak(metadata.permissions().mode())
    {
        let mode = format!("{:04o}", metadata.permissions().mode() & 0o7777);
        let path = settings.key_path.display();
        telemetry.tell(&Event::new(Kind::KeyPermissionWeak).with("path", path).with("mode", mode));
    }
    let shown = tls::Shown::of(&server.pair())?;
    telemetry.certificate(shown.clone());
    Some(shown)
}

fn configured(telemetry: &Telemetry, snapshot: &Serving, now: Timestamp) {
    let version = snapshot.version.to_string();
    if let Err(error) = telemetry.configured(&snapshot.config, &version, now) {
        let finding = error.finding();
        tracing::error!(
            code = finding.code,
            subject = finding.subject,
            hint = finding.hint,
            "{}",
            finding.message
        );
    }
}

/// Ids of two runs must differ.
fn seed(started: Timestamp) -> u64 {
    fastrand::u64(..) ^ started.as_microsecond().unsigned_abs()
}
