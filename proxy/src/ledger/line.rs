//! An entry as one line of JSON: what goes to the log where the store refuses.

use serde::Serialize;

use super::Priced;

#[derive(Serialize)]
struct Line<'a> {
    at: jiff::Timestamp,
    request_id: &'a str,
    caller: &'a str,
    client_id: Option<&'a str>,
    model: &'a str,
    upstream_model: &'a str,
    upstream: &'a str,
    input_tokens: u64,
    output_tokens: u64,
    cache_read_tokens: u64,
    cache_write_tokens: u64,
    estimated: bool,
    outcome: &'static str,
    duration_ms: u64,
    price_nano_usd: Option<u64>,
}

/// Everything about the entry, under the names of the columns of the database.
pub(super) fn line(priced: &Priced) -> String {
    let entry = &priced.entry;
    let line = Line {
        at: entry.at,
        request_id: &entry.request_id,
        caller: &entry.caller,
        client_id: entry.client_id.as_deref(),
        model: &entry.model,
        upstream_model: &entry.upstream_model,
        upstream: &entry.upstream,
        input_tokens: entry.usage.input_tokens,
        output_tokens: entry.usage.output_tokens,
        cache_read_tokens: entry.usage.cache_read_tokens,
        cache_write_tokens: entry.usage.cache_write_tokens,
        estimated: entry.estimated,
        outcome: entry.outcome.as_str(),
        duration_ms: entry.duration_ms,
        price_nano_usd: priced.nano_usd,
    };
    // Serialising text and numbers into memory cannot fail; the request's id would still lead to its access line.
    serde_json::to_string(&line).unwrap_or_else(|_| entry.request_id.clone())
}
