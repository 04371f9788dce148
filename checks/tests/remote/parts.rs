//! Servers to reach: openssl's, and scripted ones. Each listens on a free loopback port and ends with its value.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::RootCertStore;
use tempfile::TempDir;

/// An authority of the house with one server certificate below an intermediate one.
pub(crate) struct Pki {
    folder: TempDir,
    /// The server's certificate and the intermediate one, DER.
    pub(crate) chain: Vec<Vec<u8>>,
    /// The root, DER.
    pub(crate) root: Vec<u8>,
}

impl Pki {
    /// For these names and addresses.
    pub(crate) fn new(names: &[&str]) -> Self {
        let authority = |name: &str| {
            let mut params = CertificateParams::new(Vec::new()).unwrap();
            params.distinguished_name.push(DnType::CommonName, name);
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params
        };
        let root =
            CertifiedIssuer::self_signed(authority("Example Root"), KeyPair::generate().unwrap()).unwrap();
        let middle = CertifiedIssuer::signed_by(
            authority("Example Intermediate"),
            KeyPair::generate().unwrap(),
            &root,
        )
        .unwrap();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let key = KeyPair::generate().unwrap();
        let mut leaf = CertificateParams::new(names).unwrap();
        leaf.use_authority_key_identifier_extension = true;
        let leaf = leaf.signed_by(&key, &middle).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("leaf.pem"), leaf.pem()).unwrap();
        std::fs::write(folder.path().join("chain.pem"), middle.pem()).unwrap();
        std::fs::write(folder.path().join("full.pem"), leaf.pem() + &middle.pem()).unwrap();
        std::fs::write(folder.path().join("key.pem"), key.serialize_pem()).unwrap();
        std::fs::write(folder.path().join("root.pem"), root.pem()).unwrap();
        let chain = vec![leaf.der().to_vec(), middle.der().to_vec()];
        Self { folder, chain, root: root.der().to_vec() }
    }

    /// A file of it: `leaf.pem`, `chain.pem`, `full.pem`, `key.pem`, `root.pem`.
    pub(crate) fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    /// Its root, to be trusted.
    pub(crate) fn roots(&self) -> Arc<RootCertStore> {
        let mut roots = RootCertStore::empty();
        roots.add(self.root.clone().into()).unwrap();
        Arc::new(roots)
    }
}

/// A child that the kernel ends with the test, even with a killed one.
pub(crate) struct Running(Child);

impl Running {
    pub(crate) fn start(command: &[&str]) -> Self {
        Self::spawn(Command::new("setpriv").args(["--pdeathsig", "KILL", "--"]).args(command))
    }

    pub(crate) fn spawn(command: &mut Command) -> Self {
        let child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("`setpriv` starts a server (Debian: apt-get install util-linux)");
        Self(child)
    }

    /// The rest of the first line that begins so.
    pub(crate) fn line(&mut self, begin: &str) -> String {
        let mut lines = BufReader::new(self.0.stdout.as_mut().unwrap()).lines();
        let found = lines.find_map(|line| line.unwrap().strip_prefix(begin).map(str::to_owned));
        found.unwrap_or_else(|| panic!("the server ended without saying `{begin}`; is it there? (Debian: apt-get install openssl python3)"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// `openssl s_server`.
pub(crate) struct Openssl {
    _child: Running,
    pub(crate) address: SocketAddr,
}

impl Openssl {
    /// With the leaf and its intermediate certificate, and more flags.
    pub(crate) fn start(pki: &Pki, flags: &[&str]) -> Self {
        let files = [pki.path("leaf.pem"), pki.path("key.pem"), pki.path("chain.pem")];
        let mut command =
            vec!["openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", &files[0], "-key", &files[1]];
        command.extend(["-cert_chain", &files[2]]);
        command.extend(flags);
        let mut child = Running::start(&command);
        let address = child.line("ACCEPT ").trim().parse().unwrap();
        Self { _child: child, address }
    }
}

/// A server that treats each connection with a closure, one after the other.
pub(crate) struct Scripted {
    pub(crate) address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Scripted {
    pub(crate) fn start(mut serve: impl FnMut(TcpStream) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                let stream = stream.unwrap();
                stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
                serve(stream);
            }
        });
        Self { address, stop, thread: Some(thread) }
    }

    /// Says this to everybody, hears them out for a moment, and hangs up.
    pub(crate) fn saying(text: &'static [u8]) -> Self {
        Self::start(move |mut stream| {
            let _ = stream.write_all(text);
            let _ = stream.read(&mut [0; 4096]);
        })
    }

    /// Answers each request with these bytes.
    pub(crate) fn answering(text: &'static [u8]) -> Self {
        Self::start(move |mut stream| {
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(text);
        })
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
