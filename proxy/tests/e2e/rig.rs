//! The program with everything around it, as an operator would run it: configuration, certificate, issuer, Bedrock.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use cloud_loopback::{Bedrock, BedrockOptions, Issuer, IssuerOptions};
use serde_json::{Value, json};
use tempfile::TempDir;
use test_support::{OpenAiClient, RunningScript, environment};

use crate::curl::Curl;
use crate::pki::{Pki, replace};

/// A machine under load takes its time.
pub(crate) const SOON: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// The API key `practice`, and its digest in the configuration.
pub(crate) const API_KEY: &str = "practice";
const API_KEY_SHA256: &str = "ada750e3f8464e9e1fd6a882b1a3b46cad39a1876c3fb7b85abe47a887c977fb";
/// Bedrock's name for the model that most tests use.
pub(crate) const NOVA: &str = "amazon.nova-lite-v1:0";

/// A running proxy and what it talks to.
pub(crate) struct Rig {
    pub(crate) bedrock: Bedrock,
    pub(crate) issuer: Issuer,
    pub(crate) pki: Pki,
    pub(crate) address: SocketAddr,
    config: Value,
    folder: TempDir,
    child: Child,
}

impl Rig {
    /// Starts one with limits that no test reaches by accident.
    pub(crate) fn start() -> Self {
        Self::with(|_| ())
    }

    /// The same with a changed configuration.
    pub(crate) fn with(change: impl FnOnce(&mut Value)) -> Self {
        let folder = tempfile::Builder::new().prefix("sre-test-").tempdir().unwrap();
        let pki = Pki::new(folder.path());
        let bedrock = Bedrock::start(&BedrockOptions::default()).unwrap();
        let issuer = Issuer::start(IssuerOptions::default()).unwrap();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        let mut config = config(address, &pki, &bedrock, &issuer);
        change(&mut config);
        let path = folder.path().join("proxy.yaml");
        replace(&path, config.to_string().as_bytes());
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let child = without_privileges(&program(&folder))
            .args(["serve", "--config"])
            .arg(&path)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut rig = Self { bedrock, issuer, pki, address, config, folder, child };
        rig.wait_until_ready();
        rig
    }

    fn wait_until_ready(&mut self) {
        let started = Instant::now();
        while started.elapsed() < SOON {
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("the proxy ended at once, {status}:\n{}", self.log());
            }
            if self.curl("/health/ready").run().is_some_and(|reply| reply.status == 200) {
                return;
            }
            sleep(LOOK_EVERY);
        }
        panic!("the proxy is not ready after {SOON:?}:\n{}", self.log());
    }

    /// `https://localhost:PORT` with a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.address.port())
    }

    /// A valid access token of the issuer's first client.
    pub(crate) fn token(&self) -> String {
        self.issuer.mint(&self.issuer.claims())
    }

    /// The headers of a caller.
    pub(crate) fn bearer(&self) -> String {
        format!("Authorization: Bearer {}", self.token())
    }

    /// OpenAI's client with a valid token.
    pub(crate) fn openai(&self) -> OpenAiClient {
        OpenAiClient::new(self.url("/v1"), self.token(), &self.pki.ca())
    }

    /// Runs a script with OpenAI's client; its first argument is the URL of the small Bedrock, for `POST /_script`.
    pub(crate) fn run(&self, script: &str) -> Value {
        self.openai().run(script, &[&self.bedrock.url()])
    }

    /// The same beside what the test does meanwhile.
    pub(crate) fn begin(&self, script: &str) -> RunningScript {
        self.openai().start(script, &[&self.bedrock.url()])
    }

    /// A request without credentials.
    pub(crate) fn curl(&self, path: &str) -> Curl {
        Curl::new(&self.url(path), &self.pki.ca())
    }

    /// A request with a valid token and a JSON body.
    pub(crate) fn post(&self, path: &str, body: &Value) -> Curl {
        self.curl(path).header(&self.bearer()).json(body)
    }

    /// Changes the configuration file, and tells the proxy.
    pub(crate) fn reconfigure(&mut self, change: impl FnOnce(&mut Value)) {
        change(&mut self.config);
        replace(&self.config_path(), self.config.to_string().as_bytes());
        self.signal("HUP");
    }

    pub(crate) fn config_path(&self) -> PathBuf {
        self.folder.path().join("proxy.yaml")
    }

    /// Where the metrics are.
    pub(crate) fn metrics_url(&self) -> String {
        format!("http://{}/metrics", self.config["telemetry"]["metrics"]["address"].as_str().unwrap())
    }

    /// Where the proxy prints to.
    pub(crate) fn log_path(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// Everything that the proxy has printed so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap()
    }

    /// The lines of the log that are JSON objects.
    pub(crate) fn log_lines(&self) -> Vec<Value> {
        self.log().lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// `usage --by BY --format json`
    pub(crate) fn usage(&self, by: &str) -> Value {
        let mut command = program(&self.folder);
        command.args(["usage", "--by", by, "--format", "json", "--config"]).arg(self.config_path());
        let output = command.output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "`usage` failed: {errors}");
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("`usage` ({error}): {errors}"))
    }

    /// Sends a signal to the proxy.
    pub(crate) fn signal(&self, name: &str) {
        let sent =
            Command::new("sh").args(["-c", &format!("kill -s {name} {}", self.child.id())]).status().unwrap();
        assert!(sent.success(), "the proxy is gone:\n{}", self.log());
    }

    /// Waits for the end of the proxy.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        until("the proxy ends", || self.child.try_wait().unwrap())
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        // It may be gone already, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("the proxy said:\n{}", self.log());
        }
    }
}

