//! Where AWS hurts and only the practice account can show it: tokens, names, dependencies, lag, denials.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests")]

use std::collections::BTreeSet;
use std::fmt::Debug;

use cloud::port::acm::NewCertificate;
use cloud::port::cognito::{
    AppClientSettings, NewAppClient, NewUserPool, PoolDomain, ResourceServer, UserPoolSettings,
    UserPoolUpdate,
};
use cloud::port::ec2::{
    AddressAssociation, AddressQuery, DryRun, GroupQuery, Instance, InstanceQuery, InstanceState,
    NewInstance, NewSecurityGroup, Protocol, Rule, RuleChange, SubnetQuery, VpcQuery,
};
use cloud::port::iam::{AttachedPolicy, NewInstanceProfile, NewRole, ProfileRole, RolePolicyDocument};
use cloud::port::quotas::QuotaQuery;
use cloud::port::tagging::TagQuery;
use cloud::practice::{Credentials, Practice, PracticeOptions};
use cloud::{CallError, Cloud, ErrorKind};
use model::AccountId;
use model::tags::{DEPLOYMENT, Tags};
use serde_json::{Value, json};

fn tags(name: &str) -> Tags {
    [(DEPLOYMENT, "one"), ("Name", name)].into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect()
}

fn instant() -> Practice {
    Practice::in_memory(PracticeOptions::instant())
}

fn slow(reads: u32) -> Practice {
    Practice::in_memory(PracticeOptions {
        lag_reads: reads,
        settle_reads: reads,
        ..PracticeOptions::default()
    })
}

/// Demands this code and kind, and answers the message.
#[track_caller]
fn refused<T: Debug>(answer: Result<T, CallError>, code: &str, kind: ErrorKind) -> String {
    let error = answer.unwrap_err();
    assert_eq!((error.code.as_deref(), error.kind), (Some(code), kind), "{error}");
    error.message
}

async fn vpc(cloud: &Cloud) -> String {
    cloud.ec2.describe_vpcs(VpcQuery::Default).await.unwrap().remove(0).id
}

async fn group(cloud: &Cloud, name: &str) -> String {
    let new = NewSecurityGroup {
        name: name.to_owned(),
        description: "test".to_owned(),
        vpc_id: vpc(cloud).await,
        tags: tags(name),
    };
    cloud.ec2.create_security_group(new).await.unwrap()
}

fn trust() -> Value {
    json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]})
}

fn role(name: &str) -> NewRole {
    NewRole {
        name: name.to_owned(),
        path: "/one/".to_owned(),
        description: "test".to_owned(),
        trust: trust(),
        tags: tags(name),
    }
}

/// A profile with a role in it, both of that name.
async fn profile(cloud: &Cloud, name: &str) {
    cloud.iam.create_role(role(name)).await.unwrap();
    let new = NewInstanceProfile { name: name.to_owned(), path: "/one/".to_owned(), tags: tags(name) };
    cloud.iam.create_instance_profile(new).await.unwrap();
    let pair = ProfileRole { profile: name.to_owned(), role: name.to_owned() };
    cloud.iam.add_role_to_instance_profile(pair).await.unwrap();
}

async fn parameter(cloud: &Cloud, end: &str) -> String {
    let name = format!("/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-{end}");
    cloud.ssm.get_parameter(name).await.unwrap().unwrap()
}

/// A launch request for everything there is to name; group and profile are `web`.
async fn request(cloud: &Cloud) -> NewInstance {
    let group_id = group(cloud, "web").await;
    profile(cloud, "web").await;
    NewInstance {
        image_id: parameter(cloud, "x86_64").await,
        instance_type: "t3.xlarge".to_owned(),
        subnet_id: cloud.ec2.describe_subnets(SubnetQuery::Vpc(vpc(cloud).await)).await.unwrap()[0]
            .id
            .clone(),
        group_ids: vec![group_id],
        profile_name: "web".to_owned(),
        root_device_name: "/dev/xvda".to_owned(),
        volume_gb: 50,
        termination_protection: false,
        client_token: "token-1".to_owned(),
        user_data: None,
        tags: tags("web"),
    }
}

async fn see(cloud: &Cloud, id: &str) -> Option<Instance> {
    cloud.ec2.describe_instances(InstanceQuery::Id(id.to_owned())).await.unwrap().pop()
}

