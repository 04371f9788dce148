//! Configurations for the tests of other parts.

use std::{collections::BTreeMap, time::Duration};

use super::{
    Auth, Config, Cors, Ledger, LedgerStore, LimitStore, Limits, Listen, LogFormat, Quota, Requests, Target,
    Telemetry, Thinking, Timeouts,
};

/// A proxy on a port of its own, which knows no upstream and no model and keeps everything to itself.
pub(crate) fn config() -> Config {
    let seconds = Duration::from_secs;
    Config {
        listen: Listen { address: ([127, 0, 0, 1], 0).into(), max_connections: 16, drain: seconds(1) },
        tls: None,
        auth: Auth { issuers: Vec::new(), api_keys: Vec::new(), leeway: seconds(30) },
        upstreams: BTreeMap::new(),
        models: BTreeMap::new(),
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
        telemetry: telemetry("info", LogFormat::Json),
    }
}

/// A log of this level, and nothing else.
pub(crate) fn telemetry(level: &str, format: LogFormat) -> Telemetry {
    Telemetry {
        log_level: level.to_owned(),
        log_format: format,
        log_prompts: false,
        metrics_address: None,
        otlp_endpoint: None,
        otlp_headers: Vec::new(),
        emf_namespace: None,
        security: super::Security::default(),
    }
}

/// A model of an upstream, in its own Region and with its own credentials.
pub(crate) fn target(upstream: &str, model: &str) -> Target {
    Target {
        upstream: upstream.to_owned(),
        model: model.to_owned(),
        region: None,
        role: None,
        max_tokens: None,
    }
}
