//! Identity, parameters, certificates, the tagging API, and the answers for what does not exist.

use std::collections::BTreeSet;

use model::Secret;
use model::tags::DEPLOYMENT;
use serde_json::json;

use crate::port::acm::{CertificateExport, NewCertificate};
use crate::port::agentcore::TargetRef;
use crate::port::cognito::{AppClientRef, PoolDomain, ResourceServerRef};
use crate::port::ec2::{
    AddressAssociation, AddressQuery, GroupQuery, InstanceQuery, NewSecurityGroup, Protocol, Rule,
    RuleChange, SubnetQuery, TerminationProtection, VpcQuery,
};
use crate::port::iam::{ProfileRole, RolePolicy, RolePolicyDocument, RoleTrust};
use crate::port::tagging::TagQuery;
use crate::{Cloud, ErrorKind};

use super::{AL2023_X86_64, Fixture, refused};

/// The caller has an account and an ARN in it.
pub async fn identity(cloud: &Cloud, _fixture: &Fixture) {
    let who = cloud.sts.get_caller_identity(()).await.expect("the caller is known");
    assert!(who.arn.starts_with("arn:"), "{who:?}");
    assert!(who.arn.contains(who.account.as_str()), "{who:?}");
}

/// The public parameter of Amazon Linux 2023 names an image.
pub async fn parameters(cloud: &Cloud, _fixture: &Fixture) {
    let value = cloud.ssm.get_parameter(AL2023_X86_64.to_owned()).await.expect("a parameter can be read");
    let value = value.expect("the public parameter exists");
    assert!(value.starts_with("ami-"), "{value}");
    let none = cloud.ssm.get_parameter("/contract/no/such/parameter".to_owned()).await.expect("read");
    assert_eq!(none, None);
}

/// Asks for a certificate twice with one token, reads it back, deletes it.
pub async fn certificates(cloud: &Cloud, fixture: &Fixture) {
    let acm = &cloud.acm;
    let new = NewCertificate {
        domain: format!("{}.example.com", fixture.deployment),
        idempotency_token: format!("contract_{}", fixture.deployment.as_str().replace('-', "_"))
            .chars()
            .take(32)
            .collect(),
        tags: fixture.tags("certificate"),
    };
    let arn = acm.request_certificate(new.clone()).await.expect("a certificate is asked for");
    assert_eq!(
        acm.request_certificate(new.clone()).await.expect("asked again"),
        arn,
        "one token, one certificate"
    );
    let certificate = fixture
        .until("the certificate has its validation record", async || {
            let found = acm.describe_certificate(arn.clone()).await.expect("certificates can be read");
            found.filter(|certificate| certificate.validation.is_some())
        })
        .await;
    assert_eq!((&certificate.arn, &certificate.domain), (&arn, &new.domain));
    assert_eq!(certificate.tags, new.tags);
    assert_eq!(certificate.in_use_by, [""; 0]);
    let record = certificate.validation.expect("just seen");
    assert_eq!(record.record_type, "CNAME");
    assert!(record.name.contains(&new.domain), "{record:?}");
    fixture
        .until("the certificate is listed", async || {
            let listed = acm.list_certificates(new.domain.clone()).await.expect("certificates can be listed");
            listed.contains(&arn).then_some(())
        })
        .await;
    assert_eq!(acm.list_certificates("nobody.example.com".to_owned()).await.expect("read"), [""; 0]);

    let all = acm.list_all_certificates(()).await.expect("all certificates can be listed");
    assert!(all.contains(&arn), "{all:?}");
    let detail = acm.describe_in_full(arn.clone()).await.expect("a certificate can be described");
    let detail = detail.expect("the certificate exists");
    assert_eq!((&detail.arn, detail.kind.as_str()), (&arn, "AMAZON_ISSUED"));
    assert_eq!(detail.names.first(), Some(&new.domain));
    assert!(["PENDING_VALIDATION", "ISSUED"].contains(&detail.status.as_str()), "{detail:?}");
    // Whether there is anything to get yet differs; that it is no error does not.
    acm.get_certificate(arn.clone()).await.expect("nothing to get is no error");
    // Nor does an account give a key out that it has not made yet.
    let export = |arn: &str| CertificateExport {
        arn: arn.to_owned(),
        passphrase: Secret::new("0123456789abcdef".to_owned()),
    };
    match acm.export_certificate(export(&arn)).await {
        Ok(exported) => {
            assert!(exported.certificate.contains("BEGIN CERTIFICATE"), "{}", exported.certificate);
            assert!(
                exported.key.expose().contains("BEGIN ENCRYPTED PRIVATE KEY"),
                "the key is not encrypted"
            );
        }
        Err(error) => {
            assert_eq!(error.code.as_deref(), Some("RequestInProgressException"), "{error:?}");
        }
    }

    acm.delete_certificate(arn.clone()).await.expect("the certificate is deleted");
    refused(acm.export_certificate(export(&arn)).await, ErrorKind::NotFound, "ExportCertificate");
    refused(acm.delete_certificate(arn.clone()).await, ErrorKind::NotFound, "DeleteCertificate");
    assert_eq!(acm.describe_certificate(arn).await.expect("read"), None);
}

