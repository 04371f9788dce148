//! Prometheus' listener: `GET /metrics` over plain HTTP, on loopback unless the configuration says otherwise.

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::telemetry::{self, Telemetry};

/// Scrapers at the same time; there is seldom more than one.
const MAX_CONNECTIONS: usize = 16;
const HEADERS: Duration = Duration::from_secs(5);

/// Listens.
pub(super) async fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    TcpListener::bind(address).await
}

/// Answers until `stop`.
pub(super) async fn serve(listener: TcpListener, telemetry: Arc<Telemetry>, stop: &CancellationToken) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            accepted = listener.accept(), if connections.len() < MAX_CONNECTIONS => {
                let Ok((stream, _)) = accepted else {
                    // Out of descriptors, most likely; the next scrape is a quarter of a minute away.
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    continue;
                };
                let telemetry = Arc::clone(&telemetry);
                connections.spawn(async move {
                    let service = service_fn(move |request| {
                        let answer = answer(&request, &telemetry);
                        async move { Ok::<_, Infallible>(answer) }
                    });
                    let mut http = http1::Builder::new();
                    http.timer(TokioTimer::new()).header_read_timeout(HEADERS);
                    // A scraper that leaves early has what it wanted, or comes again.
                    let _ = http.serve_connection(TokioIo::new(stream), service).await;
                });
            }
        }
    }
}

fn answer(request: &Request<Incoming>, telemetry: &Telemetry) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::default());
    if request.uri().path() != "/metrics" {
        *response.status_mut() = StatusCode::NOT_FOUND;
    } else if request.method() == Method::GET || request.method() == Method::HEAD {
        let content_type = HeaderValue::from_static(telemetry::CONTENT_TYPE);
        response.headers_mut().insert(header::CONTENT_TYPE, content_type);
        *response.body_mut() = Full::from(telemetry.exposition());
    } else {
        *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    response
}
