//! Metrics and spans for an OpenTelemetry collector: OTLP 1.x over HTTP, as JSON.
//!
//! The payload is written here because the generated types come only together with gRPC's code generator and an SDK of
//! its own; what is sent is two small documents (<https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding>:
//! names in camelCase, ids in hex, 64-bit integers as strings, enums as numbers).

use std::{
    collections::VecDeque,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::{
    Access, Metrics, TraceContext,
    series::{BOUNDS_SECONDS, Durations},
};
use crate::{Usage, ledger::Outcome};

/// Spans that may wait: about a megabyte.
const QUEUE: usize = 4096;
/// Spans of one post.
const BATCH: usize = 512;
/// `SPAN_KIND_SERVER`
const SERVER: u8 = 2;
/// `STATUS_CODE_ERROR`
const ERROR: u8 = 2;
/// `AGGREGATION_TEMPORALITY_CUMULATIVE`
const CUMULATIVE: u8 = 2;

/// Posts a document to the collector. The adapter adds the configured headers and `content-type: application/json`.
#[async_trait]
pub trait Export: Send + Sync {
    /// Posts to `telemetry.otlp.endpoint` + `path`; anything but a 2xx within a few seconds is an error.
    async fn post(&self, path: &str, body: Bytes) -> Result<(), ExportError>;
}

/// Why a document was not taken. Lower-case fragment, for the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ExportError(pub String);

/// What waits to be exported.
#[derive(Debug, Default)]
pub(super) struct Otlp {
    spans: Mutex<VecDeque<Span>>,
    /// Enough for a post.
    enough: Notify,
    /// The last post failed; said once, not every time.
    failing: AtomicBool,
}

/// A request, without anything that its client wrote.
#[derive(Debug, Clone)]
struct Span {
    trace: TraceContext,
    started: Timestamp,
    duration: Duration,
    endpoint: &'static str,
    model: Box<str>,
    upstream: Box<str>,
    request_id: Box<str>,
    status: u16,
    outcome: Outcome,
    usage: Usage,
}

impl Otlp {
    /// Takes the span of a request; `false` where there was no room.
    pub(super) fn span(&self, access: &Access<'_>, model: &str) -> bool {
        if !access.trace.sampled {
            return true;
        }
        let mut spans = self.spans.lock().unwrap_or_else(PoisonError::into_inner);
        if spans.len() >= QUEUE {
            return false;
        }
        spans.push_back(Span {
            trace: access.trace,
            started: access.started,
            duration: access.observed.duration,
            endpoint: access.observed.endpoint,
            model: model.into(),
            upstream: access.observed.upstream.into(),
            request_id: access.request_id.into(),
            status: access.observed.status,
            outcome: access.observed.outcome,
            usage: access.observed.usage,
        });
        if spans.len() == BATCH {
            self.enough.notify_one();
        }
        true
    }

    /// Returns when there is enough for a post.
    pub(super) async fn enough(&self) {
        self.enough.notified().await;
    }

    /// Posts the spans that wait. Those of a post that fails are counted and gone.
    pub(super) async fn export_spans(&self, export: &dyn Export, metrics: &Metrics) {
        loop {
            let batch: Vec<Span> = {
                let mut spans = self.spans.lock().unwrap_or_else(PoisonError::into_inner);
                let count = spans.len().min(BATCH);
                spans.drain(..count).collect()
            };
            if batch.is_empty() {
                return;
            }
            let body = json!({"resourceSpans": [{
                "resource": resource(),
                "scopeSpans": [{"scope": scope(), "spans": batch.iter().map(span).collect::<Vec<_>>()}],
            }]});
            if !self.post(export, "/v1/traces", &body).await {
                metrics.spans_dropped.inc_by(u64::try_from(batch.len()).unwrap_or(u64::MAX));
                return;
            }
        }
    }

    /// Posts the numbers as they are now.
    pub(super) async fn export_metrics(&self, export: &dyn Export, metrics: &Metrics, now: Timestamp) {
        self.post(export, "/v1/metrics", &document(metrics, now)).await;
    }

    async fn post(&self, export: &dyn Export, path: &str, body: &Value) -> bool {
        let result = export.post(path, body.to_string().into()).await;
        match &result {
            Ok(()) => {
                if self.failing.swap(false, Ordering::Relaxed) {
                    tracing::info!("the OpenTelemetry collector takes what it is sent again");
                }
            }
            Err(error) => {
                if !self.failing.swap(true, Ordering::Relaxed) {
                    tracing::warn!(
                        code = "SRE-PROXY-045",
                        path,
                        %error,
                        "the OpenTelemetry collector does not take what it is sent"
                    );
                }
            }
        }
        result.is_ok()
    }
}

fn resource() -> Value {
    json!({"attributes": [
        text("service.name", "bedrock-nova-proxy"),
        text("service.version", env!("CARGO_PKG_VERSION")),
    ]})
}

fn scope() -> Value {
    json!({"name": "bedrock-nova-proxy", "version": env!("CARGO_PKG_VERSION")})
}

fn text(key: &str, value: &str) -> Value {
    json!({"key": key, "value": {"stringValue": value}})
}

fn number(key: &str, value: u64) -> Value {
    json!({"key": key, "value": {"intValue": value.to_string()}})
}

fn nanoseconds(at: Timestamp) -> String {
    at.as_nanosecond().max(0).to_string()
}

/// With the attributes of OpenTelemetry's conventions for HTTP and generative AI.
fn span(span: &Span) -> Value {
    let end = span.started.checked_add(span.duration).unwrap_or(span.started);
    let usage = span.usage;
    let mut attributes = vec![
        text("gen_ai.operation.name", span.endpoint),
        text("gen_ai.request.model", &span.model),
        number("gen_ai.usage.input_tokens", usage.prompt_tokens()),
        number("gen_ai.usage.output_tokens", usage.output_tokens),
        number("http.response.status_code", u64::from(span.status)),
        text("bedrock_nova_proxy.outcome", span.outcome.as_str()),
        text("bedrock_nova_proxy.request_id", &span.request_id),
    ];
    if !span.upstream.is_empty() {
        attributes.push(text("bedrock_nova_proxy.upstream", &span.upstream));
    }
    let mut document = json!({
        "traceId": format!("{:032x}", span.trace.trace_id),
        "spanId": format!("{:016x}", span.trace.span_id),
        "name": format!("{} {}", span.endpoint, span.model),
        "kind": SERVER,
        "startTimeUnixNano": nanoseconds(span.started),
        "endTimeUnixNano": nanoseconds(end),
        "attributes": attributes,
    });
    if let Some(members) = document.as_object_mut() {
        if let Some(parent) = span.trace.parent_id {
            members.insert("parentSpanId".to_owned(), format!("{parent:016x}").into());
        }
        if span.status >= 500 || span.outcome == Outcome::Failed {
            members.insert("status".to_owned(), json!({"code": ERROR}));
        }
    }
    document
}

fn document(metrics: &Metrics, now: Timestamp) -> Value {
    let (start, now) = (nanoseconds(metrics.started), nanoseconds(now));
    let point = |attributes: Vec<Value>, value: u64| {
        json!({
            "attributes": attributes,
            "startTimeUnixNano": start,
            "timeUnixNano": now,
            "asInt": value.to_string(),
        })
    };
    let spread = |attributes: Vec<Value>, durations: &Durations| {
        let spread = durations.spread();
        json!({
            "attributes": attributes,
            "startTimeUnixNano": start,
            "timeUnixNano": now,
            "count": spread.buckets.iter().sum::<u64>().to_string(),
            "sum": spread.sum,
            "bucketCounts": spread.buckets.iter().map(u64::to_string).collect::<Vec<_>>(),
            "explicitBounds": BOUNDS_SECONDS,
        })
    };
    let (mut requests, mut tokens) = (Vec::new(), Vec::new());
    metrics.requests.each(|labels, counter| {
        let attributes = vec![
            text("endpoint", labels.endpoint),
            text("model", &labels.model),
            text("upstream", &labels.upstream),
            number("status", u64::from(labels.status)),
            text("outcome", labels.outcome),
        ];
        requests.push(point(attributes, counter.get()));
    });
    metrics.tokens.each(|labels, counter| {
        tokens.push(point(vec![text("model", &labels.model), text("kind", labels.kind)], counter.get()));
    });
    let times = |series: &super::series::Series<super::metrics::TimeLabels, Durations>| {
        let mut points = Vec::new();
        series.each(|labels, durations| {
            let attributes = vec![text("endpoint", labels.endpoint), text("model", &labels.model)];
            points.push(spread(attributes, durations));
        });
        points
    };
    let sum = |name: &str, unit: &str, points: Vec<Value>| {
        let sum = json!({"dataPoints": points, "aggregationTemporality": CUMULATIVE, "isMonotonic": true});
        json!({"name": name, "unit": unit, "sum": sum})
    };
    let histogram = |name: &str, points: Vec<Value>| {
        let histogram = json!({"dataPoints": points, "aggregationTemporality": CUMULATIVE});
        json!({"name": name, "unit": "s", "histogram": histogram})
    };
    let metrics = [
        sum("bedrock_nova_proxy.requests", "{request}", requests),
        sum("bedrock_nova_proxy.tokens", "{token}", tokens),
        histogram("bedrock_nova_proxy.request.duration", times(&metrics.durations)),
        histogram("bedrock_nova_proxy.first_byte", times(&metrics.first_bytes)),
    ];
    json!({"resourceMetrics": [{
        "resource": resource(),
        "scopeMetrics": [{"scope": scope(), "metrics": metrics}],
    }]})
}

#[cfg(test)]
mod tests;