#[tokio::test]
async fn a_launch_token_makes_one_instance_and_dies_with_it() {
    let practice = instant();
    let cloud = practice.cloud();
    let request = request(&cloud).await;
    let id = cloud.ec2.run_instance(request.clone()).await.unwrap();
    assert_eq!(cloud.ec2.run_instance(request.clone()).await.unwrap(), id);
    assert_eq!(practice.inventory().iter().filter(|one| one["type"] == "instance").count(), 1);

    let other = NewInstance { volume_gb: 60, ..request.clone() };
    let mismatch = cloud.ec2.run_instance(other).await;
    refused(mismatch, "IdempotentParameterMismatch", ErrorKind::TokenMismatch);

    cloud.ec2.terminate_instance(id.clone()).await.unwrap();
    let late = cloud.ec2.run_instance(request.clone()).await;
    refused(late, "IdempotentInstanceTerminated", ErrorKind::TokenMismatch);
    let next = NewInstance { client_token: "token-2".to_owned(), ..request };
    assert_ne!(cloud.ec2.run_instance(next).await.unwrap(), id);
}

#[tokio::test]
async fn a_profile_reaches_ec2_late_and_needs_a_role() {
    let cloud = slow(3).cloud();
    let request = request(&cloud).await;
    for _ in 0..3 {
        let answer = cloud.ec2.run_instance(request.clone()).await;
        let words = refused(answer, "InvalidParameterValue", ErrorKind::NotPropagated);
        assert!(words.contains("Invalid IAM Instance Profile name"), "{words}");
    }
    cloud.ec2.run_instance(request.clone()).await.unwrap();

    let cloud = instant().cloud();
    let new = NewInstanceProfile { name: "bare".to_owned(), path: "/".to_owned(), tags: Tags::new() };
    cloud.iam.create_instance_profile(new).await.unwrap();
    let request = NewInstance { profile_name: "bare".to_owned(), ..self::request(&cloud).await };
    let words =
        refused(cloud.ec2.run_instance(request).await, "InvalidParameterValue", ErrorKind::NotPropagated);
    assert!(words.contains("has no associated IAM Roles"), "{words}");
}

#[tokio::test]
async fn lag_hides_a_thing_from_so_many_reads_and_each_kind_of_read_ends_it() {
    let practice = slow(3);
    let cloud = practice.cloud();
    let id = group(&cloud, "web").await;
    let by_name = GroupQuery::Name { vpc_id: vpc(&cloud).await, name: "web".to_owned() };
    for query in [GroupQuery::Id(id.clone()), by_name.clone(), GroupQuery::Deployment("one".to_owned())] {
        assert_eq!(cloud.ec2.describe_security_groups(query).await.unwrap(), []);
    }
    assert_eq!(cloud.ec2.describe_security_groups(by_name).await.unwrap().len(), 1);
    // The tagging API learns on its own.
    let query = TagQuery { key: DEPLOYMENT.to_owned(), value: "one".to_owned(), resource_types: Vec::new() };
    for _ in 0..3 {
        assert_eq!(cloud.tagging.get_resources(query.clone()).await.unwrap(), []);
    }
    assert_eq!(cloud.tagging.get_resources(query).await.unwrap().len(), 1);
    // What cannot be seen yet is there for writes.
    let id = group(&cloud, "next").await;
    cloud.ec2.delete_security_group(id).await.unwrap();
}

#[tokio::test]
async fn an_instance_takes_its_time_to_start_and_to_end() {
    let practice = slow(2);
    let cloud = practice.cloud();
    let request = request(&cloud).await;
    for _ in 0..2 {
        cloud.ec2.run_instance(request.clone()).await.unwrap_err();
    }
    let id = cloud.ec2.run_instance(request.clone()).await.unwrap();
    let mut states = Vec::new();
    for _ in 0..5 {
        states.push(see(&cloud, &id).await.map(|instance| instance.state));
    }
    let (pending, running) = (Some(InstanceState::Pending), Some(InstanceState::Running));
    assert_eq!(states, [None, None, pending, pending, running]);
    let mut checks = Vec::new();
    for _ in 0..3 {
        checks.push(cloud.ec2.describe_instance_status(id.clone()).await.unwrap().unwrap().system_ok);
    }
    assert_eq!(checks, [false, false, true]);

    cloud.ec2.terminate_instance(id.clone()).await.unwrap();
    let held = cloud.ec2.delete_security_group(request.group_ids[0].clone()).await;
    refused(held, "DependencyViolation", ErrorKind::InUse);
    assert_eq!(see(&cloud, &id).await.unwrap().state, InstanceState::ShuttingDown);
    assert_eq!(see(&cloud, &id).await.unwrap().state, InstanceState::Terminated);
    cloud.ec2.delete_security_group(request.group_ids[0].clone()).await.unwrap();
}

