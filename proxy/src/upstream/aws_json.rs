//! Signed calls of AWS services that speak JSON over POST: Secrets Manager and DynamoDB.

use std::{sync::Arc, time::Duration};

use http::{HeaderName, HeaderValue, Method, Request, StatusCode, Uri, header};
use http_body_util::Full;
use model::Region;
use serde_json::Value;

use super::{
    Environment, HttpClient,
    credentials::{Credentials, NoCredentials},
    endpoint::{self, base},
    sign::Scope,
};
use crate::{body::collect, chain::chain, clock::Clock};

const TARGET: HeaderName = HeaderName::from_static("x-amz-target");

/// DynamoDB answers with 1 MiB at most, Secrets Manager with 64 KiB.
const MAX_ANSWER_BYTES: usize = 2 * 1024 * 1024;

/// These calls take milliseconds; whoever waits for them has other plans too.
const TIMEOUT: Duration = Duration::from_secs(5);

/// A service that speaks AWS JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AwsService {
    /// Version 1.1, `secretsmanager.GetSecretValue`.
    SecretsManager,
    /// Version 1.0, `DynamoDB_20120810.PutItem`.
    DynamoDb,
}

impl AwsService {
    /// In endpoints and signatures.
    fn name(self) -> &'static str {
        match self {
            Self::SecretsManager => "secretsmanager",
            Self::DynamoDb => "dynamodb",
        }
    }

    fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::SecretsManager => "application/x-amz-json-1.1",
            Self::DynamoDb => "application/x-amz-json-1.0",
        })
    }

    fn target(self) -> &'static str {
        match self {
            Self::SecretsManager => "secretsmanager",
            Self::DynamoDb => "DynamoDB_20120810",
        }
    }
}

/// Makes the calls, once each, with the credentials of the standard chain. Cheap to clone.
#[derive(Clone)]
pub(crate) struct AwsJson {
    http: HttpClient,
    credentials: Arc<Credentials>,
    clock: Arc<dyn Clock>,
    environment: Arc<Environment>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AwsCallError {
    /// There is nothing to sign with.
    #[error(transparent)]
    NoCredentials(#[from] NoCredentials),
    /// The endpoint makes no valid URL, or the name of the operation no header.
    #[error("the call cannot be expressed in HTTP")]
    Inexpressible,
    /// No answer over the network, or not in time. Whether the call had an effect is unknown.
    #[error("no answer: {0}")]
    Unreachable(String),
    /// The service refused. `kind` is the bare name of the error, such as `ConditionalCheckFailedException`.
    #[error("{kind} (status {status}): {message}")]
    Refused {
        /// Without namespace.
        kind: String,
        /// In the service's words; never shown to clients.
        message: String,
        /// HTTP's.
        status: u16,
        /// The whole answer, for members such as `CancellationReasons` and `Item`.
        body: Value,
    },
    /// It is not JSON.
    #[error("the answer is not JSON")]
    Unreadable(#[source] serde_json::Error),
}

impl AwsCallError {
    /// Whether the same call may work in a moment: throttling, 5xx, no answer.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable(_) => true,
            Self::Refused { kind, status, .. } => {
                *status >= 500
                    || *status == 429
                    || kind.contains("Throttl")
                    || kind.contains("ThroughputExceeded")
            }
            Self::NoCredentials(_) | Self::Inexpressible | Self::Unreadable(_) => false,
        }
    }
}

impl AwsJson {
    pub(crate) fn new(
        http: HttpClient,
        credentials: Arc<Credentials>,
        clock: Arc<dyn Clock>,
        environment: Arc<Environment>,
    ) -> Self {
        Self { http, credentials, clock, environment }
    }

    /// Calls an operation such as `GetItem` of a service in a Region; `endpoint` comes before the variables
    /// `AWS_ENDPOINT_URL_...`, these before the Region's own.
    pub(crate) async fn call(
        &self,
        service: AwsService,
        operation: &str,
        region: &Region,
        endpoint: Option<&Uri>,
        body: &Value,
    ) -> Result<Value, AwsCallError> {
        let called = self.exchange(service, operation, region, endpoint, body);
        let (status, answer) = tokio::time::timeout(TIMEOUT, called)
            .await
            .map_err(|_| AwsCallError::Unreachable(format!("none within {TIMEOUT:?}")))??;
        if status.is_success() {
            return serde_json::from_slice(&answer).map_err(AwsCallError::Unreadable);
        }
        Err(refused(status, &answer))
    }

    async fn exchange(
        &self,
        service: AwsService,
        operation: &str,
        region: &Region,
        endpoint: Option<&Uri>,
        body: &Value,
    ) -> Result<(StatusCode, bytes::Bytes), AwsCallError> {
        let body = bytes::Bytes::from(body.to_string());
        let mut request = Request::new(Full::new(body.clone()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.endpoint(service, region, endpoint).ok_or(AwsCallError::Inexpressible)?;
        let target = HeaderValue::from_str(&format!("{}.{operation}", service.target()))
            .map_err(|_| AwsCallError::Inexpressible)?;
        request.headers_mut().insert(header::CONTENT_TYPE, service.content_type());
        request.headers_mut().insert(TARGET, target);
        let loaded = self.credentials.get().await?;
        let scope = Scope { region: region.as_str(), service: service.name() };
        loaded
            .keys
            .sign(&mut request, &body, scope, self.clock.now())
            .map_err(|_| AwsCallError::Inexpressible)?;
        let response =
            self.http.send(request).await.map_err(|error| AwsCallError::Unreachable(chain(&error)))?;
        let status = response.status();
        if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            self.credentials.distrust(&loaded);
        }
        let answer = collect(response.into_body(), MAX_ANSWER_BYTES)
            .await
            .map_err(|error| AwsCallError::Unreachable(chain(&error)))?;
        Ok((status, answer))
    }

    fn endpoint(&self, service: AwsService, region: &Region, endpoint: Option<&Uri>) -> Option<Uri> {
        let own = match service {
            AwsService::SecretsManager => &self.environment.secrets_manager_endpoint_url,
            AwsService::DynamoDb => &self.environment.dynamodb_endpoint_url,
        };
        let overridden = endpoint.or(own.as_ref()).or(self.environment.endpoint_url.as_ref());
        match overridden {
            Some(uri) => format!("{}/", base(uri)).parse().ok(),
            None => endpoint::regional(service.name(), region),
        }
    }
}

fn refused(status: StatusCode, answer: &[u8]) -> AwsCallError {
    let body: Value = serde_json::from_slice(answer).unwrap_or_default();
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let kind = text("__type").unwrap_or_default();
    let kind = kind.rsplit('#').next().unwrap_or_default().to_owned();
    let message = text("message").or_else(|| text("Message")).unwrap_or_default().to_owned();
    AwsCallError::Refused { kind, message, status: status.as_u16(), body }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_known_by_their_bare_name() {
        let body = br#"{"__type":"com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException","message":"The conditional request failed"}"#;
        let error = refused(StatusCode::BAD_REQUEST, body);
        assert!(!error.is_transient());
        let AwsCallError::Refused { kind, message, .. } = error else { panic!("{error}") };
        assert_eq!(kind, "ConditionalCheckFailedException");
        assert_eq!(message, "The conditional request failed");
        let throttled = br#"{"__type":"ProvisionedThroughputExceededException"}"#;
        assert!(refused(StatusCode::BAD_REQUEST, throttled).is_transient());
        assert!(refused(StatusCode::BAD_GATEWAY, b"<html>").is_transient());
    }
}
