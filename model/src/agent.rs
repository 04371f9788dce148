//! The backends of the SRE agent, as everybody who has to do with them needs to know them: the gateway's targets, the
//! schemas, the units on the host, and the checks.
//!
//! Source: the sample "SRE agent" of AWS's AgentCore samples, its four demo servers and its OpenAPI templates.

use serde::{Deserialize, Serialize};

/// What the gateway puts between the name of a target and that of an operation.
pub const TOOL_SEPARATOR: &str = "___";

/// The tool that a gateway with semantic search adds by itself.
pub const SEARCH_TOOL: &str = "x_amz_bedrock_agentcore_search";

/// The header in which a backend looks for its key. HTTP compares header names without case.
pub const API_KEY_HEADER: &str = "X-API-Key";

/// The field of the credential provider's secret that holds the key.
pub const API_KEY_FIELD: &str = "api_key_value";

/// The variable in which the SRE agent looks for its token.
pub const TOKEN_VARIABLE: &str = "GATEWAY_ACCESS_TOKEN";

/// The name that the sample's backends have written into them.
pub const CREDENTIAL_PROVIDER: &str = "sre-agent-api-key-credential-provider";

/// The name of the memory that the sample has written into it.
pub const MEMORY: &str = "sre_agent_memory";

/// Whether a text is the id of a memory of that name: AgentCore adds a hyphen and ten characters.
pub fn is_memory_id(text: &str) -> bool {
    let added = text.strip_prefix(MEMORY).and_then(|rest| rest.strip_prefix('-'));
    added.is_some_and(|added| added.len() == 10 && added.bytes().all(|b| b.is_ascii_alphanumeric()))
}

/// One of the four backends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Backend {
    /// Pods, deployments, nodes.
    K8s,
    /// Logs.
    Logs,
    /// Metrics.
    Metrics,
    /// Runbooks.
    Runbooks,
}

impl Backend {
    /// All four, in the order of their ports.
    pub const ALL: [Self; 4] = [Self::K8s, Self::Logs, Self::Metrics, Self::Runbooks];

    /// As in names of files and units: `k8s`.
    pub fn name(self) -> &'static str {
        match self {
            Self::K8s => "k8s",
            Self::Logs => "logs",
            Self::Metrics => "metrics",
            Self::Runbooks => "runbooks",
        }
    }

    /// What people call it.
    pub fn title(self) -> &'static str {
        match self {
            Self::K8s => "Kubernetes",
            Self::Logs => "logs",
            Self::Metrics => "metrics",
            Self::Runbooks => "runbooks",
        }
    }

    /// The name of its target in the gateway.
    pub fn target(self) -> &'static str {
        match self {
            Self::K8s => "k8s-api",
            Self::Logs => "logs-api",
            Self::Metrics => "metrics-api",
            Self::Runbooks => "runbooks-api",
        }
    }

    /// The TCP port that it listens on.
    pub fn port(self) -> u16 {
        match self {
            Self::K8s => 8011,
            Self::Logs => 8012,
            Self::Metrics => 8013,
            Self::Runbooks => 8014,
        }
    }

    /// The file that holds its OpenAPI schema.
    pub fn schema_file(self) -> &'static str {
        match self {
            Self::K8s => "k8s_api.yaml",
            Self::Logs => "logs_api.yaml",
            Self::Metrics => "metrics_api.yaml",
            Self::Runbooks => "runbooks_api.yaml",
        }
    }

    /// The ids of its operations.
    pub fn operations(self) -> [&'static str; 5] {
        match self {
            Self::K8s => [
                "get_pod_status",
                "get_deployment_status",
                "get_cluster_events",
                "get_resource_usage",
                "get_node_status",
            ],
            Self::Logs => [
                "search_logs",
                "get_error_logs",
                "analyze_log_patterns",
                "get_recent_logs",
                "count_log_events",
            ],
            Self::Metrics => [
                "get_performance_metrics",
                "get_error_rates",
                "get_resource_metrics",
                "get_availability_metrics",
                "analyze_trends",
            ],
            Self::Runbooks => [
                "search_runbooks",
                "get_incident_playbook",
                "get_troubleshooting_guide",
                "get_escalation_procedures",
                "get_common_resolutions",
            ],
        }
    }

    /// The operation that a proof calls, since it needs no argument.
    pub fn proof(self) -> &'static str {
        match self {
            Self::K8s => "get_pod_status",
            Self::Logs => "get_recent_logs",
            Self::Metrics => "get_performance_metrics",
            Self::Runbooks => "search_runbooks",
        }
    }

    /// The name of an operation as a tool of the gateway.
    pub fn tool(self, operation: &str) -> String {
        format!("{}{TOOL_SEPARATOR}{operation}", self.target())
    }

    /// The backend of that target.
    pub fn of_target(target: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|backend| backend.target() == target)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_id_of_a_memory_is_its_name_with_ten_characters() {
        assert!(is_memory_id("sre_agent_memory-0a1B2c3D4e"));
        for other in
            ["", "sre_agent_memory", "sre_agent_memory-", "sre_agent_memory-0a1b2c3d4", "other-0a1b2c3d4e"]
        {
            assert!(!is_memory_id(other), "{other}");
        }
    }

    #[test]
    fn all_names_differ_and_every_proof_is_an_operation() {
        let tools: BTreeSet<String> =
            Backend::ALL.into_iter().flat_map(|one| one.operations().map(|name| one.tool(name))).collect();
        assert_eq!(tools.len(), 20);
        assert!(tools.contains("k8s-api___get_pod_status"));
        for backend in Backend::ALL {
            assert!(backend.operations().contains(&backend.proof()));
            assert_eq!(Backend::of_target(backend.target()), Some(backend));
        }
    }
}
