//! `x-ratelimit-*`, `retry-after`, `retry-after-ms` and `x-should-retry`, as OpenAI sends and its clients read them.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, header::RETRY_AFTER};

use super::{Meter, Standing};
use crate::ApiError;

const LIMIT_REQUESTS: HeaderName = HeaderName::from_static("x-ratelimit-limit-requests");
const REMAINING_REQUESTS: HeaderName = HeaderName::from_static("x-ratelimit-remaining-requests");
const RESET_REQUESTS: HeaderName = HeaderName::from_static("x-ratelimit-reset-requests");
const LIMIT_TOKENS: HeaderName = HeaderName::from_static("x-ratelimit-limit-tokens");
const REMAINING_TOKENS: HeaderName = HeaderName::from_static("x-ratelimit-remaining-tokens");
const RESET_TOKENS: HeaderName = HeaderName::from_static("x-ratelimit-reset-tokens");
const RETRY_AFTER_MS: HeaderName = HeaderName::from_static("retry-after-ms");
const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");

/// Adds `x-ratelimit-{limit,remaining,reset}-{requests,tokens}`.
pub fn put_standing(standing: &Standing, headers: &mut HeaderMap) {
    put_meter(&standing.requests, [LIMIT_REQUESTS, REMAINING_REQUESTS, RESET_REQUESTS], headers);
    put_meter(&standing.tokens, [LIMIT_TOKENS, REMAINING_TOKENS, RESET_TOKENS], headers);
}

fn put_meter(meter: &Meter, [limit, remaining, reset]: [HeaderName; 3], headers: &mut HeaderMap) {
    headers.insert(limit, HeaderValue::from(meter.limit));
    headers.insert(remaining, HeaderValue::from(meter.remaining));
    put_text(reset, duration_text(meter.reset), headers);
}

/// Adds `retry-after` (whole seconds, rounded up), `retry-after-ms` and `x-should-retry`, where the error has them.
pub fn put_retry(error: &ApiError, headers: &mut HeaderMap) {
    if let Some(wait) = error.retry_after {
        let ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        headers.insert(RETRY_AFTER, HeaderValue::from(ms.div_ceil(1_000)));
        headers.insert(RETRY_AFTER_MS, HeaderValue::from(ms));
    }
    if let Some(retry) = error.should_retry {
        headers.insert(SHOULD_RETRY, HeaderValue::from_static(if retry { "true" } else { "false" }));
    }
}

fn put_text(name: HeaderName, text: String, headers: &mut HeaderMap) {
    if let Ok(value) = HeaderValue::try_from(text) {
        headers.insert(name, value);
    }
}

/// A duration as OpenAI writes it: `0s`, `12ms`, `8.64s`, `6m0s`, `1h0m0s`. To the millisecond.
pub fn duration_text(duration: Duration) -> String {
    let ms = duration.subsec_millis();
    let s = duration.as_secs();
    if s == 0 && ms > 0 {
        return format!("{ms}ms");
    }
    let (h, min, s) = (s / 3_600, s / 60 % 60, s % 60);
    let seconds = if ms == 0 { format!("{s}s") } else { fraction(s, ms) };
    match (h, min) {
        (0, 0) => seconds,
        (0, min) => format!("{min}m{seconds}"),
        (h, min) => format!("{h}h{min}m{seconds}"),
    }
}

fn fraction(s: u64, ms: u32) -> String {
    let digits = format!("{s}.{ms:03}");
    format!("{}s", digits.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::*;
    use crate::ErrorType;

    #[test]
    fn durations_read_like_openai_s() {
        for (ms, text) in [
            (0, "0s"),
            (12, "12ms"),
            (1_000, "1s"),
            (8_640, "8.64s"),
            (10_005, "10.005s"),
            (60_000, "1m0s"),
            (86_400, "1m26.4s"),
            (360_000, "6m0s"),
            (3_600_000, "1h0m0s"),
            (3_661_001, "1h1m1.001s"),
        ] {
            assert_eq!(duration_text(Duration::from_millis(ms)), text);
        }
    }

    #[test]
    fn the_headers_tell_where_a_caller_stands() {
        let mut headers = HeaderMap::new();
        let meter = |limit, remaining, reset| Meter { limit, remaining, reset: Duration::from_millis(reset) };
        put_standing(
            &Standing { requests: meter(100, 99, 60_500), tokens: meter(10_000, 5_904, 3_600_000) },
            &mut headers,
        );
        let error = ApiError::new(StatusCode::TOO_MANY_REQUESTS, ErrorType::RateLimit, "")
            .retry_after(Duration::from_millis(1_001))
            .should_retry(false);
        put_retry(&error, &mut headers);
        let mut lines: Vec<String> =
            headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
        lines.sort();
        insta::assert_snapshot!(lines.join("\n"), @r"
        retry-after-ms: 1001
        retry-after: 2
        x-ratelimit-limit-requests: 100
        x-ratelimit-limit-tokens: 10000
        x-ratelimit-remaining-requests: 99
        x-ratelimit-remaining-tokens: 5904
        x-ratelimit-reset-requests: 1m0.5s
        x-ratelimit-reset-tokens: 1h0m0s
        x-should-retry: false
        ");
    }
}
