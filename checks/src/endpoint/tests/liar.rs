//! A server on loopback that answers over TLS whatever a test wants, right or wrong, byte by byte.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures::stream::{FuturesUnordered, StreamExt as _};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::PrivateKeyDer;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::Moment;
use crate::remote::http::Url;

/// A request.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) token: Option<String>,
    pub(super) body: Vec<u8>,
}

/// What is done about it.
#[derive(Debug, Clone)]
pub(super) enum Act {
    Say(Vec<u8>),
    SayAndHang(Vec<u8>),
    Hang,
    Reset,
}

/// A server with an authority of its own.
pub(super) struct Liar {
    roots: Arc<RootCertStore>,
    tls: TlsAcceptor,
    listener: std::net::TcpListener,
    address: SocketAddr,
}

#[expect(clippy::disallowed_methods, reason = "certificates are made by the clock of the machine")]
pub(super) fn now() -> Moment {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    Moment::from_second(i64::try_from(seconds).unwrap())
}

/// Runs a future to its end.
pub(super) fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

impl Liar {
    pub(super) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate =
            CertificateParams::new(["localhost".to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            )
            .unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(authority.as_ref().der().clone()).unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        Self { roots: Arc::new(roots), tls: TlsAcceptor::from(Arc::new(config)), listener, address }
    }

    pub(super) fn roots(&self) -> Arc<RootCertStore> {
        Arc::clone(&self.roots)
    }

    pub(super) fn url(&self) -> Url {
        format!("https://localhost:{}", self.address.port()).parse().unwrap()
    }

    /// Serves until the work is done.
    pub(super) fn while_serving<T>(self, act: impl Fn(&Asked) -> Act, work: impl Future<Output = T>) -> T {
        run(async {
            tokio::select! {
                () = self.serve(act) => unreachable!("it serves until it is dropped"),
                done = work => done,
            }
        })
    }

    async fn serve(&self, act: impl Fn(&Asked) -> Act) {
        let listener = TcpListener::from_std(self.listener.try_clone().unwrap()).unwrap();
        let mut open = FuturesUnordered::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => open.push(self.connection(accepted.unwrap().0, &act)),
                // How a connection ends is the client's business.
                Some(_) = open.next(), if !open.is_empty() => {}
            }
        }
    }

    async fn connection(&self, stream: TcpStream, act: &impl Fn(&Asked) -> Act) -> std::io::Result<()> {
        let mut stream = self.tls.accept(stream).await?;
        let asked = read(&mut stream).await?;
        match act(&asked) {
            Act::Say(bytes) => {
                stream.write_all(&bytes).await?;
                stream.shutdown().await?;
            }
            Act::SayAndHang(bytes) => {
                stream.write_all(&bytes).await?;
                stream.flush().await?;
                tokio::time::sleep(Duration::from_mins(10)).await;
            }
            Act::Hang => tokio::time::sleep(Duration::from_mins(10)).await,
            Act::Reset => stream.get_ref().0.set_zero_linger()?,
        }
        Ok(())
    }
}

/// Reads a request.
async fn read(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> std::io::Result<Asked> {
    let mut bytes = Vec::new();
    loop {
        let text = said(&bytes);
        if let Some((head, _)) = text.split_once("\r\n\r\n") {
            let header = |name: &str| {
                head.lines()
                    .filter_map(|line| line.split_once(": "))
                    .find(|(found, _)| found.eq_ignore_ascii_case(name))
                    .map(|(_, value)| value.to_owned())
            };
            let length = header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0_usize);
            let body: Vec<u8> = bytes.iter().skip(head.len()).skip(4).copied().collect();
            if body.len() >= length {
                let mut words = head.split(' ');
                return Ok(Asked {
                    method: words.next().unwrap_or_default().to_owned(),
                    path: words.next().unwrap_or_default().to_owned(),
                    token: header("authorization")
                        .and_then(|value| value.strip_prefix("Bearer ").map(str::to_owned)),
                    body,
                });
            }
        }
        let mut piece = [0; 4096];
        match stream.read(&mut piece).await? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            read => bytes.extend_from_slice(&piece[..read]),
        }
    }
}

pub(super) fn said(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

pub(super) fn plain(status: &str, headers: &str, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status}\r\n{headers}x-request-id: req-fake\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

pub(super) fn json(status: &str, headers: &str, body: &str) -> Vec<u8> {
    plain(status, &format!("{headers}content-type: application/json\r\n"), body)
}

pub(super) fn error(status: &str, headers: &str, code: &str) -> Vec<u8> {
    let body =
        serde_json::json!({"error": {"message": "no", "type": "some_error", "param": null, "code": code}});
    json(status, headers, &body.to_string())
}

pub(super) fn chunked(status: &str, headers: &str, pieces: &[&[u8]]) -> Vec<u8> {
    let mut all = format!("HTTP/1.1 {status}\r\n{headers}transfer-encoding: chunked\r\n\r\n").into_bytes();
    for piece in pieces {
        all.extend(format!("{:x}\r\n", piece.len()).into_bytes());
        all.extend_from_slice(piece);
        all.extend_from_slice(b"\r\n");
    }
    all.extend_from_slice(b"0\r\n\r\n");
    all
}

pub(super) fn models() -> Vec<u8> {
    let body = r#"{"object":"list","data":[{"id":"gpt-4o","object":"model"},{"id":"gpt-4o-mini","object":"model"}]}"#;
    json("200 OK", "", body)
}

pub(super) fn completion() -> Vec<u8> {
    let body = r#"{"object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"ready"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}"#;
    json("200 OK", "", body)
}

fn stream() -> Vec<u8> {
    let text = format!(
        ": hello\n\ndata: {}\n\ndata: {}\n\ndata: {}\n\ndata: [DONE]\n\n",
        super::TEXT,
        super::FINISH,
        super::USAGE
    );
    let (a, b) = text.as_bytes().split_at(40);
    chunked("200 OK", "content-type: text/event-stream\r\n", &[a, b])
}

/// What the proxy would answer.
pub(super) fn good(asked: &Asked) -> Vec<u8> {
    let path = asked.path.as_str();
    match (asked.method.as_str(), path) {
        ("OPTIONS", _) => return plain("204 No Content", "allow: POST\r\n", ""),
        (_, "/health/live" | "/health/ready") => return plain("200 OK", "", "ok"),
        _ if !path.starts_with("/v1/") => return error("404 Not Found", "", "unknown_url"),
        _ => {}
    }
    if asked.token.as_deref() != Some(super::TOKEN) {
        return error("401 Unauthorized", "www-authenticate: Bearer realm=\"x\"\r\n", "invalid_api_key");
    }
    if path == "/v1/models" {
        return models();
    }
    let Ok(body) = serde_json::from_slice::<Value>(&asked.body) else {
        return error("400 Bad Request", "", "invalid_json");
    };
    match (body["model"].as_str(), body["stream"].as_bool()) {
        (Some("gpt-4o" | "gpt-4o-mini"), Some(true)) => stream(),
        (Some("gpt-4o" | "gpt-4o-mini"), _) => completion(),
        _ => error("404 Not Found", "", "model_not_found"),
    }
}
