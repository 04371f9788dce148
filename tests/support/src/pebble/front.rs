//! Stands before an authority that knows no renewal information (RFC 9773) and adds it: a directory that names the
//! place, and what is answered there.

use std::fs;
use std::io::{self, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

use super::Pebble;
use crate::http::{Message, Unframed};

/// What is answered where somebody asks when to renew.
#[derive(Debug, Clone)]
pub enum RenewalAnswer {
    /// A window, as the authority writes it: two RFC 3339 times; and `Retry-After`.
    Window {
        /// Its beginning.
        start: String,
        /// Its end.
        end: String,
        /// When to ask again, as in the header.
        retry_after: Option<String>,
    },
    /// It knows nothing of that certificate.
    NotFound,
    /// Something that is no answer.
    Garbage,
    /// It is too busy for everything, the directory included; with `Retry-After`.
    Busy(String),
    /// It does not answer at all.
    Silent,
}

/// The front. It ends when this value does.
pub struct AuthorityFront {
    address: SocketAddr,
    answer: Arc<Mutex<RenewalAnswer>>,
    asked: Arc<Mutex<Vec<String>>>,
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl AuthorityFront {
    /// Starts one before this authority, with its certificate.
    pub fn start(pebble: &Pebble, answer: RenewalAnswer) -> Self {
        let folder = pebble.scratch.path();
        let read = |name: &str| fs::read(folder.join(name)).expect("the authority has a certificate");
        let chain = vec![CertificateDer::from_pem_slice(&read("cert.pem")).expect("a certificate")];
        let key = PrivateKeyDer::from_pem_slice(&read("key.pem")).expect("a key");
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .expect("a certificate with its key");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("a bound address");
        let mut directory: Value =
            serde_json::from_str(&pebble.ask(&pebble.directory())).expect("a directory");
        let place = json!(format!("https://{address}/renewal-info"));
        directory.as_object_mut().expect("a directory").insert("renewalInfo".to_owned(), place);
        let mut front = Self {
            address,
            answer: Arc::new(Mutex::new(answer)),
            asked: Arc::default(),
            ends: Arc::default(),
            thread: None,
        };
        let (answer, asked, ends) = (front.answer.clone(), front.asked.clone(), front.ends.clone());
        let config = Arc::new(config);
        let thread = thread::spawn(move || {
            for stream in listener.incoming() {
                if ends.load(Ordering::SeqCst) {
                    return;
                }
                let answer = answer.lock().expect("nobody panicked").clone();
                if let Ok(stream) = stream {
                    // A client that goes away in the middle is no fault of the front.
                    let _ = serve(stream, &config, &directory, &answer, &asked);
                }
            }
        });
        front.thread = Some(thread);
        front
    }

    /// The URL of the directory that names the place.
    pub fn directory(&self) -> String {
        format!("https://{}/directory", self.address)
    }

    /// What is answered from now on.
    pub fn set(&self, answer: RenewalAnswer) {
        *self.answer.lock().expect("nobody panicked") = answer;
    }

    /// The paths that were asked for.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("nobody panicked").clone()
    }
}

impl Drop for AuthorityFront {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::SeqCst);
        // Wakes the listener.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve(
    stream: TcpStream,
    config: &Arc<ServerConfig>,
    directory: &Value,
    answer: &RenewalAnswer,
    asked: &Mutex<Vec<String>>,
) -> io::Result<()> {
    const PATIENCE: Option<Duration> = Some(Duration::from_secs(5));
    stream.set_read_timeout(PATIENCE)?;
    stream.set_write_timeout(PATIENCE)?;
    let connection = ServerConnection::new(config.clone()).map_err(io::Error::other)?;
    let mut input = BufReader::new(StreamOwned::new(connection, stream));
    let Some(request) = Message::read(&mut input, Unframed::Empty, || Ok(()))? else { return Ok(()) };
    let path = request.start.split(' ').nth(1).unwrap_or_default().to_owned();
    asked.lock().expect("nobody panicked").push(path.clone());
    let problem = json!({"type": "urn:ietf:params:acme:error:malformed", "detail": "unknown"}).to_string();
    let busy = json!({"type": "urn:ietf:params:acme:error:rateLimited", "detail": "too many requests"});
    let after = |seconds: &str| format!("Retry-After: {seconds}\r\n");
    let (status, fields, body) = match (answer, path.as_str()) {
        (RenewalAnswer::Silent, _) => return Ok(()),
        (RenewalAnswer::Busy(seconds), _) => ("429 Too Many Requests", after(seconds), busy.to_string()),
        (_, "/directory") => ("200 OK", String::new(), directory.to_string()),
        (RenewalAnswer::Window { start, end, retry_after }, _) => {
            let window = json!({"suggestedWindow": {"start": start, "end": end}});
            ("200 OK", retry_after.as_deref().map(after).unwrap_or_default(), window.to_string())
        }
        (RenewalAnswer::NotFound, _) => ("404 Not Found", String::new(), problem),
        (RenewalAnswer::Garbage, _) => ("200 OK", after("3600"), "<html>{]".to_owned()),
    };
    let output = input.get_mut();
    write!(
        output,
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{fields}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )?;
    output.flush()?;
    output.conn.send_close_notify();
    output.flush()
}
