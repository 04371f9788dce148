//! Amazon Bedrock AgentCore, the control plane: credential providers, gateways and their targets, memories, runtimes.
//!
//! Tags are asked for on their own: what describes a thing here does not name them.

mod gateway;
mod memory;
mod runtime;
mod target;

use std::collections::HashMap;

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_bedrockagentcorecontrol::Client;
use aws_sdk_bedrockagentcorecontrol::config::Builder;
use cloud::port::agentcore::{
    AgentCore, ApiKeyChange, CredentialProvider, Gateway, GatewayChange, GatewaySummary, Memory,
    MemoryChange, MemoryStrategy, NewCredentialProvider, NewGateway, NewMemory, NewRuntime, NewTarget,
    Runtime, RuntimeChange, RuntimeSummary, Target, TargetChange, TargetRef, TargetSummary,
};
use cloud::{CallError, ErrorKind};
use model::tags::Tags;

use crate::error::{absent, failed, found};

const SERVICE: &str = "bedrock-agentcore";

/// The port over `aws-sdk-bedrockagentcorecontrol`.
pub(crate) struct AwsAgentCore(Client);

impl AwsAgentCore {
    /// `endpoint` is another control plane than the Region's own.
    pub(crate) fn new(config: &SdkConfig, endpoint: Option<String>) -> Self {
        let mut builder = Builder::from(config);
        // Nothing given must not undo what the environment or the profile names.
        if let Some(endpoint) = endpoint {
            builder = builder.endpoint_url(endpoint);
        }
        Self(Client::from_conf(builder.build()))
    }

    /// The tags of what has this ARN; `None` where it has gone since.
    async fn tags(&self, arn: &str) -> Result<Option<Tags>, CallError> {
        let answer = self.0.list_tags_for_resource().resource_arn(arn).send().await;
        let answer = found(answer.map_err(failed(SERVICE, "ListTagsForResource")))?;
        Ok(answer.map(|answer| answer.tags.unwrap_or_default().into_iter().collect()))
    }
}

fn to_tags(tags: Tags) -> Option<HashMap<String, String>> {
    (!tags.is_empty()).then(|| tags.into_iter().collect())
}

