//! The real part behind the port of telemetry: posts to a collector.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Uri, header};
use http_body_util::Full;
use model::Secret;

use crate::{
    telemetry::{Export, ExportError},
    upstream::HttpClient,
};

/// How long a collector may take.
const POST: Duration = Duration::from_secs(5);

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
