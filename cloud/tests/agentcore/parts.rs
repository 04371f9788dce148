//! What the tests of gateways stand on.

use std::collections::BTreeSet;
use std::fmt::Debug;

use cloud::port::agentcore::{
    Condition, GatewaySettings, NewCredentialProvider, NewGateway, NewTarget, TargetRef, TargetSettings,
};
use cloud::port::iam::{NewRole, RolePolicyDocument};
use cloud::port::s3::{Body, BucketRef, NewBucket, NewObject};
use cloud::practice::{Practice, PracticeOptions};
use cloud::{CallError, Cloud, ErrorKind};
use model::tags::Tags;
use model::{AccountId, Secret};
use serde_json::json;

pub(crate) const BUCKET: &str = "bedrock-agentcore-gateway-one";
pub(crate) const ROLE: &str = "one-BedrockAgentCore";
pub(crate) const PROVIDER: &str = "one";

pub(crate) fn instant() -> Practice {
    Practice::in_memory(PracticeOptions::instant())
}

pub(crate) fn settling(reads: u32) -> Practice {
    Practice::in_memory(PracticeOptions { settle_reads: reads, ..PracticeOptions::instant() })
}

/// Demands this code and kind, and answers the message.
#[track_caller]
pub(crate) fn refused<T: Debug>(answer: Result<T, CallError>, code: &str, kind: ErrorKind) -> String {
    let error = answer.unwrap_err();
    assert_eq!((error.code.as_deref(), error.kind), (Some(code), kind), "{error}");
    error.message
}

pub(crate) fn owner() -> AccountId {
    AccountId::parse(AccountId::EXAMPLE).unwrap()
}

pub(crate) fn role_arn() -> String {
    format!("arn:aws:iam::{}:role/{ROLE}", owner())
}

pub(crate) fn provider() -> NewCredentialProvider {
    let api_key = Secret::new("a key".to_owned());
    NewCredentialProvider { name: PROVIDER.to_owned(), api_key, tags: Tags::new() }
}

pub(crate) fn token(text: &str) -> String {
    format!("{text}-00000000000000000000000000000000")
}

pub(crate) fn settings() -> GatewaySettings {
    let issuer = "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_aaaaaaaaa";
    GatewaySettings {
        role_arn: role_arn(),
        discovery_url: format!("{issuer}/.well-known/openid-configuration"),
        allowed_clients: BTreeSet::from(["client".to_owned()]),
        allowed_scopes: BTreeSet::new(),
        description: String::new(),
        explains_errors: true,
    }
}

pub(crate) fn gateway(name: &str) -> NewGateway {
    NewGateway {
        name: name.to_owned(),
        client_token: token(name),
        settings: settings(),
        tags: Tags::from([("team".to_owned(), "sre".to_owned())]),
    }
}

pub(crate) fn target_settings() -> TargetSettings {
    TargetSettings {
        description: String::new(),
        schema_uri: format!("s3://{BUCKET}/sre/k8s_api.yaml"),
        schema_owner: owner().as_str().to_owned(),
        provider_arn: format!(
            "arn:aws:bedrock-agentcore:us-east-1:{}:token-vault/default/apikeycredentialprovider/{PROVIDER}",
            owner()
        ),
        header: "X-API-Key".to_owned(),
        private_endpoint: None,
    }
}

pub(crate) fn target(gateway_id: &str, name: &str) -> NewTarget {
    NewTarget {
        gateway_id: gateway_id.to_owned(),
        name: name.to_owned(),
        client_token: token(name),
        settings: target_settings(),
    }
}

pub(crate) async fn role(cloud: &Cloud, service: &str) {
    let new = NewRole {
        name: ROLE.to_owned(),
        path: "/".to_owned(),
        description: "test".to_owned(),
        trust: json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}]}),
        tags: Tags::new(),
    };
    cloud.iam.create_role(new).await.unwrap();
}

/// Lets the role do this with that.
pub(crate) async fn allow(cloud: &Cloud, action: &str, resource: &str) {
    let document = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": action, "Resource": resource}]});
    let policy = RolePolicyDocument { role: ROLE.to_owned(), policy: action.replace(':', "-"), document };
    cloud.iam.put_role_policy(policy).await.unwrap();
}

/// What a gateway stands on: a role that may read schemas, a bucket with one, a provider.
pub(crate) async fn ground(cloud: &Cloud) {
    role(cloud, "bedrock-agentcore.amazonaws.com").await;
    allow(cloud, "s3:GetObject", &format!("arn:aws:s3:::{BUCKET}/sre/*")).await;
    let bucket = BucketRef { name: BUCKET.to_owned(), owner: owner() };
    cloud.s3.create_bucket(NewBucket { name: BUCKET.to_owned(), tags: Tags::new() }).await.unwrap();
    let schema = NewObject {
        bucket,
        key: "sre/k8s_api.yaml".to_owned(),
        body: Body::from(b"one".to_vec()),
        sha256: "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed".to_owned(),
    };
    cloud.s3.put_object(schema).await.unwrap();
    cloud.agentcore.create_credential_provider(provider()).await.unwrap();
}

pub(crate) async fn condition(cloud: &Cloud, id: &str) -> Option<Condition> {
    cloud.agentcore.get_gateway(id.to_owned()).await.unwrap().map(|one| one.condition)
}

pub(crate) async fn target_condition(cloud: &Cloud, gateway_id: &str, id: &str) -> Option<Condition> {
    let wanted = TargetRef { gateway_id: gateway_id.to_owned(), id: id.to_owned() };
    cloud.agentcore.get_target(wanted).await.unwrap().map(|one| one.condition)
}

/// A gateway that is ready, on its ground; its id.
pub(crate) async fn ready(cloud: &Cloud) -> String {
    ground(cloud).await;
    let id = cloud.agentcore.create_gateway(gateway("One")).await.unwrap();
    while !condition(cloud, &id).await.unwrap().is_ready() {}
    id
}
