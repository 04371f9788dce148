//! The gateway among what others have made: refused, adopted, left alone.
//!
//! Feature: aws-ec2-production-deployment, Property 5: Error Handling and Recovery

use std::collections::BTreeSet;

use cloud::port::agentcore::{GatewaySettings, NewTarget, TargetRef, TargetSettings};
use cloud::port::iam::RoleTrust;
use model::agent::CREDENTIAL_PROVIDER;
use model::plan::StepId;
use model::tags::Tags;
use provision::error::{RunError, StepError};
use provision::journal::Ownership;

use crate::gateway::{gateway_of, targets_of, with_gateway};
use crate::support::{Bench, config, usual};

fn refused(ended: Result<Vec<model::Finding>, RunError>) -> Vec<model::Finding> {
    match ended {
        Err(RunError::Refused(findings)) => findings,
        other => panic!("{other:?}"),
    }
}

async fn stranger(bench: &Bench, gateway_id: &str, name: &str, settings: TargetSettings) -> TargetRef {
    let agentcore = bench.practice.cloud().agentcore;
    let new = NewTarget {
        gateway_id: gateway_id.to_owned(),
        name: name.to_owned(),
        client_token: "a-stranger-has-a-token-of-his-own-and-a-long-one".to_owned(),
        settings,
    };
    let id = agentcore.create_target(new).await.unwrap();
    let wanted = TargetRef { gateway_id: gateway_id.to_owned(), id };
    for _ in 0..5 {
        agentcore.get_target(wanted.clone()).await.unwrap();
    }
    wanted
}

#[tokio::test(start_paused = true)]
async fn a_provider_of_somebody_else_stops_the_plan_and_can_be_adopted() {
    let bench = Bench::new();
    bench.practice.seed(|account| drop(account.credential_provider(CREDENTIAL_PROVIDER, "theirs"))).unwrap();
    let before = bench.practice.inventory();
    let findings = refused(bench.deploy(&usual()).await);
    assert_eq!(findings[0].code, "SRE-PLAN-001");
    let hint = findings[0].hint.clone().unwrap();
    assert!(hint.contains(&format!("--adopt gateway.credential-provider={CREDENTIAL_PROVIDER}")), "{hint}");
    let adoptions = [(StepId::CredentialProvider, CREDENTIAL_PROVIDER.to_owned())].into();
    bench.deploy_adopting(&usual(), &adoptions).await.unwrap();
    assert!(bench.cleanup(&usual(), true).await.unwrap().left.is_empty());
    assert_eq!(bench.practice.inventory(), before);
    bench.practice.seed(|account| assert_eq!(account.api_key(CREDENTIAL_PROVIDER), Some("theirs"))).unwrap();
}

/// An account in which somebody else has a bucket, a role, a provider and a gateway; the provider's ARN and the
/// gateway's id.
async fn furnished() -> (Bench, String, String) {
    let bench = Bench::new();
    let (mut provider, mut gateway) = (String::new(), String::new());
    bench
        .practice
        .seed(|account| {
            account.bucket("their-schemas", Tags::new());
            account.role("their-gateway-role", "/", Tags::new());
            account.attach_policy("their-gateway-role", "arn:aws:iam::aws:policy/BedrockAgentCoreFullAccess");
            provider = account.credential_provider("theirs", "their-key");
            let settings = GatewaySettings {
                role_arn: "arn:aws:iam::123456789012:role/their-gateway-role".to_owned(),
                discovery_url: "https://issuer.example.com/.well-known/openid-configuration".to_owned(),
                allowed_clients: BTreeSet::from(["their-client".to_owned()]),
                allowed_scopes: BTreeSet::new(),
                description: "theirs".to_owned(),
                explains_errors: false,
            };
            gateway = account.gateway("sre-gateway", settings);
        })
        .unwrap();
    let trust = RoleTrust {
        role: "their-gateway-role".to_owned(),
        trust: serde_json::json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
            "Principal": {"Service": "bedrock-agentcore.amazonaws.com"}}]}),
    };
    bench.practice.cloud().iam.update_assume_role_policy(trust).await.unwrap();
    (bench, provider, gateway)
}

