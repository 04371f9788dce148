//! What a client hears when a limit refuses: OpenAI's 429, with the truth about how long to wait.

use std::time::Duration;

use http::StatusCode;

use super::{
    Refused,
    account::{Excess, Over},
    headers::duration_text,
};
use crate::{ApiError, ErrorType, config::Quota};

/// openai-python waits for as long as it is told up to this, and above it retries at once as if nothing had been said,
/// unless it is told not to.
const LONGEST_RETRY: Duration = Duration::from_mins(2);

/// OpenAI has no `error.type` for it.
const CONCURRENT: &str = "concurrent_requests";

/// How long until another request of the same caller may have ended.
const SOON: Duration = Duration::from_secs(1);

/// The refusal of a limit.
pub(super) fn over(over: Over, quota: Quota) -> Refused {
    Refused { error: error(over.excess, quota), standing: Some(over.standing) }
}

fn error(excess: Excess, quota: Quota) -> ApiError {
    let error = match excess {
        Excess::Concurrent => {
            let message = format!(
                "Rate limit reached: {} requests of yours are being answered at this moment, and no more are \
                 allowed at the same time. Please try again when one of them has ended.",
                quota.concurrent_requests
            );
            limited("requests", message, SOON, u64::from(quota.concurrent_requests))
        }
        Excess::Requests(wait) => {
            let limit = u64::from(quota.requests_per_minute);
            limited("requests", reached("requests per minute", limit, wait), wait, limit)
        }
        Excess::Tokens(wait) => {
            let limit = quota.tokens_per_hour;
            limited("tokens", reached("tokens per hour", limit, wait), wait, limit)
        }
    };
    if excess == Excess::Concurrent { error.log(CONCURRENT) } else { error }
}

/// Which limit refused, for metrics and the security log: `requests`, `tokens` or `concurrent_requests`. Nothing for an
/// error that comes from elsewhere, such as an upstream that throttles.
pub fn refused_by(error: &ApiError) -> Option<&'static str> {
    if error.log.as_deref() == Some(CONCURRENT) { Some(CONCURRENT) } else { error.type_name }
}

fn reached(what: &str, limit: u64, wait: Duration) -> String {
    if limit == 0 {
        return format!("Rate limit reached: you are allowed no {what}.");
    }
    let wait = duration_text(wait);
    format!("Rate limit reached for {what}: the limit is {limit}. Please try again in {wait}.")
}

fn limited(kind: &'static str, message: String, wait: Duration, limit: u64) -> ApiError {
    let mut error = ApiError::new(StatusCode::TOO_MANY_REQUESTS, ErrorType::RateLimit, message)
        .code("rate_limit_exceeded");
    error.type_name = Some(kind);
    if limit == 0 {
        return error.should_retry(false);
    }
    let error = error.retry_after(wait);
    if wait > LONGEST_RETRY { error.should_retry(false) } else { error }
}

/// 503: the store that counts cannot be reached.
pub(super) fn unavailable(log: String) -> Refused {
    Refused { error: out_of_reach(log), standing: None }
}

/// For readiness as well.
pub(super) fn out_of_reach(log: String) -> ApiError {
    ApiError::server(
        StatusCode::SERVICE_UNAVAILABLE,
        "limits_unavailable",
        "Your usage cannot be counted at the moment. Please try again in a few seconds.",
    )
    .retry_after(Duration::from_secs(2))
    .log(log)
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUOTA: Quota = Quota { requests_per_minute: 100, tokens_per_hour: 10_000, concurrent_requests: 20 };

    fn check(excess: Excess, quota: Quota, body: &str, wait: Option<Duration>, retry: Option<bool>) {
        let error = error(excess, quota);
        assert_eq!(refused_by(&error), error.type_name);
        assert_eq!(error.status, StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(String::from_utf8(error.body()).unwrap(), body);
        assert_eq!((error.retry_after, error.should_retry), (wait, retry));
    }

    #[test]
    fn a_short_wait_is_told_and_a_long_one_is_not_to_be_retried() {
        let wait = Duration::from_millis(12_500);
        check(
            Excess::Requests(wait),
            QUOTA,
            r#"{"error":{"message":"Rate limit reached for requests per minute: the limit is 100. Please try again in 12.5s.","type":"requests","param":null,"code":"rate_limit_exceeded"}}"#,
            Some(wait),
            None,
        );
        let wait = Duration::from_mins(6);
        check(
            Excess::Tokens(wait),
            QUOTA,
            r#"{"error":{"message":"Rate limit reached for tokens per hour: the limit is 10000. Please try again in 6m0s.","type":"tokens","param":null,"code":"rate_limit_exceeded"}}"#,
            Some(wait),
            Some(false),
        );
    }

    #[test]
    fn requests_at_the_same_time_are_a_limit_of_their_own() {
        let error = error(Excess::Concurrent, QUOTA);
        assert_eq!((error.type_name, refused_by(&error)), (Some("requests"), Some("concurrent_requests")));
        assert_eq!(error.retry_after, Some(SOON));
        assert_eq!(refused_by(&out_of_reach(String::new())), None);
    }

    #[test]
    fn who_is_allowed_nothing_is_not_told_to_wait() {
        let nothing = Quota { tokens_per_hour: 0, ..QUOTA };
        check(
            Excess::Tokens(Duration::ZERO),
            nothing,
            r#"{"error":{"message":"Rate limit reached: you are allowed no tokens per hour.","type":"tokens","param":null,"code":"rate_limit_exceeded"}}"#,
            None,
            Some(false),
        );
    }
}
