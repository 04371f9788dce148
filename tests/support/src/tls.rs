//! TLS before what speaks plain HTTP, and certificates for it.

use std::io::{self, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::http::{Message, Unframed};

const LOOK_EVERY: Duration = Duration::from_millis(10);
/// Whoever is silent for so long has gone.
const PATIENCE: Option<Duration> = Some(Duration::from_secs(30));

/// A root that nobody trusts by itself, and a certificate of it for a server with these names and addresses: root, chain
/// and key, PEM.
pub fn certificate(names: &[&str]) -> (String, String, String) {
    let root_key = KeyPair::generate().expect("a key");
    let mut root = CertificateParams::new(Vec::new()).expect("no names");
    root.distinguished_name.push(DnType::CommonName, "a root for tests");
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root_pem = root.self_signed(&root_key).expect("a root").pem();
    let issuer = Issuer::new(root, root_key);
    let key = KeyPair::generate().expect("a key");
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let leaf = CertificateParams::new(names).expect("names and addresses");
    let leaf = leaf.signed_by(&key, &issuer).expect("a certificate");
    (root_pem, leaf.pem(), key.serialize_pem())
}

/// Takes TLS off and passes each request on. It ends when this value does.
#[derive(Debug)]
pub struct TlsFront {
    ends: Arc<AtomicBool>,
}

impl TlsFront {
    /// Starts one at `at`, before what listens at `to`, with this chain and key. Both are addresses of the network of
    /// the thread that starts it.
    pub fn start(at: SocketAddr, chain: &str, key: &str, to: SocketAddr) -> Self {
        let chain = CertificateDer::pem_slice_iter(chain.as_bytes()).collect::<Result<_, _>>();
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("a key");
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(chain.expect("a chain"), key)
            .expect("a certificate with its key");
        let config = Arc::new(config);
        let listener = TcpListener::bind(at).unwrap_or_else(|error| panic!("{at}: {error}"));
        listener.set_nonblocking(true).expect("a listener that does not wait");
        let ends = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&ends);
        thread::spawn(move || {
            while !ended.load(Ordering::SeqCst) {
                let Ok((stream, _)) = listener.accept() else {
                    thread::sleep(LOOK_EVERY);
                    continue;
                };
                let config = Arc::clone(&config);
                // A client that goes away in the middle is no fault of the front.
                thread::spawn(move || pass_on(stream, &config, to));
            }
        });
        Self { ends }
    }
}

impl Drop for TlsFront {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::SeqCst);
    }
}

/// One request of a connection and its answer.
fn pass_on(stream: TcpStream, config: &Arc<ServerConfig>, to: SocketAddr) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(PATIENCE)?;
    stream.set_write_timeout(PATIENCE)?;
    let connection = ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
    let mut client = BufReader::new(StreamOwned::new(connection, stream));
    let Some(request) = Message::read(&mut client, Unframed::Empty, || Ok(()))? else { return Ok(()) };
    let mut server = TcpStream::connect(to)?;
    server.set_read_timeout(PATIENCE)?;
    request.write(&mut server, "close")?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer)?;
    let client = client.get_mut();
    client.write_all(&answer)?;
    client.conn.send_close_notify();
    client.flush()
}
