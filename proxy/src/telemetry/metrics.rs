//! The numbers of the proxy and their text for Prometheus, in the format `OpenMetrics`.
//!
//! Labels come from the configuration or from closed lists: no client can add a series. A request touches handles that
//! exist already.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use arc_swap::ArcSwap;
use jiff::Timestamp;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric as _, text},
    metrics::{
        counter::{ConstCounter, Counter},
        gauge::{ConstGauge, Gauge},
        info::Info,
    },
    registry::{Registry, Unit},
};

use super::{
    Observe, Observed,
    process::Process,
    series::{Durations, Series},
};
use crate::{config::Config, ledger::Counts, tls::Shown};

/// What the metrics' listener answers with.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

const PREFIX: &str = "bedrock_nova_proxy";
/// The label of a model or upstream that the configuration does not name, and of a code that no list has.
const OTHER: &str = "other";
/// The label where no upstream was asked.
const NONE: &str = "none";
const ENDPOINTS: [&str; 4] = ["chat.completions", "embeddings", "models", OTHER];
/// `error.code` of refusals by upstreams.
const CODES: [&str; 17] = [
    "circuit_open",
    "content_filter",
    "context_length_exceeded",
    "insufficient_quota",
    "invalid_request",
    "malformed_model_output",
    "model_access_denied",
    "model_error",
    "model_not_found",
    "model_not_ready",
    "overloaded",
    "rate_limit_exceeded",
    "stream_error",
    "timeout",
    "upstream_auth_error",
    "upstream_error",
    "upstream_unreachable",
];
const KINDS: [&str; 4] = ["input", "output", "cache_read", "cache_write"];

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, EncodeLabelSet)]
pub(super) struct RequestLabels {
    pub(super) endpoint: &'static str,
    pub(super) model: Arc<str>,
    pub(super) upstream: Arc<str>,
    pub(super) status: u16,
    pub(super) outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, EncodeLabelSet)]
pub(super) struct TimeLabels {
    pub(super) endpoint: &'static str,
    pub(super) model: Arc<str>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, EncodeLabelSet)]
pub(super) struct TokenLabels {
    pub(super) model: Arc<str>,
    pub(super) kind: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, EncodeLabelSet)]
struct ReasonLabels {
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, EncodeLabelSet)]
struct WhichLabels {
    which: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, EncodeLabelSet)]
struct RefusalLabels {
    upstream: Arc<str>,
    code: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, EncodeLabelSet)]
struct ReloadLabels {
    what: &'static str,
    accepted: bool,
}

/// Everything that is counted.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    names: ArcSwap<Names>,
    pub(super) started: Timestamp,
    pub(super) requests: Series<RequestLabels, Counter>,
    pub(super) durations: Series<TimeLabels, Durations>,
    pub(super) first_bytes: Series<TimeLabels, Durations>,
    pub(super) tokens: Series<TokenLabels, Counter>,
    denied: Series<ReasonLabels, Counter>,
    limited: Series<WhichLabels, Counter>,
    refusals: Series<RefusalLabels, Counter>,
    reloads: Series<ReloadLabels, Counter>,
    pub(super) streams: Gauge,
    pub(super) spans_dropped: Counter,
    pub(super) handshakes_failed: Counter,
    shown: Arc<Mutex<Option<Shown>>>,
    loaded: Arc<Mutex<Option<Loaded>>>,
}

/// The names of the configuration with the handles of their series.
#[derive(Debug)]
struct Names {
    models: HashMap<Arc<str>, Handles>,
    other_model: Handles,
    upstreams: HashSet<Arc<str>>,
    other_upstream: Arc<str>,
    no_upstream: Arc<str>,
}

#[derive(Debug)]
struct Handles {
    model: Arc<str>,
    /// In the order of [`ENDPOINTS`]; a histogram is many lines, so there is none before its first request.
    times: [OnceLock<(Durations, Durations)>; ENDPOINTS.len()],
    /// In the order of [`KINDS`].
    tokens: [Counter; KINDS.len()],
}

/// The configuration in force.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Loaded {
    version: String,
    at: Timestamp,
}

