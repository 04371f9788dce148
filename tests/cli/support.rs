//! A folder with a configuration, and the program started in it with an environment of its own.

use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Output, Stdio};

use serde_json::Value;

/// How the program ended and what it said.
#[derive(Debug)]
pub(crate) struct Ended {
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

    /// Fails unless stderr has each of these.
    #[track_caller]
    pub(crate) fn says(self, wanted: &[&str]) -> Self {
        for wanted in wanted {
            assert!(self.stderr.contains(wanted), "{wanted:?} is missing in stderr:\n{}", self.stderr);
        }
        self
    }

    /// The one JSON document on stdout.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error} in stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr))
    }
}

/// A place to work in. The practice account in `account.json` stands for the real one, and answers at once.
pub(crate) struct Desk {
    folder: tempfile::TempDir,
    variables: Vec<(String, String)>,
}

/// A configuration without a word of warning.
pub(crate) const CONFIG: &str = "\
version: 1
deployment: {id: sre-cli, environment: prod}
aws: {region: us-east-1, account_id: \"123456789012\"}
tls: {domain: api.sre-cli.net, source: acm-exportable}
host: {install: none}
";

impl Desk {
    pub(crate) fn new() -> Self {
        let desk = Self { folder: tempfile::tempdir().unwrap(), variables: Vec::new() }
            .with("SRE_AGENT_DEPLOY_PRACTICE_ACCOUNT", "account.json")
            .with("SRE_AGENT_DEPLOY_PRACTICE_FAST", "1");
        desk.write("config.yaml", CONFIG);
        desk
    }

    /// The same with another variable in the environment.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.retain(|(known, _)| known != name);
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same without a variable.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.variables.retain(|(known, _)| known != name);
        self
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Puts `to` in the place of `from` in a file that has it.
    #[track_caller]
    pub(crate) fn edit(&self, name: &str, from: &str, to: &str) {
        let text = self.read(name);
        assert!(text.contains(from), "{from:?} is not in {name}:\n{text}");
        self.write(name, &text.replacen(from, to, 1));
    }

    /// The program as `sre-agent-deploy`, without a terminal.
    pub(crate) fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sre-agent-deploy"));
        command
            .arg0("sre-agent-deploy")
            .args(line.split_whitespace())
            .current_dir(self.folder.path())
            .env_clear()
            .envs(self.variables.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, line: &str) -> Ended {
        Ended::of(self.command(line).output().unwrap())
    }

    /// Starts the program.
    pub(crate) fn start(&self, line: &str) -> Running {
        Running::of(self.command(line).spawn().unwrap())
    }

    /// The same with an input that ends when it is dropped.
    pub(crate) fn start_with_input(&self, line: &str) -> (Running, ChildStdin) {
        let mut child = self.command(line).stdin(Stdio::piped()).spawn().unwrap();
        let input = child.stdin.take().unwrap();
        (Running::of(child), input)
    }

    /// Deploys, as a pipeline would.
    #[track_caller]
    pub(crate) fn deployed(self) -> Self {
        self.run("--config config.yaml --mode production --yes").expect(0);
        self
    }

    /// What exists in the account, by kind. Nothing is there after a cleanup that was not there before.
    pub(crate) fn left(&self) -> Vec<String> {
        let account: Value = serde_json::from_str(&self.read("account.json")).unwrap();
        [
            "groups",
            "instances",
            "volumes",
            "addresses",
            "roles",
            "profiles",
            "pools",
            "domains",
            "certificates",
            "buckets",
            "providers",
            "gateways",
            "runtimes",
            "memories",
        ]
        .into_iter()
        .flat_map(|kind| {
            let things = account["account"][kind].as_object().cloned().unwrap_or_default();
            // A terminated instance is shown for a while.
            let things = things.into_iter().filter(|(_, thing)| !thing.to_string().contains("terminated"));
            things.map(move |(id, _)| format!("{kind}: {id}")).collect::<Vec<_>>()
        })
        .collect()
    }
}

/// The program at work. It ends with this value at the latest.
pub(crate) struct Running {
    child: Child,
    stdout: BufReader<ChildStdout>,
    stderr: BufReader<ChildStderr>,
    printed: String,
    seen: String,
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may be gone already, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Running {
    fn of(mut child: Child) -> Self {
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Self { child, stdout, stderr, printed: String::new(), seen: String::new() }
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Reads stdout up to this line; everything that was printed so far.
    #[track_caller]
    pub(crate) fn read_stdout_until(&mut self, last: &str) -> String {
        loop {
            let mut line = String::new();
            let read = self.stdout.read_line(&mut line).unwrap();
            self.printed.push_str(&line);
            assert!(read > 0, "{last:?} never came:\n{}", self.printed);
            if line.trim_end() == last {
                return self.printed.clone();
            }
        }
    }

    /// Reads stderr until a line has this.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, wanted: &str) {
        loop {
            let mut line = String::new();
            let read = self.stderr.read_line(&mut line).unwrap();
            self.seen.push_str(&line);
            assert!(read > 0, "{wanted:?} never came:\n{}", self.seen);
            if line.contains(wanted) {
                return;
            }
        }
    }

    /// Sends a signal, such as `INT`.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status();
        assert!(sent.expect("`kill` is part of every system").success());
    }

    /// Waits for the end.
    pub(crate) fn end(mut self) -> Ended {
        // Neither stream may fill up while the other is read.
        let (stdout, stderr) = (&mut self.stdout, &mut self.stderr);
        let (printed, seen) = (&mut self.printed, &mut self.seen);
        std::thread::scope(|scope| {
            scope.spawn(|| stdout.read_to_string(printed).unwrap());
            stderr.read_to_string(seen).unwrap();
        });
        let code = self.child.wait().unwrap().code();
        Ended { code, stdout: std::mem::take(&mut self.printed), stderr: std::mem::take(&mut self.seen) }
    }
}

/// The document with what differs from run to run replaced.
pub(crate) fn steady(mut value: Value) -> Value {
    fn visit(value: &mut Value) {
        match value {
            Value::Object(members) => {
                for (name, value) in members {
                    match name.as_str() {
                        "timestamp" => *value = Value::from("[time]"),
                        "config_digest" => *value = Value::from("[digest]"),
                        // The prices of a build grow old by the clock of the machine.
                        "stale_days" => *value = Value::from("[days]"),
                        _ => visit(value),
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(visit),
            _ => {}
        }
    }
    visit(&mut value);
    value
}
