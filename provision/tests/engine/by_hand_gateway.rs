//! The gateway's parts made by a person: told apart from ours, compared, and never taken away; and what of ours they live on
//! stays with them.
//!
//! Feature: aws-ec2-production-deployment, Property 5: Error Handling and Recovery

use std::collections::BTreeSet;

use cloud::practice::PracticeOptions;
use model::DeploymentId;
use model::plan::{Change, StepId};
use model::tags::Tags;
use provision::error::{RunError, StepError};
use provision::undo::Removal;

use crate::by_hand::{assert_slips, bench, seat};
use crate::gateway::{gateway_of, targets_of};
use crate::player::agentcore::KEY;
use crate::support::{Bench, config, usual, usual_and};

/// The parts of a gateway that a person can make.
fn parts() -> BTreeSet<StepId> {
    StepId::ALL.iter().copied().filter(|id| id.is_of_gateway() && id.can_be_guided()).collect()
}

async fn deployed(guided: impl IntoIterator<Item = StepId>) -> Bench {
    let mut bench = bench(PracticeOptions::instant(), guided);
    seat(&mut bench, |_| {});
    bench.deploy(&usual()).await.unwrap();
    bench
}

/// What was left, and of those that were held who holds them.
fn left(removal: &Removal) -> (BTreeSet<StepId>, BTreeSet<String>) {
    let steps = removal.left.iter().map(|left| left.step).collect();
    let blocked = removal.left.iter().filter_map(|left| match &left.error {
        StepError::Blocked(finding) => {
            assert_eq!(finding.code, "SRE-AWS-013", "{finding:#?}");
            Some(finding.message.clone())
        }
        _ => None,
    });
    (steps, blocked.collect())
}

fn types(bench: &Bench) -> BTreeSet<String> {
    let inventory = bench.practice.inventory();
    inventory.iter().map(|one| one["type"].as_str().unwrap().to_owned()).collect()
}

/// The person takes the gateway and its targets away again.
async fn take_away(bench: &Bench, gateway: &str, with_it: bool) {
    let agentcore = bench.practice.cloud().agentcore;
    for summary in agentcore.list_targets(gateway.to_owned()).await.unwrap() {
        let target =
            cloud::port::agentcore::TargetRef { gateway_id: gateway.to_owned(), id: summary.id.clone() };
        agentcore.delete_target(target).await.unwrap();
    }
    agentcore.list_targets(gateway.to_owned()).await.unwrap();
    if with_it {
        agentcore.delete_gateway(gateway.to_owned()).await.unwrap();
        agentcore.get_gateway(gateway.to_owned()).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_slip_on_a_page_of_the_gateway_is_named_by_its_field() {
    use StepId::{CredentialProvider, Gateway, GatewayRole, SchemaBucket, TargetK8s, TargetLogs};
    let policy =
        r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}"#;
    let bucket_policy = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject",
        "Resource": "arn:aws:s3:::bedrock-agentcore-gateway-123456789012-us-east-1-sre-test/*"}]}"#;
    let trust = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
                    "Principal": {"Service": "ec2.amazonaws.com"}}]}"#;
    let other_schema =
        "s3://bedrock-agentcore-gateway-123456789012-us-east-1-sre-test/sre-agent/sre-test/logs_api.yaml";
    let other_issuer = "https://issuer.example.com/.well-known/openid-configuration";
    let ours = "sre-agent-deploy sre-test: logs, schema 0123456789abcdef";
    assert_slips([
        (SchemaBucket, "Bucket policy", bucket_policy, "policy"),
        (CredentialProvider, "Name", "another-name", "name"),
        (GatewayRole, "Custom trust policy", trust, "trust"),
        (GatewayRole, "Create inline policy", policy, "policy"),
        (Gateway, "Gateway name", "another-gateway", "name"),
        (Gateway, "Gateway description", "mine", "description"),
        (Gateway, "Exception level debug", "No", "explains_errors"),
        (Gateway, "Discovery URL", other_issuer, "discovery_url"),
        (Gateway, "Allowed clients", "another-client", "clients"),
        (Gateway, "Allowed scopes", "sre-agent-api/other", "scopes"),
        (TargetLogs, "Target description", ours, "description"),
        (TargetK8s, "S3 URI", other_schema, "schema"),
        (TargetK8s, "Parameter name", "Authorization", "header"),
        (TargetK8s, "Private endpoint > Subnets", "subnet-0123456789abcdef0", "subnets"),
        (TargetK8s, "Private endpoint > Security groups", "sg-0123456789abcdef0", "security_groups"),
    ])
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_key_that_a_person_made_is_in_no_task_and_nowhere_of_ours() {
    let mut bench = bench(PracticeOptions::instant(), [StepId::CredentialProvider]);
    let player = seat(&mut bench, |_| {});
    bench.deploy(&usual()).await.unwrap();
    bench
        .practice
        .seed(|account| assert_eq!(account.api_key(model::agent::CREDENTIAL_PROVIDER), Some(KEY)))
        .unwrap();
    let journal = std::fs::read_to_string(bench.state_file()).unwrap();
    assert!(!journal.contains(KEY));
    assert!(!format!("{:?}{:?}", player.tasks(), bench.events.all()).contains(KEY));
}

