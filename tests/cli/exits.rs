//! Each exit code, and that it comes before anything is written where it should.

use crate::support::Desk;

/// An account in which this stands instead of that.
fn account(from: &str, to: &str) -> Desk {
    let desk = Desk::new();
    desk.run("plan --config config.yaml").expect(0);
    desk.edit("account.json", from, to);
    desk
}

const DEPLOY: &str = "--config config.yaml --yes";

#[test]
fn missing_input_without_a_terminal_is_named_all_at_once() {
    let desk = Desk::new();
    desk.run("deploy").expect(2).says(&[
        "SRE-CLI-002",
        "--yes",
        "--config FILE, or SRE_AGENT_DEPLOY_CONFIG",
        "--deployment-id ID, or SRE_AGENT_DEPLOY_DEPLOYMENT_ID in the environment, or `deployment.id`",
        "--region REGION, or SRE_AGENT_DEPLOY_AWS_REGION in the environment, or `aws.region`",
        "--set tls.domain=",
    ]);
    desk.run("--config config.yaml").expect(2).says(&["approval: --yes"]);
    desk.run("--cleanup").expect(2).says(&["--deployment-id ID", "--yes", "--confirm-deployment-id ID"]);
    desk.run("--cleanup --deployment-id sre-cli --yes").expect(2).says(&["--confirm-deployment-id sre-cli"]);
    assert!(!desk.path(".deployment_state").exists());
}

#[test]
fn a_configuration_may_come_without_a_file() {
    let desk = Desk::new();
    desk.run("deploy --yes --deployment-id sre-cli --region us-east-1 --set host.install=none").expect(0);
}

#[test]
fn credentials_that_expired_are_exit_3() {
    let desk = account(r#""credentials":"good""#, r#""credentials":"expired""#);
    desk.run(DEPLOY).expect(3).says(&["SRE-AWS-003", "aws sso login"]);
    desk.run(&format!("{DEPLOY} --profile ops")).expect(3).says(&["aws sso login --profile ops"]);
    assert!(!desk.path(".deployment_state").exists());
}

#[test]
fn a_refusal_is_exit_4_with_the_statement_and_the_resume_command() {
    let desk = account(r#""denied":[]"#, r#""denied":["iam:CreateRole"]"#);
    desk.run(DEPLOY).expect(4).says(&[
        "error[SRE-AWS-001]",
        r#""Action":"iam:CreateRole""#,
        "resume: sre-agent-deploy --resume --state-file .deployment_state",
    ]);
    assert_eq!(desk.run("status --format json").json()["phase"], "unfinished");
    desk.edit("account.json", r#""denied":["iam:CreateRole"]"#, r#""denied":[]"#);
    desk.run("--resume --state-file .deployment_state").expect(0);
}

#[test]
fn pending_changes_are_exit_7_where_asked_for() {
    let desk = Desk::new();
    desk.run("plan --config config.yaml").expect(0);
    desk.run("plan --config config.yaml --detailed-exitcode").expect(7);
    assert!(!desk.path(".deployment_state").exists());
    let desk = desk.deployed();
    desk.run("plan --config config.yaml --mode production --detailed-exitcode").expect(0);
    desk.run("plan --config config.yaml --set cognito.access_token_minutes=30 --detailed-exitcode").expect(7);
}

#[test]
fn a_call_without_an_answer_is_exit_9() {
    let desk = Desk::new().with("SRE_AGENT_DEPLOY_PRACTICE_LATENCY_MS", "60000");
    desk.run(&format!("{DEPLOY} --call-timeout 20ms")).expect(9).says(&["SRE-AWS-008"]);
}

#[test]
fn another_account_is_exit_11_before_anything_is_written() {
    let desk = Desk::new();
    desk.edit("config.yaml", "123456789012", "999999999999");
    desk.run(DEPLOY).expect(11).says(&["SRE-ACC-001"]);
    assert!(!desk.path(".deployment_state").exists());

    let desk = account(r#""caller":null"#, r#""caller":"999999999999""#);
    desk.edit("config.yaml", "account_id: \"123456789012\"", "account_id: null");
    desk.run(DEPLOY).expect(0);
    desk.edit("account.json", r#""caller":"999999999999""#, r#""caller":null"#);
    let before = desk.read(".deployment_state");
    for line in [DEPLOY, "--cleanup --deployment-id sre-cli --yes --confirm-deployment-id sre-cli"] {
        desk.run(line).expect(11).says(&["SRE-ACC-001"]);
    }
    assert_eq!(desk.read(".deployment_state"), before);
}

#[test]
fn a_removal_is_confirmed_with_the_right_id() {
    let desk = Desk::new().deployed();
    desk.run("--cleanup --deployment-id sre-cli --yes --confirm-deployment-id sre-cl")
        .expect(2)
        .says(&["SRE-CLI-006"]);
    let larger = "--config config.yaml --mode production --yes --set instance.type=m6i.2xlarge";
    desk.run(larger).expect(2).says(&["--confirm-deployment-id sre-cli", "EC2 instance"]);
    desk.run(&format!("{larger} --confirm-deployment-id sre-cli")).expect(0);
}

#[test]
fn without_the_real_account_the_practice_account_is_offered() {
    if cfg!(feature = "aws") {
        // The build with the real account asks it, which `tests/e2e` does.
        return;
    }
    let desk = Desk::new().without("SRE_AGENT_DEPLOY_PRACTICE_ACCOUNT");
    desk.run(DEPLOY).expect(2).says(&["SRE-CLI-004", "rehearse"]);
}
