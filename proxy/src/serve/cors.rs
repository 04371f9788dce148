//! Cross-origin requests of browsers (the Fetch standard's CORS protocol).

use http::{HeaderMap, HeaderValue, header};

use crate::config::Cors;

/// Headers of an answer that scripts may read.
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "x-request-id, x-ignored-params, retry-after, retry-after-ms, x-should-retry, x-ratelimit-limit-requests, \
     x-ratelimit-remaining-requests, x-ratelimit-reset-requests, x-ratelimit-limit-tokens, \
     x-ratelimit-remaining-tokens, x-ratelimit-reset-tokens",
);
/// How long a browser may remember the answer to a preflight, seconds.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");

/// The origin to allow: the client's own, if it is on the list.
fn allowed<'a>(cors: &Cors, origin: Option<&'a HeaderValue>) -> Option<&'a HeaderValue> {
    let origin = origin?;
    cors.allowed_origins
        .iter()
        .any(|allowed| allowed == "*" || allowed.as_bytes() == origin.as_bytes())
        .then_some(origin)
}

/// Adds what a browser needs to hand an answer to a script. Tokens come in `authorization`, never in cookies, so
/// credentials are not allowed.
pub(super) fn decorate(cors: &Cors, origin: Option<&HeaderValue>, headers: &mut HeaderMap) {
    if cors.allowed_origins.is_empty() {
        return;
    }
    // The answer differs by origin even where none is allowed; caches must know.
    headers.append(header::VARY, HeaderValue::from_static("origin"));
    if let Some(origin) = allowed(cors, origin) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }
}

/// Adds what a preflight asks for: methods of the path, and the headers it names.
pub(super) fn preflight(cors: &Cors, request: &HeaderMap, methods: &'static str, headers: &mut HeaderMap) {
    headers.insert(header::ALLOW, HeaderValue::from_static(methods));
    if allowed(cors, request.get(header::ORIGIN)).is_none() {
        return;
    }
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(methods));
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
    if let Some(asked) = request.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        // OpenAI's clients send a dozen `x-stainless-*` headers that nobody could list in advance.
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decorated(origins: &[&str], origin: &'static str) -> HeaderMap {
        let cors = Cors { allowed_origins: origins.iter().map(|&o| o.to_owned()).collect() };
        let mut headers = HeaderMap::new();
        decorate(&cors, Some(&HeaderValue::from_static(origin)), &mut headers);
        headers
    }

    #[test]
    fn only_listed_origins_are_allowed() {
        let listed = decorated(&["https://app.example.com"], "https://app.example.com");
        assert_eq!(listed[header::ACCESS_CONTROL_ALLOW_ORIGIN], "https://app.example.com");
        let other = decorated(&["https://app.example.com"], "https://app.example.com.evil.example");
        assert!(!other.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN));
        assert_eq!(other[header::VARY], "origin");
        assert!(decorated(&["*"], "null").contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN));
        assert!(decorated(&[], "https://app.example.com").is_empty());
        assert!(!listed.contains_key(header::ACCESS_CONTROL_ALLOW_CREDENTIALS));
    }
}
