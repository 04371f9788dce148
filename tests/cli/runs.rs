//! Deployments from their beginning to their end: again, changed, stopped, resumed, cleaned up.

use crate::support::Desk;

const DEPLOY: &str = "--config config.yaml --mode production --yes";
const CLEANUP: &str = "--cleanup --deployment-id sre-cli --yes --confirm-deployment-id sre-cli";

#[test]
fn a_second_deploy_has_nothing_to_do_and_says_what_is_still_open() {
    let desk = Desk::new().deployed();
    let lines = desk.read(".deployment_state").lines().count();
    let ended = desk.run(DEPLOY).expect(0).says(&["nothing to do"]);
    assert!(ended.stdout.contains("SRE-ACM-001"), "{}", ended.stdout);
    assert_eq!(desk.read(".deployment_state").lines().count(), lines);
}

/// `/proc` stands in for `/`: nobody can make a file there, so every look at this machine refuses it, and nothing on it
/// is ever changed.
#[test]
fn with_install_here_a_deploy_ends_in_an_installation_and_says_how_to_go_on_where_that_is_refused() {
    let desk = Desk::new().with("SRE_AGENT_DEPLOY_HOST_ROOT", "/proc");
    desk.edit("config.yaml", "install: none", "install: here");
    let is_root = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").unwrap()) == 0;
    let code = if is_root { "SRE-HOST-011" } else { "SRE-HOST-010" };
    let resume = "sre-agent-deploy --resume --state-file .deployment_state";
    desk.run(DEPLOY).expect(1).says(&["installing on this machine", code, resume]);
    // The cloud side is done and stays; a deploy that has nothing to do there comes to the installation again.
    assert_eq!(desk.run("status --format json").json()["phase"], "finished");
    desk.run(DEPLOY).expect(1).says(&["nothing to do", "installing on this machine", code, resume]);
    let ended = desk.run(&format!("{DEPLOY} --format json")).expect(1);
    assert!(ended.stdout.contains(code) && ended.stdout.contains(resume), "{}", ended.stdout);
    let document: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(document["report"]["deployment"]["id"], "sre-cli", "{document:#}");
    // The command that was named comes to the same machine, without a configuration and without a question.
    desk.run("--resume --state-file .deployment_state").expect(1).says(&[
        "nothing to resume",
        "installing on this machine",
        code,
        resume,
    ]);
    desk.run("host install --config config.yaml --mode production --yes").expect(1).says(&[code]);
}

#[test]
fn the_folder_of_programs_reaches_an_installation_here_and_stays_in_the_command_that_goes_on() {
    let desk = Desk::new().with("SRE_AGENT_DEPLOY_HOST_ROOT", "/proc");
    desk.edit("config.yaml", "install: none", "install: here");
    let said = ["there is no program `elsewhere/bedrock-nova-proxy`", "--programs elsewhere"];
    desk.run(&format!("{DEPLOY} --programs elsewhere")).expect(2).says(&said);
    desk.run("--resume --programs elsewhere").expect(2).says(&said);
    desk.run("host install --config config.yaml --mode production --yes --programs elsewhere")
        .expect(2)
        .says(&said[..1]);
}

#[test]
fn a_bundle_whose_folder_is_not_there_is_not_called_incomplete() {
    let ended = Desk::new().run("host install --bundle nowhere --yes").expect(2).says(&[
        "SRE-HOST-016",
        "`nowhere` is no folder that can be read",
        "--bundle DIR",
    ]);
    assert!(!ended.stderr.contains("SHA256SUMS;"), "{}", ended.stderr);
    let desk = Desk::new();
    std::fs::create_dir(desk.path("empty")).unwrap();
    desk.run("host install --bundle empty --yes").expect(2).says(&["the bundle has no `SHA256SUMS`"]);
}

#[test]
fn a_planned_step_depends_on_planned_steps_alone() {
    let plan = Desk::new().run("plan --config config.yaml --format json").expect(0).json();
    let steps = plan["steps"].as_array().unwrap();
    let planned: Vec<&serde_json::Value> = steps.iter().map(|step| &step["id"]).collect();
    for step in steps {
        for dependency in step["dependencies"].as_array().unwrap() {
            assert!(planned.contains(&dependency), "{step:#}");
        }
    }
    let instance = steps.iter().find(|step| step["id"] == "ec2.instance").unwrap();
    assert_eq!(instance["dependencies"], serde_json::json!(["ec2.security-group", "iam.instance-profile"]));
}

