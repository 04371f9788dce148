//! The one table from what goes wrong at Bedrock to OpenAI's error object.
//!
//! `unwell` follows Bedrock's own word, not the status that the client gets: a prompt on which a model fails must not
//! make the circuit breaker turn everybody else away.

use std::{borrow::Cow, time::Duration};

use http::{HeaderMap, StatusCode, header::RETRY_AFTER};
use serde::Deserialize;

use super::{converse_reply::Text, frame::FrameError, redact};
use crate::{ApiError, ErrorType, upstream::Refusal};

/// What OpenAI's clients obey at most; above it they do not retry at all.
const MAX_WAIT: Duration = Duration::from_mins(2);
/// Where Bedrock says no time. Its quotas are per minute and refill all the time.
const THROTTLED_WAIT: Duration = Duration::from_secs(2);
/// A model that is being loaded takes longer.
const NOT_READY_WAIT: Duration = Duration::from_secs(5);
/// What is shown of Bedrock's text, characters.
const MAX_MESSAGE_CHARS: usize = 1_000;
/// What the log gets of it, characters.
const MAX_LOG_CHARS: usize = 4_000;

/// Why there was no answer over the network; each with the error's text for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TransportFailure {
    /// No connection.
    Connect(String),
    /// No TLS session, or not with the right server.
    Tls(String),
    /// No answer in time.
    Timeout(String),
    /// The connection was closed before there was an answer.
    Reset(String),
}

/// An answer of Bedrock that is not 2xx.
pub fn from_bedrock(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Refusal {
    let document: Document<'_> = serde_json::from_slice(body).unwrap_or_default();
    let header = headers.get("x-amzn-errortype").and_then(|value| value.to_str().ok());
    let kind = header.or(document.kind()).map(bare).unwrap_or_default();
    let message = document.message().map_or_else(|| String::from_utf8_lossy(body), Cow::Borrowed);
    let told =
        headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()).and_then(|text| text.parse().ok());
    refuse(Cause::of(kind, status, &message), kind, &message, told.map(Duration::from_secs))
}

/// An exception in a stream. Its kind is what the header `:exception-type` says.
pub fn from_exception(kind: &str, payload: &[u8]) -> Refusal {
    let document: Document<'_> = serde_json::from_slice(payload).unwrap_or_default();
    let message = document.message().map_or_else(|| String::from_utf8_lossy(payload), Cow::Borrowed);
    refuse(Cause::of(bare(kind), StatusCode::OK, &message), kind, &message, None)
}

/// An error in a stream that the service's model does not know: `:error-code` and `:error-message`.
pub fn from_error_frame(code: &str, message: &str) -> Refusal {
    refuse(Cause::of(bare(code), StatusCode::OK, message), code, message, None)
}

/// A stream that is not made of frames.
pub fn from_broken_frame(error: FrameError) -> Refusal {
    let answer = "The upstream's answer was damaged on its way.";
    Refusal { error: stream_error(answer).log(error.to_string()), retryable: true, unwell: true }
}

/// No answer at all.
pub fn from_transport(failure: TransportFailure) -> Refusal {
    let (status, code, message, log) = match failure {
        TransportFailure::Connect(log) => {
            (StatusCode::BAD_GATEWAY, "upstream_unreachable", "The upstream cannot be reached.", log)
        }
        TransportFailure::Tls(log) => (
            StatusCode::BAD_GATEWAY,
            "upstream_unreachable",
            "No secure connection to the upstream is possible.",
            log,
        ),
        TransportFailure::Timeout(log) => {
            (StatusCode::GATEWAY_TIMEOUT, "timeout", "The upstream did not answer in time.", log)
        }
        TransportFailure::Reset(log) => {
            (StatusCode::BAD_GATEWAY, "upstream_unreachable", "The upstream closed the connection.", log)
        }
    };
    Refusal { error: ApiError::server(status, code, message).log(log), retryable: true, unwell: true }
}

/// A stream that broke.
pub fn stream_error(message: &'static str) -> ApiError {
    ApiError::server(StatusCode::BAD_GATEWAY, "stream_error", message)
}

/// An answer that is none, for the reason that the log gets.
pub fn no_answer(why: impl Into<String>) -> ApiError {
    ApiError::server(StatusCode::BAD_GATEWAY, "upstream_error", "The upstream's answer cannot be read.")
        .log(why)
}

/// An answer that is no JSON, or not the right one.
pub fn unreadable(error: &serde_json::Error) -> ApiError {
    no_answer(place(error))
}

/// An event that is none.
pub fn unreadable_event(error: &serde_json::Error) -> ApiError {
    stream_error("The upstream sent an event that cannot be read.").log(place(error))
}

