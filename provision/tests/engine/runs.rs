//! Deploying, deploying again, changing, cleaning up.

use cloud::Access;
use cloud::fault::{Matching, Recorder};
use cloud::practice::PracticeOptions;
use model::plan::{Change, StepId};
use provision::error::RunError;
use std::sync::Arc;

use crate::support::{Bench, config, nothing_installed, usual, usual_and};

#[tokio::test(start_paused = true)]
async fn a_deployment_ends_with_everything_and_a_cleanup_with_nothing() {
    let bench = Bench::new();
    let before = bench.practice.inventory();
    let remarks = bench.deploy(&usual()).await.unwrap();
    assert!(remarks.iter().any(|finding| finding.code == "SRE-ACM-001"), "{remarks:#?}");
    let state = bench.state().unwrap();
    assert!(state.is_finished(), "{state:#?}");
    assert_eq!(state.steps.len(), StepId::ALL.len());
    let removal = bench.cleanup(&usual(), true).await.unwrap();
    assert!(removal.left.is_empty(), "{removal:#?}");
    assert_eq!(bench.practice.inventory(), before);
    assert!(bench.state().unwrap().cleaned_up);
}

#[tokio::test(start_paused = true)]
async fn cleanup_needs_no_journal() {
    let bench = Bench::new();
    let before = bench.practice.inventory();
    bench.deploy(&usual()).await.unwrap();
    std::fs::remove_file(bench.state_file()).unwrap();
    let removal = bench.cleanup(&usual(), false).await.unwrap();
    assert!(removal.left.is_empty(), "{removal:#?}");
    assert_eq!(bench.practice.inventory(), before);
}

#[tokio::test(start_paused = true)]
async fn a_second_deploy_changes_nothing_and_reads_the_same_in_a_crowded_account() {
    let mut reads = Vec::new();
    for crowd in [0, 5_000] {
        let mut bench = Bench::with(PracticeOptions::instant());
        bench
            .practice
            .seed(|account| {
                account.security_groups(crowd);
                account.roles(crowd * 2 / 5);
            })
            .unwrap();
        bench.deploy(&usual()).await.unwrap();
        let recorder = Arc::new(Recorder::default());
        bench.hooks.push(recorder.clone());
        bench.deploy(&usual()).await.unwrap();
        assert_eq!(recorder.actions(Matching::Access(Access::Write)), Vec::<String>::new());
        reads.push(recorder.count(Access::Read));
    }
    assert_eq!(reads[0], reads[1]);
}

#[tokio::test(start_paused = true)]
async fn with_the_state_file_lost_a_deploy_goes_on_from_what_carries_its_id() {
    let bench = Bench::new();
    bench.deploy(&usual()).await.unwrap();
    let whole = bench.practice.inventory();
    std::fs::remove_file(bench.state_file()).unwrap();
    let prepared = bench.prepare(&usual()).await.unwrap();
    assert!(
        prepared.plan.steps.iter().all(|step| matches!(step.change, Change::Keep { .. })),
        "{:#?}",
        prepared.plan
    );
    bench.deploy(&usual()).await.unwrap();
    assert_eq!(bench.practice.inventory(), whole);
    assert!(bench.state().unwrap().is_finished());
}

#[tokio::test(start_paused = true)]
async fn a_changed_configuration_is_planned_as_the_difference() {
    let bench = Bench::new();
    bench.deploy(&usual()).await.unwrap();
    let opened = usual_and("network: {https_cidrs: [10.0.0.0/8]}\ncognito: {access_token_minutes: 30}\n");
    let prepared = bench.prepare(&opened).await.unwrap();
    let pending: Vec<_> = prepared.plan.pending().map(|step| (step.id, step.change.verb())).collect();
    assert_eq!(pending, [(StepId::SecurityGroup, "update"), (StepId::AppClient, "update")]);
    bench.deploy(&opened).await.unwrap();
    let again = bench.prepare(&opened).await.unwrap();
    assert_eq!(again.plan.pending().count(), 0, "{:#?}", again.plan);
}

