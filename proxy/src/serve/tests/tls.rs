//! TLS as clients see it: our own client, openssl and curl.

use std::process::Stdio;

use proptest::prelude::*;
use rustls_pki_types::ServerName;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    process::Command,
};
use tokio_rustls::TlsConnector;

use super::*;
use crate::{
    config::{ClientAuth, Tls, TlsVersion},
    tls::testing::{Authority, Folder, now},
};

fn server(settings: &Tls) -> Arc<Server> {
    Arc::new(Server::new(settings, now()).unwrap())
}

pub(super) async fn tool(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output();
    let output = tokio::time::timeout(PATIENCE, output).await.unwrap();
    let output =
        output.unwrap_or_else(|error| panic!("this test needs {program} (Debian: {program}): {error}"));
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[tokio::test]
async fn versions_and_protocols_are_settled_as_configured() {
    let authority = Authority::new();
    let folder = Folder::with(&authority.issue());
    for (min_version, accepted) in
        [(TlsVersion::Tls12, ["1.2", "1.3"].as_slice()), (TlsVersion::Tls13, &["1.3"])]
    {
        let running = start(Some(server(&Tls { min_version, ..folder.settings() })), LIMITS);
        let at = running.address.to_string();
        for version in ["1.1", "1.2", "1.3"] {
            let flag = format!("-tls{}", version.replace('.', "_"));
            let shown = tool(
                "openssl",
                &["s_client", "-connect", &at, &flag, "-cipher", "ALL:@SECLEVEL=0", "-alpn", "h2,http/1.1"],
            )
            .await;
            let is_settled = shown.contains(&format!("New, TLSv{version}"));
            assert_eq!(is_settled, accepted.contains(&version), "{version}: {shown}");
            assert_eq!(
                shown.contains("ALPN protocol: h2"),
                accepted.contains(&version),
                "{version}: {shown}"
            );
        }
        let shown = tool("openssl", &["s_client", "-connect", &at, "-alpn", "http/1.1"]).await;
        assert!(shown.contains("ALPN protocol: http/1.1"), "{shown}");
        let shown = tool("openssl", &["s_client", "-connect", &at, "-alpn", "spdy/3"]).await;
        assert!(shown.contains("no application protocol"), "{shown}");
        assert_eq!(running.requests(), 0);
    }
}

#[tokio::test]
async fn curl_is_answered_in_both_versions_of_http() {
    let authority = Authority::new();
    let folder = Folder::with(&authority.issue());
    std::fs::write(folder.path("ca.pem"), &authority.certificate).unwrap();
    let running = start(Some(server(&folder.settings())), LIMITS);
    let (ca, port) = (folder.path("ca.pem"), running.address.port());
    let url = format!("https://localhost:{port}/");
    let ca = ca.to_str().unwrap();
    let own = ["-sS", "--noproxy", "*", "-m", "10", "--cacert", ca, "--resolve"];
    let resolve = format!("localhost:{port}:127.0.0.1");
    for (flag, wanted) in [("--http2", "HTTP/2.0"), ("--http1.1", "HTTP/1.1")] {
        let shown = tool("curl", &[&own[..], &[&resolve, flag, "-d", "hi", &url]].concat()).await;
        assert_eq!(shown, format!("{wanted} encrypted=true certificate=false body=hi\n"));
    }
    // Another name than those of the certificate is refused by the client, and an address is served without a name.
    let wrong = format!("wrong.example.org:{port}:127.0.0.1");
    let shown =
        tool("curl", &[&own[..], &[&wrong, &format!("https://wrong.example.org:{port}/")]].concat()).await;
    assert!(shown.contains("no alternative certificate subject name"), "{shown}");
    let shown = tool("curl", &[&own[..], &[&resolve, &format!("https://127.0.0.1:{port}/")]].concat()).await;
    assert!(shown.contains("encrypted=true"), "{shown}");
    assert_eq!(running.requests(), 3);
}

/// Connects with our own client and asks once; nothing where TLS or the server refuses.
pub(super) async fn ask(
    address: SocketAddr,
    config: Arc<rustls::ClientConfig>,
    name: &'static str,
) -> Option<String> {
    let stream = TcpStream::connect(address).await.ok()?;
    let name = ServerName::try_from(name).unwrap();
    let mut stream = TlsConnector::from(config).connect(name, stream).await.ok()?;
    stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    Some(answer)
}

#[tokio::test]
async fn client_certificates_are_asked_for_as_configured() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let folder = Folder::with(&authority.issue());
    std::fs::write(folder.path("ca.pem"), &authority.certificate).unwrap();
    let (known, unknown) = (authority.issue(), stranger.issue());
    for required in [true, false] {
        let client_auth = Some(ClientAuth { ca_path: folder.path("ca.pem"), required });
        let running = start(Some(server(&Tls { client_auth, ..folder.settings() })), LIMITS);
        let http1: &[&[u8]] = &[b"http/1.1"];
        let with = ask(running.address, authority.client(Some(&known), http1), "localhost").await.unwrap();
        assert!(with.contains("certificate=true"), "{with}");
        let without = ask(running.address, authority.client(None, http1), "localhost").await;
        assert_eq!(without.is_some_and(|answer| answer.contains("certificate=false")), !required);
        // A certificate of somebody else is refused even where none would do.
        assert_eq!(ask(running.address, authority.client(Some(&unknown), http1), "localhost").await, None);
        assert_eq!(running.requests(), if required { 1 } else { 2 });
    }
}

