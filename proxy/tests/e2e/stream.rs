//! A streaming client of few bytes, for tests that need hundreds of them at the same time.

use std::sync::Arc;
use std::time::Duration;

use ::http::{Request, Response};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

use crate::rig::Rig;

/// What it takes to connect.
#[derive(Clone)]
pub(crate) struct Connector {
    address: std::net::SocketAddr,
    tls: TlsConnector,
}

impl Connector {
    pub(crate) fn new(rig: &Rig) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(rig.pki.ca_der())).unwrap();
        let config =
            ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_root_certificates(roots)
                .with_no_client_auth();
        Self { address: rig.address, tls: TlsConnector::from(Arc::new(config)) }
    }

    /// The certificate that new connections get, DER.
    pub(crate) async fn certificate(&self) -> Result<Vec<u8>, String> {
        let stream = self.connect().await?;
        let (_, session) = stream.get_ref();
        let chain = session.peer_certificates().ok_or("no certificate")?;
        Ok(chain.first().ok_or("an empty chain")?.to_vec())
    }

    /// Connects without sending anything.
    pub(crate) async fn connect(&self) -> Result<tokio_rustls::client::TlsStream<TcpStream>, String> {
        let stream = TcpStream::connect(self.address).await.map_err(|error| error.to_string())?;
        let name = ServerName::try_from("localhost").unwrap();
        self.tls.connect(name, stream).await.map_err(|error| error.to_string())
    }

    /// Sends a chat completion on a connection of its own; the answer's head and the body to come.
    pub(crate) async fn chat(
        &self,
        token: &str,
        body: &Value,
        tasks: &mut JoinSet<()>,
    ) -> Result<Response<Incoming>, String> {
        let stream = self.connect().await?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| error.to_string())?;
        tasks.spawn(async {
            // How the connection ends is seen by whoever reads the body.
            let _ = connection.await;
        });
        let request = Request::post("/v1/chat/completions")
            .header("host", "localhost")
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(body.to_string())))
            .unwrap();
        sender.send_request(request).await.map_err(|error| error.to_string())
    }

    /// A whole streamed completion as text; an error where it did not arrive in full.
    pub(crate) async fn stream(&self, token: &str, body: &Value) -> Result<String, String> {
        let mut tasks = JoinSet::new();
        let response = self.chat(token, body, &mut tasks).await?;
        let status = response.status();
        let body = response.into_body().collect().await.map_err(|error| error.to_string())?;
        let text = String::from_utf8_lossy(&body.to_bytes()).into_owned();
        if status.is_success() { Ok(text) } else { Err(format!("{status}: {text}")) }
    }
}

/// The request of a streamed chat.
pub(crate) fn streamed_hello() -> Value {
    json!({"model": "gpt-4o-mini", "stream": true, "messages": [{"role": "user", "content": "hello"}]})
}

/// Runs a test that has many things going on at once, within a time that no working proxy needs.
pub(crate) fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        tokio::time::timeout(Duration::from_mins(2), test).await.expect("the test is done in two minutes")
    })
}
