//! OpenAI's own API as an upstream: chat completions and embeddings, one try each.

use std::{borrow::Cow, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Full};
use model::Finding;
use serde::Deserialize;

use super::{
    Call, HttpClient, Operation, Refusal, Reply, Upstream,
    client::{Incoming, request_id},
    endpoint::{self, base},
    members::Members,
    openai_secret::{OpenAiSecret, SecretReader},
    refusal::{unauthorized, unreachable},
};
use crate::{
    ApiError, Usage,
    body::collect,
    error::ErrorType,
    mapping::{
        Answer, Envelope,
        rescue::{self, TransportFailure},
    },
};

/// OpenAI does not accept the key.
const REFUSED: &str = "SRE-PROXY-057";

/// The key and the prompts are sent in the clear.
const CLEARTEXT: &str = "SRE-PROXY-058";

const MAX_ERROR_BYTES: usize = 64 * 1024;

/// What OpenAI's clients obey at most; above it they do not retry at all.
const MAX_WAIT: Duration = Duration::from_mins(2);

/// One entry `kind: openai` of the configuration.
pub(crate) struct OpenAi {
    base: String,
    secret: SecretReader,
    http: HttpClient,
}

impl OpenAi {
    pub(crate) fn new(base_url: &Uri, secret: SecretReader, http: HttpClient) -> Self {
        Self { base: base(base_url), secret, http }
    }

    /// What an operator should know about this entry. `subject` is its path in the configuration.
    pub(crate) fn finding(subject: &str, base_url: &Uri) -> Option<Finding> {
        let host = base_url.host().unwrap_or_default();
        if base_url.scheme_str() == Some("https") || endpoint::is_loopback(host) {
            return None;
        }
        let message = format!("The API key and all prompts are sent to `{host}` without encryption.");
        let finding = Finding::new(CLEARTEXT, model::Severity::Warning, subject, message);
        Some(finding.hint("Use a base_url that begins with https://."))
    }

    async fn exchange(&self, call: &Call<'_>, secret: &OpenAiSecret) -> Result<Response<Incoming>, Refusal> {
        let path = match call.operation {
            Operation::Chat | Operation::ChatStream => "chat/completions",
            Operation::Embeddings => "embeddings",
        };
        let uri = Uri::try_from(format!("{}/{path}", self.base)).map_err(|_| {
            rescue::from_transport(TransportFailure::Connect("base_url makes no valid URL".to_owned()))
        })?;
        let wanted = secret.model(&call.target.model);
        let body = if wanted == call.target.model {
            call.body.clone()
        } else {
            with_model(&call.body, wanted).map_or_else(|| call.body.clone(), Bytes::from)
        };
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = uri;
        request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        request.headers_mut().insert(header::AUTHORIZATION, secret.authorization.clone());
        let limit = secret.timeout.map_or(call.first_byte, |timeout| timeout.min(call.first_byte));
        match tokio::time::timeout(limit, self.http.send(request)).await {
            Ok(sent) => sent.map_err(unreachable),
            Err(_) => {
                Err(rescue::from_transport(TransportFailure::Timeout(format!("no answer within {limit:?}"))))
            }
        }
    }
}

#[async_trait]
impl Upstream for OpenAi {
    async fn send(&self, call: &Call<'_>) -> Result<Reply, Refusal> {
        let mut secret = self.secret.get().await.map_err(|error| unauthorized(error.to_string()))?;
        let mut response = self.exchange(call, &secret).await?;
        if response.status() == StatusCode::UNAUTHORIZED
            && let Some(rotated) = self.secret.instead_of(&secret).await
        {
            // The key has been changed since it was read. Nothing has been generated, so asking again repeats nothing.
            secret = rotated;
            response = self.exchange(call, &secret).await?;
        }
        let (parts, body) = response.into_parts();
        if !parts.status.is_success() {
            let text = collect(body, MAX_ERROR_BYTES).await.unwrap_or_default();
            return Err(refusal(parts.status, &parts.headers, &text, &secret));
        }
        Ok(Reply {
            request_id: request_id(&parts.headers, "x-request-id"),
            headers: parts.headers,
            body: body.boxed_unsync(),
        })
    }
}

/// The same request for another model.
fn with_model(body: &[u8], model: &str) -> Option<Vec<u8>> {
    let members: Members<'_> = serde_json::from_slice(body).ok()?;
    let model = serde_json::value::to_raw_value(model).ok()?;
    let mut out = Vec::with_capacity(body.len().saturating_add(64));
    members.write(&[("model", Some(model.get()))], &mut out);
    Some(out)
}

/// What an answer other than 2xx means. OpenAI's own words reach the client, except about the proxy's key.
fn refusal(status: StatusCode, headers: &HeaderMap, body: &[u8], secret: &OpenAiSecret) -> Refusal {
    if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
        // Its text quotes a part of the key.
        tracing::error!(code = REFUSED, status = status.as_u16(), "OpenAI refuses the API key of the secret");
        return unauthorized(format!("OpenAI answered with status {}", status.as_u16()));
    }
    let said: ErrorBody = serde_json::from_slice(body).unwrap_or_default();
    let mut error = said.error.unwrap_or_default().into_error(status, |text| secret.redact(text));
    error.retry_after = waiting_time(headers);
    let told = headers.get("x-should-retry").and_then(|value| value.to_str().ok());
    error.should_retry = told.and_then(|text| text.parse().ok());
    let used_up = error.kind == ErrorType::InsufficientQuota;
    if used_up {
        error.should_retry = Some(false);
    }
    let (too_many, server) = (status == StatusCode::TOO_MANY_REQUESTS, status.is_server_error());
    let retryable = too_many || server || matches!(status.as_u16(), 408 | 409);
    Refusal { error, retryable, unwell: server }
}

