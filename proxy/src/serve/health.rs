//! Whether the process lives, and whether it can serve.

use http::StatusCode;

use super::{
    context::{Serving, Shared},
    reply::{self, JSON, Reply},
};

/// It answers, so it lives.
pub(super) fn live() -> Reply {
    reply::whole(StatusCode::OK, JSON, &br#"{"status":"ok"}"#[..])
}

/// 200 where a request of a known caller would be served, 503 with the reason otherwise. Says nothing about who calls
/// or what is configured: anybody may ask.
pub(super) async fn ready(shared: &Shared, snapshot: &Serving) -> Reply {
    if shared.ending.stop.is_cancelled() {
        return red("draining");
    }
    if snapshot.parts.authenticator.ready(shared.clock.now()).await.is_err() {
        return red("issuer_unreachable");
    }
    if snapshot.parts.upstreams.ready().await.is_err() {
        return red("no_upstream_credentials");
    }
    if shared.limiter.ready().await.is_err() {
        return red("limits_unavailable");
    }
    reply::whole(StatusCode::OK, JSON, &br#"{"status":"ready"}"#[..])
}

fn red(reason: &str) -> Reply {
    let body = format!(r#"{{"status":"not_ready","reason":"{reason}"}}"#);
    reply::whole(StatusCode::SERVICE_UNAVAILABLE, JSON, body)
}
