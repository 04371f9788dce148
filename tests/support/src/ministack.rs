//! An emulated account that knows what moto does not: Cognito tokens, Bedrock, change sets, IMDSv2.

use std::process::Command;

use crate::server::Server;
use crate::{http, rerun, venv};

const SERVE: &str = include_str!("../scripts/ministack.py");

/// An emulated account in a process of its own. It ends when this value does.
pub struct Ministack {
    server: Server,
}

impl Ministack {
    /// Starts one on a free loopback port.
    pub fn start() -> Self {
        let python = venv::python("ministack");
        let server = Server::start("ministack", |port, scratch| {
            let mut command = Command::new(&python);
            command
                .args(["-c", SERVE])
                .env("GATEWAY_PORT", port.to_string())
                // Without these two it listens on every address.
                .env("BIND_HOST", "127.0.0.1")
                .env("IOT_MTLS_ENABLED", "0")
                .env("STATE_DIR", scratch.path().join("state"))
                .env("TMPDIR", scratch.path())
                .env("MINISTACK_IMDS_V2_REQUIRED", "1");
            command
        });
        Self { server }
    }

    /// Its URL, for `AWS_ENDPOINT_URL`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// The environment in which a program reaches this account and no other.
    pub fn environment(&self) -> Vec<(String, String)> {
        rerun::environment(&self.endpoint())
    }

    /// Empties the account.
    pub fn reset(&self) {
        http::post(self.server.address(), "/_ministack/reset", "");
    }
}
