//! HTTPS to an authority: bounded in time and size, and it remembers what an error answer said in its header.

use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::{HeaderValue, RETRY_AFTER};
use http::{Method, Request};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use jiff::fmt::rfc2822;
use jiff::{SignedDuration, Timestamp};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

use crate::disk;
use crate::trouble::{Trouble, codes};

/// One request with its whole answer.
const CALL: Duration = Duration::from_secs(30);
/// Chains have some thousand bytes.
const LARGEST_ANSWER: usize = 1 << 20;
/// How often an authority is asked that does not say (RFC 9773, section 4.3.2).
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("21600");

/// What the last answer said beside its body.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    /// Its status.
    pub(super) status: Option<u16>,
    /// Its `Retry-After`, as it stood there.
    retry_after: Option<String>,
}

impl Seen {
    /// How long not to ask again.
    pub(super) fn retry_after(&self, now: Timestamp) -> Option<SignedDuration> {
        let text = self.retry_after.as_deref()?.trim();
        if let Ok(seconds) = text.parse::<u32>() {
            return Some(SignedDuration::from_secs(i64::from(seconds)));
        }
        let until = rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
        Some(until.duration_since(now).max(SignedDuration::ZERO))
    }
}

/// What was seen last, shared between the client and who explains its failures.
#[derive(Debug, Clone, Default)]
pub(super) struct Memory(Arc<Mutex<Seen>>);

impl Memory {
    /// The last answer.
    pub(super) fn last(&self) -> Seen {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, seen: Seen) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = seen;
    }
}

/// The connection.
pub(super) struct Connection {
    client: HyperClient<HttpsConnector<HttpConnector>, BodyWrapper<Bytes>>,
    memory: Memory,
}

impl Connection {
    /// One that trusts these roots, or the system's.
    pub(super) fn new(ca_path: Option<&Path>, memory: Memory) -> Result<Self, Trouble> {
        let builder = match ca_path {
            Some(path) => HttpsConnectorBuilder::new().with_tls_config(
                ClientConfig::builder().with_root_certificates(roots(path)?).with_no_client_auth(),
            ),
            None => HttpsConnectorBuilder::new().try_with_platform_verifier().map_err(|error| {
                Trouble::new(codes::ROOTS, "roots", "the system has no roots to trust an authority by")
                    .evidence(error.to_string())
                    .hint("install them: apt-get install ca-certificates, or dnf install ca-certificates")
            })?,
        };
        // One request at a time: HTTP/2 would bring nothing.
        let connector = builder.https_only().enable_http1().build();
        Ok(Self { client: HyperClient::builder(TokioExecutor::new()).build(connector), memory })
    }
}

impl HttpClient for Connection {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let is_get = request.method() == Method::GET;
        let memory = self.memory.clone();
        memory.note(Seen::default());
        let answer = HttpClient::request(&self.client, request);
        Box::pin(async move {
            let whole = async {
                let mut answer = answer.await?;
                let body = answer.body.into_bytes().await.map_err(Error::Other)?;
                Ok::<_, Error>((answer.parts, body))
            };
            let Ok(whole) = tokio::time::timeout(CALL, whole).await else {
                return Err(Error::Other(format!("no answer within {} s", CALL.as_secs()).into()));
            };
            let (mut parts, body) = whole?;
            if body.len() > LARGEST_ANSWER {
                return Err(Error::Other(format!("an answer of {} bytes", body.len()).into()));
            }
            let header = parts.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
            memory.note(Seen { status: Some(parts.status.as_u16()), retry_after: header.map(str::to_owned) });
            // The client takes a window without this header for a failure; it only says when to ask again.
            if is_get && parts.status.is_success() && header.is_none() {
                parts.headers.insert(RETRY_AFTER, ASK_AGAIN);
            }
            Ok(BytesResponse { parts, body: Box::new(body) })
        })
    }
}

fn roots(path: &Path) -> Result<RootCertStore, Trouble> {
    let refused = |why: String| {
        Trouble::new(
            codes::ROOTS,
            path.display().to_string(),
            format!("`{}` holds no roots to trust the authority by: {why}", path.display()),
        )
        .hint("put the authority's own root there, PEM, or leave `tls.acme.ca_path` out")
    };
    let pem = disk::read(path).map_err(|error| refused(error.to_string()))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        let certificate = certificate.map_err(|error| refused(error.to_string()))?;
        roots.add(certificate).map_err(|error| refused(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(refused("no certificate is in it".to_owned()));
    }
    Ok(roots)
}