/// A tagged group is found by the whole value of its tag and by no part of it.
pub async fn tagging(cloud: &Cloud, fixture: &Fixture) {
    let new = NewSecurityGroup {
        name: fixture.name("tagged"),
        description: "contract test".to_owned(),
        vpc_id: fixture.vpc(cloud).await,
        tags: fixture.tags("tagged"),
    };
    let id = cloud.ec2.create_security_group(new.clone()).await.expect("a group is made");
    let query = |value: &str, types: &[&str]| TagQuery {
        key: DEPLOYMENT.to_owned(),
        value: value.to_owned(),
        resource_types: types.iter().map(|&t| t.to_owned()).collect(),
    };
    for types in [&[][..], &["ec2:security-group"]] {
        let found = fixture
            .until("the tagging API knows the group", async || {
                let found = cloud.tagging.get_resources(query(fixture.deployment.as_str(), types)).await;
                found.expect("tags can be searched").into_iter().find(|one| one.arn.ends_with(&id))
            })
            .await;
        assert_eq!(found.tags, new.tags);
    }
    let other = cloud.tagging.get_resources(query(fixture.deployment.as_str(), &["acm:certificate"])).await;
    assert_eq!(other.expect("read"), [], "other types are not answered");
    let part: String = fixture.deployment.as_str().chars().take(3).collect();
    let answer = cloud.tagging.get_resources(query(&part, &[])).await.expect("read");
    assert!(
        answer.iter().all(|one| !one.arn.ends_with(&id)),
        "a part of the value finds nothing: {answer:?}"
    );
    cloud.ec2.delete_security_group(id).await.expect("the group is deleted");
}

