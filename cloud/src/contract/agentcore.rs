//! Credential providers with their secrets, gateways and their targets, memories, runtimes.
//!
//! What moto (5.2.5) lacks of it, the test support adds, but for delays and failures, and another ARN that it gives a changed
//! runtime: those are in this crate's own tests.

use std::collections::{BTreeMap, BTreeSet};

use model::Secret;
use serde_json::json;

use crate::port::agentcore::{
    ApiKeyChange, Condition, Gateway, GatewayChange, GatewaySettings, MemoryChange, MemoryStrategy,
    NewCredentialProvider, NewGateway, NewMemory, NewRuntime, NewTarget, Runtime, RuntimeChange,
    RuntimeSettings, Target, TargetChange, TargetRef, TargetSettings,
};
use crate::port::iam::{NewRole, RolePolicy, RolePolicyDocument};
use crate::port::s3::{Body, BucketRef, NewBucket, NewObject, ObjectKeys};
use crate::{Cloud, ErrorKind};

use super::{Fixture, refused};

const SCHEMA: &str = "sre/k8s_api.yaml";

/// A client token of this deployment.
fn token(fixture: &Fixture, what: &str) -> String {
    format!("{}-00000000000000000000000000000000", fixture.name(what))
}

fn new_provider(fixture: &Fixture) -> NewCredentialProvider {
    NewCredentialProvider {
        name: fixture.name("provider"),
        api_key: Secret::new("the-first-key".to_owned()),
        tags: fixture.tags("provider"),
    }
}

/// Makes a provider, reads it and its secret back, rotates its key, deletes it.
pub async fn credential_providers(cloud: &Cloud, fixture: &Fixture) {
    let agentcore = &cloud.agentcore;
    let new = new_provider(fixture);
    assert_eq!(agentcore.get_credential_provider(new.name.clone()).await.expect("read"), None);
    let made = agentcore.create_credential_provider(new.clone()).await.expect("a provider is made");
    assert_eq!((&made.name, &made.tags), (&new.name, &new.tags));
    let again = agentcore.create_credential_provider(new.clone()).await;
    refused(again, ErrorKind::AlreadyExists, "CreateApiKeyCredentialProvider");
    let seen = fixture
        .until("the provider is seen", async || {
            agentcore.get_credential_provider(new.name.clone()).await.expect("providers can be read")
        })
        .await;
    assert_eq!(seen, made);
    let listed = agentcore.list_credential_providers(()).await.expect("providers can be listed");
    assert!(listed.contains(&new.name), "{listed:?}");
    let key = async || {
        let secret = cloud.secrets.get_secret_value(made.secret_arn.clone()).await.expect("a secret is read");
        secret.expect("the service keeps the key").expose().clone()
    };
    assert!(key().await.contains("the-first-key"));
    let change = ApiKeyChange { name: new.name.clone(), api_key: Secret::new("the-second-key".to_owned()) };
    agentcore.update_credential_provider(change.clone()).await.expect("a key is rotated");
    assert!(key().await.contains("the-second-key"));
    agentcore.delete_credential_provider(new.name.clone()).await.expect("a provider is deleted");
    assert_eq!(agentcore.get_credential_provider(new.name.clone()).await.expect("read"), None);
    assert_eq!(cloud.secrets.get_secret_value(made.secret_arn.clone()).await.expect("read"), None);
    let missing = ErrorKind::NotFound;
    refused(agentcore.update_credential_provider(change).await, missing, "UpdateApiKeyCredentialProvider");
    refused(agentcore.delete_credential_provider(new.name).await, missing, "DeleteApiKeyCredentialProvider");
}

/// What a gateway stands on.
struct Ground {
    role: RolePolicy,
    role_arn: String,
    bucket: BucketRef,
    provider_arn: String,
}

