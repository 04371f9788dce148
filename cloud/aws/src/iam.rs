//! AWS Identity and Access Management: roles with inline policies, and instance profiles.
//!
//! IAM sends policy documents percent-encoded (RFC 3986); they become JSON values here.

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_iam::Client;
use aws_sdk_iam::types::{self, Tag};
use cloud::port::iam::{
    AttachedPolicy, Decision, Iam, InstanceProfile, NewInstanceProfile, NewRole, ProfileRole, Role,
    RolePolicy, RolePolicyDocument, RoleTrust, Simulated, Simulation,
};
use cloud::{CallError, ErrorKind};
use model::tags::Tags;
use serde_json::Value;

use crate::error::{absent, failed, found};
use crate::tags::from_pairs;

const SERVICE: &str = "iam";

/// The port over `aws-sdk-iam`.
pub(crate) struct AwsIam(Client);

impl AwsIam {
    pub(crate) fn new(config: &SdkConfig) -> Self {
        Self(Client::new(config))
    }
}

#[async_trait]
impl Iam for AwsIam {
    async fn get_role(&self, name: String) -> Result<Option<Role>, CallError> {
        const OPERATION: &str = "GetRole";
        let answer = self.0.get_role().role_name(name).send().await.map_err(failed(SERVICE, OPERATION));
        let Some(answer) = found(answer)? else { return Ok(None) };
        let role = answer.role().ok_or_else(|| absent(SERVICE, OPERATION, "Role"))?;
        from_role(role, OPERATION).map(Some)
    }

    async fn list_roles(&self, path: String) -> Result<Vec<Role>, CallError> {
        const OPERATION: &str = "ListRoles";
        let mut items = self.0.list_roles().path_prefix(path).into_paginator().items().send();
        let mut roles = Vec::new();
        while let Some(role) = items.next().await {
            roles.push(from_role(&role.map_err(failed(SERVICE, OPERATION))?, OPERATION)?);
        }
        Ok(roles)
    }

    async fn create_role(&self, new: NewRole) -> Result<String, CallError> {
        const OPERATION: &str = "CreateRole";
        let answer = self
            .0
            .create_role()
            .role_name(new.name)
            .path(new.path)
            .description(new.description)
            .assume_role_policy_document(new.trust.to_string())
            .set_tags(to_tags(new.tags, OPERATION)?)
            .send()
            .await
            .map_err(failed(SERVICE, OPERATION))?;
        let role = answer.role().ok_or_else(|| absent(SERVICE, OPERATION, "Role"))?;
        Ok(role.arn().to_owned())
    }

    async fn update_assume_role_policy(&self, trust: RoleTrust) -> Result<(), CallError> {
        self.0
            .update_assume_role_policy()
            .role_name(trust.role)
            .policy_document(trust.trust.to_string())
            .send()
            .await
            .map_err(failed(SERVICE, "UpdateAssumeRolePolicy"))?;
        Ok(())
    }

    async fn delete_role(&self, name: String) -> Result<(), CallError> {
        self.0.delete_role().role_name(name).send().await.map_err(failed(SERVICE, "DeleteRole"))?;
        Ok(())
    }

    async fn get_role_policy(&self, policy: RolePolicy) -> Result<Option<Value>, CallError> {
        const OPERATION: &str = "GetRolePolicy";
        let answer = self
            .0
            .get_role_policy()
            .role_name(policy.role)
            .policy_name(policy.policy)
            .send()
            .await
            .map_err(failed(SERVICE, OPERATION));
        let Some(answer) = found(answer)? else { return Ok(None) };
        document(answer.policy_document(), OPERATION).map(Some)
    }

    async fn list_role_policies(&self, role: String) -> Result<Vec<String>, CallError> {
        let mut items = self.0.list_role_policies().role_name(role).into_paginator().items().send();
        let mut names = Vec::new();
        while let Some(name) = items.next().await {
            names.push(name.map_err(failed(SERVICE, "ListRolePolicies"))?);
        }
        Ok(names)
    }

    async fn put_role_policy(&self, policy: RolePolicyDocument) -> Result<(), CallError> {
        self.0
            .put_role_policy()
            .role_name(policy.role)
            .policy_name(policy.policy)
            .policy_document(policy.document.to_string())
            .send()
            .await
            .map_err(failed(SERVICE, "PutRolePolicy"))?;
        Ok(())
    }