#[tokio::test]
async fn whoever_only_repeats_the_deletion_of_a_group_gets_through_too() {
    let cloud = slow(2).cloud();
    let request = request(&cloud).await;
    let id = loop {
        if let Ok(id) = cloud.ec2.run_instance(request.clone()).await {
            break id;
        }
    };
    cloud.ec2.terminate_instance(id).await.unwrap();
    let mut refusals = 0;
    while cloud.ec2.delete_security_group(request.group_ids[0].clone()).await.is_err() {
        refusals += 1;
        assert!(refusals < 10);
    }
    assert_eq!(refusals, 3);
}

#[tokio::test]
async fn a_launch_is_checked_as_ec2_checks_it() {
    let practice = instant();
    let cloud = practice.cloud();
    let good = request(&cloud).await;
    let invalid = ("InvalidParameterValue", ErrorKind::Invalid);
    let missing = |code| (code, ErrorKind::NotFound);
    let arm = NewInstance { instance_type: "m7g.xlarge".to_owned(), ..good.clone() };
    let cases = [
        (arm, invalid),
        (NewInstance { instance_type: "x9.enormous".to_owned(), ..good.clone() }, invalid),
        (
            NewInstance { image_id: "ami-00000000".to_owned(), ..good.clone() },
            missing("InvalidAMIID.NotFound"),
        ),
        (
            NewInstance { subnet_id: "subnet-0".to_owned(), ..good.clone() },
            missing("InvalidSubnetID.NotFound"),
        ),
        (
            NewInstance { group_ids: vec!["sg-0".to_owned()], ..good.clone() },
            missing("InvalidGroup.NotFound"),
        ),
        (NewInstance { volume_gb: 4, ..good.clone() }, ("InvalidBlockDeviceMapping", ErrorKind::Invalid)),
        (NewInstance { client_token: "x".repeat(65), ..good.clone() }, invalid),
        (NewInstance { user_data: Some("x".repeat(16385)), ..good.clone() }, invalid),
        (
            NewInstance { profile_name: "nobody".to_owned(), ..good.clone() },
            (invalid.0, ErrorKind::NotPropagated),
        ),
    ];
    for (bad, (code, kind)) in cases {
        refused(cloud.ec2.run_instance(bad).await, code, kind);
    }
    let arm_image = parameter(&cloud, "arm64").await;
    let arm = NewInstance { instance_type: "m7g.xlarge".to_owned(), image_id: arm_image, ..good.clone() };
    cloud.ec2.run_instance(arm).await.unwrap();
    let misnamed =
        NewInstance { client_token: "t2".to_owned(), root_device_name: "/dev/sda1".to_owned(), ..good };
    let id = cloud.ec2.run_instance(misnamed).await.unwrap();
    let volume_id = see(&cloud, &id).await.unwrap().root_volume_id.unwrap();
    let volume = cloud.ec2.describe_volume(volume_id).await.unwrap().unwrap();
    assert_eq!(
        (volume.size_gb, volume.encrypted),
        (8, false),
        "a mapping that names no root changes no root"
    );
}

#[tokio::test]
async fn quotas_bind() {
    let practice = instant();
    practice.seed(|account| account.quota("ec2", "L-1216C47A", 7.0)).unwrap();
    let cloud = practice.cloud();
    let query = QuotaQuery { service_code: "ec2".to_owned(), quota_code: "L-1216C47A".to_owned() };
    assert_eq!(cloud.quotas.get_service_quota(query).await.unwrap(), Some(7.0));
    let request = request(&cloud).await;
    cloud.ec2.run_instance(request.clone()).await.unwrap();
    let second = NewInstance { client_token: "second".to_owned(), ..request };
    refused(cloud.ec2.run_instance(second).await, "VcpuLimitExceeded", ErrorKind::Quota);
    for _ in 0..5 {
        cloud.ec2.allocate_address(Tags::new()).await.unwrap();
    }
    refused(cloud.ec2.allocate_address(Tags::new()).await, "AddressLimitExceeded", ErrorKind::Quota);
}

