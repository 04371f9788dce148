//! IAM: roles with their policies, and instance profiles.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use serde_json::Value;

use crate::CallError;
use crate::hook::Access::{self, Read, Write};
use crate::port::iam::{
    AttachedPolicy, Decision, Iam, InstanceProfile, NewInstanceProfile, NewRole, ProfileRole, Role,
    RolePolicy, RolePolicyDocument, RoleTrust, Simulated, Simulation,
};

use super::desk::{Desk, permit};
use super::refusal::{Answer, Refusal, demand, demand_tags};
use super::simulator;
use super::state::{self, State};

/// What the inline policies of a role may hold together, characters.
const POLICY_LIMIT: usize = 10_240;

fn no_role(name: &str) -> Refusal {
    Refusal::new("NoSuchEntity", format!("The role with name {name} cannot be found."))
}

fn no_profile(name: &str) -> Refusal {
    Refusal::new("NoSuchEntity", format!("Instance Profile {name} cannot be found."))
}

fn no_policy(role: &str, policy: &str) -> Refusal {
    let words = format!("The role policy with name {policy} cannot be found on role {role}.");
    Refusal::new("NoSuchEntity", words)
}

fn check_name(name: &str, path: &str, longest: usize) -> Answer<()> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    demand((1..=longest).contains(&name.len()) && name.chars().all(plain), "ValidationError", || {
        format!(
            "The specified value for name is invalid. It must contain 1 to {longest} of alphanumeric characters and any of the following: _+=,.@-"
        )
    })?;
    let whole = path.starts_with('/') && path.ends_with('/') && path.len() <= 512;
    demand(whole && path.bytes().all(|b| (0x21..=0x7e).contains(&b)), "ValidationError", || {
        "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric \
         characters and/or / characters."
            .to_owned()
    })
}

/// A policy document with statements, each with an effect, an action and (as told) a principal or a resource.
fn check_document(document: &Value, target: &'static str) -> Answer<()> {
    let malformed = |words: &str| Err(Refusal::new("MalformedPolicyDocument", words));
    let statements: &[Value] = match document.get("Statement") {
        Some(Value::Array(statements)) => statements,
        Some(one @ Value::Object(_)) => std::slice::from_ref(one),
        _ => return malformed("Missing required field Statement"),
    };
    if statements.is_empty() {
        return malformed("Missing required field Statement");
    }
    for statement in statements {
        if !matches!(statement.get("Effect").and_then(Value::as_str), Some("Allow" | "Deny")) {
            return malformed("Invalid effect in policy document.");
        }
        if statement.get("Action").or_else(|| statement.get("NotAction")).is_none() {
            return malformed("Policy statement must contain actions.");
        }
        match target {
            "Principal" if statement.get("Principal").is_none() => {
                return malformed("Missing required field Principal");
            }
            "Principal" if statement.get("Resource").is_some() => {
                return malformed("Has prohibited field Resource");
            }
            "Resource" if statement.get("Resource").or_else(|| statement.get("NotResource")).is_none() => {
                return malformed("Policy statement must contain resources.");
            }
            "Resource" if statement.get("Principal").is_some() => {
                return malformed("Policy document should not specify a principal.");
            }
            _ => {}
        }
    }
    Ok(())
}

impl State {
    fn role_arn(&self, path: &str, name: &str) -> String {
        self.iam_arn(&format!("role{path}{name}"))
    }

    fn show_role(&self, name: &str) -> Option<Role> {
        self.roles.get(name).map(|role| Role {
            name: name.to_owned(),
            path: role.path.clone(),
            arn: self.role_arn(&role.path, name),
            trust: role.trust.clone(),
            tags: role.tags.clone(),
        })
    }

    fn get_role(&mut self, name: &str) -> Option<Role> {
        let seen = self.roles.get_mut(name)?.unseen.look();
        self.show_role(name).filter(|_| seen)
    }

    fn list_roles(&mut self, path: &str) -> Vec<Role> {
        let seen: Vec<String> = self
            .roles
            .iter_mut()
            .filter(|(_, role)| role.path.starts_with(path))
            .filter_map(|(name, role)| role.unseen.look().then(|| name.clone()))
            .collect();
        let bare = |role: Role| Role { tags: BTreeMap::new(), ..role };
        seen.iter().filter_map(|name| self.show_role(name)).map(bare).collect()
    }

