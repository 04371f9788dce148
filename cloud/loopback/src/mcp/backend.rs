//! A backend of the SRE agent: a key in a header, a path for each operation, and always the same answer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use model::Secret;
use model::agent::{API_KEY_HEADER, Backend};
use serde_json::{Value, json};

use super::{JSON, respond};
use crate::authority::Pair;
use crate::server::{Body, Cut, ResetSwitch, Server, Site, StartError};

/// A running backend. It ends when this value does.
#[derive(Debug)]
pub struct DemoBackend {
    server: Server,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    backend: Backend,
    key: Secret<String>,
    is_open: AtomicBool,
    calls: AtomicU64,
}

impl DemoBackend {
    /// Starts one on a port of 127.0.0.1, 0 for any free one, that wants this key.
    pub fn start(
        backend: Backend,
        port: u16,
        key: Secret<String>,
        pair: Option<&Pair>,
    ) -> Result<Self, StartError> {
        let state =
            Arc::new(State { backend, key, is_open: AtomicBool::default(), calls: AtomicU64::new(0) });
        let server = Server::start_with(backend.name(), port, pair, |_| Arc::clone(&state))?;
        Ok(Self { server, state })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// How many operations it answered.
    pub fn calls(&self) -> u64 {
        self.state.calls.load(Ordering::Relaxed)
    }

    /// Whether it answers without a key from now on.
    pub fn open(&self, is_open: bool) {
        self.state.is_open.store(is_open, Ordering::Relaxed);
    }
}

impl Site for State {
    async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        _: ResetSwitch,
    ) -> Result<Response<Body>, Cut> {
        let key = request.headers().get(API_KEY_HEADER).map(http::HeaderValue::as_bytes);
        if key != Some(self.key.expose().as_bytes()) && !self.is_open.load(Ordering::Relaxed) {
            let refusal = json!({"detail": "Invalid or missing API key"});
            return Ok(respond(StatusCode::UNAUTHORIZED, JSON, refusal.to_string()));
        }
        let operation = request.uri().path().trim_start_matches('/');
        let answer = if operation.is_empty() {
            json!({"status": "healthy", "service": self.backend.target()})
        } else if self.backend.operations().contains(&operation) {
            self.calls.fetch_add(1, Ordering::Relaxed);
            canned(self.backend, operation)
        } else {
            return Ok(respond(StatusCode::NOT_FOUND, JSON, "{\"detail\":\"Not Found\"}"));
        };
        Ok(respond(StatusCode::OK, JSON, answer.to_string()))
    }
}

/// What an operation says: one small story of an incident, so that an agent has something to find.
fn canned(backend: Backend, operation: &str) -> Value {
    let findings = match backend {
        Backend::K8s => {
            json!([{"pod": "web-app-7d4f", "namespace": "production", "status": "CrashLoopBackOff"}])
        }
        Backend::Logs => {
            json!([{"level": "ERROR", "service": "web-app", "message": "database connection refused"}])
        }
        Backend::Metrics => json!([{"metric": "error_rate", "service": "web-app", "value": 12.5}]),
        Backend::Runbooks => {
            json!([{"title": "Database connection refused", "steps": ["restart the database"]}])
        }
    };
    json!({"operation": operation, "source": backend.target(), "findings": findings})
}
