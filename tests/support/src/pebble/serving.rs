//! Serves as the proxy does: the pair that is live, and answers to TLS-ALPN-01 from the file of the name that is
//! asked for.

use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
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

/// The protocol of the challenge (RFC 8737).
const CHALLENGE: &[u8] = b"acme-tls/1";

#[derive(Debug)]
struct Folder {
    /// With `live/` and `challenges/`.
    path: PathBuf,
    /// Served to challenges instead of what is there.
    stranger: Option<Arc<CertifiedKey>>,
}

impl ResolvesServerCert for Folder {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let is_challenge = hello.alpn().is_some_and(|mut offered| offered.next() == Some(CHALLENGE));
        if !is_challenge {
            let read = |name: &str| std::fs::read(self.path.join("live").join(name)).ok();
            return certified(&read("fullchain.pem")?, &read("privkey.pem")?);
        }
        if self.stranger.is_some() {
            return self.stranger.clone();
        }
        let file = self.path.join("challenges").join(format!("{}.pem", hello.server_name()?));
        let pem = std::fs::read(file).ok()?;
        certified(&pem, &pem)
    }
}

fn certified(chain: &[u8], key: &[u8]) -> Option<Arc<CertifiedKey>> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(chain).collect();
    let key = PrivateKeyDer::from_pem_slice(key).ok()?;
    let key = rustls::crypto::aws_lc_rs::sign::any_supported_type(&key).ok()?;
    Some(Arc::new(CertifiedKey::new(chain.ok()?, key)))
}

/// A server over a folder of pairs. It ends when this value does.
pub struct PairServer {
    port: u16,
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl PairServer {
    /// Serves what lies in this folder: `live/` and `challenges/`.
    pub fn start(folder: &Path) -> Self {
        Self::run(Folder { path: folder.to_owned(), stranger: None })
    }

    /// The same, but whoever asks with a challenge gets a certificate that has nothing to do with it.
    pub fn stranger(folder: &Path) -> Self {
        let made =
            rcgen::generate_simple_self_signed(vec!["api.test.corp".to_owned()]).expect("a certificate");
        let stranger = certified(made.cert.pem().as_bytes(), made.signing_key.serialize_pem().as_bytes());
        Self::run(Folder { path: folder.to_owned(), stranger })
    }

    fn run(folder: Folder) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("a bound address").port();
        let mut config = ServerConfig::builder().with_no_client_auth().with_cert_resolver(Arc::new(folder));
        config.alpn_protocols = vec![CHALLENGE.to_vec(), b"http/1.1".to_vec()];
        let config = Arc::new(config);
        let ends = Arc::new(AtomicBool::new(false));
        let ended = ends.clone();
        let thread = thread::spawn(move || {
            for stream in listener.incoming() {
                if ended.load(Ordering::SeqCst) {
                    return;
                }
                if let Ok(stream) = stream {
                    // A client that goes away in the middle is no fault of the server.
                    let _ = serve(stream, &config);
                }
            }
        });
        Self { port, ends, thread: Some(thread) }
    }

    /// Where it listens on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The same as an address.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }
}

impl Drop for PairServer {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::SeqCst);
        // Wakes the listener.
        let _ = TcpStream::connect(self.address());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve(mut stream: TcpStream, config: &Arc<ServerConfig>) -> std::io::Result<()> {
    const PATIENCE: Option<Duration> = Some(Duration::from_secs(5));
    stream.set_read_timeout(PATIENCE)?;
    stream.set_write_timeout(PATIENCE)?;
    let mut connection = ServerConnection::new(config.clone()).map_err(std::io::Error::other)?;
    connection.complete_io(&mut stream)?;
    // Until the client goes.
    rustls::Stream::new(&mut connection, &mut stream).read(&mut [0; 16]).map(|_| ())
}
