//! A gateway with all its backends, as a deployment has them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use model::Secret;
use model::agent::Backend;

use super::{DemoBackend, McpGateway, McpGatewayOptions, Reached};
use crate::authority::Pair;
use crate::issuer::Issuer;
use crate::server::StartError;

/// What a [`GatewayStage`] is made of.
#[derive(Debug, Clone)]
pub struct GatewayStageOptions {
    /// The name of the host of the backends.
    pub domain: String,
    /// The certificate of gateway and backends, good for both their names.
    pub pair: Pair,
    /// Who vouches for it, PEM.
    pub roots_pem: String,
    /// What the backends want, and what the credential provider gives.
    pub api_key: Secret<String>,
    /// The app clients whose tokens the gateway takes.
    pub allowed_clients: BTreeSet<String>,
    /// Scopes of which a token needs one; none for any.
    pub allowed_scopes: BTreeSet<String>,
}

/// A running gateway before its four running backends, all under TLS.
#[derive(Debug)]
pub struct GatewayStage {
    /// The gateway.
    pub gateway: McpGateway,
    /// What it calls.
    pub backends: BTreeMap<Backend, DemoBackend>,
}

impl GatewayStage {
    /// Starts all of it on free ports.
    pub fn start(options: GatewayStageOptions, issuer: &Issuer) -> Result<Self, StartError> {
        let GatewayStageOptions { domain, pair, roots_pem, api_key, allowed_clients, allowed_scopes } =
            options;
        let mut backends = BTreeMap::new();
        let mut targets = Vec::new();
        for backend in Backend::ALL {
            let running = DemoBackend::start(backend, 0, api_key.clone(), Some(&pair))?;
            targets.push(Reached { backend, host: domain.clone(), address: running.address() });
            backends.insert(backend, running);
        }
        let pair = Some(pair);
        let options = McpGatewayOptions {
            pair,
            allowed_clients,
            allowed_scopes,
            targets,
            roots_pem,
            ..McpGatewayOptions::new(api_key)
        };
        Ok(Self { gateway: McpGateway::start(options, issuer)?, backends })
    }

    /// Where each backend listens.
    pub fn places(&self) -> BTreeMap<Backend, SocketAddr> {
        self.backends.iter().map(|(backend, running)| (*backend, running.address())).collect()
    }
}