/// Where JSON is wrong. Not what is there, which serde would quote: it is what the model said.
fn place(error: &serde_json::Error) -> String {
    format!("{:?} error at line {} column {}", error.classify(), error.line(), error.column())
}

/// The rows of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    Invalid,
    TooLong,
    NoSuchModel,
    ProfileNeeded,
    Throttled,
    NotReady,
    Quota,
    Denied,
    Credentials,
    Timeout,
    Model,
    ModelStream,
    Internal,
    Unavailable,
    Other(StatusCode),
}

impl Cause {
    /// By the name of the error, and where that is unknown by the status.
    fn of(kind: &str, status: StatusCode, message: &str) -> Self {
        // In a stream the names begin in lower case.
        let kind = kind.to_ascii_lowercase();
        match kind.strip_suffix("exception").unwrap_or(&kind) {
            "validation" => Self::of_validation(message),
            "throttling" | "toomanyrequests" => Self::of_throttling(message),
            "modelnotready" => Self::NotReady,
            "servicequotaexceeded" => Self::Quota,
            "accessdenied" => Self::of_denial(message),
            "resourcenotfound" => Self::NoSuchModel,
            "modeltimeout" => Self::Timeout,
            "modelerror" => Self::Model,
            "modelstreamerror" => Self::ModelStream,
            "internalserver" | "internalservererror" | "internalfailure" | "internalerror" => Self::Internal,
            "serviceunavailable" => Self::Unavailable,
            "unrecognizedclient"
            | "expiredtoken"
            | "invalidclienttokenid"
            | "invalidsignature"
            | "signaturedoesnotmatch"
            | "incompletesignature"
            | "missingauthenticationtoken"
            | "requestexpired"
            | "optinrequired" => Self::Credentials,
            _ => Self::of_status(status, message),
        }
    }

    fn of_status(status: StatusCode, message: &str) -> Self {
        match status.as_u16() {
            // A status that asks for credentials would make the client doubt its own.
            401 | 403 | 407 => Self::Credentials,
            404 => Self::NoSuchModel,
            408 => Self::Timeout,
            424 => Self::Model,
            429 => Self::of_throttling(message),
            503 => Self::Unavailable,
            _ => Self::Other(status),
        }
    }

    fn of_validation(message: &str) -> Self {
        let message = message.to_ascii_lowercase();
        let says = |phrases: &[&str]| phrases.iter().any(|phrase| message.contains(phrase));
        if says(&["on-demand throughput"]) {
            Self::ProfileNeeded
        } else if says(&["model identifier is invalid", "invalid model identifier"]) {
            Self::NoSuchModel
        } else if says(TOO_LONG) {
            Self::TooLong
        } else {
            Self::Invalid
        }
    }

    /// Most quotas fill again all the time; the daily one says so: `Too many tokens per day, ...`.
    fn of_throttling(message: &str) -> Self {
        if message.contains("per day") { Self::Quota } else { Self::Throttled }
    }

    fn of_denial(message: &str) -> Self {
        // A wrong Bedrock API key is reported as a denial.
        let about_key = message.contains("Authentication failed") || message.contains("API Key is valid");
        if about_key { Self::Credentials } else { Self::Denied }
    }
}

/// How the models of Bedrock say that the prompt does not fit; lower case.
const TOO_LONG: &[&str] = &[
    "input tokens exceeded",
    "input is too long",
    "prompt is too long",
    "too many input tokens",
    "exceed context limit",
    "maximum context length",
    "context window",
];

