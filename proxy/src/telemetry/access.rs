//! One line of the log for each request, and one for each refused credential.

use std::{
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use jiff::Timestamp;

use super::{Observed, TraceContext};
use crate::auth::SecurityEvent;

/// Names of parameters that fit into a line.
const IGNORED: usize = 32;
/// Characters of such a name, or of an error.
const NAME_CHARS: usize = 64;
const ERROR_CHARS: usize = 2048;
/// Bytes of a body that fit into a line.
const PROMPT_BYTES: usize = 64 * 1024;

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

/// Writes the line. Target `access`, so that `telemetry.log.level: info,access=off` leaves these lines out.
pub(super) fn access(access: &Access<'_>) {
    if !tracing::enabled!(target: "access", tracing::Level::INFO) {
        return;
    }
    let Observed { endpoint, model, upstream, status, outcome, duration, first_byte, usage } =
        &access.observed;
    let ignored = (!access.ignored.is_empty()).then(|| {
        let names: Vec<&str> =
            access.ignored.iter().take(IGNORED).map(|name| cut(name, NAME_CHARS)).collect();
        names.join(",")
    });
    tracing::info!(
        target: "access",
        request_id = access.request_id,
        trace_id = format!("{:032x}", access.trace.trace_id),
        caller = (!access.caller.is_empty()).then_some(access.caller),
        client_id = access.client_id,
        source = access.source.map(|source| source.to_string()),
        endpoint,
        model,
        upstream,
        upstream_request_id = access.upstream_request_id,
        status,
        outcome = outcome.as_str(),
        error_code = access.error_code,
        error = access.error.map(|error| cut(error, ERROR_CHARS)),
        duration_ms = milliseconds(*duration),
        first_byte_ms = milliseconds(*first_byte),
        input_tokens = usage.input_tokens,
        output_tokens = usage.output_tokens,
        cache_read_tokens = usage.cache_read_tokens,
        cache_write_tokens = usage.cache_write_tokens,
        ignored,
        "request"
    );
}

/// A security event: target `security`, a message that log readers such as fail2ban can match
/// ([`crate::auth::FAIL2BAN_FAILREGEX`]), and the same again as members.
pub(super) fn security(event: &SecurityEvent, request_id: &str, source: Option<IpAddr>) {
    let source = source.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    tracing::warn!(
        target: "security",
        event = event.name,
        reason = event.reason,
        request_id,
        source = %source,
        "{}",
        event.line(source, request_id)
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
