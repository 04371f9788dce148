//! An ACME authority: pebble, with a DNS that answers as the test says.

mod front;
mod serving;

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};
use tempfile::TempDir;

pub use front::{AuthorityFront, RenewalAnswer};
pub use serving::PairServer;

/// A machine under load takes its time.
const READY_WITHIN: Duration = Duration::from_mins(1);
const LOOK_EVERY: Duration = Duration::from_millis(25);
/// How often other ports are tried.
const ATTEMPTS: u32 = 5;
/// The key that binds accounts, base64url, and its name.
const EAB_KEY_ID: &str = "kid-1";
const EAB_HMAC: &str = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W";

/// What kind of authority.
#[derive(Debug, Clone, Copy)]
pub struct PebbleOptions {
    /// How long its certificates are valid, in seconds.
    pub validity: u32,
    /// Whether it takes only accounts that are bound to one of its own.
    pub needs_external_account: bool,
    /// How many of a hundred good nonces it rejects.
    pub rejected_nonces: u8,
    /// Whether it insists on what only later versions will.
    pub is_strict: bool,
    /// Where it looks for answers to TLS-ALPN-01.
    pub tls_port: u16,
    /// Where it looks for answers to HTTP-01.
    pub http_port: u16,
    /// The DNS that it asks, on 127.0.0.1; none takes its own.
    pub dns_port: Option<u16>,
}

impl Default for PebbleOptions {
    fn default() -> Self {
        Self {
            validity: 518_400,
            needs_external_account: false,
            rejected_nonces: 0,
            is_strict: false,
            tls_port: quiet_port(),
            http_port: quiet_port(),
            dns_port: None,
        }
    }
}

/// An authority with its DNS, each in a process of its own. They end when this value does, also where the test is killed.
pub struct Pebble {
    authority: Child,
    names: Child,
    options: PebbleOptions,
    ports: Ports,
    scratch: TempDir,
}

#[derive(Debug, Clone, Copy)]
struct Ports {
    acme: u16,
    management: u16,
    dns: u16,
    dns_management: u16,
}

impl Pebble {
    /// Starts one on free loopback ports. Every name leads to 127.0.0.1.
    pub fn start(options: PebbleOptions) -> Self {
        let mut complaint = String::new();
        for _ in 0..ATTEMPTS {
            match Self::attempt(options) {
                Ok(pebble) => return pebble,
                Err(why) => complaint = why,
            }
        }
        panic!("pebble did not come up; the last thing it said: {complaint}");
    }

    fn attempt(options: PebbleOptions) -> Result<Self, String> {
        let scratch = tempfile::Builder::new().prefix("sre-pebble-").tempdir().expect("a scratch folder");
        let (ca, certificate, key) = server_certificate();
        for (name, text) in [("ca.pem", ca), ("cert.pem", certificate), ("key.pem", key)] {
            fs::write(scratch.path().join(name), text).expect("a scratch file");
        }
        let ports = Ports {
            acme: quiet_port(),
            management: quiet_port(),
            dns: quiet_port(),
            dns_management: quiet_port(),
        };
        let mut settings = json!({
            "listenAddress": format!("127.0.0.1:{}", ports.acme),
            "managementListenAddress": format!("127.0.0.1:{}", ports.management),
            "certificate": scratch.path().join("cert.pem"),
            "privateKey": scratch.path().join("key.pem"),
            "httpPort": options.http_port,
            "tlsPort": options.tls_port,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": options.needs_external_account,
            "certificateValidityPeriod": options.validity,
        });
        if let Some(settings) = settings.as_object_mut().filter(|_| options.needs_external_account) {
            settings.insert("externalAccountMACKeys".to_owned(), json!({EAB_KEY_ID: EAB_HMAC}));
        }
        let config = scratch.path().join("pebble.json");
        fs::write(&config, json!({"pebble": settings}).to_string()).expect("a scratch file");
        let log = scratch.path().join("log");
        let output = fs::File::create(&log).expect("a log file");
        let dns = format!("127.0.0.1:{}", ports.dns);
        let management = format!("127.0.0.1:{}", ports.dns_management);
        let names = spawn(
            &output,
            &["pebble-challtestsrv", "-defaultIPv4", "127.0.0.1", "-defaultIPv6", "", "-dns01", &dns],
            &["-http01", "", "-https01", "", "-tlsalpn01", "", "-management", &management],
            &[],
        );
        let authority = authority(&scratch, &options, ports);
        let mut pebble = Self { authority, names, options, ports, scratch };
        let said = || fs::read_to_string(&log).unwrap_or_default();
        let started = Instant::now();
        while started.elapsed() < READY_WITHIN {
            for child in [&mut pebble.authority, &mut pebble.names] {
                if let Ok(Some(status)) = child.try_wait() {
                    return Err(format!("{status}\n{}", said()));
                }
            }
            if [ports.acme, ports.management, ports.dns_management].iter().all(|port| is_open(*port)) {
                return Ok(pebble);
            }
            sleep(LOOK_EVERY);
        }
        Err(format!("nothing to connect to after {READY_WITHIN:?}\n{}", said()))
    }

    /// Ends and starts the authority: it has forgotten every account and certificate, and has new roots.
    pub fn forget(&mut self) {
        let _ = self.authority.kill();
        let _ = self.authority.wait();
        self.authority = authority(&self.scratch, &self.options, self.ports);
        let started = Instant::now();
        while ![self.ports.acme, self.ports.management].iter().all(|port| is_open(*port)) {
            assert!(started.elapsed() < READY_WITHIN, "pebble did not come up again: {}", self.log());
            sleep(LOOK_EVERY);
        }
    }

