//! Good files give values.

use super::*;
use crate::config::{Environment, HostInstall, Origin, TlsSource};

#[test]
fn the_documented_sample_has_no_errors() {
    let loaded = load_text(SAMPLE);
    let errors: Vec<_> = loaded.problems.iter().filter(|problem| problem.is_error()).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    let config = loaded.config.unwrap();
    assert_eq!(config.mode, Mode::Production);
    assert_eq!(config.deployment.environment, Environment::Prod);
    assert_eq!(config.network.backend_ports, [8011, 8012, 8013, 8014]);
    assert_eq!(config.proxy.models["gpt-4o"], "amazon.nova-pro-v1:0");
    assert_eq!(config.tls.domain.as_deref(), Some("api.example.com"));
    assert!(matches!(config.tls.source, TlsSource::Acme { .. }));
    assert_eq!(config.host.install, HostInstall::UserData);
    assert!(config.gateway.is_none());
}

#[test]
fn the_minimal_file_has_no_problems_at_all() {
    let loaded = load_text(MINIMAL);
    assert_eq!(problems(&loaded), []);
    let config = loaded.config.unwrap();
    assert_eq!(config.mode, Mode::Staging);
    assert_eq!(config.cognito.domain_prefix.as_str(), "abc");
}

#[test]
fn the_documented_sample_holds_the_defaults() {
    let sample = load_text(SAMPLE).config.unwrap();
    let defaults = load_text("version: 1\ndeployment: {id: sre-agent-prod}\naws: {region: us-east-1, account_id: \"123456789012\"}\n\
                              tls: {domain: api.example.com, acme: {email: ops@example.com}}\n")
        .config
        .unwrap();
    assert_eq!(sample, defaults);
}

#[test]
fn settings_are_in_the_order_of_the_schema_and_say_where_they_come_from() {
    let loaded = load_text(MINIMAL);
    let paths: Vec<&str> = loaded.settings.iter().map(|setting| setting.path).collect();
    assert_eq!(paths.first(), Some(&"version"));
    assert_eq!(paths.last(), Some(&"gateway"));
    let id = loaded.settings.iter().find(|setting| setting.path == "deployment.id").unwrap();
    assert_eq!(id.origin, Origin::File { line: 2 });
    let os = loaded.settings.iter().find(|setting| setting.path == "instance.os").unwrap();
    assert!(matches!(os.origin, Origin::Default { .. }));
}

#[test]
fn a_configuration_needs_no_file() {
    let environment = map(&[("AWS_REGION", "eu-central-1")]);
    let flags = map(&[("deployment.id", "abc"), ("tls.domain", "api.corp.io")]);
    let loaded =
        load(&Inputs { file: None, environment: &environment, flags: &flags, mode: Some(Mode::Rehearsal) });
    let config = loaded.config.unwrap();
    assert_eq!(config.aws.region.as_str(), "eu-central-1");
    assert_eq!(config.mode, Mode::Rehearsal);
}

#[test]
fn json_and_a_byte_order_mark_are_accepted() {
    let json = serde_json::to_string_pretty(&load_text(SAMPLE).config.unwrap().resolved()).unwrap();
    assert_eq!(load_text(&json).config, load_text(SAMPLE).config);
    assert_eq!(load_text(&format!("\u{FEFF}{SAMPLE}")).config, load_text(SAMPLE).config);
    assert_eq!(load_text(&SAMPLE.replace('\n', "\r\n")).config, load_text(SAMPLE).config);
}

#[test]
fn a_section_without_keys_is_all_defaults() {
    let text = minimal_with("instance:\n  # type: t3.xlarge");
    assert_eq!(problems(&load_text(&text)), []);
}

#[test]
fn a_good_file_is_loaded_quickly() {
    let started = std::time::Instant::now();
    let rounds = 20;
    for _ in 0..rounds {
        assert!(load_text(SAMPLE).config.is_some());
    }
    // Far above what it takes, so that a busy machine does not fail the test, and far below what would be noticed.
    assert!(started.elapsed() / rounds < std::time::Duration::from_millis(50));
}