    async fn delete_role_policy(&self, policy: RolePolicy) -> Result<(), CallError> {
        self.0
            .delete_role_policy()
            .role_name(policy.role)
            .policy_name(policy.policy)
            .send()
            .await
            .map_err(failed(SERVICE, "DeleteRolePolicy"))?;
        Ok(())
    }

    async fn list_attached_role_policies(&self, role: String) -> Result<Vec<String>, CallError> {
        const OPERATION: &str = "ListAttachedRolePolicies";
        let mut items = self.0.list_attached_role_policies().role_name(role).into_paginator().items().send();
        let mut arns = Vec::new();
        while let Some(policy) = items.next().await {
            let policy = policy.map_err(failed(SERVICE, OPERATION))?;
            arns.push(policy.policy_arn.ok_or_else(|| absent(SERVICE, OPERATION, "PolicyArn"))?);
        }
        Ok(arns)
    }

    async fn detach_role_policy(&self, policy: AttachedPolicy) -> Result<(), CallError> {
        self.0
            .detach_role_policy()
            .role_name(policy.role)
            .policy_arn(policy.policy_arn)
            .send()
            .await
            .map_err(failed(SERVICE, "DetachRolePolicy"))?;
        Ok(())
    }

    async fn get_instance_profile(&self, name: String) -> Result<Option<InstanceProfile>, CallError> {
        const OPERATION: &str = "GetInstanceProfile";
        let answer = self
            .0
            .get_instance_profile()
            .instance_profile_name(name)
            .send()
            .await
            .map_err(failed(SERVICE, OPERATION));
        let Some(answer) = found(answer)? else { return Ok(None) };
        let profile =
            answer.instance_profile().ok_or_else(|| absent(SERVICE, OPERATION, "InstanceProfile"))?;
        Ok(Some(from_profile(profile)))
    }

    async fn list_instance_profiles(&self, path: String) -> Result<Vec<InstanceProfile>, CallError> {
        let mut items = self.0.list_instance_profiles().path_prefix(path).into_paginator().items().send();
        let mut profiles = Vec::new();
        while let Some(profile) = items.next().await {
            profiles.push(from_profile(&profile.map_err(failed(SERVICE, "ListInstanceProfiles"))?));
        }
        Ok(profiles)
    }

    async fn create_instance_profile(&self, new: NewInstanceProfile) -> Result<String, CallError> {
        const OPERATION: &str = "CreateInstanceProfile";
        let answer = self
            .0
            .create_instance_profile()
            .instance_profile_name(new.name)
            .path(new.path)
            .set_tags(to_tags(new.tags, OPERATION)?)
            .send()
            .await
            .map_err(failed(SERVICE, OPERATION))?;
        let profile =
            answer.instance_profile().ok_or_else(|| absent(SERVICE, OPERATION, "InstanceProfile"))?;
        Ok(profile.arn().to_owned())
    }

    async fn add_role_to_instance_profile(&self, pair: ProfileRole) -> Result<(), CallError> {
        self.0
            .add_role_to_instance_profile()
            .instance_profile_name(pair.profile)
            .role_name(pair.role)
            .send()
            .await
            .map_err(failed(SERVICE, "AddRoleToInstanceProfile"))?;
        Ok(())
    }

    async fn remove_role_from_instance_profile(&self, pair: ProfileRole) -> Result<(), CallError> {
        self.0
            .remove_role_from_instance_profile()
            .instance_profile_name(pair.profile)
            .role_name(pair.role)
            .send()
            .await
            .map_err(failed(SERVICE, "RemoveRoleFromInstanceProfile"))?;
        Ok(())
    }

    async fn delete_instance_profile(&self, name: String) -> Result<(), CallError> {
        self.0
            .delete_instance_profile()
            .instance_profile_name(name)
            .send()
            .await
            .map_err(failed(SERVICE, "DeleteInstanceProfile"))?;
        Ok(())
    }