#[tokio::test(start_paused = true)]
async fn all_four_that_can_be_adopted_are_used_and_never_touched() {
    let (bench, provider, gateway) = furnished().await;
    let before = bench.practice.inventory();
    let adopting = with_gateway(&format!(
        ", s3_bucket: their-schemas, role_name: their-gateway-role, provider_arn: \"{provider}\""
    ));
    let findings = refused(bench.deploy(&adopting).await);
    assert!(findings[0].hint.as_ref().unwrap().contains(&format!("--adopt gateway.gateway={gateway}")));
    let adoptions = [(StepId::Gateway, gateway.clone())].into();
    let remarks = bench.deploy_adopting(&adopting, &adoptions).await.unwrap();
    let differs =
        |step: StepId| remarks.iter().any(|one| one.code == "SRE-PLAN-011" && one.subject == step.as_str());
    assert!(differs(StepId::Gateway) && differs(StepId::GatewayRole), "{remarks:#?}");
    let state = bench.state().unwrap();
    for step in [StepId::SchemaBucket, StepId::GatewayRole, StepId::CredentialProvider, StepId::Gateway] {
        assert_eq!(state.step(step).ownership, Some(Ownership::Adopted), "{step}");
    }
    let targets = targets_of(&bench).await;
    assert_eq!(targets.len(), 4);
    let settings = targets[0].settings.as_ref().unwrap();
    assert!(settings.schema_uri.starts_with("s3://their-schemas/sre-agent/sre-test/"), "{settings:#?}");
    assert_eq!(settings.provider_arn, provider);
    assert_eq!(bench.prepare(&adopting).await.unwrap().plan.pending().count(), 0);
    let removal = bench.cleanup(&adopting, true).await.unwrap();
    assert!(removal.left.is_empty(), "{removal:#?}");
    assert_eq!(bench.practice.inventory(), before);
}

#[tokio::test(start_paused = true)]
async fn with_the_state_file_lost_what_was_made_in_adopted_things_is_found_through_the_configuration() {
    let (bench, provider, _) = furnished().await;
    let before = bench.practice.inventory();
    let adopting = config(&format!(
        "tls: {{domain: api.example.com, source: acm-exportable}}\nhost: {{install: user-data}}\n\
         gateway: {{name: ours, s3_bucket: their-schemas, role_name: their-gateway-role, provider_arn: \"{provider}\"}}\n"
    ));
    bench.deploy(&adopting).await.unwrap();
    std::fs::remove_file(bench.state_file()).unwrap();
    let engine = bench.engine();
    let (id, region) = (&adopting.deployment.id, &adopting.aws.region);
    let targets = engine.find(id, region, &Bench::account(), Some(&adopting), None).await.unwrap();
    for never in [StepId::SchemaBucket, StepId::GatewayRole, StepId::CredentialProvider] {
        assert!(!targets.contains_key(&never), "{never}");
    }
    let removal =
        engine.cleanup(id, region, &Bench::account(), Some(&adopting), &targets, None).await.unwrap();
    assert!(removal.left.is_empty(), "{removal:#?}");
    assert_eq!(bench.practice.inventory(), before);
}

#[tokio::test(start_paused = true)]
async fn a_gateway_in_which_somebody_else_has_a_target_stays_with_it_and_both_are_named() {
    let bench = Bench::new();
    bench.deploy(&usual()).await.unwrap();
    let gateway = gateway_of(&bench);
    let settings = targets_of(&bench).await.remove(0).settings.unwrap();
    let settings = TargetSettings { description: "somebody's".to_owned(), ..settings };
    let theirs = stranger(&bench, &gateway, "tickets", settings).await;
    let removal = bench.cleanup(&usual(), true).await.unwrap();
    let (step, error) = removal
        .left
        .iter()
        .find_map(|left| match &left.error {
            StepError::Blocked(finding) => Some((left.step, finding.clone())),
            _ => None,
        })
        .unwrap();
    assert_eq!((step, error.code.as_str()), (StepId::Gateway, "SRE-AWS-013"));
    assert!(error.message.contains("tickets") && error.message.contains(&gateway), "{error:#?}");
    // What it lives on stays as well: it would be broken without.
    let left: BTreeSet<StepId> = removal.left.iter().map(|left| left.step).collect();
    assert!(left.is_superset(&[StepId::GatewayRole, StepId::CredentialProvider].into()), "{left:?}");
    assert!(!left.contains(&StepId::TargetK8s) && !left.contains(&StepId::Instance), "{left:?}");
    let agentcore = bench.practice.cloud().agentcore;
    agentcore.delete_target(theirs).await.unwrap();
    let removal = bench.cleanup(&usual(), true).await.unwrap();
    assert!(removal.left.is_empty(), "{removal:#?}");
    assert_eq!(bench.practice.inventory(), Bench::new().practice.inventory());
}

#[tokio::test(start_paused = true)]
async fn a_target_of_our_name_in_an_adopted_gateway_is_not_taken_for_ours() {
    let (bench, provider, gateway) = furnished().await;
    let settings = TargetSettings {
        description: "theirs".to_owned(),
        schema_uri: "s3://their-schemas/x.yaml".to_owned(),
        schema_owner: "123456789012".to_owned(),
        provider_arn: provider,
        header: "X-API-Key".to_owned(),
        private_endpoint: None,
    };
    let theirs = stranger(&bench, &gateway, "k8s-api", settings).await;
    let adoptions = [(StepId::Gateway, gateway.clone())].into();
    let findings = refused(bench.deploy_adopting(&usual(), &adoptions).await);
    let hint = findings[0].hint.clone().unwrap();
    assert!(hint.contains(&format!("--adopt gateway.target-k8s={gateway}/{}", theirs.id)), "{hint}");
}
