//! Targets: how many at once, what fails late and why, what an update replaces.

use std::collections::BTreeSet;

use cloud::ErrorKind;
use cloud::port::agentcore::{
    GatewayChange, GatewaySettings, NewTarget, PrivateEndpoint, TargetChange, TargetRef, TargetSettings,
};
use cloud::port::iam::RolePolicy;

use crate::parts::{
    BUCKET, ROLE, gateway, instant, ready, refused, settings, settling, target, target_condition,
    target_settings,
};

#[tokio::test]
async fn a_gateway_does_five_things_at_once() {
    let cloud = settling(3).cloud();
    let id = ready(&cloud).await;
    let agentcore = &cloud.agentcore;
    for number in 0..5 {
        agentcore.create_target(target(&id, &format!("t{number}"))).await.unwrap();
    }
    let sixth = || agentcore.create_target(target(&id, "t5"));
    let words = refused(sixth().await, "ThrottlingException", ErrorKind::Throttled);
    assert!(words.contains("5 target operations"), "{words}");
    while sixth().await.is_err() {}
    assert_eq!(agentcore.list_targets(id).await.unwrap().len(), 6);
}

#[tokio::test]
async fn a_target_that_cannot_be_made_says_why_and_can_be_mended() {
    let practice = instant();
    let cloud = practice.cloud();
    let id = ready(&cloud).await;
    let agentcore = &cloud.agentcore;
    let elsewhere =
        |key: &str| TargetSettings { schema_uri: format!("s3://{BUCKET}/{key}"), ..target_settings() };
    for (name, settings, words) in [
        ("missing", elsewhere("sre/nothing.yaml"), "does not exist"),
        (
            "foreign",
            TargetSettings { schema_owner: "210987654321".to_owned(), ..target_settings() },
            "another account",
        ),
    ] {
        let made = agentcore.create_target(NewTarget { settings, ..target(&id, name) }).await.unwrap();
        let found = target_condition(&cloud, &id, &made).await.unwrap();
        assert!(found.has_failed() && !found.is_ready(), "{found:?}");
        assert!(found.reasons[0].contains(words), "{found:?}");
        let wanted = TargetRef { gateway_id: id.clone(), id: made.clone() };
        let change = TargetChange { target: wanted, name: name.to_owned(), settings: target_settings() };
        agentcore.update_target(change).await.unwrap();
        assert!(target_condition(&cloud, &id, &made).await.unwrap().is_ready());
    }
    practice.seed(|seed| seed.fail_target("seeded", "the service had a bad day")).unwrap();
    let made = agentcore.create_target(target(&id, "seeded")).await.unwrap();
    let found = target_condition(&cloud, &id, &made).await.unwrap();
    assert_eq!(found.reasons, ["the service had a bad day"]);
    let things = practice.inventory();
    let gateway = things.iter().find(|thing| thing["type"] == "gateway").unwrap();
    let told: Vec<&str> =
        gateway["targets"].as_array().unwrap().iter().filter_map(|one| one["condition"].as_str()).collect();
    assert_eq!(told, ["READY", "READY", "the service had a bad day"], "{gateway}");
}

#[tokio::test]
async fn the_role_of_the_gateway_must_be_able_to_read_the_schema() {
    let practice = instant();
    let cloud = practice.cloud();
    let id = ready(&cloud).await;
    let policy = RolePolicy { role: ROLE.to_owned(), policy: "s3-GetObject".to_owned() };
    cloud.iam.delete_role_policy(policy).await.unwrap();
    let made = cloud.agentcore.create_target(target(&id, "k8s-api")).await.unwrap();
    let found = target_condition(&cloud, &id, &made).await.unwrap();
    assert!(found.has_failed() && found.reasons[0].contains("role of the gateway"), "{found:?}");
    // A managed policy may allow it.
    practice
        .seed(|seed| seed.attach_policy(ROLE, "arn:aws:iam::aws:policy/BedrockAgentCoreFullAccess"))
        .unwrap();
    let made = cloud.agentcore.create_target(target(&id, "logs-api")).await.unwrap();
    assert!(target_condition(&cloud, &id, &made).await.unwrap().is_ready());
}

#[tokio::test]
async fn an_update_replaces_everything_but_the_name() {
    let cloud = instant().cloud();
    let id = ready(&cloud).await;
    let agentcore = &cloud.agentcore;
    let private = PrivateEndpoint {
        vpc_id: "vpc-1".to_owned(),
        subnet_ids: BTreeSet::from(["subnet-1".to_owned()]),
        security_group_ids: BTreeSet::from(["sg-1".to_owned()]),
        routing_domain: None,
    };
    let new = TargetSettings { private_endpoint: Some(private), ..target_settings() };
    let made =
        agentcore.create_target(NewTarget { settings: new.clone(), ..target(&id, "k8s-api") }).await.unwrap();
    let wanted = TargetRef { gateway_id: id.clone(), id: made };
    let read = async || agentcore.get_target(wanted.clone()).await.unwrap().unwrap().settings;
    assert_eq!(read().await, Some(new));
    let change =
        TargetChange { target: wanted.clone(), name: "k8s-api".to_owned(), settings: target_settings() };
    agentcore.update_target(change).await.unwrap();
    assert_eq!(read().await, Some(target_settings()));

    let settings = GatewaySettings { explains_errors: false, ..settings() };
    let change =
        |name: &str| GatewayChange { id: id.clone(), name: name.to_owned(), settings: settings.clone() };
    let renamed = agentcore.update_gateway(change("Two")).await;
    refused(renamed, "ValidationException", ErrorKind::Invalid);
    agentcore.update_gateway(change("One")).await.unwrap();
    let found = agentcore.get_gateway(id).await.unwrap().unwrap();
    assert_eq!((found.settings, found.tags), (settings, gateway("One").tags));
}
