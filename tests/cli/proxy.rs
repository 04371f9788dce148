//! The real proxy on loopback, over TLS, with an issuer and a small Bedrock: what `check endpoint` looks at.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use cloud_loopback::{Bedrock, BedrockOptions, Issuer, IssuerOptions};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::json;
use test_support::environment;

/// The API key `practice`, and its digest in the configuration.
pub(crate) const API_KEY: &str = "practice";
const API_KEY_SHA256: &str = "ada750e3f8464e9e1fd6a882b1a3b46cad39a1876c3fb7b85abe47a887c977fb";
/// A machine under load takes its time.
const SOON: Duration = Duration::from_secs(30);

/// A running proxy and what it talks to. It ends when this value does.
pub(crate) struct Proxy {
    pub(crate) bedrock: Bedrock,
    pub(crate) issuer: Issuer,
    address: SocketAddr,
    folder: tempfile::TempDir,
    child: Child,
}

impl Proxy {
    pub(crate) fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("sre-test-").tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        make_certificates(folder.path());
        let bedrock = Bedrock::start(&BedrockOptions::default()).unwrap();
        let issuer = Issuer::start(IssuerOptions::default()).unwrap();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        let config = json!({
            "version": 1,
            "listen": {"address": address.to_string()},
            "tls": {"cert_path": at("fullchain.pem"), "key_path": at("privkey.pem"), "names": ["localhost"]},
            "auth": {
                "issuers": [{"issuer": issuer.url(), "required_scopes": ["sre-agent-api/read"]}],
                "api_keys": [{"name": "ci", "sha256": API_KEY_SHA256}],
            },
            "upstreams": {"bedrock": {"kind": "bedrock", "region": "us-east-1", "endpoint_url": bedrock.url()}},
            "models": {"gpt-4o": "amazon.nova-pro-v1:0", "gpt-4o-mini": "amazon.nova-lite-v1:0"},
            "telemetry": {"metrics": {"address": format!("127.0.0.1:{}", free_port())}},
        });
        fs::write(at("proxy.yaml"), config.to_string()).unwrap();
        let log = fs::File::create(at("log")).unwrap();
        let variables = environment("").into_iter().filter(|(name, _)| name != "AWS_ENDPOINT_URL");
        let child = Command::new(binary())
            .args(["serve", "--config"])
            .arg(at("proxy.yaml"))
            .env_clear()
            .envs(variables)
            .env("STATE_DIRECTORY", folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut proxy = Self { bedrock, issuer, address, folder, child };
        proxy.wait_until_it_listens();
        proxy
    }

    fn wait_until_it_listens(&mut self) {
        let started = Instant::now();
        while TcpStream::connect(self.address).is_err() {
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "the proxy ended at once, {ended:?}:\n{}", self.log());
            assert!(started.elapsed() < SOON, "the proxy does not listen after {SOON:?}:\n{}", self.log());
            sleep(Duration::from_millis(20));
        }
    }

    /// A file beside its configuration.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Everything that it has printed so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap()
    }

    /// `https://localhost:PORT`
    pub(crate) fn url(&self) -> String {
        format!("https://localhost:{}", self.address.port())
    }

    /// A valid access token of the issuer's first client.
    pub(crate) fn token(&self) -> String {
        self.issuer.mint(&self.issuer.claims())
    }

    /// The flags that lead to it, with a file that holds this token.
    pub(crate) fn flags(&self, token: &str) -> String {
        fs::write(self.path("token"), format!("{token}\n")).unwrap();
        format!(
            "--url {} --ca-file {} --token-file {}",
            self.url(),
            self.path("ca.pem").display(),
            self.path("token").display()
        )
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // It may be gone already, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The proxy's program, which cargo puts beside this one's.
fn binary() -> PathBuf {
    let path = Path::new(env!("CARGO_BIN_EXE_sre-agent-deploy")).with_file_name("bedrock-nova-proxy");
    assert!(path.exists(), "{} is missing; build it: cargo build -p proxy", path.display());
    path
}

/// `ca.pem`, `other.pem` (an authority that signed nothing), `fullchain.pem` and `privkey.pem`.
fn make_certificates(folder: &Path) {
    let authority = || {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
    };
    let (ours, other) = (authority(), authority());
    let key = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(["localhost".to_owned()]).unwrap().signed_by(&key, &ours).unwrap();
    fs::write(folder.join("ca.pem"), ours.as_ref().pem()).unwrap();
    fs::write(folder.join("other.pem"), other.as_ref().pem()).unwrap();
    fs::write(folder.join("fullchain.pem"), certificate.pem()).unwrap();
    fs::write(folder.join("privkey.pem"), key.serialize_pem()).unwrap();
}

/// A loopback port that nothing listens on.
fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}
