//! Security groups and their rules.

use std::collections::BTreeSet;

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{self, IpPermission, ResourceType};
use cloud::CallError;
use cloud::port::ec2::{GroupQuery, NewSecurityGroup, Rule, RuleChange, SecurityGroup};

use super::rule::{from_permission, to_permission};
use super::{SERVICE, deployment_filter, filter, from_tags, or_empty, tagged};
use crate::error::{absent, failed};

pub(super) async fn describe(client: &Client, query: GroupQuery) -> Result<Vec<SecurityGroup>, CallError> {
    const OPERATION: &str = "DescribeSecurityGroups";
    let request = match query {
        GroupQuery::Id(id) => client.describe_security_groups().group_ids(id),
        GroupQuery::Deployment(id) => client.describe_security_groups().filters(deployment_filter(id)),
        GroupQuery::Name { vpc_id, name } => client
            .describe_security_groups()
            .filters(filter("vpc-id", vpc_id))
            .filters(filter("group-name", name)),
    };
    let found =
        request.into_paginator().items().send().try_collect().await.map_err(failed(SERVICE, OPERATION));
    or_empty(found)?.into_iter().map(|group| from_group(group, OPERATION)).collect()
}

pub(super) async fn create(client: &Client, new: NewSecurityGroup) -> Result<String, CallError> {
    const OPERATION: &str = "CreateSecurityGroup";
    let answer = client
        .create_security_group()
        .set_tag_specifications(tagged(ResourceType::SecurityGroup, &new.tags).map(|tags| vec![tags]))
        .group_name(new.name)
        .description(new.description)
        .vpc_id(new.vpc_id)
        .send()
        .await
        .map_err(failed(SERVICE, OPERATION))?;
    answer.group_id.ok_or_else(|| absent(SERVICE, OPERATION, "groupId"))
}

pub(super) async fn authorize_ingress(client: &Client, change: RuleChange) -> Result<(), CallError> {
    const OPERATION: &str = "AuthorizeSecurityGroupIngress";
    let Some(permissions) = to_permissions(&change.rules, OPERATION)? else { return Ok(()) };
    client
        .authorize_security_group_ingress()
        .group_id(change.group_id)
        .set_ip_permissions(Some(permissions))
        .send()
        .await
        .map_err(failed(SERVICE, OPERATION))?;
    Ok(())
}

pub(super) async fn revoke_ingress(client: &Client, change: RuleChange) -> Result<(), CallError> {
    const OPERATION: &str = "RevokeSecurityGroupIngress";
    let Some(permissions) = to_permissions(&change.rules, OPERATION)? else { return Ok(()) };
    client
        .revoke_security_group_ingress()
        .group_id(change.group_id)
        .set_ip_permissions(Some(permissions))
        .send()
        .await
        .map_err(failed(SERVICE, OPERATION))?;
    Ok(())
}

pub(super) async fn authorize_egress(client: &Client, change: RuleChange) -> Result<(), CallError> {
    const OPERATION: &str = "AuthorizeSecurityGroupEgress";
    let Some(permissions) = to_permissions(&change.rules, OPERATION)? else { return Ok(()) };
    client
        .authorize_security_group_egress()
        .group_id(change.group_id)
        .set_ip_permissions(Some(permissions))
        .send()
        .await
        .map_err(failed(SERVICE, OPERATION))?;
    Ok(())
}

pub(super) async fn revoke_egress(client: &Client, change: RuleChange) -> Result<(), CallError> {
    const OPERATION: &str = "RevokeSecurityGroupEgress";
    let Some(permissions) = to_permissions(&change.rules, OPERATION)? else { return Ok(()) };
    client
        .revoke_security_group_egress()
        .group_id(change.group_id)
        .set_ip_permissions(Some(permissions))
        .send()
        .await
        .map_err(failed(SERVICE, OPERATION))?;
    Ok(())
}

pub(super) async fn delete(client: &Client, group_id: String) -> Result<(), CallError> {
    client
        .delete_security_group()
        .group_id(group_id)
        .send()
        .await
        .map_err(failed(SERVICE, "DeleteSecurityGroup"))?;
    Ok(())
}

/// `None` for no rules at all: there is nothing to ask for then, and EC2 refuses an empty list.
fn to_permissions(rules: &BTreeSet<Rule>, operation: &str) -> Result<Option<Vec<IpPermission>>, CallError> {
    if rules.is_empty() {
        return Ok(None);
    }
    rules.iter().map(|rule| to_permission(rule, operation)).collect::<Result<_, _>>().map(Some)
}

fn from_permissions(permissions: &[IpPermission], operation: &str) -> Result<BTreeSet<Rule>, CallError> {
    let mut rules = BTreeSet::new();
    for permission in permissions {
        rules.extend(from_permission(permission, operation)?);
    }
    Ok(rules)
}

fn from_group(group: types::SecurityGroup, operation: &str) -> Result<SecurityGroup, CallError> {
    Ok(SecurityGroup {
        ingress: from_permissions(group.ip_permissions(), operation)?,
        egress: from_permissions(group.ip_permissions_egress(), operation)?,
        tags: from_tags(group.tags()),
        id: group.group_id.ok_or_else(|| absent(SERVICE, operation, "groupId"))?,
        name: group.group_name.ok_or_else(|| absent(SERVICE, operation, "groupName"))?,
        vpc_id: group.vpc_id.unwrap_or_default(),
    })
}
