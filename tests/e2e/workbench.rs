//! An emulated account behind a proxy, a folder with a configuration, and the program started in it.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use test_support::{KillingProxy, Moto};

/// How the program ended and what it said.
pub(crate) struct Ended {
    /// The exit code; none when it was killed.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    pub(crate) fn of(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Fails with everything that was said unless the program ended with this code.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }
}

pub(crate) struct Workbench {
    pub(crate) moto: Moto,
    pub(crate) proxy: KillingProxy,
    folder: tempfile::TempDir,
    /// What every folder begins with.
    config: &'static str,
    mode: &'static str,
    /// Variables beside those of the account.
    variables: Vec<(String, String)>,
}

const CONFIG: &str = "\
version: 1
deployment: {id: sre-e2e, environment: prod}
aws: {region: us-east-1, account_id: \"123456789012\"}
tls: {domain: api.sre-e2e.net, source: acm-exportable}
host: {install: none}
";

impl Workbench {
    pub(crate) fn new() -> Self {
        Self::with(CONFIG, "production")
    }

    /// An account in which this is to be deployed in this mode.
    pub(crate) fn with(config: &'static str, mode: &'static str) -> Self {
        let moto = Moto::start();
        moto.public_subnet();
        let proxy = KillingProxy::start_as_tls(&moto.endpoint());
        let folder = tempfile::tempdir().unwrap();
        let bench = Self { moto, proxy, folder, config, mode, variables: Vec::new() };
        bench.configure(config);
        bench
    }

    /// With an instance that installs itself, and with S3 over TLS, where the bucket's policy wants it. S3's calls do not
    /// go through the proxy.
    pub(crate) fn installing_itself() -> Self {
        let mut bench = Self::new();
        bench.variables = bench.moto.with_tls();
        bench.configure(&CONFIG.replace("install: none", "install: user-data"));
        // Nothing runs them, and what is looked at is the header of the file.
        for program in ["sre-agent-deploy", "bedrock-nova-proxy"] {
            let mut bytes = b"\x7fELF\x02\x01\x01".to_vec();
            bytes.resize(18, 0);
            bytes.extend([62, 0]);
            bytes.extend(program.bytes());
            std::fs::create_dir_all(bench.path("programs")).unwrap();
            std::fs::write(bench.path("programs").join(program), bytes).unwrap();
        }
        bench
    }

    /// Runs a Python script with boto3, to S3 over TLS.
    pub(crate) fn python(&self, script: &str, args: &[&str]) -> Value {
        self.moto.python_with(&self.variables, script, args)
    }

    /// The same server with an empty account and an empty folder.
    pub(crate) fn again(&mut self) {
        self.moto.reset();
        self.moto.public_subnet();
        self.proxy.plan(test_support::ProxyPlan::forward());
        self.folder = tempfile::tempdir().unwrap();
        self.configure(self.config);
    }

    pub(crate) fn configure(&self, text: &str) {
        std::fs::write(self.folder.path().join("config.yaml"), text).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sre-agent-deploy"));
        command
            .args(args)
            .current_dir(self.folder.path())
            .env_clear()
            .envs(self.moto.environment())
            .env("AWS_ENDPOINT_URL", self.proxy.endpoint())
            .envs(self.variables.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ended {
        Ended::of(self.command(args).output().unwrap())
    }

    /// The command that deploys.
    pub(crate) fn deploying(&self) -> Command {
        self.command(&["--config", "config.yaml", "--mode", self.mode, "--yes"])
    }

    pub(crate) fn deploy(&self) -> Ended {
        Ended::of(self.deploying().output().unwrap())
    }

    pub(crate) fn resume(&self) -> Ended {
        self.run(&["--resume", "--state-file", ".deployment_state"])
    }

    pub(crate) fn cleanup(&self) -> Ended {
        self.run(&["--cleanup", "--deployment-id", "sre-e2e", "--yes", "--confirm-deployment-id", "sre-e2e"])
    }

    pub(crate) fn inventory(&self) -> Value {
        self.moto.inventory()
    }

    /// Calls since the last plan of the proxy that changed something, as `service:Operation`.
    pub(crate) fn changes(&self) -> Vec<String> {
        let calls = self.proxy.calls();
        calls
            .iter()
            .filter(|call| call.mutating)
            .map(|call| format!("{}:{}", call.service, call.operation))
            .collect()
    }
}
