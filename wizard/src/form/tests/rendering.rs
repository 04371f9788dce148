//! What the file looks like, and what is said about a file that cannot be taken over as it is.

use crate::discovery::{Discovery, defaults};
use crate::form::{Answers, configuration, from_file, judge};

fn written(answers: &[(&str, &str)]) -> String {
    let answers = Answers::of(answers);
    configuration(&answers, &defaults(&Discovery::nothing(), &answers))
}

#[test]
fn a_rehearsal_in_full() {
    insta::assert_snapshot!(written(&[("mode", "rehearsal")]));
}

#[test]
fn everything_that_needs_care() {
    insta::assert_snapshot!(written(&[
        ("aws.region", "us-east-1"),
        ("aws.account_id", "012345678901"),
        ("aws.profile", "a: \"b\" #c"),
        ("network.https_cidrs", "10.0.0.0/8, ::/0"),
        ("network.ssh_cidrs", ""),
        ("cognito.mfa", "off"),
        ("cognito.scopes", "1, null, true, [x"),
        ("tls.domain", "api.corp.io"),
        ("tls.source", "files"),
        ("tls.cert_path", "/opt/ssl/my chain.pem"),
        ("tls.key_path", "/opt/ssl/key.pem"),
        ("tls.acme.email", "ops@corp.io"),
        ("proxy.models", "gpt-4o=amazon.nova-pro-v1:0,1=a.b"),
        ("gateway", "yes"),
    ]));
}

#[test]
fn the_problems_of_a_list_are_those_of_its_key() {
    let answers = Answers::of(&[("network.https_cidrs", "10.0.0.0/8,10.1.2.3/8")]);
    let judgement = judge(&answers, &defaults(&Discovery::nothing(), &answers));
    let codes: Vec<&str> = judgement.of("network.https_cidrs").map(|problem| problem.code).collect();
    assert_eq!(codes, ["SRE-CONF-016"]);
    assert_eq!(judgement.of("network.ssh_cidrs").count(), 0);
}

#[test]
fn what_no_question_shows_is_told_about_a_file() {
    let codes = |text: &str| -> Vec<(&'static str, String)> {
        from_file(text).1.into_iter().map(|problem| (problem.code, problem.path)).collect()
    };
    let rest = "deployment: {id: abc}\naws: {region: us-east-1}\n";
    assert_eq!(codes(&format!("version: 1\n{rest}tls: {{domain: localhost}}\n")), []);
    assert_eq!(codes(&format!("version: 2\n{rest}")), [("SRE-CONF-011", "version".to_owned())]);
    assert_eq!(codes("version: 1\ndeployment: [\n"), [("SRE-CONF-003", String::new())]);
    assert_eq!(
        codes(&format!("version: 1\n{rest}netwerk: {{}}\ninstance: {{type: [a]}}\n")),
        [("SRE-CONF-007", "netwerk".to_owned()), ("SRE-CONF-008", "instance.type".to_owned())]
    );
}

#[test]
fn a_file_decides_whether_there_is_a_gateway() {
    for (text, wanted) in [("gateway: null", "no"), ("gateway: {name: a}", "yes")] {
        assert_eq!(from_file(text).0.get("gateway"), Some(wanted));
    }
    assert_eq!(from_file("version: 1").0.get("gateway"), None);
}
