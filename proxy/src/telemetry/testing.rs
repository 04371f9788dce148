//! Captures what a piece of the program writes to the log.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use super::{Output, log::Log};
use crate::config::{
    Auth, Config, Cors, Ledger, LedgerStore, LimitStore, Limits, Listen, LogFormat, Quota, Requests, Route,
    Target, Telemetry, Thinking, Timeouts, Upstream,
};

/// A configuration with this level and nothing else.
pub(crate) fn config(level: &str, format: LogFormat) -> Telemetry {
    Telemetry {
        log_level: level.to_owned(),
        log_format: format,
        log_prompts: false,
        metrics_address: None,
        otlp_endpoint: None,
        otlp_headers: Vec::new(),
        emf_namespace: None,
    }
}

/// Runs `body` on this thread with the log of the real program, as JSON; gives back the lines.
pub(crate) fn captured<T>(level: &str, body: impl FnOnce() -> T) -> (String, T) {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let (_log, dispatch) =
        Log::new(&config(level, LogFormat::Json), Output::Memory(Arc::clone(&lines))).unwrap();
    let result = tracing::dispatcher::with_default(&dispatch, body);
    drop(dispatch);
    let text = String::from_utf8(lines.lock().unwrap().clone()).unwrap();
    (text, result)
}

/// A log of this level that is read with [`text`]. It lives as long as the first of the three.
pub(in crate::telemetry) fn log(level: &str) -> (Log, tracing::Dispatch, Lines) {
    let lines = Lines::default();
    let output = Output::Memory(Arc::clone(&lines));
    let (log, dispatch) = Log::new(&config(level, LogFormat::Json), output).unwrap();
    (log, dispatch, lines)
}

/// What was written.
pub(crate) type Lines = Arc<Mutex<Vec<u8>>>;

/// What was written, as text.
pub(crate) fn text(lines: &Lines) -> String {
    String::from_utf8(lines.lock().unwrap().clone()).unwrap()
}

/// A proxy with these models and the upstream `bedrock`, which is none.
pub(crate) fn proxy_config(models: &[&str]) -> Config {
    let seconds = Duration::from_secs;
    let target = |model: &str| Target {
        upstream: "bedrock".to_owned(),
        model: model.to_owned(),
        region: None,
        role: None,
        max_tokens: None,
    };
    Config {
        listen: Listen { address: ([127, 0, 0, 1], 0).into(), max_connections: 16, drain: seconds(1) },
        tls: None,
        auth: Auth { issuers: Vec::new(), api_keys: Vec::new(), leeway: seconds(30) },
        upstreams: [("bedrock".to_owned(), Upstream::Practice)].into(),
        models: models
            .iter()
            .map(|model| ((*model).to_owned(), Route { targets: vec![target(model)] }))
            .collect(),
        requests: Requests {
            max_body_bytes: 1024,
            max_messages: 16,
            max_tools: 16,
            default_max_tokens: 256,
            strict_params: false,
            thinking: Thinking::Keep,
            allow_raw_models: false,
        },
        limits: Limits {
            default: Quota { requests_per_minute: 100, tokens_per_hour: 10_000, concurrent_requests: 20 },
            overrides: Vec::new(),
            store: LimitStore::Memory,
        },
        ledger: Ledger { store: LedgerStore::Off, prices_path: None },
        timeouts: Timeouts {
            headers: seconds(10),
            body: seconds(60),
            connect: seconds(3),
            first_byte: seconds(300),
            idle: seconds(300),
            heartbeat: seconds(15),
        },
        cors: Cors::default(),
        telemetry: config("info", LogFormat::Json),
    }
}
