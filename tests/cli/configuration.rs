//! The configuration from outside: checked, shown, made.

use crate::support::{CONFIG, Desk};

#[test]
fn validation_needs_nothing_but_the_file() {
    let desk = Desk::new().without("SRE_AGENT_DEPLOY_PRACTICE_ACCOUNT");
    let ended = desk.run("--validate-only --config config.yaml --format json").expect(0);
    insta::assert_json_snapshot!(ended.json());
    assert_eq!(ended.stderr, "");
}

#[test]
fn every_problem_is_shown_at_once_with_its_place() {
    let desk = Desk::new();
    desk.write("config.yaml", &CONFIG.replace("id: sre-cli", "id: SRE").replace("region:", "regoin:"));
    desk.run("--validate-only --config config.yaml").expect(2).says(&[
        "deployment.id",
        "aws.region",
        "regoin",
    ]);
    let json = desk.run("--validate-only --config config.yaml --format json").expect(2).json();
    assert_eq!(json["is_valid"], false);
    assert!(json["errors"].as_array().unwrap().len() >= 3, "{json:#}");
    // The same file stops a deployment, with the same words.
    desk.run("--config config.yaml --yes").expect(2).says(&["deployment.id", "regoin", "explain SRE-CONF-"]);
    let json = desk.run("--config config.yaml --yes --format json").expect(2).json();
    assert_eq!((&json["exit_code"], &json["validation"]["is_valid"]), (&2.into(), &false.into()));
    assert!(!desk.path(".deployment_state").exists());
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let desk = Desk::new();
    desk.run("--validate-only --config no.yaml").expect(2).says(&["SRE-CLI-003", "no.yaml"]);
    desk.run("deploy --config . --yes").expect(2).says(&["SRE-CLI-003"]);
}

#[test]
fn a_secret_in_the_file_is_refused_and_never_repeated() {
    let desk = Desk::new();
    desk.write("config.yaml", &format!("{CONFIG}client_secret: hunter2-hunter2\n"));
    for line in [
        "--validate-only --config config.yaml",
        "config show --config config.yaml",
        "plan --config config.yaml",
    ] {
        for format in ["text", "json"] {
            let ended = desk.run(&format!("{line} --format {format}")).expect(2);
            assert!(!format!("{ended:?}").contains("hunter2"), "{ended:?}");
        }
    }
}

#[test]
fn each_value_is_shown_with_its_origin() {
    let desk = Desk::new().with("SRE_AGENT_DEPLOY_INSTANCE_VOLUME_GB", "80");
    let shown = desk.run("config show --config config.yaml --set instance.type=m6i.2xlarge").expect(0).stdout;
    let line =
        |path: &str| shown.lines().find(|line| line.starts_with(path)).unwrap_or_else(|| panic!("{shown}"));
    assert!(line("instance.type").contains("\"m6i.2xlarge\"  # command line"), "{shown}");
    assert!(
        line("instance.volume_gb").contains("80  # environment variable SRE_AGENT_DEPLOY_INSTANCE_VOLUME_GB")
    );
    assert!(line("aws.region").contains("# line 3"), "{shown}");
    assert!(line("cognito.mfa").contains("# default"), "{shown}");
    let json = desk.run("config show --config config.yaml --format json").expect(0).json();
    assert!(json.as_array().unwrap().iter().any(|setting| setting["path"] == "aws.region"));
}

#[test]
fn a_new_file_is_filled_with_what_is_known_and_is_valid() {
    let desk = Desk::new().with("AWS_REGION", "us-east-1");
    desk.run("config init --online --deployment-id sre-cli --output new.yaml").expect(0);
    let text = desk.read("new.yaml");
    for wanted in ["id: sre-cli", "region: us-east-1", "account_id: \"123456789012\"", "vpc_id: vpc-"] {
        assert!(text.contains(wanted), "{wanted}:\n{text}");
    }
    desk.run("validate --config new.yaml").expect(0);
    desk.run("config init --output new.yaml").expect(2).says(&["left alone"]);
    assert_eq!(desk.read("new.yaml"), text);
    assert!(desk.run("config init").expect(0).stdout.contains("deployment:"));
    assert!(desk.run("config schema").expect(0).json()["properties"]["aws"].is_object());
}

#[test]
fn online_the_account_is_asked_as_well() {
    let desk = Desk::new();
    let ended = desk.run("validate --config config.yaml --online").expect(0);
    assert!(ended.stdout.contains("account included"), "{ended:?}");
    desk.edit("config.yaml", "123456789012", "999999999999");
    let json = desk.run("validate --config config.yaml --online --format json").expect(11).json();
    assert_eq!(json["is_valid"], false);
    assert!(json["errors"][0].as_str().unwrap().starts_with("SRE-ACC-001"), "{json:#}");
}