/// Looks again and again until there is something.
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(started.elapsed() < SOON, "{what}: not within {SOON:?}");
        sleep(LOOK_EVERY);
    }
}

/// The program in an environment that has credentials for the emulated account, and nothing of this machine.
fn program(folder: &TempDir) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bedrock-nova-proxy"));
    // The configuration says where Bedrock is.
    let variables = environment("").into_iter().filter(|(name, _)| name != "AWS_ENDPOINT_URL");
    command.env_clear().envs(variables).env("STATE_DIRECTORY", folder.path());
    command
}

/// The same without the rights of root over files, as a service has it. It is the same process: `setpriv` becomes it.
fn without_privileges(program: &Command) -> Command {
    let is_root = fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
    if !is_root {
        return copied(program, Command::new(program.get_program()));
    }
    let mut command = Command::new("setpriv");
    command.args(["--bounding-set=-all", "--inh-caps=-all", "--"]).arg(program.get_program());
    copied(program, command)
}

fn copied(from: &Command, mut to: Command) -> Command {
    let set = from.get_envs().filter_map(|(name, value)| Some((name, value?)));
    to.env_clear().envs(set).args(from.get_args());
    to
}

fn config(address: SocketAddr, pki: &Pki, bedrock: &Bedrock, issuer: &Issuer) -> Value {
    json!({
        "version": 1,
        "listen": {"address": address.to_string(), "drain": "20s"},
        "tls": {"cert_path": pki.certificate(), "key_path": pki.key(), "names": ["localhost"]},
        "auth": {
            "issuers": [{"issuer": issuer.url(), "required_scopes": ["sre-agent-api/read"]}],
            "api_keys": [{"name": "ci", "sha256": API_KEY_SHA256}],
        },
        "upstreams": {"bedrock": {"kind": "bedrock", "region": "us-east-1", "endpoint_url": bedrock.url()}},
        "models": {
            "gpt-4o": "amazon.nova-pro-v1:0",
            "gpt-4o-mini": NOVA,
            "nova-2-lite": "us.amazon.nova-2-lite-v1:0",
            "text-embedding-3-small": "amazon.titan-embed-text-v2:0",
        },
        "limits": {"requests_per_minute": 100_000, "tokens_per_hour": 1_000_000_000, "concurrent_requests": 1000},
        "telemetry": {"metrics": {"address": format!("127.0.0.1:{}", free_port())}},
    })
}

/// A loopback port that nothing listens on.
fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}
