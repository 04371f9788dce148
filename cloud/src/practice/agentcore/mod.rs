//! AgentCore: credential providers with the secrets that the service keeps, gateways, targets, memories and runtimes that
//! come, change and go in the background. Nothing here speaks MCP: a rehearsal serves that on loopback.

mod gateway;
mod memory;
mod provider;
pub(super) mod record;
mod runtime;
mod seed;
mod target;

use async_trait::async_trait;

use crate::CallError;
use crate::hook::Access::{Read, Write};
use crate::port::agentcore::{
    AgentCore, ApiKeyChange, CredentialProvider, Gateway, GatewayChange, GatewaySummary, Memory,
    MemoryChange, NewCredentialProvider, NewGateway, NewMemory, NewRuntime, NewTarget, Runtime,
    RuntimeChange, RuntimeSummary, Target, TargetChange, TargetRef, TargetSummary,
};

use super::desk::Desk;
use super::refusal::{Answer, demand};

const SERVICE: &str = "bedrock-agentcore";
const VALIDATION: &str = "ValidationException";
const CONFLICT: &str = "ConflictException";

/// `([0-9a-zA-Z][-]?){1,most}`.
fn is_name(text: &str, most: usize) -> bool {
    let letters = text.bytes().filter(u8::is_ascii_alphanumeric).count();
    (1..=most).contains(&letters)
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && !text.starts_with('-')
        && !text.contains("--")
}

/// `[a-zA-Z][a-zA-Z0-9_]{0,47}`, as memories and runtimes are named.
fn is_plain_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.len() <= 48
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn demand_plain_name(name: &str, field: &str) -> Answer<()> {
    demand(is_plain_name(name), VALIDATION, || {
        format!(
            "1 validation error detected: Value at '{field}' failed to satisfy constraint: Member must satisfy regular \
             expression pattern: [a-zA-Z][a-zA-Z0-9_]{{0,47}}"
        )
    })
}

fn demand_token(token: &str) -> Answer<()> {
    let fits =
        (33..=256).contains(&token.len()) && token.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    demand(fits, VALIDATION, || {
        "1 validation error detected: Value at 'clientToken' failed to satisfy constraint: Member must have length \
         greater than or equal to 33"
            .to_owned()
    })
}

#[async_trait]
impl AgentCore for Desk {
    async fn get_credential_provider(&self, name: String) -> Result<Option<CredentialProvider>, CallError> {
        let resource = self.look(|state| state.provider_arn(&name));
        self.call(SERVICE, "GetApiKeyCredentialProvider", Read, &resource, |state| {
            Ok(state.get_credential_provider(&name))
        })
    }

    async fn list_credential_providers(&self, (): ()) -> Result<Vec<String>, CallError> {
        self.call(SERVICE, "ListApiKeyCredentialProviders", Read, "*", |state| {
            Ok(state.list_credential_providers())
        })
    }

    async fn create_credential_provider(
        &self,
        new: NewCredentialProvider,
    ) -> Result<CredentialProvider, CallError> {
        let resource = self.look(|state| state.provider_arn(&new.name));
        self.call(SERVICE, "CreateApiKeyCredentialProvider", Write, &resource, |state| {
            state.create_credential_provider(new)
        })
    }

    async fn update_credential_provider(&self, change: ApiKeyChange) -> Result<(), CallError> {
        let resource = self.look(|state| state.provider_arn(&change.name));
        self.call(SERVICE, "UpdateApiKeyCredentialProvider", Write, &resource, |state| {
            state.update_credential_provider(&change)
        })
    }

    async fn delete_credential_provider(&self, name: String) -> Result<(), CallError> {
        let resource = self.look(|state| state.provider_arn(&name));
        self.call(SERVICE, "DeleteApiKeyCredentialProvider", Write, &resource, |state| {
            state.delete_credential_provider(&name)
        })
    }

    async fn get_gateway(&self, id: String) -> Result<Option<Gateway>, CallError> {
        let resource = self.look(|state| state.gateway_arn(&id));
        self.call(SERVICE, "GetGateway", Read, &resource, |state| Ok(state.get_gateway(&id)))
    }

    async fn list_gateways(&self, (): ()) -> Result<Vec<GatewaySummary>, CallError> {
        self.call(SERVICE, "ListGateways", Read, "*", |state| Ok(state.list_gateways()))
    }

    async fn create_gateway(&self, new: NewGateway) -> Result<String, CallError> {
        self.call(SERVICE, "CreateGateway", Write, "*", |state| state.create_gateway(new))
    }

