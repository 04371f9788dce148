//! Guides for the role and its instance profile, and when two policies say the same.

use model::guide::Entry;
use model::plan::{FieldDiff, Fields, StepId, differences};
use model::tags;
use serde_json::Value;

use super::{Guide, clicks, page, tag_entries, text};
use crate::steps::{Context, Found, Want};

/// How IAM's page is told who may assume a role.
fn trusted(step: StepId, trust: String) -> Vec<Entry> {
    if step != StepId::Role {
        return vec![
            Entry::new("Trusted entity type", "Custom trust policy"),
            Entry::new("Custom trust policy", trust).note("in place of what the editor shows"),
        ];
    }
    vec![
        Entry::new("Trusted entity type", "AWS service")
            .note("with EC2 chosen, the Console makes the instance profile of the same name as well"),
        Entry::new("Service or use case", "EC2"),
        Entry::new("Use case", "EC2"),
    ]
}

pub(crate) fn role(
    cx: &Context<'_>,
    want: &Want,
    step: StepId,
    description: &str,
    policy_name: &str,
) -> Guide {
    let name = &want.name;
    let pretty = |field: &str| {
        let document = want.fields.get(field).unwrap_or(&Value::Null);
        serde_json::to_string_pretty(document).unwrap_or_default()
    };
    let mut values = trusted(step, pretty("trust"));
    values.extend([
        Entry::new("Permissions policies", "(none)").note("choose Next; the policy comes below"),
        Entry::new("Role name", name),
        Entry::new("Description", description),
    ]);
    values.extend(tag_entries(cx, step));
    values.push(
        Entry::new(
            format!("Roles > {name} > Permissions > Add permissions > Create inline policy > JSON"),
            pretty("policy"),
        )
        .note("after Create role; in place of what the editor shows"),
    );
    values.push(Entry::new("Policy name", policy_name));
    Guide {
        title: format!("Create IAM role {name}"),
        console: page(cx.region, &format!("iam/home?region={}#/roles/create", cx.region)),
        path: clicks(["IAM", "Access management", "Roles", "Create role"]),
        values,
        finds: format!("by its name {name}"),
        fixes: vec![
            (
                "trust",
                format!(
                    "IAM > Roles > {name} > Trust relationships > Edit trust policy, to:\n{}",
                    pretty("trust")
                ),
            ),
            (
                "policy",
                format!("IAM > Roles > {name} > Permissions > {policy_name} > Edit, to what is said below"),
            ),
        ],
        more: Fields::new(),
    }
}

/// The Console has no page for an instance profile; its shell is a page of the Console that takes commands.
pub(crate) fn instance_profile(cx: &Context<'_>, want: &Want) -> Guide {
    let (name, role) = (&want.name, text(want, "role"));
    let tags: Vec<String> = tags::by_hand(cx.deployment, StepId::InstanceProfile.as_str())
        .iter()
        .map(|(key, value)| format!("Key={key},Value={value}"))
        .collect();
    let add =
        format!("aws iam add-role-to-instance-profile --instance-profile-name {name} --role-name {role}");
    Guide {
        title: format!("Create instance profile {name}"),
        console: page(cx.region, &format!("cloudshell/home?region={}", cx.region)),
        path: clicks(["CloudShell"]),
        values: vec![
            Entry::new(
                "First command",
                format!(
                    "aws iam create-instance-profile --instance-profile-name {name} --tags {}",
                    tags.join(" ")
                ),
            )
            .note("IAM's own pages make an instance profile only together with a role for EC2"),
            Entry::new("Second command", &add),
        ],
        finds: format!("by its name {name}"),
        fixes: vec![(
            "role",
            format!(
                "in CloudShell: aws iam remove-role-from-instance-profile --instance-profile-name {name} --role-name \
                 OTHER, where there is another; then {add}"
            ),
        )],
        more: Fields::new(),
    }
}

/// Where something differs whose properties are policies: the Console may write the same otherwise.
pub(crate) fn differences_of_policies(want: &Want, have: &Found) -> Vec<FieldDiff> {
    let differ = |diff: &FieldDiff| canonical_policy(&diff.want) != canonical_policy(&diff.have);
    differences(&want.fields, &have.fields).into_iter().filter(differ).collect()
}

/// A policy in one form of several that mean the same: the Console writes lists where others write a word.
fn canonical_policy(document: &Value) -> Value {
    match document {
        Value::Object(members) => {
            members.iter().map(|(name, member)| (name.clone(), canonical_policy(member))).collect()
        }
        Value::Array(items) if items.iter().all(Value::is_string) => {
            let mut words: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
            words.sort_unstable();
            words.dedup();
            match words.as_slice() {
                [one] => Value::String((*one).to_owned()),
                several => several.iter().map(|word| Value::String((*word).to_owned())).collect(),
            }
        }
        Value::Array(items) => items.iter().map(canonical_policy).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_word_and_a_list_of_it_mean_the_same_in_a_policy() {
        let by_console = json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": ["sts:AssumeRole"], "Principal": {"Service": ["ec2.amazonaws.com"]}}]});
        assert_eq!(canonical_policy(&by_console), canonical_policy(&crate::policy::instance_trust()));
        let other = json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": ["sts:AssumeRole"], "Principal": {"Service": ["ssm.amazonaws.com"]}}]});
        assert_ne!(canonical_policy(&other), canonical_policy(&crate::policy::instance_trust()));
    }
}
