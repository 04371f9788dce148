//! Steps that a person does: guided, looked up, compared, adopted.

use std::collections::BTreeSet;
use std::sync::Arc;

use cloud::practice::PracticeOptions;
use model::DeploymentId;
use model::event::What;
use model::guide::{Answer, Task};
use model::plan::{Change, StepId, Way};
use proptest::prelude::*;
use provision::error::{RunError, StepError};
use provision::journal::Ownership;
use provision::steps::MADE_BY;
use serde_json::Value;

use crate::player::{Player, Slip, without_makers};
use crate::support::{Bench, config, usual};

/// Everything that a person can make.
fn all_steps() -> BTreeSet<StepId> {
    StepId::ALL.iter().copied().filter(|id| id.can_be_guided()).collect()
}

/// A bench with somebody at the Console for these steps.
pub(crate) fn bench(options: PracticeOptions, guided: impl IntoIterator<Item = StepId>) -> Bench {
    let mut bench = Bench::with(options);
    bench.guided = guided.into_iter().collect();
    bench
}

/// Puts somebody there.
pub(crate) fn seat(bench: &mut Bench, change: impl FnOnce(&mut Player)) -> Arc<Player> {
    let mut player = Player::new(bench.practice.cloud());
    change(&mut player);
    let player = Arc::new(player);
    bench.operator = Some(player.clone());
    player
}

/// The same in every case.
static WHOLE: tokio::sync::OnceCell<Vec<Value>> = tokio::sync::OnceCell::const_new();

async fn automatic() -> Vec<Value> {
    let bench = Bench::with(PracticeOptions::instant());
    bench.deploy(&usual()).await.unwrap();
    without_makers(bench.practice.inventory())
}

fn steps_of(tasks: &[Task]) -> BTreeSet<StepId> {
    tasks.iter().map(|task| task.step).collect()
}

/// An account with another deployment in it, a subnet that leads nowhere, and the id of the other's instance.
async fn peopled() -> (Bench, String, String) {
    let bench = Bench::with(PracticeOptions::instant());
    let mut other = config(
        "tls: {domain: api.example.org, source: acme}\nhost: {install: none}\ncognito: {domain_prefix: sre-other}\n",
    );
    other.deployment.id = DeploymentId::parse("sre-other").unwrap();
    bench.deploy(&other).await.unwrap();
    let instance = bench.state().unwrap().step(StepId::Instance).id.unwrap();
    std::fs::remove_file(bench.state_file()).unwrap();
    let mut subnet = String::new();
    bench.practice.seed(|account| subnet = account.subnet_without_internet_gateway()).unwrap();
    (bench, subnet, instance)
}