    fn create_role(&mut self, new: NewRole) -> Answer<String> {
        check_name(&new.name, &new.path, 64)?;
        demand(new.description.chars().count() <= 1000, "ValidationError", || {
            "1 validation error detected: Value at 'description' failed to satisfy constraint: Member must have \
             length less than or equal to 1000"
                .to_owned()
        })?;
        check_document(&new.trust, "Principal")?;
        demand_tags(&new.tags, "InvalidInput")?;
        demand(!self.roles.contains_key(&new.name), "EntityAlreadyExists", || {
            format!("Role with name {} already exists.", new.name)
        })?;
        let arn = self.role_arn(&new.path, &new.name);
        let role = state::Role {
            unknown_to_agentcore: self.pace.lag,
            unseen: self.unseen(),
            path: new.path,
            trust: new.trust,
            policies: BTreeMap::new(),
            attached: BTreeSet::new(),
            tags: new.tags,
        };
        self.roles.insert(new.name, role);
        Ok(arn)
    }

    fn role_mut(&mut self, name: &str) -> Answer<&mut state::Role> {
        self.roles.get_mut(name).ok_or_else(|| no_role(name))
    }

    fn delete_role(&mut self, name: &str) -> Answer<()> {
        let role = self.roles.get(name).ok_or_else(|| no_role(name))?;
        let conflict = |words: &str| Err(Refusal::new("DeleteConflict", words));
        if self.profiles.values().any(|profile| profile.role.as_deref() == Some(name)) {
            return conflict("Cannot delete entity, must remove roles from instance profile first.");
        }
        if !role.attached.is_empty() {
            return conflict("Cannot delete entity, must detach all policies first.");
        }
        if !role.policies.is_empty() {
            return conflict("Cannot delete entity, must delete policies first.");
        }
        self.roles.remove(name);
        Ok(())
    }

    fn seen_role(&mut self, name: &str) -> Answer<&mut state::Role> {
        let role = self.role_mut(name)?;
        if role.unseen.look() { Ok(role) } else { Err(no_role(name)) }
    }

    fn get_role_policy(&mut self, wanted: &RolePolicy) -> Option<Value> {
        let policy = self.roles.get_mut(&wanted.role)?.policies.get_mut(&wanted.policy)?;
        policy.unseen.look().then(|| policy.document.clone())
    }

    fn put_role_policy(&mut self, new: RolePolicyDocument) -> Answer<()> {
        check_name(&new.policy, "/", 128)?;
        check_document(&new.document, "Resource")?;
        let unseen = self.unseen();
        let role = self.role_mut(&new.role)?;
        let others = role.policies.iter().filter(|(name, _)| **name != new.policy);
        let size = others
            .map(|(_, policy)| policy.document.to_string().len())
            .fold(new.document.to_string().len(), usize::saturating_add);
        demand(size <= POLICY_LIMIT, "LimitExceeded", || {
            format!("Maximum policy size of {POLICY_LIMIT} bytes exceeded for role {}", new.role)
        })?;
        match role.policies.get_mut(&new.policy) {
            Some(policy) => policy.document = new.document,
            None => {
                role.policies.insert(new.policy, state::Policy { unseen, document: new.document });
            }
        }
        Ok(())
    }

    fn show_profile(&self, name: &str) -> Option<InstanceProfile> {
        self.profiles.get(name).map(|profile| InstanceProfile {
            name: name.to_owned(),
            path: profile.path.clone(),
            arn: self.iam_arn(&format!("instance-profile{}{name}", profile.path)),
            roles: profile.role.iter().cloned().collect(),
            tags: profile.tags.clone(),
        })
    }

    fn get_instance_profile(&mut self, name: &str) -> Option<InstanceProfile> {
        let seen = self.profiles.get_mut(name)?.unseen.look();
        self.show_profile(name).filter(|_| seen)
    }

    fn list_instance_profiles(&mut self, path: &str) -> Vec<InstanceProfile> {
        let seen: Vec<String> = self
            .profiles
            .iter_mut()
            .filter(|(_, profile)| profile.path.starts_with(path))
            .filter_map(|(name, profile)| profile.unseen.look().then(|| name.clone()))
            .collect();
        let bare = |profile: InstanceProfile| InstanceProfile { tags: BTreeMap::new(), ..profile };
        seen.iter().filter_map(|name| self.show_profile(name)).map(bare).collect()
    }

    fn create_instance_profile(&mut self, new: NewInstanceProfile) -> Answer<String> {
        check_name(&new.name, &new.path, 128)?;
        demand_tags(&new.tags, "InvalidInput")?;
        demand(!self.profiles.contains_key(&new.name), "EntityAlreadyExists", || {
            format!("Instance Profile {} already exists.", new.name)
        })?;
        let arn = self.iam_arn(&format!("instance-profile{}{}", new.path, new.name));
        let profile = state::Profile {
            unseen: self.unseen(),
            unknown_to_ec2: self.pace.lag,
            path: new.path,
            role: None,
            tags: new.tags,
        };
        self.profiles.insert(new.name, profile);
        Ok(arn)
    }

