//! The runtime: what fails in it, what is left alone in it, and the token that nobody may see.
//!
//! Feature: aws-ec2-production-deployment, Property 5: Error Handling and Recovery

use std::sync::Arc;

use cloud::ErrorKind;
use cloud::fault::{FailNth, Failure, Gate, Matching, Recorder, When};
use cloud::port::agentcore::{Runtime, RuntimeChange};
use model::Secret;
use model::agent::TOKEN_VARIABLE;
use model::event::What;
use model::plan::StepId;
use proptest::prelude::*;
use provision::error::{RunError, StepError};
use provision::journal::Ownership;

use crate::gateway::with_gateway;
use crate::support::{Bench, RUNTIME, config, usual};

const TOKEN: &str = "a-token-that-nobody-may-see";

fn runtime_with(artifact: &str) -> model::config::Config {
    with_gateway(&format!(", runtime: \"{artifact}\""))
}

/// The one step that was blocked, and what was said.
fn blocked(ended: Result<Vec<model::Finding>, RunError>) -> (StepId, model::Finding) {
    match ended {
        Err(RunError::Steps(failed)) => match failed.into_iter().next() {
            Some((step, StepError::Blocked(finding))) => (step, *finding),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

async fn runtime_of(bench: &Bench) -> Runtime {
    let id = bench.state().unwrap().step(StepId::Runtime).id.unwrap();
    let agentcore = bench.practice.cloud().agentcore;
    for _ in 0..5 {
        agentcore.get_runtime(id.clone()).await.unwrap();
    }
    agentcore.get_runtime(id).await.unwrap().unwrap()
}

/// Does what `gateway token` does.
async fn give_token(bench: &Bench) {
    let mut runtime = runtime_of(bench).await;
    let secret = Secret::new(TOKEN.to_owned());
    runtime.settings.environment.insert(TOKEN_VARIABLE.to_owned(), secret);
    let change = RuntimeChange { id: runtime.id, settings: runtime.settings };
    bench.practice.cloud().agentcore.update_runtime(change).await.unwrap();
}

fn token_of(runtime: &Runtime) -> Option<&str> {
    runtime.settings.environment.get(TOKEN_VARIABLE).map(|token| token.expose().as_str())
}

/// What exists, without the keys of attempts: what is found gone is made under another one.
fn without_keys(bench: &Bench) -> Vec<serde_json::Value> {
    let mut all = bench.practice.inventory();
    for tags in all.iter_mut().filter_map(|one| one.get_mut("tags")?.as_object_mut()) {
        tags.remove(model::tags::KEY);
    }
    all
}

#[tokio::test(start_paused = true)]
async fn a_runtime_is_made_with_its_role_and_without_a_token() {
    let bench = Bench::new();
    bench.deploy(&usual()).await.unwrap();
    let state = bench.state().unwrap();
    let runtime = runtime_of(&bench).await;
    assert_eq!((runtime.name.as_str(), runtime.version.as_str()), ("sre_test", "1"));
    assert_eq!(state.step(StepId::Runtime).outputs["arn"], runtime.arn);
    assert_eq!(runtime.settings.role_arn, state.step(StepId::RuntimeRole).outputs["arn"]);
    assert!(runtime.settings.role_arn.ends_with("/sre-test-BedrockAgentCoreRuntime"), "{runtime:?}");
    let environment: Vec<(&str, &str)> = runtime
        .settings
        .environment
        .iter()
        .map(|(name, value)| (name.as_str(), value.expose().as_str()))
        .collect();
    let region = "us-east-1";
    assert_eq!(
        environment,
        [("AWS_DEFAULT_REGION", region), ("AWS_REGION", region), ("LLM_PROVIDER", "bedrock")]
    );
}

/// Feature: aws-ec2-production-deployment, Property 8: the agent's token stays in its runtime.
#[tokio::test(start_paused = true)]
async fn the_token_is_no_difference_outlives_an_update_and_is_nowhere_else() {
    let bench = Bench::new();
    bench.deploy(&usual()).await.unwrap();
    give_token(&bench).await;
    assert_eq!(token_of(&runtime_of(&bench).await), Some(TOKEN));
    assert_eq!(bench.prepare(&usual()).await.unwrap().plan.pending().count(), 0);

    let other = runtime_with("123456789012.dkr.ecr.us-east-1.amazonaws.com/sre-agent:v2");
    let plan = bench.prepare(&other).await.unwrap().plan;
    assert_eq!(plan.step(StepId::Runtime).unwrap().change.verb(), "update");
    bench.deploy(&other).await.unwrap();
    let runtime = runtime_of(&bench).await;
    assert!(runtime.settings.artifact.ends_with("sre-agent:v2"), "{runtime:?}");
    assert_eq!((token_of(&runtime), runtime.version.as_str()), (Some(TOKEN), "3"));

    let told = format!("{plan:?}{:?}{:?}", bench.events.all(), bench.state());
    let journal = std::fs::read_to_string(bench.state_file()).unwrap();
    assert!(!told.contains(TOKEN) && !journal.contains(TOKEN));
}

#[tokio::test(start_paused = true)]
async fn a_runtime_that_failed_says_why_and_is_made_anew_by_the_next_run() {
    let whole = Bench::new();
    whole.deploy(&usual()).await.unwrap();
    let bench = Bench::new();
    bench.practice.seed(|account| account.fail_runtime("exec format error")).unwrap();
    let (step, finding) = blocked(bench.deploy(&usual()).await);
    assert_eq!((step, finding.code.as_str()), (StepId::Runtime, "SRE-AWS-012"), "{finding:#?}");
    assert!(finding.message.contains("CREATE_FAILED: exec format error"), "{finding:#?}");
    let failed = bench.state().unwrap().step(StepId::Runtime).id.unwrap();
    bench.deploy(&usual()).await.unwrap();
    assert_eq!(bench.practice.inventory(), whole.practice.inventory());
    assert_ne!(bench.state().unwrap().step(StepId::Runtime).id.unwrap(), failed);
    assert_eq!(bench.prepare(&usual()).await.unwrap().plan.pending().count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_change_that_failed_is_made_again_in_place() {
    let bench = Bench::new();
    bench.deploy(&usual()).await.unwrap();
    give_token(&bench).await;
    let before = runtime_of(&bench).await;
    let other = runtime_with("123456789012.dkr.ecr.us-east-1.amazonaws.com/sre-agent:v2");
    bench.practice.seed(|account| account.fail_runtime("no such image")).unwrap();
    let (step, finding) = blocked(bench.deploy(&other).await);
    assert_eq!((step, finding.code.as_str()), (StepId::Runtime, "SRE-AWS-012"), "{finding:#?}");
    assert!(finding.message.contains("UPDATE_FAILED: no such image"), "{finding:#?}");
    bench.deploy(&other).await.unwrap();
    let runtime = runtime_of(&bench).await;
    assert_eq!((&runtime.id, token_of(&runtime)), (&before.id, Some(TOKEN)));
    assert!(runtime.condition.is_ready(), "{runtime:?}");
}

/// Feature: aws-ec2-production-deployment, Property 5: also where a failed runtime is on its way to be another.
#[tokio::test(start_paused = true)]
async fn killed_while_a_failed_runtime_is_made_anew_a_resume_ends_with_one() {
    let whole = Bench::new();
    whole.deploy(&usual()).await.unwrap();
    for when in [When::Before, When::After] {
        for operation in ["DeleteAgentRuntime", "CreateAgentRuntime"] {
            let mut bench = Bench::new();
            bench.practice.seed(|account| account.fail_runtime("not yet")).unwrap();
            blocked(bench.deploy(&usual()).await);
            let (gate, mut reached) = Gate::at(1, Matching::Operation(operation), when);
            bench.hooks.push(gate);
            let config = usual();
            tokio::select! {
                ended = bench.deploy(&config) => panic!("{operation} was never reached: {ended:?}"),
                changed = reached.wait_for(|reached| *reached) => drop(changed.unwrap()),
            }
            bench.hooks.clear();
            bench.deploy(&usual()).await.unwrap_or_else(|error| panic!("{when:?} {operation}: {error:?}"));
            assert_eq!(without_keys(&bench), without_keys(&whole), "{when:?} {operation}");
            assert!(bench.cleanup(&usual(), true).await.unwrap().left.is_empty(), "{when:?} {operation}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_role_that_cannot_fetch_the_image_yet_is_waited_for_and_a_caller_without_rights_is_not() {
    let mut bench = Bench::new();
    let words = "Access denied while validating ECR URI. The execution role requires permissions for ecr:BatchGetImage";
    let refusal = Failure::answered("AccessDeniedException", words);
    let hook = FailNth::new(1, Matching::Operation("CreateAgentRuntime"), When::Before, refusal);
    bench.hooks.push(Arc::new(hook.times(3)));
    bench.deploy(&usual()).await.unwrap();
    let waits = bench.events.all().into_iter().filter(|event| {
        matches!(&event.what, What::Waiting { step: Some(StepId::Runtime), reason, .. } if reason.contains("IAM propagation"))
    });
    assert!(waits.count() >= 3);

    let bench = Bench::new();
    bench.practice.seed(|account| account.deny("bedrock-agentcore:CreateAgentRuntime")).unwrap();
    match bench.deploy(&usual()).await {
        Err(RunError::Steps(failed)) => match &failed[..] {
            [(StepId::Runtime, StepError::Call(error))] => assert_eq!(error.kind, ErrorKind::Denied),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_runtime_that_is_no_longer_wanted_goes_with_its_role_and_the_gateway_stays() {
    let never = Bench::new();
    never.deploy(&with_gateway("")).await.unwrap();
    let bench = Bench::new();
    bench.deploy(&usual()).await.unwrap();
    bench.deploy(&with_gateway("")).await.unwrap();
    assert_eq!(bench.practice.inventory(), never.practice.inventory());
    assert_eq!(bench.prepare(&with_gateway("")).await.unwrap().plan.pending().count(), 0);
}

#[tokio::test(start_paused = true)]
async fn who_wants_no_runtime_needs_no_right_to_look_for_one() {
    let mut bench = Bench::new();
    let recorder = Arc::new(Recorder::default());
    bench.hooks.push(recorder.clone());
    bench.deploy(&with_gateway("")).await.unwrap();
    assert!(bench.cleanup(&with_gateway(""), true).await.unwrap().left.is_empty());
    for operation in ["ListAgentRuntimes", "GetAgentRuntime"] {
        assert_eq!(recorder.actions(Matching::Operation(operation)), Vec::<String>::new());
    }
}

#[tokio::test(start_paused = true)]
async fn where_only_runtimes_cannot_be_asked_for_the_rest_goes_without_a_state_file() {
    let bench = Bench::new();
    let before = bench.practice.inventory();
    bench.deploy(&with_gateway("")).await.unwrap();
    std::fs::remove_file(bench.state_file()).unwrap();
    bench.practice.seed(|account| account.deny("bedrock-agentcore:ListAgentRuntimes")).unwrap();
    assert!(bench.cleanup(&with_gateway(""), false).await.unwrap().left.is_empty());
    assert_eq!(bench.practice.inventory(), before);
    let told = bench.events.all().into_iter().any(|event| {
        matches!(&event.what, What::Found { finding } if finding.code == "SRE-AWS-014" && finding.subject == "gateway.runtime")
    });
    assert!(told);
}

#[tokio::test(start_paused = true)]
async fn a_runtime_of_somebody_else_stops_the_plan_and_can_be_adopted_without_being_touched() {
    let bench = Bench::new();
    let mut id = String::new();
    bench
        .practice
        .seed(|account| {
            id = account.runtime("sre_test", "arn:aws:iam::123456789012:role/theirs", "s3://their/agent.zip");
        })
        .unwrap();
    let before = bench.practice.inventory();
    match bench.deploy(&usual()).await {
        Err(RunError::Refused(findings)) => {
            assert_eq!(findings[0].code, "SRE-PLAN-001");
            let hint = findings[0].hint.clone().unwrap();
            assert!(hint.contains(&format!("--adopt gateway.runtime={id}")), "{hint}");
        }
        other => panic!("{other:?}"),
    }
    let adoptions = [(StepId::Runtime, id.clone())].into();
    bench.deploy_adopting(&usual(), &adoptions).await.unwrap();
    assert_eq!(bench.state().unwrap().step(StepId::Runtime).ownership, Some(Ownership::Adopted));
    assert_eq!(bench.prepare(&usual()).await.unwrap().plan.pending().count(), 0);
    assert!(bench.cleanup(&usual(), true).await.unwrap().left.is_empty());
    assert_eq!(bench.practice.inventory(), before);
}

#[tokio::test(start_paused = true)]
async fn a_zip_file_is_run_as_well_as_an_image() {
    let bench = Bench::new();
    let before = bench.practice.inventory();
    let zip = runtime_with("s3://my-code/agent.zip");
    bench.deploy(&zip).await.unwrap();
    assert_eq!(runtime_of(&bench).await.settings.artifact, "s3://my-code/agent.zip");
    assert!(bench.cleanup(&zip, true).await.unwrap().left.is_empty());
    assert_eq!(bench.practice.inventory(), before);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Feature: aws-ec2-production-deployment, Property 9: a role may do what it is for, and to nothing else.
    #[test]
    fn the_role_of_a_runtime_fetches_one_thing_and_writes_where_runtimes_write(
        repository in "[a-z][a-z0-9]{1,10}(/[a-z0-9]{1,10})?",
        tag in "[a-z0-9]{1,10}",
        days in proptest::option::of(3_u32..=3650),
    ) {
        let memory = days.map(|days| format!(", memory_days: {days}")).unwrap_or_default();
        let image = format!("210987654321.dkr.ecr.eu-west-1.amazonaws.com/{repository}:{tag}");
        let config = with_gateway(&format!("{memory}, runtime: \"{image}\""));
        let document = provision::policy::runtime_policy(&config, &config.aws.region, &Bench::account()).unwrap();
        let own = format!("arn:aws:ecr:eu-west-1:210987654321:repository/{repository}");
        let mut has_memory = false;
        for statement in document["Statement"].as_array().unwrap() {
            let sid = statement["Sid"].as_str().unwrap();
            has_memory |= sid == "UseMemory";
            if sid == "FetchImage" {
                prop_assert_eq!(&statement["Resource"], &serde_json::json!([own]));
            }
            // What takes no resource is named, and writes nothing but figures of its own namespace and traces.
            if statement["Resource"] == "*" {
                prop_assert!(["EnterRegistry", "WriteTraces", "WriteFigures", "FindMemory"].contains(&sid), "{}", sid);
            }
        }
        prop_assert_eq!(has_memory, days.is_some());
    }
}

#[test]
fn what_the_runtime_may_do() {
    let config = with_gateway(&format!(", memory_days: 90{RUNTIME}"));
    let (region, account) = (&config.aws.region, Bench::account());
    insta::assert_json_snapshot!(serde_json::json!({
        "trust": provision::policy::runtime_trust(region, &account),
        "policy": provision::policy::runtime_policy(&config, region, &account),
    }));
    let none =
        self::config("tls: {domain: api.example.com, source: acm-exportable}\nhost: {install: none}\n");
    assert_eq!(provision::policy::runtime_policy(&none, region, &account), None);
}