#[tokio::test]
async fn addresses_have_no_token_and_are_held_by_their_instance() {
    let practice = slow(0);
    let cloud = practice.cloud();
    let first = cloud.ec2.allocate_address(tags("ip")).await.unwrap();
    let second = cloud.ec2.allocate_address(tags("ip")).await.unwrap();
    assert_ne!(first, second, "a repeat makes a second");
    let request = request(&cloud).await;
    let id = cloud.ec2.run_instance(request.clone()).await.unwrap();
    let pair = AddressAssociation { allocation_id: first.clone(), instance_id: id.clone() };
    let association = cloud.ec2.associate_address(pair.clone()).await.unwrap();
    assert_eq!(cloud.ec2.associate_address(pair).await.unwrap(), association);
    refused(cloud.ec2.release_address(first.clone()).await, "InvalidIPAddress.InUse", ErrorKind::InUse);
    let other =
        cloud.ec2.run_instance(NewInstance { client_token: "2".to_owned(), ..request }).await.unwrap();
    let taken = AddressAssociation { allocation_id: first.clone(), instance_id: other };
    let taken = cloud.ec2.associate_address(taken).await;
    refused(taken, "Resource.AlreadyAssociated", ErrorKind::AlreadyExists);

    cloud.ec2.terminate_instance(id.clone()).await.unwrap();
    let late = AddressAssociation { allocation_id: second, instance_id: id };
    let words = refused(cloud.ec2.associate_address(late).await, "InvalidInstanceID", ErrorKind::Invalid);
    assert!(words.contains("The terminated instance"), "{words}");
    let address = cloud.ec2.describe_addresses(AddressQuery::Id(first.clone())).await.unwrap().remove(0);
    assert_eq!((address.association_id, address.instance_id), (None, None));
    cloud.ec2.release_address(first).await.unwrap();
}

#[tokio::test]
async fn an_address_waits_for_a_pending_instance() {
    let practice = Practice::in_memory(PracticeOptions { lag_reads: 0, ..PracticeOptions::default() });
    let cloud = practice.cloud();
    let instance_id = cloud.ec2.run_instance(request(&cloud).await).await.unwrap();
    let allocation_id = cloud.ec2.allocate_address(Tags::new()).await.unwrap();
    let answer = cloud.ec2.associate_address(AddressAssociation { allocation_id, instance_id }).await;
    refused(answer, "InvalidInstanceID", ErrorKind::NotPropagated);
}

#[tokio::test]
async fn rules_come_and_go_whole() {
    let practice = instant();
    practice.seed(|account| account.quota("vpc", "L-0EA8095F", 3.0)).unwrap();
    let cloud = practice.cloud();
    let group_id = group(&cloud, "web").await;
    let rule = |port| Rule {
        protocol: Protocol::Tcp,
        from_port: port,
        to_port: port,
        cidr: "0.0.0.0/0".parse().unwrap(),
    };
    let change = |ports: &[u16]| RuleChange {
        group_id: group_id.clone(),
        rules: ports.iter().map(|&port| rule(port)).collect(),
    };
    let ec2 = &cloud.ec2;
    ec2.authorize_ingress(change(&[443])).await.unwrap();
    let words = refused(
        ec2.authorize_ingress(change(&[80, 443])).await,
        "InvalidPermission.Duplicate",
        ErrorKind::AlreadyExists,
    );
    assert!(words.contains("443"), "{words}");
    refused(ec2.revoke_ingress(change(&[80, 443])).await, "InvalidPermission.NotFound", ErrorKind::NotFound);
    let read = ec2.describe_security_groups(GroupQuery::Id(group_id.clone())).await.unwrap().remove(0);
    assert_eq!(read.ingress, BTreeSet::from([rule(443)]), "all of a change or nothing of it");
    let answer = ec2.authorize_ingress(change(&[1, 2, 3])).await;
    refused(answer, "RulesPerSecurityGroupLimitExceeded", ErrorKind::Quota);
}

