//! The practice account keeps the contract of the ports, however it is kept and however slowly it answers.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::Path;

use cloud::contract::{self, Fixture};
use cloud::practice::{Practice, PracticeOptions};
use model::DeploymentId;

/// Zones come from outside.
fn with_zones(practice: &Practice) {
    for (name, is_private) in
        [("example.com", false), ("contract.example.com", false), ("contract.example.com", true)]
    {
        practice.seed(|seed| seed.hosted_zone(name, is_private)).unwrap();
    }
}

fn fixture() -> Fixture {
    Fixture::new(DeploymentId::parse("contract-one").unwrap())
}

#[tokio::test(start_paused = true)]
async fn in_memory_at_once() {
    let practice = Practice::in_memory(PracticeOptions::instant());
    with_zones(&practice);
    let fixture = Fixture { looks: 1, ..fixture() };
    contract::all(&practice.cloud(), &fixture).await;
    assert_eq!(practice.inventory(), [""; 0], "the contract cleans up");
}

#[tokio::test(start_paused = true)]
async fn in_memory_with_lag() {
    for lag in [1, 2, 7] {
        let options = PracticeOptions { lag_reads: lag, settle_reads: lag, ..PracticeOptions::default() };
        let practice = Practice::in_memory(options);
        with_zones(&practice);
        contract::all(&practice.cloud(), &fixture()).await;
        assert_eq!(practice.inventory(), [""; 0]);
    }
}

#[tokio::test(start_paused = true)]
async fn in_a_file_through_the_default_lag() {
    let folder = tempfile::tempdir().unwrap();
    let practice = Practice::open(&folder.path().join("account.json"), PracticeOptions::default()).unwrap();
    with_zones(&practice);
    contract::all(&practice.cloud(), &fixture()).await;
    assert_eq!(practice.inventory(), [""; 0]);
    assert_eq!(names(folder.path()), ["account.json", "account.json.lock"], "no temporary file is left");
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}
