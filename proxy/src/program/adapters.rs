//! The real parts behind the ports of limits, ledger and telemetry: signed calls of DynamoDB, posts to a collector.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Uri, header};
use http_body_util::Full;
use model::Secret;
use serde_json::Value;

use crate::{
    config::Table,
    ledger,
    limits::dynamo::{DynamoCalls, DynamoError},
    telemetry::{Export, ExportError},
    upstream::{AwsCallError, AwsJson, AwsService, HttpClient},
};

/// How long a collector may take.
const POST: Duration = Duration::from_secs(5);

/// Signed calls of one table's Region.
pub(super) struct Dynamo {
    calls: AwsJson,
    table: Table,
}

impl Dynamo {
    pub(super) fn new(calls: AwsJson, table: Table) -> Self {
        Self { calls, table }
    }

    async fn post(&self, operation: &str, body: &Value) -> Result<Value, AwsCallError> {
        let endpoint = self.table.endpoint_url.as_ref();
        self.calls.call(AwsService::DynamoDb, operation, &self.table.region, endpoint, body).await
    }
}

#[async_trait]
impl DynamoCalls for Dynamo {
    async fn call(&self, target: &str, body: Value) -> Result<Value, DynamoError> {
        let operation = target.rsplit('.').next().unwrap_or(target);
        self.post(operation, &body).await.map_err(|error| match error {
            AwsCallError::Refused { kind, message, body, .. } => {
                DynamoError::Refused { name: kind, message, body }
            }
            other => DynamoError::Unreachable(other.to_string()),
        })
    }
}

#[async_trait]
impl ledger::dynamo::DynamoCalls for Dynamo {
    async fn call(&self, target: &str, body: Value) -> Result<Value, ledger::dynamo::CallError> {
        self.post(target, &body).await.map_err(|error| ledger::dynamo::CallError {
            message: error.to_string(),
            retryable: error.is_transient(),
        })
    }
}

/// Posts to a collector of OpenTelemetry.
pub(super) struct Collector {
    http: HttpClient,
    endpoint: Uri,
    headers: Vec<(String, Secret<String>)>,
}

impl Collector {
    pub(super) fn new(http: HttpClient, endpoint: Uri, headers: Vec<(String, Secret<String>)>) -> Self {
        Self { http, endpoint, headers }
    }

    fn request(&self, path: &str, body: Bytes) -> Option<Request<Full<Bytes>>> {
        let uri = format!("{}{path}", self.endpoint.to_string().trim_end_matches('/'));
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = uri.parse().ok()?;
        let headers = request.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, value) in &self.headers {
            let mut value = HeaderValue::from_str(value.expose()).ok()?;
            value.set_sensitive(true);
            headers.insert(HeaderName::try_from(name).ok()?, value);
        }
        Some(request)
    }
}

#[async_trait]
impl Export for Collector {
    async fn post(&self, path: &str, body: Bytes) -> Result<(), ExportError> {
        let Some(request) = self.request(path, body) else {
            return Err(ExportError("the endpoint or a header cannot be sent".to_owned()));
        };
        match tokio::time::timeout(POST, self.http.send(request)).await {
            Err(_) => Err(ExportError(format!("no answer within {POST:?}"))),
            Ok(Err(error)) => Err(ExportError(error.to_string())),
            Ok(Ok(answer)) if answer.status().is_success() => Ok(()),
            Ok(Ok(answer)) => Err(ExportError(format!("answered with status {}", answer.status().as_u16()))),
        }
    }
}