#[tokio::test]
async fn roles_and_profiles_go_in_the_right_order_only() {
    let practice = instant();
    let cloud = practice.cloud();
    let iam = &cloud.iam;
    profile(&cloud, "web").await;
    let conflict = ("DeleteConflict", ErrorKind::InUse);
    refused(iam.delete_role("web".to_owned()).await, conflict.0, conflict.1);
    refused(iam.delete_instance_profile("web".to_owned()).await, conflict.0, conflict.1);
    let pair = ProfileRole { profile: "web".to_owned(), role: "web".to_owned() };
    refused(iam.add_role_to_instance_profile(pair.clone()).await, "LimitExceeded", ErrorKind::Quota);
    iam.remove_role_from_instance_profile(pair).await.unwrap();
    let arn = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore".to_owned();
    practice.seed(|account| account.attach_policy("web", &arn)).unwrap();
    let words = refused(iam.delete_role("web".to_owned()).await, conflict.0, conflict.1);
    assert!(words.contains("detach all policies"), "{words}");
    assert_eq!(iam.list_attached_role_policies("web".to_owned()).await.unwrap(), [arn.as_str()]);
    iam.detach_role_policy(AttachedPolicy { role: "web".to_owned(), policy_arn: arn }).await.unwrap();
    iam.delete_role("web".to_owned()).await.unwrap();
    iam.delete_instance_profile("web".to_owned()).await.unwrap();
}

#[tokio::test]
async fn policies_must_be_policies() {
    let cloud = instant().cloud();
    let malformed = ("MalformedPolicyDocument", ErrorKind::Invalid);
    let bad = NewRole { trust: json!({"Version": "2012-10-17"}), ..role("bad") };
    refused(cloud.iam.create_role(bad).await, malformed.0, malformed.1);
    cloud.iam.create_role(role("good")).await.unwrap();
    let put = |document: Value| {
        let new = RolePolicyDocument { role: "good".to_owned(), policy: "inline".to_owned(), document };
        cloud.iam.put_role_policy(new)
    };
    refused(put(trust()).await, malformed.0, malformed.1);
    let long = json!({"Statement": [{"Effect": "Allow", "Action": "a:b", "Resource": "x".repeat(10_240)}]});
    refused(put(long).await, "LimitExceeded", ErrorKind::Quota);
    refused(
        cloud.iam.create_role(NewRole { name: "x".repeat(65), ..role("x") }).await,
        "ValidationError",
        ErrorKind::Invalid,
    );
}

fn pool(name: &str, deletion_protection: bool) -> NewUserPool {
    NewUserPool {
        name: name.to_owned(),
        tags: tags(name),
        settings: UserPoolSettings {
            deletion_protection,
            admin_create_user_only: true,
            password_minimum_length: 12,
            password_all_classes: true,
        },
    }
}

#[tokio::test]
async fn pools_have_no_unique_name_and_end_in_the_right_order_only() {
    let cloud = instant().cloud();
    let cognito = &cloud.cognito;
    let id = cognito.create_user_pool(pool("users", true)).await.unwrap();
    assert_ne!(cognito.create_user_pool(pool("users", false)).await.unwrap(), id, "a repeat makes a second");
    let words = refused(
        cognito.delete_user_pool(id.clone()).await,
        "InvalidParameterException",
        ErrorKind::Protected,
    );
    assert!(words.contains("deletion protection is activated"), "{words}");
    let settings = pool("users", false).settings;
    cognito.update_user_pool(UserPoolUpdate { pool_id: id.clone(), settings }).await.unwrap();
    let domain = PoolDomain { pool_id: id.clone(), prefix: "one-prefix".to_owned() };
    cognito.create_domain(domain.clone()).await.unwrap();
    let words =
        refused(cognito.delete_user_pool(id.clone()).await, "InvalidParameterException", ErrorKind::InUse);
    assert_eq!(
        words,
        "User pool cannot be deleted. It has a domain configured that should be deleted first."
    );
    cognito.delete_domain(domain).await.unwrap();
    cognito.delete_user_pool(id).await.unwrap();
}