    /// Ends the authority; its DNS stays.
    pub fn stop(&mut self) {
        let _ = self.authority.kill();
        let _ = self.authority.wait();
    }

    /// The URL of its directory.
    pub fn directory(&self) -> String {
        format!("https://127.0.0.1:{}/dir", self.ports.acme)
    }

    /// PEM: the root of its own server's certificate.
    pub fn ca_file(&self) -> PathBuf {
        self.scratch.path().join("ca.pem")
    }

    /// PEM: the root of what it issues.
    pub fn issuing_root(&self) -> String {
        self.ask(&format!("https://127.0.0.1:{}/roots/0", self.ports.management))
    }

    /// The name and the base64url HMAC key of the account that others are bound to.
    pub fn external_account(&self) -> (&'static str, &'static str) {
        (EAB_KEY_ID, EAB_HMAC)
    }

    /// What it was started with.
    pub fn options(&self) -> &PebbleOptions {
        &self.options
    }

    /// From now on the name leads to nothing.
    pub fn lose_name(&self, host: &str) {
        let body = json!({"host": format!("{host}.")});
        self.names_order("set-servfail", &body);
    }

    /// Publishes a TXT record under this name.
    pub fn set_txt(&self, host: &str, value: &str) {
        self.names_order("set-txt", &json!({"host": format!("{host}."), "value": value}));
    }

    /// Removes all TXT records of this name.
    pub fn clear_txt(&self, host: &str) {
        self.names_order("clear-txt", &json!({"host": format!("{host}.")}));
    }

    /// From now on only this authority may issue for the name.
    pub fn restrict_issuers(&self, host: &str, authority: &str) {
        let policies = json!([{"tag": "issue", "value": authority}]);
        self.names_order("add-caa", &json!({"host": format!("{host}."), "policies": policies}));
    }

    /// What the authority and its DNS wrote.
    pub fn log(&self) -> String {
        fs::read_to_string(self.scratch.path().join("log")).unwrap_or_default()
    }

    /// The text behind one of its URLs.
    fn ask(&self, url: &str) -> String {
        curl(&["--cacert", &self.ca_file().display().to_string(), url])
    }

    fn names_order(&self, order: &str, body: &Value) {
        let url = format!("http://127.0.0.1:{}/{order}", self.ports.dns_management);
        curl(&["--data", &body.to_string(), &url]);
    }
}

impl Drop for Pebble {
    fn drop(&mut self) {
        for child in [&mut self.authority, &mut self.names] {
            // It may be gone already, which is as good.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Starts the authority with what lies in the scratch folder.
fn authority(scratch: &TempDir, options: &PebbleOptions, ports: Ports) -> Child {
    let log = fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(scratch.path().join("log"))
        .expect("a log file");
    let config = scratch.path().join("pebble.json").display().to_string();
    let dns = format!("127.0.0.1:{}", options.dns_port.unwrap_or(ports.dns));
    let strict = format!("-strict={}", options.is_strict);
    spawn(
        &log,
        &["pebble", "-config", &config, "-dnsserver", &dns],
        &[&strict],
        &[
            ("PEBBLE_VA_NOSLEEP", "1"),
            ("PEBBLE_WFE_NONCEREJECT", &options.rejected_nonces.to_string()),
            // Each order is to show control anew.
            ("PEBBLE_AUTHZREUSE", "0"),
        ],
    )
}

fn curl(arguments: &[&str]) -> String {
    let output = Command::new("curl")
        .args(["--silent", "--show-error", "--fail", "--max-time", "30", "--noproxy", "*"])
        .args(arguments)
        .output()
        .expect("`curl` is installed (Debian: apt-get install curl)");
    assert!(output.status.success(), "curl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Starts a program that ends with this process.
fn spawn(log: &fs::File, command: &[&str], more: &[&str], environment: &[(&str, &str)]) -> Child {
    let program = command.first().expect("a command has a program");
    let found = std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()));
    assert!(found, "`{program}` is not installed (Debian: apt-get install pebble)");
    let output = || log.try_clone().expect("a log file");
    Command::new("setpriv")
        .args(["--pdeathsig", "KILL", "--"])
        .args(command)
        .args(more)
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .stdout(output())
        .stderr(output())
        .spawn()
        .expect("`setpriv` starts a server (Debian: apt-get install util-linux)")
}

/// A root with a certificate for 127.0.0.1 and its key, PEM.
fn server_certificate() -> (String, String, String) {
    let root_key = KeyPair::generate().expect("a key");
    let mut root = CertificateParams::new(Vec::new()).expect("no names");
    root.distinguished_name.push(DnType::CommonName, "the authority's own root");
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = root.self_signed(&root_key).expect("a root").pem();
    let issuer = Issuer::new(root, root_key);
    let key = KeyPair::generate().expect("a key");
    let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
    let certificate = CertificateParams::new(names).expect("two names");
    let certificate = certificate.signed_by(&key, &issuer).expect("a certificate");
    (ca, certificate.pem(), key.serialize_pem())
}

fn is_open(port: u16) -> bool {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok()
}

/// A loopback port that nothing listens on, below those that the system gives to outgoing connections, so that it
/// stays free until somebody listens on it.
pub(crate) fn quiet_port() -> u16 {
    use std::hash::{BuildHasher as _, Hasher as _, RandomState};
    for _ in 0..1_000 {
        let chance = RandomState::new().build_hasher().finish() % 12_000;
        let port = 20_000_u16.saturating_add(u16::try_from(chance).unwrap_or_default());
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
    panic!("no loopback port between 20000 and 32000 is free");
}