    fn profile_mut(&mut self, name: &str) -> Answer<&mut state::Profile> {
        self.profiles.get_mut(name).ok_or_else(|| no_profile(name))
    }

    fn add_role_to_instance_profile(&mut self, pair: ProfileRole) -> Answer<()> {
        let lag = self.pace.lag;
        let known = self.roles.contains_key(&pair.role);
        let profile = self.profile_mut(&pair.profile)?;
        demand(known, "NoSuchEntity", || format!("The role with name {} cannot be found.", pair.role))?;
        demand(profile.role.is_none(), "LimitExceeded", || {
            "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1".to_owned()
        })?;
        profile.role = Some(pair.role);
        // A profile that changed has to reach EC2 anew.
        profile.unknown_to_ec2 = lag;
        Ok(())
    }

    fn remove_role_from_instance_profile(&mut self, pair: &ProfileRole) -> Answer<()> {
        let profile = self.profile_mut(&pair.profile)?;
        demand(profile.role.as_ref() == Some(&pair.role), "NoSuchEntity", || {
            format!("Role {} cannot be found in instance profile {}.", pair.role, pair.profile)
        })?;
        profile.role = None;
        Ok(())
    }

    fn delete_instance_profile(&mut self, name: &str) -> Answer<()> {
        let empty = self.profile_mut(name)?.role.is_none();
        demand(empty, "DeleteConflict", || {
            "Cannot delete entity, must remove roles from instance profile first.".to_owned()
        })?;
        self.profiles.remove(name);
        Ok(())
    }
}

impl State {
    fn simulate(&self, question: &Simulation) -> Answer<Vec<Simulated>> {
        let principal = question.principal_arn.split(':').nth(5).unwrap_or_default();
        demand(principal.starts_with("role/") || principal.starts_with("user/"), "InvalidInput", || {
            format!(
                "Invalid Entity Arn: {} does not clearly define entity type and name.",
                question.principal_arn
            )
        })?;
        let resources =
            if question.resources.is_empty() { vec!["*".to_owned()] } else { question.resources.clone() };
        // The operator may everything that was not denied; a role of ours may what its policies say.
        let role = principal.strip_prefix("role/").and_then(|path| path.rsplit('/').next());
        let role = role.and_then(|name| self.roles.get(name));
        let verdict = |action: &String, resource: &String| {
            let (service, operation) = action.split_once(':').unwrap_or((action, ""));
            let is_allowed = match role {
                Some(role) => simulator::allows(role, action, resource),
                None => permit(self, service, operation, resource).is_ok(),
            };
            let decision = if is_allowed { Decision::Allowed } else { Decision::ImplicitDeny };
            Simulated { action: action.clone(), resource: resource.clone(), decision }
        };
        let pairs = question.actions.iter().flat_map(|action| resources.iter().map(move |one| (action, one)));
        Ok(pairs.map(|(action, resource)| verdict(action, resource)).collect())
    }
}

impl Desk {
    /// A call about `resource`, such as `role/NAME`, which gains its path for the words of a denial.
    fn iam<T>(
        &self,
        operation: &'static str,
        access: Access,
        resource: &str,
        act: impl FnOnce(&mut State) -> Answer<T>,
    ) -> Result<T, CallError> {
        let arn = self.look(|state| state.iam_arn(resource));
        self.call("iam", operation, access, &arn, act)
    }

    fn role_call<T>(
        &self,
        operation: &'static str,
        access: Access,
        name: &str,
        act: impl FnOnce(&mut State) -> Answer<T>,
    ) -> Result<T, CallError> {
        let path = self.look(|state| state.roles.get(name).map(|role| role.path.clone()));
        self.iam(operation, access, &format!("role{}{name}", path.as_deref().unwrap_or("/")), act)
    }

    fn profile_call<T>(
        &self,
        operation: &'static str,
        access: Access,
        name: &str,
        act: impl FnOnce(&mut State) -> Answer<T>,
    ) -> Result<T, CallError> {
        let path = self.look(|state| state.profiles.get(name).map(|profile| profile.path.clone()));
        self.iam(operation, access, &format!("instance-profile{}{name}", path.as_deref().unwrap_or("/")), act)
    }
}

#[async_trait]
impl Iam for Desk {
    async fn get_role(&self, name: String) -> Result<Option<Role>, CallError> {
        self.role_call("GetRole", Read, &name, |state| Ok(state.get_role(&name)))
    }

