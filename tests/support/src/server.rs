//! A child process that serves on a loopback port and ends with the one who started it.
//!
//! Each child runs a script that leaves as soon as its standard input ends. The kernel closes that pipe however the
//! test ends, so not even a killed one leaves a server behind.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Mutex;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// A machine under load takes its time to import a few hundred Python modules.
const READY_WITHIN: Duration = Duration::from_secs(90);
const LOOK_EVERY: Duration = Duration::from_millis(25);
/// How many ports are tried: one may be taken between the moment it is found free and the moment it is bound.
const ATTEMPTS: u32 = 3;

/// A running server.
pub(crate) struct Server {
    child: Child,
    pipes: Mutex<(ChildStdin, BufReader<ChildStdout>)>,
    address: SocketAddr,
    scratch: TempDir,
}

impl Server {
    /// Starts what `command` makes for a port and a scratch folder, and waits until it serves.
    pub(crate) fn start(name: &str, command: impl Fn(u16, &TempDir) -> Command) -> Self {
        let mut complaints = String::new();
        for _ in 0..ATTEMPTS {
            match Self::attempt(&command) {
                Ok(server) => return server,
                Err(complaint) => complaints = complaint,
            }
        }
        panic!("{name} did not come up; the last thing it said: {complaints}");
    }

    fn attempt(command: &impl Fn(u16, &TempDir) -> Command) -> Result<Self, String> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        let scratch = tempfile::Builder::new().prefix("sre-test-").tempdir().expect("a scratch folder");
        let log = scratch.path().join("stderr");
        let errors = fs::File::create(&log).expect("a log file");
        let mut child = command(address.port(), &scratch)
            .current_dir(scratch.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .map_err(|error| error.to_string())?;
        let input = child.stdin.take().expect("stdin is a pipe");
        let output = child.stdout.take().expect("stdout is a pipe");
        let mut server = Self { child, pipes: Mutex::new((input, BufReader::new(output))), address, scratch };
        let said = || fs::read_to_string(&log).unwrap_or_default();
        let started = Instant::now();
        while started.elapsed() < READY_WITHIN {
            if let Ok(Some(status)) = server.child.try_wait() {
                return Err(format!("{status}\n{}", said()));
            }
            if TcpStream::connect(server.address).is_ok() {
                return Ok(server);
            }
            sleep(LOOK_EVERY);
        }
        Err(format!("nothing on {} after {READY_WITHIN:?}\n{}", server.address, said()))
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its folder, which is gone with it.
    pub(crate) fn scratch(&self) -> &Path {
        self.scratch.path()
    }

    /// Sends one line of JSON to the script and reads its one line of answer.
    pub(crate) fn order(&self, order: &Value) -> Value {
        let mut pipes = self.pipes.lock().expect("nobody panicked while giving an order");
        let (input, output) = &mut *pipes;
        writeln!(input, "{order}").and_then(|()| input.flush()).expect("the server takes orders");
        let mut line = String::new();
        output.read_line(&mut line).expect("the server answers orders");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("the server said {line:?}: {error}"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may be gone already, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A loopback port that nothing listens on.
fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a loopback port is free");
    listener.local_addr().expect("a bound listener has an address").port()
}