fn refuse(cause: Cause, kind: &str, message: &str, told: Option<Duration>) -> Refusal {
    let told = told.map(|wait| wait.min(MAX_WAIT));
    let shown = match redact::redacted(message, MAX_MESSAGE_CHARS) {
        blank if blank.trim().is_empty() => "The upstream refused the request.".to_owned(),
        shown => shown,
    };
    let log = format!("{kind}: {}", redact::clipped(message, MAX_LOG_CHARS));
    let server = |status, code: &'static str, message: &'static str| ApiError::server(status, code, message);
    let invalid = |status, message: String| ApiError::new(status, ErrorType::InvalidRequest, message);

    let error = match cause {
        Cause::Invalid => invalid(StatusCode::BAD_REQUEST, shown),
        Cause::TooLong => {
            invalid(StatusCode::BAD_REQUEST, shown).code("context_length_exceeded").param("messages")
        }
        Cause::NoSuchModel => invalid(
            StatusCode::NOT_FOUND,
            "The upstream does not know this model, or not in this Region.".to_owned(),
        )
        .code("model_not_found")
        .param("model"),
        Cause::ProfileNeeded => invalid(StatusCode::BAD_REQUEST, profile_hint(message)).param("model"),
        Cause::Throttled => ApiError::new(StatusCode::TOO_MANY_REQUESTS, ErrorType::RateLimit, shown)
            .code("rate_limit_exceeded")
            .retry_after(told.unwrap_or(THROTTLED_WAIT)),
        Cause::NotReady => server(
            StatusCode::SERVICE_UNAVAILABLE,
            "model_not_ready",
            "The model is not ready yet. Try again in a moment.",
        )
        .retry_after(told.unwrap_or(NOT_READY_WAIT)),
        Cause::Quota => ApiError::new(StatusCode::TOO_MANY_REQUESTS, ErrorType::InsufficientQuota, shown)
            .code("insufficient_quota")
            .should_retry(false),
        Cause::Denied => ApiError::new(
            StatusCode::FORBIDDEN,
            ErrorType::Permission,
            "The account behind this proxy has no access to this model.",
        )
        .code("model_access_denied"),
        Cause::Credentials => server(
            StatusCode::BAD_GATEWAY,
            "upstream_auth_error",
            "The upstream does not accept the proxy's own credentials.",
        ),
        Cause::Timeout => {
            server(StatusCode::GATEWAY_TIMEOUT, "timeout", "The model took too long to answer.")
        }
        Cause::Model => server(StatusCode::BAD_GATEWAY, "model_error", "The model failed on this request."),
        Cause::ModelStream => stream_error("The model failed in the middle of its answer."),
        Cause::Internal => {
            server(StatusCode::BAD_GATEWAY, "upstream_error", "The upstream had an internal error.")
        }
        Cause::Unavailable => {
            server(StatusCode::SERVICE_UNAVAILABLE, "overloaded", "The upstream is overloaded.")
                .retry_after(told.unwrap_or(THROTTLED_WAIT))
        }
        Cause::Other(status) if status.is_client_error() => invalid(status, shown),
        Cause::Other(_) => ApiError::new(
            StatusCode::BAD_GATEWAY,
            ErrorType::Server,
            "The upstream failed in a way that this proxy does not know.",
        ),
    };
    Refusal { error: error.log(log), retryable: cause.retryable(), unwell: cause.unwell() }
}

impl Cause {
    fn retryable(self) -> bool {
        match self {
            Self::Invalid | Self::TooLong | Self::NoSuchModel | Self::ProfileNeeded | Self::Denied => false,
            Self::Other(status) => !status.is_client_error(),
            // Waiting does not fill a quota and does not mend credentials, but another target may have better ones.
            Self::Quota
            | Self::Credentials
            | Self::Throttled
            | Self::NotReady
            | Self::Timeout
            | Self::Model
            | Self::ModelStream
            | Self::Internal
            | Self::Unavailable => true,
        }
    }

    fn unwell(self) -> bool {
        match self {
            Self::Internal | Self::Unavailable => true,
            Self::Other(status) => status.is_server_error(),
            _ => false,
        }
    }
}

/// Says what to ask for instead. The model's id is in Bedrock's text: `Invocation of model ID X with on-demand ...`.
fn profile_hint(message: &str) -> String {
    let id = message.split_once("model ID ").and_then(|(_, rest)| rest.split_whitespace().next());
    let example = match id {
        Some(id) if !id.starts_with("arn:") => format!(" such as `us.{}`", redact::redacted(id, 128)),
        _ => String::new(),
    };
    format!(
        "This model answers only through an inference profile. Use the profile's id{example} instead of the model's."
    )
}

/// The body of an error, in the three spellings that AWS has.
#[derive(Default, Deserialize)]
struct Document<'a> {
    #[serde(borrow, rename = "__type")]
    smithy_type: Option<Text<'a>>,
    #[serde(borrow)]
    code: Option<Text<'a>>,
    #[serde(borrow)]
    message: Option<Text<'a>>,
    #[serde(borrow, rename = "Message")]
    capital_message: Option<Text<'a>>,
}

impl Document<'_> {
    fn kind(&self) -> Option<&str> {
        self.smithy_type.as_ref().or(self.code.as_ref()).map(|text| &*text.0)
    }

    fn message(&self) -> Option<&str> {
        self.message.as_ref().or(self.capital_message.as_ref()).map(|text| &*text.0)
    }
}

/// The name of an error without its namespace and its link: `com.amazon#NameException:http://...`.
fn bare(kind: &str) -> &str {
    let kind = kind.split_once(':').map_or(kind, |(name, _)| name);
    kind.rsplit_once('#').map_or(kind, |(_, name)| name)
}

#[cfg(test)]
mod tests;