impl Metrics {
    /// Nothing counted yet. `started` is when the process began; `ledger` is what became of usage entries.
    pub fn new(started: Timestamp, ledger: Arc<Counts>) -> Self {
        let mut metrics = Self {
            registry: Registry::default(),
            names: ArcSwap::from_pointee(Names::none()),
            started,
            requests: Series::default(),
            durations: Series::default(),
            first_bytes: Series::default(),
            tokens: Series::default(),
            denied: Series::default(),
            limited: Series::default(),
            refusals: Series::default(),
            reloads: Series::default(),
            streams: Gauge::default(),
            spans_dropped: Counter::default(),
            handshakes_failed: Counter::default(),
            shown: Arc::default(),
            loaded: Arc::default(),
        };
        metrics.register(ledger);
        metrics
    }

    fn register(&mut self, ledger: Arc<Counts>) {
        self.registry.register_collector(Box::new(Process { started: self.started }));
        let ours = self.registry.sub_registry_with_prefix(PREFIX);
        ours.register("requests", "Requests that were answered", self.requests.clone());
        ours.register_with_unit(
            "request_duration",
            "From the headers of a request to its end",
            Unit::Seconds,
            self.durations.clone(),
        );
        ours.register_with_unit(
            "first_byte",
            "From the headers of a request to the first byte of its answer",
            Unit::Seconds,
            self.first_bytes.clone(),
        );
        ours.register("tokens", "Tokens used", self.tokens.clone());
        ours.register("denied", "Credentials that were refused", self.denied.clone());
        ours.register("limited", "Requests that a limit refused", self.limited.clone());
        ours.register(
            "upstream_refusals",
            "Calls that an upstream refused, retries and fallbacks included",
            self.refusals.clone(),
        );
        ours.register("reloads", "Reloads of configuration and certificate", self.reloads.clone());
        ours.register("streams", "Streams that are open", self.streams.clone());
        ours.register("spans_dropped", "Spans that could not be exported", self.spans_dropped.clone());
        ours.register(
            "tls_handshakes_failed",
            "Connections that ended before TLS was settled",
            self.handshakes_failed.clone(),
        );
        let version = env!("CARGO_PKG_VERSION");
        ours.register("build", "The program", Info::new(vec![("version", version)]));
        ours.register_collector(Box::new(State {
            ledger,
            loaded: Arc::clone(&self.loaded),
            shown: Arc::clone(&self.shown),
        }));
    }

    /// The configuration that is in force from now on: its models and upstreams become labels. `version` is what the
    /// reload calls it, such as the first digits of its digest.
    pub fn configured(&self, config: &Config, version: &str, now: Timestamp) {
        let handles = |model: &str| Handles::of(self, Arc::from(model));
        let names = Names {
            models: config.models.keys().map(|model| handles(model)).map(|h| (h.model.clone(), h)).collect(),
            other_model: handles(OTHER),
            upstreams: config.upstreams.keys().map(|name| Arc::from(name.as_str())).collect(),
            ..Names::none()
        };
        self.names.store(Arc::new(names));
        *self.loaded.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(Loaded { version: version.to_owned(), at: now });
    }

    /// The certificate that is shown from now on.
    pub fn certificate(&self, shown: Shown) {
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = Some(shown);
    }

    /// The label that stands for the model.
    pub(super) fn model_label(&self, model: &str) -> Arc<str> {
        self.names.load().model(model).model.clone()
    }

    /// The exposition, for a scraper that understands [`CONTENT_TYPE`], as Prometheus does.
    pub fn exposition(&self) -> String {
        let mut text = String::with_capacity(8 * 1024);
        // Writing into memory cannot fail; a scraper refuses a text without its end.
        if text::encode(&mut text, &self.registry).is_err() {
            text.clear();
        }
        text
    }
}

impl Names {
    fn none() -> Self {
        Self {
            models: HashMap::new(),
            other_model: Handles::detached(Arc::from(OTHER)),
            upstreams: HashSet::new(),
            other_upstream: Arc::from(OTHER),
            no_upstream: Arc::from(NONE),
        }
    }

    fn model(&self, name: &str) -> &Handles {
        self.models.get(name).unwrap_or(&self.other_model)
    }

    fn upstream(&self, name: &str) -> Arc<str> {
        match self.upstreams.get(name) {
            Some(name) => Arc::clone(name),
            None if name.is_empty() => Arc::clone(&self.no_upstream),
            None => Arc::clone(&self.other_upstream),
        }
    }
}