#[tokio::test]
async fn a_domain_prefix_belongs_to_one_pool_of_one_account() {
    let practice = slow(2);
    practice.seed(|account| account.foreign_domain("taken")).unwrap();
    let cloud = practice.cloud();
    let cognito = &cloud.cognito;
    let pool_id = cognito.create_user_pool(pool("users", false)).await.unwrap();
    let take = |prefix: &str| {
        cognito.create_domain(PoolDomain { pool_id: pool_id.clone(), prefix: prefix.to_owned() })
    };
    let words = refused(take("taken").await, "InvalidParameterException", ErrorKind::AlreadyExists);
    assert_eq!(words, "Domain already associated with another user pool.");
    let foreign = cognito.describe_domain("taken".to_owned()).await.unwrap().unwrap();
    assert_eq!(foreign.pool_id, None);
    refused(take("my-aws-pool").await, "InvalidParameterException", ErrorKind::Invalid);
    take("mine").await.unwrap();
    let mut states = Vec::new();
    for _ in 0..5 {
        let domain = cognito.describe_domain("mine".to_owned()).await.unwrap();
        states.push(domain.map_or_else(|| "unseen".to_owned(), |domain| domain.status));
    }
    assert_eq!(states, ["unseen", "unseen", "CREATING", "CREATING", "ACTIVE"]);
}

#[tokio::test]
async fn a_client_uses_scopes_that_exist() {
    let cloud = instant().cloud();
    let cognito = &cloud.cognito;
    let pool_id = cognito.create_user_pool(pool("users", false)).await.unwrap();
    let client = || NewAppClient {
        pool_id: pool_id.clone(),
        settings: AppClientSettings {
            name: "machine".to_owned(),
            scopes: BTreeSet::from(["api/read".to_owned()]),
            access_token_minutes: 60,
        },
    };
    let early = cognito.create_app_client(client()).await;
    refused(early, "ScopeDoesNotExistException", ErrorKind::Invalid);
    let server = ResourceServer {
        pool_id: pool_id.clone(),
        identifier: "api".to_owned(),
        scopes: BTreeSet::from(["read".to_owned()]),
    };
    cognito.create_resource_server(server.clone()).await.unwrap();
    let again = cognito.create_resource_server(server).await;
    refused(again, "InvalidParameterException", ErrorKind::AlreadyExists);
    let first = cognito.create_app_client(client()).await.unwrap();
    assert_ne!(cognito.create_app_client(client()).await.unwrap(), first, "a repeat makes a second");
}

#[tokio::test]
async fn a_certificate_is_one_for_its_token() {
    let practice = slow(1);
    let cloud = practice.cloud();
    let new = |token: &str| NewCertificate {
        domain: "api.example.com".to_owned(),
        idempotency_token: token.to_owned(),
        tags: tags("certificate"),
    };
    let arn = cloud.acm.request_certificate(new("one")).await.unwrap();
    assert_eq!(cloud.acm.request_certificate(new("one")).await.unwrap(), arn);
    assert_ne!(cloud.acm.request_certificate(new("two")).await.unwrap(), arn);
    refused(
        cloud.acm.request_certificate(new("with-hyphen")).await,
        "ValidationException",
        ErrorKind::Invalid,
    );
    assert_eq!(cloud.acm.describe_certificate(arn.clone()).await.unwrap(), None, "lag");
    let read = cloud.acm.describe_certificate(arn.clone()).await.unwrap().unwrap();
    assert_eq!((read.status.as_str(), read.validation), ("PENDING_VALIDATION", None));
    let read = cloud.acm.describe_certificate(arn.clone()).await.unwrap().unwrap();
    assert!(read.validation.is_some());
    practice
        .seed(|account| {
            account.issue_certificates();
            account
                .use_certificate(&arn, "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/x");
        })
        .unwrap();
    let read = cloud.acm.describe_certificate(arn.clone()).await.unwrap().unwrap();
    assert_eq!(read.status, "ISSUED");
    refused(cloud.acm.delete_certificate(arn.clone()).await, "ResourceInUseException", ErrorKind::InUse);

    // What waits is issued with its dates, and what was issued stays as it was.
    let waiting = cloud.acm.request_certificate(new("three")).await.unwrap();
    let (from, until) = ("2026-01-01T00:00:00Z".parse().unwrap(), "2026-07-18T00:00:00Z".parse().unwrap());
    practice.seed(|account| account.issue_pending(from, until)).unwrap();
    let mut dates = Vec::new();
    for arn in [waiting, arn] {
        // A new one is not seen at once.
        let _ = cloud.acm.describe_in_full(arn.clone()).await.unwrap();
        let read = cloud.acm.describe_in_full(arn).await.unwrap().unwrap();
        assert_eq!(read.status, "ISSUED");
        dates.push((read.not_before, read.not_after));
    }
    assert_eq!(dates, [(Some(from), Some(until)), (None, None)]);
}

