//! What is refused or warned about, one row each.

use super::*;
use crate::{Severity, config::codes};

/// Loads the minimal configuration with these lines and expects exactly this problem.
fn check(lines: &str, mode: Mode, wanted: &[(&str, &str, Severity)]) {
    let loaded = load_with(&minimal_with(lines), &[], &[], Some(mode));
    let found: Vec<_> = loaded
        .problems
        .iter()
        .map(|problem| (problem.code, problem.path.as_str(), problem.severity))
        .collect();
    assert_eq!(found, wanted, "{lines}\n{:#?}", loaded.problems);
    assert_eq!(
        loaded.config.is_none(),
        wanted.iter().any(|(.., severity)| *severity == Severity::Error),
        "{lines}"
    );
}

fn error(lines: &str, code: &str, path: &str) {
    check(lines, Mode::Staging, &[(code, path, Severity::Error)]);
}

fn warning(lines: &str, code: &str, path: &str) {
    check(lines, Mode::Staging, &[(code, path, Severity::Warning)]);
}

fn risk(lines: &str, code: &str, path: &str) {
    check(lines, Mode::Production, &[(code, path, Severity::Error)]);
    check(lines, Mode::Staging, &[(code, path, Severity::Warning)]);
    check(lines, Mode::Rehearsal, &[(code, path, Severity::Warning)]);
}

fn good(lines: &str) {
    check(lines, Mode::Production, &[]);
}

#[test]
fn risks_are_errors_in_production_only() {
    risk("network: {ssh_cidrs: [10.0.0.0/8, 0.0.0.0/0]}", codes::SSH_OPEN, "network.ssh_cidrs[1]");
    risk("network: {ssh_cidrs: [\"::/0\"]}", codes::SSH_OPEN, "network.ssh_cidrs[0]");
    risk("instance: {type: t3.large}", codes::INSTANCE_TOO_SMALL, "instance.type");
    risk("instance: {type: c7i.xlarge}", codes::INSTANCE_TOO_SMALL, "instance.type");
    risk("instance: {volume_gb: 49}", codes::VOLUME_TOO_SMALL, "instance.volume_gb");
    good("instance: {type: m7i.xlarge, volume_gb: 50}");
    warning("instance: {type: x9z.large}", codes::INSTANCE_NOT_JUDGED, "instance.type");
}

#[test]
fn network_values_keep_their_grammar() {
    error("network: {https_cidrs: []}", codes::NOBODY_REACHES_HTTPS, "network.https_cidrs");
    error("network: {https_cidrs: [10.1.2.3/8]}", codes::HOST_BITS, "network.https_cidrs[0]");
    error("network: {https_cidrs: [10.1.2.3]}", codes::INVALID_CIDR, "network.https_cidrs[0]");
    error(
        "network: {https_cidrs: [10.0.0.0/8, 10.0.0.0/8]}",
        codes::DUPLICATE_ITEM,
        "network.https_cidrs[1]",
    );
    error("network: {https_cidrs: 10.0.0.0/8}", codes::WRONG_TYPE, "network.https_cidrs");
    error("network: {https_cidrs: null}", codes::WRONG_TYPE, "network.https_cidrs");
    error("network: {backend_ports: [0]}", codes::OUT_OF_RANGE, "network.backend_ports[0]");
    error("network: {backend_ports: [65536]}", codes::OUT_OF_RANGE, "network.backend_ports[0]");
    error("network: {backend_ports: [8011, 8011]}", codes::DUPLICATE_ITEM, "network.backend_ports[1]");
    error("network: {backend_ports: [443]}", codes::RESERVED_PORT, "network.backend_ports[0]");
    error("network: {backend_ports: [22]}", codes::RESERVED_PORT, "network.backend_ports[0]");
    error("network: {backend_ports: [\"8011\"]}", codes::WRONG_TYPE, "network.backend_ports[0]");
    error("network: {vpc_id: vpc-1}", codes::INVALID_IDENTIFIER, "network.vpc_id");
    good("network: {subnet_id: subnet-0123456789abcdef0, backend_ports: []}");
}

