//! The first thing that a new user does, who has no AWS account.

use crate::support::Desk;

/// A folder with nothing in it, as a new user has it.
fn folder() -> Desk {
    Desk::new().without("SRE_AGENT_DEPLOY_PRACTICE_ACCOUNT").without("SRE_AGENT_DEPLOY_PRACTICE_FAST")
}

#[test]
fn from_nothing_to_a_deployment_and_back() {
    let desk = folder();
    let first = desk.run("rehearse --fast").expect(0);
    for wanted in ["Plan for sre-agent-rehearsal", "11 to create", "ok    ec2.instance"] {
        assert!(first.stdout.contains(wanted), "{wanted}:\n{}", first.stdout);
    }
    let first = first.says(&["deploying sre-agent-rehearsal", "sre-agent-deploy rehearse --cleanup"]);
    assert!(!first.stderr.contains("warning[SRE-CONF"), "{}", first.stderr);
    for name in
        ["account.json", ".deployment_state", ".deployment_state.report.json", ".deployment_state.report.md"]
    {
        assert!(desk.path(".rehearsal").join(name).exists(), "{name}");
    }
    desk.run("rehearse --fast").expect(0).says(&["nothing to do"]);
    let changed = desk.run("rehearse --fast --set instance.type=m6i.2xlarge").expect(0);
    assert!(changed.stdout.contains("type: t3.xlarge -> m6i.2xlarge"), "{}", changed.stdout);
    desk.run("rehearse --fast --cleanup").expect(0);
    desk.run("rehearse --fast --cleanup").expect(0).says(&["nothing is left of sre-agent-rehearsal"]);
    desk.run("rehearse --fast").expect(0);
}

#[test]
fn interrupted_it_prints_the_command_that_goes_on() {
    let desk = folder().with("SRE_AGENT_DEPLOY_PRACTICE_LATENCY_MS", "30");
    let mut running = desk.start("rehearse");
    running.wait_for("cognito.user-pool: done");
    running.signal("INT");
    let ended = running.end().expect(8);
    let resume =
        ended.stderr.lines().find_map(|line| line.strip_prefix("resume: sre-agent-deploy ")).unwrap();
    assert_eq!(resume, "rehearse --resume");
    let desk = desk.with("SRE_AGENT_DEPLOY_PRACTICE_LATENCY_MS", "0");
    let ended = desk.run(&format!("{resume} --fast")).expect(0);
    assert!(ended.stderr.contains("resuming sre-agent-rehearsal"), "{}", ended.stderr);
    desk.run("rehearse --fast").expect(0).says(&["nothing to do"]);
}

#[test]
fn killed_it_goes_on() {
    let desk = folder().with("SRE_AGENT_DEPLOY_PRACTICE_LATENCY_MS", "30");
    let mut running = desk.start("rehearse");
    running.wait_for("create user pool");
    running.signal("KILL");
    assert_eq!(running.end().code, None);
    let desk = desk.with("SRE_AGENT_DEPLOY_PRACTICE_LATENCY_MS", "0");
    let status = desk.run("status --state-file .rehearsal/.deployment_state").expect(0);
    assert!(status.stdout.contains("next: sre-agent-deploy rehearse --resume"), "{}", status.stdout);
    desk.run("rehearse --resume --fast").expect(0);
    desk.run("rehearse --cleanup --fast").expect(0);
}

#[test]
fn any_configuration_can_be_rehearsed_elsewhere() {
    let desk = folder().with("SRE_AGENT_DEPLOY_PRACTICE_FAST", "1");
    desk.edit("config.yaml", "us-east-1", "eu-central-1");
    desk.run("rehearse --fast --config config.yaml --state-file there/state").expect(0);
    assert!(desk.path("there/account.json").exists());
    desk.run("--resume --state-file there/state").expect(0);
    desk.run("rehearse --fast --cleanup --state-file there/state").expect(0);
    // The same through the mode.
    desk.run("deploy --config config.yaml --mode rehearsal --yes").expect(0);
    assert!(desk.path(".rehearsal/account.json").exists());
}

#[test]
fn a_damaged_practice_account_is_exit_11_with_the_way_out() {
    let desk = folder();
    desk.run("rehearse --fast").expect(0);
    desk.write(".rehearsal/account.json", "{");
    desk.run("rehearse --fast").expect(11).says(&["SRE-STATE-008", "it holds nothing real"]);
}
