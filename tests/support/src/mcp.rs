//! A server of MCP that others wrote, for clients to be judged by.

use std::process::Command;

use crate::server::Server;
use crate::venv;

const SERVE: &str = include_str!("../scripts/mcp_server.py");

/// A running server over streamable HTTP, without a door. It ends when this value does.
pub struct McpServer {
    server: Server,
}

impl McpServer {
    /// Starts one with these tools, each of which says its name. It answers with JSON or with event streams.
    pub fn start(tools: &[String], is_streaming: bool) -> Self {
        let python = venv::python_with("mcp");
        let form = if is_streaming { "stream" } else { "json" };
        let server = Server::start("the MCP server", |port, _| {
            let mut command = Command::new(&python);
            command.args(["-c", SERVE, &port.to_string(), form]).args(tools);
            command
        });
        Self { server }
    }

    /// Where MCP is spoken to it.
    pub fn url(&self) -> String {
        format!("http://{}/mcp", self.server.address())
    }
}