#[test]
fn what_must_be_there_is_asked_for() {
    let loaded = load_text("");
    assert_eq!(
        problems(&loaded)[..4],
        [
            (codes::REQUIRED, "version"),
            (codes::REQUIRED, "deployment.id"),
            (codes::REQUIRED, "aws.region"),
            (codes::TLS_DOMAIN, "tls.domain"),
        ]
    );
    let suggestion = loaded.problems[2].suggestion.as_deref().unwrap();
    for way in ["aws.region", "--region", "SRE_AGENT_DEPLOY_AWS_REGION", "AWS_REGION", "AWS_DEFAULT_REGION"] {
        assert!(suggestion.contains(way), "{way}");
    }
    error("version: 2", codes::NEWER_VERSION, "version");
    error("version: 0", codes::OUT_OF_RANGE, "version");
    error("version: \"1\"", codes::WRONG_TYPE, "version");
    warning("aws: {region: us-east-1}", codes::NO_ACCOUNT, "aws.account_id");
    warning("tls: {domain: api.corp.io}", codes::ACME_NO_EMAIL, "tls.acme.email");
}

#[test]
fn an_unquoted_account_is_quoted_in_the_suggestion() {
    let loaded = load_text(&minimal_with("aws: {region: us-east-1, account_id: 012345678901}"));
    assert_eq!(problems(&loaded), [(codes::WRONG_TYPE, "aws.account_id")]);
    assert_eq!(loaded.problems[0].suggestion.as_deref(), Some("put it into quotes: \"012345678901\""));
}

#[test]
fn cognito_values_keep_their_grammar() {
    error("cognito: {access_token_minutes: 4}", codes::OUT_OF_RANGE, "cognito.access_token_minutes");
    error("cognito: {access_token_minutes: 1441}", codes::OUT_OF_RANGE, "cognito.access_token_minutes");
    error("cognito: {access_token_minutes: 6.5}", codes::WRONG_TYPE, "cognito.access_token_minutes");
    error("cognito: {scopes: []}", codes::INVALID_SCOPE, "cognito.scopes");
    error("cognito: {scopes: [a b]}", codes::INVALID_SCOPE, "cognito.scopes[0]");
    error("cognito: {scopes: [api/read]}", codes::INVALID_SCOPE, "cognito.scopes[0]");
    error("cognito: {scopes: [read, read]}", codes::DUPLICATE_ITEM, "cognito.scopes[1]");
    error("cognito: {resource_server: 'a\"b'}", codes::INVALID_SCOPE, "cognito.resource_server");
    error("cognito: {mfa: false}", codes::WRONG_TYPE, "cognito.mfa");
    error("cognito: {mfa: optionl}", codes::NOT_A_CHOICE, "cognito.mfa");
    error("cognito: {domain_prefix: my-aws}", codes::INVALID_IDENTIFIER, "cognito.domain_prefix");
    error("deployment: {id: my-aws-agent}", codes::DOMAIN_PREFIX, "cognito.domain_prefix");
    error(
        "cognito: {adopt_user_pool_id: eu-west-1_AbCdEfGhI}",
        codes::FOREIGN_REGION,
        "cognito.adopt_user_pool_id",
    );
    good("cognito: {adopt_user_pool_id: us-east-1_AbCdEfGhI, mfa: off}");
}

#[test]
fn tls_values_belong_together() {
    let tls = |rest: &str| format!("tls: {{domain: api.corp.io, {rest}}}");
    error("tls: {acme: {email: a@corp.io}}", codes::TLS_DOMAIN, "tls.domain");
    error("tls: {source: acm-exportable}", codes::TLS_DOMAIN, "tls.domain");
    error("tls: {domain: localhost, source: acm-exportable}", codes::TLS_DOMAIN, "tls.domain");
    error(&tls("source: files, key_path: /k"), codes::TLS_FILES, "tls.cert_path");
    error(&tls("source: files, cert_path: c.pem, key_path: /k"), codes::TLS_FILES, "tls.cert_path");
    error(&tls("acme: {email: a@corp.io, directory: zerossl}"), codes::ACME_SETTINGS, "tls.acme.directory");
    error(&tls("acme: {email: a@corp.io, profile: \"a b\"}"), codes::ACME_SETTINGS, "tls.acme.profile");
    error(&tls("acme: {email: a@corp.io, eab_key_id: kid}"), codes::ACME_SETTINGS, "tls.acme.eab_hmac_path");
    error(&tls("acme: {email: a@corp.io, eab_hmac_path: /a}"), codes::ACME_SETTINGS, "tls.acme.eab_key_id");
    error(&tls("acme: {email: a@corp.io, ca_path: a.pem}"), codes::ACME_SETTINGS, "tls.acme.ca_path");
    good(&tls(
        "acme: {email: a@corp.io, profile: shortlived, eab_key_id: k, eab_hmac_path: /a, ca_path: /b}",
    ));
    warning(&tls("source: acm-exportable, acme: {profile: x}"), codes::NO_EFFECT, "tls.acme.profile");
    error(&tls("acme: {email: nobody}"), codes::ACME_SETTINGS, "tls.acme.email");
    warning(&tls("source: acm-exportable, acme: {email: a@corp.io}"), codes::NO_EFFECT, "tls.acme.email");
    warning("tls: {domain: api.example.com, source: acm-exportable}", codes::PLACEHOLDER, "tls.domain");
    good(&tls("acme: {email: a@corp.io, directory: \"https://localhost:14000/dir\"}"));
    good("tls: {source: files, cert_path: /c, key_path: /k}");
    let staging = tls("acme: {email: a@corp.io, directory: letsencrypt-staging}");
    check(&staging, Mode::Production, &[(codes::ACME_STAGING, "tls.acme.directory", Severity::Warning)]);
    check(&staging, Mode::Staging, &[]);
    let nothing_installed =
        format!("{}host: {{install: none}}\n", minimal_with("tls: {acme: {email: a@corp.io}}"));
    assert_eq!(problems(&load_text(&nothing_installed)), [(codes::TLS_DOMAIN, "tls.domain")]);
    assert!(load_text(&nothing_installed).config.is_some());
}

