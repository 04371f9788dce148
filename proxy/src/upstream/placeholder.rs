//! Stands where `mapping::frame` and `mapping::rescue` will: to be replaced by them, with the same signatures.

use aws_smithy_eventstream::frame::read_message_from;
use http::{HeaderMap, StatusCode};

use super::Refusal;
use crate::{ApiError, error::ErrorType};

/// Bedrock's refusal in OpenAI's words.
pub(crate) fn from_bedrock(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Refusal {
    let header = headers.get("x-amzn-errortype").and_then(|value| value.to_str().ok()).map(str::to_owned);
    let json: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let member = |name: &str| json.get(name).and_then(|value| value.as_str()).map(str::to_owned);
    let name = header.or_else(|| member("__type")).unwrap_or_default();
    let name = name.split(':').next().unwrap_or_default().rsplit('#').next().unwrap_or_default();
    let text = member("message").or_else(|| member("Message")).unwrap_or_default();
    refusal(name, status, text)
}

/// An exception in the stream, by its `:exception-type`.
pub(crate) fn from_exception(name: &str, payload: &[u8]) -> Refusal {
    let status = match name {
        "throttlingException" => StatusCode::TOO_MANY_REQUESTS,
        "validationException" => StatusCode::BAD_REQUEST,
        "serviceUnavailableException" => StatusCode::SERVICE_UNAVAILABLE,
        "modelStreamErrorException" => StatusCode::FAILED_DEPENDENCY,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let json: serde_json::Value = serde_json::from_slice(payload).unwrap_or_default();
    let text = json.get("message").and_then(|value| value.as_str()).unwrap_or_default().to_owned();
    refusal("", status, text)
}

fn refusal(name: &str, status: StatusCode, text: String) -> Refusal {
    let (status, kind, code, retryable) = match (name, status.as_u16()) {
        ("UnrecognizedClientException" | "ExpiredTokenException" | "InvalidSignatureException", _) => {
            (StatusCode::BAD_GATEWAY, ErrorType::Server, "upstream_auth_error", false)
        }
        (_, 429) => (status, ErrorType::RateLimit, "rate_limit_exceeded", true),
        (_, 503) => (status, ErrorType::Server, "overloaded", true),
        (_, 500..=599 | 424) => (StatusCode::BAD_GATEWAY, ErrorType::Server, "upstream_error", true),
        _ => (status, ErrorType::InvalidRequest, "invalid_request", false),
    };
    let unwell = status.is_server_error() && code_is_unwell(code);
    Refusal { error: ApiError::new(status, kind, text.clone()).code(code).log(text), retryable, unwell }
}

fn code_is_unwell(code: &str) -> bool {
    code != "upstream_auth_error"
}

/// What the beginning of a stream says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FirstFrame {
    /// The first frame is not complete.
    More,
    /// It is an ordinary event.
    Event,
    /// It is an exception, or no frame at all.
    Refused(Box<Refusal>),
}

/// Looks at the first frame of a stream, given everything that has arrived so far.
pub(crate) fn first_frame(bytes: &[u8]) -> FirstFrame {
    let Some(length) = bytes.first_chunk::<4>().map(|length| u32::from_be_bytes(*length)) else {
        return FirstFrame::More;
    };
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let broken = || FirstFrame::Refused(Box::new(refusal("", StatusCode::BAD_GATEWAY, "damaged".to_owned())));
    if length > 4 * 1024 * 1024 {
        return broken();
    }
    let Some(mut frame) = bytes.get(..length) else { return FirstFrame::More };
    let Ok(message) = read_message_from(&mut frame) else { return broken() };
    let header = |name: &str| {
        message
            .headers()
            .iter()
            .find(|header| header.name().as_str() == name)
            .and_then(|header| header.value().as_string().ok())
            .map(|value| value.as_str().to_owned())
            .unwrap_or_default()
    };
    match header(":message-type").as_str() {
        "event" => FirstFrame::Event,
        _ => FirstFrame::Refused(Box::new(from_exception(&header(":exception-type"), message.payload()))),
    }
}

/// Why there was no answer over the network; each with the error's text for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TransportFailure {
    /// No connection.
    Connect(String),
    /// No answer in time.
    Timeout(String),
    /// The connection was closed before there was an answer.
    Reset(String),
}

/// No answer at all.
pub(crate) fn from_transport(failure: TransportFailure) -> Refusal {
    let (status, code, message, log) = match failure {
        TransportFailure::Connect(log) => {
            (StatusCode::BAD_GATEWAY, "upstream_unreachable", "The upstream cannot be reached.", log)
        }
        TransportFailure::Timeout(log) => {
            (StatusCode::GATEWAY_TIMEOUT, "timeout", "The upstream did not answer in time.", log)
        }
        TransportFailure::Reset(log) => {
            (StatusCode::BAD_GATEWAY, "upstream_unreachable", "The upstream closed the connection.", log)
        }
    };
    Refusal { error: ApiError::server(status, code, message).log(log), retryable: true, unwell: true }
}
