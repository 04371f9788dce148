//! The table for three deployments: a usual one, one without prices, and a rehearsal that uses what exists.

use std::collections::BTreeMap;

use model::config::{Inputs, SourceText, load};
use model::plan::{Change, Fields, PLAN_SCHEMA_VERSION, Pins, PlannedStep, StepId};
use model::{AccountId, DeploymentId, Region};
use serde_json::{Value, json};

use super::*;

fn config(region: &str, more: &str) -> Config {
    let text = format!(
        "version: 1\ndeployment: {{id: abc, environment: staging}}\naws: {{region: {region}, account_id: \
         \"123456789012\"}}\ntls: {{domain: api.corp.io, acme: {{email: ops@corp.io}}}}\n{more}\n"
    );
    let nothing = BTreeMap::new();
    let file = Some(SourceText { name: "config.yaml", bytes: text.as_bytes() });
    let loaded = load(&Inputs { file, environment: &nothing, flags: &nothing, mode: None });
    loaded.config.unwrap_or_else(|| panic!("{:?}", loaded.problems))
}

fn plan(region: &str, mode: Mode, instance: &str, change: impl Fn(StepId) -> Option<Change>) -> Plan {
    let fields = |id| match id {
        StepId::Instance => {
            Fields::from([("type".to_owned(), json!(instance)), ("volume_gb".to_owned(), json!(50))])
        }
        _ => Fields::new(),
    };
    let step = |id: &StepId| PlannedStep {
        id: *id,
        kind: String::new(),
        name: "abc".to_owned(),
        dependencies: Vec::new(),
        change: change(*id).unwrap_or(Change::Create),
        why: Vec::new(),
        fields: fields(*id),
        way: model::plan::Way::Automatic,
        irreversible: None,
    };
    Plan {
        schema_version: PLAN_SCHEMA_VERSION,
        deployment_id: DeploymentId::parse("abc").unwrap(),
        account_id: AccountId::parse("123456789012").unwrap(),
        region: Region::parse(region).unwrap(),
        mode,
        config_digest: String::new(),
        pins: Pins::default(),
        steps: StepId::ALL.iter().filter(|id| change(**id).is_some()).map(step).collect(),
        findings: Vec::new(),
    }
}

fn text(plan: &Plan, config: &Config, today: &str) -> String {
    let now: Timestamp = format!("{today}T12:00:00Z").parse().unwrap();
    let text = cost(plan, config, now).text();
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    text
}

/// What most deployments are: everything is made but a certificate and a gateway.
fn usual(id: StepId) -> Option<Change> {
    (id != StepId::Certificate && !id.is_of_gateway()).then_some(if id.is_check() {
        Change::Check
    } else {
        Change::Create
    })
}

#[test]
fn the_usual_deployment() {
    let plan = plan("us-east-1", Mode::Staging, "t3.xlarge", usual);
    insta::assert_snapshot!(text(&plan, &config("us-east-1", ""), "2026-11-22"));
}

#[test]
fn a_deployment_where_little_has_a_price() {
    let plan = plan("eu-west-1", Mode::Production, "m7i.xlarge", |_| Some(Change::Create));
    let more = "proxy:\n  models:\n    gpt-4o: amazon.nova-pro-v1:0\n    own: \
                arn:aws:bedrock:eu-west-1:123456789012:application-inference-profile/a1b2c3d4e5f6\n    long: \
                eu.anthropic.claude-sonnet-4-5-20250929-v1:0\n";
    insta::assert_snapshot!(text(&plan, &config("eu-west-1", more), "2026-11-22"));
}

#[test]
fn a_rehearsal_that_uses_what_exists_with_an_old_book() {
    let found = || "x-1".to_owned();
    let plan = plan("us-east-1", Mode::Rehearsal, "t3.xlarge", |id| match id {
        StepId::UserPool | StepId::AppClient => Some(Change::Adopt { found: found() }),
        StepId::Address => Some(Change::Keep { found: found() }),
        StepId::Certificate => Some(Change::Delete { found: found() }),
        _ => usual(id),
    });
    insta::assert_snapshot!(text(&plan, &config("us-east-1", ""), "2027-08-01"));
}

#[test]
fn programs_read_the_plan_and_beside_it_the_cost() {
    let plan = plan("us-east-1", Mode::Staging, "t3.xlarge", usual);
    let now: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
    let cost = cost(&plan, &config("us-east-1", ""), now);
    let document = serde_json::to_value(PlanWithCost { plan: &plan, cost }).unwrap();
    let read: Plan = serde_json::from_value(document.clone()).unwrap();
    assert_eq!(read, plan, "who reads a plan still can");
    let cost = &document["cost"];
    assert_eq!(cost["total"]["low"], "129.12");
    assert_eq!((&cost["stale_days"], &cost["is_practice"]), (&Value::Null, &json!(false)));
    let instance =
        cost["lines"].as_array().unwrap().iter().find(|line| line["item"] == "ec2:t3.xlarge").unwrap();
    insta::assert_json_snapshot!(instance);
}
