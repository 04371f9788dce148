//! Flag over environment over file over default.

use super::*;
use crate::config::{Origin, codes};

fn region(loaded: &Loaded) -> (String, Origin) {
    let setting = loaded.settings.iter().find(|setting| setting.path == "aws.region").unwrap();
    (setting.value.as_str().unwrap().to_owned(), setting.origin.clone())
}

#[test]
fn the_strongest_source_wins() {
    let file = "version: 1\ndeployment: {id: abc}\naws: {region: us-east-1}\n";
    let own = ("SRE_AGENT_DEPLOY_AWS_REGION", "us-east-2");
    let general = ("AWS_REGION", "us-west-1");
    let older = ("AWS_DEFAULT_REGION", "us-west-2");
    let without = "version: 1\ndeployment: {id: abc}\n";
    let variable = |name: &str| Origin::Environment { variable: name.to_owned() };

    let flags = [("aws.region", "eu-west-1")];
    assert_eq!(region(&load_with(file, &[own, general], &flags, None)), ("eu-west-1".into(), Origin::Flag));
    assert_eq!(region(&load_with(file, &[own, general], &[], None)), ("us-east-2".into(), variable(own.0)));
    assert_eq!(
        region(&load_with(file, &[general, older], &[], None)),
        ("us-east-1".into(), Origin::File { line: 3 })
    );
    assert_eq!(
        region(&load_with(without, &[general, older], &[], None)),
        ("us-west-1".into(), variable(general.0))
    );
    assert_eq!(region(&load_with(without, &[older], &[], None)), ("us-west-2".into(), variable(older.0)));
    let null = "version: 1\ndeployment: {id: abc}\naws: {region: null}\n";
    assert_eq!(region(&load_with(null, &[older], &[], None)), ("us-west-2".into(), variable(older.0)));
}

#[test]
fn lists_and_models_are_written_with_commas() {
    let environment = [
        ("SRE_AGENT_DEPLOY_NETWORK_HTTPS_CIDRS", "10.0.0.0/8, 192.168.0.0/16"),
        ("SRE_AGENT_DEPLOY_NETWORK_BACKEND_PORTS", "[9001, 9002]"),
        ("SRE_AGENT_DEPLOY_PROXY_MODELS", "a=amazon.nova-pro-v1:0,b=us.amazon.nova-lite-v1:0"),
        ("SRE_AGENT_DEPLOY_INSTANCE_VOLUME_GB", "80"),
        ("SRE_AGENT_DEPLOY_AWS_ACCOUNT_ID", "000000000001"),
        ("SRE_AGENT_DEPLOY_INSTANCE_TYPE", ""),
    ];
    let loaded = load_with(MINIMAL, &environment, &[("network.ssh_cidrs", "")], None);
    assert_eq!(problems(&loaded), []);
    let config = loaded.config.unwrap();
    assert_eq!(config.network.https_cidrs.len(), 2);
    assert_eq!(config.network.backend_ports, [9001, 9002]);
    assert_eq!(config.proxy.models.len(), 2);
    assert_eq!(config.instance.volume_gb, 80);
    assert_eq!(config.aws.account_id.unwrap().as_str(), "000000000001");
    assert_eq!(config.instance.instance_type.as_str(), "t3.xlarge");
}

#[test]
fn variables_that_match_no_key_are_warned_about() {
    let environment = [
        ("SRE_AGENT_DEPLOY_CONFIG", "x"),
        ("SRE_AGENT_DEPLOY_STATE_FILE", "x"),
        ("SRE_AGENT_DEPLOY_LOG", "x"),
        ("SRE_AGENT_DEPLOY_PRACTICE_FAIL_CALL", "x"),
        ("SRE_AGENT_DEPLOY_AWS_REGIO", "x"),
        ("SRE_AGENT_DEPLOY_COGNITO_CLIENT_SECRET", "hunter2"),
        ("OTHER", "x"),
    ];
    let loaded = load_with(MINIMAL, &environment, &[], None);
    assert_eq!(problems(&loaded), [(codes::UNKNOWN_VARIABLE, ""), (codes::UNKNOWN_VARIABLE, "")]);
    assert_eq!(loaded.problems[0].suggestion.as_deref(), Some("did you mean `SRE_AGENT_DEPLOY_AWS_REGION`?"));
    assert!(loaded.config.is_some());
    assert!(!format!("{loaded:?}").contains("hunter2"));
}

#[test]
fn flags_for_no_key_are_errors() {
    for (path, suggestion) in [
        ("network.https_cidr", "did you mean `network.https_cidrs`?"),
        ("region", "did you mean `aws.region`?"),
        ("network", "set one of its keys: vpc_id, subnet_id, https_cidrs, ssh_cidrs, backend_ports"),
        ("proxy.models.gpt-4o", "write `proxy.models=NAME=MODEL,NAME=MODEL`"),
    ] {
        let loaded = load_with(MINIMAL, &[], &[(path, "x")], None);
        assert_eq!(loaded.problems[0].suggestion.as_deref(), Some(suggestion), "{path}");
        assert!(loaded.config.is_none());
    }
}

#[test]
fn the_mode_of_the_caller_wins_and_the_environment_decides_otherwise() {
    let mode = |text: &str, mode| load_with(text, &[], &[], mode).config.unwrap().mode;
    let prod = MINIMAL.replace("staging", "prod");
    assert_eq!(mode(&prod, None), Mode::Production);
    assert_eq!(mode(&prod, Some(Mode::Staging)), Mode::Staging);
    assert_eq!(mode(MINIMAL, None), Mode::Staging);
    assert_eq!(mode(MINIMAL, Some(Mode::Rehearsal)), Mode::Rehearsal);
    let written = format!("{MINIMAL}mode: production\n");
    assert_eq!(mode(&written, None), Mode::Production);
    assert_eq!(mode(&written, Some(Mode::Staging)), Mode::Staging);
}

#[test]
fn a_problem_of_a_variable_names_it() {
    let environment = [("SRE_AGENT_DEPLOY_INSTANCE_VOLUME_GB", "many")];
    let loaded = load_with(MINIMAL, &environment, &[], None);
    assert_eq!(problems(&loaded), [(codes::WRONG_TYPE, "instance.volume_gb")]);
    assert!(loaded.result().errors[0].contains("environment variable SRE_AGENT_DEPLOY_INSTANCE_VOLUME_GB"));
}

#[test]
fn a_flag_is_refused_for_what_a_file_would_be_refused_for() {
    for (text, code, path) in [
        ("a=amazon.nova-pro-v1:0,a=amazon.nova-lite-v1:0", codes::DUPLICATE_KEY, "proxy.models.a"),
        ("my-token=amazon.nova-pro-v1:0", codes::SECRET_IN_FILE, "proxy.models.my-token"),
    ] {
        let loaded = load_with(MINIMAL, &[], &[("proxy.models", text)], None);
        assert_eq!(problems(&loaded), [(code, path)]);
        assert_eq!(loaded.problems[0].origin, Origin::Flag);
        assert!(loaded.config.is_none());
    }
}
