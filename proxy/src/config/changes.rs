//! What a reload changes, key by key, and what of it has to wait for a restart.

use super::Config;

/// The keys in which two configurations differ.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Changes {
    /// Those that take effect at once.
    pub applied: Vec<&'static str>,
    /// Those that a running process cannot change.
    pub needs_restart: Vec<&'static str>,
}

/// Compares two configurations.
pub fn changes(old: &Config, new: &Config) -> Changes {
    let mut changes = Changes::default();
    for (key, differs, reloads) in comparisons(old, new) {
        if differs {
            if reloads { changes.applied.push(key) } else { changes.needs_restart.push(key) }
        }
    }
    changes
}

impl Config {
    /// What is in effect when a process that runs with another configuration takes this one over: what needs a restart
    /// stays as it was.
    #[must_use]
    pub fn after_reload(self, running: &Self) -> Self {
        let is_tls_switched = self.tls.is_some() != running.tls.is_some();
        Self {
            listen: running.listen.clone(),
            tls: if is_tls_switched { running.tls.clone() } else { self.tls },
            limits: super::Limits { store: running.limits.store.clone(), ..self.limits },
            ledger: super::Ledger { store: running.ledger.store.clone(), ..self.ledger },
            timeouts: super::Timeouts { headers: running.timeouts.headers, ..self.timeouts },
            telemetry: super::Telemetry {
                log_level: self.telemetry.log_level,
                log_prompts: self.telemetry.log_prompts,
                ..running.telemetry.clone()
            },
            ..self
        }
    }
}

/// Each key or section with whether it differs and whether a reload may change it. Every field of [`Config`] is in it:
/// the patterns name all of them, so that a new one cannot be forgotten.
fn comparisons(old: &Config, new: &Config) -> Vec<(&'static str, bool, bool)> {
    let Config { listen, tls, auth, upstreams, models, requests, limits, ledger, timeouts, cors, telemetry } =
        old;
    let is_tls_switched = tls.is_some() != new.tls.is_some();
    vec![
        ("listen.address", listen.address != new.listen.address, false),
        ("listen.max_connections", listen.max_connections != new.listen.max_connections, false),
        ("listen.drain", listen.drain != new.listen.drain, false),
        ("tls", *tls != new.tls, !is_tls_switched),
        ("auth", *auth != new.auth, true),
        ("upstreams", *upstreams != new.upstreams, true),
        ("models", *models != new.models, true),
        ("requests", *requests != new.requests, true),
        ("limits", limits.default != new.limits.default || limits.overrides != new.limits.overrides, true),
        ("limits.store", limits.store != new.limits.store, false),
        ("ledger.store", ledger.store != new.ledger.store, false),
        ("ledger.prices_path", ledger.prices_path != new.ledger.prices_path, true),
        ("timeouts.headers", timeouts.headers != new.timeouts.headers, false),
        (
            "timeouts",
            super::Timeouts { headers: new.timeouts.headers, ..timeouts.clone() } != new.timeouts,
            true,
        ),
        ("cors", *cors != new.cors, true),
        ("telemetry.log.level", telemetry.log_level != new.telemetry.log_level, true),
        ("telemetry.log.format", telemetry.log_format != new.telemetry.log_format, false),
        ("telemetry.log.prompts", telemetry.log_prompts != new.telemetry.log_prompts, true),
        ("telemetry.metrics.address", telemetry.metrics_address != new.telemetry.metrics_address, false),
        (
            "telemetry.otlp",
            telemetry.otlp_endpoint != new.telemetry.otlp_endpoint
                || telemetry.otlp_headers != new.telemetry.otlp_headers,
            false,
        ),
        ("telemetry.emf", telemetry.emf_namespace != new.telemetry.emf_namespace, false),
        ("telemetry.security", telemetry.security != new.telemetry.security, false),
    ]
}