/// Looking for one thing that does not exist is no error; changing or deleting it is the kind `NotFound`.
pub async fn not_found_answers(cloud: &Cloud, fixture: &Fixture) {
    let ec2 = &cloud.ec2;
    let id = |prefix: &str| format!("{prefix}-0fedcba9876543210");
    assert_eq!(ec2.describe_vpcs(VpcQuery::Id(id("vpc"))).await.expect("vpc"), []);
    assert_eq!(ec2.describe_subnets(SubnetQuery::Id(id("subnet"))).await.expect("subnet"), []);
    assert_eq!(ec2.describe_image(id("ami")).await.expect("image"), None);
    assert_eq!(ec2.describe_instance_type("x9.enormous".to_owned()).await.expect("type"), None);
    assert_eq!(ec2.describe_security_groups(GroupQuery::Id(id("sg"))).await.expect("group"), []);
    assert_eq!(ec2.describe_instances(InstanceQuery::Id(id("i"))).await.expect("instance"), []);
    assert_eq!(ec2.describe_instance_status(id("i")).await.expect("status"), None);
    assert_eq!(ec2.describe_volume(id("vol")).await.expect("volume"), None);
    assert_eq!(ec2.describe_addresses(AddressQuery::Id(id("eipalloc"))).await.expect("address"), []);
    let nobody = "nobody-has-this".to_owned();
    assert_eq!(
        ec2.describe_security_groups(GroupQuery::Deployment(nobody.clone())).await.expect("groups"),
        []
    );
    assert_eq!(
        ec2.describe_instances(InstanceQuery::Deployment(nobody.clone())).await.expect("instances"),
        []
    );
    assert_eq!(ec2.describe_addresses(AddressQuery::Deployment(nobody)).await.expect("addresses"), []);

    let missing = ErrorKind::NotFound;
    let rule = Rule {
        protocol: Protocol::Tcp,
        from_port: 443,
        to_port: 443,
        cidr: "192.0.2.0/24".parse().expect("a block"),
    };
    let change = RuleChange { group_id: id("sg"), rules: BTreeSet::from([rule]) };
    refused(ec2.authorize_ingress(change.clone()).await, missing, "AuthorizeSecurityGroupIngress");
    refused(ec2.revoke_ingress(change).await, missing, "RevokeSecurityGroupIngress");
    refused(ec2.delete_security_group(id("sg")).await, missing, "DeleteSecurityGroup");
    refused(ec2.terminate_instance(id("i")).await, missing, "TerminateInstances");
    refused(ec2.get_console_output(id("i")).await, missing, "GetConsoleOutput");
    refused(ec2.describe_termination_protection(id("i")).await, missing, "DescribeInstanceAttribute");
    let protection = TerminationProtection { instance_id: id("i"), enabled: true };
    refused(ec2.set_termination_protection(protection).await, missing, "ModifyInstanceAttribute");
    let pair = AddressAssociation { allocation_id: id("eipalloc"), instance_id: id("i") };
    refused(ec2.associate_address(pair).await, missing, "AssociateAddress");
    refused(ec2.disassociate_address(id("eipassoc")).await, missing, "DisassociateAddress");
    refused(ec2.release_address(id("eipalloc")).await, missing, "ReleaseAddress");

    let iam = &cloud.iam;
    let name = || fixture.name("missing");
    assert_eq!(iam.get_role(name()).await.expect("role"), None);
    assert_eq!(iam.get_instance_profile(name()).await.expect("profile"), None);
    assert_eq!(iam.list_roles(format!("/{}/", name())).await.expect("roles"), []);
    assert_eq!(iam.list_instance_profiles(format!("/{}/", name())).await.expect("profiles"), []);
    let reference = || RolePolicy { role: name(), policy: "inline".to_owned() };
    assert_eq!(iam.get_role_policy(reference()).await.expect("policy"), None);
    refused(iam.list_role_policies(name()).await, missing, "ListRolePolicies");
    refused(iam.list_attached_role_policies(name()).await, missing, "ListAttachedRolePolicies");
    let document = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}
    ]});
    let trust = RoleTrust { role: name(), trust: document };
    refused(iam.update_assume_role_policy(trust).await, missing, "UpdateAssumeRolePolicy");
    let document = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "bedrock:InvokeModel", "Resource": "*"}
    ]});
    let policy = RolePolicyDocument { role: name(), policy: "inline".to_owned(), document };
    refused(iam.put_role_policy(policy).await, missing, "PutRolePolicy");
    refused(iam.delete_role_policy(reference()).await, missing, "DeleteRolePolicy");
    refused(iam.delete_role(name()).await, missing, "DeleteRole");
    let pair = || ProfileRole { profile: name(), role: name() };
    refused(iam.add_role_to_instance_profile(pair()).await, missing, "AddRoleToInstanceProfile");
    refused(iam.remove_role_from_instance_profile(pair()).await, missing, "RemoveRoleFromInstanceProfile");
    refused(iam.delete_instance_profile(name()).await, missing, "DeleteInstanceProfile");

    let cognito = &cloud.cognito;
    let pool_id = || "us-east-1_Missing00".to_owned();
    assert_eq!(cognito.describe_user_pool(pool_id()).await.expect("pool"), None);
    assert_eq!(cognito.describe_domain(name()).await.expect("domain"), None);
    let client = || AppClientRef { pool_id: pool_id(), id: "missing0000000000000000000".to_owned() };
    let server = || ResourceServerRef { pool_id: pool_id(), identifier: "missing".to_owned() };
    assert_eq!(cognito.describe_app_client(client()).await.expect("client"), None);
    assert_eq!(cognito.describe_resource_server(server()).await.expect("resource server"), None);
    refused(cognito.list_app_clients(pool_id()).await, missing, "ListUserPoolClients");
    refused(cognito.delete_app_client(client()).await, missing, "DeleteUserPoolClient");
    refused(cognito.delete_user_pool(pool_id()).await, missing, "DeleteUserPool");
    let domain = PoolDomain { pool_id: pool_id(), prefix: name() };
    refused(cognito.delete_domain(domain).await, missing, "DeleteUserPoolDomain");

    let who = cloud.sts.get_caller_identity(()).await.expect("the caller is known");
    let arn =
        format!("arn:aws:acm:us-east-1:{}:certificate/00000000-0000-4000-8000-00000000dead", who.account);
    assert_eq!(cloud.acm.describe_certificate(arn.clone()).await.expect("certificate"), None);
    assert_eq!(cloud.acm.describe_in_full(arn.clone()).await.expect("certificate"), None);
    assert_eq!(cloud.acm.get_certificate(arn.clone()).await.expect("certificate"), None);
    refused(cloud.acm.delete_certificate(arn).await, missing, "DeleteCertificate");

    let agentcore = &cloud.agentcore;
    let gateway_id = || "missing-0000000000".to_owned();
    let target = || TargetRef { gateway_id: gateway_id(), id: "0000000000".to_owned() };
    assert_eq!(agentcore.get_gateway(gateway_id()).await.expect("gateway"), None);
    assert_eq!(agentcore.get_target(target()).await.expect("target"), None);
    assert_eq!(agentcore.list_targets(gateway_id()).await.expect("targets"), []);
    refused(agentcore.delete_gateway(gateway_id()).await, missing, "DeleteGateway");
    refused(agentcore.delete_target(target()).await, missing, "DeleteGatewayTarget");
    let arn = format!("arn:aws:secretsmanager:us-east-1:{}:secret:missing-000000", who.account);
    assert_eq!(cloud.secrets.get_secret_value(arn).await.expect("secret"), None);
}
