//! Amazon Bedrock's runtime: Converse, ConverseStream and InvokeModel, signed, one try each.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Method, Request, Response, Uri, header};
use http_body_util::{BodyExt as _, Full};
use model::{Finding, Region, Secret};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{
    Call, Environment, HttpClient, NotReady, Operation, Refusal, Reply, Upstream,
    client::{Incoming, SendError, request_id},
    credentials::{Credentials, Loaded},
    credentials_book::CredentialsBook,
    endpoint::{self, base},
    refusal::{AUTH_ERROR, unauthorized, unreachable},
    sign::Scope,
};
use crate::{
    ApiError,
    body::collect,
    clock::Clock,
    config::{self, Role, Target},
    mapping::{
        frame::{FirstFrame, first_frame},
        rescue::{self, TransportFailure},
    },
};

/// AWS does not accept who we are.
const REFUSED: &str = "SRE-PROXY-053";

/// An error's body is a line of JSON.
const MAX_ERROR_BYTES: usize = 64 * 1024;

/// Everything but RFC 3986's unreserved characters: `/` and `:` of an ARN belong to the id, not to the path.
const MODEL_ID: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The name in the endpoint, and the one in signatures.
const ENDPOINT: &str = "bedrock-runtime";
const SERVICE: &str = "bedrock";

/// One entry `kind: bedrock` of the configuration.
pub(crate) struct Bedrock {
    region: Region,
    endpoint: Option<String>,
    access: Access,
    roles: Vec<(Role, Arc<Credentials>)>,
    http: HttpClient,
    clock: Arc<dyn Clock>,
}

/// How Bedrock knows us.
enum Access {
    /// A Bedrock API key, ready as a header.
    Bearer(HeaderValue),
    /// Signatures with these credentials, unless a target has a role of its own.
    Signed(Arc<Credentials>),
}