#[tokio::test(start_paused = true)]
async fn another_instance_type_replaces_the_instance_and_keeps_the_address() {
    let bench = Bench::new();
    bench.deploy(&usual()).await.unwrap();
    let address = bench.state().unwrap().step(StepId::Address).outputs["public_ip"].clone();
    let larger = usual_and("instance: {type: m6i.2xlarge}\n");
    let prepared = bench.prepare(&larger).await.unwrap();
    assert_eq!(prepared.plan.step(StepId::Instance).unwrap().change.verb(), "replace");
    bench.deploy(&larger).await.unwrap();
    let state = bench.state().unwrap();
    assert!(state.is_finished());
    assert_eq!(state.step(StepId::Instance).attempt(), 2);
    assert_eq!(state.step(StepId::AddressAssociation).outputs["public_ip"], address);
    assert_eq!(bench.prepare(&larger).await.unwrap().plan.pending().count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_certificate_that_is_no_longer_wanted_is_deleted() {
    let bench = Bench::new();
    bench.deploy(&usual()).await.unwrap();
    let acme = config(
        "tls: {domain: api.example.com, source: acme}\nhost: {install: user-data}\ngateway: {name: sre-gateway, memory_days: 90}\n",
    );
    bench.deploy(&acme).await.unwrap();
    assert!(bench.state().unwrap().is_finished());
    assert!(bench.state().unwrap().step(StepId::Certificate).id.is_none());
    assert_eq!(bench.prepare(&acme).await.unwrap().plan.pending().count(), 0);
}

#[tokio::test(start_paused = true)]
async fn after_a_cleanup_a_deploy_begins_anew_in_the_same_file() {
    let bench = Bench::new();
    bench.deploy(&usual()).await.unwrap();
    bench.cleanup(&usual(), true).await.unwrap();
    bench.deploy(&usual()).await.unwrap();
    let state = bench.state().unwrap();
    assert!(state.is_finished());
    assert_eq!(state.step(StepId::Instance).attempt(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_was_deleted_by_hand_is_made_again_under_a_new_key() {
    let bench = Bench::new();
    bench.deploy(&usual()).await.unwrap();
    let whole = bench.practice.inventory();
    let id = bench.state().unwrap().step(StepId::Instance).id.unwrap();
    let ec2 = bench.practice.cloud().ec2;
    let unprotected = cloud::port::ec2::TerminationProtection { instance_id: id.clone(), enabled: false };
    ec2.set_termination_protection(unprotected).await.unwrap();
    ec2.terminate_instance(id.clone()).await.unwrap();
    for _ in 0..5 {
        let _ = ec2.describe_instances(cloud::port::ec2::InstanceQuery::Id(id.clone())).await.unwrap();
    }
    bench.deploy(&usual()).await.unwrap();
    let names = |inventory: &[serde_json::Value]| inventory.len();
    assert_eq!(names(&bench.practice.inventory()), names(&whole));
    assert!(bench.state().unwrap().is_finished());
}

#[tokio::test(start_paused = true)]
async fn a_strangers_resource_with_our_name_stops_the_plan_and_stays() {
    let bench = Bench::new();
    bench
        .practice
        .seed(|account| {
            account.role("sre-test-instance", "/", model::tags::Tags::new());
            account.security_group("sre-test-proxy", model::tags::Tags::new());
            account.foreign_domain("sre-test");
        })
        .unwrap();
    let before = bench.practice.inventory();
    let Err(RunError::Refused(findings)) = bench.deploy(&usual()).await else { panic!("deployed") };
    let codes: Vec<_> = findings.iter().map(|finding| finding.code.as_str()).collect();
    assert_eq!(codes, ["SRE-PLAN-001", "SRE-PLAN-001", "SRE-PLAN-012"], "{findings:#?}");
    assert!(findings[0].hint.as_ref().unwrap().contains("--adopt ec2.security-group=sg-"), "{findings:#?}");
    assert_eq!(bench.practice.inventory(), before);
}

#[tokio::test(start_paused = true)]
async fn what_is_adopted_is_used_and_never_touched() {
    let bench = Bench::new();
    let mut pool = String::new();
    bench.practice.seed(|account| pool = account.user_pool("people", model::tags::Tags::new())).unwrap();
    let before = bench.practice.inventory();
    let adopting = config(&format!(
        "tls: {{domain: api.example.com, source: acme}}\nhost: {{install: none}}\ncognito: {{adopt_user_pool_id: {pool}}}\n"
    ));
    bench.deploy(&adopting).await.unwrap();
    let state = bench.state().unwrap();
    assert!(state.is_finished(), "{state:#?}");
    assert_eq!(state.step(StepId::UserPool).id.as_deref(), Some(pool.as_str()));
    let removal = bench.cleanup(&adopting, true).await.unwrap();
    assert!(removal.left.is_empty(), "{removal:#?}");
    assert_eq!(bench.practice.inventory(), before);
}

#[tokio::test(start_paused = true)]
async fn deployment_ids_that_share_a_beginning_do_not_meet() {
    let bench = Bench::new();
    bench.deploy(&usual()).await.unwrap();
    let first = bench.practice.inventory();
    let other = {
        let text = "tls: {domain: b.example.com, source: acm-exportable}\nhost: {install: none}\n";
        let mut config = config(text);
        config.deployment.id = model::DeploymentId::parse("sre-test-2").unwrap();
        config.cognito.domain_prefix = model::ids::DomainPrefix::parse("sre-test-2").unwrap();
        config
    };
    std::fs::rename(bench.state_file(), bench.state_file().with_extension("first")).unwrap();
    bench.deploy(&other).await.unwrap();
    let removal = bench.cleanup(&other, false).await.unwrap();
    assert!(removal.left.is_empty());
    assert_eq!(bench.practice.inventory(), first);
}

#[tokio::test(start_paused = true)]
async fn what_was_changed_by_hand_is_planned_recorded_and_put_right() {
    let bench = Bench::new();
    bench.deploy(&usual()).await.unwrap();
    let whole = bench.practice.inventory();
    let group = bench.state().unwrap().step(StepId::SecurityGroup).id.unwrap();
    let rules = ["tcp 22 0.0.0.0/0".parse().unwrap()].into();
    let opened = cloud::port::ec2::RuleChange { group_id: group, rules };
    bench.practice.cloud().ec2.authorize_ingress(opened).await.unwrap();
    let prepared = bench.prepare(&usual()).await.unwrap();
    let pending: Vec<_> = prepared.plan.pending().map(|step| (step.id, step.change.verb())).collect();
    assert_eq!(pending, [(StepId::SecurityGroup, "update")]);
    bench.deploy(&usual()).await.unwrap();
    assert_eq!(bench.practice.inventory(), whole);
    let journal = std::fs::read_to_string(bench.state_file()).unwrap();
    assert!(
        journal.lines().any(|line| line.contains(r#""event":"drift""#) && line.contains("tcp 22 0.0.0.0/0"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_rollback_takes_back_what_the_last_plan_created_and_nothing_else() {
    let bench = Bench::new();
    let acme = config("tls: {domain: api.example.com, source: acme}\nhost: {install: none}\n");
    bench.deploy(&acme).await.unwrap();
    let before = bench.practice.inventory();
    bench.deploy(&nothing_installed()).await.unwrap();
    assert_ne!(bench.practice.inventory(), before);
    let engine = bench.engine();
    let (id, region) = (&acme.deployment.id, &acme.aws.region);
    let state = bench.state().unwrap();
    let all =
        engine.find(id, region, &Bench::account(), Some(&nothing_installed()), Some(&state)).await.unwrap();
    let targets = provision::engine::created_by_last_plan(&state, all);
    assert_eq!(targets.keys().copied().collect::<Vec<_>>(), [StepId::Certificate]);
    let journal = bench.locked().await.ok().unwrap();
    let removal = engine.rollback(&nothing_installed(), &targets, journal).await.unwrap();
    assert!(removal.left.is_empty(), "{removal:#?}");
    // What was changed in place, such as the role's policy, is no creation.
    let but_roles = |all: Vec<serde_json::Value>| -> Vec<_> {
        all.into_iter().filter(|one| one["type"] != "role").collect()
    };
    assert_eq!(but_roles(bench.practice.inventory()), but_roles(before));
    // Forward again, as a resume would.
    assert!(bench.state().unwrap().is_resumable());
    bench.deploy(&nothing_installed()).await.unwrap();
    assert!(bench.state().unwrap().is_finished());
}

#[tokio::test(start_paused = true)]
async fn a_strangers_role_is_adopted_by_the_name_that_the_refusal_gives() {
    let bench = Bench::new();
    bench
        .practice
        .seed(|account| {
            account.role("sre-test-instance", "/", model::tags::Tags::new());
        })
        .unwrap();
    let before = bench.practice.inventory();
    let Err(RunError::Refused(findings)) = bench.deploy(&nothing_installed()).await else {
        panic!("deployed")
    };
    let hint = findings[0].hint.clone().unwrap();
    let (_, advice) = hint.split_once("--adopt ").unwrap();
    let (step, id) = advice.split_once('`').unwrap().0.split_once('=').unwrap();
    let adoptions = [(StepId::parse(step).unwrap(), id.to_owned())].into();
    bench.deploy_adopting(&nothing_installed(), &adoptions).await.unwrap();
    assert!(bench.state().unwrap().is_finished());
    let removal = bench.cleanup(&nothing_installed(), true).await.unwrap();
    assert!(removal.left.is_empty(), "{removal:#?}");
    assert_eq!(bench.practice.inventory(), before);
}

#[tokio::test(start_paused = true)]
async fn with_the_state_file_lost_our_client_in_an_adopted_pool_is_found_through_the_configuration() {
    let bench = Bench::new();
    let mut pool = String::new();
    bench.practice.seed(|account| pool = account.user_pool("people", model::tags::Tags::new())).unwrap();
    let adopting = config(&format!(
        "tls: {{domain: api.example.com, source: acme}}\nhost: {{install: none}}\n\
         cognito: {{adopt_user_pool_id: {pool}}}\n"
    ));
    bench.deploy(&adopting).await.unwrap();
    std::fs::remove_file(bench.state_file()).unwrap();
    let engine = bench.engine();
    let (id, region) = (&adopting.deployment.id, &adopting.aws.region);
    let targets = engine.find(id, region, &Bench::account(), Some(&adopting), None).await.unwrap();
    // The pool is a stranger's, and who made its resource server and domain nothing in the account says.
    for never in [StepId::UserPool, StepId::ResourceServer, StepId::Domain] {
        assert!(!targets.contains_key(&never), "{never}");
    }
    let removal =
        engine.cleanup(id, region, &Bench::account(), Some(&adopting), &targets, None).await.unwrap();
    assert!(removal.left.is_empty(), "{removal:#?}");
    let left = bench.practice.inventory();
    let people = left.iter().find(|one| one["name"] == "people").unwrap();
    assert_eq!(people["clients"], serde_json::json!([]), "{left:#?}");
}
