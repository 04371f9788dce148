//! What a host is told, from the configuration of its deployment and from what the deployment made. Pure.

use std::fmt::Write as _;

use model::config::{AcmeChallenge, Config, TlsSource};
use model::host::HostSettings;
use model::plan::StepId;
use serde_json::Value;
use systemd::Layout;

use crate::journal::State;

/// What a deployment made that its host has to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployed {
    /// The issuer of tokens: the claim `iss`.
    pub issuer: String,
    /// The app client of the machines.
    pub client_id: String,
    /// The exportable certificate, where there is one.
    pub certificate_arn: Option<String>,
}

/// The state file does not know something that the host needs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the state file knows no {what}: {} has not been made yet", step.title())]
pub struct MissingOutput {
    /// What is missing.
    pub what: &'static str,
    /// The step that makes it.
    pub step: StepId,
}

impl Deployed {
    /// What a state file knows.
    ///
    /// # Errors
    ///
    /// Where the deployment has not come that far.
    pub fn from_state(state: &State) -> Result<Self, MissingOutput> {
        let output = |step: StepId, name: &str| state.step(step).outputs.get(name).cloned();
        let needed = |step: StepId, name: &str, what: &'static str| {
            output(step, name).ok_or(MissingOutput { what, step })
        };
        Ok(Self {
            issuer: needed(StepId::UserPool, "issuer", "issuer of tokens")?,
            client_id: needed(StepId::AppClient, "id", "app client")?,
            certificate_arn: output(StepId::Certificate, "arn"),
        })
    }
}

/// `host.json` of a deployment.
///
/// # Errors
///
/// Where an exportable certificate is wanted, and the deployment has none yet.
pub fn host_settings(config: &Config, deployed: &Deployed) -> Result<HostSettings, MissingOutput> {
    HostSettings::from_config(config, deployed.certificate_arn.as_deref())
        .ok_or(MissingOutput { what: "certificate", step: StepId::Certificate })
}

/// `proxy.yaml` of a deployment.
pub fn proxy_config(config: &Config, deployed: &Deployed, layout: &Layout) -> String {
    let mut out = format!(
        "# Made by sre-agent-deploy for {}. May be edited: `host install` keeps an edited file as long as the\n\
         # deployment's own settings stay the same. Check it: bedrock-nova-proxy check-config --config FILE\n\
         version: 1\n",
        config.deployment.id
    );
    // The socket is systemd's; a restart has to end before its stop timeout does.
    out.push_str("listen:\n  address: 0.0.0.0:443\n  drain: 10s\n");
    let pair = layout.live_pair();
    let _ = writeln!(out, "tls:\n  cert_path: {}", quoted(&pair.join("fullchain.pem").to_string_lossy()));
    let _ = writeln!(out, "  key_path: {}", quoted(&pair.join("privkey.pem").to_string_lossy()));
    if let Some(domain) = &config.tls.domain {
        let _ = writeln!(out, "  names: [{}]", quoted(domain));
    }
    if matches!(&config.tls.source, TlsSource::Acme { challenge: AcmeChallenge::TlsAlpn01, .. }) {
        let _ = writeln!(out, "  acme_challenges: {}", quoted(&layout.challenges().to_string_lossy()));
    }
    let _ = writeln!(out, "auth:\n  issuers:\n    - issuer: {}", quoted(&deployed.issuer));
    let _ = writeln!(out, "      client_ids: [{}]", quoted(&deployed.client_id));
    if let Some(scope) = required_scope(config) {
        let _ = writeln!(out, "      required_scopes: [{}]", quoted(&scope));
    }
    let _ = writeln!(
        out,
        "upstreams:\n  bedrock:\n    kind: bedrock\n    region: {}\nmodels:",
        quoted(config.aws.region.as_str())
    );
    for (name, model) in config.proxy.models_in(&config.aws.region) {
        let _ = writeln!(out, "  {}: {}", quoted(name), quoted(&model));
    }
    let _ = writeln!(
        out,
        "limits:\n  requests_per_minute: {}\n  tokens_per_hour: {}",
        config.proxy.requests_per_minute, config.proxy.tokens_per_hour
    );
    let ledger = layout.proxy_state().join("usage.db");
    let _ =
        writeln!(out, "ledger:\n  store:\n    sqlite:\n      path: {}", quoted(&ledger.to_string_lossy()));
    out
}

/// The scope that every token has to have. One of the resource server's shows that a token is meant for this API; to
/// ask for all would refuse clients that were given less.
pub fn required_scope(config: &Config) -> Option<String> {
    let scope = config.cognito.scopes.first()?;
    Some(format!("{}/{scope}", config.cognito.resource_server))
}

/// A text as YAML takes it: JSON's quotes are YAML's.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}