/// What strangers may try.
#[derive(Debug, Clone)]
enum Attempt {
    /// Bytes that are no TLS.
    Bytes(Vec<u8>),
    /// A plain request.
    Plain { method: String, path: String, body: Vec<u8> },
    /// TLS by a client that does not trust our authority, with a certificate of its own or without.
    Untrusted { shows: bool, only_tls12: bool },
}

fn attempt() -> impl Strategy<Value = Attempt> {
    prop_oneof![
        prop::collection::vec(any::<u8>(), 1..600).prop_map(Attempt::Bytes),
        // The beginning of a record, then anything.
        prop::collection::vec(any::<u8>(), 1..300).prop_map(|bytes| {
            Attempt::Bytes([&[0x16, 0x03, 0x01, 0x00, 0xC8, 0x01][..], &bytes].concat())
        }),
        ("[A-Z]{1,8}", "/[a-z0-9/?&=%]{0,40}", prop::collection::vec(any::<u8>(), 0..100))
            .prop_map(|(method, path, body)| Attempt::Plain { method, path, body }),
        Just(Attempt::Bytes(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec())),
        (any::<bool>(), any::<bool>())
            .prop_map(|(shows, only_tls12)| Attempt::Untrusted { shows, only_tls12 }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Feature: aws-ec2-production-deployment, Property 2: without TLS that both sides trust, no request is served.
    #[test]
    fn nothing_that_is_not_trusted_tls_reaches_the_service(attempts in prop::collection::vec(attempt(), 1..6)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let requests = runtime.block_on(async {
            let (authority, stranger) = (Authority::new(), Authority::new());
            let folder = Folder::with(&authority.issue());
            std::fs::write(folder.path("ca.pem"), &authority.certificate).unwrap();
            let client_auth = Some(ClientAuth { ca_path: folder.path("ca.pem"), required: true });
            let limits = Limits { headers: Duration::from_secs(2), ..LIMITS };
            let running = start(Some(server(&Tls { client_auth, ..folder.settings() })), limits);
            for attempt in attempts {
                let bytes = match attempt {
                    Attempt::Bytes(bytes) => bytes,
                    Attempt::Plain { method, path, body } => {
                        let head = format!("{method} {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", body.len());
                        [head.as_bytes(), &body].concat()
                    }
                    Attempt::Untrusted { shows, only_tls12 } => {
                        let versions: &[&rustls::SupportedProtocolVersion] =
                            if only_tls12 { &[&rustls::version::TLS12] } else { &[&rustls::version::TLS13] };
                        let own = shows.then(|| stranger.issue());
                        let client = stranger.client_of(own.as_ref(), &[b"http/1.1"], versions);
                        assert_eq!(ask(running.address, client, "localhost").await, None);
                        continue;
                    }
                };
                let mut stream = TcpStream::connect(running.address).await.unwrap();
                stream.write_all(&bytes).await.unwrap();
                // No more will come, so that the server does not wait for the rest of a record.
                let _ = stream.shutdown().await;
                let mut answer = Vec::new();
                let _ = stream.read_to_end(&mut answer).await;
                assert!(!answer.starts_with(b"HTTP/"));
            }
            running.requests()
        });
        prop_assert_eq!(requests, 0);
    }
}
