//! An instance that installs itself at its first boot: what is told of it, and what is made of its silence.

use cloud::practice::PracticeOptions;
use model::event::What;
use model::first_boot::Trouble;
use model::plan::{Change, StepId};
use model::tags::Tags;
use model::{AccountId, Finding};
use provision::bundle::Programs;
use provision::error::{RunError, StepError};
use std::sync::Arc;

use crate::support::{Bench, config, nothing_installed, programs, usual};

/// What stopped the deploy.
fn blocked(ended: Result<Vec<Finding>, RunError>) -> Finding {
    match ended {
        Err(RunError::Steps(failed)) => match failed.as_slice() {
            [(StepId::HostInstalled, StepError::Blocked(finding))] => finding.as_ref().clone(),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn progress_is_shown_as_the_instance_tells_it() {
    let bench = Bench::new();
    bench.deploy(&usual()).await.unwrap();
    let mut told: Vec<String> = bench
        .events
        .all()
        .into_iter()
        .filter_map(|event| match event.what {
            What::Waiting { step: Some(StepId::HostInstalled), reason, .. } => Some(reason),
            _ => None,
        })
        .collect();
    told.dedup();
    assert_eq!(
        told,
        [
            "waiting for the instance's first boot (usually 1 to 2 minutes)",
            "the instance has started and fetches the bundle",
            "the instance has fetched the bundle and verifies it",
            "the instance has verified the bundle and installs the proxy",
        ]
    );
    let state = bench.state().unwrap();
    assert_eq!(state.step(StepId::HostInstalled).outputs["first_boot"], "installed");
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_is_told_is_explained_and_a_resume_goes_on_once_the_script_was_run_again() {
    for (trouble, detail, code) in [
        (Trouble::Denied, "SHA256SUMS: HTTP 403", "SRE-HOST-070"),
        (Trouble::Checksum, "bin/bedrock-nova-proxy: SHA-256 is 00", "SRE-HOST-072"),
        (Trouble::Install, "{\"code\":\"SRE-HOST-012\"}", "SRE-HOST-075"),
    ] {
        let bench = Bench::new();
        bench.practice.seed(|account| account.first_boots_fail(Some(trouble), detail)).unwrap();
        let finding = blocked(bench.deploy(&usual()).await);
        assert_eq!(finding.code, code);
        assert_eq!(finding.evidence.as_deref(), Some(detail));
        assert!(bench.state().unwrap().is_resumable());
        assert_eq!(blocked(bench.deploy(&usual()).await).code, code, "it says so again");
        bench
            .practice
            .seed(|account| {
                account.first_boots_succeed();
            })
            .unwrap();
        bench.deploy(&usual()).await.unwrap();
        assert!(bench.state().unwrap().is_finished());
    }
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_says_nothing_is_asked_for_its_console() {
    let bench = Bench::new();
    bench.practice.seed(|account| account.first_boots_fail(None, "network: SHA256SUMS: timed out")).unwrap();
    let finding = blocked(bench.deploy(&usual()).await);
    assert_eq!(finding.code, "SRE-HOST-073", "{finding:?}");
    // Without the right to read it, what was observed is said and no more.
    let bench = Bench::new();
    bench
        .practice
        .seed(|account| {
            account.first_boots_fail(None, "");
            account.deny("ec2:GetConsoleOutput");
        })
        .unwrap();
    let finding = blocked(bench.deploy(&usual()).await);
    assert_eq!(finding.code, "SRE-HOST-076");
    assert!(finding.evidence.unwrap().contains("the console cannot be read"));
}

#[tokio::test(start_paused = true)]
async fn an_object_that_somebody_exchanged_is_refused_by_the_instance_and_uploaded_again() {
    let mut bench = Bench::new();
    let whole = {
        let other = Bench::new();
        other.deploy(&usual()).await.unwrap();
        other.practice.inventory()
    };
    let (gate, mut reached) = cloud::fault::Gate::at(
        1,
        cloud::fault::Matching::Operation("RunInstances"),
        cloud::fault::When::Before,
    );
    bench.hooks.push(gate);
    let config = usual();
    tokio::select! {
        ended = bench.deploy(&config) => panic!("no instance was launched: {ended:?}"),
        changed = reached.wait_for(|reached| *reached) => drop(changed.unwrap()),
    }
    bench.hooks.clear();
    bench.practice.seed(|account| account.damage_objects("SHA256SUMS")).unwrap();
    bench.deploy(&config).await.unwrap();
    assert_eq!(bench.practice.inventory(), whole);
}

#[tokio::test(start_paused = true)]
async fn an_instance_without_the_script_is_left_alone_and_said_so() {
    let bench = Bench::new();
    bench.deploy(&nothing_installed()).await.unwrap();
    let before = bench.state().unwrap().step(StepId::Instance).id;
    let plan = bench.prepare(&usual()).await.unwrap().plan;
    assert!(plan.step(StepId::HostInstalled).is_none(), "{plan:#?}");
    let remarks = bench.deploy(&usual()).await.unwrap();
    assert!(remarks.iter().any(|finding| finding.code == "SRE-PLAN-019"), "{remarks:#?}");
    assert_eq!(bench.state().unwrap().step(StepId::Instance).id, before);
    assert_eq!(bench.prepare(&usual()).await.unwrap().plan.pending().count(), 0);
}

#[tokio::test(start_paused = true)]
async fn other_programs_are_uploaded_and_the_instance_stays() {
    let mut bench = Bench::new();
    bench.deploy(&usual()).await.unwrap();
    let elf = programs().files().next().unwrap().1.bytes.to_vec();
    bench.programs = Some(Arc::new(Programs::new(elf.clone(), elf)));
    let plan = bench.prepare(&usual()).await.unwrap().plan;
    let pending: Vec<_> = plan.pending().map(|step| (step.id, step.change.verb())).collect();
    assert_eq!(pending, [(StepId::Bundle, "update")]);
    assert!(plan.findings.iter().any(|finding| finding.code == "SRE-PLAN-019"));
    bench.deploy(&usual()).await.unwrap();
    assert_eq!(bench.prepare(&usual()).await.unwrap().plan.pending().count(), 0);
    // Without programs at hand there is nothing to compare with, and nothing to do.
    bench.programs = None;
    assert_eq!(bench.prepare(&usual()).await.unwrap().plan.pending().count(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_bucket_of_our_name_that_is_not_ours_stops_the_plan_and_stays() {
    let name = "sre-agent-deploy-123456789012-us-east-1-sre-test";
    let stranger = AccountId::parse("999999999999").unwrap();
    let tags: Tags = [("team".to_owned(), "other".to_owned())].into();
    for foreign in [true, false] {
        let bench = Bench::new();
        bench
            .practice
            .seed(|account| {
                if foreign {
                    account.foreign_bucket(name, stranger.clone());
                } else {
                    account.bucket(name, tags.clone());
                }
            })
            .unwrap();
        let before = bench.practice.inventory();
        let Err(RunError::Refused(findings)) = bench.deploy(&usual()).await else { panic!("deployed") };
        assert_eq!(findings[0].code, "SRE-PLAN-022", "{findings:#?}");
        for _ in 0..2 {
            assert!(bench.cleanup(&usual(), false).await.unwrap().left.is_empty());
        }
        assert_eq!(bench.practice.inventory(), before);
    }
}

#[tokio::test(start_paused = true)]
async fn a_bucket_that_was_opened_by_hand_is_closed_again() {
    let bench = Bench::with(PracticeOptions::instant());
    bench.deploy(&usual()).await.unwrap();
    let whole = bench.practice.inventory();
    let name = bench.state().unwrap().step(StepId::Bucket).id.unwrap();
    bench.practice.seed(|account| account.open_bucket(&name)).unwrap();
    bench.deploy(&usual()).await.unwrap();
    assert_eq!(bench.practice.inventory(), whole);
}

#[tokio::test(start_paused = true)]
async fn programs_for_another_machine_are_refused_before_anything_is_made() {
    let bench = Bench::new();
    let arm = config(
        "tls: {domain: api.example.com, source: acme}\ninstance: {type: m7g.xlarge}\nhost: {install: user-data}\n",
    );
    let before = bench.practice.inventory();
    let Err(RunError::Refused(findings)) = bench.deploy(&arm).await else { panic!("deployed") };
    let codes: Vec<_> = findings.iter().map(|finding| finding.code.as_str()).collect();
    assert_eq!(codes, ["SRE-PLAN-017", "SRE-PLAN-017"]);
    assert_eq!(bench.practice.inventory(), before);
}

#[tokio::test(start_paused = true)]
async fn an_adopted_instance_installs_nothing_and_that_is_said() {
    let bench = Bench::new();
    bench.deploy(&nothing_installed()).await.unwrap();
    let id = bench.state().unwrap().step(StepId::Instance).id.unwrap();
    let mut adopting = usual();
    adopting.deployment.id = model::DeploymentId::parse("sre-other").unwrap();
    adopting.cognito.domain_prefix = model::ids::DomainPrefix::parse("sre-other").unwrap();
    std::fs::remove_file(bench.state_file()).unwrap();
    let remarks = bench.deploy_adopting(&adopting, &[(StepId::Instance, id)].into()).await.unwrap();
    assert!(remarks.iter().any(|finding| finding.code == "SRE-PLAN-020"), "{remarks:#?}");
    let plan = bench.state().unwrap().plan.unwrap();
    for id in [StepId::Bucket, StepId::Bundle, StepId::HostProgress, StepId::HostInstalled] {
        assert!(plan.step(id).is_none_or(|step| matches!(step.change, Change::Keep { .. })), "{id}");
    }
}

#[test]
fn a_bucket_name_fits_and_tells_deployments_apart() {
    use model::{DeploymentId, Region};
    use provision::steps::names::bucket;
    let account = AccountId::parse("123456789012").unwrap();
    let region = Region::parse("ap-southeast-5").unwrap();
    let name = |id: &str| bucket(&account, &region, &DeploymentId::parse(id).unwrap());
    let (one, two) = (name("a-very-long-deployment-id-of-31a"), name("a-very-long-deployment-id-of-31b"));
    assert_ne!(one, two);
    assert!(
        one.len() <= 63 && one.starts_with("sre-agent-deploy-123456789012-ap-southeast-5-a-very-lo"),
        "{one}"
    );
    assert_eq!(name("short"), "sre-agent-deploy-123456789012-ap-southeast-5-short");
}
