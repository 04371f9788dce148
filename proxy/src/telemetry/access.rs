//! One line of the log for each request.

use std::{fmt, net::IpAddr, time::Duration};

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use super::{Observed, TraceContext, log::Log};
use crate::config::LogFormat;

/// Names of parameters that fit into a line.
const IGNORED: usize = 32;
/// Characters of such a name, or of an error.
const NAME_CHARS: usize = 64;
const ERROR_CHARS: usize = 2048;
/// Bytes of a body that fit into a line.
const PROMPT_BYTES: usize = 64 * 1024;

/// Most lines fit into this.
const LINE_BYTES: usize = 768;

/// A request that has ended.
#[derive(Debug, Clone)]
pub struct Access<'a> {
    /// What is counted.
    pub observed: Observed<'a>,
    /// `x-request-id`.
    pub request_id: &'a str,
    /// [`crate::auth::Caller::id`]; empty where nobody was let in.
    pub caller: &'a str,
    /// `client_id` of the token.
    pub client_id: Option<&'a str>,
    /// The address that the connection came from.
    pub source: Option<IpAddr>,
    /// Its trace.
    pub trace: TraceContext,
    /// When its headers had arrived.
    pub started: Timestamp,
    /// What the upstream calls the request.
    pub upstream_request_id: Option<&'a str>,
    /// Parameters that had no effect.
    pub ignored: &'a [String],
    /// `error.code` of the answer.
    pub error_code: Option<&'a str>,
    /// [`crate::ApiError::log`].
    pub error: Option<&'a str>,
}

/// The line of a request, as JSON: the members that `tracing-subscriber` writes for such an event, in its order.
#[derive(Serialize)]
struct Line<'a> {
    timestamp: Microseconds,
    level: &'static str,
    message: &'static str,
    request_id: &'a str,
    trace_id: TraceId,
    #[serde(skip_serializing_if = "Option::is_none")]
    caller: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<IpAddr>,
    endpoint: &'static str,
    model: &'a str,
    upstream: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    upstream_request_id: Option<&'a str>,
    status: u16,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    duration_ms: f64,
    first_byte_ms: f64,
    input_tokens: u64,
    output_tokens: u64,
    cache_read_tokens: u64,
    cache_write_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    ignored: Option<String>,
    target: &'static str,
}

/// A time as `2026-01-31T12:00:00.123456Z`.
struct Microseconds(Timestamp);

impl Serialize for Microseconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:.6}", self.0))
    }
}

/// 32 digits, as in `traceparent`.
struct TraceId(u128);

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl Serialize for TraceId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'a> Line<'a> {
    fn of(access: &Access<'a>) -> Self {
        let Observed { endpoint, model, upstream, status, outcome, duration, first_byte, usage } =
            access.observed;
        let ignored = (!access.ignored.is_empty()).then(|| {
            let names: Vec<&str> =
                access.ignored.iter().take(IGNORED).map(|name| cut(name, NAME_CHARS)).collect();
            names.join(",")
        });
        Self {
            timestamp: Microseconds(access.started.saturating_add(duration).unwrap_or(access.started)),
            level: "INFO",
            message: "request",
            request_id: access.request_id,
            trace_id: TraceId(access.trace.trace_id),
            caller: (!access.caller.is_empty()).then_some(access.caller),
            client_id: access.client_id,
            source: access.source,
            endpoint,
            model,
            upstream,
            upstream_request_id: access.upstream_request_id,
            status,
            outcome: outcome.as_str(),
            error_code: access.error_code,
            error: access.error.map(|error| cut(error, ERROR_CHARS)),
            duration_ms: milliseconds(duration),
            first_byte_ms: milliseconds(first_byte),
            input_tokens: usage.input_tokens,
            output_tokens: usage.output_tokens,
            cache_read_tokens: usage.cache_read_tokens,
            cache_write_tokens: usage.cache_write_tokens,
            ignored,
            target: "access",
        }
    }
}

/// Writes the line. Target `access`, so that `telemetry.log.level: info,access=off` leaves these lines out.
///
/// As JSON it does not go through `tracing-subscriber`, whose layers take several times as long for an event with so
/// many members; level and masking are the same.
pub(super) fn access(access: &Access<'_>, log: &Log) {
    if !tracing::enabled!(target: "access", tracing::Level::INFO) {
        return;
    }
    let line = Line::of(access);
    match log.format {
        LogFormat::Json => {
            let mut text = Vec::with_capacity(LINE_BYTES);
            // Writing into memory cannot fail, and every key is a text.
            if serde_json::to_writer(&mut text, &line).is_ok() {
                log.output.line(text);
            }
        }
        LogFormat::Text => event(&line),
    }
}

/// The line as an event of the log.
fn event(line: &Line<'_>) {
    tracing::info!(
        target: "access",
        request_id = line.request_id,
        trace_id = %line.trace_id,
        caller = line.caller,
        client_id = line.client_id,
        source = line.source.map(tracing::field::display),
        endpoint = line.endpoint,
        model = line.model,
        upstream = line.upstream,
        upstream_request_id = line.upstream_request_id,
        status = line.status,
        outcome = line.outcome,
        error_code = line.error_code,
        error = line.error,
        duration_ms = line.duration_ms,
        first_byte_ms = line.first_byte_ms,
        input_tokens = line.input_tokens,
        output_tokens = line.output_tokens,
        cache_read_tokens = line.cache_read_tokens,
        cache_write_tokens = line.cache_write_tokens,
        ignored = line.ignored,
        "{}",
        line.message
    );
}

/// The text of a request or an answer. Only called where the configuration asks for it.
pub(super) fn prompt(request_id: &str, what: &'static str, body: &[u8]) {
    let text = String::from_utf8_lossy(body.get(..PROMPT_BYTES).unwrap_or(body));
    tracing::info!(target: "prompts", request_id, what, bytes = body.len(), text = text.as_ref(), "prompt");
}

/// To the microsecond, which is as exact as anybody reads it, and as short as it can be written.
#[expect(clippy::cast_precision_loss, reason = "a request of 285 years may be off by a microsecond")]
fn milliseconds(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1000.0
}

/// The first characters of a text.
fn cut(text: &str, chars: usize) -> &str {
    text.char_indices().nth(chars).map_or(text, |(end, _)| text.get(..end).unwrap_or(text))
}
