//! What a host is told, from the configuration of its deployment and from what the deployment made. Pure.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

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

/// Where a proxy runs: what its configuration says beside what the deployment does.
#[derive(Debug, Clone)]
pub struct Site<'a> {
    /// Where it listens.
    pub listen: SocketAddr,
    /// How long answers may go on when it is told to end, seconds.
    pub drain_s: u32,
    /// The certificate with its chain, PEM.
    pub cert_path: PathBuf,
    /// Its key, PEM.
    pub key_path: PathBuf,
    /// The names that the certificate has to be good for.
    pub names: Vec<String>,
    /// Where answers to the challenge TLS-ALPN-01 lie, if there are any.
    pub acme_challenges: Option<PathBuf>,
    /// Where the issuer's keys are, if not where it says.
    pub jwks_uri: Option<&'a str>,
    /// Bedrock, if not the Region's own.
    pub bedrock: Option<&'a str>,
    /// The ledger, if not the usual one.
    pub ledger: Option<PathBuf>,
    /// Whether metrics are served.
    pub has_metrics: bool,
}

impl Site<'_> {
    /// A host that was installed.
    fn of_host(config: &Config, layout: &Layout) -> Self {
        let pair = layout.live_pair();
        let is_asked =
            matches!(&config.tls.source, TlsSource::Acme { challenge: AcmeChallenge::TlsAlpn01, .. });
        Self {
            // The socket is systemd's; a restart has to end before its stop timeout does.
            listen: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 443)),
            drain_s: 10,
            cert_path: pair.join("fullchain.pem"),
            key_path: pair.join("privkey.pem"),
            names: config.tls.domain.iter().cloned().collect(),
            acme_challenges: is_asked.then(|| layout.challenges()),
            jwks_uri: None,
            bedrock: None,
            ledger: Some(layout.proxy_state().join("usage.db")),
            has_metrics: true,
        }
    }
}

/// `proxy.yaml` of a deployment's host.
pub fn proxy_config(config: &Config, deployed: &Deployed, layout: &Layout) -> String {
    format!(
        "# Made by sre-agent-deploy for {}. May be edited: `host install` keeps an edited file as long as the\n\
         # deployment's own settings stay the same. Check it: bedrock-nova-proxy check-config --config FILE\n{}",
        config.deployment.id,
        proxy_config_at(config, deployed, &Site::of_host(config, layout))
    )
}

/// `proxy.yaml` of a deployment, wherever the proxy runs.
pub fn proxy_config_at(config: &Config, deployed: &Deployed, site: &Site<'_>) -> String {
    let path = |path: &PathBuf| quoted(&path.to_string_lossy());
    let mut out = String::new();
    let mut line = |text: std::fmt::Arguments<'_>| {
        // Writing into a string cannot fail.
        let _ = writeln!(out, "{text}");
    };
    line(format_args!("version: 1\nlisten:\n  address: {}\n  drain: {}s", site.listen, site.drain_s));
    line(format_args!("tls:\n  cert_path: {}\n  key_path: {}", path(&site.cert_path), path(&site.key_path)));
    if !site.names.is_empty() {
        let names: Vec<String> = site.names.iter().map(|name| quoted(name)).collect();
        line(format_args!("  names: [{}]", names.join(", ")));
    }
    if let Some(folder) = &site.acme_challenges {
        line(format_args!("  acme_challenges: {}", path(folder)));
    }
    line(format_args!("auth:\n  issuers:\n    - issuer: {}", quoted(&deployed.issuer)));
    if let Some(uri) = site.jwks_uri {
        line(format_args!("      jwks_uri: {}", quoted(uri)));
    }
    line(format_args!("      client_ids: [{}]", quoted(&deployed.client_id)));
    if let Some(scope) = required_scope(config) {
        line(format_args!("      required_scopes: [{}]", quoted(&scope)));
    }
    let region = quoted(config.aws.region.as_str());
    line(format_args!("upstreams:\n  bedrock:\n    kind: bedrock\n    region: {region}"));
    if let Some(url) = site.bedrock {
        line(format_args!("    endpoint_url: {}", quoted(url)));
    }
    line(format_args!("models:"));
    for (name, model) in config.proxy.models_in(&config.aws.region) {
        line(format_args!("  {}: {}", quoted(name), quoted(&model)));
    }
    line(format_args!(
        "limits:\n  requests_per_minute: {}\n  tokens_per_hour: {}",
        config.proxy.requests_per_minute, config.proxy.tokens_per_hour
    ));
    if let Some(ledger) = &site.ledger {
        line(format_args!("ledger:\n  store:\n    sqlite:\n      path: {}", path(ledger)));
    }
    if !site.has_metrics {
        line(format_args!("telemetry:\n  metrics:\n    address: \"off\""));
    }
    out
}

/// The scope that every token has to have. One of the resource server's shows that a token is meant for this API; to
/// ask for all would refuse clients that were given less.
fn required_scope(config: &Config) -> Option<String> {
    let scope = config.cognito.scopes.first()?;
    Some(format!("{}/{scope}", config.cognito.resource_server))
}

/// A text as YAML takes it: JSON's quotes are YAML's.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}
