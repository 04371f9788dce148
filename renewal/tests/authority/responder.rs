//! Answers TLS-ALPN-01 as the proxy does: from the file of the name that is asked for.

use std::io::Read as _;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, ServerConnection};

#[derive(Debug)]
struct Folder {
    path: PathBuf,
    /// Served instead of what is there.
    stranger: Option<Arc<CertifiedKey>>,
}

impl ResolvesServerCert for Folder {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        if self.stranger.is_some() {
            return self.stranger.clone();
        }
        let pem = std::fs::read(self.path.join(format!("{}.pem", hello.server_name()?))).ok()?;
        certified(&pem)
    }
}

fn certified(pem: &[u8]) -> Option<Arc<CertifiedKey>> {
    let chain = vec![CertificateDer::from_pem_slice(pem).ok()?];
    let key = PrivateKeyDer::from_pem_slice(pem).ok()?;
    let key = rustls::crypto::aws_lc_rs::sign::any_supported_type(&key).ok()?;
    Some(Arc::new(CertifiedKey::new(chain, key)))
}

/// It ends when this value does.
pub(crate) struct Responder {
    port: u16,
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Responder {
    /// Answers from this folder.
    pub(crate) fn start(folder: &Path) -> Self {
        Self::run(Folder { path: folder.to_owned(), stranger: None })
    }

    /// Answers with a certificate that has nothing to do with any challenge.
    pub(crate) fn stranger(folder: &Path) -> Self {
        let made = rcgen::generate_simple_self_signed(vec!["api.test.corp".to_owned()]).unwrap();
        let pem = format!("{}{}", made.cert.pem(), made.signing_key.serialize_pem());
        Self::run(Folder { path: folder.to_owned(), stranger: certified(pem.as_bytes()) })
    }

    fn run(folder: Folder) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut config = ServerConfig::builder().with_no_client_auth().with_cert_resolver(Arc::new(folder));
        config.alpn_protocols = vec![b"acme-tls/1".to_vec()];
        let config = Arc::new(config);
        let ends = Arc::new(AtomicBool::new(false));
        let ended = ends.clone();
        let thread = thread::spawn(move || {
            for stream in listener.incoming() {
                if ended.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(mut stream) = stream else { continue };
                let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
                let mut connection = ServerConnection::new(config.clone()).unwrap();
                let _ = connection.complete_io(&mut stream);
                let _ = rustls::Stream::new(&mut connection, &mut stream).read(&mut [0; 16]);
            }
        });
        Self { port, ends, thread: Some(thread) }
    }

    /// Where it listens.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::SeqCst);
        // Wakes the listener.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
