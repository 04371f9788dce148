//! Reads the body of a request: JSON, of bounded size, within bounded time.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};

use crate::{
    ApiError, ErrorType,
    body::{CollectError, collect},
};

/// A client that sends more than this for nothing has to live with a reset.
const MOST_DISCARDED_BYTES: u64 = 64 * 1024 * 1024;
/// And so has one that takes longer.
const LONGEST_DISCARD: Duration = Duration::from_secs(10);

/// The whole body. What is not read of it is left in `body`, for [`discard`].
///
/// # Errors
///
/// 413 above `limit` bytes, 415 for another type than JSON, 408 where it does not come in time, 400 where it breaks off.
pub(super) async fn read(
    headers: &HeaderMap,
    body: &mut Incoming,
    limit: usize,
    patience: Duration,
) -> Result<Bytes, ApiError> {
    if !is_json(headers) {
        let message = "The body must be JSON: send `content-type: application/json`.";
        return Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, ErrorType::InvalidRequest, message)
            .code("unsupported_media_type"));
    }
    if headers.get(header::CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
        let message = "Compressed bodies are not accepted.";
        return Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, ErrorType::InvalidRequest, message)
            .code("unsupported_encoding"));
    }
    if body.size_hint().lower() > u64::try_from(limit).unwrap_or(u64::MAX) {
        return Err(too_large(limit));
    }
    let reading = async {
        collect(body, limit).await.map_err(|error| match error {
            CollectError::TooLong(limit) => too_large(limit),
            CollectError::Broken(error) => {
                let message = "The body broke off.";
                ApiError::new(StatusCode::BAD_REQUEST, ErrorType::InvalidRequest, message)
                    .code("incomplete_body")
                    .log(error.to_string())
            }
        })
    };
    tokio::time::timeout(patience, reading).await.unwrap_or_else(|_| {
        let message = "The body did not come in time.";
        Err(ApiError::new(StatusCode::REQUEST_TIMEOUT, ErrorType::InvalidRequest, message).code("timeout"))
    })
}

/// Reads what is left of a body without keeping anything, within bounds, and says whether that was all of it. A
/// connection that is closed with unread bytes is reset, and the reset overtakes the answer: the client would see a
/// broken pipe and not the reason (RFC 9112, section 9.6).
pub(super) async fn discard(body: &mut Incoming, waits_for_continue: bool) -> bool {
    if body.is_end_stream() {
        return true;
    }
    // Who asks first has sent nothing yet and need not.
    if waits_for_continue || body.size_hint().lower() > MOST_DISCARDED_BYTES {
        return false;
    }
    let reading = async {
        let mut read = 0_u64;
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else { return false };
            let bytes = frame.data_ref().map_or(0, Bytes::len);
            read = read.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
            if read > MOST_DISCARDED_BYTES {
                return false;
            }
        }
        true
    };
    tokio::time::timeout(LONGEST_DISCARD, reading).await.unwrap_or(false)
}

/// `curl -d` says that everything is a form; whoever says nothing means JSON.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return true };
    let kind = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/json")
        || kind.rsplit_once('+').is_some_and(|(_, suffix)| suffix.eq_ignore_ascii_case("json"))
}

fn too_large(limit: usize) -> ApiError {
    let message = format!("The body is larger than {limit} bytes.");
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, ErrorType::InvalidRequest, message).code("request_too_large")
}
