//! Amazon Bedrock AgentCore: credential providers, gateways and their targets, memories, and runtimes.
//!
//! Source: service model "Amazon Bedrock AgentCore Control", 2023-06-05. A gateway, a target and a provider have a name that is
//! unique in its place. Gateways and targets come, change and go in the background: what a call answers is only
//! that it began.

use std::collections::{BTreeMap, BTreeSet};

use model::Secret;
use model::tags::Tags;
use serde::{Deserialize, Serialize};

use crate::hook::port;

/// An API key credential provider to make. There is no token: the name alone keeps it single.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCredentialProvider {
    /// 1 to 128 letters, digits, hyphens and underscores.
    pub name: String,
    /// The key that it gives to the gateway.
    pub api_key: Secret<String>,
    /// Put on at creation.
    pub tags: Tags,
}

/// A provider and the key that it is to give from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKeyChange {
    /// The provider's name.
    pub name: String,
    /// The key.
    pub api_key: Secret<String>,
}

/// An API key credential provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialProvider {
    /// Unique in the account and Region.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// The ARN of the secret in which the service keeps the key.
    pub secret_arn: String,
    /// Its tags.
    pub tags: Tags,
}

/// How the service describes where a gateway, a target, a memory or a runtime is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// As the service spells it: `CREATING`, `READY`, `FAILED`, ...
    pub status: String,
    /// Why, in the words of the service.
    pub reasons: Vec<String>,
}

impl Condition {
    /// It can be used. Memories have a word of their own for it.
    pub fn is_ready(&self) -> bool {
        matches!(self.status.as_str(), "READY" | "ACTIVE")
    }

    /// It will not become ready by itself.
    pub fn has_failed(&self) -> bool {
        matches!(
            self.status.as_str(),
            "FAILED"
                | "UPDATE_UNSUCCESSFUL"
                | "SYNCHRONIZE_UNSUCCESSFUL"
                | "CREATE_FAILED"
                | "UPDATE_FAILED"
                | "DELETE_FAILED"
        )
    }
}

/// Everything about a gateway that is set. `UpdateGateway` resets what it is not told, so it travels together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatewaySettings {
    /// The role that it assumes.
    pub role_arn: String,
    /// Where it finds the issuer of the tokens: a URL that ends in `/.well-known/openid-configuration`.
    pub discovery_url: String,
    /// The app clients whose tokens it takes. Cognito's access tokens have no audience.
    pub allowed_clients: BTreeSet<String>,
    /// Scopes of which a token needs one; empty for any.
    pub allowed_scopes: BTreeSet<String>,
    /// For people.
    pub description: String,
    /// Whether its errors say what went wrong behind it (`exceptionLevel: DEBUG`).
    pub explains_errors: bool,
}

/// A gateway to make: MCP, tokens of an issuer (`CUSTOM_JWT`), semantic search of tools.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewGateway {
    /// `([0-9a-zA-Z][-]?){1,48}`, unique in the account and Region.
    pub name: String,
    /// 33 to 256 of `[a-zA-Z0-9-]`: the same token makes the same gateway.
    pub client_token: String,
    /// The rest.
    pub settings: GatewaySettings,
    /// Put on at creation.
    pub tags: Tags,
}

/// What a gateway is to be from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayChange {
    /// The gateway.
    pub id: String,
    /// Its name, which the call wants and which cannot be changed.
    pub name: String,
    /// All settings.
    pub settings: GatewaySettings,
}

/// A gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gateway {
    /// The name in lower case, a hyphen and ten characters.
    pub id: String,
    /// Its ARN.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// Where MCP is spoken to it, once there is a place.
    pub url: Option<String>,
    /// Where it is on its way.
    pub condition: Condition,
    /// How it finds out who may call: `CUSTOM_JWT`, `AWS_IAM`, `NONE`.
    pub authorizer: String,
    /// Its settings; without `CUSTOM_JWT` those of the tokens are empty.
    pub settings: GatewaySettings,
    /// Its tags.
    pub tags: Tags,
}

/// A gateway in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewaySummary {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// How a gateway reaches what is not public: through a network interface in a VPC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrivateEndpoint {
    /// The VPC.
    pub vpc_id: String,
    /// Where the interfaces are.
    pub subnet_ids: BTreeSet<String>,
    /// What guards them.
    pub security_group_ids: BTreeSet<String>,
    /// A public name that leads to the private address, where the schema's own name does not.
    pub routing_domain: Option<String>,
}

