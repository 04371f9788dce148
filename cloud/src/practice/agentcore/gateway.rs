//! Gateways: they come, change and go in the background, and go only without targets.

use std::collections::BTreeMap;

use crate::port::agentcore::{Gateway, GatewayChange, GatewaySettings, GatewaySummary, NewGateway};
use crate::practice::desk::permit;
use crate::practice::refusal::{Answer, Refusal, demand, demand_tags};
use crate::practice::state::{State, tick};

use super::record::{self, Course};
use super::{CONFLICT, SERVICE, VALIDATION, demand_token, is_name};

pub(super) fn no_gateway(id: &str) -> Refusal {
    Refusal::new("ResourceNotFoundException", format!("Gateway {id} not found"))
}

fn demand_settings(settings: &GatewaySettings) -> Answer<()> {
    demand(settings.discovery_url.ends_with("/.well-known/openid-configuration"), VALIDATION, || {
        "Discovery URL must end with /.well-known/openid-configuration".to_owned()
    })?;
    demand(!settings.allowed_clients.is_empty() || !settings.allowed_scopes.is_empty(), VALIDATION, || {
        "At least one of allowedAudience, allowedClients or allowedScopes must be given".to_owned()
    })
}

impl State {
    /// Moves everything of a gateway a look further. What has gone is gone then.
    fn look_at_gateway(&mut self, id: &str) -> Option<&record::Gateway> {
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

    pub(super) fn gateway_arn(&self, id: &str) -> String {
        self.arn(SERVICE, &format!("gateway/{id}"))
    }

    pub(super) fn next_gateway_id(&mut self, name: &str) -> String {
        let hex = self.next_hex();
        let name = name.trim_end_matches('-').to_ascii_lowercase();
        format!("{name}-{}", hex.get(..10).unwrap_or_default())
    }

    fn show_gateway(&self, id: &str, one: &record::Gateway) -> Gateway {
        Gateway {
            id: id.to_owned(),
            arn: self.gateway_arn(id),
            name: one.name.clone(),
            url: (one.course != Course::Creating)
                .then(|| format!("https://{id}.gateway.bedrock-agentcore.{}.amazonaws.com/mcp", self.region)),
            condition: one.course.condition(),
            authorizer: "CUSTOM_JWT".to_owned(),
            settings: one.settings.clone(),
            tags: one.tags.clone(),
        }
    }

    pub(super) fn get_gateway(&mut self, id: &str) -> Option<Gateway> {
        let one = self.look_at_gateway(id)?.clone();
        Some(self.show_gateway(id, &one))
    }

    pub(super) fn list_gateways(&mut self) -> Vec<GatewaySummary> {
        let ids: Vec<String> = self.gateways.keys().cloned().collect();
        let summary = |id: String| {
            let name = self.look_at_gateway(&id)?.name.clone();
            Some(GatewaySummary { id, name })
        };
        ids.into_iter().filter_map(summary).collect()
    }

    pub(super) fn create_gateway(&mut self, new: NewGateway) -> Answer<String> {
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
        self.demand_role(&new.settings.role_arn)?;
        let id = self.next_gateway_id(&new.name);
        let gateway = record::Gateway {
            unseen: self.unseen(),
            settle: self.pace.settle,
            course: Course::Creating,
            name: new.name,
            token: new.client_token,
            settings: new.settings,
            targets: BTreeMap::new(),
            tags: new.tags,
        };
        self.gateways.insert(id.clone(), gateway);
        Ok(id)
    }

    /// The caller hands the role over, and the service tries it. A new one reaches it late.
    pub(super) fn demand_role(&mut self, arn: &str) -> Answer<()> {
        permit(self, "iam", "PassRole", arn).map_err(Refusal::into_agentcore)?;
        let role = arn.rsplit('/').next().and_then(|name| self.roles.get_mut(name));
        let is_trusted = role.is_some_and(|role| {
            tick(&mut role.unknown_to_agentcore)
                && role.trust.to_string().contains("bedrock-agentcore.amazonaws.com")
        });
        demand(is_trusted, VALIDATION, || {
            format!(
                "Role validation failed for '{arn}'. Please verify that the role exists and its trust policy allows \
                 assumption by this service"
            )
        })
    }

    pub(super) fn update_gateway(&mut self, change: GatewayChange) -> Answer<()> {
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

    pub(super) fn delete_gateway(&mut self, id: &str) -> Answer<()> {
        let settle = self.pace.settle;
        if self.gateways.get(id).is_some_and(|one| !one.targets.is_empty()) {
            // Whoever only repeats the deletion gets through as well, once the targets have gone.
            self.list_targets(id);
        }
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
}