/// A role of AgentCore that may do this with that.
async fn role_for(
    cloud: &Cloud,
    fixture: &Fixture,
    what: &str,
    (action, resource): (&str, String),
) -> (RolePolicy, String) {
    let name = fixture.name(what);
    let trust = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "bedrock-agentcore.amazonaws.com"}}
    ]});
    let new = NewRole {
        name: name.clone(),
        path: "/".to_owned(),
        description: "contract test".to_owned(),
        trust,
        tags: fixture.tags(&format!("{what}-role")),
    };
    let arn = cloud.iam.create_role(new).await.expect("a role is made");
    let document = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": action, "Resource": resource}
    ]});
    let role = RolePolicy { role: name.clone(), policy: "one".to_owned() };
    let policy = RolePolicyDocument { role: name, policy: role.policy.clone(), document };
    cloud.iam.put_role_policy(policy).await.expect("a policy is put");
    (role, arn)
}

async fn delete_role(cloud: &Cloud, role: RolePolicy) {
    cloud.iam.delete_role_policy(role.clone()).await.expect("the policy is deleted");
    cloud.iam.delete_role(role.role).await.expect("the role is deleted");
}

async fn ground(cloud: &Cloud, fixture: &Fixture) -> Ground {
    let account = cloud.sts.get_caller_identity(()).await.expect("the caller is known").account;
    let bucket = BucketRef { name: format!("{}-{account}-schemas", fixture.deployment), owner: account };
    let new = NewBucket { name: bucket.name.clone(), tags: fixture.tags("schemas") };
    cloud.s3.create_bucket(new).await.expect("a bucket is made");
    fixture
        .until("the bucket is seen", async || {
            cloud.s3.head_bucket(bucket.clone()).await.expect("buckets can be looked for").then_some(())
        })
        .await;
    let body = Body::from(b"openapi: 3.0.3\n".to_vec());
    let sha256 = "faa4988e76ddd0d66e9c95e3d7da6faecc44be96bf988ac35b22dd39213ff509".to_owned();
    let schema = NewObject { bucket: bucket.clone(), key: SCHEMA.to_owned(), body, sha256 };
    cloud.s3.put_object(schema).await.expect("a schema is put");

    let read = ("s3:GetObject", format!("arn:aws:s3:::{}/sre/*", bucket.name));
    let (role, role_arn) = role_for(cloud, fixture, "gateway", read).await;

    let made = cloud.agentcore.create_credential_provider(new_provider(fixture)).await;
    let provider_arn = made.expect("a provider is made").arn;
    Ground { role, role_arn, bucket, provider_arn }
}

async fn clear(cloud: &Cloud, fixture: &Fixture, ground: Ground) {
    let name = new_provider(fixture).name;
    cloud.agentcore.delete_credential_provider(name).await.expect("the provider is deleted");
    delete_role(cloud, ground.role).await;
    let keys = ObjectKeys { bucket: ground.bucket.clone(), keys: vec![SCHEMA.to_owned()] };
    cloud.s3.delete_objects(keys).await.expect("the schema is deleted");
    cloud.s3.delete_bucket(ground.bucket).await.expect("the bucket is deleted");
}