/// A text that is not there rather than empty: AWS takes no empty description.
fn unless_empty(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

#[async_trait]
impl AgentCore for AwsAgentCore {
    async fn get_credential_provider(&self, name: String) -> Result<Option<CredentialProvider>, CallError> {
        const OPERATION: &str = "GetApiKeyCredentialProvider";
        let answer = self.0.get_api_key_credential_provider().name(name).send().await;
        let Some(answer) = found(answer.map_err(failed(SERVICE, OPERATION)))? else { return Ok(None) };
        let Some(tags) = self.tags(&answer.credential_provider_arn).await? else { return Ok(None) };
        let secret =
            answer.api_key_secret_arn.ok_or_else(|| absent(SERVICE, OPERATION, "apiKeySecretArn"))?;
        Ok(Some(CredentialProvider {
            name: answer.name,
            arn: answer.credential_provider_arn,
            secret_arn: secret.secret_arn,
            tags,
        }))
    }

    async fn list_credential_providers(&self, (): ()) -> Result<Vec<String>, CallError> {
        let mut items = self.0.list_api_key_credential_providers().into_paginator().items().send();
        let mut names = Vec::new();
        while let Some(item) = items.next().await {
            names.push(item.map_err(failed(SERVICE, "ListApiKeyCredentialProviders"))?.name);
        }
        Ok(names)
    }

    async fn create_credential_provider(
        &self,
        new: NewCredentialProvider,
    ) -> Result<CredentialProvider, CallError> {
        const OPERATION: &str = "CreateApiKeyCredentialProvider";
        let answer = self
            .0
            .create_api_key_credential_provider()
            .name(new.name)
            .api_key(new.api_key.expose())
            .set_tags(to_tags(new.tags.clone()))
            .send()
            .await
            .map_err(failed(SERVICE, OPERATION))?;
        let secret =
            answer.api_key_secret_arn.ok_or_else(|| absent(SERVICE, OPERATION, "apiKeySecretArn"))?;
        Ok(CredentialProvider {
            name: answer.name,
            arn: answer.credential_provider_arn,
            secret_arn: secret.secret_arn,
            tags: new.tags,
        })
    }

    async fn update_credential_provider(&self, change: ApiKeyChange) -> Result<(), CallError> {
        self.0
            .update_api_key_credential_provider()
            .name(change.name)
            .api_key(change.api_key.expose())
            .send()
            .await
            .map_err(failed(SERVICE, "UpdateApiKeyCredentialProvider"))?;
        Ok(())
    }

    async fn delete_credential_provider(&self, name: String) -> Result<(), CallError> {
        let answer = self.0.delete_api_key_credential_provider().name(name).send().await;
        answer.map_err(failed(SERVICE, "DeleteApiKeyCredentialProvider"))?;
        Ok(())
    }

    async fn get_gateway(&self, id: String) -> Result<Option<Gateway>, CallError> {
        let answer = self.0.get_gateway().gateway_identifier(id).send().await;
        let Some(answer) = found(answer.map_err(failed(SERVICE, "GetGateway")))? else { return Ok(None) };
        let tags = self.tags(&answer.gateway_arn).await?;
        Ok(tags.map(|tags| gateway::from_answer(answer, tags)))
    }

    async fn list_gateways(&self, (): ()) -> Result<Vec<GatewaySummary>, CallError> {
        let mut items = self.0.list_gateways().into_paginator().items().send();
        let mut gateways = Vec::new();
        while let Some(item) = items.next().await {
            let item = item.map_err(failed(SERVICE, "ListGateways"))?;
            gateways.push(GatewaySummary { id: item.gateway_id, name: item.name });
        }
        Ok(gateways)
    }

    async fn create_gateway(&self, new: NewGateway) -> Result<String, CallError> {
        const OPERATION: &str = "CreateGateway";
        let settings = gateway::to_request(new.settings, OPERATION)?;
        let answer = self
            .0
            .create_gateway()
            .name(new.name)
            .client_token(new.client_token)
            .role_arn(settings.role_arn)
            .set_description(settings.description)
            .protocol_type(settings.protocol_type)
            .protocol_configuration(settings.protocol)
            .authorizer_type(settings.authorizer_type)
            .authorizer_configuration(settings.authorizer)
            .set_exception_level(settings.exception_level)
            .set_tags(to_tags(new.tags))
            .send()
            .await
            .map_err(failed(SERVICE, OPERATION))?;
        Ok(answer.gateway_id)
    }

    async fn update_gateway(&self, change: GatewayChange) -> Result<(), CallError> {
        const OPERATION: &str = "UpdateGateway";
        let settings = gateway::to_request(change.settings, OPERATION)?;
        self.0
            .update_gateway()
            .gateway_identifier(change.id)
            .name(change.name)
            .role_arn(settings.role_arn)
            .set_description(settings.description)
            .protocol_type(settings.protocol_type)
            .protocol_configuration(settings.protocol)
            .authorizer_type(settings.authorizer_type)
            .authorizer_configuration(settings.authorizer)
            .set_exception_level(settings.exception_level)
            .send()
            .await
            .map_err(failed(SERVICE, OPERATION))?;
        Ok(())
    }

    async fn delete_gateway(&self, id: String) -> Result<(), CallError> {
        let answer = self.0.delete_gateway().gateway_identifier(id).send().await;
        answer.map_err(failed(SERVICE, "DeleteGateway"))?;
        Ok(())
    }

    async fn get_target(&self, wanted: TargetRef) -> Result<Option<Target>, CallError> {
        let answer = self
            .0
            .get_gateway_target()
            .gateway_identifier(&wanted.gateway_id)
            .target_id(wanted.id)
            .send()
            .await
            .map_err(failed(SERVICE, "GetGatewayTarget"));
        Ok(found(answer)?.map(|answer| target::from_answer(answer, wanted.gateway_id)))
    }

    async fn list_targets(&self, gateway_id: String) -> Result<Vec<TargetSummary>, CallError> {
        let request = self.0.list_gateway_targets().gateway_identifier(gateway_id);
        let mut items = request.into_paginator().items().send();
        let mut targets = Vec::new();
        while let Some(item) = items.next().await {
            match item.map_err(failed(SERVICE, "ListGatewayTargets")) {
                Ok(item) => targets.push(TargetSummary { id: item.target_id, name: item.name }),
                // A gateway that has gone took its targets along.
                Err(error) if error.kind == ErrorKind::NotFound => return Ok(Vec::new()),
                Err(error) => return Err(error),
            }
        }
        Ok(targets)
    }

    async fn create_target(&self, new: NewTarget) -> Result<String, CallError> {
        const OPERATION: &str = "CreateGatewayTarget";
        let settings = target::to_request(new.settings, OPERATION)?;
        let answer = self
            .0
            .create_gateway_target()
            .gateway_identifier(new.gateway_id)
            .name(new.name)
            .client_token(new.client_token)
            .set_description(settings.description)
            .target_configuration(settings.configuration)
            .credential_provider_configurations(settings.credentials)
            .set_private_endpoint(settings.private_endpoint)
            .send()
            .await
            .map_err(failed(SERVICE, OPERATION))?;
        Ok(answer.target_id)
    }

    async fn update_target(&self, change: TargetChange) -> Result<(), CallError> {
        const OPERATION: &str = "UpdateGatewayTarget";
        let settings = target::to_request(change.settings, OPERATION)?;
        self.0
            .update_gateway_target()
            .gateway_identifier(change.target.gateway_id)
            .target_id(change.target.id)
            .name(change.name)
            .set_description(settings.description)
            .target_configuration(settings.configuration)
            .credential_provider_configurations(settings.credentials)
            .set_private_endpoint(settings.private_endpoint)
            .send()
            .await
            .map_err(failed(SERVICE, OPERATION))?;
        Ok(())
    }

    async fn delete_target(&self, wanted: TargetRef) -> Result<(), CallError> {
        let request = self.0.delete_gateway_target().gateway_identifier(wanted.gateway_id);
        request.target_id(wanted.id).send().await.map_err(failed(SERVICE, "DeleteGatewayTarget"))?;
        Ok(())
    }

    async fn get_memory(&self, id: String) -> Result<Option<Memory>, CallError> {
        const OPERATION: &str = "GetMemory";
        let answer = self.0.get_memory().memory_id(id).send().await;
        let Some(answer) = found(answer.map_err(failed(SERVICE, OPERATION)))? else { return Ok(None) };
        let one = answer.memory.ok_or_else(|| absent(SERVICE, OPERATION, "memory"))?;
        let tags = self.tags(&one.arn).await?;
        Ok(tags.map(|tags| memory::from_answer(one, tags)))
    }

    async fn list_memories(&self, (): ()) -> Result<Vec<String>, CallError> {
        const OPERATION: &str = "ListMemories";
        let mut items = self.0.list_memories().into_paginator().items().send();
        let mut ids = Vec::new();
        while let Some(item) = items.next().await {
            let item = item.map_err(failed(SERVICE, OPERATION))?;
            ids.push(item.id.ok_or_else(|| absent(SERVICE, OPERATION, "memories.id"))?);
        }
        Ok(ids)
    }

    async fn create_memory(&self, new: NewMemory) -> Result<String, CallError> {
        const OPERATION: &str = "CreateMemory";
        let answer = self
            .0
            .create_memory()
            .name(new.name)
            .client_token(new.client_token)
            .event_expiry_duration(i32::try_from(new.event_expiry_days).unwrap_or(i32::MAX))
            .set_memory_strategies(Some(memory::strategies(MemoryStrategy::ALL, OPERATION)?))
            .set_tags(to_tags(new.tags))
            .send()
            .await
            .map_err(failed(SERVICE, OPERATION))?;
        Ok(answer.memory.ok_or_else(|| absent(SERVICE, OPERATION, "memory"))?.id)
    }

    async fn update_memory(&self, change: MemoryChange) -> Result<(), CallError> {
        const OPERATION: &str = "UpdateMemory";
        let request = self.0.update_memory().memory_id(change.id);
        request
            .event_expiry_duration(i32::try_from(change.event_expiry_days).unwrap_or(i32::MAX))
            .set_memory_strategies(memory::additions(change.added, OPERATION)?)
            .send()
            .await
            .map_err(failed(SERVICE, OPERATION))?;
        Ok(())
    }

    async fn delete_memory(&self, id: String) -> Result<(), CallError> {
        let answer = self.0.delete_memory().memory_id(id).send().await;
        answer.map_err(failed(SERVICE, "DeleteMemory"))?;
        Ok(())
    }

    async fn get_runtime(&self, id: String) -> Result<Option<Runtime>, CallError> {
        let answer = self.0.get_agent_runtime().agent_runtime_id(id).send().await;
        let Some(answer) = found(answer.map_err(failed(SERVICE, "GetAgentRuntime")))? else {
            return Ok(None);
        };
        let tags = self.tags(&answer.agent_runtime_arn).await?;
        Ok(tags.map(|tags| runtime::from_answer(answer, tags)))
    }

    async fn list_runtimes(&self, (): ()) -> Result<Vec<RuntimeSummary>, CallError> {
        let mut items = self.0.list_agent_runtimes().into_paginator().items().send();
        let mut runtimes = Vec::new();
        while let Some(item) = items.next().await {
            let item = item.map_err(failed(SERVICE, "ListAgentRuntimes"))?;
            runtimes.push(RuntimeSummary { id: item.agent_runtime_id, name: item.agent_runtime_name });
        }
        Ok(runtimes)
    }

    async fn create_runtime(&self, new: NewRuntime) -> Result<String, CallError> {
        const OPERATION: &str = "CreateAgentRuntime";
        let settings = new.settings;
        let answer = self
            .0
            .create_agent_runtime()
            .agent_runtime_name(new.name)
            .client_token(new.client_token)
            .agent_runtime_artifact(runtime::artifact(&settings.artifact, OPERATION)?)
            .role_arn(settings.role_arn)
            .network_configuration(runtime::public_network(OPERATION)?)
            .set_description(unless_empty(settings.description))
            .set_environment_variables(Some(runtime::variables(settings.environment)))
            .set_tags(to_tags(new.tags))
            .send()
            .await
            .map_err(failed(SERVICE, OPERATION))?;
        Ok(answer.agent_runtime_id)
    }

    async fn update_runtime(&self, change: RuntimeChange) -> Result<(), CallError> {
        const OPERATION: &str = "UpdateAgentRuntime";
        // The call resets what it is not told, and our words do not cover everything.
        let there = self.0.get_agent_runtime().agent_runtime_id(&change.id).send().await;
        let there = there.map_err(failed(SERVICE, OPERATION))?;
        let settings = change.settings;
        self.0
            .update_agent_runtime()
            .agent_runtime_id(change.id)
            .agent_runtime_artifact(match there.agent_runtime_artifact {
                Some(same) if runtime::place(&same) == settings.artifact => same,
                _ => runtime::artifact(&settings.artifact, OPERATION)?,
            })
            .role_arn(settings.role_arn)
            .network_configuration(match there.network_configuration {
                Some(network) => network,
                None => runtime::public_network(OPERATION)?,
            })
            .set_description(unless_empty(settings.description))
            .set_environment_variables(Some(runtime::variables(settings.environment)))
            .set_authorizer_configuration(there.authorizer_configuration)
            .set_request_header_configuration(there.request_header_configuration)
            .set_protocol_configuration(there.protocol_configuration)
            .set_lifecycle_configuration(there.lifecycle_configuration)
            .set_metadata_configuration(there.metadata_configuration)
            .set_filesystem_configurations(there.filesystem_configurations)
            .set_capacity_provider_configuration(there.capacity_provider_configuration)
            .set_platform_version(there.platform_version)
            .set_allowed_ports(there.allowed_ports)
            .send()
            .await
            .map_err(failed(SERVICE, OPERATION))?;
        Ok(())
    }

    async fn delete_runtime(&self, id: String) -> Result<(), CallError> {
        let answer = self.0.delete_agent_runtime().agent_runtime_id(id).send().await;
        answer.map_err(failed(SERVICE, "DeleteAgentRuntime"))?;
        Ok(())
    }
}
