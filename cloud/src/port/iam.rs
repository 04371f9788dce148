//! AWS Identity and Access Management: roles with inline policies, and instance profiles.

use model::tags::Tags;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::hook::port;

/// A role to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRole {
    /// Unique in the account, whatever the path.
    pub name: String,
    /// Begins and ends with `/`.
    pub path: String,
    /// What it is for.
    pub description: String,
    /// The trust policy document.
    pub trust: Value,
    /// Put on at creation.
    pub tags: Tags,
}

/// A role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Role {
    /// Unique in the account.
    pub name: String,
    /// Begins and ends with `/`.
    pub path: String,
    /// Its ARN.
    pub arn: String,
    /// The trust policy document.
    pub trust: Value,
    /// Its tags; empty in answers of `ListRoles`, which does not return them.
    pub tags: Tags,
}

/// An inline policy of a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RolePolicy {
    /// The role.
    pub role: String,
    /// The policy's name within the role.
    pub policy: String,
}

/// An inline policy of a role, with its document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RolePolicyDocument {
    /// The role.
    pub role: String,
    /// The policy's name within the role.
    pub policy: String,
    /// The policy document.
    pub document: Value,
}

/// A new trust policy for a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleTrust {
    /// The role.
    pub role: String,
    /// The trust policy document.
    pub trust: Value,
}

/// A managed policy attached to a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttachedPolicy {
    /// The role.
    pub role: String,
    /// The managed policy's ARN.
    pub policy_arn: String,
}

/// An instance profile to make.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewInstanceProfile {
    /// Unique in the account.
    pub name: String,
    /// Begins and ends with `/`.
    pub path: String,
    /// Put on at creation.
    pub tags: Tags,
}

/// An instance profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceProfile {
    /// Unique in the account.
    pub name: String,
    /// Begins and ends with `/`.
    pub path: String,
    /// Its ARN.
    pub arn: String,
    /// Names of the roles in it, one at most.
    pub roles: Vec<String>,
    /// Its tags; empty in answers of `ListInstanceProfiles`.
    pub tags: Tags,
}

/// A role in an instance profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileRole {
    /// The instance profile.
    pub profile: String,
    /// The role.
    pub role: String,
}

/// A question to the policy simulator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Simulation {
    /// ARN of the user or role whose policies count; the ARN of a session is refused.
    pub principal_arn: String,
    /// Actions such as `ec2:RunInstances`.
    pub actions: Vec<String>,
    /// What they are to be allowed on; empty means `*`.
    pub resources: Vec<String>,
}

/// What the policy simulator says of one action on one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Simulated {
    /// The action.
    pub action: String,
    /// The resource, `*` for all.
    pub resource: String,
    /// Its verdict.
    pub decision: Decision,
}

/// The verdict of the policy simulator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// A policy allows it and none denies it.
    Allowed,
    /// No policy allows it.
    ImplicitDeny,
    /// A policy denies it.
    ExplicitDeny,
}

port! {
    /// AWS Identity and Access Management.
    "iam" Iam {
        /// A role by name.
        Read "GetRole" get_role(String) -> Option<Role>;
        /// Roles under a path.
        Read "ListRoles" list_roles(String) -> Vec<Role>;
        /// Makes a role; its ARN is the answer.
        Write "CreateRole" create_role(NewRole) -> String;
        /// Replaces the trust policy.
        Write "UpdateAssumeRolePolicy" update_assume_role_policy(RoleTrust) -> ();
        /// Deletes a role without policies or profiles.
        Write "DeleteRole" delete_role(String) -> ();
        /// The document of an inline policy.
        Read "GetRolePolicy" get_role_policy(RolePolicy) -> Option<Value>;
        /// Names of the inline policies of a role; `NotFound` for a role that does not exist.
        Read "ListRolePolicies" list_role_policies(String) -> Vec<String>;
        /// Makes or replaces an inline policy.
        Write "PutRolePolicy" put_role_policy(RolePolicyDocument) -> ();
        /// Deletes an inline policy.
        Write "DeleteRolePolicy" delete_role_policy(RolePolicy) -> ();
        /// ARNs of the managed policies attached to a role; `NotFound` for a role that does not exist.
        Read "ListAttachedRolePolicies" list_attached_role_policies(String) -> Vec<String>;
        /// Detaches a managed policy.
        Write "DetachRolePolicy" detach_role_policy(AttachedPolicy) -> ();
        /// An instance profile by name.
        Read "GetInstanceProfile" get_instance_profile(String) -> Option<InstanceProfile>;
        /// Instance profiles under a path.
        Read "ListInstanceProfiles" list_instance_profiles(String) -> Vec<InstanceProfile>;
        /// Makes an instance profile; its ARN is the answer.
        Write "CreateInstanceProfile" create_instance_profile(NewInstanceProfile) -> String;
        /// Puts a role into an instance profile.
        Write "AddRoleToInstanceProfile" add_role_to_instance_profile(ProfileRole) -> ();
        /// Takes a role out of an instance profile.
        Write "RemoveRoleFromInstanceProfile" remove_role_from_instance_profile(ProfileRole) -> ();
        /// Deletes an instance profile without a role.
        Write "DeleteInstanceProfile" delete_instance_profile(String) -> ();
        /// What the policies of a user or role say of actions, without making them.
        Read "SimulatePrincipalPolicy" simulate_principal_policy(Simulation) -> Vec<Simulated>;
    }
}
