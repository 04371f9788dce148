//! Requests with curl, whose TLS is not ours.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

/// A request to be sent.
pub(crate) struct Curl {
    command: Command,
    body: Option<Vec<u8>>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Curl {
    pub(crate) fn new(url: &str, ca: &Path) -> Self {
        let mut command = Command::new("curl");
        command.args([
            "--silent",
            "--show-error",
            "--include",
            "--http1.1",
            "--noproxy",
            "*",
            "--max-time",
            "60",
        ]);
        // Without `Expect` there is one head only.
        command.args(["--header", "Expect:", "--cacert"]).arg(ca).arg(url);
        Self { command, body: None }
    }

    /// `Name: value`
    pub(crate) fn header(mut self, header: &str) -> Self {
        self.command.args(["--header", header]);
        self
    }

    pub(crate) fn method(mut self, method: &str) -> Self {
        self.command.args(["--request", method]);
        self
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.header("Content-Type: application/json").body(body.to_string().into_bytes())
    }

    pub(crate) fn body(mut self, body: Vec<u8>) -> Self {
        self.command.args(["--data-binary", "@-"]);
        self.body = Some(body);
        self
    }

    /// Sends it; nothing where no whole answer came.
    pub(crate) fn run(self) -> Option<Reply> {
        self.attempt().ok()
    }

    /// Sends it and demands an answer.
    pub(crate) fn reply(self) -> Reply {
        self.attempt().unwrap_or_else(|error| panic!("curl: {error}"))
    }

    /// Sends it; what came, and what curl says against it.
    pub(crate) fn attempt(mut self) -> Result<Reply, String> {
        let mut child = self
            .command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| {
                format!("cannot be started ({error}): install it (Debian: apt-get install curl)")
            })?;
        let mut input = child.stdin.take().unwrap();
        let body = self.body.take().unwrap_or_default();
        // On a thread of its own, since curl may answer before it has read everything.
        let feeder = std::thread::spawn(move || input.write_all(&body));
        let output = child.wait_with_output().map_err(|error| error.to_string())?;
        // That it stopped reading is its business.
        let _ = feeder.join();
        let mut said = String::from_utf8_lossy(&output.stdout).into_owned();
        if !output.status.success() {
            write!(said, "\n{}", String::from_utf8_lossy(&output.stderr)).unwrap();
            return Err(said);
        }
        let (head, body) = said.split_once("\r\n\r\n").ok_or_else(|| format!("no head: {said}"))?;
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        Ok(Reply {
            status: status.ok_or_else(|| format!("no status: {head}"))?,
            head: head.to_owned(),
            body: body.to_owned(),
        })
    }
}

impl Reply {
    /// The value of a header field.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// `error.code`; panics where the body is no error object with all its members.
    pub(crate) fn error_code(&self) -> String {
        let body = self.json();
        let error = body["error"].as_object().unwrap_or_else(|| panic!("no error object: {}", self.body));
        for member in ["message", "type", "param", "code"] {
            assert!(error.contains_key(member), "no `{member}`: {}", self.body);
        }
        assert!(!error["message"].as_str().unwrap().is_empty(), "{}", self.body);
        error["code"].as_str().unwrap_or_default().to_owned()
    }
}