/// Everything about a target that is set. `UpdateGatewayTarget` replaces it whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetSettings {
    /// For people.
    pub description: String,
    /// The OpenAPI schema, `s3://BUCKET/KEY`.
    pub schema_uri: String,
    /// The account that owns the schema's bucket.
    pub schema_owner: String,
    /// The ARN of the API key credential provider.
    pub provider_arn: String,
    /// The header that carries the key.
    pub header: String,
    /// How it is reached where it is not public.
    pub private_endpoint: Option<PrivateEndpoint>,
}

/// A target to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTarget {
    /// The gateway's id; its ARN is refused.
    pub gateway_id: String,
    /// `([0-9a-zA-Z][-]?){1,100}`, unique in the gateway.
    pub name: String,
    /// As [`NewGateway::client_token`].
    pub client_token: String,
    /// The rest.
    pub settings: TargetSettings,
}

/// One target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetRef {
    /// The gateway's id.
    pub gateway_id: String,
    /// The target's id.
    pub id: String,
}

/// What a target is to be from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetChange {
    /// The target.
    pub target: TargetRef,
    /// Its name, which the call wants.
    pub name: String,
    /// All settings.
    pub settings: TargetSettings,
}

/// A target. It has no tags of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Ten characters.
    pub id: String,
    /// Its gateway's id.
    pub gateway_id: String,
    /// Its name.
    pub name: String,
    /// Where it is on its way.
    pub condition: Condition,
    /// Its settings; `None` for a target of another kind than an OpenAPI schema in S3 with an API key.
    pub settings: Option<TargetSettings>,
}

/// A target in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetSummary {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// What a memory extracts from conversations by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum MemoryStrategy {
    /// How a user likes to be answered.
    Preferences,
    /// What is known of the infrastructure.
    Knowledge,
    /// What came of an investigation.
    Summaries,
}

impl MemoryStrategy {
    /// Those that the SRE agent asks its memory for.
    pub const ALL: [Self; 3] = [Self::Preferences, Self::Knowledge, Self::Summaries];

    /// Unique in its memory.
    pub fn name(self) -> &'static str {
        match self {
            Self::Preferences => "user_preferences",
            Self::Knowledge => "infrastructure_knowledge",
            Self::Summaries => "investigation_summaries",
        }
    }

    /// Where the agent looks for what was extracted.
    pub fn namespace(self) -> &'static str {
        match self {
            Self::Preferences => "/sre/users/{actorId}/preferences",
            Self::Knowledge => "/sre/infrastructure/{actorId}/{sessionId}",
            Self::Summaries => "/sre/investigations/{actorId}/{sessionId}",
        }
    }
}

/// A memory to make, with every [`MemoryStrategy`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMemory {
    /// `[a-zA-Z][a-zA-Z0-9_]{0,47}`, unique in the account and Region.
    pub name: String,
    /// As [`NewGateway::client_token`].
    pub client_token: String,
    /// For how long events are kept: 3 to 3650.
    pub event_expiry_days: u32,
    /// Put on at creation.
    pub tags: Tags,
}

/// What a memory is to be from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemoryChange {
    /// The memory's id.
    pub id: String,
    /// For how long events are kept.
    pub event_expiry_days: u32,
    /// Strategies that it lacks.
    pub added: BTreeSet<MemoryStrategy>,
}

/// A memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Memory {
    /// The name, a hyphen and ten characters.
    pub id: String,
    /// Its ARN.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// Where it is on its way; it takes ten minutes and more.
    pub condition: Condition,
    /// For how long events are kept.
    pub event_expiry_days: u32,
    /// Its strategies by name, each with where it is on its way. One that is not active extracts nothing.
    pub strategies: BTreeMap<String, Condition>,
    /// Its tags.
    pub tags: Tags,
}

/// What is set about a runtime. What these words do not cover, such as who may call it, is the service's default when it
/// is made, and stays as it is when it is changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuntimeSettings {
    /// The role that it assumes.
    pub role_arn: String,
    /// What it runs: an image in ECR, or a zip file `s3://BUCKET/KEY` of Python; empty for what is neither.
    pub artifact: String,
    /// At most 50 variables. Whoever may read the runtime can read them.
    pub environment: BTreeMap<String, Secret<String>>,
    /// For people.
    pub description: String,
}

