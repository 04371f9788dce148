//! OpenAI's error object: the one form in which the proxy refuses anything, on every path.

use std::{borrow::Cow, time::Duration};

use http::StatusCode;
use serde::Serialize;

/// What `error.type` says. The names are OpenAI's convention; its clients switch on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorType {
    /// The request cannot be answered as it is.
    InvalidRequest,
    /// The caller may not do this.
    Permission,
    /// Too many requests or tokens; later it may work.
    RateLimit,
    /// A quota that waiting for a moment does not fill again.
    InsufficientQuota,
    /// Not the client's fault.
    Server,
}

impl ErrorType {
    /// The text in `error.type`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request_error",
            Self::Permission => "permission_error",
            Self::RateLimit => "rate_limit_error",
            Self::InsufficientQuota => "insufficient_quota",
            Self::Server => "server_error",
        }
    }
}

/// A refusal: the HTTP status, OpenAI's error object, and what only the log may know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    /// The status of the response. Without meaning once a stream has begun.
    pub status: StatusCode,
    /// `error.type`. A limit puts `requests` or `tokens` here through [`ApiError::type_name`].
    pub kind: ErrorType,
    /// `error.type` where it is none of [`ErrorType`].
    pub type_name: Option<&'static str>,
    /// `error.code`.
    pub code: Option<Cow<'static, str>>,
    /// `error.param`: the path of the offending member, such as `messages[1].content[0].image_url`.
    pub param: Option<String>,
    /// `error.message`: for the client; no ARN, no account id, no secret.
    pub message: Cow<'static, str>,
    /// `retry-after` and `retry-after-ms`.
    pub retry_after: Option<Duration>,
    /// `x-should-retry`, which openai-python obeys before its own rules.
    pub should_retry: Option<bool>,
    /// The full text for the log; may name ARNs, never a secret.
    pub log: Option<String>,
}

impl ApiError {
    /// A refusal with a message and nothing else.
    pub fn new(status: StatusCode, kind: ErrorType, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            status,
            kind,
            type_name: None,
            code: None,
            param: None,
            message: message.into(),
            retry_after: None,
            should_retry: None,
            log: None,
        }
    }

    /// 400: the request is wrong, at this member.
    pub fn invalid(param: impl Into<String>, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, ErrorType::InvalidRequest, message).param(param)
    }

    /// 404: no such model, in the words that OpenAI uses.
    pub fn model_not_found(model: &str) -> Self {
        let message = format!("The model `{model}` does not exist or you do not have access to it.");
        Self::new(StatusCode::NOT_FOUND, ErrorType::InvalidRequest, message)
            .code("model_not_found")
            .param("model")
    }

    /// 502 and its kin: not the client's fault.
    pub fn server(
        status: StatusCode,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::new(status, ErrorType::Server, message).code(code)
    }

    /// The same refusal with `error.code`.
    #[must_use]
    pub fn code(mut self, code: impl Into<Cow<'static, str>>) -> Self {
        self.code = Some(code.into());
        self
    }

    /// The same refusal with `error.param`.
    #[must_use]
    pub fn param(mut self, param: impl Into<String>) -> Self {
        self.param = Some(param.into());
        self
    }

    /// The same refusal with a waiting time.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// The same refusal with a word on whether to retry.
    #[must_use]
    pub fn should_retry(mut self, retry: bool) -> Self {
        self.should_retry = Some(retry);
        self
    }

    /// The same refusal with a text for the log.
    #[must_use]
    pub fn log(mut self, text: impl Into<String>) -> Self {
        self.log = Some(text.into());
        self
    }

    /// The body: `{"error": {"message", "type", "param", "code"}}`, on one line so that it also fits into an SSE event.
    pub fn body(&self) -> Vec<u8> {
        let envelope = Envelope {
            error: Object {
                message: &self.message,
                kind: self.type_name.unwrap_or(self.kind.as_str()),
                param: self.param.as_deref(),
                code: self.code.as_deref(),
            },
        };
        // Serialising text into memory cannot fail; an empty body would still carry the status.
        serde_json::to_vec(&envelope).unwrap_or_default()
    }
}

#[derive(Serialize)]
struct Envelope<'a> {
    error: Object<'a>,
}

#[derive(Serialize)]
struct Object<'a> {
    message: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    param: Option<&'a str>,
    code: Option<&'a str>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_is_the_error_object_of_openai() {
        let error = ApiError::invalid("messages[0].role", "unknown role").code("invalid_value");
        assert_eq!(
            String::from_utf8(error.body()).unwrap(),
            r#"{"error":{"message":"unknown role","type":"invalid_request_error","param":"messages[0].role","code":"invalid_value"}}"#
        );
        let error = ApiError::server(StatusCode::BAD_GATEWAY, "upstream_error", "no answer");
        assert_eq!(
            String::from_utf8(error.body()).unwrap(),
            r#"{"error":{"message":"no answer","type":"server_error","param":null,"code":"upstream_error"}}"#
        );
    }
}
