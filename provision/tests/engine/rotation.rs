//! Another key for the backends, whatever becomes of the call that gives it.
//!
//! Feature: aws-ec2-production-deployment, Property 5: Error Handling and Recovery

use std::sync::Arc;

use cloud::ErrorKind;
use cloud::fault::{FailNth, Failure, Matching, When};
use model::agent::CREDENTIAL_PROVIDER;
use model::plan::StepId;
use provision::error::RunError;

use crate::support::{Bench, nothing_installed, usual};

const CALL: Matching = Matching::Operation("UpdateApiKeyCredentialProvider");

fn key(bench: &Bench) -> String {
    let mut key = String::new();
    bench
        .practice
        .seed(|account| account.api_key(CREDENTIAL_PROVIDER).unwrap_or_default().clone_into(&mut key))
        .unwrap();
    key
}

async fn rotated(bench: &Bench) -> Result<String, RunError> {
    let Ok(journal) = bench.locked().await else { panic!("there is a journal") };
    let engine = bench.engine();
    let name = engine.rotatable(journal.state()).await?;
    Ok(engine.rotate_key(&name, journal).await?.expose().clone())
}

#[tokio::test(start_paused = true)]
async fn the_key_that_is_told_is_the_one_that_the_provider_gives_also_after_a_lost_answer() {
    for when in [None, Some(When::Before), Some(When::After)] {
        let mut bench = Bench::new();
        bench.deploy(&usual()).await.unwrap();
        let old = key(&bench);
        if let Some(when) = when {
            let lost = Failure::on_the_way(ErrorKind::TimedOut);
            bench.hooks.push(Arc::new(FailNth::new(1, CALL, when, lost)));
        }
        let new = rotated(&bench).await.unwrap();
        assert_eq!(key(&bench), new, "{when:?}");
        assert!(new != old && new.len() == 64, "{when:?}");
        let journal = std::fs::read_to_string(bench.state_file()).unwrap();
        assert!(!journal.contains(&new) && journal.contains("has another key"), "{when:?}");
        assert!(bench.state().unwrap().is_finished());
        assert_eq!(bench.prepare(&usual()).await.unwrap().plan.pending().count(), 0);
        assert_ne!(rotated(&bench).await.unwrap(), new, "each is another one");
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_that_may_not_be_changed_stays_and_the_journal_says_what_was_tried() {
    let mut bench = Bench::new();
    bench.deploy(&usual()).await.unwrap();
    let old = key(&bench);
    let denied = Failure::answered("AccessDeniedException", "not authorized to perform this");
    bench.hooks.push(Arc::new(FailNth::new(1, CALL, When::Before, denied)));
    match rotated(&bench).await {
        Err(RunError::Steps(failed)) => assert_eq!(failed[0].0, StepId::CredentialProvider),
        other => panic!("{other:?}"),
    }
    assert_eq!(key(&bench), old);
    let journal = std::fs::read_to_string(bench.state_file()).unwrap();
    assert!(journal.contains("giving the credential provider") && !journal.contains("has another key"));
}

#[tokio::test(start_paused = true)]
async fn without_a_provider_of_ours_there_is_nothing_to_change() {
    let bench = Bench::new();
    bench.deploy(&nothing_installed()).await.unwrap();
    match rotated(&bench).await {
        Err(RunError::Refused(findings)) => assert_eq!(findings[0].code, "SRE-AGENT-022"),
        other => panic!("{other:?}"),
    }
    let bench = Bench::new();
    bench.deploy(&usual()).await.unwrap();
    bench
        .practice
        .cloud()
        .agentcore
        .delete_credential_provider(CREDENTIAL_PROVIDER.to_owned())
        .await
        .unwrap();
    // Somebody else makes one of the same name.
    bench.practice.seed(|account| drop(account.credential_provider(CREDENTIAL_PROVIDER, "theirs"))).unwrap();
    match rotated(&bench).await {
        Err(RunError::Refused(findings)) => assert_eq!(findings[0].code, "SRE-AGENT-024"),
        other => panic!("{other:?}"),
    }
    assert_eq!(key(&bench), "theirs");
}
