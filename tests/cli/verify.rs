//! `verify` and `check all` on a practice account: one report on the deployment, which claims nothing that was not seen.

use serde_json::Value;

use crate::support::{Desk, Ended};

/// The report that was written.
fn report(desk: &Desk) -> Value {
    serde_json::from_str(&desk.read(".deployment_state.report.json")).unwrap()
}

/// All findings of a run.
fn findings(ended: &Ended) -> Vec<Value> {
    let report = ended.json();
    let results = report["results"].as_array().unwrap();
    results.iter().flat_map(|result| result["findings"].as_array().unwrap().clone()).collect()
}

#[track_caller]
fn finding(ended: &Ended, code: &str) -> Value {
    let all = findings(ended);
    all.iter()
        .find(|finding| finding["code"] == code)
        .cloned()
        .unwrap_or_else(|| panic!("no {code} in {all:#?}"))
}

/// Feature: aws-ec2-production-deployment, Property 4: a deployment is complete only when everything that was checked
/// passed, and what did not run is no test.
#[test]
fn the_report_says_what_the_exit_says() {
    let desk = Desk::new().deployed();
    let before = report(&desk);
    assert_eq!(before["connectivity_tests"], serde_json::json!({}));
    let ended = desk.run("verify --format json");
    assert_eq!(finding(&ended, "SRE-CLI-019")["severity"], "ok");
    assert_eq!(
        finding(&ended, "SRE-HOST-001")["message"],
        "the endpoint was not checked: skipped because host.install is none"
    );
    assert_eq!(finding(&ended, "SRE-COG-001")["severity"], "skipped");

    let report = report(&desk);
    assert_ne!(report["timestamp"], before["timestamp"]);
    assert_eq!(report["deployment"], before["deployment"]);
    assert_eq!(
        report["component_results"].as_array().unwrap().len(),
        before["component_results"].as_array().unwrap().len()
    );
    let status = report["overall_status"].as_str().unwrap();
    let tests = report["connectivity_tests"].as_object().unwrap();
    match ended.code {
        Some(0) => assert!(status.starts_with("complete"), "{report:#}"),
        Some(5) => assert_eq!(status, "incomplete", "{report:#}"),
        other => panic!("exit {other:?}:\n{}", ended.stderr),
    }
    assert_eq!(
        ended.code == Some(5),
        tests.values().any(|passed| *passed == false) || bad(&ended),
        "{report:#}"
    );
    // No endpoint was asked, so none is among the tests.
    assert!(
        tests.keys().all(|name| !name.starts_with("SRE-EP-") && !name.starts_with("SRE-COG-")),
        "{tests:#?}"
    );
    assert!(desk.read(".deployment_state.report.md").contains("# Deployment `sre-cli`"));

    // The same checks without a report.
    let kept = desk.read(".deployment_state.report.json");
    let all = desk.run("check all --format json");
    assert_eq!(all.code, ended.code);
    assert_eq!(desk.read(".deployment_state.report.json"), kept);
}

/// Whether something failed or could not be judged.
fn bad(ended: &Ended) -> bool {
    findings(ended).iter().any(|finding| finding["severity"] == "error" || finding["severity"] == "unknown")
}

#[test]
fn a_deployment_that_did_not_end_or_was_removed_is_not_complete() {
    let desk = Desk::new().deployed();
    let whole = desk.read(".deployment_state");
    let lines: Vec<&str> = whole.split_inclusive('\n').collect();
    let cut = lines.len().checked_div(2).unwrap();
    desk.write(".deployment_state", &lines[..cut].concat());
    let ended = desk.run("verify --format json").expect(5);
    let standing = finding(&ended, "SRE-CLI-019");
    assert_eq!(
        (&standing["severity"], &standing["message"]),
        (&"error".into(), &"the deployment is not finished".into())
    );
    assert!(standing["hint"].as_str().unwrap().contains("--resume"), "{standing}");
    assert_eq!(report(&desk)["overall_status"], "incomplete");
    let first = report(&desk)["recommendations"][0].as_str().unwrap().to_owned();
    assert!(first.starts_with("SRE-CLI-019: "), "{first}");

    desk.write(".deployment_state", &whole);
    desk.run("--cleanup --deployment-id sre-cli --yes --confirm-deployment-id sre-cli").expect(0);
    let ended = desk.run("verify --format json").expect(5);
    assert_eq!(finding(&ended, "SRE-CLI-019")["message"], "the deployment was removed");
    assert_eq!(report(&desk)["overall_status"], "removed");
}

#[test]
fn without_a_deployment_there_is_nothing_to_verify() {
    let desk = Desk::new();
    for line in ["verify", "check all"] {
        desk.run(line).expect(2).says(&["SRE-STATE-005", "--state-file"]);
    }
    assert!(!desk.path(".deployment_state.report.json").exists());
    desk.run("verify --ca-file nothing --config config.yaml").expect(2).says(&["SRE-CLI-003"]);
    desk.run("verify --only SRE-X-001 --config config.yaml").expect(2).says(&["SRE-CLI-007"]);
}

#[test]
fn who_names_a_token_has_a_proxy_that_somebody_else_installed_checked() {
    let desk = Desk::new()
        .without("SRE_AGENT_DEPLOY_PRACTICE_ACCOUNT")
        .with("AWS_EC2_METADATA_DISABLED", "true")
        .with("AWS_ACCESS_KEY_ID", "")
        .with("AWS_ENDPOINT_URL", "http://127.0.0.1:9");
    desk.edit("config.yaml", "api.sre-cli.net", "api.sre-cli.invalid");
    desk.write("token", "sk-of-nobody");
    let line = "verify --config config.yaml --format json";
    assert_eq!(finding(&desk.run(line).expect(5), "SRE-HOST-001")["severity"], "skipped");

    let ended = desk.run(&format!("{line} --token-file token")).expect(5);
    assert_eq!(finding(&ended, "SRE-EP-001")["severity"], "error");
    assert!(!ended.stdout.contains("sk-of-nobody"), "{}", ended.stdout);
    // What is wrong with a flag is said before anything is asked.
    desk.run("verify --config config.yaml --token-file nowhere").expect(2).says(&["SRE-CLI-003"]);
}