/// Makes a gateway, reads it back, makes a target in it, changes both, deletes both.
pub async fn gateways(cloud: &Cloud, fixture: &Fixture) {
    let agentcore = &cloud.agentcore;
    let ground = ground(cloud, fixture).await;
    let settings = GatewaySettings {
        role_arn: ground.role_arn.clone(),
        discovery_url:
            "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_aaaaaaaaa/.well-known/openid-configuration"
                .to_owned(),
        allowed_clients: BTreeSet::from(["one".to_owned(), "two".to_owned()]),
        allowed_scopes: BTreeSet::new(),
        description: "contract test".to_owned(),
        explains_errors: true,
    };
    let new = NewGateway {
        name: fixture.name("Gateway"),
        client_token: token(fixture, "gateway"),
        settings: settings.clone(),
        tags: fixture.tags("gateway"),
    };
    // A new role reaches the service late.
    let id = fixture
        .until("a gateway is made", async || match agentcore.create_gateway(new.clone()).await {
            Err(error) if error.kind == ErrorKind::NotPropagated => None,
            made => Some(made.expect("a gateway is made")),
        })
        .await;
    let again = agentcore.create_gateway(new.clone()).await.expect("a token that is known");
    assert_eq!(again, id, "the same gateway");
    let twin = NewGateway { client_token: token(fixture, "twin"), ..new.clone() };
    refused(agentcore.create_gateway(twin).await, ErrorKind::AlreadyExists, "CreateGateway");
    let gateway = ready_gateway(cloud, fixture, &id).await;
    assert_eq!((&gateway.id, &gateway.name, &gateway.tags), (&id, &new.name, &new.tags));
    assert!(gateway.arn.ends_with(&format!(":gateway/{id}")), "{gateway:?}");
    assert!(gateway.url.as_ref().is_some_and(|url| url.contains(&id)), "{gateway:?}");
    assert_eq!((gateway.authorizer.as_str(), &gateway.settings), ("CUSTOM_JWT", &settings));
    let listed = agentcore.list_gateways(()).await.expect("gateways can be listed");
    let listed: Vec<&str> =
        listed.iter().filter(|one| one.name == new.name).map(|one| one.id.as_str()).collect();
    assert_eq!(listed, [id.as_str()]);

    targets(cloud, fixture, &id, &ground).await;

    let changed = GatewaySettings {
        allowed_clients: BTreeSet::from(["three".to_owned()]),
        allowed_scopes: BTreeSet::from(["sre/invoke".to_owned()]),
        description: "changed".to_owned(),
        ..settings
    };
    let change = GatewayChange { id: id.clone(), name: new.name, settings: changed.clone() };
    agentcore.update_gateway(change.clone()).await.expect("a gateway is changed");
    let gateway = ready_gateway(cloud, fixture, &id).await;
    assert_eq!((gateway.settings, gateway.tags), (changed, new.tags));
    agentcore.delete_gateway(id.clone()).await.expect("a gateway is deleted");
    fixture
        .until("the gateway has gone", async || {
            let found = agentcore.get_gateway(id.clone()).await.expect("gateways can be read");
            found.is_none().then_some(())
        })
        .await;
    let missing = ErrorKind::NotFound;
    refused(agentcore.update_gateway(change).await, missing, "UpdateGateway");
    refused(agentcore.delete_gateway(id.clone()).await, missing, "DeleteGateway");
    assert_eq!(agentcore.list_targets(id.clone()).await.expect("read"), []);
    let nobody = TargetRef { gateway_id: id, id: "0123456789".to_owned() };
    assert_eq!(agentcore.get_target(nobody).await.expect("read"), None);
    clear(cloud, fixture, ground).await;
}

async fn ready_gateway(cloud: &Cloud, fixture: &Fixture, id: &str) -> Gateway {
    fixture
        .until("the gateway is ready", async || {
            let found = cloud.agentcore.get_gateway(id.to_owned()).await.expect("gateways can be read");
            found.filter(|gateway| gateway.condition.is_ready())
        })
        .await
}

async fn ready_target(cloud: &Cloud, fixture: &Fixture, wanted: &TargetRef) -> Target {
    fixture
        .until("the target is ready", async || {
            let found = cloud.agentcore.get_target(wanted.clone()).await.expect("targets can be read");
            found.filter(|target| target.condition.is_ready())
        })
        .await
}

