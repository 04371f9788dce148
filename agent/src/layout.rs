//! Where the sample's files lie. Nobody else spells these paths.

use std::fmt;

use model::agent::Backend;

/// Where the sample has been in its repository, newest first; the first is for a copy of the sample alone.
const PLACES: [&str; 4] = [
    "",
    "02-use-cases/01-conversational-agents/SRE-agent",
    "02-use-cases/SRE-agent",
    "02-use-cases/04-SRE-agent",
];

/// A file that every version of the sample has, and nothing else.
const MARK: &str = "gateway/create_gateway.sh";

/// Where in a folder the sample is, if it is there: the place and the path to it.
pub fn locate(is_there: impl Fn(&str) -> bool) -> Option<&'static str> {
    PLACES.into_iter().find(|place| match *place {
        "" => is_there(MARK),
        place => is_there(&format!("{place}/{MARK}")),
    })
}

/// A file that the sample's scripts share. The order is that in which they are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum File {
    /// What `create_gateway.sh` reads.
    GatewayConfig,
    /// What `create_gateway.sh` and `generate_token.py` source.
    GatewayEnv,
    /// The domain of the backends.
    BackendEnv,
    /// A backend's schema.
    Schema(Backend),
    /// The ARN of the credential provider.
    Provider,
    /// The gateway's URL without `/mcp`.
    GatewayUri,
    /// Which tools the agent has, and where its gateway is.
    AgentConfig,
    /// The token.
    AccessToken,
    /// The agent's environment.
    AgentEnv,
    /// The same in the eyes of the deployment scripts.
    DeploymentEnv,
    /// What early versions of the sample read instead of the agent's environment.
    RootEnv,
    /// What `setup_cognito.sh` noted.
    CognitoNotes,
    /// The id of the agent's memory.
    MemoryId,
    /// The ARN of the runtime that runs the agent.
    AgentArn,
}

impl File {
    /// All of them.
    pub const ALL: [Self; 17] = [
        Self::GatewayConfig,
        Self::GatewayEnv,
        Self::BackendEnv,
        Self::Schema(Backend::K8s),
        Self::Schema(Backend::Logs),
        Self::Schema(Backend::Metrics),
        Self::Schema(Backend::Runbooks),
        Self::Provider,
        Self::GatewayUri,
        Self::AgentConfig,
        Self::AccessToken,
        Self::AgentEnv,
        Self::DeploymentEnv,
        Self::RootEnv,
        Self::CognitoNotes,
        Self::MemoryId,
        Self::AgentArn,
    ];

    /// Its path below the sample's folder.
    pub fn path(self) -> &'static str {
        match self {
            Self::GatewayConfig => "gateway/config.yaml",
            Self::GatewayEnv => "gateway/.env",
            Self::BackendEnv => "backend/.env",
            Self::Schema(Backend::K8s) => "backend/openapi_specs/k8s_api.yaml",
            Self::Schema(Backend::Logs) => "backend/openapi_specs/logs_api.yaml",
            Self::Schema(Backend::Metrics) => "backend/openapi_specs/metrics_api.yaml",
            Self::Schema(Backend::Runbooks) => "backend/openapi_specs/runbooks_api.yaml",
            Self::Provider => "gateway/.credentials_provider",
            Self::GatewayUri => "gateway/.gateway_uri",
            Self::AgentConfig => "sre_agent/config/agent_config.yaml",
            Self::AccessToken => "gateway/.access_token",
            Self::AgentEnv => "sre_agent/.env",
            Self::DeploymentEnv => "deployment/.env",
            Self::RootEnv => ".env",
            Self::CognitoNotes => "deployment/.cognito_config",
            Self::MemoryId => ".memory_id",
            Self::AgentArn => "deployment/.agent_arn",
        }
    }

    /// Whether it holds secrets.
    pub fn is_secret(self) -> bool {
        matches!(
            self,
            Self::GatewayEnv
                | Self::AccessToken
                | Self::AgentEnv
                | Self::DeploymentEnv
                | Self::RootEnv
                | Self::CognitoNotes
        )
    }

    /// Whether only its owner may read it. The others go into the agent's container, or are of the sample's repository.
    pub fn is_for_owner(self) -> bool {
        !matches!(self, Self::AgentConfig | Self::Schema(_))
    }
}

impl fmt::Display for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.path())
    }
}

/// Where `deployment/.env` points to.
pub const AGENT_ENV_FROM_DEPLOYMENT: &str = "../sre_agent/.env";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_is_found_wherever_it_has_been() {
        for place in PLACES {
            let mark = if place.is_empty() { MARK.to_owned() } else { format!("{place}/{MARK}") };
            assert_eq!(locate(|path| path == mark), Some(place));
        }
        assert_eq!(locate(|_| false), None);
    }

    #[test]
    fn a_schema_lies_where_its_backend_looks_for_it() {
        for backend in Backend::ALL {
            assert!(File::Schema(backend).path().ends_with(&format!("/{}", backend.schema_file())));
            assert!(File::ALL.contains(&File::Schema(backend)));
        }
    }
}
