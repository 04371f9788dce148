//! An AgentCore gateway as its clients see it: MCP over streamable HTTP for whoever has a token of the issuer, and the
//! demo backends behind it.

mod backend;
mod call;
mod door;
mod rpc;
mod stage;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use model::Secret;
use model::agent::Backend;
use serde_json::Value;
use tokio_rustls::TlsConnector;

pub use backend::DemoBackend;
pub use stage::{GatewayStage, GatewayStageOptions};

use crate::authority::Pair;
use crate::issuer::{self, Issuer};
use crate::server::{Body, Cut, ResetSwitch, Server, Site, StartError, full};
use crate::tls;

/// The gateway's quota on a payload is 6 MB.
const LARGEST_BODY_BYTES: usize = 6 * 1024 * 1024;
const PATH: &str = "/mcp";
const METADATA: &str = "/.well-known/oauth-protected-resource";
const JSON: &str = "application/json";
const EVENT_STREAM: &str = "text/event-stream";

/// A target of the gateway: which backend, and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reached {
    /// Which one.
    pub backend: Backend,
    /// The host of its schema: the name that its certificate has to be good for.
    pub host: String,
    /// Where that leads on loopback.
    pub address: SocketAddr,
}

/// How a gateway is started.
#[derive(Debug, Clone)]
pub struct McpGatewayOptions {
    /// The port on 127.0.0.1; 0 is any free one.
    pub port: u16,
    /// Its certificate; without one it speaks plain HTTP.
    pub pair: Option<Pair>,
    /// The app clients whose tokens it takes; none takes any client's.
    pub allowed_clients: BTreeSet<String>,
    /// Scopes of which a token needs one; none for any.
    pub allowed_scopes: BTreeSet<String>,
    /// What it calls.
    pub targets: Vec<Reached>,
    /// Whose certificates it takes from them, PEM.
    pub roots_pem: String,
    /// What its credential provider gives it for them.
    pub api_key: Secret<String>,
    /// Whether answers come as event streams.
    pub is_streaming: bool,
}

impl McpGatewayOptions {
    /// Plain HTTP on any free port for tokens of any client, with this key and nothing to call.
    pub fn new(api_key: Secret<String>) -> Self {
        Self {
            port: 0,
            pair: None,
            allowed_clients: BTreeSet::new(),
            allowed_scopes: BTreeSet::new(),
            targets: Vec::new(),
            roots_pem: String::new(),
            api_key,
            is_streaming: false,
        }
    }
}

/// A way in which a gateway is not as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum GatewayFault {
    /// This target has no tools.
    NoTools(Backend),
    /// This target has a tool that its schema does not have.
    ForeignTool(Backend),
    /// The credential provider gives a key that the backends do not take.
    WrongKey,
    /// Calls of this target fail, and nothing says why: the role may not read the key.
    NoReason(Backend),
    /// Each page of tools names a next one.
    EndlessPages,
    /// Whoever has no token is refused without being told where to get one.
    NoChallenge,
    /// Nobody needs a token.
    OpenDoor,
    /// The metadata name another issuer.
    ForeignIssuer,
    /// Calls are answered with something that is no MCP.
    NoMcp,
}

/// A running gateway. It ends when this value does.
#[derive(Debug)]
pub struct McpGateway {
    server: Server,
    state: Arc<State>,
}

impl McpGateway {
    /// Starts one that takes tokens of `issuer`.
    pub fn start(options: McpGatewayOptions, issuer: &Issuer) -> Result<Self, StartError> {
        let connector = tls::connector(&options.roots_pem)?;
        let (port, pair) = (options.port, options.pair.clone());
        let faults = Mutex::new(BTreeSet::new());
        let state = Arc::new(State { options, issuer: issuer.shared(), connector, faults });
        let server = Server::start_with("gateway", port, pair.as_ref(), |_| Arc::clone(&state))?;
        Ok(Self { server, state })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Where MCP is spoken to it, under the address that it listens on.
    pub fn url(&self) -> String {
        format!("{}://{}{PATH}", self.state.scheme(), self.server.address())
    }

    /// Has this fault from now on.
    pub fn fault(&self, fault: GatewayFault) {
        lock(&self.state.faults).insert(fault);
    }

    /// Has none any more.
    pub fn heal(&self) {
        lock(&self.state.faults).clear();
    }
}

struct State {
    options: McpGatewayOptions,
    issuer: Arc<issuer::State>,
    connector: TlsConnector,
    faults: Mutex<BTreeSet<GatewayFault>>,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("options", &self.options).finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl State {
    fn has(&self, fault: GatewayFault) -> bool {
        lock(&self.faults).contains(&fault)
    }

    fn scheme(&self) -> &'static str {
        if self.options.pair.is_some() { "https" } else { "http" }
    }

    /// The gateway as this client reached it, without a path.
    fn base(&self, headers: &HeaderMap) -> String {
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
        format!("{}://{host}", self.scheme())
    }

    /// A message as the gateway sends it: JSON, or an event stream of one event that ends after it.
    fn message(&self, message: &Value) -> Response<Body> {
        if self.options.is_streaming {
            respond(StatusCode::OK, EVENT_STREAM, format!("event: message\ndata: {message}\n\n"))
        } else {
            respond(StatusCode::OK, JSON, message.to_string())
        }
    }
}

impl Site for State {
    async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        _: ResetSwitch,
    ) -> Result<Response<Body>, Cut> {
        let (head, body) = request.into_parts();
        match head.uri.path() {
            METADATA => return Ok(self.metadata(&head.headers)),
            PATH => {}
            _ => return Ok(respond(StatusCode::NOT_FOUND, JSON, "{\"message\":\"Not Found\"}")),
        }
        if let Err(refusal) = self.admit(&head.headers) {
            return Ok(refusal);
        }
        if head.method != Method::POST {
            // There is no stream of the server's own, and no session to end.
            return Ok(respond(StatusCode::METHOD_NOT_ALLOWED, JSON, "{\"message\":\"Method Not Allowed\"}"));
        }
        let Ok(body) = Limited::new(body, LARGEST_BODY_BYTES).collect().await else {
            return Ok(respond(StatusCode::PAYLOAD_TOO_LARGE, JSON, "{\"message\":\"Payload Too Large\"}"));
        };
        Ok(self.converse(&head.headers, &body.to_bytes()).await)
    }
}

fn respond(status: StatusCode, media_type: &'static str, body: impl Into<bytes::Bytes>) -> Response<Body> {
    let mut response = Response::new(full(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}