#[tokio::test]
async fn the_tagging_api_lists_all_but_iam() {
    let cloud = instant().cloud();
    cloud.ec2.run_instance(request(&cloud).await).await.unwrap();
    cloud.ec2.allocate_address(tags("ip")).await.unwrap();
    cloud.cognito.create_user_pool(pool("users", false)).await.unwrap();
    let new = NewCertificate {
        domain: "api.example.com".to_owned(),
        idempotency_token: "one".to_owned(),
        tags: tags("certificate"),
    };
    cloud.acm.request_certificate(new).await.unwrap();
    let find = async |types: &[&str]| -> Vec<String> {
        let query = TagQuery {
            key: DEPLOYMENT.to_owned(),
            value: "one".to_owned(),
            resource_types: types.iter().map(|&t| t.to_owned()).collect(),
        };
        let found = cloud.tagging.get_resources(query).await.unwrap();
        let mut kinds: Vec<String> = found
            .iter()
            .map(|one| {
                let parts: Vec<&str> = one.arn.splitn(6, ':').collect();
                format!("{}:{}", parts[2], parts[5].split('/').next().unwrap())
            })
            .collect();
        kinds.sort();
        kinds
    };
    let ec2 = ["ec2:elastic-ip", "ec2:instance", "ec2:security-group", "ec2:volume"];
    assert_eq!(find(&["ec2"]).await, ec2);
    assert_eq!(find(&["cognito-idp:userpool"]).await, ["cognito-idp:userpool"]);
    let all = [&["acm:certificate", "cognito-idp:userpool"], &ec2[..]].concat();
    assert_eq!(find(&[]).await, all);
}

#[tokio::test]
async fn denials_are_in_the_words_of_the_service() {
    let practice = instant();
    let denied = ["iam:CreateRole", "ec2:RunInstances", "cognito-idp:*"];
    practice.seed(|account| denied.iter().for_each(|action| account.deny(action))).unwrap();
    let cloud = practice.cloud();
    let words = refused(cloud.iam.create_role(role("web")).await, "AccessDenied", ErrorKind::Denied);
    assert_eq!(
        words,
        "User: arn:aws:sts::123456789012:assumed-role/Operator/rehearsal is not authorized to perform: \
         iam:CreateRole on resource: arn:aws:iam::123456789012:role/one/web because no identity-based policy allows \
         the iam:CreateRole action"
    );
    let pools = cloud.cognito.list_user_pools(()).await;
    refused(pools, "AccessDeniedException", ErrorKind::Denied);
    practice.seed(|account| account.allow("iam:CreateRole")).unwrap();

    let request = request(&cloud).await;
    let dry = DryRun::RunInstances(Box::new(request.clone()));
    refused(cloud.ec2.dry_run(dry.clone()).await, "UnauthorizedOperation", ErrorKind::Denied);
    practice
        .seed(|account| {
            account.allow("ec2:RunInstances");
            account.deny("iam:PassRole");
        })
        .unwrap();
    cloud.ec2.dry_run(dry).await.unwrap();
    let words = refused(cloud.ec2.run_instance(request).await, "UnauthorizedOperation", ErrorKind::Denied);
    assert!(words.contains("iam:PassRole on resource: arn:aws:iam::123456789012:role/one/web"), "{words}");
    assert!(cloud.sts.get_caller_identity(()).await.is_ok(), "identity needs no permission");
}

#[tokio::test]
async fn credentials_and_their_account_can_change() {
    let practice = instant();
    let cloud = practice.cloud();
    let account = AccountId::parse("210987654321").unwrap();
    practice.seed(|seed| seed.caller_account(account.clone())).unwrap();
    assert_eq!(cloud.sts.get_caller_identity(()).await.unwrap().account, account);
    for (state, kind) in [
        (Credentials::Expired, ErrorKind::CredentialsExpired),
        (Credentials::Invalid, ErrorKind::CredentialsInvalid),
    ] {
        practice.seed(|seed| seed.credentials(state)).unwrap();
        assert_eq!(cloud.sts.get_caller_identity(()).await.unwrap_err().kind, kind);
        assert_eq!(cloud.ec2.describe_vpcs(VpcQuery::Default).await.unwrap_err().kind, kind);
        assert_eq!(cloud.cognito.list_user_pools(()).await.unwrap_err().kind, kind);
    }
}

