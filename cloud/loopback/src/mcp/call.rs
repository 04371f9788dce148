//! The gateway as a client: one GET of a backend over TLS, with the key in its header.

use std::time::Duration;

use http::{HeaderValue, Request, header};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use model::Secret;
use model::agent::API_KEY_HEADER;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use rustls_pki_types::ServerName;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::Reached;

const WITHIN: Duration = Duration::from_secs(10);
const LARGEST_ANSWER_BYTES: usize = 1024 * 1024;

/// What came of it.
pub(super) enum Called {
    /// The body of a 200.
    Answered(String),
    /// Anything else.
    Failed,
}

/// Calls an operation with its arguments.
pub(super) async fn get(
    connector: &TlsConnector,
    target: &Reached,
    operation: &str,
    arguments: &Value,
    key: &Secret<String>,
) -> Called {
    let path = path(operation, arguments);
    match timeout(WITHIN, exchange(connector, target, &path, key)).await {
        Ok(Some(text)) => Called::Answered(text),
        Ok(None) | Err(_) => Called::Failed,
    }
}

async fn exchange(
    connector: &TlsConnector,
    target: &Reached,
    path: &str,
    key: &Secret<String>,
) -> Option<String> {
    let mut secret = HeaderValue::from_str(key.expose()).ok()?;
    secret.set_sensitive(true);
    let request = Request::get(path)
        .header(header::HOST, &target.host)
        .header(API_KEY_HEADER, secret)
        .body(Empty::<bytes::Bytes>::new())
        .ok()?;
    let stream = TcpStream::connect(target.address).await.ok()?;
    let name = ServerName::try_from(target.host.clone()).ok()?;
    let stream = connector.connect(name, stream).await.ok()?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.ok()?;
    let answer = async {
        let answer = sender.send_request(request).await.ok()?;
        if answer.status() != 200 {
            return None;
        }
        let body = Limited::new(answer.into_body(), LARGEST_ANSWER_BYTES).collect().await.ok()?;
        Some(String::from_utf8_lossy(&body.to_bytes()).into_owned())
    };
    // The connection is what moves the bytes; it has no end of its own while the answer is under way.
    let (mut answer, mut connection) = (std::pin::pin!(answer), std::pin::pin!(connection));
    tokio::select! {
        biased;
        text = &mut answer => text,
        _ = &mut connection => answer.await,
    }
}

fn path(operation: &str, arguments: &Value) -> String {
    let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let pairs = arguments.as_object().into_iter().flatten().map(|(name, value)| {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        format!("{}={}", encoded(name), encoded(&value))
    });
    let query: Vec<String> = pairs.collect();
    let mark = if query.is_empty() { "" } else { "?" };
    format!("/{operation}{mark}{}", query.join("&"))
}
