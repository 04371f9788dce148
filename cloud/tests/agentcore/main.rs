//! Laws of gateways that only AgentCore and the practice account keep: names, tokens, order, limits, what fails late.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod parts;
mod runtimes;
mod targets;

use std::collections::BTreeSet;
use std::sync::Arc;

use cloud::fault::{FailNth, Failure, Matching, When};
use cloud::port::agentcore::{
    ApiKeyChange, GatewayChange, GatewaySettings, NewCredentialProvider, NewGateway, NewMemory, NewTarget,
    TargetRef, TargetSettings,
};
use cloud::port::iam::{Decision, Simulation};
use cloud::practice::{Practice, PracticeOptions};
use cloud::{CallError, ErrorKind, Hook};
use model::Secret;
use model::tags::Tags;

use parts::{
    PROVIDER, ROLE, allow, condition, gateway, ground, instant, provider, ready, refused, role, role_arn,
    settings, settling, target, target_condition, target_settings, token,
};

#[tokio::test]
async fn a_token_makes_one_thing_and_a_name_is_taken_once() {
    let cloud = instant().cloud();
    let id = ready(&cloud).await;
    let agentcore = &cloud.agentcore;
    let made = agentcore.get_gateway(id.clone()).await.unwrap().unwrap();
    assert_eq!(id.split_once('-').map(|(name, end)| (name, end.len())), Some(("one", 10)));
    let url = format!("https://{id}.gateway.bedrock-agentcore.us-east-1.amazonaws.com/mcp");
    assert_eq!(made.url, Some(url));
    assert_eq!(agentcore.create_gateway(gateway("One")).await.unwrap(), id);
    let other = NewGateway { client_token: token("other"), ..gateway("One") };
    refused(agentcore.create_gateway(other).await, "ConflictException", ErrorKind::AlreadyExists);

    let first = agentcore.create_target(target(&id, "k8s-api")).await.unwrap();
    assert_eq!(first.len(), 10);
    assert_eq!(agentcore.create_target(target(&id, "k8s-api")).await.unwrap(), first);
    let other = NewTarget { client_token: token("other"), ..target(&id, "k8s-api") };
    refused(agentcore.create_target(other).await, "ConflictException", ErrorKind::AlreadyExists);

    let again = agentcore.create_credential_provider(provider()).await;
    refused(again, "ConflictException", ErrorKind::AlreadyExists);
    assert_eq!(agentcore.list_gateways(()).await.unwrap().len(), 1);
    assert_eq!(agentcore.list_targets(id).await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_agentcore_would_not_accept_is_refused() {
    let cloud = instant().cloud();
    let id = ready(&cloud).await;
    let agentcore = &cloud.agentcore;
    let invalid = |answer: Result<String, CallError>| {
        refused(answer, "ValidationException", ErrorKind::Invalid);
    };
    let long = "a".repeat(49);
    for name in ["", "-one", "one--two", "one_two", long.as_str()] {
        let new = NewGateway { client_token: token("names"), ..gateway(name) };
        invalid(agentcore.create_gateway(new).await);
    }
    invalid(
        agentcore.create_gateway(NewGateway { client_token: "short".to_owned(), ..gateway("two") }).await,
    );
    for wrong in [
        GatewaySettings {
            discovery_url: "https://cognito-idp.us-east-1.amazonaws.com/x".to_owned(),
            ..settings()
        },
        GatewaySettings { allowed_clients: BTreeSet::new(), ..settings() },
    ] {
        invalid(agentcore.create_gateway(NewGateway { settings: wrong, ..gateway("two") }).await);
    }
    invalid(agentcore.create_target(target(&id, "k8s_api")).await);
    for wrong in [
        TargetSettings { schema_uri: "https://example.com/k8s_api.yaml".to_owned(), ..target_settings() },
        TargetSettings { provider_arn: "arn:aws:acps:us-east-1:1:x".to_owned(), ..target_settings() },
    ] {
        invalid(agentcore.create_target(NewTarget { settings: wrong, ..target(&id, "k8s-api") }).await);
    }
    let nobody = agentcore.create_target(target("nobody-0000000000", "k8s-api")).await;
    refused(nobody, "ResourceNotFoundException", ErrorKind::NotFound);
    let unnamed = NewCredentialProvider { name: "a b".to_owned(), ..provider() };
    invalid(agentcore.create_credential_provider(unnamed).await.map(|one| one.arn));
    let keyless =
        NewCredentialProvider { name: "two".to_owned(), api_key: Secret::new(String::new()), ..provider() };
    invalid(agentcore.create_credential_provider(keyless).await.map(|one| one.arn));
}

#[tokio::test]
async fn a_gateway_goes_after_its_targets_and_whoever_only_repeats_the_deletion_gets_through() {
    let practice = settling(2);
    let cloud = practice.cloud();
    let id = ready(&cloud).await;
    let agentcore = &cloud.agentcore;
    let target_id = agentcore.create_target(target(&id, "k8s-api")).await.unwrap();
    let words = refused(agentcore.delete_gateway(id.clone()).await, "ValidationException", ErrorKind::InUse);
    assert!(words.contains("has targets associated"), "{words}");
    let wanted = TargetRef { gateway_id: id.clone(), id: target_id };
    agentcore.delete_target(wanted.clone()).await.unwrap();
    agentcore.delete_target(wanted).await.unwrap();
    let mut tries = 0;
    while let Err(error) = agentcore.delete_gateway(id.clone()).await {
        assert_eq!(error.kind, ErrorKind::InUse, "{error}");
        tries += 1;
    }
    assert_eq!(tries, 2);
    assert_eq!(condition(&cloud, &id).await.unwrap().status, "DELETING");
    while condition(&cloud, &id).await.is_some() {}
    assert!(practice.inventory().iter().all(|thing| thing["type"] != "gateway"));
}

#[tokio::test]
async fn a_gateway_takes_its_time_and_takes_no_targets_meanwhile() {
    let cloud = settling(2).cloud();
    ground(&cloud).await;
    let agentcore = &cloud.agentcore;
    let id = agentcore.create_gateway(gateway("One")).await.unwrap();
    let early = agentcore.create_target(target(&id, "k8s-api")).await;
    refused(early, "ConflictException", ErrorKind::NotPropagated);
    let change = || GatewayChange { id: id.clone(), name: "One".to_owned(), settings: settings() };
    refused(agentcore.update_gateway(change()).await, "ConflictException", ErrorKind::NotPropagated);
    let seen = async || {
        let one = agentcore.get_gateway(id.clone()).await.unwrap().unwrap();
        (one.condition.status, one.url.is_some())
    };
    let is = |status: &str, has_url: bool| (status.to_owned(), has_url);
    assert_eq!(seen().await, is("CREATING", false));
    assert_eq!(seen().await, is("CREATING", false));
    assert_eq!(seen().await, is("READY", true));
    agentcore.update_gateway(change()).await.unwrap();
    assert_eq!(seen().await, is("UPDATING", true));
}

#[tokio::test]
async fn a_role_reaches_the_service_late_and_must_trust_it() {
    let practice = Practice::in_memory(PracticeOptions { lag_reads: 2, ..PracticeOptions::instant() });
    let cloud = practice.cloud();
    role(&cloud, "bedrock-agentcore.amazonaws.com").await;
    for _ in 0..2 {
        let early = cloud.agentcore.create_gateway(gateway("One")).await;
        refused(early, "ValidationException", ErrorKind::NotPropagated);
    }
    cloud.agentcore.create_gateway(gateway("One")).await.unwrap();

    let cloud = instant().cloud();
    role(&cloud, "ec2.amazonaws.com").await;
    let words = refused(
        cloud.agentcore.create_gateway(gateway("One")).await,
        "ValidationException",
        ErrorKind::NotPropagated,
    );
    assert!(words.contains("trust policy") && words.contains(ROLE), "{words}");
}

#[tokio::test]
async fn denials_name_the_action_that_is_missing() {
    let practice = instant();
    let cloud = practice.cloud();
    let id = ready(&cloud).await;
    let agentcore = &cloud.agentcore;
    let denied = |answer: Result<(), CallError>, action: &str| {
        let words = refused(answer, "AccessDeniedException", ErrorKind::Denied);
        assert!(words.contains(&format!("not authorized to perform: {action} on resource")), "{words}");
    };
    for action in ["CreateSecret", "PutSecretValue", "DeleteSecret"] {
        practice.seed(|seed| seed.deny(&format!("secretsmanager:{action}"))).unwrap();
    }
    let other = NewCredentialProvider { name: "other".to_owned(), ..provider() };
    denied(agentcore.create_credential_provider(other).await.map(|_| ()), "secretsmanager:CreateSecret");
    let change = ApiKeyChange { name: PROVIDER.to_owned(), api_key: Secret::new("new".to_owned()) };
    denied(agentcore.update_credential_provider(change).await, "secretsmanager:PutSecretValue");
    denied(agentcore.delete_credential_provider(PROVIDER.to_owned()).await, "secretsmanager:DeleteSecret");
    assert_eq!(
        practice.seed(|seed| seed.api_key(PROVIDER).map(str::to_owned)).unwrap().as_deref(),
        Some("a key")
    );
    assert_eq!(agentcore.list_credential_providers(()).await.unwrap(), [PROVIDER]);

    practice.seed(|seed| seed.deny("iam:PassRole")).unwrap();
    denied(agentcore.create_gateway(gateway("Two")).await.map(|_| ()), "iam:PassRole");
    let change = GatewayChange { id, name: "One".to_owned(), settings: settings() };
    denied(agentcore.update_gateway(change).await, "iam:PassRole");
    practice.seed(|seed| seed.deny("bedrock-agentcore:List*")).unwrap();
    denied(agentcore.list_gateways(()).await.map(|_| ()), "bedrock-agentcore:ListGateways");
}

#[tokio::test]
async fn new_things_are_missed_for_a_while() {
    let practice = Practice::in_memory(PracticeOptions { lag_reads: 2, ..PracticeOptions::instant() });
    let cloud = practice.cloud();
    let agentcore = &cloud.agentcore;
    agentcore.create_credential_provider(provider()).await.unwrap();
    assert_eq!(agentcore.get_credential_provider(PROVIDER.to_owned()).await.unwrap(), None);
    assert_eq!(agentcore.list_credential_providers(()).await.unwrap(), [""; 0]);
    assert!(agentcore.get_credential_provider(PROVIDER.to_owned()).await.unwrap().is_some());

    role(&cloud, "bedrock-agentcore.amazonaws.com").await;
    let id = loop {
        if let Ok(id) = agentcore.create_gateway(gateway("One")).await {
            break id;
        }
    };
    assert_eq!(condition(&cloud, &id).await, None);
    assert_eq!(agentcore.list_gateways(()).await.unwrap(), []);
    assert!(condition(&cloud, &id).await.unwrap().is_ready());
}

#[tokio::test]
async fn what_a_killed_process_began_goes_on_in_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("account.json");
    let options = PracticeOptions { settle_reads: 2, ..PracticeOptions::instant() };
    let (id, first) = {
        let cloud = Practice::open(&path, options.clone()).unwrap().cloud();
        let id = ready(&cloud).await;
        let first = cloud.agentcore.create_target(target(&id, "k8s-api")).await.unwrap();
        (id, first)
    };
    let practice = Practice::open(&path, options).unwrap();
    let cloud = practice.cloud();
    assert_eq!(target_condition(&cloud, &id, &first).await.unwrap().status, "CREATING");
    assert_eq!(cloud.agentcore.create_gateway(gateway("One")).await.unwrap(), id);
    assert_eq!(cloud.agentcore.create_target(target(&id, "k8s-api")).await.unwrap(), first);
    while !target_condition(&cloud, &id, &first).await.unwrap().is_ready() {}
    let made = cloud.agentcore.get_credential_provider(PROVIDER.to_owned()).await.unwrap().unwrap();
    let secret = cloud.secrets.get_secret_value(made.secret_arn).await.unwrap().unwrap();
    assert_eq!(secret.expose(), r#"{"api_key_value":"a key"}"#);
}

#[tokio::test]
async fn an_answer_that_is_lost_is_found_again_by_its_token() {
    let practice = instant();
    ground(&practice.cloud()).await;
    let lost = Failure::on_the_way(ErrorKind::Unreachable);
    let hook: Arc<dyn Hook> =
        Arc::new(FailNth::new(1, Matching::Operation("CreateGateway"), When::After, lost));
    let cloud = practice.cloud().hooked(&hook);
    let error = cloud.agentcore.create_gateway(gateway("One")).await.unwrap_err();
    assert_eq!(error.action(), "bedrock-agentcore:CreateGateway");
    assert!(error.may_have_happened());
    let id = cloud.agentcore.create_gateway(gateway("One")).await.unwrap();
    assert_eq!(cloud.agentcore.list_gateways(()).await.unwrap()[0].id, id);
}

#[tokio::test]
async fn seeds_are_things_of_others() {
    let practice = instant();
    let (arn, id) = practice
        .seed(|seed| (seed.credential_provider("theirs", "their key"), seed.gateway("Theirs", settings())))
        .unwrap();
    let cloud = practice.cloud();
    let found = cloud.agentcore.get_credential_provider("theirs".to_owned()).await.unwrap().unwrap();
    assert_eq!((found.arn, found.tags), (arn, Tags::new()));
    let found = cloud.agentcore.get_gateway(id).await.unwrap().unwrap();
    assert!(found.condition.is_ready() && found.tags.is_empty(), "{found:?}");
}

#[tokio::test]
async fn the_simulator_says_what_the_role_of_a_gateway_may() {
    let cloud = instant().cloud();
    ground(&cloud).await;
    allow(&cloud, "bedrock-agentcore:GetResourceApiKey", &target_settings().provider_arn).await;
    let actions = ["bedrock-agentcore:GetResourceApiKey", "bedrock-agentcore:GetWorkloadAccessToken"];
    let question = Simulation {
        principal_arn: role_arn(),
        actions: actions.map(str::to_owned).to_vec(),
        resources: vec![target_settings().provider_arn],
    };
    let said = cloud.iam.simulate_principal_policy(question).await.unwrap();
    let said: Vec<Decision> = said.into_iter().map(|one| one.decision).collect();
    assert_eq!(said, [Decision::Allowed, Decision::ImplicitDeny]);
}

#[tokio::test]
async fn a_memory_takes_its_time_and_may_fail() {
    let practice = settling(1);
    let agentcore = practice.cloud().agentcore;
    let new = |name: &str| NewMemory {
        name: name.to_owned(),
        client_token: token(&name.replace('_', "-")),
        event_expiry_days: 90,
        tags: Tags::new(),
    };
    let id = agentcore.create_memory(new("sre_agent_memory")).await.unwrap();
    assert_eq!(id.split_once('-').map(|(name, end)| (name, end.len())), Some(("sre_agent_memory", 10)));
    assert_eq!(agentcore.create_memory(new("sre_agent_memory")).await.unwrap(), id);
    let twin = NewMemory { client_token: token("other"), ..new("sre_agent_memory") };
    refused(agentcore.create_memory(twin).await, "ConflictException", ErrorKind::AlreadyExists);
    for wrong in [new("sre-agent"), new("1"), NewMemory { event_expiry_days: 2, ..new("short") }] {
        refused(agentcore.create_memory(wrong).await, "ValidationException", ErrorKind::Invalid);
    }
    let read = async |id: &str| agentcore.get_memory(id.to_owned()).await.unwrap().unwrap();
    let early = read(&id).await;
    assert_eq!(early.condition.status, "CREATING");
    assert!(early.strategies.values().all(|one| one.status == "CREATING"), "{early:?}");
    assert!(read(&id).await.condition.is_ready());

    practice.seed(|seed| seed.fail_memory("no capacity")).unwrap();
    let id = agentcore.create_memory(new("other")).await.unwrap();
    read(&id).await;
    let failed = read(&id).await.condition;
    assert!(failed.has_failed() && failed.reasons == ["no capacity"], "{failed:?}");
    assert_eq!(practice.inventory()[0]["condition"], "READY");
    assert_eq!(practice.inventory()[1]["condition"], "no capacity");
}