impl Bedrock {
    /// An upstream with credentials for itself and for every role that `targets` name.
    pub(crate) fn new<'a>(
        config: &config::Bedrock,
        targets: impl Iterator<Item = &'a Target>,
        environment: &Environment,
        book: &CredentialsBook,
        http: HttpClient,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let own = book.of(config.profile.as_deref(), config.role.as_ref(), &config.region);
        // What the configuration names beats what happens to be in the environment.
        let named = config.profile.is_some() || config.role.is_some();
        let bearer = environment.bearer_token.as_ref().filter(|_| !named).and_then(bearer);
        let roles = targets
            .filter_map(|target| target.role.as_ref())
            .map(|role| (role.clone(), book.of(config.profile.as_deref(), Some(role), &config.region)))
            .collect();
        Self {
            region: config.region.clone(),
            endpoint: endpoint_override(config, environment).as_ref().map(base),
            access: bearer.map_or(Access::Signed(own), Access::Bearer),
            roles,
            http,
            clock,
        }
    }

    /// What an operator should know about this entry. `subject` is its path in the configuration.
    pub(crate) fn finding(
        subject: &str,
        config: &config::Bedrock,
        environment: &Environment,
    ) -> Option<Finding> {
        endpoint::foreign(subject, &endpoint_override(config, environment)?)
    }

    fn request(&self, call: &Call<'_>, region: &Region) -> Option<Request<Full<Bytes>>> {
        let id = utf8_percent_encode(&call.target.model, MODEL_ID);
        let operation = match call.operation {
            Operation::Chat => "converse",
            Operation::ChatStream => "converse-stream",
            Operation::Embeddings => "invoke",
        };
        let uri = match &self.endpoint {
            Some(base) => format!("{base}/model/{id}/{operation}"),
            None => format!("{}model/{id}/{operation}", endpoint::regional(ENDPOINT, region)?),
        };
        let mut request = Request::new(Full::new(call.body.clone()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = Uri::try_from(uri).ok()?;
        request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Some(request)
    }

    /// Signs the request, or adds the API key. Returns the credentials that were used.
    async fn authorize(
        &self,
        request: &mut Request<Full<Bytes>>,
        call: &Call<'_>,
        region: &Region,
    ) -> Result<Option<Arc<Loaded>>, Refusal> {
        let credentials = match (&call.target.role, &self.access) {
            (Some(role), _) => {
                let known = self.roles.iter().find(|(known, _)| known == role);
                &known.ok_or_else(|| unauthorized("the target's role was not in the configuration"))?.1
            }
            (None, Access::Signed(credentials)) => credentials,
            (None, Access::Bearer(token)) => {
                request.headers_mut().insert(header::AUTHORIZATION, token.clone());
                return Ok(None);
            }
        };
        let loaded = credentials.get().await.map_err(|error| unauthorized(error.to_string()))?;
        let scope = Scope { region: region.as_str(), service: SERVICE };
        let signed = loaded.keys.sign(request, &call.body, scope, self.clock.now());
        signed.map_err(|error| unauthorized(error.to_string()))?;
        Ok(Some(loaded))
    }

    /// Says what an answer other than 200 means.
    async fn refusal(
        &self,
        response: Response<Incoming>,
        call: &Call<'_>,
        used: Option<&Arc<Loaded>>,
    ) -> Refusal {
        let (parts, body) = response.into_parts();
        // Without its text, the status still says most of it.
        let body = collect(body, MAX_ERROR_BYTES).await.unwrap_or_default();
        let refusal = rescue::from_bedrock(parts.status, &parts.headers, &body);
        if refusal.error.code.as_deref() == Some(AUTH_ERROR) {
            let said = refusal.error.log.as_deref().unwrap_or_default();
            tracing::error!(code = REFUSED, upstream = %call.target.upstream, said, "AWS refuses the credentials");
            if let Some(used) = used {
                self.distrust(call.target, used);
            }
        }
        refusal
    }

    fn distrust(&self, target: &Target, used: &Arc<Loaded>) {
        let of_role = self.roles.iter().find(|(role, _)| Some(role) == target.role.as_ref());
        match (of_role, &self.access) {
            (Some((_, credentials)), _) | (None, Access::Signed(credentials)) => credentials.distrust(used),
            (None, Access::Bearer(_)) => {}
        }
    }
}

#[async_trait]
impl Upstream for Bedrock {
    async fn ready(&self) -> Result<(), NotReady> {
        match &self.access {
            Access::Bearer(_) => Ok(()),
            Access::Signed(own) => own.get().await.map(drop).map_err(|error| NotReady(error.to_string())),
        }
    }

    async fn send(&self, call: &Call<'_>) -> Result<Reply, Refusal> {
        let region = call.target.region.as_ref().unwrap_or(&self.region);
        // `.` and `..` would be steps in the path; no model is called that.
        if call.target.model.bytes().all(|byte| byte == b'.') {
            let error = ApiError::model_not_found(&call.target.model);
            return Err(Refusal { error, retryable: false, unwell: false });
        }
        let mut request = self.request(call, region).ok_or_else(no_such_address)?;
        let used = self.authorize(&mut request, call, region).await?;
        let response = self.http.send(request).await.map_err(unreachable)?;
        if !response.status().is_success() {
            return Err(self.refusal(response, call, used.as_ref()).await);
        }
        let (parts, mut body) = response.into_parts();
        if call.operation == Operation::ChatStream {
            peek(&mut body).await?;
        }
        Ok(Reply {
            request_id: request_id(&parts.headers, "x-amzn-requestid"),
            headers: parts.headers,
            body: body.boxed_unsync(),
        })
    }
}

/// Waits for the first frame. A stream that begins with an exception has not begun.
async fn peek(body: &mut Incoming) -> Result<(), Refusal> {
    let mut seen = Bytes::new();
    loop {
        let data = match body.frame().await {
            Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
            Some(Err(error)) => return Err(unreachable(SendError::Broken(error))),
            None => return Err(unreachable(SendError::Broken("the stream ended before it began".into()))),
        };
        // The first frame nearly always comes in one piece, which needs no copy.
        seen = if seen.is_empty() { data } else { joined(&seen, &data) };
        match first_frame(&seen) {
            FirstFrame::More => {}
            FirstFrame::Event => {
                body.unread(seen);
                return Ok(());
            }
            FirstFrame::Refused(refusal) => return Err(*refusal),
        }
    }
}

fn joined(first: &[u8], second: &[u8]) -> Bytes {
    let mut whole = BytesMut::with_capacity(first.len().saturating_add(second.len()));
    whole.extend_from_slice(first);
    whole.extend_from_slice(second);
    whole.freeze()
}

/// `endpoint_url`, then `AWS_ENDPOINT_URL_BEDROCK_RUNTIME`, then `AWS_ENDPOINT_URL`.
fn endpoint_override(config: &config::Bedrock, environment: &Environment) -> Option<Uri> {
    let overrides = [&config.endpoint_url, &environment.bedrock_endpoint_url, &environment.endpoint_url];
    overrides.into_iter().flatten().next().cloned()
}

fn bearer(token: &Secret<String>) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose())).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn no_such_address() -> Refusal {
    rescue::from_transport(TransportFailure::Connect("the endpoint makes no valid URL".to_owned()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock::SystemClock;

    fn upstream(config: &config::Bedrock, environment: &Environment) -> Bedrock {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let book = CredentialsBook::new(Arc::clone(&clock));
        let http = HttpClient::new(Duration::from_secs(3)).unwrap();
        Bedrock::new(config, std::iter::empty(), environment, &book, http, clock)
    }

    fn config(endpoint: Option<&str>) -> config::Bedrock {
        config::Bedrock {
            region: Region::parse("us-east-1").unwrap(),
            endpoint_url: endpoint.map(|url| url.parse().unwrap()),
            profile: None,
            role: None,
            guardrail: None,
        }
    }

    fn environment(bedrock: Option<&str>, all: Option<&str>) -> Environment {
        Environment {
            bedrock_endpoint_url: bedrock.map(|url| url.parse().unwrap()),
            endpoint_url: all.map(|url| url.parse().unwrap()),
            ..Environment::default()
        }
    }

    #[test]
    fn the_endpoint_is_the_configured_one_then_that_of_the_environment_then_that_of_the_region() {
        let target = config::testing::target("aws", "amazon.nova-lite-v1:0");
        let call = Call {
            target: &target,
            operation: Operation::ChatStream,
            body: Bytes::new(),
            first_byte: Duration::from_secs(1),
        };
        let url = |configured, bedrock, all, region| {
            let upstream = upstream(&config(configured), &environment(bedrock, all));
            upstream.request(&call, &Region::parse(region).unwrap()).unwrap().uri().to_string()
        };
        let path = "/model/amazon.nova-lite-v1%3A0/converse-stream";
        let (one, two, three) = ("http://127.0.0.1:1/base/", "http://127.0.0.1:2", "http://127.0.0.1:3");
        for (configured, bedrock, all, region, base) in [
            (Some(one), Some(two), Some(three), "eu-west-1", "http://127.0.0.1:1/base"),
            (None, Some(two), Some(three), "eu-west-1", two),
            (None, None, Some(three), "eu-west-1", three),
            (None, None, None, "eu-west-1", "https://bedrock-runtime.eu-west-1.amazonaws.com"),
            (None, None, None, "cn-north-1", "https://bedrock-runtime.cn-north-1.amazonaws.com.cn"),
        ] {
            assert_eq!(url(configured, bedrock, all, region), format!("{base}{path}"));
        }
    }

    #[test]
    fn an_api_key_of_the_environment_gives_way_to_a_configured_identity() {
        let keyed =
            Environment { bearer_token: Some(Secret::new("key".to_owned())), ..Environment::default() };
        let is_keyed =
            |config: &config::Bedrock| matches!(upstream(config, &keyed).access, Access::Bearer(_));
        assert!(is_keyed(&config(None)));
        assert!(!is_keyed(&config::Bedrock { profile: Some("team".to_owned()), ..config(None) }));
        let role = Role { arn: "arn:aws:iam::123456789012:role/bedrock".to_owned(), external_id: None };
        assert!(!is_keyed(&config::Bedrock { role: Some(role), ..config(None) }));
    }
}