    async fn list_roles(&self, path: String) -> Result<Vec<Role>, CallError> {
        self.iam("ListRoles", Read, &format!("role{path}"), |state| Ok(state.list_roles(&path)))
    }

    async fn create_role(&self, new: NewRole) -> Result<String, CallError> {
        let resource = format!("role{}{}", new.path, new.name);
        self.iam("CreateRole", Write, &resource, |state| state.create_role(new))
    }

    async fn update_assume_role_policy(&self, change: RoleTrust) -> Result<(), CallError> {
        self.role_call("UpdateAssumeRolePolicy", Write, &change.role, |state| {
            check_document(&change.trust, "Principal")?;
            state.role_mut(&change.role)?.trust = change.trust.clone();
            Ok(())
        })
    }

    async fn delete_role(&self, name: String) -> Result<(), CallError> {
        self.role_call("DeleteRole", Write, &name, |state| state.delete_role(&name))
    }

    async fn get_role_policy(&self, wanted: RolePolicy) -> Result<Option<Value>, CallError> {
        self.role_call("GetRolePolicy", Read, &wanted.role, |state| Ok(state.get_role_policy(&wanted)))
    }

    async fn list_role_policies(&self, role: String) -> Result<Vec<String>, CallError> {
        self.role_call("ListRolePolicies", Read, &role, |state| {
            let policies = state.seen_role(&role)?.policies.iter_mut();
            Ok(policies.filter_map(|(name, policy)| policy.unseen.look().then(|| name.clone())).collect())
        })
    }

    async fn put_role_policy(&self, new: RolePolicyDocument) -> Result<(), CallError> {
        let role = new.role.clone();
        self.role_call("PutRolePolicy", Write, &role, |state| state.put_role_policy(new))
    }

    async fn delete_role_policy(&self, gone: RolePolicy) -> Result<(), CallError> {
        self.role_call("DeleteRolePolicy", Write, &gone.role, |state| {
            let removed = state.role_mut(&gone.role)?.policies.remove(&gone.policy);
            removed.map(|_| ()).ok_or_else(|| no_policy(&gone.role, &gone.policy))
        })
    }

    async fn list_attached_role_policies(&self, role: String) -> Result<Vec<String>, CallError> {
        self.role_call("ListAttachedRolePolicies", Read, &role, |state| {
            Ok(state.seen_role(&role)?.attached.iter().cloned().collect())
        })
    }

    async fn detach_role_policy(&self, gone: AttachedPolicy) -> Result<(), CallError> {
        self.role_call("DetachRolePolicy", Write, &gone.role, |state| {
            let removed = state.role_mut(&gone.role)?.attached.remove(&gone.policy_arn);
            demand(removed, "NoSuchEntity", || format!("Policy {} was not found.", gone.policy_arn))
        })
    }

    async fn get_instance_profile(&self, name: String) -> Result<Option<InstanceProfile>, CallError> {
        self.profile_call("GetInstanceProfile", Read, &name, |state| Ok(state.get_instance_profile(&name)))
    }

    async fn list_instance_profiles(&self, path: String) -> Result<Vec<InstanceProfile>, CallError> {
        let resource = format!("instance-profile{path}");
        self.iam("ListInstanceProfiles", Read, &resource, |state| Ok(state.list_instance_profiles(&path)))
    }

    async fn create_instance_profile(&self, new: NewInstanceProfile) -> Result<String, CallError> {
        let resource = format!("instance-profile{}{}", new.path, new.name);
        self.iam("CreateInstanceProfile", Write, &resource, |state| state.create_instance_profile(new))
    }

    async fn add_role_to_instance_profile(&self, pair: ProfileRole) -> Result<(), CallError> {
        let name = pair.profile.clone();
        let act = |state: &mut State| state.add_role_to_instance_profile(pair);
        self.profile_call("AddRoleToInstanceProfile", Write, &name, act)
    }

    async fn remove_role_from_instance_profile(&self, pair: ProfileRole) -> Result<(), CallError> {
        let act = |state: &mut State| state.remove_role_from_instance_profile(&pair);
        self.profile_call("RemoveRoleFromInstanceProfile", Write, &pair.profile, act)
    }

    async fn delete_instance_profile(&self, name: String) -> Result<(), CallError> {
        self.profile_call("DeleteInstanceProfile", Write, &name, |state| state.delete_instance_profile(&name))
    }

    async fn simulate_principal_policy(&self, question: Simulation) -> Result<Vec<Simulated>, CallError> {
        let resource = question.principal_arn.clone();
        let act = |state: &mut State| state.simulate(&question);
        self.call("iam", "SimulatePrincipalPolicy", Read, &resource, act)
    }
}
