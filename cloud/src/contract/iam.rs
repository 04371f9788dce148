//! Roles, their policies, and instance profiles.

use model::tags::iam_path;
use serde_json::{Value, json};

use crate::port::iam::{
    InstanceProfile, NewInstanceProfile, NewRole, ProfileRole, Role, RolePolicy, RolePolicyDocument,
    RoleTrust,
};
use crate::{Cloud, ErrorKind};

use super::{Fixture, refused};

fn trust(principal: &str) -> Value {
    json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": principal}, "Action": "sts:AssumeRole"}
    ]})
}

fn policy(action: &str) -> Value {
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]})
}

fn new_role(fixture: &Fixture, what: &str) -> NewRole {
    NewRole {
        name: fixture.name(what),
        path: iam_path(&fixture.deployment),
        description: "contract test".to_owned(),
        trust: trust("ec2.amazonaws.com"),
        tags: fixture.tags(what),
    }
}

fn new_profile(fixture: &Fixture, what: &str) -> NewInstanceProfile {
    NewInstanceProfile {
        name: fixture.name(what),
        path: iam_path(&fixture.deployment),
        tags: fixture.tags(what),
    }
}

/// Makes a role and an instance profile of the same name around it; the name is the answer.
pub(super) async fn profile_with_role(cloud: &Cloud, fixture: &Fixture, what: &str) -> String {
    let role = new_role(fixture, what);
    let name = role.name.clone();
    cloud.iam.create_role(role).await.expect("a role is made");
    cloud.iam.create_instance_profile(new_profile(fixture, what)).await.expect("a profile is made");
    let pair = ProfileRole { profile: name.clone(), role: name.clone() };
    cloud.iam.add_role_to_instance_profile(pair).await.expect("the role is put in");
    name
}

/// Deletes both again.
pub(super) async fn delete_profile_with_role(cloud: &Cloud, name: &str) {
    let pair = ProfileRole { profile: name.to_owned(), role: name.to_owned() };
    cloud.iam.remove_role_from_instance_profile(pair).await.expect("the role is taken out");
    cloud.iam.delete_instance_profile(name.to_owned()).await.expect("the profile is deleted");
    cloud.iam.delete_role(name.to_owned()).await.expect("the role is deleted");
}

async fn see_role(cloud: &Cloud, fixture: &Fixture, name: &str) -> Role {
    fixture
        .until("the role is seen", async || {
            cloud.iam.get_role(name.to_owned()).await.expect("roles can be read")
        })
        .await
}

async fn see_profile(cloud: &Cloud, fixture: &Fixture, name: &str) -> InstanceProfile {
    fixture
        .until("the profile is seen", async || {
            cloud.iam.get_instance_profile(name.to_owned()).await.expect("profiles can be read")
        })
        .await
}

/// Makes a role, finds it by name and path, changes its trust and policies, deletes it.
pub async fn roles(cloud: &Cloud, fixture: &Fixture) {
    let iam = &cloud.iam;
    let new = new_role(fixture, "role");
    let name = new.name.clone();
    let arn = iam.create_role(new.clone()).await.expect("a role is made");
    refused(iam.create_role(new.clone()).await, ErrorKind::AlreadyExists, "CreateRole");

    let role = see_role(cloud, fixture, &name).await;
    assert_eq!(
        role,
        Role { name: name.clone(), path: new.path.clone(), arn, trust: new.trust, tags: new.tags }
    );
    assert!(role.arn.ends_with(&format!(":role{}{name}", new.path)), "{}", role.arn);
    fixture
        .until("the role is listed under its path", async || {
            let listed = iam.list_roles(new.path.clone()).await.expect("roles can be listed");
            assert!(listed.iter().all(|role| role.path == new.path), "only that path: {listed:?}");
            listed.into_iter().find(|role| role.name == name && role.tags.is_empty())
        })
        .await;

    let changed = trust("lambda.amazonaws.com");
    iam.update_assume_role_policy(RoleTrust { role: name.clone(), trust: changed.clone() })
        .await
        .expect("the trust is replaced");
    assert_eq!(see_role(cloud, fixture, &name).await.trust, changed);

    let reference = RolePolicy { role: name.clone(), policy: "inline".to_owned() };
    assert_eq!(iam.get_role_policy(reference.clone()).await.expect("read"), None);
    assert_eq!(iam.list_role_policies(name.clone()).await.expect("read"), [""; 0]);
    for action in ["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"] {
        let document = policy(action);
        iam.put_role_policy(RolePolicyDocument {
            role: name.clone(),
            policy: "inline".to_owned(),
            document: document.clone(),
        })
        .await
        .expect("the policy is put");
        let read = fixture
            .until("the policy is seen", async || {
                iam.get_role_policy(reference.clone()).await.expect("policies can be read")
            })
            .await;
        assert_eq!(read, document);
    }
    assert_eq!(iam.list_role_policies(name.clone()).await.expect("read"), ["inline"]);
    assert_eq!(iam.list_attached_role_policies(name.clone()).await.expect("read"), [""; 0]);

    refused(iam.delete_role(name.clone()).await, ErrorKind::InUse, "DeleteRole");
    iam.delete_role_policy(reference.clone()).await.expect("the policy is deleted");
    refused(iam.delete_role_policy(reference).await, ErrorKind::NotFound, "DeleteRolePolicy");
    iam.delete_role(name.clone()).await.expect("the role is deleted");
    refused(iam.delete_role(name.clone()).await, ErrorKind::NotFound, "DeleteRole");
    assert_eq!(iam.get_role(name).await.expect("read"), None);
}

/// Makes a profile, finds it by name and path, puts a role in and out, deletes it.
pub async fn instance_profiles(cloud: &Cloud, fixture: &Fixture) {
    let iam = &cloud.iam;
    let new = new_profile(fixture, "profile");
    let name = new.name.clone();
    let arn = iam.create_instance_profile(new.clone()).await.expect("a profile is made");
    refused(
        iam.create_instance_profile(new.clone()).await,
        ErrorKind::AlreadyExists,
        "CreateInstanceProfile",
    );

    let profile = see_profile(cloud, fixture, &name).await;
    assert_eq!((&profile.arn, &profile.path, &profile.tags), (&arn, &new.path, &new.tags));
    assert_eq!(profile.roles, [""; 0]);
    fixture
        .until("the profile is listed under its path", async || {
            let listed = iam.list_instance_profiles(new.path.clone()).await.expect("profiles can be listed");
            listed.into_iter().find(|profile| profile.name == name)
        })
        .await;

    iam.create_role(new_role(fixture, "member")).await.expect("a role is made");
    let pair = ProfileRole { profile: name.clone(), role: fixture.name("member") };
    iam.add_role_to_instance_profile(pair.clone()).await.expect("the role is put in");
    assert_eq!(see_profile(cloud, fixture, &name).await.roles, [fixture.name("member")]);
    refused(iam.delete_role(fixture.name("member")).await, ErrorKind::InUse, "DeleteRole");
    refused(iam.delete_instance_profile(name.clone()).await, ErrorKind::InUse, "DeleteInstanceProfile");
    iam.remove_role_from_instance_profile(pair).await.expect("the role is taken out");
    iam.delete_role(fixture.name("member")).await.expect("the role is deleted");
    iam.delete_instance_profile(name.clone()).await.expect("the profile is deleted");
    refused(iam.delete_instance_profile(name.clone()).await, ErrorKind::NotFound, "DeleteInstanceProfile");
    assert_eq!(iam.get_instance_profile(name).await.expect("read"), None);
}
