//! What is made from the table of keys: template, schema, resolved form.

use proptest::{prelude::*, string::string_regex};

use super::*;
use crate::config::{Discovered, Fallback, KEYS, Kind, fields, keys, schema, template};
use crate::{AccountId, DeploymentId, Region};

fn discovered() -> Discovered {
    Discovered {
        deployment_id: DeploymentId::parse("abc").ok(),
        region: Region::parse("us-east-1").ok(),
        account_id: AccountId::parse("012345678901").ok(),
        vpc_id: crate::ids::VpcId::parse("vpc-0123456789abcdef0").ok(),
        subnet_id: crate::ids::SubnetId::parse("subnet-0123456789abcdef0").ok(),
    }
}

#[test]
fn the_filled_template_is_a_configuration() {
    let loaded = load_text(&template(&discovered()));
    let errors: Vec<_> = loaded.problems.iter().filter(|problem| problem.is_error()).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    let config = loaded.config.unwrap();
    assert_eq!(config.deployment.id.as_str(), "abc");
    assert_eq!(config.aws.account_id.unwrap().as_str(), "012345678901");
    assert_eq!(config.network.subnet_id.unwrap().as_str(), "subnet-0123456789abcdef0");
}

#[test]
fn the_empty_template_asks_for_what_is_missing() {
    let loaded = load_text(&template(&Discovered::default()));
    let missing: Vec<_> = loaded
        .problems
        .iter()
        .filter(|problem| problem.is_error())
        .map(|problem| problem.path.as_str())
        .collect();
    assert_eq!(missing, ["deployment.id", "aws.region"]);
}

#[test]
fn the_template_holds_every_key() {
    let text = template(&discovered());
    for key in KEYS {
        let name = key.path.rsplit('.').next().unwrap();
        assert!(text.contains(&format!("{name}:")), "{}", key.path);
        assert!(text.contains(key.description), "{}", key.path);
    }
    insta::assert_snapshot!("template", text);
}

fn closed(schema: &serde_json::Value) {
    if let Some(properties) = schema.get("properties") {
        assert_eq!(schema["additionalProperties"], false);
        properties.as_object().unwrap().values().for_each(closed);
    }
}

#[test]
fn the_schema_describes_every_key_and_closes_every_section() {
    let schema = schema();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    for key in KEYS {
        let pointer = format!("/properties/{}", key.path.replace('.', "/properties/"));
        let part = schema.pointer(&pointer).unwrap_or_else(|| panic!("{}", key.path));
        assert!(part["description"].as_str().unwrap().starts_with(key.description));
        assert_eq!(
            part.get("default").is_some(),
            matches!(key.fallback, Fallback::Value { .. }),
            "{}",
            key.path
        );
    }
    closed(&schema);
    // The order of members depends on features that other crates may switch on.
    insta::with_settings!({ sort_maps => true }, { insta::assert_json_snapshot!("schema", schema) });
}

#[test]
fn defaults_and_examples_of_the_table_are_accepted() {
    let everything =
        "gateway: {name: a}\ntls: {source: files, domain: a.corp.io, cert_path: /a, key_path: /b}\n";
    for key in KEYS.iter().filter(|key| key.kind != Kind::Section) {
        let base = if key.path.starts_with("tls.") && !key.path.contains("_path") {
            String::new()
        } else {
            everything.to_owned()
        };
        let head = "version: 1\ndeployment: {id: abc}\naws: {region: us-east-1}\n";
        let text = if base.is_empty() {
            format!("{head}tls: {{domain: a.corp.io}}\n")
        } else {
            format!("{head}{base}")
        };
        let mut values = vec![key.example.trim_matches('"').to_owned()];
        if let Fallback::Value { yaml, .. } = key.fallback {
            values.push(yaml.to_owned());
            assert!(!fields::default_node(key.path).is_null());
        }
        for value in values {
            // The example of `tls.source` needs its paths, which the other base gives.
            let text = if key.path == "tls.source" && value == "files" {
                format!("{head}{everything}")
            } else {
                text.clone()
            };
            let text = match key.path {
                "tls.acme.eab_key_id" | "tls.acme.eab_hmac_path" => {
                    format!(
                        "{head}tls: {{domain: a.corp.io, acme: {{eab_key_id: kid, eab_hmac_path: /a}}}}\n"
                    )
                }
                _ => text,
            };
            let loaded = load_with(&text, &[], &[(key.path, &value)], None);
            assert!(loaded.config.is_some(), "{}={value}: {:#?}", key.path, loaded.problems);
        }
    }
}

#[test]
fn choices_of_the_table_are_those_that_are_read() {
    for key in keys::KEYS {
        if let Kind::Choice(choices) = key.kind {
            for choice in choices {
                let extra = [("tls.cert_path", "/a"), ("tls.key_path", "/b"), (key.path, *choice)];
                let loaded = load_with(MINIMAL, &[], &extra, None);
                let refused =
                    loaded.problems.iter().any(|problem| problem.path == key.path && problem.is_error());
                assert!(!refused, "{}={choice}", key.path);
            }
        }
    }
}

proptest! {
    // Feature: aws-ec2-production-deployment, Property 6: Configuration Management
    // Whatever the schema's pattern lets an editor accept, the program accepts too.
    #[test]
    fn texts_of_the_schemas_patterns_are_accepted(
        (path, value) in proptest::sample::select(
            KEYS.iter().filter_map(|key| match key.kind {
                Kind::Text(pattern) => Some((key.path, pattern)),
                _ => None,
            }).collect::<Vec<_>>(),
        ).prop_flat_map(|(path, pattern)| {
            let inner = pattern.trim_start_matches('^').trim_end_matches('$');
            (Just(path), string_regex(inner).unwrap())
        })
    ) {
        let text = "version: 1\ndeployment: {id: abc}\naws: {region: us-east-1}\ngateway: {name: a}\n";
        let files = [("tls.source", "files"), ("tls.cert_path", "/a"), ("tls.key_path", "/b"), ("tls.domain", "a.corp.io")];
        let acme = [("tls.domain", "a.corp.io")];
        let mut flags = if path.starts_with("tls.acme") { acme.to_vec() } else { files.to_vec() };
        flags.push((path, &value));
        let loaded = load_with(text, &[], &flags, Some(Mode::Staging));
        // Rules that no pattern can say.
        let beyond = ["cognito.domain_prefix", "cognito.adopt_user_pool_id", "gateway.s3_bucket", "gateway.s3_path_prefix", "gateway.routing_domain", "gateway.runtime", "aws.profile", "aws.region", "tls.acme.email", "tls.domain", "deployment.id"];
        let refused = loaded.problems.iter().any(|problem| problem.path == path && problem.is_error());
        prop_assert!(!refused || beyond.contains(&path), "{path}={value:?}: {:#?}", loaded.problems);
    }
}