#[tokio::test(start_paused = true)]
async fn what_a_person_made_without_tags_is_taken_by_its_name_and_never_tagged() {
    let guided = [StepId::SchemaBucket, StepId::CredentialProvider, StepId::Gateway];
    let mut bench = bench(PracticeOptions::instant(), guided);
    let player = seat(&mut bench, |player| player.forgets_tags = true);
    bench.deploy(&usual()).await.unwrap();
    assert_eq!(player.tasks().len(), guided.len());
    let untagged = |kind: &str| {
        let inventory = bench.practice.inventory();
        let mut of_kind = inventory.iter().filter(|one| one["type"] == kind);
        // The bundle has a bucket too.
        of_kind.any(|one| one["tags"] == serde_json::json!({}))
    };
    assert!(untagged("bucket") && untagged("credential-provider") && untagged("gateway"));
    let removal = bench.cleanup(&usual(), true).await.unwrap();
    let stays: BTreeSet<StepId> = removal.stays.iter().map(|stays| stays.step).collect();
    assert_eq!(stays, BTreeSet::from(guided));
    assert!(untagged("bucket") && untagged("credential-provider") && untagged("gateway"));
}

#[tokio::test(start_paused = true)]
async fn an_empty_bucket_without_tags_that_a_person_just_made_is_not_taken_for_ours() {
    let mut bench = bench(PracticeOptions::instant(), [StepId::SchemaBucket]);
    seat(&mut bench, |player| {
        player.forgets_tags = true;
        player.falls_silent = Some((StepId::SchemaBucket, true));
    });
    let config = usual();
    let ended = tokio::time::timeout(std::time::Duration::from_hours(1), bench.deploy(&config)).await;
    assert!(ended.is_err(), "{ended:?}");
    seat(&mut bench, |_| {});
    bench.deploy(&config).await.unwrap();
    let state = bench.state().unwrap();
    assert_eq!(state.step(StepId::SchemaBucket).ownership, Some(provision::journal::Ownership::Adopted));
}

