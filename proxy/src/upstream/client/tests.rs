//! Connections as they come about, or do not.

use std::{convert::Infallible, net::SocketAddr};

use http::Version;
use hyper::{server::conn::http2, service::service_fn};
use rustls::{RootCertStore, ServerConfig};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::upstream::{
    refusal::unreachable,
    stub::{Act, Stub},
};

#[tokio::test]
async fn connections_do_not_wait_for_acknowledgements() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri: Uri = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let tls = tls_versions().unwrap().with_root_certificates(rustls::RootCertStore::empty());
    let mut connector = connector(Duration::from_secs(3), &tls.with_no_client_auth());
    let MaybeHttpsStream::Http(stream) = connector.call(uri).await.unwrap() else { panic!("TLS") };
    assert!(stream.inner().nodelay().unwrap());
}

#[tokio::test]
async fn a_connection_has_to_come_about_in_time() {
    // Accepted by the kernel, but nobody speaks TLS on it.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    let client = HttpClient::new(Duration::from_millis(100)).unwrap();
    let error = client.fetch(&url).await.unwrap_err();
    assert!(error.0.contains("no connection within 100ms"), "{error}");
}

#[tokio::test]
async fn documents_are_fetched_within_limits_and_without_redirects() {
    let stub = Stub::start(|_, seen| match seen.path.as_str() {
        "/jwks" => Act::Answer(200, Vec::new(), Bytes::from_static(b"{}")),
        "/long" => Act::Answer(200, Vec::new(), vec![b' '; DOCUMENT_BYTES + 1].into()),
        _ => Act::Answer(302, vec![("location", "/jwks".to_owned())], Bytes::new()),
    })
    .await;
    let client = HttpClient::new(Duration::from_secs(3)).unwrap();
    assert_eq!(client.fetch(&format!("{}/jwks", stub.url())).await.unwrap(), "{}");
    for (path, reason) in [("/long", "longer than 262144 bytes"), ("/moved", "status 302")] {
        let error = client.fetch(&format!("{}{path}", stub.url())).await.unwrap_err();
        assert!(error.0.contains(reason), "{error}");
    }
    assert!(client.fetch("not a url").await.is_err());
}

#[test]
fn full_pools_are_left_alone() {
    let client = HttpClient::new(Duration::from_secs(3)).unwrap();
    let places: Vec<_> = (0..=OPEN_PER_POOL).map(|_| client.place().unwrap()).collect();
    let (first, last) = (&places[0], &places[OPEN_PER_POOL]);
    assert!(Arc::ptr_eq(&first.0, &places[OPEN_PER_POOL - 1].0));
    assert!(!Arc::ptr_eq(&first.0, &last.0));
    drop(places);
    assert!(client.pools.iter().all(|pool| pool.open.load(Ordering::Relaxed) == 0));
}

/// A server that speaks HTTP/2 over TLS and answers with the authority that it was asked for.
async fn encrypted(tasks: &mut JoinSet<()>) -> (SocketAddr, RootCertStore) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let key = rustls_pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let acceptor = acceptor.clone();
            connections.spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else { return };
                let service = service_fn(async |request: Request<hyper::body::Incoming>| {
                    assert_eq!(request.version(), Version::HTTP_2);
                    let authority = request.uri().authority().unwrap().to_string();
                    Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(authority))))
                });
                let server = http2::Builder::new(TokioExecutor::new());
                let _ = server.serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    (address, roots)
}

fn trusting(roots: RootCertStore) -> HttpClient {
    let tls = tls_versions().unwrap().with_root_certificates(roots).with_no_client_auth();
    HttpClient::with_tls(Duration::from_secs(3), tls)
}

#[tokio::test]
async fn http_2_is_spoken_where_the_server_does() {
    let mut tasks = JoinSet::new();
    let (address, roots) = encrypted(&mut tasks).await;
    let authority = format!("localhost:{}", address.port());
    let answer = trusting(roots).fetch(&format!("https://{authority}/")).await.unwrap();
    assert_eq!(answer, authority);
}

#[tokio::test]
async fn a_server_that_nobody_vouches_for_is_not_spoken_to() {
    let mut tasks = JoinSet::new();
    let (address, _) = encrypted(&mut tasks).await;
    let mut request = Request::new(Full::default());
    *request.uri_mut() = format!("https://localhost:{}/", address.port()).parse().unwrap();
    let error = trusting(RootCertStore::empty()).send(request).await.err().unwrap();
    let refusal = unreachable(error);
    assert_eq!(refusal.error.message, "No secure connection to the upstream is possible.");
    assert!(refusal.error.log.unwrap().contains("certificate"));
}