async fn targets(cloud: &Cloud, fixture: &Fixture, gateway_id: &str, ground: &Ground) {
    let agentcore = &cloud.agentcore;
    let settings = TargetSettings {
        description: "contract test".to_owned(),
        schema_uri: format!("s3://{}/{SCHEMA}", ground.bucket.name),
        schema_owner: ground.bucket.owner.as_str().to_owned(),
        provider_arn: ground.provider_arn.clone(),
        header: "X-API-Key".to_owned(),
        private_endpoint: None,
    };
    assert_eq!(agentcore.list_targets(gateway_id.to_owned()).await.expect("targets can be listed"), []);
    let new = NewTarget {
        gateway_id: gateway_id.to_owned(),
        name: "k8s-api".to_owned(),
        client_token: token(fixture, "target"),
        settings: settings.clone(),
    };
    let id = agentcore.create_target(new.clone()).await.expect("a target is made");
    let again = agentcore.create_target(new.clone()).await.expect("a token that is known");
    assert_eq!(again, id, "the same target");
    let wanted = TargetRef { gateway_id: gateway_id.to_owned(), id: id.clone() };
    let target = ready_target(cloud, fixture, &wanted).await;
    assert_eq!((&target.id, &target.name, target.gateway_id.as_str()), (&id, &new.name, gateway_id));
    assert_eq!(target.settings.as_ref(), Some(&settings));
    let listed = agentcore.list_targets(gateway_id.to_owned()).await.expect("targets can be listed");
    let listed: Vec<(&str, &str)> = listed.iter().map(|one| (one.id.as_str(), one.name.as_str())).collect();
    assert_eq!(listed, [(id.as_str(), "k8s-api")]);

    let twin = NewTarget { client_token: token(fixture, "other"), ..new.clone() };
    refused(agentcore.create_target(twin).await, ErrorKind::AlreadyExists, "CreateGatewayTarget");
    let with_target = agentcore.delete_gateway(gateway_id.to_owned()).await;
    refused(with_target, ErrorKind::InUse, "DeleteGateway");

    let changed = TargetSettings { description: "changed".to_owned(), ..settings };
    let change = TargetChange { target: wanted.clone(), name: new.name, settings: changed.clone() };
    agentcore.update_target(change.clone()).await.expect("a target is changed");
    assert_eq!(ready_target(cloud, fixture, &wanted).await.settings, Some(changed));
    agentcore.delete_target(wanted.clone()).await.expect("a target is deleted");
    fixture
        .until("the target has gone", async || {
            let found = agentcore.get_target(wanted.clone()).await.expect("targets can be read");
            found.is_none().then_some(())
        })
        .await;
    let missing = ErrorKind::NotFound;
    refused(agentcore.update_target(change).await, missing, "UpdateGatewayTarget");
    refused(agentcore.delete_target(wanted).await, missing, "DeleteGatewayTarget");
}

/// Makes a memory, reads it back, changes it, deletes it.
pub async fn memories(cloud: &Cloud, fixture: &Fixture) {
    let agentcore = &cloud.agentcore;
    let new = NewMemory {
        name: fixture.name("memory").replace('-', "_"),
        client_token: token(fixture, "memory"),
        event_expiry_days: 90,
        tags: fixture.tags("memory"),
    };
    let id = agentcore.create_memory(new.clone()).await.expect("a memory is made");
    let memory = fixture
        .until("the memory is active", async || {
            let found = agentcore.get_memory(id.clone()).await.expect("memories can be read");
            found.filter(|memory| memory.condition.is_ready())
        })
        .await;
    assert_eq!((&memory.id, &memory.name, memory.event_expiry_days), (&id, &new.name, 90));
    assert_eq!(memory.tags, new.tags);
    assert!(memory.arn.ends_with(&format!(":memory/{id}")), "{memory:?}");
    let names: BTreeSet<&str> = MemoryStrategy::ALL.iter().map(|one| one.name()).collect();
    assert_eq!(memory.strategies.keys().map(String::as_str).collect::<BTreeSet<_>>(), names);
    assert!(memory.strategies.values().all(Condition::is_ready), "{memory:?}");
    assert!(agentcore.list_memories(()).await.expect("memories can be listed").contains(&id));
    let change = MemoryChange { id: id.clone(), event_expiry_days: 30, added: BTreeSet::new() };
    agentcore.update_memory(change.clone()).await.expect("a memory is changed");
    let changed = fixture
        .until("the memory is active again", async || {
            let found = agentcore.get_memory(id.clone()).await.expect("memories can be read");
            found.filter(|memory| memory.condition.is_ready())
        })
        .await;
    assert_eq!((changed.event_expiry_days, changed.strategies), (30, memory.strategies));
    agentcore.delete_memory(id.clone()).await.expect("a memory is deleted");
    fixture
        .until("the memory has gone", async || {
            let found = agentcore.get_memory(id.clone()).await.expect("memories can be read");
            found.is_none().then_some(())
        })
        .await;
    refused(agentcore.update_memory(change).await, ErrorKind::NotFound, "UpdateMemory");
    refused(agentcore.delete_memory(id).await, ErrorKind::NotFound, "DeleteMemory");
}

