//! What a reload keeps, and what is said about a configuration.

use std::time::Duration;

use super::*;
use crate::clock::SystemClock;

/// A configuration with these upstreams, and one model for each target.
pub(crate) fn config(upstreams: &[(&str, config::Upstream)], targets: &[Target]) -> Config {
    let route = |target: &Target| Route { targets: vec![target.clone()] };
    let name = |number: usize| format!("model-{number}");
    Config {
        upstreams: upstreams.iter().map(|(name, upstream)| ((*name).to_owned(), upstream.clone())).collect(),
        models: targets.iter().enumerate().map(|(number, target)| (name(number), route(target))).collect(),
        ..config::testing::config()
    }
}

fn bedrock(endpoint: Option<&str>) -> config::Upstream {
    config::Upstream::Bedrock(config::Bedrock {
        region: Region::parse("us-east-1").unwrap(),
        endpoint_url: endpoint.map(|url| url.parse().unwrap()),
        profile: None,
        role: None,
        guardrail: None,
    })
}

fn target(model: &str) -> Target {
    config::testing::target("aws", model)
}

fn set(config: &Config) -> UpstreamSet {
    let http = HttpClient::new(config.timeouts.connect).unwrap();
    UpstreamSet::new(config, Environment::default(), http, Arc::new(SystemClock))
}

/// Whether upstream and breaker of a target are the same in two sets.
fn kept(old: &UpstreamSet, new: &UpstreamSet, target: &Target) -> (bool, bool) {
    let (old, new) = (old.candidate(target).unwrap(), new.candidate(target).unwrap());
    (std::ptr::addr_eq(old.upstream, new.upstream), std::ptr::eq(old.breaker, new.breaker))
}

#[test]
fn a_reload_keeps_what_has_not_changed() {
    let (a, b) = (target("a"), target("b"));
    let before = config(&[("aws", bedrock(None))], std::slice::from_ref(&a));
    let old = set(&before);
    assert_eq!(kept(&old, &old.rebuilt(&before), &a), (true, true));

    let with_b = config(&[("aws", bedrock(None))], &[a.clone(), b.clone()]);
    assert!(
        kept(&old, &old.rebuilt(&with_b), &a).1,
        "another target does not change what is known of this one"
    );

    let elsewhere = config(&[("aws", bedrock(Some("http://127.0.0.1:1")))], std::slice::from_ref(&a));
    assert_eq!(kept(&old, &old.rebuilt(&elsewhere), &a), (false, false));

    let mut patient = before.clone();
    patient.timeouts.connect = Duration::from_secs(9);
    assert_eq!(kept(&old, &old.rebuilt(&patient), &a), (false, true));
}

#[test]
fn models_that_no_route_names_have_a_breaker_too() {
    let set = set(&config(&[("aws", bedrock(None))], &[target("a")]));
    assert!(set.candidate(&target("raw")).is_some());
    let stranger = Target { upstream: "none".to_owned(), ..target("a") };
    assert!(set.candidate(&stranger).is_none());
    let route = Route { targets: vec![target("a"), stranger, target("raw")] };
    let models: Vec<_> = set.candidates(&route).iter().map(|one| one.target.model.clone()).collect();
    assert_eq!(models, ["a", "raw"]);
}

#[test]
fn endpoints_that_lead_elsewhere_are_findings() {
    let openai = |url: &str| {
        config::Upstream::OpenAi(config::OpenAi {
            base_url: url.parse().unwrap(),
            secret_id: "s".to_owned(),
            region: Region::parse("us-east-1").unwrap(),
            secrets_endpoint_url: None,
        })
    };
    let codes = |upstream, environment: &Environment| {
        let findings = UpstreamSet::findings(&config(&[("x", upstream)], &[]), environment);
        findings.into_iter().map(|finding| (finding.code, finding.subject)).collect::<Vec<_>>()
    };
    let none = Environment::default();
    assert_eq!(codes(bedrock(None), &none), []);
    assert_eq!(codes(openai("https://api.openai.com/v1"), &none), []);
    let (foreign, subject) = ("SRE-PROXY-050".to_owned(), "upstreams.x.endpoint_url".to_owned());
    assert_eq!(codes(bedrock(Some("https://example.com")), &none), [(foreign.clone(), subject.clone())]);
    let environment =
        Environment { endpoint_url: Some("https://example.com".parse().unwrap()), ..Environment::default() };
    assert_eq!(codes(bedrock(None), &environment), [(foreign, subject)]);
    let cleartext = ("SRE-PROXY-058".to_owned(), "upstreams.x.base_url".to_owned());
    assert_eq!(codes(openai("http://example.com/v1"), &none), [cleartext]);
    let (secrets, _) = codes(openai("https://api.openai.com/v1"), &environment).remove(0);
    assert_eq!(secrets, "SRE-PROXY-050");
}
