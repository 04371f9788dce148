//! Runtimes, which have a version for each change. Nothing runs in them.

use std::collections::BTreeMap;

use crate::port::agentcore::{
    Condition, NewRuntime, Runtime, RuntimeChange, RuntimeSettings, RuntimeSummary,
};
use crate::practice::refusal::{Answer, Refusal, demand, demand_tags};
use crate::practice::simulator::allows;
use crate::practice::state::{State, tick};

use super::record::{self, Course};
use super::{CONFLICT, SERVICE, VALIDATION, demand_plain_name, demand_token};

fn no_runtime(id: &str) -> Refusal {
    Refusal::new("ResourceNotFoundException", format!("Agent runtime {id} not found"))
}

/// The service says what failed: to be made, or to be changed.
fn condition(one: &record::Runtime) -> Condition {
    let condition = one.course.condition();
    let status = match one.course {
        Course::Failed(_) if one.version == 1 => "CREATE_FAILED".to_owned(),
        Course::Failed(_) => "UPDATE_FAILED".to_owned(),
        _ => condition.status,
    };
    Condition { status, ..condition }
}

/// What a role needs to fetch an artifact: the action and the resource.
fn fetched(artifact: &str, partition: &str) -> Option<(&'static str, String)> {
    if let Some(place) = artifact.strip_prefix("s3://") {
        return Some(("s3:GetObject", format!("arn:{partition}:s3:::{place}")));
    }
    let (host, path) = artifact.split_once('/')?;
    let (account, rest) = host.split_once(".dkr.ecr.")?;
    let region = rest.split('.').next()?;
    let repository = path.split(['@', ':']).next()?;
    Some(("ecr:BatchGetImage", format!("arn:{partition}:ecr:{region}:{account}:repository/{repository}")))
}

fn values(settings: &RuntimeSettings) -> BTreeMap<String, String> {
    settings.environment.iter().map(|(name, value)| (name.clone(), value.expose().clone())).collect()
}

impl State {
    pub(super) fn runtime_arn(&self, id: &str) -> String {
        self.arn(SERVICE, &format!("runtime/{id}"))
    }

    fn look_at_runtime(&mut self, id: &str) -> Option<&record::Runtime> {
        let runtime = self.runtimes.get_mut(id)?;
        if !runtime.unseen.look() {
            return None;
        }
        if runtime.course.is_under_way() && tick(&mut runtime.settle) {
            if runtime.course == Course::Deleting {
                self.runtimes.remove(id);
                return None;
            }
            runtime.course = self.failing_runtime.take().map_or(Course::Ready, Course::Failed);
        }
        self.runtimes.get(id)
    }

    pub(super) fn get_runtime(&mut self, id: &str) -> Option<Runtime> {
        let one = self.look_at_runtime(id)?.clone();
        let secret = |(name, value)| (name, model::Secret::new(value));
        Some(Runtime {
            id: id.to_owned(),
            arn: self.runtime_arn(id),
            condition: condition(&one),
            name: one.name,
            version: one.version.to_string(),
            settings: RuntimeSettings {
                role_arn: one.role_arn,
                artifact: one.artifact,
                environment: one.environment.into_iter().map(secret).collect(),
                description: one.description,
            },
            tags: one.tags,
        })
    }

    pub(super) fn list_runtimes(&mut self) -> Vec<RuntimeSummary> {
        let ids: Vec<String> = self.runtimes.keys().cloned().collect();
        let summary = |id: String| {
            let name = self.look_at_runtime(&id)?.name.clone();
            Some(RuntimeSummary { id, name })
        };
        ids.into_iter().filter_map(summary).collect()
    }

    fn demand_runtime(&mut self, settings: &RuntimeSettings) -> Answer<()> {
        demand(settings.environment.len() <= 50, VALIDATION, || {
            "1 validation error detected: Value at 'environmentVariables' failed to satisfy constraint: Member must have \
             length less than or equal to 50"
                .to_owned()
        })?;
        self.demand_role(&settings.role_arn)?;
        let wanted = fetched(&settings.artifact, self.region.partition());
        let (action, resource) =
            wanted.ok_or_else(|| Refusal::new(VALIDATION, "Invalid agentRuntimeArtifact"))?;
        let role = settings.role_arn.rsplit('/').next().and_then(|name| self.roles.get(name));
        // What a managed policy says is not known here.
        let may = role.is_some_and(|role| !role.attached.is_empty() || allows(role, action, &resource));
        demand(may, VALIDATION, || {
            format!(
                "Access denied while validating '{}'. The execution role requires permissions for {action}",
                settings.artifact
            )
        })
    }

    pub(super) fn create_runtime(&mut self, new: NewRuntime) -> Answer<String> {
        demand_plain_name(&new.name, "agentRuntimeName")?;
        demand_token(&new.client_token)?;
        demand_tags(&new.tags, VALIDATION)?;
        if let Some((id, _)) = self.runtimes.iter().find(|(_, one)| one.token == new.client_token) {
            return Ok(id.clone());
        }
        demand(self.runtimes.values().all(|one| one.name != new.name), CONFLICT, || {
            format!("An agent runtime with name {} already exists", new.name)
        })?;
        self.demand_runtime(&new.settings)?;
        let hex = self.next_hex();
        let id = format!("{}-{}", new.name, hex.get(..10).unwrap_or_default());
        let runtime = record::Runtime {
            unseen: self.unseen(),
            settle: self.pace.settle,
            course: Course::Creating,
            name: new.name,
            token: new.client_token,
            version: 1,
            environment: values(&new.settings),
            role_arn: new.settings.role_arn,
            artifact: new.settings.artifact,
            description: new.settings.description,
            tags: new.tags,
        };
        self.runtimes.insert(id.clone(), runtime);
        Ok(id)
    }

    pub(super) fn update_runtime(&mut self, change: RuntimeChange) -> Answer<()> {
        let settle = self.pace.settle;
        let runtime = self.runtimes.get(&change.id).ok_or_else(|| no_runtime(&change.id))?;
        let status = condition(runtime).status;
        demand(matches!(status.as_str(), "READY" | "UPDATE_FAILED"), CONFLICT, || {
            format!("Agent runtime {} is {status} and cannot be updated", change.id)
        })?;
        self.demand_runtime(&change.settings)?;
        let runtime = self.runtimes.get_mut(&change.id).ok_or_else(|| no_runtime(&change.id))?;
        runtime.environment = values(&change.settings);
        runtime.role_arn = change.settings.role_arn;
        runtime.artifact = change.settings.artifact;
        runtime.description = change.settings.description;
        runtime.version = runtime.version.saturating_add(1);
        runtime.course = Course::Updating;
        runtime.settle = settle;
        Ok(())
    }

    pub(super) fn delete_runtime(&mut self, id: &str) -> Answer<()> {
        let settle = self.pace.settle;
        let runtime = self.runtimes.get_mut(id).ok_or_else(|| no_runtime(id))?;
        if runtime.course != Course::Deleting {
            runtime.course = Course::Deleting;
            runtime.settle = settle;
        }
        Ok(())
    }
}
