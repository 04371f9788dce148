//! The same person at the pages of S3 and of AgentCore: reads nothing but the task.

use std::collections::BTreeSet;

use cloud::Cloud;
use cloud::port::agentcore::{
    GatewaySettings, NewCredentialProvider, NewGateway, NewTarget, PrivateEndpoint, TargetSettings,
};
use cloud::port::s3::{BucketPolicy, BucketRef, NewBucket};
use model::Secret;
use model::guide::Task;
use model::plan::StepId;

use super::{all, call, tags, value};

/// The key that a person thinks of.
pub(crate) const KEY: &str = "5f2e0c91d7a84b36a1c0e97f3b5d8264";

/// Makes what the task says.
pub(crate) async fn make(cloud: &Cloud, task: &Task) -> Option<String> {
    match task.step {
        StepId::SchemaBucket => bucket(cloud, task).await,
        StepId::CredentialProvider => provider(cloud, task).await,
        StepId::Gateway => gateway(cloud, task).await,
        step if step.backend().is_some() => target(cloud, task).await,
        other => panic!("{other} is not made by hand"),
    }
}

/// What the Console sends along by itself.
fn token(task: &Task) -> String {
    format!("console-{:0>33}", task.step.as_str().replace('.', "-"))
}

async fn bucket(cloud: &Cloud, task: &Task) -> Option<String> {
    let bucket = BucketRef { name: value(task, "Bucket name"), owner: task.account.clone() };
    let new = NewBucket { name: bucket.name.clone(), tags: tags(task) };
    call(|| cloud.s3.create_bucket(new.clone())).await;
    assert_eq!(value(task, "Block all public access"), "Yes");
    call(|| cloud.s3.put_public_access_block(bucket.clone())).await;
    assert!(value(task, "Encryption type").ends_with("(SSE-S3)"));
    call(|| cloud.s3.put_bucket_encryption(bucket.clone())).await;
    let document = serde_json::from_str(&value(task, "Bucket policy > Edit")).unwrap();
    let policy = BucketPolicy { bucket: bucket.clone(), document };
    call(|| cloud.s3.put_bucket_policy(policy.clone())).await;
    Some(bucket.name)
}

async fn provider(cloud: &Cloud, task: &Task) -> Option<String> {
    assert_eq!(value(task, "API key selection method"), "Provide API key");
    let key = task.values.iter().find(|entry| entry.label == "API key").unwrap();
    assert!(key.note.as_ref().unwrap().contains("openssl rand -hex 32"), "{key:?}");
    let new = NewCredentialProvider {
        name: value(task, "Name"),
        api_key: Secret::new(KEY.to_owned()),
        tags: tags(task),
    };
    Some(call(|| cloud.agentcore.create_credential_provider(new.clone())).await.name)
}

async fn gateway(cloud: &Cloud, task: &Task) -> Option<String> {
    assert_eq!(value(task, "semantic search"), "Yes");
    let auth = task.values.iter().find(|entry| entry.label == "Inbound Auth configurations").unwrap();
    assert_eq!(auth.value, "Use existing identity provider configurations");
    let role = value(task, "Use an existing service role");
    let role = call(|| cloud.iam.get_role(role.clone())).await.unwrap();
    let new = NewGateway {
        name: value(task, "Gateway name"),
        client_token: token(task),
        settings: GatewaySettings {
            role_arn: role.arn,
            discovery_url: value(task, "Discovery URL"),
            allowed_clients: all(task, "Allowed clients").into_iter().collect(),
            allowed_scopes: all(task, "Allowed scopes").into_iter().collect(),
            description: value(task, "Gateway description"),
            explains_errors: value(task, "Exception level debug") == "Yes",
        },
        tags: tags(task),
    };
    Some(call(|| cloud.agentcore.create_gateway(new.clone())).await)
}

async fn target(cloud: &Cloud, task: &Task) -> Option<String> {
    assert_eq!(value(task, "Target type"), "REST API");
    assert_eq!(value(task, "API schema"), "OpenAPI schema");
    assert_eq!(value(task, "Credential location"), "Header");
    let provider = value(task, "Credential provider");
    let provider = call(|| cloud.agentcore.get_credential_provider(provider.clone())).await.unwrap();
    let several = |label: &str| -> BTreeSet<String> {
        all(task, label).iter().flat_map(|text| text.split(", ")).map(str::to_owned).collect()
    };
    let new = NewTarget {
        gateway_id: task.path[2].clone(),
        name: value(task, "Target name"),
        client_token: token(task),
        settings: TargetSettings {
            description: value(task, "Target description"),
            schema_uri: value(task, "S3 URI"),
            schema_owner: task.account.to_string(),
            provider_arn: provider.arn,
            header: value(task, "Parameter name"),
            private_endpoint: Some(PrivateEndpoint {
                vpc_id: value(task, "Private endpoint > VPC"),
                subnet_ids: several("Private endpoint > Subnets"),
                security_group_ids: several("Private endpoint > Security groups"),
                routing_domain: all(task, "Private endpoint > Routing domain").pop(),
            }),
        },
    };
    let id = call(|| cloud.agentcore.create_target(new.clone())).await;
    // The Console shows the target's own id.
    Some(id)
}
