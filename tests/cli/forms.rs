//! The four flag forms and their verbs do the same; what contradicts itself is refused.

use crate::support::Desk;

#[test]
fn the_four_forms_work_as_written() {
    let desk = Desk::new();
    desk.run("--validate-only --config config.yaml").expect(0);
    desk.run("--config config.yaml --mode production --yes").expect(0);
    desk.run("--resume --state-file .deployment_state").expect(0).says(&["the deployment is finished"]);
    desk.run("--cleanup --deployment-id sre-cli --yes --confirm-deployment-id sre-cli").expect(0);
    assert_eq!(desk.left(), Vec::<String>::new());
}

#[test]
fn the_verbs_do_the_same() {
    let desk = Desk::new();
    desk.run("validate --config config.yaml").expect(0);
    desk.run("plan --config config.yaml").expect(0);
    desk.run("deploy --config config.yaml --yes").expect(0);
    desk.run("resume").expect(0);
    desk.run("status").expect(0);
    desk.run("cleanup --yes --confirm-deployment-id sre-cli").expect(0);
    assert_eq!(desk.left(), Vec::<String>::new());
}

#[test]
fn contradictions_are_usage_errors() {
    let desk = Desk::new();
    for line in [
        "--resume --cleanup",
        "--validate-only --yes",
        "--config config.yaml status",
        "deploy --online",
        "deploy --adopt nonsense",
        "--lock-timeout forever --config config.yaml",
        "magician",
    ] {
        desk.run(line).expect(2).says(&["error[SRE-CLI-001]", "sre-agent-deploy explain SRE-CLI-001"]);
    }
}

#[test]
fn without_arguments_it_says_what_there_is() {
    Desk::new().run("wizard").expect(2).says(&["error[SRE-CLI-021]", "config init"]);
    Desk::new().run("").expect(2).says(&["rehearse", "the wizard needs a terminal to ask"]);
}

#[test]
fn help_and_version_are_results() {
    let desk = Desk::new();
    assert!(desk.run("--help").expect(0).stdout.contains("--validate-only"));
    assert!(desk.run("deploy --help").expect(0).stdout.contains("--confirm-deployment-id"));
    assert!(desk.run("--version").expect(0).stdout.starts_with("sre-agent-deploy "));
    for shell in ["bash", "zsh", "fish"] {
        assert!(desk.run(&format!("completions {shell}")).expect(0).stdout.contains("sre-agent-deploy"));
    }
}

#[test]
fn every_code_is_explained_and_the_nearest_is_offered() {
    let desk = Desk::new();
    assert!(desk.run("explain sre-aws-001").expect(0).stdout.starts_with("# SRE-AWS-001"));
    desk.run("explain SRE-AWS-01").expect(2).says(&["did you mean SRE-AWS-001?"]);
    desk.run("explain nonsense").expect(2).says(&["SRE-CLI-007", "SRE-PLAN"]);
}