/// Makes a runtime, reads it back, changes it, deletes it.
pub async fn runtimes(cloud: &Cloud, fixture: &Fixture) {
    let agentcore = &cloud.agentcore;
    let account = cloud.sts.get_caller_identity(()).await.expect("the caller is known").account;
    let pull = ("ecr:BatchGetImage", format!("arn:aws:ecr:us-east-1:{account}:repository/sre-agent"));
    let (role, role_arn) = role_for(cloud, fixture, "runtime", pull).await;
    let variable = |name: &str, value: &str| (name.to_owned(), Secret::new(value.to_owned()));
    let settings = RuntimeSettings {
        role_arn,
        artifact: format!("{account}.dkr.ecr.us-east-1.amazonaws.com/sre-agent:v1"),
        environment: BTreeMap::from([variable("ONE", "the-first-value"), variable("TWO", "two")]),
        description: "contract test".to_owned(),
    };
    let new = NewRuntime {
        name: fixture.name("runtime").replace('-', "_"),
        client_token: token(fixture, "runtime"),
        settings: settings.clone(),
        tags: fixture.tags("runtime"),
    };
    assert!(!format!("{new:?}").contains("the-first-value"));
    // A new role reaches the service late.
    let id = fixture
        .until("a runtime is made", async || match agentcore.create_runtime(new.clone()).await {
            Err(error) if error.kind == ErrorKind::NotPropagated => None,
            made => Some(made.expect("a runtime is made")),
        })
        .await;
    let runtime = ready_runtime(cloud, fixture, &id).await;
    assert_eq!((&runtime.id, &runtime.name, &runtime.tags), (&id, &new.name, &new.tags));
    assert_eq!((runtime.version.as_str(), &runtime.settings), ("1", &settings));
    assert!(runtime.arn.starts_with("arn:aws:bedrock-agentcore:us-east-1:"), "{runtime:?}");
    assert!(!format!("{runtime:?}").contains("the-first-value"), "{runtime:?}");
    let listed = agentcore.list_runtimes(()).await.expect("runtimes can be listed");
    let listed: Vec<&str> =
        listed.iter().filter(|one| one.name == new.name).map(|one| one.id.as_str()).collect();
    assert_eq!(listed, [id.as_str()]);

    // What is left out of the environment is gone: it is replaced as a whole.
    let changed = RuntimeSettings {
        artifact: format!("{account}.dkr.ecr.us-east-1.amazonaws.com/sre-agent:v2"),
        environment: BTreeMap::from([variable("ONE", "another-value")]),
        description: "changed".to_owned(),
        ..settings
    };
    let change = RuntimeChange { id: id.clone(), settings: changed.clone() };
    agentcore.update_runtime(change.clone()).await.expect("a runtime is changed");
    let runtime = agentcore.get_runtime(id.clone()).await.expect("runtimes can be read");
    assert_eq!(runtime.map(|one| (one.version, one.settings)), Some(("2".to_owned(), changed)));
    agentcore.delete_runtime(id.clone()).await.expect("a runtime is deleted");
    fixture
        .until("the runtime has gone", async || {
            let found = agentcore.get_runtime(id.clone()).await.expect("runtimes can be read");
            found.is_none().then_some(())
        })
        .await;
    let missing = ErrorKind::NotFound;
    refused(agentcore.update_runtime(change).await, missing, "UpdateAgentRuntime");
    refused(agentcore.delete_runtime(id).await, missing, "DeleteAgentRuntime");
    delete_role(cloud, role).await;
}

async fn ready_runtime(cloud: &Cloud, fixture: &Fixture, id: &str) -> Runtime {
    fixture
        .until("the runtime is ready", async || {
            let found = cloud.agentcore.get_runtime(id.to_owned()).await.expect("runtimes can be read");
            found.filter(|runtime| runtime.condition.is_ready())
        })
        .await
}
