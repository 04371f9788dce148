//! Everything that a finished deployment knows and the sample's files need.

use model::{Region, Secret};

use crate::formats::without_mcp;

/// The values that are wanted in the files.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The account's number.
    pub account: String,
    /// Where the gateway is.
    pub region: Region,
    /// The gateway's role by ARN.
    pub role_arn: String,
    /// The user pool.
    pub pool_id: String,
    /// The app client.
    pub client_id: String,
    /// Its secret.
    pub client_secret: Secret<String>,
    /// The user pool's domain, such as `https://sre.auth.us-east-1.amazoncognito.com`.
    pub cognito_domain: String,
    /// The name under which the backends answer.
    pub domain: String,
    /// The gateway's name.
    pub gateway_name: String,
    /// The gateway's URL, with or without `/mcp`.
    pub gateway_url: String,
    /// The credential provider.
    pub provider_arn: String,
    /// The runtime that runs the agent, where there is one.
    pub runtime_arn: Option<String>,
    /// The bucket with the schemas.
    pub bucket: String,
    /// The folder in it.
    pub prefix: String,
    /// The key that the backends want.
    pub api_key: Secret<String>,
    /// The agent's memory, where there is one.
    pub memory_id: Option<String>,
    /// A token, where one was fetched.
    pub token: Option<Secret<String>>,
}

impl Wanted {
    /// The role as the script wants it: it puts `arn:aws:iam::ACCOUNT:role/` before it, so a path belongs to it.
    pub(crate) fn role_name(&self) -> &str {
        self.role_arn.split_once(":role/").map_or(self.role_arn.as_str(), |(_, name)| name)
    }

    /// The provider's name, which is the end of its ARN.
    pub(crate) fn provider_name(&self) -> &str {
        self.provider_arn.rsplit('/').next().unwrap_or_default()
    }

    /// The gateway as the scripts want it.
    pub(crate) fn gateway_uri(&self) -> &str {
        without_mcp(&self.gateway_url)
    }

    /// The control plane of AgentCore, which also has the credential providers.
    pub(crate) fn endpoint(&self) -> String {
        format!("https://bedrock-agentcore-control.{}.amazonaws.com", self.region)
    }

    /// Cognito's domain as the scripts want it: they append a path to it.
    pub(crate) fn cognito_url(&self) -> String {
        self.cognito_domain.trim_end_matches('/').to_ascii_lowercase()
    }
}
