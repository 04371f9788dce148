//! How it went: logs with redaction, metrics for Prometheus, OpenTelemetry and CloudWatch.
//!
//! [`Telemetry`] is all of it for the running proxy. A request only adds to numbers in memory and writes its line;
//! [`Telemetry::run`] is the one task that exports.

mod access;
mod emf;
mod log;
mod metrics;
mod otlp;
mod process;
mod redact;
mod security;
mod series;
mod throttle;
mod trace;

use std::{
    io,
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use model::security::{Event, Kind};
use tokio_util::sync::CancellationToken;
use tracing::Dispatch;

pub use access::Access;
pub use log::{LogError, Output};
pub use metrics::{CONTENT_TYPE, Metrics};
pub use otlp::{Export, ExportError};
pub use security::Teller;
pub use trace::TraceContext;

use crate::{
    Usage,
    auth::SecurityEvent,
    clock::Clock,
    config::{self, Config},
    ledger::{Counts, Outcome},
    tls::Shown,
};

/// What is observed of a request. Implementations only add to counters in memory; exporting happens elsewhere.
pub trait Observe: Send + Sync {
    /// A request was answered, or its stream ended.
    fn request(&self, observed: &Observed<'_>);

    /// A credential was refused, for this reason.
    fn denied(&self, reason: &'static str);

    /// A limit refused: `requests`, `tokens` or `concurrent_requests`.
    fn limited(&self, which: &'static str);

    /// An upstream was tried and refused with this `error.code`.
    fn upstream_refused(&self, upstream: &str, code: &str);

    /// A stream was opened (+1) or closed (-1).
    fn streams(&self, change: i64);

    /// Configuration or certificate was reloaded; `what` is `config` or `certificate`.
    fn reloaded(&self, what: &'static str, accepted: bool);
}

/// One request.
#[derive(Debug, Clone)]
pub struct Observed<'a> {
    /// `chat.completions`, `embeddings`, `models`, `other`.
    pub endpoint: &'static str,
    /// The configured name of the model; never text that a client made up.
    pub model: &'a str,
    /// The upstream that answered, if any did.
    pub upstream: &'a str,
    /// HTTP status.
    pub status: u16,
    /// How it ended.
    pub outcome: Outcome,
    /// From the request's headers to its end.
    pub duration: Duration,
    /// From the request's headers to the first byte of the answer.
    pub first_byte: Duration,
    /// What was used.
    pub usage: Usage,
}

/// Where a request came from that came over nothing.
const NOWHERE: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
/// How often the numbers and the waiting spans are exported.
const EXPORT_EVERY: Duration = Duration::from_secs(15);
/// How often lines for CloudWatch are written: its standard resolution.
const EMF_EVERY: Duration = Duration::from_mins(1);
/// How long the last export may take.
const LAST_EXPORT: Duration = Duration::from_secs(5);

/// Log, metrics and traces of a running proxy.
#[derive(Debug)]
pub struct Telemetry {
    metrics: Metrics,
    log: log::Log,
    emf: Option<emf::Emf>,
    otlp: Option<otlp::Otlp>,
    outlets: Option<security::Outlets>,
    handshakes: throttle::Throttle,
}

impl Telemetry {
    /// Sets up everything and takes over the log of the whole program. `started` is when the process began, `ledger`
    /// what the ledger counts.
    pub fn start(
        config: &config::Telemetry,
        output: Output,
        started: Timestamp,
        ledger: Arc<Counts>,
    ) -> Result<Self, LogError> {
        let (telemetry, log) = Self::new(config, output, started, ledger)?;
        tracing::dispatcher::set_global_default(log).map_err(|error| LogError(error.to_string()))?;
        Ok(telemetry)
    }

    /// The same without taking over the log: whoever calls decides what the returned dispatcher is for.
    pub fn new(
        config: &config::Telemetry,
        output: Output,
        started: Timestamp,
        ledger: Arc<Counts>,
    ) -> Result<(Self, Dispatch), LogError> {
        let (log, dispatch) = log::Log::new(config, output)?;
        let telemetry = Self {
            metrics: Metrics::new(started, ledger),
            log,
            emf: config.emf_namespace.clone().map(emf::Emf::new),
            otlp: config.otlp_endpoint.is_some().then(otlp::Otlp::default),
            outlets: None,
            handshakes: throttle::Throttle::default(),
        };
        Ok((telemetry, dispatch))
    }

    /// The same, telling of security events wherever the configuration says, and not only in the log.
    #[must_use]
    pub fn telling(mut self, config: &config::Security, teller: &Teller, clock: Arc<dyn Clock>) -> Self {
        self.outlets = Some(security::Outlets::open(config, teller, clock));
        self
    }

    /// Takes over a configuration, at the start and at each reload that was accepted: names become labels, level and
    /// `log.prompts` count from now on. Format, listener, OTLP and EMF stay until the next start.
    pub fn configured(&self, config: &Config, version: &str, now: Timestamp) -> Result<(), LogError> {
        self.log.reload(&config.telemetry)?;
        self.metrics.configured(config, version, now);
        Ok(())
    }

    /// A request has ended: counts it, writes its line and keeps its span. To be called once, in place of
    /// [`Observe::request`].
    pub fn finished(&self, access: &Access<'_>) {
        self.request(&access.observed);
        access::access(access, &self.log);
        if let Some(otlp) = &self.otlp
            && !otlp.span(access, &self.metrics.model_label(access.observed.model))
        {
            self.metrics.spans_dropped.inc();
        }
    }

    /// A credential was refused: counts it and tells of it.
    pub fn security(&self, event: &SecurityEvent, request_id: &str, source: Option<IpAddr>) {
        self.denied(event.reason);
        self.tell(&event.event(source.unwrap_or(NOWHERE), request_id));
    }

    /// A limit refused: counts it and tells of it.
    pub fn over_limit(&self, event: &SecurityEvent, request_id: &str, source: Option<IpAddr>) {
        self.limited(event.reason);
        self.tell(&event.event(source.unwrap_or(NOWHERE), request_id));
    }

    /// No TLS was settled with a client: counts it, and tells of the first of each minute, since whoever scans for open
    /// ports makes thousands.
    pub fn handshake_failed(&self, source: IpAddr, error: &io::Error, now: Timestamp) {
        self.metrics.handshakes_failed.inc();
        let reason = match error.kind() {
            io::ErrorKind::TimedOut => "timed_out",
            io::ErrorKind::InvalidData => "refused",
            // A port that is only looked at, as load balancers do.
            _ => return,
        };
        if self.handshakes.may_tell(now) {
            let event = Event::new(Kind::TlsHandshakeFail)
                .with("reason", reason)
                .with("peer", source.to_canonical())
                .with("problem", error);
            self.tell(&event);
        }
    }

    /// Tells of an event: in the log, and wherever else the configuration says.
    pub fn tell(&self, event: &Event) {
        security::tell(event, self.outlets.as_ref());
    }

    /// This certificate is shown from now on.
    pub fn certificate(&self, shown: Shown) {
        self.metrics.certificate(shown);
    }

    /// The text of a request or an answer, of which `what` says which; goes nowhere unless `log.prompts` is on.
    pub fn prompt(&self, request_id: &str, what: &'static str, body: &[u8]) {
        if self.log.prompts() {
            access::prompt(request_id, what, body);
        }
    }

    /// What the metrics' listener answers, of type [`CONTENT_TYPE`].
    pub fn exposition(&self) -> String {
        self.metrics.exposition()
    }

    /// Exports until `stop`, and then what is left. `export` is absent where there is no `otlp.endpoint`.
    pub async fn run(&self, export: Option<Arc<dyn Export>>, clock: Arc<dyn Clock>, stop: CancellationToken) {
        let mut emf = tokio::time::interval(EMF_EVERY);
        let mut otlp = tokio::time::interval(EXPORT_EVERY);
        // The first tick of an interval is now, when there is nothing yet.
        emf.tick().await;
        otlp.tick().await;
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                _ = emf.tick() => self.write_emf(clock.now()),
                _ = otlp.tick() => self.export(export.as_deref(), clock.now()).await,
                () = self.enough_spans() => self.export_spans(export.as_deref()).await,
            }
        }
        self.write_emf(clock.now());
        // What a collector does not take by then is lost with the process.
        let _ = tokio::time::timeout(LAST_EXPORT, self.export(export.as_deref(), clock.now())).await;
    }

    fn write_emf(&self, now: Timestamp) {
        for line in self.emf.iter().flat_map(|emf| emf.take(now)) {
            self.log.output.line(line.into_bytes());
        }
    }

    async fn enough_spans(&self) {
        match &self.otlp {
            Some(otlp) => otlp.enough().await,
            None => std::future::pending().await,
        }
    }

    async fn export_spans(&self, export: Option<&dyn Export>) {
        if let (Some(otlp), Some(export)) = (&self.otlp, export) {
            otlp.export_spans(export, &self.metrics).await;
        }
    }

    async fn export(&self, export: Option<&dyn Export>, now: Timestamp) {
        self.export_spans(export).await;
        if let (Some(otlp), Some(export)) = (&self.otlp, export) {
            otlp.export_metrics(export, &self.metrics, now).await;
        }
    }
}

impl Observe for Telemetry {
    fn request(&self, observed: &Observed<'_>) {
        self.metrics.request(observed);
        if let Some(emf) = &self.emf {
            emf.observe(self.metrics.model_label(observed.model), observed);
        }
    }

    fn denied(&self, reason: &'static str) {
        self.metrics.denied(reason);
    }

    fn limited(&self, which: &'static str) {
        self.metrics.limited(which);
    }

    fn upstream_refused(&self, upstream: &str, code: &str) {
        self.metrics.upstream_refused(upstream, code);
    }

    fn streams(&self, change: i64) {
        self.metrics.streams(change);
    }

    fn reloaded(&self, what: &'static str, accepted: bool) {
        self.metrics.reloaded(what, accepted);
    }
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
