//! What a TLS handshake costs, with and without a folder of ACME challenges: for clients it must be the same.
//!
//! Run with `cargo bench -p proxy --bench handshake`. A whole handshake with both sides in one thread, over loopback.
#![expect(clippy::unwrap_used, reason = "a bench may stop")]

use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use jiff::Timestamp;
use proxy::{
    config::{Tls, TlsVersion},
    tls::Server,
};
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use rustls::{ClientConfig, RootCertStore, client::Resumption, pki_types::ServerName};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;

fn handshake(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.not_after = date_time_ymd(2099, 1, 1);
    let certificate = params.self_signed(&key).unwrap();
    std::fs::write(folder.path().join("cert.pem"), certificate.pem()).unwrap();
    std::fs::write(folder.path().join("key.pem"), key.serialize_pem()).unwrap();

    let mut roots = RootCertStore::empty();
    roots.add(certificate.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    client.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    client.resumption = Resumption::disabled();
    let connector = TlsConnector::from(Arc::new(client));

    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    // As long as the certificate is valid.
    let now: Timestamp = "2026-06-15T12:00:00Z".parse().unwrap();
    let mut group = criterion.benchmark_group("handshake");
    for (name, acme_challenges) in
        [("without challenges", None), ("with challenges", Some(folder.path().to_owned()))]
    {
        let settings = Tls {
            cert_path: folder.path().join("cert.pem"),
            key_path: folder.path().join("key.pem"),
            names: Vec::new(),
            min_version: TlsVersion::Tls12,
            client_auth: None,
            acme_challenges,
        };
        let server = Server::new(&settings, now).unwrap();
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                runtime.block_on(async {
                    let (connected, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
                    let (stream, peer) = accepted.unwrap();
                    let name = ServerName::try_from("localhost").unwrap();
                    let (client, server) = tokio::join!(
                        connector.connect(name, connected.unwrap()),
                        server.accept(stream, peer)
                    );
                    (client.unwrap(), server.unwrap())
                })
            });
        });
    }
}

criterion_group!(benches, handshake);
criterion_main!(benches);
