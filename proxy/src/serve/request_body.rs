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
const MOST_DISCARDED_BYTES: u64 = 256 * 1024 * 1024;
/// And so has one that takes longer.
const LONGEST_DISCARD: Duration = Duration::from_secs(10);

/// The whole body.
///
/// # Errors
///
/// 413 above `limit` bytes, 415 for another type than JSON, 408 where it does not come in time, 400 where it breaks off.
pub(super) async fn read(
    headers: &HeaderMap,
    mut body: Incoming,
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
    let announced = body.size_hint().lower();
    if announced > u64::try_from(limit).unwrap_or(u64::MAX) {
        // Who asks first has sent nothing yet and need not.
        if !headers.contains_key(header::EXPECT) {
            discard(body, announced).await;
        }
        return Err(too_large(limit));
    }
    let reading = async {
        match collect(&mut body, limit).await {
            Ok(whole) => Ok(whole),
            Err(CollectError::TooLong(limit)) => {
                discard(body, 0).await;
                Err(too_large(limit))
            }
            Err(CollectError::Broken(error)) => {
                let message = "The body broke off.";
                Err(ApiError::new(StatusCode::BAD_REQUEST, ErrorType::InvalidRequest, message)
                    .code("incomplete_body")
                    .log(error.to_string()))
            }
        }
    };
    tokio::time::timeout(patience, reading).await.unwrap_or_else(|_| {
        let message = "The body did not come in time.";
        Err(ApiError::new(StatusCode::REQUEST_TIMEOUT, ErrorType::InvalidRequest, message).code("timeout"))
    })
}

/// Reads on without keeping anything, within bounds. A connection that is closed with unread bytes is reset, and the
/// reset overtakes the answer: the client would see a broken pipe and not the reason (RFC 9112, section 9.6).
async fn discard(mut body: Incoming, announced: u64) {
    if announced > MOST_DISCARDED_BYTES {
        return;
    }
    let reading = async {
        let mut read = 0_u64;
        while let Some(Ok(frame)) = body.frame().await {
            let bytes = frame.data_ref().map_or(0, Bytes::len);
            read = read.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
            if read > MOST_DISCARDED_BYTES {
                return;
            }
        }
    };
    // Too late is as good as never: the answer goes out either way.
    let _ = tokio::time::timeout(LONGEST_DISCARD, reading).await;
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
