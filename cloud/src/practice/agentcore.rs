//! AgentCore: credential providers, gateways and targets that come, change and go in the background, and the secrets
//! that the service keeps. Nothing here speaks MCP: a rehearsal serves that on loopback.

use async_trait::async_trait;
use model::Secret;
use serde_json::json;

use crate::CallError;
use crate::hook::Access::{Read, Write};
use crate::port::agentcore::{
    AgentCore, ApiKeyChange, Condition, CredentialProvider, Gateway, GatewayChange, GatewaySettings,
    GatewaySummary, NewCredentialProvider, NewGateway, NewTarget, Target, TargetChange, TargetRef,
    TargetSettings, TargetSummary,
};
use crate::port::secrets::Secrets;

use super::desk::{Desk, permit};
use super::refusal::{Answer, Refusal, demand, demand_tags};
use super::state::{self, Course, State, tick};

const SERVICE: &str = "bedrock-agentcore";
const VALIDATION: &str = "ValidationException";
const CONFLICT: &str = "ConflictException";
/// What one gateway does at a time (Quotas for Amazon Bedrock AgentCore, "Concurrent target operations").
const MOST_AT_ONCE: usize = 5;

fn no_provider(name: &str) -> Refusal {
    Refusal::new(
        "ResourceNotFoundException",
        format!("Resource not found exception. Credential provider {name} not found."),
    )
}

fn no_gateway(id: &str) -> Refusal {
    Refusal::new("ResourceNotFoundException", format!("Gateway {id} not found"))
}

fn no_target(target: &TargetRef) -> Refusal {
    Refusal::new(
        "ResourceNotFoundException",
        format!("Target {} of gateway {} not found", target.id, target.gateway_id),
    )
}