#[test]
fn proxy_values_keep_their_grammar() {
    error("proxy: {models: {}}", codes::NO_MODELS, "proxy.models");
    error("proxy: {models: {a: nova pro}}", codes::INVALID_MODEL, "proxy.models.a");
    error("proxy: {models: {a: 5}}", codes::WRONG_TYPE, "proxy.models.a");
    error("proxy: {models: {a b: amazon.nova-pro-v1:0}}", codes::INVALID_MODEL, "proxy.models");
    error("proxy: {models: {a: us.amazon.nova-premier-v1:0}}", codes::MODEL_RETIRED, "proxy.models.a");
    error(
        "proxy: {limits: {requests_per_minute: 0}}",
        codes::OUT_OF_RANGE,
        "proxy.limits.requests_per_minute",
    );
    error("proxy: {limits: {tokens_per_hour: -1}}", codes::OUT_OF_RANGE, "proxy.limits.tokens_per_hour");
    error("proxy: {limits: 5}", codes::WRONG_TYPE, "proxy.limits");
    error("proxy: {limits: {token_per_hour: 5}}", codes::UNKNOWN_KEY, "proxy.limits.token_per_hour");
    good("proxy: {models: {my/model: us.amazon.nova-2-lite-v1:0}}");
}

#[test]
fn the_gateway_is_optional_and_needs_a_name_to_reach_its_backends_by() {
    good("gateway: {name: sre-gateway}");
    let nameless = "version: 1\ndeployment: {id: abc}\naws: {region: us-east-1}\nhost: {install: none}\n\
                    tls: {source: files, cert_path: /a, key_path: /b}\ngateway: {name: a}\n";
    assert!(problems(&load_text(nameless)).contains(&(codes::TLS_DOMAIN, "gateway")));
    good("gateway: null");
    good("gateway:");
    let loaded = load_text(&minimal_with(
        "gateway: {name: -a, s3_bucket: AB, provider_arn: x, endpoint_url: y, role_name: \"\"}",
    ));
    let errors = loaded.problems.iter().filter(|problem| problem.is_error()).count();
    assert_eq!(errors, 5, "{:#?}", loaded.problems);
    assert_eq!(problems(&load_text(&minimal_with("gateway: {}")))[0], (codes::REQUIRED, "gateway.name"));
}

#[test]
fn secrets_are_refused_wherever_they_stand() {
    for (lines, path) in [
        ("client_secret: hunter2", "client_secret"),
        ("cognito: {client_secret: hunter2}", "cognito.client_secret"),
        ("proxy: {models: {api_key: hunter2}}", "proxy.models.api_key"),
        ("gateway: {name: a, auth: {token: {deep: hunter2}}}", "gateway.auth.token"),
        ("network: {ssh_cidrs: [{password: hunter2}]}", "network.ssh_cidrs[0].password"),
    ] {
        let loaded = load_text(&minimal_with(lines));
        assert!(
            problems(&loaded).contains(&(codes::SECRET_IN_FILE, path)),
            "{lines}: {:?}",
            problems(&loaded)
        );
        assert!(!format!("{loaded:?}").contains("hunter2"), "{lines}");
    }
    let loaded = load_with(MINIMAL, &[], &[("cognito.client_secret", "hunter2")], None);
    assert_eq!(problems(&loaded), [(codes::SECRET_IN_FILE, "cognito.client_secret")]);
    assert!(!format!("{loaded:?}").contains("hunter2"));
}
