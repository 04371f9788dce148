//! JSON-RPC 2.0 with the methods of MCP that a gateway has: initialize, tools/list in pages, tools/call.

use std::collections::BTreeMap;

use http::{HeaderMap, Response, StatusCode};
use model::agent::{Backend, SEARCH_TOOL, TOOL_SEPARATOR};
use serde_json::{Value, json};

use super::call::Called;
use super::{GatewayFault, JSON, Reached, State, respond};
use crate::server::Body;

/// The versions of the protocol that it speaks, oldest first.
const VERSIONS: [&str; 2] = ["2025-03-26", "2025-06-18"];
/// Smaller than the number of tools, so that every client has to turn pages.
const PAGE: usize = 8;
/// What the gateway says of everything that went wrong behind it.
const INTERNAL: &str = "An internal error occurred. Please retry later.";
const BAD_REQUEST: i64 = -32600;
const NO_METHOD: i64 = -32601;
const BAD_PARAMS: i64 = -32602;
const NO_JSON: i64 = -32700;

type Answer = Result<Value, (i64, String)>;

impl State {
    /// Answers what a client said.
    pub(super) async fn converse(&self, headers: &HeaderMap, body: &[u8]) -> Response<Body> {
        let version = headers.get("mcp-protocol-version").and_then(|value| value.to_str().ok());
        if let Some(version) = version.filter(|version| !VERSIONS.contains(version)) {
            let error = error(&Value::Null, BAD_REQUEST, &format!("Unsupported protocol version: {version}"));
            return respond(StatusCode::BAD_REQUEST, JSON, error.to_string());
        }
        let Ok(message) = serde_json::from_slice::<Value>(body) else {
            return respond(
                StatusCode::BAD_REQUEST,
                JSON,
                error(&Value::Null, NO_JSON, "Parse error").to_string(),
            );
        };
        let Some(id) = message.get("id") else {
            return respond(StatusCode::ACCEPTED, JSON, "");
        };
        let nothing = Value::Null;
        let params = message.get("params").unwrap_or(&nothing);
        let answer = match message.get("method").and_then(Value::as_str).unwrap_or_default() {
            "initialize" => Ok(initialize(params)),
            "ping" => Ok(json!({})),
            "tools/list" => self.page(params),
            "tools/call" if self.has(GatewayFault::NoMcp) => {
                return respond(StatusCode::OK, "text/html", "<html>welcome</html>");
            }
            "tools/call" => self.call(params).await,
            method => Err((NO_METHOD, format!("Method not found: {method}"))),
        };
        self.message(&match answer {
            Ok(result) => json!({"jsonrpc": "2.0", "id": id, "result": result}),
            Err((code, why)) => error(id, code, &why),
        })
    }

    /// All tools by name; which backend each leads to.
    fn tools(&self) -> BTreeMap<String, Option<&Reached>> {
        let mut tools = BTreeMap::from([(SEARCH_TOOL.to_owned(), None)]);
        for target in &self.options.targets {
            let backend = target.backend;
            if self.has(GatewayFault::NoTools(backend)) {
                continue;
            }
            tools.extend(backend.operations().map(|operation| (backend.tool(operation), Some(target))));
            if self.has(GatewayFault::ForeignTool(backend)) {
                tools.insert(backend.tool("delete_everything"), Some(target));
            }
        }
        tools
    }

    fn page(&self, params: &Value) -> Answer {
        let wrong = || (BAD_PARAMS, "Invalid cursor".to_owned());
        let start: usize = match params.get("cursor").and_then(Value::as_str) {
            None => 0,
            Some(cursor) => cursor.strip_prefix("from-").and_then(|at| at.parse().ok()).ok_or_else(wrong)?,
        };
        let tools = self.tools();
        let shown: Vec<Value> = tools.keys().skip(start).take(PAGE).map(|name| tool(name)).collect();
        let next = start.saturating_add(PAGE);
        let mut page = json!({"tools": shown});
        if next < tools.len() || self.has(GatewayFault::EndlessPages) {
            crate::json::set(&mut page, "nextCursor", format!("from-{next}"));
        }
        Ok(page)
    }

    async fn call(&self, params: &Value) -> Answer {
        let name = params.get("name").and_then(Value::as_str).unwrap_or_default();
        let arguments = params.get("arguments").cloned().unwrap_or_else(|| json!({}));
        let tools = self.tools();
        match tools.get(name) {
            None => Err((BAD_PARAMS, format!("Unknown tool: {name}"))),
            Some(None) => Ok(found(&tools, &arguments)),
            Some(Some(target)) => Ok(self.call_backend(target, name, &arguments).await),
        }
    }

    async fn call_backend(&self, target: &Reached, name: &str, arguments: &Value) -> Value {
        if self.has(GatewayFault::NoReason(target.backend)) {
            return failed(INTERNAL);
        }
        let other = model::Secret::new("another-key".to_owned());
        let key = if self.has(GatewayFault::WrongKey) { &other } else { &self.options.api_key };
        let operation = name.split_once(TOOL_SEPARATOR).map_or(name, |(_, operation)| operation);
        match super::call::get(&self.connector, target, operation, arguments, key).await {
            Called::Answered(text) => json!({"isError": false, "content": [{"type": "text", "text": text}]}),
            // The real one keeps to itself what a backend refuses it with.
            Called::Failed => failed(INTERNAL),
        }
    }
}

fn error(id: &Value, code: i64, message: &str) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}})
}

fn failed(text: &str) -> Value {
    json!({"isError": true, "content": [{"type": "text", "text": text}]})
}

/// The version that the client wants, or the newest that is there.
fn initialize(params: &Value) -> Value {
    let wanted = params.get("protocolVersion").and_then(Value::as_str).unwrap_or_default();
    let version = VERSIONS
        .into_iter()
        .find(|version| *version == wanted)
        .or(VERSIONS.last().copied())
        .unwrap_or_default();
    json!({
        "protocolVersion": version,
        "capabilities": {"tools": {"listChanged": false}},
        "serverInfo": {"name": "practice-gateway", "version": "1.0.0"},
    })
}

fn tool(name: &str) -> Value {
    let description = match name.split_once(TOOL_SEPARATOR) {
        Some((target, operation)) => {
            let words = operation.replace('_', " ");
            match Backend::of_target(target) {
                Some(backend) => format!("{}: {words}", backend.title()),
                None => words,
            }
        }
        None => "Finds tools by what they are for".to_owned(),
    };
    let properties = if name == SEARCH_TOOL { json!({"query": {"type": "string"}}) } else { json!({}) };
    json!({
        "name": name,
        "description": description,
        "inputSchema": {"type": "object", "properties": properties},
    })
}

/// The search tool: names that hold a word of the query.
fn found(tools: &BTreeMap<String, Option<&Reached>>, arguments: &Value) -> Value {
    let query = arguments.get("query").and_then(Value::as_str).unwrap_or_default().to_lowercase();
    let fits = |name: &str| query.split_whitespace().any(|word| name.contains(word));
    let names = tools.iter().filter(|(name, target)| target.is_some() && fits(name));
    let found: Vec<Value> = names.map(|(name, _)| tool(name)).collect();
    let text = json!({"tools": found}).to_string();
    json!({"isError": false, "content": [{"type": "text", "text": text}]})
}