/// `([0-9a-zA-Z][-]?){1,most}`.
fn is_name(text: &str, most: usize) -> bool {
    let letters = text.bytes().filter(u8::is_ascii_alphanumeric).count();
    (1..=most).contains(&letters)
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && !text.starts_with('-')
        && !text.contains("--")
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

fn demand_settings(settings: &GatewaySettings) -> Answer<()> {
    demand(settings.discovery_url.ends_with("/.well-known/openid-configuration"), VALIDATION, || {
        "Discovery URL must end with /.well-known/openid-configuration".to_owned()
    })?;
    demand(!settings.allowed_clients.is_empty() || !settings.allowed_scopes.is_empty(), VALIDATION, || {
        "At least one of allowedAudience, allowedClients or allowedScopes must be given".to_owned()
    })
}

impl Course {
    fn condition(&self) -> Condition {
        let status = match self {
            Self::Creating => "CREATING",
            Self::Updating => "UPDATING",
            Self::Deleting => "DELETING",
            Self::Ready => "READY",
            Self::Failed(_) => "FAILED",
        };
        let reasons = if let Self::Failed(reason) = self { vec![reason.clone()] } else { Vec::new() };
        Condition { status: status.to_owned(), reasons }
    }

    fn is_under_way(&self) -> bool {
        matches!(self, Self::Creating | Self::Updating | Self::Deleting)
    }
}

impl State {
    pub(super) fn provider_arn(&self, name: &str) -> String {
        self.arn(SERVICE, &format!("token-vault/default/apikeycredentialprovider/{name}"))
    }

    fn show_provider(&self, name: &str, one: &state::Provider) -> CredentialProvider {
        CredentialProvider {
            name: name.to_owned(),
            arn: self.provider_arn(name),
            secret_arn: one.secret_arn.clone(),
            tags: one.tags.clone(),
        }
    }

    fn get_credential_provider(&mut self, name: &str) -> Option<CredentialProvider> {
        if !self.providers.get_mut(name)?.unseen.look() {
            return None;
        }
        self.providers.get(name).map(|one| self.show_provider(name, one))
    }

    fn create_credential_provider(&mut self, new: NewCredentialProvider) -> Answer<CredentialProvider> {
        let name = &new.name;
        let word = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        demand((1..=128).contains(&name.len()) && name.bytes().all(word), VALIDATION, || {
            "1 validation error detected: Value at 'name' failed to satisfy constraint: Member must satisfy regular \
             expression pattern: [a-zA-Z0-9\\-_]+"
                .to_owned()
        })?;
        demand((1..=65_536).contains(&new.api_key.expose().len()), VALIDATION, || {
            "1 validation error detected: Value at 'apiKey' failed to satisfy constraint".to_owned()
        })?;
        demand_tags(&new.tags, VALIDATION)?;
        demand(!self.providers.contains_key(name), CONFLICT, || {
            format!("Credential provider with name: {name} already exists")
        })?;
        // The service makes the secret with the rights of the caller.
        let secret =
            self.arn("secretsmanager", &format!("secret:bedrock-agentcore-identity!default/apikey/{name}"));
        permit(self, "secretsmanager", "CreateSecret", &secret)?;
        let hex = self.next_hex();
        let provider = state::Provider {
            unseen: self.unseen(),
            api_key: new.api_key.expose().clone(),
            secret_arn: format!("{secret}-{}", hex.get(..6).unwrap_or_default()),
            tags: new.tags,
        };
        let shown = self.show_provider(name, &provider);
        self.providers.insert(new.name, provider);
        Ok(shown)
    }

    fn update_credential_provider(&mut self, change: &ApiKeyChange) -> Answer<()> {
        let provider = self.providers.get_mut(&change.name).ok_or_else(|| no_provider(&change.name))?;
        change.api_key.expose().clone_into(&mut provider.api_key);
        Ok(())
    }

    fn get_secret_value(&self, arn: &str) -> Option<Secret<String>> {
        let provider = self.providers.values().find(|one| one.secret_arn == arn)?;
        Some(Secret::new(json!({"api_key_value": provider.api_key}).to_string()))
    }

    /// Moves everything of a gateway a look further. What has gone is gone then.
    fn look_at_gateway(&mut self, id: &str) -> Option<&state::Gateway> {
        let gateway = self.gateways.get_mut(id)?;
        if !gateway.unseen.look() {
            return None;
        }
        if gateway.course.is_under_way() && tick(&mut gateway.settle) {
            if gateway.course == Course::Deleting {
                self.gateways.remove(id);
                return None;
            }
            gateway.course = Course::Ready;
        }
        self.gateways.get(id)
    }

    fn show_gateway(&self, id: &str, one: &state::Gateway) -> Gateway {
        Gateway {
            id: id.to_owned(),
            arn: self.arn(SERVICE, &format!("gateway/{id}")),
            name: one.name.clone(),
            url: (one.course != Course::Creating)
                .then(|| format!("https://{id}.gateway.bedrock-agentcore.{}.amazonaws.com/mcp", self.region)),
            condition: one.course.condition(),
            authorizer: "CUSTOM_JWT".to_owned(),
            settings: one.settings.clone(),
            tags: one.tags.clone(),
        }
    }

    fn get_gateway(&mut self, id: &str) -> Option<Gateway> {
        let one = self.look_at_gateway(id)?.clone();
        Some(self.show_gateway(id, &one))
    }

    fn list_gateways(&mut self) -> Vec<GatewaySummary> {
        let ids: Vec<String> = self.gateways.keys().cloned().collect();
        let summary = |id: String| {
            let name = self.look_at_gateway(&id)?.name.clone();
            Some(GatewaySummary { id, name })
        };
        ids.into_iter().filter_map(summary).collect()
    }

    fn create_gateway(&mut self, new: NewGateway) -> Answer<String> {
        demand(is_name(&new.name, 48), VALIDATION, || {
            "1 validation error detected: Value at 'name' failed to satisfy constraint: Member must satisfy regular \
             expression pattern: ([0-9a-zA-Z][-]?){1,48}"
                .to_owned()
        })?;
        demand_token(&new.client_token)?;
        demand_tags(&new.tags, VALIDATION)?;
        demand_settings(&new.settings)?;
        if let Some((id, _)) = self.gateways.iter().find(|(_, one)| one.token == new.client_token) {
            return Ok(id.clone());
        }
        demand(self.gateways.values().all(|one| one.name != new.name), CONFLICT, || {
            format!("A gateway with name {} already exists", new.name)
        })?;
        permit(self, "iam", "PassRole", &new.settings.role_arn)?;
        self.demand_role(&new.settings.role_arn)?;
        let hex = self.next_hex();
        let id = format!(
            "{}-{}",
            new.name.trim_end_matches('-').to_ascii_lowercase(),
            hex.get(..10).unwrap_or_default()
        );
        let gateway = state::Gateway {
            unseen: self.unseen(),
            settle: self.pace.settle,
            course: Course::Creating,
            name: new.name,
            token: new.client_token,
            settings: new.settings,
            targets: std::collections::BTreeMap::new(),
            tags: new.tags,
        };
        self.gateways.insert(id.clone(), gateway);
        Ok(id)
    }

    /// A role that does not exist, or has not reached the service yet, cannot be assumed by it.
    fn demand_role(&self, arn: &str) -> Answer<()> {
        let name = arn.rsplit('/').next().unwrap_or_default();
        let is_trusted = self
            .roles
            .get(name)
            .is_some_and(|role| role.trust.to_string().contains("bedrock-agentcore.amazonaws.com"));
        demand(is_trusted, VALIDATION, || {
            format!(
                "The service is not able to assume the role {arn}: check that it exists and trusts the service"
            )
        })
    }

    fn update_gateway(&mut self, change: GatewayChange) -> Answer<()> {
        demand_settings(&change.settings)?;
        self.demand_role(&change.settings.role_arn)?;
        let settle = self.pace.settle;
        let gateway = self.gateways.get_mut(&change.id).ok_or_else(|| no_gateway(&change.id))?;
        demand(!gateway.course.is_under_way(), CONFLICT, || {
            format!("Gateway {} is not in a state in which it can be updated", change.id)
        })?;
        demand(gateway.name == change.name, VALIDATION, || {
            "The name of a gateway cannot be changed".to_owned()
        })?;
        gateway.settings = change.settings;
        gateway.course = Course::Updating;
        gateway.settle = settle;
        Ok(())
    }

    fn delete_gateway(&mut self, id: &str) -> Answer<()> {
        let settle = self.pace.settle;
        let gateway = self.gateways.get_mut(id).ok_or_else(|| no_gateway(id))?;
        demand(gateway.targets.is_empty(), VALIDATION, || {
            format!(
                "Gateway {id} has targets associated with it. Delete all targets before deleting the gateway."
            )
        })?;
        if gateway.course != Course::Deleting {
            gateway.course = Course::Deleting;
            gateway.settle = settle;
        }
        Ok(())
    }

    /// Moves a target a look further: the service reads the schema only now.
    fn look_at_target(&mut self, wanted: &TargetRef) -> Option<state::Target> {
        let gateway = self.gateways.get_mut(&wanted.gateway_id)?;
        let target = gateway.targets.get_mut(&wanted.id)?;
        if !target.unseen.look() {
            return None;
        }
        if target.course.is_under_way() && tick(&mut target.settle) {
            if target.course == Course::Deleting {
                gateway.targets.remove(&wanted.id);
                return None;
            }
            let seen = target.clone();
            let course = self.outcome(&seen);
            let target = self.gateways.get_mut(&wanted.gateway_id)?.targets.get_mut(&wanted.id)?;
            target.course = course;
        }
        self.gateways.get(&wanted.gateway_id)?.targets.get(&wanted.id).cloned()
    }

    fn outcome(&mut self, target: &state::Target) -> Course {
        if let Some(reason) = self.failing_targets.remove(&target.name) {
            return Course::Failed(reason);
        }
        let place = target.settings.schema_uri.strip_prefix("s3://").and_then(|rest| rest.split_once('/'));
        let is_there = place.is_some_and(|(bucket, key)| {
            self.buckets.get(bucket).is_some_and(|one| one.owner.is_none() && one.objects.contains_key(key))
        });
        if is_there {
            Course::Ready
        } else {
            Course::Failed(format!("Failed to read the schema from {}", target.settings.schema_uri))
        }
    }

    fn show_target(wanted: &TargetRef, one: state::Target) -> Target {
        Target {
            id: wanted.id.clone(),
            gateway_id: wanted.gateway_id.clone(),
            name: one.name,
            condition: one.course.condition(),
            settings: Some(one.settings),
        }
    }

    fn list_targets(&mut self, gateway_id: &str) -> Vec<TargetSummary> {
        let ids: Vec<String> = self
            .gateways
            .get(gateway_id)
            .map(|one| one.targets.keys().cloned().collect())
            .unwrap_or_default();
        let summary = |id: String| {
            let wanted = TargetRef { gateway_id: gateway_id.to_owned(), id: id.clone() };
            Some(TargetSummary { id, name: self.look_at_target(&wanted)?.name })
        };
        ids.into_iter().filter_map(summary).collect()
    }

    fn demand_target(&self, settings: &TargetSettings) -> Answer<()> {
        demand(settings.schema_uri.starts_with("s3://"), VALIDATION, || {
            "Invalid S3 URI for the schema".to_owned()
        })?;
        let is_known = self.providers.keys().any(|name| self.provider_arn(name) == settings.provider_arn);
        demand(is_known, VALIDATION, || format!("Credential provider {} not found", settings.provider_arn))
    }

    fn demand_room(gateway: &state::Gateway, id: &str) -> Answer<()> {
        demand(gateway.course == Course::Ready, CONFLICT, || format!("Gateway {id} is not in READY status"))?;
        let busy = gateway.targets.values().filter(|one| one.course.is_under_way()).count();
        demand(busy < MOST_AT_ONCE, "ThrottlingException", || {
            format!("Gateway {id} has {MOST_AT_ONCE} target operations in progress")
        })
    }

    fn create_target(&mut self, new: NewTarget) -> Answer<String> {
        demand(is_name(&new.name, 100), VALIDATION, || {
            "1 validation error detected: Value at 'name' failed to satisfy constraint: Member must satisfy regular \
             expression pattern: ([0-9a-zA-Z][-]?){1,100}"
                .to_owned()
        })?;
        demand_token(&new.client_token)?;
        self.demand_target(&new.settings)?;
        let gateway = self.gateways.get(&new.gateway_id).ok_or_else(|| no_gateway(&new.gateway_id))?;
        if let Some((id, _)) = gateway.targets.iter().find(|(_, one)| one.token == new.client_token) {
            return Ok(id.clone());
        }
        demand(gateway.targets.values().all(|one| one.name != new.name), CONFLICT, || {
            format!("A target with name {} already exists in gateway {}", new.name, new.gateway_id)
        })?;
        Self::demand_room(gateway, &new.gateway_id)?;
        let id = self.next_hex().to_ascii_uppercase().get(..10).unwrap_or_default().to_owned();
        let target = state::Target {
            unseen: self.unseen(),
            settle: self.pace.settle,
            course: Course::Creating,
            name: new.name,
            token: new.client_token,
            settings: new.settings,
        };
        let gateway = self.gateways.get_mut(&new.gateway_id).ok_or_else(|| no_gateway(&new.gateway_id))?;
        gateway.targets.insert(id.clone(), target);
        Ok(id)
    }

    fn update_target(&mut self, change: TargetChange) -> Answer<()> {
        self.demand_target(&change.settings)?;
        let settle = self.pace.settle;
        let wanted = &change.target;
        let gateway =
            self.gateways.get_mut(&wanted.gateway_id).ok_or_else(|| no_gateway(&wanted.gateway_id))?;
        Self::demand_room(gateway, &wanted.gateway_id)?;
        let target = gateway.targets.get_mut(&wanted.id).ok_or_else(|| no_target(wanted))?;
        demand(!target.course.is_under_way(), CONFLICT, || {
            format!("Target {} is not in a state in which it can be updated", wanted.id)
        })?;
        target.settings = change.settings;
        target.course = Course::Updating;
        target.settle = settle;
        Ok(())
    }

    fn delete_target(&mut self, wanted: &TargetRef) -> Answer<()> {
        let settle = self.pace.settle;
        let gateway = self.gateways.get_mut(&wanted.gateway_id).ok_or_else(|| no_target(wanted))?;
        let target = gateway.targets.get_mut(&wanted.id).ok_or_else(|| no_target(wanted))?;
        if target.course != Course::Deleting {
            target.course = Course::Deleting;
            target.settle = settle;
        }
        Ok(())
    }
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
            let seen = |(name, one): (&String, &mut state::Provider)| one.unseen.look().then(|| name.clone());
            Ok(state.providers.iter_mut().filter_map(seen).collect())
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
            state.providers.remove(&name).map(|_| ()).ok_or_else(|| no_provider(&name))
        })
    }

    async fn get_gateway(&self, id: String) -> Result<Option<Gateway>, CallError> {
        let resource = self.look(|state| state.arn(SERVICE, &format!("gateway/{id}")));
        self.call(SERVICE, "GetGateway", Read, &resource, |state| Ok(state.get_gateway(&id)))
    }

    async fn list_gateways(&self, (): ()) -> Result<Vec<GatewaySummary>, CallError> {
        self.call(SERVICE, "ListGateways", Read, "*", |state| Ok(state.list_gateways()))
    }

    async fn create_gateway(&self, new: NewGateway) -> Result<String, CallError> {
        self.call(SERVICE, "CreateGateway", Write, "*", |state| state.create_gateway(new))
    }

    async fn update_gateway(&self, change: GatewayChange) -> Result<(), CallError> {
        let resource = self.look(|state| state.arn(SERVICE, &format!("gateway/{}", change.id)));
        self.call(SERVICE, "UpdateGateway", Write, &resource, |state| state.update_gateway(change))
    }

    async fn delete_gateway(&self, id: String) -> Result<(), CallError> {
        let resource = self.look(|state| state.arn(SERVICE, &format!("gateway/{id}")));
        self.call(SERVICE, "DeleteGateway", Write, &resource, |state| state.delete_gateway(&id))
    }

    async fn get_target(&self, wanted: TargetRef) -> Result<Option<Target>, CallError> {
        let resource = self.look(|state| state.arn(SERVICE, &format!("gateway/{}", wanted.gateway_id)));
        self.call(SERVICE, "GetGatewayTarget", Read, &resource, |state| {
            Ok(state.look_at_target(&wanted).map(|one| State::show_target(&wanted, one)))
        })
    }

    async fn list_targets(&self, gateway_id: String) -> Result<Vec<TargetSummary>, CallError> {
        let resource = self.look(|state| state.arn(SERVICE, &format!("gateway/{gateway_id}")));
        self.call(SERVICE, "ListGatewayTargets", Read, &resource, |state| Ok(state.list_targets(&gateway_id)))
    }

    async fn create_target(&self, new: NewTarget) -> Result<String, CallError> {
        let resource = self.look(|state| state.arn(SERVICE, &format!("gateway/{}", new.gateway_id)));
        self.call(SERVICE, "CreateGatewayTarget", Write, &resource, |state| state.create_target(new))
    }

    async fn update_target(&self, change: TargetChange) -> Result<(), CallError> {
        let resource =
            self.look(|state| state.arn(SERVICE, &format!("gateway/{}", change.target.gateway_id)));
        self.call(SERVICE, "UpdateGatewayTarget", Write, &resource, |state| state.update_target(change))
    }

    async fn delete_target(&self, wanted: TargetRef) -> Result<(), CallError> {
        let resource = self.look(|state| state.arn(SERVICE, &format!("gateway/{}", wanted.gateway_id)));
        self.call(SERVICE, "DeleteGatewayTarget", Write, &resource, |state| state.delete_target(&wanted))
    }
}

#[async_trait]
impl Secrets for Desk {
    async fn get_secret_value(&self, arn: String) -> Result<Option<Secret<String>>, CallError> {
        self.call("secretsmanager", "GetSecretValue", Read, &arn, |state| Ok(state.get_secret_value(&arn)))
    }
}
