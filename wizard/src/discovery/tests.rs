//! Which defaults hold where, and that they are enough for a rehearsal.

use super::*;
use crate::form::judge;

fn choice(value: &str, within: Option<&str>) -> Choice {
    Choice { value: value.to_owned(), note: "10.0.0.0/16".to_owned(), within: within.map(str::to_owned) }
}

fn account() -> Discovery {
    Discovery {
        account_id: Some("210987654321".to_owned()),
        region: Some(("eu-central-1".to_owned(), "AWS_REGION".to_owned())),
        profile: Some("work".to_owned()),
        vpcs: vec![choice("vpc-0123456789abcdef0", None), choice("vpc-0123456789abcdef1", None)],
        subnets: vec![
            choice("subnet-0123456789abcdef1", Some("vpc-0123456789abcdef1")),
            choice("subnet-0123456789abcdef0", Some("vpc-0123456789abcdef0")),
        ],
        ..Discovery::nothing()
    }
}

fn instance() -> Discovery {
    let place = Place::Instance {
        instance_id: "i-0123456789abcdef9".to_owned(),
        instance_type: "t3.xlarge".to_owned(),
        availability_zone: "eu-central-1a".to_owned(),
        vpc_id: "vpc-0123456789abcdef9".to_owned(),
        subnet_id: "subnet-0123456789abcdef9".to_owned(),
        public_ip: None,
    };
    Discovery { place, ..account() }
}

/// The default of a key with these answers, and where it comes from.
fn default_of(discovery: &Discovery, answers: &[(&str, &str)], path: &str) -> Option<(String, String)> {
    let defaults = defaults(discovery, &Answers::of(answers));
    defaults.get(path).map(|default| (default.text.clone(), default.source.to_string()))
}

#[test]
fn what_the_account_has_is_proposed() {
    let text = |path| default_of(&account(), &[], path).unwrap();
    assert_eq!(text("aws.region"), ("eu-central-1".into(), "from AWS_REGION".into()));
    assert_eq!(text("aws.account_id"), ("210987654321".into(), "from your account".into()));
    assert_eq!(text("aws.profile"), ("work".into(), "from the profile in use".into()));
    assert_eq!(text("network.vpc_id").0, "vpc-0123456789abcdef0");
    assert_eq!(text("network.subnet_id").0, "subnet-0123456789abcdef0");
    assert_eq!(text("deployment.id").0, "sre-agent-prod");
    assert_eq!(text("mode"), ("production".into(), "from the environment, prod".into()));
    assert_eq!(text("cognito.scopes").0, "read,write");
    assert!(text("proxy.models").0.starts_with("gpt-4o=amazon.nova-pro-v1:0,"));
    assert_eq!(text("network.ssh_cidrs").0, "");
}

#[test]
fn defaults_follow_the_answers() {
    let text = |answers, path| default_of(&account(), answers, path).map(|(text, _)| text);
    assert_eq!(text(&[("deployment.environment", "dev")], "mode").as_deref(), Some("staging"));
    assert_eq!(text(&[("deployment.environment", "dev")], "deployment.id").as_deref(), Some("sre-agent-dev"));
    assert_eq!(text(&[("deployment.id", "web")], "cognito.domain_prefix").as_deref(), Some("web"));
    assert_eq!(text(&[("deployment.id", "my-aws-web")], "cognito.domain_prefix").as_deref(), Some("my-web"));
    let other_vpc = [("network.vpc_id", "vpc-0123456789abcdef1")];
    assert_eq!(text(&other_vpc, "network.subnet_id").as_deref(), Some("subnet-0123456789abcdef1"));
    assert_eq!(text(&[("network.vpc_id", "vpc-ffffffff")], "network.subnet_id"), None);
    // What was found in one Region says nothing about another.
    assert_eq!(text(&[("aws.region", "us-west-2")], "network.vpc_id"), None);
}

#[test]
fn on_an_instance_it_is_the_instance_that_serves() {
    let text = |answers, path| default_of(&instance(), answers, path);
    assert_eq!(text(&[], "host.install"), Some(("here".into(), "from this instance".into())));
    assert_eq!(
        text(&[], "instance.adopt_instance_id"),
        Some(("i-0123456789abcdef9".into(), "from this instance".into()))
    );
    assert_eq!(text(&[("host.install", "user-data")], "instance.adopt_instance_id"), None);
    assert_eq!(
        text(&[("host.install", "user-data")], "network.subnet_id"),
        Some(("subnet-0123456789abcdef9".into(), "from this instance".into()))
    );
    assert_eq!(text(&[("mode", "rehearsal")], "host.install").unwrap().0, "none");
}

#[test]
fn only_what_fits_can_be_chosen() {
    let discovery = account();
    let values = |path, answers| -> Vec<String> {
        let answers = Answers::of(answers);
        let defaults = defaults(&discovery, &answers);
        choices(path, &discovery, &answers, &defaults).iter().map(|choice| choice.value.clone()).collect()
    };
    assert_eq!(values("network.vpc_id", &[]).len(), 2);
    assert_eq!(values("network.subnet_id", &[]), ["subnet-0123456789abcdef0"]);
    assert_eq!(values("network.vpc_id", &[("aws.region", "us-west-2")]), [""; 0]);
    assert_eq!(values("deployment.id", &[]), [""; 0]);
}

#[test]
fn a_rehearsal_needs_no_answer() {
    for discovery in [Discovery::nothing(), account(), instance()] {
        let answers = Answers::of(&[("mode", "rehearsal")]);
        let judgement = judge(&answers, &defaults(&discovery, &answers));
        assert_eq!(judgement.problems, [], "{:?}", discovery.place);
        assert!(judgement.config.is_some());
    }
}

#[test]
fn on_an_instance_with_an_account_only_the_name_is_missing() {
    let answers = Answers::default();
    let problems = judge(&answers, &defaults(&instance(), &answers)).problems;
    let errors: Vec<&str> =
        problems.iter().filter(|problem| problem.is_error()).map(|problem| problem.path.as_str()).collect();
    assert_eq!(errors, ["tls.domain"]);
}