/// A runtime to make, on the public network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRuntime {
    /// `[a-zA-Z][a-zA-Z0-9_]{0,47}`, unique in the account and Region.
    pub name: String,
    /// As [`NewGateway::client_token`].
    pub client_token: String,
    /// The rest.
    pub settings: RuntimeSettings,
    /// Put on at creation.
    pub tags: Tags,
}

/// What a runtime is to be from now on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuntimeChange {
    /// The runtime.
    pub id: String,
    /// All of them, the whole environment included.
    pub settings: RuntimeSettings,
}

/// A runtime.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Runtime {
    /// The name, a hyphen and ten characters.
    pub id: String,
    /// Its ARN.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// How often it was made or changed.
    pub version: String,
    /// Where it is on its way.
    pub condition: Condition,
    /// Its settings.
    pub settings: RuntimeSettings,
    /// Its tags.
    pub tags: Tags,
}

/// A runtime in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuntimeSummary {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
}

port! {
    /// Amazon Bedrock AgentCore, the control plane.
    "bedrock-agentcore" AgentCore {
        /// A provider by name, with its tags.
        Read "GetApiKeyCredentialProvider" get_credential_provider(String) -> Option<CredentialProvider>;
        /// Names of all API key credential providers of the Region.
        Read "ListApiKeyCredentialProviders" list_credential_providers(()) -> Vec<String>;
        /// Makes a provider, and with it a secret of the service.
        Write "CreateApiKeyCredentialProvider" create_credential_provider(NewCredentialProvider) -> CredentialProvider;
        /// Has a provider give another key.
        Write "UpdateApiKeyCredentialProvider" update_credential_provider(ApiKeyChange) -> ();
        /// Deletes a provider and its secret.
        Write "DeleteApiKeyCredentialProvider" delete_credential_provider(String) -> ();
        /// A gateway by id, with its tags.
        Read "GetGateway" get_gateway(String) -> Option<Gateway>;
        /// All gateways of the Region.
        Read "ListGateways" list_gateways(()) -> Vec<GatewaySummary>;
        /// Begins to make a gateway; answers its id.
        Write "CreateGateway" create_gateway(NewGateway) -> String;
        /// Begins to change a gateway.
        Write "UpdateGateway" update_gateway(GatewayChange) -> ();
        /// Begins to delete a gateway that has no targets.
        Write "DeleteGateway" delete_gateway(String) -> ();
        /// A target.
        Read "GetGatewayTarget" get_target(TargetRef) -> Option<Target>;
        /// All targets of a gateway; none for one that does not exist.
        Read "ListGatewayTargets" list_targets(String) -> Vec<TargetSummary>;
        /// Begins to make a target; answers its id.
        Write "CreateGatewayTarget" create_target(NewTarget) -> String;
        /// Begins to change a target; the gateway reads the schema anew.
        Write "UpdateGatewayTarget" update_target(TargetChange) -> ();
        /// Begins to delete a target.
        Write "DeleteGatewayTarget" delete_target(TargetRef) -> ();
        /// A memory by id, with its tags.
        Read "GetMemory" get_memory(String) -> Option<Memory>;
        /// Ids of all memories of the Region. Each begins with the memory's name and a hyphen.
        Read "ListMemories" list_memories(()) -> Vec<String>;
        /// Begins to make a memory; answers its id.
        Write "CreateMemory" create_memory(NewMemory) -> String;
        /// Begins to change a memory; what is in it stays.
        Write "UpdateMemory" update_memory(MemoryChange) -> ();
        /// Begins to delete a memory with all that is in it.
        Write "DeleteMemory" delete_memory(String) -> ();
        /// A runtime by id, with its tags.
        Read "GetAgentRuntime" get_runtime(String) -> Option<Runtime>;
        /// All runtimes of the Region.
        Read "ListAgentRuntimes" list_runtimes(()) -> Vec<RuntimeSummary>;
        /// Begins to make a runtime; answers its id.
        Write "CreateAgentRuntime" create_runtime(NewRuntime) -> String;
        /// Begins to change a runtime, which makes another version of it.
        Write "UpdateAgentRuntime" update_runtime(RuntimeChange) -> ();
        /// Begins to delete a runtime with all its versions.
        Write "DeleteAgentRuntime" delete_runtime(String) -> ();
    }
}
