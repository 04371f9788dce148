//! What a collector is sent, and what happens where it does not listen.
#![expect(clippy::arithmetic_side_effects, reason = "counts of a test")]

use std::sync::Arc;

use super::*;
use crate::telemetry::{Observe as _, Observed, testing};

/// A collector that remembers, and takes or refuses.
#[derive(Default)]
struct Collector {
    posts: Mutex<Vec<(String, Value)>>,
    refuses: AtomicBool,
}

#[async_trait]
impl Export for Collector {
    async fn post(&self, path: &str, body: Bytes) -> Result<(), ExportError> {
        self.posts.lock().unwrap().push((path.to_owned(), serde_json::from_slice(&body).unwrap()));
        if self.refuses.load(Ordering::Relaxed) {
            return Err(ExportError("connection refused".to_owned()));
        }
        Ok(())
    }
}

fn access(trace: TraceContext) -> Access<'static> {
    Access {
        observed: Observed {
            endpoint: "chat.completions",
            model: "gpt-4o",
            upstream: "bedrock",
            status: 200,
            outcome: Outcome::Completed,
            duration: Duration::from_millis(1500),
            first_byte: Duration::from_millis(100),
            usage: Usage { input_tokens: 10, output_tokens: 5, ..Usage::default() },
        },
        request_id: "req-1",
        caller: "alice",
        client_id: None,
        source: None,
        trace,
        started: Timestamp::from_second(1_790_000_000).unwrap(),
        upstream_request_id: None,
        ignored: &[],
        error_code: None,
        error: None,
    }
}

fn trace() -> TraceContext {
    TraceContext { trace_id: 0xabc, parent_id: Some(0x12), span_id: 0x34, sampled: true }
}

fn metrics() -> Metrics {
    let metrics = Metrics::new(Timestamp::from_second(1_790_000_000).unwrap(), Arc::default());
    metrics.configured(&testing::proxy_config(&["gpt-4o"]), "1", Timestamp::UNIX_EPOCH);
    metrics
}

#[tokio::test]
async fn a_request_is_a_span_of_its_callers_trace() {
    let (collector, otlp, metrics) = (Collector::default(), Otlp::default(), metrics());
    assert!(otlp.span(&access(trace()), "gpt-4o"));
    let mut failed = access(TraceContext { parent_id: None, ..trace() });
    failed.observed.status = 502;
    assert!(otlp.span(&failed, "gpt-4o"));
    assert!(otlp.span(&access(TraceContext { sampled: false, ..trace() }), "gpt-4o"));
    otlp.export_spans(&collector, &metrics).await;
    let posts = collector.posts.lock().unwrap();
    assert_eq!(posts.len(), 1);
    assert_eq!(posts[0].0, "/v1/traces");
    insta::assert_snapshot!("spans", serde_json::to_string_pretty(&posts[0].1).unwrap());
}

#[tokio::test]
async fn the_numbers_are_those_of_the_exposition() {
    let (collector, otlp, metrics) = (Collector::default(), Otlp::default(), metrics());
    metrics.request(&access(trace()).observed);
    let now = Timestamp::from_second(1_790_000_060).unwrap();
    otlp.export_metrics(&collector, &metrics, now).await;
    let posts = collector.posts.lock().unwrap();
    assert_eq!(posts[0].0, "/v1/metrics");
    let sent = &posts[0].1["resourceMetrics"][0]["scopeMetrics"][0]["metrics"];
    let find = |name: &str| sent.as_array().unwrap().iter().find(|metric| metric["name"] == name).unwrap();
    let requests = &find("bedrock_nova_proxy.requests")["sum"];
    insta::assert_snapshot!("requests", serde_json::to_string_pretty(requests).unwrap());
    let durations =
        find("bedrock_nova_proxy.request.duration")["histogram"]["dataPoints"].as_array().unwrap();
    let point = durations.iter().find(|point| point["count"] == "1").unwrap();
    let bounds = point["explicitBounds"].as_array().unwrap().len();
    assert_eq!(point["bucketCounts"].as_array().unwrap().len(), bounds + 1);
    assert_eq!(point["sum"], 1.5);
}

#[tokio::test]
async fn a_collector_that_does_not_listen_costs_its_spans_and_one_line() {
    let (collector, otlp, metrics) = (Collector::default(), Otlp::default(), metrics());
    collector.refuses.store(true, Ordering::Relaxed);
    for _ in 0..=BATCH {
        assert!(otlp.span(&access(trace()), "gpt-4o"));
    }
    otlp.enough().await;
    let (_log, dispatch, lines) = testing::log("info");
    let guard = tracing::dispatcher::set_default(&dispatch);
    otlp.export_spans(&collector, &metrics).await;
    otlp.export_metrics(&collector, &metrics, Timestamp::UNIX_EPOCH).await;
    assert_eq!(metrics.spans_dropped.get(), 512);
    assert_eq!(testing::text(&lines).matches("SRE-PROXY-045").count(), 1);
    collector.refuses.store(false, Ordering::Relaxed);
    otlp.export_spans(&collector, &metrics).await;
    drop(guard);
    assert!(testing::text(&lines).contains("takes what it is sent again"));
    assert_eq!(metrics.spans_dropped.get(), 512, "what came after the failed post was kept");
}

#[test]
fn waiting_spans_have_a_bound() {
    let otlp = Otlp::default();
    assert_eq!((0..QUEUE + 5).filter(|_| !otlp.span(&access(trace()), "m")).count(), 5);
}
