//! Runs Python scripts that use packages of the project's virtual environment, and reads what they print.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

use crate::venv;

const OPENAI: &str = include_str!("../scripts/openai_client.py");

/// Runs a script that imports `package`. Of this process's environment it sees `PATH` and `variables`; what it prints
/// must be one JSON value.
pub fn python(package: &str, script: &str, args: &[&str], variables: &[(String, String)]) -> Value {
    printed(&command(package, script, args, variables).output().expect("Python starts"))
}

fn command(package: &str, script: &str, args: &[&str], variables: &[(String, String)]) -> Command {
    let mut command = Command::new(venv::python_with(package));
    let path = std::env::var_os("PATH").map(|path| ("PATH", path));
    command.args(["-c", script]).args(args).env_clear().envs(path).envs(variables.iter().cloned());
    command
}

fn printed(output: &Output) -> Value {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the script failed: {errors}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        let said = String::from_utf8_lossy(&output.stdout);
        panic!("the script printed no JSON ({error}): {said}{errors}")
    })
}

/// The client that the proxy is judged by: OpenAI's own, in Python.
#[derive(Debug, Clone)]
pub struct OpenAiClient {
    base_url: String,
    api_key: String,
    ca: PathBuf,
}

impl OpenAiClient {
    /// A client of the service at `base_url`, whose certificate the CA in the PEM file `ca` has signed.
    pub fn new(base_url: impl Into<String>, api_key: impl Into<String>, ca: &Path) -> Self {
        Self { base_url: base_url.into(), api_key: api_key.into(), ca: ca.to_owned() }
    }

    /// Runs a script in which `client` is an `openai.OpenAI` that does not retry; `openai`, `json` and `sys` are
    /// imported, and `failure(call)` says how `call()` was refused. What it prints must be one JSON value.
    pub fn run(&self, script: &str, args: &[&str]) -> Value {
        printed(&self.command(script, args).output().expect("Python starts"))
    }

    /// The same beside what the test does meanwhile.
    pub fn start(&self, script: &str, args: &[&str]) -> RunningScript {
        let mut command = self.command(script, args);
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        RunningScript { child: Some(child.expect("Python starts")) }
    }

    fn command(&self, script: &str, args: &[&str]) -> Command {
        let variables = [
            ("TEST_BASE_URL", self.base_url.clone()),
            ("TEST_API_KEY", self.api_key.clone()),
            ("TEST_CA", self.ca.display().to_string()),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value));
        command("openai", &format!("{OPENAI}\n{script}"), args, &variables)
    }
}

/// A script on its way. Dropped, it is killed.
#[derive(Debug)]
pub struct RunningScript {
    child: Option<Child>,
}

impl RunningScript {
    /// Waits for its end and reads what it printed.
    pub fn finish(mut self) -> Value {
        let child = self.child.take().expect("a script finishes once");
        printed(&child.wait_with_output().expect("Python ends"))
    }
}

impl Drop for RunningScript {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // It may be gone already, which is as good.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