#[tokio::test(start_paused = true)]
async fn what_another_deployments_calls_made_is_nobodys_handiwork() {
    let mut bench = bench(PracticeOptions::instant(), [StepId::CredentialProvider]);
    let mut other = usual_and("cognito: {domain_prefix: sre-other}\n");
    other.deployment.id = DeploymentId::parse("sre-other").unwrap();
    other.gateway.as_mut().unwrap().name = "other-gateway".to_owned();
    bench.guided = BTreeSet::new();
    bench.deploy(&other).await.unwrap();
    std::fs::remove_file(bench.state_file()).unwrap();
    bench.guided = BTreeSet::from([StepId::CredentialProvider]);
    let Err(RunError::Refused(findings)) = bench.deploy(&usual()).await else { panic!("it was taken") };
    assert_eq!(findings[0].code, "SRE-PLAN-001");
    assert!(findings[0].hint.as_ref().unwrap().contains("--adopt gateway.credential-provider="));
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_a_person_made_keeps_what_it_lives_on_with_and_without_the_journal() {
    for with_journal in [true, false] {
        let bench = deployed([StepId::Gateway]).await;
        let gateway = gateway_of(&bench);
        if !with_journal {
            std::fs::remove_file(bench.state_file()).unwrap();
        }
        let removal = bench.cleanup(&usual(), with_journal).await.unwrap();
        let (steps, messages) = left(&removal);
        let expected = [StepId::GatewayRole, StepId::UserPool, StepId::Domain];
        let known: BTreeSet<StepId> =
            // Without the configuration nobody knows the domain's name.
            expected.into_iter().filter(|id| with_journal || steps.contains(id)).collect();
        assert_eq!(steps, known, "journal: {with_journal}: {:#?}", removal.left);
        assert!(steps.contains(&StepId::GatewayRole) && steps.contains(&StepId::UserPool));
        assert!(
            messages.iter().all(|text| text.contains(&format!("gateway {gateway} stays"))),
            "{messages:?}"
        );
        let kinds = types(&bench);
        assert!(kinds.contains("gateway") && kinds.contains("role"), "{kinds:?}");
        let pool = bench.practice.inventory().into_iter().find(|one| one["type"] == "user-pool").unwrap();
        assert_eq!(pool["clients"].as_array().map(Vec::len), Some(1), "{pool}");
        // Our targets in it are known by their description; nothing needs their bucket and key any more.
        assert!(!kinds.contains("credential-provider") && !kinds.contains("bucket"), "{kinds:?}");
        if with_journal {
            let stays: Vec<_> = removal.stays.iter().map(|stays| (stays.step, stays.id.clone())).collect();
            assert_eq!(stays, [(StepId::Gateway, gateway.clone())]);
        }
        take_away(&bench, &gateway, true).await;
        let removal = bench.cleanup(&usual(), with_journal).await.unwrap();
        assert!(removal.left.is_empty(), "{:#?}", removal.left);
        assert_eq!(bench.practice.inventory(), Bench::new().practice.inventory());
    }
}

#[tokio::test(start_paused = true)]
async fn a_target_that_a_person_made_in_our_gateway_keeps_the_gateway_and_what_both_live_on() {
    for with_journal in [true, false] {
        let bench = deployed([StepId::TargetLogs]).await;
        let gateway = gateway_of(&bench);
        if !with_journal {
            std::fs::remove_file(bench.state_file()).unwrap();
        }
        let removal = bench.cleanup(&usual(), with_journal).await.unwrap();
        let (steps, messages) = left(&removal);
        assert_eq!(messages.len(), 1, "{messages:?}");
        let message = messages.first().unwrap();
        assert!(message.contains(&gateway) && message.contains("logs-api"), "{message}");
        let needed = [
            StepId::SecurityGroup,
            StepId::UserPool,
            StepId::CredentialProvider,
            StepId::SchemaBucket,
            StepId::GatewayRole,
            StepId::Gateway,
        ];
        assert!(steps.is_superset(&needed.into()), "{steps:?}");
        assert!(!steps.contains(&StepId::TargetK8s) && !steps.contains(&StepId::Instance), "{steps:?}");
        let schemas = bench.practice.inventory();
        let bucket = schemas.iter().find(|one| one["type"] == "bucket").unwrap();
        assert!(bucket.to_string().contains("logs_api.yaml"), "{bucket}");
        take_away(&bench, &gateway, false).await;
        let removal = bench.cleanup(&usual(), with_journal).await.unwrap();
        assert!(removal.left.is_empty(), "{:#?}", removal.left);
        assert_eq!(bench.practice.inventory(), Bench::new().practice.inventory());
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_person_made_under_our_gateway_stays_and_holds_nothing() {
    let guided = [StepId::SchemaBucket, StepId::CredentialProvider, StepId::GatewayRole];
    let bench = deployed(guided).await;
    let removal = bench.cleanup(&usual(), true).await.unwrap();
    assert!(removal.left.is_empty(), "{:#?}", removal.left);
    let stays: BTreeSet<StepId> = removal.stays.iter().map(|stays| stays.step).collect();
    assert_eq!(stays, BTreeSet::from(guided));
    assert!(removal.stays.iter().all(|stays| stays.is_handmade));
    let kinds: Vec<String> = ["bucket", "credential-provider", "role"].map(str::to_owned).to_vec();
    assert!(kinds.iter().all(|kind| types(&bench).contains(kind)));
    let bucket = bench.practice.inventory().into_iter().find(|one| one["type"] == "bucket").unwrap();
    assert!(!bucket.to_string().contains("api.yaml"), "our schemas in it are gone: {bucket}");
}

#[tokio::test(start_paused = true)]
async fn a_whole_gateway_that_a_person_made_goes_on_working_until_the_person_takes_it_away() {
    let bench = deployed(parts()).await;
    let gateway = gateway_of(&bench);
    let before: Vec<_> = {
        let all = bench.practice.inventory().into_iter();
        all.filter(|one| matches!(one["type"].as_str(), Some("gateway" | "credential-provider"))).collect()
    };
    let removal = bench.cleanup(&usual(), true).await.unwrap();
    let (steps, messages) = left(&removal);
    let needed = [StepId::SecurityGroup, StepId::UserPool, StepId::Domain, StepId::Schemas];
    assert_eq!(steps, needed.into(), "{:#?}", removal.left);
    assert!(messages.iter().any(|text| text.contains("target") && text.contains(&gateway)), "{messages:?}");
    let stays: BTreeSet<StepId> = removal.stays.iter().map(|stays| stays.step).collect();
    assert_eq!(stays, parts());
    let inventory = bench.practice.inventory();
    assert!(before.iter().all(|one| inventory.contains(one)), "{inventory:#?}");
    take_away(&bench, &gateway, true).await;
    let removal = bench.cleanup(&usual(), true).await.unwrap();
    assert!(removal.left.is_empty(), "{:#?}", removal.left);
    let kinds = BTreeSet::from(["bucket", "credential-provider", "role", "subnet"].map(str::to_owned));
    assert!(types(&bench).is_subset(&kinds), "{:?}", types(&bench));
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_a_person_made_and_nobody_wants_any_more_keeps_its_role_until_it_is_gone() {
    let without =
        config("tls: {domain: api.example.com, source: acm-exportable}\nhost: {install: user-data}\n");
    let bench = deployed([StepId::Gateway]).await;
    let gateway = gateway_of(&bench);
    let Err(RunError::Steps(failed)) = bench.deploy(&without).await else { panic!("its role went") };
    let [(StepId::GatewayRole, StepError::Blocked(finding))] = failed.as_slice() else {
        panic!("{failed:#?}")
    };
    assert!(finding.code == "SRE-AWS-013" && finding.message.contains(&gateway), "{finding:#?}");
    take_away(&bench, &gateway, true).await;
    bench.deploy(&without).await.unwrap();
    let never = Bench::new();
    never.deploy(&without).await.unwrap();
    assert_eq!(bench.practice.inventory(), never.practice.inventory());
}

#[tokio::test(start_paused = true)]
async fn a_changed_schema_is_said_of_a_target_that_a_person_made_and_is_theirs_to_read_anew() {
    let bench = deployed([StepId::TargetK8s]).await;
    let before = targets_of(&bench).await.into_iter().find(|one| one.name == "k8s-api").unwrap();
    let moved = config(
        "tls: {domain: b.example.com, source: acm-exportable}\nhost: {install: user-data}\ngateway: {name: sre-gateway}\n",
    );
    let plan = bench.prepare(&moved).await.unwrap().plan;
    assert!(matches!(plan.step(StepId::TargetK8s).unwrap().change, Change::Adopt { .. }));
    let said = plan.findings.iter().find(|finding| finding.subject == "gateway.target-k8s").unwrap();
    assert!(
        said.code == "SRE-PLAN-011" && said.message.contains("by hand for sre-agent-deploy"),
        "{said:#?}"
    );
    bench.deploy(&moved).await.unwrap();
    let after = targets_of(&bench).await.into_iter().find(|one| one.name == "k8s-api").unwrap();
    assert_eq!(after, before);
}

#[tokio::test(start_paused = true)]
async fn a_strangers_gateway_without_our_tags_is_said_to_differ_and_never_used() {
    let mut bench = bench(PracticeOptions::instant(), [StepId::Gateway]);
    bench
        .practice
        .seed(|account| {
            account.role("theirs", "/", Tags::new());
            let settings = cloud::port::agentcore::GatewaySettings {
                role_arn: "arn:aws:iam::123456789012:role/theirs".to_owned(),
                discovery_url: "https://issuer.example.com/.well-known/openid-configuration".to_owned(),
                allowed_clients: BTreeSet::from(["their-client".to_owned()]),
                allowed_scopes: BTreeSet::new(),
                description: "theirs".to_owned(),
                explains_errors: false,
            };
            account.gateway("sre-gateway", settings);
        })
        .unwrap();
    let player = seat(&mut bench, |player| player.says = Some((StepId::Gateway, model::guide::Answer::Stop)));
    assert!(matches!(bench.deploy(&usual()).await, Err(RunError::Cancelled)));
    let task = player.tasks().pop().unwrap();
    let fields: BTreeSet<&str> =
        task.differences.iter().map(|correction| correction.difference.field.as_str()).collect();
    assert!(fields.is_superset(&["role", "discovery_url", "clients"].into()), "{fields:?}");
    assert_eq!(bench.state().unwrap().step(StepId::Gateway).ownership, None);
}