    async fn simulate_principal_policy(&self, question: Simulation) -> Result<Vec<Simulated>, CallError> {
        const OPERATION: &str = "SimulatePrincipalPolicy";
        let mut items = self
            .0
            .simulate_principal_policy()
            .policy_source_arn(question.principal_arn)
            .set_action_names(Some(question.actions))
            .set_resource_arns(Some(question.resources).filter(|resources| !resources.is_empty()))
            .into_paginator()
            .items()
            .send();
        let mut verdicts = Vec::new();
        while let Some(item) = items.next().await {
            let item = item.map_err(failed(SERVICE, OPERATION))?;
            let action = item.eval_action_name();
            let whole = [(item.eval_resource_name().unwrap_or("*"), item.eval_decision())];
            let by_resource = item
                .resource_specific_results()
                .iter()
                .map(|one| (one.eval_resource_name(), one.eval_resource_decision()));
            // With several resources the verdict of the action as a whole is no resource's own.
            let mut pairs: Vec<_> = by_resource.collect();
            if pairs.is_empty() {
                pairs.extend(whole);
            }
            verdicts.extend(pairs.into_iter().map(|(resource, decision)| Simulated {
                action: action.to_owned(),
                resource: resource.to_owned(),
                decision: from_decision(decision),
            }));
        }
        Ok(verdicts)
    }
}

/// A verdict that this program does not know is none to rely on.
fn from_decision(decision: &types::PolicyEvaluationDecisionType) -> Decision {
    match decision {
        types::PolicyEvaluationDecisionType::Allowed => Decision::Allowed,
        types::PolicyEvaluationDecisionType::ExplicitDeny => Decision::ExplicitDeny,
        _ => Decision::ImplicitDeny,
    }
}

fn from_tags(tags: &[Tag]) -> Tags {
    from_pairs(tags.iter().map(|tag| (Some(tag.key()), Some(tag.value()))))
}

fn to_tags(tags: Tags, operation: &str) -> Result<Option<Vec<Tag>>, CallError> {
    let tags = tags
        .into_iter()
        .map(|(key, value)| Tag::builder().key(key).value(value).build())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| CallError::new(SERVICE, operation, ErrorKind::Invalid, error.to_string()))?;
    Ok(Some(tags).filter(|tags| !tags.is_empty()))
}

fn from_role(role: &types::Role, operation: &str) -> Result<Role, CallError> {
    let trust = role.assume_role_policy_document();
    let trust = trust.ok_or_else(|| absent(SERVICE, operation, "AssumeRolePolicyDocument"))?;
    Ok(Role {
        name: role.role_name().to_owned(),
        path: role.path().to_owned(),
        arn: role.arn().to_owned(),
        trust: document(trust, operation)?,
        tags: from_tags(role.tags()),
    })
}

fn from_profile(profile: &types::InstanceProfile) -> InstanceProfile {
    InstanceProfile {
        name: profile.instance_profile_name().to_owned(),
        path: profile.path().to_owned(),
        arn: profile.arn().to_owned(),
        roles: profile.roles().iter().map(|role| role.role_name().to_owned()).collect(),
        tags: from_tags(profile.tags()),
    }
}

/// A policy document as IAM sends it.
fn document(encoded: &str, operation: &str) -> Result<Value, CallError> {
    serde_json::from_str(&percent_decoded(encoded)).map_err(|error| {
        CallError::new(
            SERVICE,
            operation,
            ErrorKind::Other,
            format!("the policy document is not JSON: {error}"),
        )
    })
}

/// Undoes percent-encoding. What is not an escape stays as it is, so that a document which arrived plain survives.
fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        let (before, escape) = rest.split_at(at);
        bytes.extend_from_slice(before.as_bytes());
        if let Some(byte) = escape.get(1..3).and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            bytes.push(byte);
            rest = escape.get(3..).unwrap_or_default();
        } else {
            bytes.push(b'%');
            rest = escape.get(1..).unwrap_or_default();
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use serde_json::json;

    use super::*;

    #[test]
    fn a_document_is_decoded_once() {
        let plain = json!({"Statement": [{"Resource": "arn:aws:s3:::a%2Fb/*", "Sid": "übung"}]});
        let mut encoded = String::new();
        for byte in plain.to_string().bytes() {
            write!(encoded, "%{byte:02X}").unwrap();
        }
        assert_eq!(document(&encoded, "GetRole").unwrap(), plain);
    }

    #[test]
    fn what_is_no_escape_stays() {
        for text in ["", "100%", "%zz", "%4", "a+b", "{\"a\":1}"] {
            assert_eq!(percent_decoded(text), text);
        }
        assert_eq!(percent_decoded("%7B%22a%22%3A1%7D"), "{\"a\":1}");
        assert_eq!(percent_decoded("%ü"), "%ü");
    }

    #[test]
    fn a_document_that_is_no_json_is_an_error_and_not_a_panic() {
        assert_eq!(document("%7Bnot", "GetRole").unwrap_err().kind, ErrorKind::Other);
    }
}