/// `retry-after-ms`, then `retry-after` in seconds.
fn waiting_time(headers: &HeaderMap) -> Option<Duration> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<f64>().ok();
    let seconds = number("retry-after-ms").map(|wait| wait / 1000.0).or_else(|| number("retry-after"))?;
    Some(Duration::try_from_secs_f64(seconds).ok()?.min(MAX_WAIT))
}

#[derive(Default, Deserialize)]
struct ErrorBody {
    error: Option<ErrorObject>,
}

/// OpenAI's error object, as it comes in answers and in streams.
#[derive(Default, Deserialize)]
pub(crate) struct ErrorObject {
    #[serde(default)]
    message: Option<String>,
    #[serde(default, rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    param: Option<String>,
    #[serde(default)]
    code: Option<serde_json::Value>,
}

impl ErrorObject {
    /// The same refusal as ours. 4xx keeps its status, everything else is the upstream's fault.
    pub(crate) fn into_error(self, status: StatusCode, redact: impl Fn(String) -> String) -> ApiError {
        let (kind, type_name) = error_type(self.kind.as_deref(), status);
        let status = match status.as_u16() {
            400..=499 | 503 | 504 => status,
            _ => StatusCode::BAD_GATEWAY,
        };
        let message = self.message.map_or(Cow::Borrowed("The upstream failed."), |text| redact(text).into());
        let mut error = ApiError::new(status, kind, message);
        error.type_name = type_name;
        error.param = self.param;
        error.code = match self.code {
            Some(serde_json::Value::String(code)) => Some(code.into()),
            Some(serde_json::Value::Number(code)) => Some(code.to_string().into()),
            _ => None,
        };
        error
    }
}

/// `error.type` as ours; by the status where the name is unknown.
fn error_type(name: Option<&str>, status: StatusCode) -> (ErrorType, Option<&'static str>) {
    match name {
        Some("invalid_request_error") => (ErrorType::InvalidRequest, None),
        Some("not_found_error") => (ErrorType::InvalidRequest, Some("not_found_error")),
        Some("permission_error") => (ErrorType::Permission, None),
        Some("rate_limit_error") => (ErrorType::RateLimit, None),
        Some("requests") => (ErrorType::RateLimit, Some("requests")),
        Some("tokens") => (ErrorType::RateLimit, Some("tokens")),
        Some("insufficient_quota") => (ErrorType::InsufficientQuota, None),
        Some("server_error") => (ErrorType::Server, None),
        Some("api_error") => (ErrorType::Server, Some("api_error")),
        _ if status == StatusCode::TOO_MANY_REQUESTS => (ErrorType::RateLimit, None),
        _ if status.is_client_error() => (ErrorType::InvalidRequest, None),
        _ => (ErrorType::Server, None),
    }
}

/// The whole answer of OpenAI, with the name of the model that the client sent. Good for embeddings too.
pub fn completion(body: &[u8], envelope: &Envelope) -> Result<Answer, ApiError> {
    let unreadable = |_| {
        ApiError::server(StatusCode::BAD_GATEWAY, "upstream_error", "The upstream's answer cannot be read.")
            .log("OpenAI's answer is no JSON object")
    };
    let members: Members<'_> = serde_json::from_slice(body).map_err(unreadable)?;
    let model = serde_json::value::to_raw_value(&envelope.model).map_err(unreadable)?;
    let usage =
        members.get("usage").and_then(|text| serde_json::from_str::<Option<WireUsage>>(text).ok().flatten());
    let mut out = Vec::with_capacity(body.len().saturating_add(64));
    members.write(&[("model", Some(model.get()))], &mut out);
    Ok(Answer { body: out, usage: usage.unwrap_or_default().into() })
}

/// OpenAI's `usage`.
#[derive(Default, Deserialize)]
pub(crate) struct WireUsage {
    #[serde(default)]
    prompt_tokens: u64,
    #[serde(default)]
    completion_tokens: u64,
    #[serde(default)]
    prompt_tokens_details: Option<PromptDetails>,
}

#[derive(Default, Deserialize)]
struct PromptDetails {
    #[serde(default)]
    cached_tokens: Option<u64>,
}

impl From<WireUsage> for Usage {
    fn from(wire: WireUsage) -> Self {
        let cached = wire.prompt_tokens_details.and_then(|details| details.cached_tokens).unwrap_or_default();
        let cached = cached.min(wire.prompt_tokens);
        Self {
            // OpenAI counts cached tokens as part of the prompt, Bedrock beside it.
            input_tokens: wire.prompt_tokens.saturating_sub(cached),
            output_tokens: wire.completion_tokens,
            cache_read_tokens: cached,
            cache_write_tokens: 0,
        }
    }
}

#[cfg(test)]
mod tests;