#[test]
fn with_the_state_file_lost_a_deploy_finds_what_there_is() {
    let desk = Desk::new().deployed();
    let whole = desk.left();
    std::fs::remove_file(desk.path(".deployment_state")).unwrap();
    let ended = desk.run(DEPLOY).expect(0);
    assert!(ended.stdout.contains("12 to keep"), "{}", ended.stdout);
    assert_eq!(desk.left(), whole);
    assert_eq!(desk.run("status --format json").json()["phase"], "finished");
}

#[test]
fn a_cleanup_needs_no_state_file_and_looks_in_the_right_region() {
    let desk = Desk::new().deployed();
    std::fs::remove_file(desk.path(".deployment_state")).unwrap();
    desk.run(CLEANUP).expect(2).says(&["SRE-CLI-005", "--region REGION"]);
    desk.run(&format!("{CLEANUP} --config config.yaml")).expect(0);
    assert_eq!(desk.left(), Vec::<String>::new());
    desk.with("AWS_REGION", "us-east-1").run(CLEANUP).expect(0).says(&[
        "nothing is left of sre-cli",
        "us-east-1",
        "the tag",
        "/sre-agent-deploy/sre-cli/",
    ]);
}

#[test]
fn what_cannot_be_removed_is_named_with_its_page_and_command() {
    let desk = Desk::new().deployed();
    desk.edit("account.json", r#""denied":[]"#, r#""denied":["ec2:ReleaseAddress"]"#);
    let ended = desk.run(CLEANUP).expect(4).says(&[
        "is still there",
        "by hand: aws ec2 release-address",
        "https://",
        "resume: sre-agent-deploy --resume --state-file .deployment_state",
    ]);
    assert!(ended.stdout.contains("incomplete"), "{}", ended.stdout);
    desk.run(CLEANUP).expect(4);
    desk.edit("account.json", r#""denied":["ec2:ReleaseAddress"]"#, r#""denied":[]"#);
    desk.run("--resume --state-file .deployment_state").expect(0).says(&["a cleanup did not end"]);
    assert_eq!(desk.left(), Vec::<String>::new());
    desk.run("--resume").expect(0).says(&["has been removed"]);
    desk.run(CLEANUP).expect(0);
    desk.run(DEPLOY).expect(0);
}

#[test]
fn what_is_left_without_a_state_file_is_removed_by_the_printed_command() {
    let desk = Desk::new().deployed();
    std::fs::remove_file(desk.path(".deployment_state")).unwrap();
    desk.edit("account.json", r#""denied":[]"#, r#""denied":["iam:DeleteRole"]"#);
    let ended = desk.run(&format!("{CLEANUP} --region us-east-1")).expect(4);
    let next = ended.stderr.lines().find_map(|line| line.strip_prefix("next: sre-agent-deploy ")).unwrap();
    assert_eq!(next, "--cleanup --deployment-id sre-cli --region us-east-1");
    desk.edit("account.json", r#""denied":["iam:DeleteRole"]"#, r#""denied":[]"#);
    desk.run(&format!("{next} --yes --confirm-deployment-id sre-cli")).expect(0);
    assert_eq!(desk.left(), Vec::<String>::new());
}

#[test]
fn deploying_again_goes_on_where_a_run_stopped() {
    let desk = Desk::new();
    desk.run("plan --config config.yaml").expect(0);
    desk.edit("account.json", r#""denied":[]"#, r#""denied":["ec2:RunInstances"]"#);
    // The dry run notices, before anything is made.
    desk.run(DEPLOY).expect(4).says(&["SRE-PLAN-009", "ec2:RunInstances"]);
    assert_eq!(desk.left(), Vec::<String>::new());
    desk.edit("account.json", r#""denied":["ec2:RunInstances"]"#, r#""denied":["ec2:AssociateAddress"]"#);
    desk.run(DEPLOY).expect(4).says(&["SRE-AWS-001", "resume: "]);
    desk.edit("account.json", r#""denied":["ec2:AssociateAddress"]"#, r#""denied":[]"#);
    desk.run(DEPLOY).expect(0).says(&["goes on where it stopped"]);
}

#[test]
fn stopped_with_a_signal_it_ends_at_a_safe_point_and_can_be_resumed() {
    for signal in ["INT", "TERM", "HUP"] {
        let desk = Desk::new()
            .without("SRE_AGENT_DEPLOY_PRACTICE_FAST")
            .with("SRE_AGENT_DEPLOY_PRACTICE_LATENCY_MS", "30");
        let mut running = desk.start(DEPLOY);
        running.wait_for("ec2.address: done");
        running.signal(signal);
        running.end().expect(8).says(&[
            "stopping at a safe point",
            "error[SRE-RUN-001]",
            "resume: sre-agent-deploy --resume --state-file .deployment_state",
        ]);
        assert!(desk.read(".deployment_state.report.json").contains("incomplete"));
        let desk = desk
            .with("SRE_AGENT_DEPLOY_PRACTICE_FAST", "1")
            .with("SRE_AGENT_DEPLOY_PRACTICE_LATENCY_MS", "0");
        desk.run("--resume --state-file .deployment_state").expect(0);
        desk.run(CLEANUP).expect(0);
        assert_eq!(desk.left(), Vec::<String>::new());
    }
}

#[test]
fn stopped_twice_it_ends_at_once() {
    let desk = Desk::new().with("SRE_AGENT_DEPLOY_PRACTICE_LATENCY_MS", "400");
    let mut running = desk.start(DEPLOY);
    // The call that is under way has to end before there is a safe point.
    running.wait_for("create security group");
    running.signal("INT");
    running.signal("TERM");
    running.end().expect(8).says(&["stopped at once", "resume: sre-agent-deploy --resume"]);
}

#[test]
fn stopped_while_it_only_looks_it_ends_and_has_written_nothing() {
    let desk = Desk::new().with("SRE_AGENT_DEPLOY_PRACTICE_LATENCY_MS", "600000");
    let mut running = desk.start(DEPLOY);
    running.wait_for("looking at the account");
    running.signal("INT");
    let ended = running.end().expect(8).says(&["SRE-RUN-001"]);
    assert!(!ended.stderr.contains("resume:"), "{}", ended.stderr);
    assert!(!desk.path(".deployment_state").exists());
}

#[test]
fn something_adopted_is_used_and_stays() {
    let desk = Desk::new().deployed();
    let pool =
        desk.left().into_iter().find_map(|thing| Some(thing.strip_prefix("pools: ")?.to_owned())).unwrap();
    // Somebody else's from now on.
    std::fs::remove_file(desk.path(".deployment_state")).unwrap();
    desk.edit(
        "account.json",
        "\"sre-agent-deploy:step\":\"cognito.user-pool\"",
        "\"sre-agent-deploy:step\":\"x\"",
    );
    desk.run("--cleanup --deployment-id nothing --region us-east-1 --yes --confirm-deployment-id nothing")
        .expect(0);
    desk.write("other.yaml", &crate::support::CONFIG.replace("sre-cli", "sre-cli-2"));
    desk.run(&format!("deploy --config other.yaml --yes --adopt cognito.user-pool={pool}")).expect(0);
    desk.run("--cleanup --deployment-id sre-cli-2 --yes --confirm-deployment-id sre-cli-2").expect(0);
    assert!(desk.left().contains(&format!("pools: {pool}")), "{:?}", desk.left());
}

#[test]
fn a_rollback_takes_back_what_the_last_plan_created_and_a_resume_goes_forward_again() {
    let desk = Desk::new();
    let with_certificate = desk.read("config.yaml");
    desk.edit("config.yaml", "acm-exportable", "acme");
    desk.run(DEPLOY).expect(0);
    let before = desk.left();
    desk.write("config.yaml", &with_certificate);
    desk.run(DEPLOY).expect(0);
    assert_ne!(desk.left(), before);
    desk.run("rollback").expect(2).says(&["--yes", "--confirm-deployment-id sre-cli"]);
    desk.run("rollback --yes --confirm-deployment-id sre-cli").expect(0).says(&["ACM certificate"]);
    assert_eq!(desk.left(), before);
    desk.run("rollback --yes --confirm-deployment-id sre-cli").expect(0).says(&["nothing to take back"]);
    desk.run("--resume").expect(0);
    assert_ne!(desk.left(), before);
}
