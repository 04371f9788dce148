//! A state file that is damaged, torn, newer, somebody else's, held, or not there.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;

use crate::support::Desk;

const STATE: &str = ".deployment_state";
const DEPLOY: &str = "--config config.yaml --mode production --yes";

#[test]
fn a_damaged_line_is_exit_11_and_named() {
    let desk = Desk::new().deployed();
    desk.edit(STATE, "\"step\":\"iam.role\"", "\"step\":\"acm.certificate\"");
    for line in [
        "status",
        DEPLOY,
        "--resume",
        "--cleanup --deployment-id sre-cli --yes --confirm-deployment-id sre-cli",
    ] {
        desk.run(line).expect(11).says(&["SRE-STATE-002", "line "]);
    }
}

#[test]
fn a_newer_file_is_exit_11_and_not_a_parser_error() {
    let desk = Desk::new().deployed();
    desk.edit(STATE, "\"version\":1", "\"version\":99");
    desk.run("status").expect(11).says(&["SRE-STATE-003", "version 99"]);
}

#[test]
fn something_else_is_not_taken_for_a_state_file() {
    let desk = Desk::new();
    desk.write(STATE, "version: 1\n");
    desk.run("status").expect(11).says(&["SRE-STATE-002", "not the header"]);
    assert_eq!(desk.read(STATE), "version: 1\n");
}

#[test]
fn a_torn_last_line_is_dropped_with_a_warning() {
    let desk = Desk::new().deployed();
    let mut file = OpenOptions::new().append(true).open(desk.path(STATE)).unwrap();
    file.write_all(b"{\"seq\":99,\"at\":\"2026-").unwrap();
    desk.run("status").expect(0);
    desk.run(DEPLOY).expect(0).says(&["torn by a crash", "nothing to do"]);
}

#[test]
fn an_empty_file_counts_as_none() {
    let desk = Desk::new();
    desk.write(STATE, "");
    desk.run("--resume --state-file .deployment_state").expect(2).says(&["SRE-STATE-005"]);
    desk.run(DEPLOY).expect(0);
}

#[test]
fn no_file_is_exit_2_for_whoever_needs_one() {
    let desk = Desk::new();
    for line in
        ["--resume --state-file no", "status --state-file no", "rehearse --resume", "rehearse --cleanup"]
    {
        desk.run(line).expect(2).says(&["SRE-STATE-005"]);
    }
}

#[test]
fn a_file_of_another_deployment_is_refused_but_not_in_the_way_of_a_cleanup() {
    let desk = Desk::new().deployed();
    desk.write("other.yaml", &crate::support::CONFIG.replace("sre-cli", "sre-cli-2"));
    desk.run("--config other.yaml --yes").expect(11).says(&["SRE-STATE-004", "sre-cli-2"]);
    desk.run("--resume --deployment-id sre-cli-2").expect(11).says(&["SRE-STATE-004"]);
    let names = [STATE, ".deployment_state.report.json", ".deployment_state.report.md"];
    let files = || names.map(|name| desk.read(name));
    let before = files();
    desk.run(
        "--cleanup --deployment-id sre-cli-2 --region us-east-1 --yes --confirm-deployment-id sre-cli-2",
    )
    .expect(0)
    .says(&["it is not used", "nothing is left of sre-cli-2"]);
    assert_eq!(files(), before);
    assert!(!desk.left().is_empty());
}

#[test]
fn a_rehearsal_and_a_deployment_do_not_share_a_file() {
    let desk = Desk::new();
    desk.run("rehearse --config config.yaml --state-file .deployment_state --ready-within 60s").expect(0);
    desk.run(DEPLOY).expect(11).says(&["SRE-STATE-004", "rehearsal"]);
}

#[test]
fn a_resume_goes_on_with_what_was_approved_only() {
    let desk = Desk::new();
    desk.run("plan --config config.yaml").expect(0);
    desk.edit("account.json", r#""denied":[]"#, r#""denied":["iam:CreateRole"]"#);
    desk.run(DEPLOY).expect(4);
    desk.edit("account.json", r#""denied":["iam:CreateRole"]"#, r#""denied":[]"#);
    desk.write(
        "changed.yaml",
        &format!("{}network: {{https_cidrs: [10.0.0.0/8]}}\n", crate::support::CONFIG),
    );
    desk.run("--resume --config changed.yaml")
        .expect(2)
        .says(&["SRE-STATE-007", "deploy --config changed.yaml"]);
    desk.run("--resume --region eu-west-1").expect(11);
    desk.run("--resume --config config.yaml").expect(0);
    desk.run("resume").expect(0).says(&["the deployment is finished"]);
}

#[test]
fn of_two_runs_at_once_the_second_is_exit_10_or_waits() {
    let desk = Desk::new().deployed();
    let held = File::open(desk.path(STATE)).unwrap();
    held.lock().unwrap();
    desk.run(DEPLOY).expect(10).says(&["SRE-STATE-001", "--lock-timeout"]);
    desk.run(&format!("{DEPLOY} --lock-timeout 150ms")).expect(10);
    // Looking takes no lock.
    desk.run("status").expect(0);
    let mut waiting = desk.start(&format!("{DEPLOY} --lock-timeout 10m"));
    waiting.wait_for("looking at the account");
    held.unlock().unwrap();
    waiting.end().expect(0).says(&["nothing to do"]);
}

#[test]
fn of_two_rehearsals_at_once_the_second_is_exit_10() {
    let desk = Desk::new().without("SRE_AGENT_DEPLOY_PRACTICE_ACCOUNT");
    desk.run("rehearse --fast --ready-within 60s").expect(0);
    let held = File::open(desk.path(".rehearsal/account.json.lock")).unwrap();
    held.lock().unwrap();
    desk.run("rehearse").expect(10).says(&["SRE-STATE-001", "in use by another process"]);
}

#[test]
fn what_is_written_is_for_its_owner_only() {
    let desk = Desk::new().deployed();
    for name in [STATE, ".deployment_state.report.json", ".deployment_state.report.md"] {
        let mode = std::fs::metadata(desk.path(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[test]
fn a_folder_that_is_not_there_is_exit_11() {
    Desk::new().run(&format!("{DEPLOY} --state-file no/such/state")).expect(11).says(&["SRE-STATE-006"]);
}
