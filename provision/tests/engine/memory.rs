//! The agent's memory: its own ways to fail, its neighbours, and what becomes of what is in it.
//!
//! Feature: aws-ec2-production-deployment, Property 5: Error Handling and Recovery

use std::sync::Arc;

use cloud::fault::{Gate, Matching, Recorder, When};
use cloud::port::agentcore::{Memory, MemoryStrategy};
use cloud::practice::PracticeOptions;
use cloud::{Access, ErrorKind};
use model::agent::{MEMORY, is_memory_id};
use model::config::Config;
use model::event::What;
use model::plan::StepId;
use model::{Finding, Severity};
use provision::error::RunError;
use provision::journal::Ownership;

use crate::gateway::{blocked, with_gateway};
use crate::support::{Bench, usual};

fn for_days(days: u32) -> Config {
    with_gateway(&format!(", memory_days: {days}"))
}

fn id_of(bench: &Bench) -> String {
    bench.state().unwrap().step(StepId::Memory).id.unwrap()
}

async fn memory_of(bench: &Bench) -> Memory {
    bench.practice.cloud().agentcore.get_memory(id_of(bench)).await.unwrap().unwrap()
}

/// Looks until a change of somebody else is over.
async fn memory_at_rest(bench: &Bench) -> Memory {
    for _ in 0..5 {
        memory_of(bench).await;
    }
    memory_of(bench).await
}

