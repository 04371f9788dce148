//! Targets: the service reads their schema in the background, and does so many things at a time.

use crate::port::agentcore::{NewTarget, Target, TargetChange, TargetRef, TargetSettings, TargetSummary};
use crate::practice::refusal::{Answer, Refusal, demand};
use crate::practice::simulator::allows;
use crate::practice::state::{State, tick};

use super::gateway::no_gateway;
use super::record::{self, Course};
use super::{CONFLICT, VALIDATION, demand_token, is_name};

/// What one gateway does at a time (Quotas for Amazon Bedrock AgentCore, "Concurrent target operations").
const MOST_AT_ONCE: usize = 5;

fn no_target(target: &TargetRef) -> Refusal {
    Refusal::new(
        "ResourceNotFoundException",
        format!("Target {} of gateway {} not found", target.id, target.gateway_id),
    )
}

fn demand_ready(gateway: &record::Gateway, id: &str) -> Answer<()> {
    demand(gateway.course == Course::Ready, CONFLICT, || format!("Gateway {id} is not in READY status"))
}

impl State {
    /// Moves a target a look further: the service reads the schema only now.
    fn look_at_target(&mut self, wanted: &TargetRef) -> Option<record::Target> {
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
            let (name, schema) = (target.name.clone(), target.settings.clone());
            let role = gateway.settings.role_arn.clone();
            let failure = self.failing_targets.remove(&name).or_else(|| self.unreadable(&schema, &role));
            let target = self.gateways.get_mut(&wanted.gateway_id)?.targets.get_mut(&wanted.id)?;
            target.course = failure.map_or(Course::Ready, Course::Failed);
        }
        self.gateways.get(&wanted.gateway_id)?.targets.get(&wanted.id).cloned()
    }

    /// Why the gateway cannot read a schema.
    fn unreadable(&self, settings: &TargetSettings, role_arn: &str) -> Option<String> {
        let failed =
            |why: &str| Some(format!("Failed to read the schema from {}: {why}", settings.schema_uri));
        let Some(path) = settings.schema_uri.strip_prefix("s3://") else { return failed("no S3 URI") };
        let object = path.split_once('/').and_then(|(bucket, key)| {
            self.buckets.get(bucket).filter(|one| one.owner.is_none())?.objects.get(key)
        });
        if object.is_none() {
            return failed("The specified key does not exist.");
        }
        if settings.schema_owner != self.account.as_str() {
            return failed("Access Denied, since the bucket belongs to another account");
        }
        let arn = format!("arn:{}:s3:::{path}", self.region.partition());
        let role = role_arn.rsplit('/').next().and_then(|name| self.roles.get(name));
        // What a managed policy says is not known here.
        let may_read =
            role.is_some_and(|role| !role.attached.is_empty() || allows(role, "s3:GetObject", &arn));
        if may_read { None } else { failed("Access Denied for the role of the gateway") }
    }

    pub(super) fn get_target(&mut self, wanted: &TargetRef) -> Option<Target> {
        let one = self.look_at_target(wanted)?;
        Some(Target {
            id: wanted.id.clone(),
            gateway_id: wanted.gateway_id.clone(),
            name: one.name,
            condition: one.course.condition(),
            settings: Some(one.settings),
        })
    }

    pub(super) fn list_targets(&mut self, gateway_id: &str) -> Vec<TargetSummary> {
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

    /// One more operation must fit. Whoever is refused has looked: repeating the call is enough to get through.
    fn demand_room(&mut self, gateway_id: &str) -> Answer<()> {
        let busy =
            |one: &record::Gateway| one.targets.values().filter(|one| one.course.is_under_way()).count();
        let fits = self.gateways.get(gateway_id).is_none_or(|one| busy(one) < MOST_AT_ONCE);
        if !fits {
            self.list_targets(gateway_id);
        }
        demand(fits, "ThrottlingException", || {
            format!("Gateway {gateway_id} has {MOST_AT_ONCE} target operations in progress")
        })
    }

    pub(super) fn create_target(&mut self, new: NewTarget) -> Answer<String> {
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
        demand_ready(gateway, &new.gateway_id)?;
        self.demand_room(&new.gateway_id)?;
        let id = self.next_hex().to_ascii_uppercase().get(..10).unwrap_or_default().to_owned();
        let target = record::Target {
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

    pub(super) fn update_target(&mut self, change: TargetChange) -> Answer<()> {
        self.demand_target(&change.settings)?;
        let settle = self.pace.settle;
        let wanted = &change.target;
        let gateway = self.gateways.get(&wanted.gateway_id).ok_or_else(|| no_gateway(&wanted.gateway_id))?;
        demand_ready(gateway, &wanted.gateway_id)?;
        let target = self.target_mut(wanted)?;
        demand(!target.course.is_under_way(), CONFLICT, || {
            format!("Target {} is not in a state in which it can be updated", wanted.id)
        })?;
        self.demand_room(&wanted.gateway_id)?;
        let target = self.target_mut(wanted)?;
        target.settings = change.settings;
        target.course = Course::Updating;
        target.settle = settle;
        Ok(())
    }

    pub(super) fn delete_target(&mut self, wanted: &TargetRef) -> Answer<()> {
        let settle = self.pace.settle;
        let target = self.target_mut(wanted)?;
        if target.course == Course::Deleting {
            return Ok(());
        }
        self.demand_room(&wanted.gateway_id)?;
        let target = self.target_mut(wanted)?;
        target.course = Course::Deleting;
        target.settle = settle;
        Ok(())
    }

    fn target_mut(&mut self, wanted: &TargetRef) -> Answer<&mut record::Target> {
        let gateway = self.gateways.get_mut(&wanted.gateway_id).ok_or_else(|| no_target(wanted))?;
        gateway.targets.get_mut(&wanted.id).ok_or_else(|| no_target(wanted))
    }
}
