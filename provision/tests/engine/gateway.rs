//! The gateway's own ways to fail, its neighbours, and the key that nobody may see.
//!
//! Feature: aws-ec2-production-deployment, Property 5: Error Handling and Recovery

use std::collections::BTreeSet;
use std::sync::Arc;

use cloud::fault::{FailNth, Failure, Gate, Matching, Recorder, When};
use cloud::port::agentcore::{
    GatewayChange, GatewaySettings, Target, TargetChange, TargetRef, TargetSettings,
};
use cloud::practice::PracticeOptions;
use cloud::{Access, ErrorKind};
use model::agent::{Backend, CREDENTIAL_PROVIDER};
use model::config::Config;
use model::event::What;
use model::plan::StepId;
use proptest::prelude::*;
use provision::error::{RunError, StepError};
use provision::journal::Ownership;

use crate::support::{Bench, RUNTIME, config, usual, usual_and};

/// A gateway with these words in its section.
pub(crate) fn with_gateway(more: &str) -> Config {
    config(&format!(
        "tls: {{domain: api.example.com, source: acm-exportable}}\nhost: {{install: user-data}}\n\
         gateway: {{name: sre-gateway{more}}}\n"
    ))
}

/// The one step that was blocked, and what was said.
pub(crate) fn blocked(ended: Result<Vec<model::Finding>, RunError>) -> (StepId, model::Finding) {
    match ended {
        Err(RunError::Steps(failed)) => match failed.into_iter().next() {
            Some((step, StepError::Blocked(finding))) => (step, *finding),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

pub(crate) fn gateway_of(bench: &Bench) -> String {
    bench.state().unwrap().step(StepId::Gateway).id.unwrap()
}

pub(crate) async fn targets_of(bench: &Bench) -> Vec<Target> {
    let (agentcore, gateway_id) = (bench.practice.cloud().agentcore, gateway_of(bench));
    let mut targets = Vec::new();
    for summary in agentcore.list_targets(gateway_id.clone()).await.unwrap() {
        let wanted = TargetRef { gateway_id: gateway_id.clone(), id: summary.id };
        targets.extend(agentcore.get_target(wanted).await.unwrap());
    }
    targets
}

#[tokio::test(start_paused = true)]
async fn what_later_steps_and_the_report_need_is_known() {
    let bench = Bench::new();
    bench.deploy(&usual()).await.unwrap();
    let state = bench.state().unwrap();
    let gateway = state.step(StepId::Gateway).outputs;
    assert!(gateway["arn"].ends_with(&format!(":gateway/{}", gateway["id"])), "{gateway:#?}");
    assert!(gateway["url"].starts_with("https://") && gateway["url"].ends_with("/mcp"), "{gateway:#?}");
    let provider = state.step(StepId::CredentialProvider).outputs;
    assert_eq!(provider["id"], CREDENTIAL_PROVIDER);
    assert!(provider["arn"].ends_with(CREDENTIAL_PROVIDER), "{provider:#?}");
    assert!(
        provider["secret_arn"].contains(":secret:bedrock-agentcore-identity!default/apikey/"),
        "{provider:#?}"
    );
    let bucket = &state.step(StepId::SchemaBucket).outputs["id"];
    assert_eq!(bucket, "bedrock-agentcore-gateway-123456789012-us-east-1-sre-test");
    assert!(state.step(StepId::GatewayRole).outputs["arn"].contains("BedrockAgentCore"));
    let names: BTreeSet<String> = targets_of(&bench).await.into_iter().map(|target| target.name).collect();
    assert_eq!(names, Backend::ALL.map(|backend| backend.target().to_owned()).into());
}

#[tokio::test(start_paused = true)]
async fn a_target_that_failed_says_why_and_is_made_anew_by_the_next_run() {
    let bench = Bench::new();
    bench.practice.seed(|account| account.fail_target("logs-api", "the schema has no operations")).unwrap();
    let (step, finding) = blocked(bench.deploy(&usual()).await);
    assert_eq!((step, finding.code.as_str()), (StepId::TargetLogs, "SRE-AWS-012"), "{finding:#?}");
    assert!(finding.message.contains("logs-api") && finding.message.contains("the schema has no operations"));
    assert!(bench.state().unwrap().is_resumable());
    let failed = bench.state().unwrap().step(StepId::TargetLogs).id.unwrap();
    bench.deploy(&usual()).await.unwrap();
    let whole = Bench::new();
    whole.deploy(&usual()).await.unwrap();
    assert_eq!(bench.practice.inventory(), whole.practice.inventory());
    assert_ne!(bench.state().unwrap().step(StepId::TargetLogs).id.unwrap(), failed);
    assert_eq!(bench.prepare(&usual()).await.unwrap().plan.pending().count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_target_that_fails_again_when_it_is_made_anew_can_be_made_anew_once_more() {
    let bench = Bench::new();
    for _ in 0..3 {
        bench.practice.seed(|account| account.fail_target("k8s-api", "not yet")).unwrap();
        assert_eq!(blocked(bench.deploy(&usual()).await).0, StepId::TargetK8s);
    }
    bench.deploy(&usual()).await.unwrap();
    assert_eq!(targets_of(&bench).await.len(), 4);
    assert!(bench.cleanup(&usual(), true).await.unwrap().left.is_empty());
    assert_eq!(bench.practice.inventory(), Bench::new().practice.inventory());
}

/// Feature: aws-ec2-production-deployment, Property 5: also where a failed target is on its way to be another.
#[tokio::test(start_paused = true)]
async fn killed_while_a_failed_target_is_made_anew_a_resume_ends_with_four_of_them() {
    let whole = Bench::new();
    whole.deploy(&usual()).await.unwrap();
    for when in [When::Before, When::After] {
        for n in 1..=2 {
            let mut bench = Bench::new();
            bench.practice.seed(|account| account.fail_target("k8s-api", "not yet")).unwrap();
            blocked(bench.deploy(&usual()).await);
            let (gate, mut reached) = Gate::at(n, Matching::Access(Access::Write), when);
            bench.hooks.push(gate);
            let config = usual();
            tokio::select! {
                ended = bench.deploy(&config) => panic!("call {n} was never reached: {ended:?}"),
                changed = reached.wait_for(|reached| *reached) => drop(changed.unwrap()),
            }
            bench.hooks.clear();
            bench.deploy(&usual()).await.unwrap_or_else(|error| panic!("{when:?} {n}: {error:?}"));
            assert_eq!(bench.practice.inventory(), whole.practice.inventory(), "{when:?} {n}");
            assert!(bench.cleanup(&usual(), true).await.unwrap().left.is_empty(), "{when:?} {n}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_role_that_is_not_known_everywhere_is_waited_for() {
    let mut bench = Bench::new();
    let refusal = Failure::answered(
        "ValidationException",
        "The service is not able to assume the role arn:aws:iam::123456789012:role/x",
    );
    let hook = FailNth::new(1, Matching::Operation("CreateGateway"), When::Before, refusal);
    bench.hooks.push(Arc::new(hook.times(3)));
    bench.deploy(&usual()).await.unwrap();
    let waits = bench.events.all().into_iter().filter(|event| {
        matches!(&event.what, What::Waiting { step: Some(StepId::Gateway), reason, .. } if reason.contains("IAM propagation"))
    });
    let lag = usize::try_from(cloud::practice::PracticeOptions::default().lag_reads).unwrap();
    assert_eq!(waits.count(), 3 + lag, "those of the hook, and the account's own");
}

#[tokio::test(start_paused = true)]
async fn what_was_changed_by_hand_is_put_right_and_what_was_deleted_is_made_again() {
    let bench = Bench::new();
    bench.deploy(&usual()).await.unwrap();
    let whole = bench.practice.inventory();
    let agentcore = bench.practice.cloud().agentcore;
    let gateway = agentcore.get_gateway(gateway_of(&bench)).await.unwrap().unwrap();
    let opened = GatewaySettings { allowed_scopes: BTreeSet::new(), ..gateway.settings };
    let change = GatewayChange { id: gateway.id.clone(), name: gateway.name, settings: opened };
    agentcore.update_gateway(change).await.unwrap();
    let targets = targets_of(&bench).await;
    let reference = |target: &Target| TargetRef { gateway_id: gateway.id.clone(), id: target.id.clone() };
    let settings = TargetSettings { header: "X-Other".to_owned(), ..targets[0].settings.clone().unwrap() };
    let name = targets[0].name.clone();
    for _ in 0..5 {
        agentcore.get_gateway(gateway.id.clone()).await.unwrap();
    }
    agentcore.update_target(TargetChange { target: reference(&targets[0]), name, settings }).await.unwrap();
    agentcore.delete_target(reference(&targets[1])).await.unwrap();
    for _ in 0..5 {
        for target in &targets {
            agentcore.get_target(reference(target)).await.unwrap();
        }
    }
    let changes: Vec<_> = {
        let plan = bench.prepare(&usual()).await.unwrap().plan;
        plan.pending().map(|step| (step.id, step.change.verb())).collect()
    };
    assert_eq!(changes.len(), 3, "{changes:?}");
    assert!(changes.contains(&(StepId::Gateway, "update")), "{changes:?}");
    bench.deploy(&usual()).await.unwrap();
    assert_eq!(bench.practice.inventory(), whole);
}

#[tokio::test(start_paused = true)]
async fn another_name_of_the_host_is_uploaded_and_read_anew_by_every_target() {
    let bench = Bench::new();
    bench.deploy(&usual()).await.unwrap();
    let moved = config(&format!(
        "tls: {{domain: b.example.com, source: acm-exportable}}\nhost: {{install: user-data}}\n\
         gateway: {{name: sre-gateway, memory_days: 90{RUNTIME}}}\n"
    ));
    let plan = bench.prepare(&moved).await.unwrap().plan;
    for step in [StepId::Schemas, StepId::TargetK8s, StepId::TargetRunbooks] {
        assert_eq!(plan.step(step).unwrap().change.verb(), "update", "{step}");
    }
    assert_eq!(plan.step(StepId::Gateway).unwrap().change.verb(), "keep");
    bench.deploy(&moved).await.unwrap();
    assert_eq!(bench.prepare(&moved).await.unwrap().plan.pending().count(), 0);
}

#[tokio::test(start_paused = true)]
async fn another_name_to_look_the_backends_up_by_changes_the_targets_in_place() {
    let bench = Bench::new();
    bench.deploy(&with_gateway("")).await.unwrap();
    let before: Vec<String> = targets_of(&bench).await.into_iter().map(|one| one.id).collect();
    for (more, wanted) in [(", routing_domain: private.example.com", Some("private.example.com")), ("", None)]
    {
        let config = with_gateway(more);
        let plan = bench.prepare(&config).await.unwrap().plan;
        let changed: Vec<_> = plan.pending().map(|step| (step.id, step.change.verb())).collect();
        assert_eq!(changed, Backend::ALL.map(|one| (StepId::of_target(one), "update")), "{more}");
        bench.deploy(&config).await.unwrap();
        let targets = targets_of(&bench).await;
        for target in &targets {
            let endpoint = target.settings.as_ref().unwrap().private_endpoint.as_ref().unwrap();
            assert_eq!(endpoint.routing_domain.as_deref(), wanted);
        }
        assert_eq!(targets.into_iter().map(|one| one.id).collect::<Vec<_>>(), before, "in place");
        assert_eq!(bench.prepare(&config).await.unwrap().plan.pending().count(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn another_name_of_the_gateway_replaces_it_and_its_targets() {
    let bench = Bench::new();
    bench.deploy(&usual()).await.unwrap();
    let renamed = config(&format!(
        "tls: {{domain: api.example.com, source: acm-exportable}}\nhost: {{install: user-data}}\n\
         gateway: {{name: other-gateway, memory_days: 90{RUNTIME}}}\n"
    ));
    let plan = bench.prepare(&renamed).await.unwrap().plan;
    let replaced: Vec<_> = plan.destructive().map(|step| step.id).collect();
    let mut expected = vec![StepId::Gateway];
    expected.extend(Backend::ALL.map(StepId::of_target));
    assert_eq!(replaced, expected);
    bench.deploy(&renamed).await.unwrap();
    assert_eq!(bench.prepare(&renamed).await.unwrap().plan.pending().count(), 0);
    assert!(gateway_of(&bench).starts_with("other-gateway-"));
    assert!(bench.cleanup(&renamed, true).await.unwrap().left.is_empty());
    assert_eq!(bench.practice.inventory(), Bench::new().practice.inventory());
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_is_no_longer_wanted_goes_with_all_that_belongs_to_it() {
    let without =
        config("tls: {domain: api.example.com, source: acm-exportable}\nhost: {install: user-data}\n");
    let never = Bench::new();
    never.deploy(&without).await.unwrap();
    let bench = Bench::new();
    bench.deploy(&usual()).await.unwrap();
    bench.deploy(&without).await.unwrap();
    assert_eq!(bench.practice.inventory(), never.practice.inventory());
    assert_eq!(bench.prepare(&without).await.unwrap().plan.pending().count(), 0);
}

#[tokio::test(start_paused = true)]
async fn who_wants_no_gateway_needs_no_right_to_look_for_one() {
    let without =
        config("tls: {domain: api.example.com, source: acm-exportable}\nhost: {install: user-data}\n");
    let mut bench = Bench::new();
    let recorder = Arc::new(Recorder::default());
    bench.hooks.push(recorder.clone());
    bench.deploy(&without).await.unwrap();
    assert!(bench.cleanup(&without, true).await.unwrap().left.is_empty());
    let calls = recorder.actions(Matching::Access(Access::Read));
    assert!(calls.iter().all(|call| !call.starts_with("bedrock-agentcore:")), "{calls:?}");
}

#[tokio::test(start_paused = true)]
async fn where_nothing_is_known_and_agentcore_refuses_the_rest_is_removed_and_it_is_said() {
    let without =
        config("tls: {domain: api.example.com, source: acm-exportable}\nhost: {install: user-data}\n");
    let bench = Bench::new();
    let before = bench.practice.inventory();
    bench.deploy(&without).await.unwrap();
    std::fs::remove_file(bench.state_file()).unwrap();
    bench.practice.seed(|account| account.deny("bedrock-agentcore:ListGateways")).unwrap();
    assert!(bench.cleanup(&without, false).await.unwrap().left.is_empty());
    assert_eq!(bench.practice.inventory(), before);
    assert_eq!(not_looked_for(&bench), ["gateway.gateway"]);
}

#[tokio::test(start_paused = true)]
async fn where_only_the_provider_cannot_be_asked_for_the_gateway_goes_all_the_same() {
    let bench = Bench::new();
    bench.deploy(&usual()).await.unwrap();
    std::fs::remove_file(bench.state_file()).unwrap();
    bench.practice.seed(|account| account.deny("bedrock-agentcore:GetApiKeyCredentialProvider")).unwrap();
    assert!(bench.cleanup(&usual(), false).await.unwrap().left.is_empty());
    let kinds: Vec<_> = bench.practice.inventory().iter().map(|one| one["type"].clone()).collect();
    assert_eq!(kinds, ["credential-provider"]);
    assert_eq!(not_looked_for(&bench), ["gateway.credential-provider"]);
}

/// The steps of which it was said that they could not be looked for.
fn not_looked_for(bench: &Bench) -> Vec<String> {
    let told = |what: What| match what {
        What::Found { finding } if finding.code == "SRE-AWS-014" => Some(finding.subject.clone()),
        _ => None,
    };
    bench.events.all().into_iter().filter_map(|event| told(event.what)).collect()
}

/// Feature: aws-ec2-production-deployment, Property 8: the key reaches AgentCore alone.
#[tokio::test(start_paused = true)]
async fn the_key_is_in_no_journal_plan_or_event_also_after_a_kill_and_is_made_once() {
    for when in [None, Some(When::Before), Some(When::After)] {
        let mut bench = Bench::with(PracticeOptions::default());
        if let Some(when) = when {
            let create = Matching::Operation("CreateApiKeyCredentialProvider");
            let (gate, mut reached) = Gate::at(1, create, when);
            bench.hooks.push(gate);
            let config = usual();
            tokio::select! {
                ended = bench.deploy(&config) => panic!("no provider was made: {ended:?}"),
                changed = reached.wait_for(|reached| *reached) => drop(changed.unwrap()),
            }
            bench.hooks.clear();
        }
        let recorder = Arc::new(Recorder::default());
        bench.hooks.push(recorder.clone());
        bench.deploy(&usual()).await.unwrap();
        let creates = recorder.actions(Matching::Operation("CreateApiKeyCredentialProvider"));
        // What was made before the kill is ours by its tags: its key is not needed again.
        assert_eq!(creates.is_empty(), when == Some(When::After), "{when:?}: {creates:?}");
        let mut key = String::new();
        let read = |account: &mut cloud::practice::Seed<'_>| {
            key = account.api_key(CREDENTIAL_PROVIDER).unwrap().to_owned();
        };
        bench.practice.seed(read).unwrap();
        assert!(key.len() >= 32 && key.bytes().all(|b| b.is_ascii_hexdigit()), "{} characters", key.len());
        let journal = std::fs::read_to_string(bench.state_file()).unwrap();
        let plan = serde_json::to_string(&bench.prepare(&usual()).await.unwrap().plan).unwrap();
        let events = format!("{:?}", bench.events.all());
        let state = format!("{:?}", bench.state());
        for (place, text) in [("journal", journal), ("plan", plan), ("events", events), ("state", state)] {
            assert!(!text.contains(&key), "the key is in the {place}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_provider_whose_answer_was_lost_is_not_made_twice() {
    for failure in [ErrorKind::Unreachable, ErrorKind::TimedOut] {
        let mut bench = Bench::new();
        let create = Matching::Operation("CreateApiKeyCredentialProvider");
        bench.hooks.push(Arc::new(FailNth::new(1, create, When::After, Failure::on_the_way(failure))));
        bench.deploy(&usual()).await.unwrap();
        let state = bench.state().unwrap();
        assert_eq!(state.step(StepId::CredentialProvider).ownership, Some(Ownership::Created));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Feature: aws-ec2-production-deployment, Property 4: the gateway's role names one gateway, one key, one place.
    #[test]
    fn the_gateways_policy_names_nothing_but_its_own(
        name in "[0-9A-Za-z]([-]?[0-9A-Za-z]){0,20}-?",
        prefix in "[a-z]{1,8}(/[a-z]{1,8}){0,2}",
    ) {
        let config = with_gateway("");
        let gateway = model::config::Gateway { name: name.clone(), s3_path_prefix: prefix, ..config.gateway.clone().unwrap() };
        let parts = provision::policy::GatewayParts { bucket: "a-bucket".to_owned(), provider: "a-provider".to_owned() };
        let account = Bench::account();
        let document = provision::policy::gateway_policy(&gateway, &parts, &config.aws.region, &account);
        let trust = provision::policy::gateway_trust(&gateway, &config.aws.region, &account);
        let id = name.trim_end_matches('-').to_ascii_lowercase();
        prop_assert!(trust.to_string().contains(&format!(":gateway/{id}-*\"")), "{trust}");
        for statement in document["Statement"].as_array().unwrap() {
            for resource in statement["Resource"].as_array().unwrap() {
                let resource = resource.as_str().unwrap();
                // A star stands at the end only, after something of this deployment.
                prop_assert!(resource.find('*').is_none_or(|place| place == resource.len() - 1), "{resource}");
                let own = [id.as_str(), "a-bucket", "a-provider", "default"];
                prop_assert!(own.iter().any(|own| resource.contains(own)), "{resource}");
            }
        }
    }
}

#[test]
fn what_the_gateway_may_do() {
    let config = usual_and("");
    let gateway = config.gateway.as_ref().unwrap();
    let parts = provision::policy::GatewayParts {
        bucket: provision::steps::names::schema_bucket(
            &Bench::account(),
            &config.aws.region,
            &config.deployment.id,
        ),
        provider: CREDENTIAL_PROVIDER.to_owned(),
    };
    let (region, account) = (&config.aws.region, Bench::account());
    insta::assert_json_snapshot!(serde_json::json!({
        "trust": provision::policy::gateway_trust(gateway, region, &account),
        "policy": provision::policy::gateway_policy(gateway, &parts, region, &account),
    }));
}
