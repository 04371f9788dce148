//! What programs read: each JSON form is one document on stdout, and stays as it is.

use serde_json::Value;

use crate::support::{Desk, steady};

const DEPLOY: &str = "--config config.yaml --mode production --yes";

#[test]
fn a_plan() {
    let json = Desk::new().run("plan --config config.yaml --format json").expect(0).json();
    insta::assert_json_snapshot!(steady(json));
}

/// The certificate has no price, and the sum says of what it is the sum.
#[test]
fn a_plan_says_what_it_costs_and_so_does_the_question_of_a_deployment() {
    let desk = Desk::new();
    let plan = desk.run("plan --config config.yaml").expect(0).stdout;
    let deploy = desk.run(DEPLOY).expect(0).stdout;
    for text in [&plan, &deploy] {
        for part in [
            "Cost a month in USD, us-east-1 (prices of 2026-11-21; not a quote)",
            "121.47",
            "  Total of what is priced: from 129.12, at the expected use 1",
            "  Not priced: no price for an exportable ACM certificate in us-east-1",
        ] {
            assert!(text.contains(part), "no {part:?} in {text}");
        }
    }
    // Once it is there, nothing is new.
    let again = desk.run("plan --config config.yaml").expect(0).stdout;
    assert!(again.contains("  New with this plan: from 0.00, at the expected use 0.00"), "{again}");
}

#[test]
fn a_report() {
    let desk = Desk::new();
    let ended = desk.run(&format!("{DEPLOY} --format json")).expect(0);
    let written: Value = serde_json::from_str(&desk.read(".deployment_state.report.json")).unwrap();
    assert_eq!(written, ended.json());
    insta::assert_json_snapshot!(steady(ended.json()));
    // Progress is JSON as well, an object a line.
    let events: Vec<Value> = ended.stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let kinds: Vec<&str> = events.iter().filter_map(|event| event["what"]["type"].as_str()).collect();
    assert_eq!((kinds.first(), kinds.last()), (Some(&"run-started"), Some(&"run-finished")));
}

#[test]
fn a_status() {
    let json = Desk::new().deployed().run("status --format json").expect(0).json();
    insta::assert_json_snapshot!(steady(json));
}

#[test]
fn an_error_with_what_the_run_did() {
    let desk = Desk::new();
    desk.run("plan --config config.yaml").expect(0);
    desk.edit("account.json", r#""denied":[]"#, r#""denied":["iam:CreateRole"]"#);
    let json = desk.run(&format!("{DEPLOY} --format json")).expect(4).json();
    assert_eq!(json["report"]["overall_status"], "incomplete");
    let mut error = json.clone();
    error.as_object_mut().unwrap().remove("report");
    insta::assert_json_snapshot!(error);
}

#[test]
fn an_error_of_the_command_line() {
    let json = Desk::new().run("--format json --resume --cleanup").expect(2).json();
    assert_eq!(json["error"]["code"], "SRE-CLI-001");
}

#[test]
fn a_cleanup() {
    let desk = Desk::new().deployed();
    let ended = desk
        .run("--cleanup --deployment-id sre-cli --yes --confirm-deployment-id sre-cli --format json")
        .expect(0);
    let json = ended.json();
    assert_eq!(json["overall_status"], "removed");
    assert!(json["component_results"].as_array().unwrap().iter().all(|result| result["success"] == true));
}

#[test]
fn the_report_for_people() {
    let desk = Desk::new().deployed();
    let markdown = desk.read(".deployment_state.report.md");
    assert!(markdown.starts_with("# Deployment `sre-cli`: complete-with-warnings"), "{markdown}");
    insta::assert_snapshot!(desk.run(&format!("{DEPLOY} -q")).expect(0).stdout);
}

#[test]
fn quiet_is_quiet_and_verbose_is_not() {
    let desk = Desk::new();
    assert_eq!(desk.run(&format!("{DEPLOY} --quiet")).expect(0).stderr, "");
    assert!(desk.run(&format!("{DEPLOY} -vv")).expect(0).stderr.contains("nothing to do"));
}

#[test]
fn a_reader_that_goes_away_stops_nothing() {
    let desk = Desk::new();
    let mut child = desk.command(DEPLOY).spawn().unwrap();
    drop(child.stdout.take());
    drop(child.stderr.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(desk.run("status --format json").json()["phase"], "finished");
}