#[tokio::test]
async fn each_so_manieth_call_is_throttled_in_the_code_of_its_service() {
    let options = PracticeOptions { throttle_every: Some(3), ..PracticeOptions::instant() };
    let cloud = Practice::in_memory(options).cloud();
    let mut codes = Vec::new();
    for _ in 0..2 {
        codes.push(cloud.sts.get_caller_identity(()).await.err().map(|error| (error.kind, error.code)));
        codes.push(cloud.iam.get_role("x".to_owned()).await.err().map(|error| (error.kind, error.code)));
        codes.push(cloud.cognito.list_user_pools(()).await.err().map(|error| (error.kind, error.code)));
        codes.push(
            cloud.ec2.describe_vpcs(VpcQuery::Default).await.err().map(|error| (error.kind, error.code)),
        );
    }
    let throttled = |code: &str| Some((ErrorKind::Throttled, Some(code.to_owned())));
    let expected =
        [None, None, throttled("TooManyRequestsException"), None, None, throttled("Throttling"), None, None];
    assert_eq!(codes, expected);
}

#[tokio::test]
async fn a_seeded_account_is_as_it_was_told() {
    let practice = instant();
    let subnet = practice
        .seed(|account| {
            account.security_groups(5000);
            account.roles(1000);
            account.user_pools(300);
            account.subnet_without_internet_gateway()
        })
        .unwrap();
    let cloud = practice.cloud();
    assert_eq!(cloud.cognito.list_user_pools(()).await.unwrap().len(), 300);
    assert_eq!(cloud.iam.list_roles("/".to_owned()).await.unwrap().len(), 1000);
    let tables = cloud.ec2.describe_route_tables(vpc(&cloud).await).await.unwrap();
    let own = tables.iter().find(|table| table.subnet_ids.contains(&subnet)).unwrap();
    assert!(!own.default_route_to_internet_gateway);
    assert!(tables.iter().find(|table| table.main).unwrap().default_route_to_internet_gateway);
    assert_eq!(practice.inventory().len(), 6300);
    practice
        .seed(|account| {
            account.no_default_vpc();
        })
        .unwrap();
    assert_eq!(cloud.ec2.describe_vpcs(VpcQuery::Default).await.unwrap(), []);
}

#[tokio::test]
async fn the_inventory_forgets_how_things_came_to_be() {
    let straight = instant();
    let cloud = straight.cloud();
    let id = cloud.ec2.run_instance(request(&cloud).await).await.unwrap();
    let allocation_id = cloud.ec2.allocate_address(tags("ip")).await.unwrap();
    cloud.ec2.associate_address(AddressAssociation { allocation_id, instance_id: id }).await.unwrap();

    let crooked = slow(0);
    let cloud = crooked.cloud();
    let allocation_id = cloud.ec2.allocate_address(tags("ip")).await.unwrap();
    let wrong = group(&cloud, "wrong").await;
    let request = request(&cloud).await;
    let first = NewInstance { client_token: "first".to_owned(), ..request.clone() };
    let first = cloud.ec2.run_instance(first).await.unwrap();
    cloud.ec2.terminate_instance(first).await.unwrap();
    cloud.ec2.delete_security_group(wrong).await.unwrap();
    let instance_id = cloud.ec2.run_instance(request).await.unwrap();
    cloud.ec2.associate_address(AddressAssociation { allocation_id, instance_id }).await.unwrap();

    assert_eq!(crooked.inventory(), straight.inventory());
    assert_ne!(straight.inventory(), [""; 0]);
    let text = serde_json::to_string(&straight.inventory()).unwrap();
    for prefix in ["\"sg-", "\"i-", "\"vpc-", "\"subnet-", "\"ami-", "\"eipalloc-", "\"vol-"] {
        assert!(!text.contains(prefix), "{prefix} in {text}");
    }
}