fn assert_owned_as_made(bench: &Bench, by_hand: &BTreeSet<StepId>) {
    let state = bench.state().unwrap();
    assert!(state.is_finished(), "{:#?}", state.steps);
    for id in all_steps() {
        let step = state.step(id);
        let is_companion = id == StepId::InstanceProfile && by_hand.contains(&StepId::Role);
        let expected =
            if by_hand.contains(&id) || is_companion { Ownership::Adopted } else { Ownership::Created };
        assert_eq!(step.ownership, Some(expected), "{id}");
        assert_eq!(step.outputs.contains_key(MADE_BY), expected == Ownership::Adopted, "{id}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_person_makes_from_the_task_alone_is_taken_at_once_for_each_step_and_for_all() {
    let whole = automatic().await;
    let each = all_steps().into_iter().map(|id| BTreeSet::from([id]));
    for guided in each.chain([all_steps()]) {
        // With the lags of AWS: what was made a moment ago is not seen at once.
        let mut bench = bench(PracticeOptions::default(), guided.clone());
        let player = seat(&mut bench, |_| {});
        bench.deploy(&usual()).await.unwrap_or_else(|error| panic!("{guided:?}: {error:?}"));
        let tasks = player.tasks();
        let mut asked = guided.clone();
        if guided.contains(&StepId::Role) {
            // The Console made it with the role, and what is as wanted is not asked for.
            asked.remove(&StepId::InstanceProfile);
        }
        assert_eq!(steps_of(&tasks), asked);
        assert_eq!(tasks.len(), asked.len(), "each is asked for once");
        assert!(tasks.iter().all(|task| task.differences.is_empty() && task.seen.is_none()));
        assert_eq!(without_makers(bench.practice.inventory()), whole, "{guided:?}");
        assert_owned_as_made(&bench, &guided);
        let shown: Vec<StepId> = bench
            .events
            .all()
            .into_iter()
            .filter_map(|event| if let What::ByHand { task } = event.what { Some(task.step) } else { None })
            .collect();
        assert_eq!(shown.into_iter().collect::<BTreeSet<_>>(), asked);
        let again = bench.prepare(&usual()).await.unwrap();
        assert_eq!(again.plan.pending().count(), 0, "{guided:?}: {:#?}", again.plan);
        assert!(again.plan.findings.iter().all(|finding| finding.code != "SRE-PLAN-011"), "{guided:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_slip_is_named_by_its_field_and_nothing_else_with_where_to_click() {
    use StepId::{
        AddressAssociation, AppClient, Certificate, Domain, Instance, InstanceProfile, ResourceServer, Role,
        SecurityGroup, UserPool,
    };
    let (_, spare, busy) = peopled().await;
    let other_role = "aws iam add-role-to-instance-profile --instance-profile-name sre-test-instance --role-name \
                      sre-other-instance";
    let policy =
        r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}"#;
    let slips = [
        (SecurityGroup, "Inbound rules > Add rule", "Custom TCP | 22 | 0.0.0.0/0", "ingress"),
        (SecurityGroup, "Outbound rules > Add rule", "Custom TCP | 80 | 0.0.0.0/0", "egress"),
        (Role, "Service or use case", "Lambda", "trust"),
        (Role, "Create inline policy", policy, "policy"),
        (InstanceProfile, "Second command", other_role, "role"),
        (UserPool, "Password minimum length", "8", "password_minimum_length"),
        (UserPool, "Password requirements", "(none)", "password_all_classes"),
        (UserPool, "Self-registration", "on", "admin_create_user_only"),
        (UserPool, "MFA enforcement", "No MFA", "mfa"),
        (UserPool, "Deletion protection", "Deactivate", "deletion_protection"),
        (ResourceServer, "identifier", "another-api", "identifier"),
        (ResourceServer, "Scope name", "reed", "scopes"),
        (AppClient, "Access token expiration", "5", "access_token_minutes"),
        (AppClient, "Custom scopes", "sre-agent-api/read", "scopes"),
        (Domain, "Cognito domain", "another-prefix", "prefix"),
        (Certificate, "Fully qualified domain name", "www.example.com", "domain"),
        (Instance, "Instance type", "t3.2xlarge", "type"),
        (Instance, "Subnet", spare.as_str(), "subnet"),
        (Instance, "Size (GiB)", "60", "volume_gb"),
        (Instance, "Encrypted", "Not encrypted", "volume_encrypted"),
        (Instance, "Termination protection", "Disable", "termination_protection"),
        (Instance, "Metadata version", "V1 and V2", "imds_tokens_required"),
        (Instance, "hop limit", "2", "imds_hop_limit"),
        (Instance, "Tag sre-agent-deploy:bundle", "0", "bundle"),
        (AddressAssociation, "Instance", busy.as_str(), "instance"),
    ];
    assert_slips(slips).await;
}

/// Each slip, in its step at the input with such a label, makes this one property differ.
pub(crate) async fn assert_slips<'a>(
    slips: impl IntoIterator<Item = (StepId, &'static str, &'a str, &'static str)>,
) {
    for (step, label, wrong, field) in slips {
        let mut bench = peopled().await.0;
        bench.guided = BTreeSet::from([step]);
        let slip = Slip { step, label, value: wrong.to_owned() };
        let player = seat(&mut bench, |player| player.slip = Some(slip));
        let ended = bench.deploy(&usual()).await;
        assert!(matches!(ended, Err(RunError::Cancelled)), "{step} {label}: {ended:?}");
        let last = player.tasks().pop().unwrap();
        assert_eq!(last.attempt, 2, "{step} {label}");
        let fields: Vec<&str> =
            last.differences.iter().map(|correction| correction.difference.field.as_str()).collect();
        // An unencrypted root volume is, in the practice account, one of the image's size.
        let expected: &[&str] = if field == "volume_encrypted" { &["volume_gb", field] } else { &[field] };
        assert_eq!(fields, expected, "{step} {label}: {}", last.text());
        assert!(last.differences.iter().all(|correction| correction.fix.contains(' ')), "{step} {label}");
        assert!(last.seen.unwrap().contains("differs"));
        assert!(bench.state().unwrap().is_resumable());
        assert_eq!(bench.state().unwrap().step(step).ownership, None, "it is not used");
    }
}

#[tokio::test(start_paused = true)]
async fn killed_while_a_person_is_at_it_the_next_run_takes_what_was_made_and_asks_for_what_was_not() {
    let whole = automatic().await;
    for step in all_steps() {
        for is_made in [false, true] {
            let mut bench = bench(PracticeOptions::instant(), [step]);
            let player = seat(&mut bench, |player| player.falls_silent = Some((step, is_made)));
            let config = usual();
            let ended = tokio::time::timeout(std::time::Duration::from_hours(1), bench.deploy(&config)).await;
            assert!(ended.is_err(), "{step}: {ended:?}");
            assert_eq!(player.tasks().len(), 1);
            // The next run is not told again which steps a person does: the approved plan says so.
            bench.guided = BTreeSet::new();
            let player = seat(&mut bench, |_| {});
            bench.deploy(&config).await.unwrap_or_else(|error| panic!("{step} {is_made}: {error:?}"));
            assert_eq!(player.tasks().len(), usize::from(!is_made), "{step} {is_made}");
            assert_eq!(without_makers(bench.practice.inventory()), whole, "{step} {is_made}");
            assert_owned_as_made(&bench, &BTreeSet::from([step]));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn with_nobody_there_the_tasks_are_said_and_what_is_made_meanwhile_is_taken_by_a_resume() {
    let guided = [StepId::SecurityGroup, StepId::UserPool, StepId::Address];
    let mut bench = bench(PracticeOptions::instant(), guided);
    let Err(RunError::Steps(failed)) = bench.deploy(&usual()).await else { panic!("nobody was there") };
    let player = Player::new(bench.practice.cloud());
    for (step, error) in &failed {
        let StepError::Blocked(finding) = error else { panic!("{step}: {error}") };
        assert_eq!(finding.code, "SRE-RUN-020");
        let hint = finding.hint.as_ref().unwrap();
        assert!(hint.contains(".console.aws.amazon.com/") && hint.contains("1. "), "{hint}");
    }
    assert_eq!(failed.iter().map(|(step, _)| *step).collect::<BTreeSet<_>>(), BTreeSet::from(guided));
    let state = bench.state().unwrap();
    assert!(state.is_resumable() && state.step(StepId::Role).settled, "what calls make was made");
    // A person reads them and makes what they say.
    for event in bench.events.all() {
        if let What::ByHand { task } = event.what {
            provision::guided::Operator::by_hand(&player, *task).await;
        }
    }
    bench.guided = BTreeSet::new();
    bench.deploy(&usual()).await.unwrap();
    assert_eq!(without_makers(bench.practice.inventory()), automatic().await);
    assert_owned_as_made(&bench, &BTreeSet::from(guided));
}

#[tokio::test(start_paused = true)]
async fn an_answer_can_leave_it_to_calls_stop_the_run_or_be_of_no_use() {
    let guided = [StepId::Role, StepId::InstanceProfile, StepId::Address];
    let mut unwilling = bench(PracticeOptions::instant(), guided);
    let player = seat(&mut unwilling, |player| player.unwilling = BTreeSet::from(guided));
    unwilling.deploy(&usual()).await.unwrap();
    assert_owned_as_made(&unwilling, &BTreeSet::new());
    // Who leaves the role to calls is not asked for its profile.
    assert_eq!(steps_of(&player.tasks()), BTreeSet::from([StepId::Role, StepId::Address]));

    let mut stopped = bench(PracticeOptions::instant(), guided);
    seat(&mut stopped, |player| player.says = Some((StepId::Address, Answer::Stop)));
    assert!(matches!(stopped.deploy(&usual()).await, Err(RunError::Cancelled)));
    assert!(stopped.state().unwrap().is_resumable());

    for (answer, words) in [
        (Answer::Done { id: None }, "was not found by the tag"),
        (Answer::Done { id: Some("eipalloc-0123456789abcdef0".to_owned()) }, "eipalloc-0123456789abcdef0"),
    ] {
        let mut useless = bench(PracticeOptions::instant(), [StepId::Address]);
        let player = seat(&mut useless, |player| player.says = Some((StepId::Address, answer)));
        let config = usual();
        tokio::select! {
            ended = useless.deploy(&config) => panic!("{ended:?}"),
            () = async { while player.tasks().len() < 3 { tokio::time::sleep(std::time::Duration::from_secs(1)).await } } => {}
        }
        let third = &player.tasks()[2];
        assert_eq!(third.attempt, 3);
        assert!(third.seen.as_ref().unwrap().contains(words), "{:?}", third.seen);
    }
}

#[tokio::test(start_paused = true)]
async fn a_cleanup_leaves_what_a_person_made_and_removes_the_rest_with_and_without_the_journal() {
    // What calls made and what a person made, so that neither holds the other.
    let guided = [StepId::SecurityGroup, StepId::Role, StepId::Certificate, StepId::UserPool];
    for with_journal in [true, false] {
        let mut bench = bench(PracticeOptions::instant(), guided);
        seat(&mut bench, |_| {});
        bench.deploy(&usual()).await.unwrap();
        let state = bench.state().unwrap();
        if !with_journal {
            std::fs::remove_file(bench.state_file()).unwrap();
        }
        let removal = bench.cleanup(&usual(), with_journal).await.unwrap();
        assert!(removal.left.is_empty(), "{:#?}", removal.left);
        let mut types: Vec<String> = bench
            .practice
            .inventory()
            .iter()
            .map(|one| one["type"].as_str().unwrap().to_owned())
            .filter(|one| one != "subnet")
            .collect();
        types.sort();
        // Without the journal nobody knows the pool, so what lies in it stays as well, the domain included.
        let mut expected = vec!["certificate", "instance-profile", "role", "security-group", "user-pool"];
        if !with_journal {
            expected.insert(1, "domain");
        }
        assert_eq!(types, expected, "journal: {with_journal}");
        let removed: BTreeSet<StepId> = removal.removed.iter().map(|(step, _)| *step).collect();
        for step in guided {
            assert!(!removed.contains(&step), "{step}");
            assert_eq!(state.step(step).ownership, Some(Ownership::Adopted));
        }
        if with_journal {
            let stays: BTreeSet<StepId> = removal.stays.iter().map(|stays| stays.step).collect();
            let expected = BTreeSet::from(guided).into_iter().chain([StepId::InstanceProfile]).collect();
            assert_eq!(stays, expected, "and says so");
            assert!(removal.stays.iter().all(|stays| stays.by_hand.command.starts_with("aws ")));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn with_the_state_file_lost_what_a_person_made_is_found_by_its_tags_and_not_made_twice() {
    let mut bench = bench(PracticeOptions::instant(), all_steps());
    seat(&mut bench, |_| {});
    bench.deploy(&usual()).await.unwrap();
    let before = bench.practice.inventory();
    std::fs::remove_file(bench.state_file()).unwrap();
    let player = seat(&mut bench, |_| {});
    // Those without tags are found by name where a person is to make them.
    bench.deploy(&usual()).await.unwrap();
    assert!(player.tasks().is_empty(), "{:?}", steps_of(&player.tasks()));
    assert_eq!(bench.practice.inventory(), before);

    std::fs::remove_file(bench.state_file()).unwrap();
    bench.guided = BTreeSet::new();
    bench.operator = None;
    let plan = bench.prepare(&usual()).await.unwrap().plan;
    let created: Vec<StepId> =
        plan.steps.iter().filter(|step| step.change == Change::Create).map(|step| step.id).collect();
    assert!(created.is_empty(), "{created:?}");
}

#[tokio::test(start_paused = true)]
async fn what_a_person_made_and_took_away_again_a_person_is_asked_for_again() {
    let mut bench = bench(PracticeOptions::instant(), [StepId::Address]);
    seat(&mut bench, |_| {});
    bench.deploy(&usual()).await.unwrap();
    bench.cleanup(&usual(), true).await.unwrap();
    let first = bench.state().unwrap().step(StepId::Address).id.unwrap();
    bench.practice.cloud().ec2.release_address(first.clone()).await.unwrap();
    bench.guided = BTreeSet::new();
    let player = seat(&mut bench, |_| {});
    bench.deploy(&usual()).await.unwrap();
    assert_eq!(steps_of(&player.tasks()), BTreeSet::from([StepId::Address]));
    assert_ne!(bench.state().unwrap().step(StepId::Address).id.unwrap(), first);
}

#[tokio::test(start_paused = true)]
async fn the_plan_says_what_a_person_makes_and_a_journal_without_that_word_still_reads() {
    let bench = bench(PracticeOptions::instant(), [StepId::Domain]);
    let plan = bench.prepare(&usual()).await.unwrap().plan;
    let ways: Vec<StepId> = plan.guided().map(|step| step.id).collect();
    assert_eq!(ways, [StepId::Domain]);
    let text = serde_json::to_string(&plan).unwrap();
    assert_eq!(text.matches("\"way\":\"guided\"").count(), 1);
    let old: model::plan::Plan = serde_json::from_str(&text.replace("\"way\":\"guided\",", "")).unwrap();
    assert!(old.steps.iter().all(|step| step.way == Way::Automatic));
}

#[tokio::test(start_paused = true)]
async fn every_task_as_text() {
    let mut bench = bench(PracticeOptions::instant(), all_steps());
    // Left to calls, so that the profile is asked for by itself: see the other one below.
    let player = seat(&mut bench, |_| {});
    bench.deploy(&usual()).await.unwrap();
    let mut tasks = player.tasks();
    let mut alone = self::bench(PracticeOptions::instant(), [StepId::InstanceProfile]);
    let profile = seat(&mut alone, |_| {});
    alone.deploy(&usual()).await.unwrap();
    tasks.extend(profile.tasks());
    tasks.sort_by_key(|task| task.step);
    assert_eq!(steps_of(&tasks), all_steps());
    for task in &mut tasks {
        for entry in &mut task.values {
            if entry.label.ends_with("User data") {
                // It has a snapshot of its own.
                assert!(entry.value.starts_with("#!"));
                "#!...".clone_into(&mut entry.value);
            }
        }
    }
    let texts: Vec<String> = tasks.iter().map(Task::text).collect();
    insta::assert_snapshot!(texts.join("\n"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Feature: aws-ec2-production-deployment, Property 3: AWS Resource Configuration.
    ///
    /// Whoever makes which resource, all of them end as the automatic way makes them, and only what calls made is ours.
    #[test]
    fn any_choice_of_steps_done_by_hand_ends_in_the_same_resources(
        guided in proptest::sample::subsequence(all_steps().into_iter().collect::<Vec<_>>(), 0..=all_steps().len())
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let mut bench = bench(PracticeOptions::instant(), guided.clone());
            seat(&mut bench, |_| {});
            bench.deploy(&usual()).await.unwrap();
            let whole = WHOLE.get_or_init(automatic).await;
            assert_eq!(&without_makers(bench.practice.inventory()), whole);
            assert_owned_as_made(&bench, &guided.into_iter().collect());
            assert_eq!(bench.prepare(&usual()).await.unwrap().plan.pending().count(), 0);
        });
    }
}