fn says(finding: &Finding, code: &str, words: &[&str]) {
    assert_eq!((finding.code.as_str(), finding.severity), (code, Severity::Error), "{finding:#?}");
    for words in words {
        assert!(finding.message.contains(words), "{words:?} is not in {finding:#?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_memory_is_active_with_its_strategies_and_known_to_what_comes_later() {
    let bench = Bench::new();
    bench.deploy(&usual()).await.unwrap();
    let outputs = bench.state().unwrap().step(StepId::Memory).outputs;
    assert!(is_memory_id(&outputs["id"]), "{outputs:#?}");
    assert!(outputs["arn"].ends_with(&format!(":memory/{}", outputs["id"])), "{outputs:#?}");
    assert_eq!(outputs["name"], MEMORY);
    let memory = memory_of(&bench).await;
    assert_eq!((memory.event_expiry_days, memory.condition.status.as_str()), (90, "ACTIVE"));
    assert_eq!(memory.strategies.len(), 3, "{memory:#?}");
    let waits = bench.events.all().into_iter().any(|event| {
        matches!(&event.what, What::Waiting { step: Some(StepId::Memory), reason, .. } if reason.contains("10 to 12 minutes"))
    });
    assert!(waits, "nobody was told to wait");
}

#[tokio::test(start_paused = true)]
async fn a_memory_that_failed_says_why_and_is_made_anew_by_the_next_run() {
    let bench = Bench::new();
    for _ in 0..2 {
        bench.practice.seed(|account| account.fail_memory("no capacity")).unwrap();
        let (step, finding) = blocked(bench.deploy(&usual()).await);
        assert_eq!(step, StepId::Memory);
        says(&finding, "SRE-AWS-012", &[MEMORY, "FAILED", "no capacity"]);
        assert!(bench.state().unwrap().is_resumable());
    }
    let failed = id_of(&bench);
    bench.deploy(&usual()).await.unwrap();
    let whole = Bench::new();
    whole.deploy(&usual()).await.unwrap();
    assert_eq!(bench.practice.inventory(), whole.practice.inventory());
    assert_ne!(id_of(&bench), failed);
    assert_eq!(bench.prepare(&usual()).await.unwrap().plan.pending().count(), 0);
}

/// Feature: aws-ec2-production-deployment, Property 5: also where a failed memory is on its way to be another.
#[tokio::test(start_paused = true)]
async fn killed_while_a_failed_memory_is_made_anew_a_resume_ends_with_one() {
    let whole = Bench::new();
    whole.deploy(&usual()).await.unwrap();
    for when in [When::Before, When::After] {
        for n in 1..=2 {
            let mut bench = Bench::new();
            bench.practice.seed(|account| account.fail_memory("not yet")).unwrap();
            blocked(bench.deploy(&usual()).await);
            killed_at(&mut bench, n, when, &usual()).await;
            bench.deploy(&usual()).await.unwrap_or_else(|error| panic!("{when:?} {n}: {error:?}"));
            // Deleted and not yet made again it is another attempt, with another key.
            let kinds = |bench: &Bench| -> Vec<_> {
                bench.practice.inventory().iter().map(|one| one["type"].clone()).collect()
            };
            assert_eq!(kinds(&bench), kinds(&whole), "{when:?} {n}");
            assert_eq!(memory_of(&bench).await.condition.status, "ACTIVE", "{when:?} {n}");
            assert!(bench.cleanup(&usual(), true).await.unwrap().left.is_empty(), "{when:?} {n}");
        }
    }
}

/// Runs a deployment until its n-th changing call, and drops everything there.
async fn killed_at(bench: &mut Bench, n: u32, when: When, config: &Config) {
    let (gate, mut reached) = Gate::at(n, Matching::Access(Access::Write), when);
    bench.hooks.push(gate);
    tokio::select! {
        ended = bench.deploy(config) => panic!("call {n} was never reached: {ended:?}"),
        changed = reached.wait_for(|reached| *reached) => drop(changed.unwrap()),
    }
    bench.hooks.clear();
}

#[tokio::test(start_paused = true)]
async fn a_strategy_that_failed_is_named_and_one_that_is_missing_is_added() {
    let bench = Bench::new();
    bench.practice.seed(|account| account.fail_strategy(MemoryStrategy::Knowledge)).unwrap();
    for _ in 0..2 {
        let (step, finding) = blocked(bench.deploy(&for_days(90)).await);
        assert_eq!(step, StepId::Memory);
        says(&finding, "SRE-AWS-012", &["infrastructure_knowledge", "FAILED"]);
    }
    let id = id_of(&bench);
    bench.practice.seed(|account| account.remove_strategy(MemoryStrategy::Knowledge)).unwrap();
    let plan = bench.prepare(&for_days(90)).await.unwrap().plan;
    let changes: Vec<_> = plan.pending().map(|step| (step.id, step.change.verb())).collect();
    assert_eq!(changes, [(StepId::Memory, "update")]);
    bench.deploy(&for_days(90)).await.unwrap();
    assert_eq!((id_of(&bench), memory_of(&bench).await.strategies.len()), (id, 3));
    assert_eq!(bench.prepare(&for_days(90)).await.unwrap().plan.pending().count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_memory_that_takes_too_long_is_said_with_what_it_is_and_waited_for_again() {
    let bench = Bench::with(PracticeOptions { settle_reads: 1_000_000, ..PracticeOptions::default() });
    let Err(RunError::Steps(failed)) = bench.deploy(&usual()).await else { panic!("deployed") };
    let error = failed.iter().find(|(step, _)| *step == StepId::Memory).unwrap().1.to_string();
    assert!(error.contains("it is CREATING") && error.contains("1200 s"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn other_days_are_changed_in_place_also_where_the_answer_is_lost_or_the_run_killed() {
    let other = Bench::new();
    other.deploy(&for_days(30)).await.unwrap();
    for when in [None, Some(When::Before), Some(When::After)] {
        let mut bench = Bench::new();
        bench.deploy(&for_days(90)).await.unwrap();
        let id = id_of(&bench);
        let plan = bench.prepare(&for_days(30)).await.unwrap().plan;
        let changes: Vec<_> = plan.pending().map(|step| (step.id, step.change.verb())).collect();
        assert_eq!(changes, [(StepId::Memory, "update")]);
        if let Some(when) = when {
            killed_at(&mut bench, 1, when, &for_days(30)).await;
        } else {
            let update = Matching::Operation("UpdateMemory");
            let lost = cloud::fault::Failure::on_the_way(ErrorKind::TimedOut);
            bench.hooks.push(Arc::new(cloud::fault::FailNth::new(1, update, When::After, lost)));
        }
        bench.deploy(&for_days(30)).await.unwrap_or_else(|error| panic!("{when:?}: {error:?}"));
        assert_eq!(id_of(&bench), id, "{when:?}");
        assert_eq!(bench.practice.inventory(), other.practice.inventory(), "{when:?}");
    }
}

/// What was told to a memory that is still being made cannot be told again before it is.
#[tokio::test(start_paused = true)]
async fn other_days_for_a_memory_that_a_killed_run_had_just_begun_wait_until_it_is_made() {
    let mut bench = Bench::new();
    let (gate, mut reached) = Gate::at(1, Matching::Operation("CreateMemory"), When::After);
    bench.hooks.push(gate);
    let config = for_days(90);
    tokio::select! {
        ended = bench.deploy(&config) => panic!("no memory was made: {ended:?}"),
        changed = reached.wait_for(|reached| *reached) => drop(changed.unwrap()),
    }
    bench.hooks.clear();
    bench.deploy(&for_days(30)).await.unwrap();
    assert_eq!(memory_at_rest(&bench).await.event_expiry_days, 30);
    let memories = bench.practice.inventory().into_iter().filter(|one| one["type"] == "memory");
    assert_eq!(memories.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn without_the_key_the_memory_goes_and_nothing_else() {
    let never = Bench::new();
    never.deploy(&with_gateway("")).await.unwrap();
    let bench = Bench::new();
    bench.deploy(&for_days(90)).await.unwrap();
    let plan = bench.prepare(&with_gateway("")).await.unwrap().plan;
    let deleted: Vec<_> = plan.destructive().map(|step| step.id).collect();
    assert_eq!(deleted, [StepId::Memory]);
    let lost = plan.step(StepId::Memory).unwrap().irreversible.clone().unwrap();
    assert!(lost.contains("everything that the agent remembered is gone"), "{lost}");
    bench.deploy(&with_gateway("")).await.unwrap();
    assert_eq!(bench.practice.inventory(), never.practice.inventory());
    assert_eq!(bench.prepare(&with_gateway("")).await.unwrap().plan.pending().count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_memory_of_somebody_else_stops_the_plan_and_can_be_adopted() {
    let bench = Bench::new();
    let mut theirs = String::new();
    bench
        .practice
        .seed(|account| {
            theirs = account.memory(MEMORY, 30);
            account.memory("another_memory", 30);
        })
        .unwrap();
    let before = bench.practice.inventory();
    let Err(RunError::Refused(findings)) = bench.deploy(&usual()).await else { panic!("deployed") };
    assert_eq!(findings.len(), 1, "{findings:#?}");
    says(&findings[0], "SRE-PLAN-001", &[MEMORY, &theirs]);
    let hint = findings[0].hint.clone().unwrap();
    assert!(hint.contains(&format!("--adopt gateway.memory={theirs}")), "{hint}");
    let adoptions = [(StepId::Memory, theirs.clone())].into();
    let remarks = bench.deploy_adopting(&usual(), &adoptions).await.unwrap();
    let differs = remarks.iter().find(|one| one.subject == StepId::Memory.as_str()).unwrap();
    assert_eq!(differs.code, "SRE-PLAN-011");
    assert!(differs.message.contains("days 30"), "{differs:#?}");
    assert_eq!(bench.state().unwrap().step(StepId::Memory).ownership, Some(Ownership::Adopted));
    assert!(bench.cleanup(&usual(), true).await.unwrap().left.is_empty());
    assert_eq!(bench.practice.inventory(), before);
}

#[tokio::test(start_paused = true)]
async fn who_wants_no_memory_needs_no_right_to_look_for_one() {
    let config = with_gateway("");
    let mut bench = Bench::new();
    let recorder = Arc::new(Recorder::default());
    bench.hooks.push(recorder.clone());
    bench.deploy(&config).await.unwrap();
    assert!(bench.cleanup(&config, true).await.unwrap().left.is_empty());
    let calls = recorder.actions(Matching::Any);
    assert!(calls.iter().all(|call| !call.contains("Memor")), "{calls:?}");
}

#[tokio::test(start_paused = true)]
async fn where_memories_cannot_be_asked_for_and_nothing_is_known_the_rest_goes_and_it_is_said() {
    let bench = Bench::new();
    bench.deploy(&usual()).await.unwrap();
    std::fs::remove_file(bench.state_file()).unwrap();
    bench.practice.seed(|account| account.deny("bedrock-agentcore:ListMemories")).unwrap();
    assert!(bench.cleanup(&usual(), false).await.unwrap().left.is_empty());
    let kinds: Vec<_> = bench.practice.inventory().iter().map(|one| one["type"].clone()).collect();
    assert_eq!(kinds, ["memory"]);
    let told = bench.events.all().into_iter().any(|event| {
        matches!(&event.what, What::Found { finding } if finding.code == "SRE-AWS-014" && finding.subject == "gateway.memory")
    });
    assert!(told);
}