    async fn update_gateway(&self, change: GatewayChange) -> Result<(), CallError> {
        let resource = self.look(|state| state.gateway_arn(&change.id));
        self.call(SERVICE, "UpdateGateway", Write, &resource, |state| state.update_gateway(change))
    }

    async fn delete_gateway(&self, id: String) -> Result<(), CallError> {
        let resource = self.look(|state| state.gateway_arn(&id));
        self.call(SERVICE, "DeleteGateway", Write, &resource, |state| state.delete_gateway(&id))
    }

    async fn get_target(&self, wanted: TargetRef) -> Result<Option<Target>, CallError> {
        let resource = self.look(|state| state.gateway_arn(&wanted.gateway_id));
        self.call(SERVICE, "GetGatewayTarget", Read, &resource, |state| Ok(state.get_target(&wanted)))
    }

    async fn list_targets(&self, gateway_id: String) -> Result<Vec<TargetSummary>, CallError> {
        let resource = self.look(|state| state.gateway_arn(&gateway_id));
        self.call(SERVICE, "ListGatewayTargets", Read, &resource, |state| Ok(state.list_targets(&gateway_id)))
    }

    async fn create_target(&self, new: NewTarget) -> Result<String, CallError> {
        let resource = self.look(|state| state.gateway_arn(&new.gateway_id));
        self.call(SERVICE, "CreateGatewayTarget", Write, &resource, |state| state.create_target(new))
    }

    async fn update_target(&self, change: TargetChange) -> Result<(), CallError> {
        let resource = self.look(|state| state.gateway_arn(&change.target.gateway_id));
        self.call(SERVICE, "UpdateGatewayTarget", Write, &resource, |state| state.update_target(change))
    }

    async fn delete_target(&self, wanted: TargetRef) -> Result<(), CallError> {
        let resource = self.look(|state| state.gateway_arn(&wanted.gateway_id));
        self.call(SERVICE, "DeleteGatewayTarget", Write, &resource, |state| state.delete_target(&wanted))
    }

    async fn get_memory(&self, id: String) -> Result<Option<Memory>, CallError> {
        let resource = self.look(|state| state.memory_arn(&id));
        self.call(SERVICE, "GetMemory", Read, &resource, |state| Ok(state.get_memory(&id)))
    }

    async fn list_memories(&self, (): ()) -> Result<Vec<String>, CallError> {
        self.call(SERVICE, "ListMemories", Read, "*", |state| Ok(state.list_memories()))
    }

    async fn create_memory(&self, new: NewMemory) -> Result<String, CallError> {
        self.call(SERVICE, "CreateMemory", Write, "*", |state| state.create_memory(new))
    }

    async fn update_memory(&self, change: MemoryChange) -> Result<(), CallError> {
        let resource = self.look(|state| state.memory_arn(&change.id));
        self.call(SERVICE, "UpdateMemory", Write, &resource, |state| state.update_memory(&change))
    }

    async fn delete_memory(&self, id: String) -> Result<(), CallError> {
        let resource = self.look(|state| state.memory_arn(&id));
        self.call(SERVICE, "DeleteMemory", Write, &resource, |state| state.delete_memory(&id))
    }

    async fn get_runtime(&self, id: String) -> Result<Option<Runtime>, CallError> {
        let resource = self.look(|state| state.runtime_arn(&id));
        self.call(SERVICE, "GetAgentRuntime", Read, &resource, |state| Ok(state.get_runtime(&id)))
    }

    async fn list_runtimes(&self, (): ()) -> Result<Vec<RuntimeSummary>, CallError> {
        self.call(SERVICE, "ListAgentRuntimes", Read, "*", |state| Ok(state.list_runtimes()))
    }

    async fn create_runtime(&self, new: NewRuntime) -> Result<String, CallError> {
        self.call(SERVICE, "CreateAgentRuntime", Write, "*", |state| state.create_runtime(new))
    }

    async fn update_runtime(&self, change: RuntimeChange) -> Result<(), CallError> {
        let resource = self.look(|state| state.runtime_arn(&change.id));
        self.call(SERVICE, "UpdateAgentRuntime", Write, &resource, |state| state.update_runtime(change))
    }

    async fn delete_runtime(&self, id: String) -> Result<(), CallError> {
        let resource = self.look(|state| state.runtime_arn(&id));
        self.call(SERVICE, "DeleteAgentRuntime", Write, &resource, |state| state.delete_runtime(&id))
    }
}