impl Handles {
    fn of(metrics: &Metrics, model: Arc<str>) -> Self {
        let tokens = KINDS.map(|kind| metrics.tokens.get(&TokenLabels { model: Arc::clone(&model), kind }));
        Self { model, times: Default::default(), tokens }
    }

    /// Handles of no series, until there is a configuration.
    fn detached(model: Arc<str>) -> Self {
        Self { model, times: Default::default(), tokens: Default::default() }
    }
}

impl Observe for Metrics {
    fn request(&self, observed: &Observed<'_>) {
        let names = self.names.load();
        let handles = names.model(observed.model);
        let (index, endpoint) = ENDPOINTS
            .into_iter()
            .enumerate()
            .find(|(_, endpoint)| *endpoint == observed.endpoint)
            .unwrap_or((ENDPOINTS.len().saturating_sub(1), OTHER));
        self.requests
            .get(&RequestLabels {
                endpoint,
                model: Arc::clone(&handles.model),
                upstream: names.upstream(observed.upstream),
                status: observed.status,
                outcome: observed.outcome.as_str(),
            })
            .inc();
        if let Some(times) = handles.times.get(index) {
            let (duration, first_byte) = times.get_or_init(|| {
                let labels = TimeLabels { endpoint, model: Arc::clone(&handles.model) };
                (self.durations.get(&labels), self.first_bytes.get(&labels))
            });
            duration.observe(observed.duration);
            first_byte.observe(observed.first_byte);
        }
        let usage = observed.usage;
        let counts =
            [usage.input_tokens, usage.output_tokens, usage.cache_read_tokens, usage.cache_write_tokens];
        for (counter, tokens) in handles.tokens.iter().zip(counts) {
            counter.inc_by(tokens);
        }
    }

    fn denied(&self, reason: &'static str) {
        self.denied.get(&ReasonLabels { reason }).inc();
    }

    fn limited(&self, which: &'static str) {
        self.limited.get(&WhichLabels { which }).inc();
    }

    fn upstream_refused(&self, upstream: &str, code: &str) {
        let known = CODES.into_iter().find(|known| *known == code);
        let upstream = self.names.load().upstream(upstream);
        self.refusals.get(&RefusalLabels { upstream, code: known.unwrap_or(OTHER) }).inc();
    }

    fn streams(&self, change: i64) {
        self.streams.inc_by(change);
    }

    fn reloaded(&self, what: &'static str, accepted: bool) {
        self.reloads.get(&ReloadLabels { what, accepted }).inc();
    }
}

/// What others know and a scrape asks for.
#[derive(Debug)]
struct State {
    ledger: Arc<Counts>,
    loaded: Arc<Mutex<Option<Loaded>>>,
    shown: Arc<Mutex<Option<Shown>>>,
}

impl Collector for State {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> std::fmt::Result {
        for (name, help, value) in [
            ("ledger_stored", "Usage entries in the ledger.", self.ledger.stored()),
            ("ledger_unstored", "Usage entries that went to the log instead.", self.ledger.unstored()),
            ("ledger_unpriced", "Usage entries whose price is not known.", self.ledger.unpriced()),
        ] {
            let metric = ConstCounter::new(value);
            metric.encode(encoder.encode_descriptor(name, help, None, metric.metric_type())?)?;
        }
        let loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(Loaded { version, at }) = loaded {
            let info = Info::new(vec![("version", version)]);
            let help = "The configuration in force.";
            info.encode(encoder.encode_descriptor("config", help, None, info.metric_type())?)?;
            let metric = ConstGauge::new(at.as_duration().as_secs_f64());
            let help = "When it was loaded, Unix time.";
            metric.encode(encoder.encode_descriptor(
                "config_loaded",
                help,
                Some(&Unit::Seconds),
                metric.metric_type(),
            )?)?;
        }
        let shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(Shown { serial, not_after, .. }) = shown {
            let info = Info::new(vec![("serial", serial)]);
            let help = "The certificate that new connections are shown.";
            info.encode(encoder.encode_descriptor("certificate", help, None, info.metric_type())?)?;
            let metric = ConstGauge::new(not_after.as_duration().as_secs_f64());
            let help = "When it ends, Unix time.";
            metric.encode(encoder.encode_descriptor(
                "certificate_not_after",
                help,
                Some(&Unit::Seconds),
                metric.metric_type(),
            )?)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
